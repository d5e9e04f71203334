//! Expressions inside `${{ }}` and in `when`: their names, known before anything runs, and their evaluation.

mod engine;
mod names;
mod reference;
mod scope;
mod token;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use names::{FILTERS, TESTS};
pub use reference::{AttemptField, Reference, RunField, TargetField};
pub use scope::Scope;
pub(crate) use token::{find_close, is_quoted_by_filter};

use crate::shell::QuoteContext;
use crate::template::TemplateFault;
use crate::value::Value;

/// One expression, with every name it uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expression {
    /// The text between the braces, without the blanks around it.
    pub source: String,
    /// The names it uses, in order of appearance, each once.
    pub references: Vec<Reference>,
    /// Where it stands in the decoded text, with its braces.
    pub range: Range<usize>,
    /// Where it stands in a script; `None` outside of scripts.
    pub context: Option<QuoteContext>,
}

impl Expression {
    /// Parses an expression, as `when` holds it.
    ///
    /// Faults in names are found here: a name must be written out in full, so that what an expression needs is known
    /// before anything runs. The first fault is returned.
    pub fn parse(source: &str) -> Result<Self, TemplateFault> {
        Self::parse_within(source, 0..source.len(), &[])
    }

    /// Parses the text between two braces; `range` is that of the braces in the decoded text, `items` are the names of
    /// the items of repetitions.
    pub(crate) fn parse_within(source: &str, range: Range<usize>, items: &[String]) -> Result<Self, TemplateFault> {
        let references = engine::analyse(source, items).map_err(|fault| fault.at(range.clone()))?;
        Ok(Self { source: source.trim().to_owned(), references, range, context: None })
    }

    /// Returns the expression that yields this value, whatever the scope.
    pub(crate) fn constant(value: &Value, range: Range<usize>) -> Self {
        Self { source: engine::literal(value), references: Vec::new(), range, context: None }
    }

    /// Returns the expression with the value of each name that `bound` tells written out in it.
    #[must_use]
    pub(crate) fn bind(&self, bound: impl Fn(&Reference) -> Option<Value>) -> Self {
        if !self.references.iter().any(|reference| bound(reference).is_some()) {
            return self.clone();
        }
        let literal = |reference: &Reference| bound(reference).map(|value| format!("({})", engine::literal(&value)));
        let source = names::replace(&self.source, &self.references, literal);
        let references = self.references.iter().filter(|reference| bound(reference).is_none()).cloned().collect();
        Self { source, references, ..self.clone() }
    }

    /// Evaluates the expression.
    ///
    /// Names that the scope does not hold, an undefined result and results beyond 16 MiB are errors, and so is an
    /// expression that takes too long.
    pub fn eval(&self, scope: &Scope) -> Result<Value, EvalError> {
        if let [reference] = self.references.as_slice()
            && reference.to_string() == self.source
        {
            let value = scope.get(reference).cloned();
            return value.ok_or_else(|| scope.missing(reference));
        }
        engine::evaluate(&self.source, &self.references, scope)
    }

    /// Returns whether it uses what is known of an attempt.
    pub fn uses(&self, field: AttemptField) -> bool {
        self.references.contains(&Reference::Attempt(field))
    }

    /// Evaluates a condition: anything but a boolean is an error.
    pub fn eval_condition(&self, scope: &Scope) -> Result<bool, EvalError> {
        let value = self.eval(scope)?;
        value.as_bool().ok_or_else(|| EvalError::NotBoolean { source_text: self.source.clone(), found: value.kind() })
    }

    /// Returns the value of a condition of which some names are not known, if it does not depend on them: one part of an
    /// `and` is false, one of an `or` is true.
    pub(crate) fn foregone(&self, scope: &Scope, is_known: impl Fn(&Reference) -> bool) -> Option<bool> {
        let part = |text: &str| {
            let part = Self::parse(text).ok().filter(|part| part.references.iter().all(&is_known))?;
            part.eval_condition(scope).ok()
        };
        let all = |text: &str| {
            let parts: Vec<Option<bool>> = token::operands(text, "and")?.into_iter().map(part).collect();
            if parts.contains(&Some(false)) {
                Some(false)
            } else {
                parts.into_iter().all(|it| it.is_some()).then_some(true)
            }
        };
        let parts: Vec<Option<bool>> = token::operands(&self.source, "or")?.into_iter().map(all).collect();
        if parts.contains(&Some(true)) { Some(true) } else { parts.into_iter().all(|it| it.is_some()).then_some(false) }
    }
}

/// Writes the expression as a template holds it.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{{ {} }}}}", self.source)
    }
}

/// An expression that has no value, or one that cannot be used where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A name is not known (yet).
    #[error("`{reference}` is not known")]
    NotKnown {
        /// The name.
        reference: Reference,
    },
    /// A name stands for something too large for a value.
    #[error("`{reference}` is larger than 64 KiB and kept in a file: its path is `{}`", .reference.as_file())]
    InFile {
        /// The name.
        reference: Reference,
    },
    /// The expression is undefined, for example a key that a map does not have.
    #[error("`{source_text}` is undefined")]
    Undefined {
        /// The expression.
        source_text: String,
    },
    /// Nothing where a text is needed.
    #[error("`{source_text}` is none")]
    IsNone {
        /// The expression.
        source_text: String,
    },
    /// A condition that yields something else.
    #[error("`{source_text}` must be true or false, but is {found}")]
    NotBoolean {
        /// The expression.
        source_text: String,
        /// The kind of value it yields.
        found: &'static str,
    },
    /// A list where exactly one word is needed.
    #[error("`{source_text}` is a list, which {place}; join it: `${{{{ {source_text} | join(' ') }}}}`")]
    ListInWord {
        /// The expression.
        source_text: String,
        /// Why a list does not fit there.
        place: &'static str,
    },
    /// A NUL byte, which no program can be given.
    #[error("`{source_text}` contains a NUL byte, which no command can be given")]
    Nul {
        /// The expression.
        source_text: String,
    },
    /// The evaluation itself went wrong.
    #[error("`{source_text}`: {message}")]
    Evaluation {
        /// The expression.
        source_text: String,
        /// What went wrong.
        message: String,
    },
}
