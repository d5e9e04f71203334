//! Templates: text with `${{ expression }}` in it.
//!
//! Only expressions mean something; `{{`, `{%` and `{#` are ordinary text. What an expression yields is data: it is
//! never read as a template again, and in a script it is quoted for the place where it stands.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::expression::{EvalError, Expression, Reference, Scope, find_close};
use crate::shell::{self, QuoteContext, ShellKind, Unit};
use crate::value::Value;

/// What opens an expression.
const OPEN: &str = "${{";
/// What closes an expression.
const CLOSE: &str = "}}";
/// How a literal `${{` is written.
const ESCAPED_OPEN: &str = "${{ '${{' }}";

/// A decoded scalar, split into its literal text and its expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text that stays as it is.
    Literal(String),
    /// An expression, replaced by its value.
    Expression(Expression),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateFault {
    /// Which kind of fault.
    pub code: FaultCode,
    /// Where, in bytes of the decoded text: the braces of the expression, or what opens it.
    pub range: Range<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

/// The kinds of faults in templates, expressions and quoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultCode {
    /// `${{` without `}}`.
    Unclosed,
    /// The expression cannot be parsed.
    Syntax,
    /// A name that does not exist.
    UnknownName,
    /// A name that is not written out in full.
    IncompleteName,
    /// A filter or test that does not exist.
    UnknownFilter,
    /// A call of a function or method.
    Call,
    /// An operator that expressions do not have.
    Operator,
    /// An expression in a part of a script where its value could not arrive unchanged.
    Unquotable,
    /// An expression in the script of a nested shell without the `quote` filter.
    NestedShell,
}

impl TemplateFault {
    /// Returns whether it is the syntax that is wrong, not a name.
    pub(crate) fn is_syntax(&self) -> bool {
        self.code == FaultCode::Syntax
    }
}

impl Template {
    /// Splits text whose expressions yield exact values: arguments, environment, paths.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateFault>> {
        Self::parse_naming(text, &[])
    }

    /// Splits such a text in which the items of repetitions have these names.
    pub(crate) fn parse_naming(text: &str, items: &[String]) -> Result<Self, Vec<TemplateFault>> {
        let (pieces, faults) = split(text, items);
        if faults.is_empty() { Ok(Self { pieces }) } else { Err(faults) }
    }

    /// Splits a script, and finds for each expression how its value must be quoted there.
    ///
    /// An expression in a place where its value could not arrive unchanged is a fault.
    pub fn parse_script(text: &str, kind: ShellKind) -> Result<Self, Vec<TemplateFault>> {
        Self::parse_script_naming(text, kind, &[])
    }

    /// Splits a script in which the items of repetitions have these names.
    pub(crate) fn parse_script_naming(
        text: &str,
        kind: ShellKind,
        items: &[String],
    ) -> Result<Self, Vec<TemplateFault>> {
        let (mut pieces, mut faults) = split(text, items);
        let units: Vec<Unit<'_>> = pieces.iter().map(Piece::as_unit).collect();
        let mut contexts = shell::contexts(&units, kind).into_iter();
        for piece in &mut pieces {
            let Piece::Expression(expression) = piece else { continue };
            match contexts.next().expect("one answer per expression") {
                Ok(context) => expression.context = Some(context),
                Err(refusal) => faults.push(refusal.at(expression.range.clone())),
            }
        }
        faults.sort_by_key(|fault| fault.range.start);
        if faults.is_empty() { Ok(Self { pieces }) } else { Err(faults) }
    }

    /// Returns a template of literal text; nothing in it is read as an expression.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        let pieces = if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text)] };
        Self { pieces }
    }

    /// Returns the parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns the expressions in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(expression) => Some(expression),
            Piece::Literal(_) => None,
        })
    }

    /// Returns every name that the template uses.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.expressions().flat_map(|expression| &expression.references)
    }

    /// Returns the expression of a template that is exactly one: its value keeps its type.
    pub fn as_single(&self) -> Option<&Expression> {
        match self.pieces.as_slice() {
            [Piece::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// Returns whether there is no expression in it.
    pub fn is_literal(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// Returns the text of a template without expressions.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Replaces every expression all of whose names are known by what it yields, quoted for its place in a script.
    ///
    /// A template that is exactly one expression stays one, of a constant, so that its type is kept.
    pub fn fold(&self, scope: &Scope, known: impl Fn(&Reference) -> bool) -> Result<Self, EvalError> {
        let mut folded = Self::default();
        for piece in &self.pieces {
            match piece {
                Piece::Expression(expression) if expression.references.iter().all(&known) => {
                    let value = expression.eval(scope)?;
                    folded.push(self.known_piece(expression, &value)?);
                }
                other => folded.push(other.clone()),
            }
        }
        Ok(folded)
    }

    /// Returns the template with the value of each name that `bound` tells written out in its expressions.
    #[must_use]
    pub(crate) fn bind(&self, bound: impl Fn(&Reference) -> Option<Value>) -> Self {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(_) => piece.clone(),
            Piece::Expression(expression) => Piece::Expression(expression.bind(&bound)),
        });
        Self { pieces: pieces.collect() }
    }

    fn known_piece(&self, expression: &Expression, value: &Value) -> Result<Piece, EvalError> {
        match (expression.context, value) {
            (Some(context), _) => written(expression, value, context).map(Piece::Literal),
            (None, Value::String(text)) if !text.is_empty() => Ok(Piece::Literal(text.clone())),
            (None, _) if self.pieces.len() == 1 => {
                Ok(Piece::Expression(Expression::constant(value, expression.range.clone())))
            }
            (None, _) => exact_text(expression, value).map(Piece::Literal),
        }
    }

    fn push(&mut self, piece: Piece) {
        match (self.pieces.last_mut(), piece) {
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
            (_, piece) => self.pieces.push(piece),
        }
    }

    /// Returns the value of the template: that of its single expression, or else a string.
    ///
    /// A single expression may yield `Value::None`; in a longer text that is an error.
    pub fn render(&self, scope: &Scope) -> Result<Value, EvalError> {
        match self.as_single() {
            Some(expression) => expression.eval(scope),
            None => self.concatenate(|expression| exact_text(expression, &expression.eval(scope)?)).map(Value::String),
        }
    }

    /// Returns the text of a script, each value quoted for the place where it stands.
    ///
    /// Expressions of a template that was not parsed as a script are quoted as words.
    pub fn render_script(&self, scope: &Scope) -> Result<String, EvalError> {
        self.concatenate(|expression| {
            written(expression, &expression.eval(scope)?, expression.context.unwrap_or(QuoteContext::Word))
        })
    }

    fn concatenate(&self, text: impl Fn(&Expression) -> Result<String, EvalError>) -> Result<String, EvalError> {
        let mut whole = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => whole.push_str(literal),
                Piece::Expression(expression) => whole.push_str(&text(expression)?),
            }
        }
        Ok(whole)
    }

    /// Returns the source form, with `${{ ... }}`.
    pub fn display(&self) -> impl fmt::Display {
        let mut source = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => source.push_str(&text.replace(OPEN, ESCAPED_OPEN)),
                Piece::Expression(expression) => source.push_str(&expression.to_string()),
            }
        }
        source
    }
}

impl Piece {
    fn as_unit(&self) -> Unit<'_> {
        match self {
            Self::Literal(text) => Unit::Text(text),
            Self::Expression(expression) => Unit::Hole(&expression.source),
        }
    }
}

fn split(text: &str, items: &[String]) -> (Vec<Piece>, Vec<TemplateFault>) {
    let mut template = Template::default();
    let mut faults = Vec::new();
    let mut start = 0;
    while let Some(offset) = text[start..].find(OPEN) {
        let open = start + offset;
        template.push(Piece::Literal(text[start..open].to_owned()));
        let inner = open + OPEN.len();
        let Some(length) = find_close(&text[inner..]) else {
            faults.push(unclosed(open));
            return (template.pieces, faults);
        };
        start = inner + length + CLOSE.len();
        match Expression::parse_within(&text[inner..inner + length], open..start, items) {
            Ok(expression) => template.push(Piece::Expression(expression)),
            Err(fault) => {
                faults.push(fault);
                template.push(Piece::Expression(Expression::constant(&Value::None, open..start)));
            }
        }
    }
    template.push(Piece::Literal(text[start..].to_owned()));
    (template.pieces, faults)
}

fn unclosed(open: usize) -> TemplateFault {
    TemplateFault {
        code: FaultCode::Unclosed,
        range: open..open + OPEN.len(),
        message: "`${{` is not closed by `}}`".to_owned(),
        help: Some(format!("a literal `${{{{` is written `{ESCAPED_OPEN}`; a quote inside needs its partner")),
    }
}

/// Returns the value as text outside of scripts.
fn exact_text(expression: &Expression, value: &Value) -> Result<String, EvalError> {
    let text = value.text().ok_or_else(|| EvalError::IsNone { source_text: expression.source.clone() })?;
    if text.contains('\0') {
        return Err(EvalError::Nul { source_text: expression.source.clone() });
    }
    Ok(text.into_owned())
}

/// Returns the value as it is written in a script.
fn written(expression: &Expression, value: &Value, context: QuoteContext) -> Result<String, EvalError> {
    match value {
        Value::List(items) if context == QuoteContext::Words => {
            let words = items.iter().map(|item| written(expression, item, QuoteContext::Word));
            Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "))
        }
        Value::List(_) if context.refuses_lists() => {
            Err(EvalError::ListInWord { source_text: expression.source.clone(), place: context.place() })
        }
        _ => Ok(context.quote(&exact_text(expression, value)?)),
    }
}
