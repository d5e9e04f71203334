//! Templates and expressions, with the place of every name in them.

use std::ops::Range;

use super::fields::Field;
use super::{Decoder, bounds, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Expression, Reference};
use crate::shell::ShellKind;
use crate::source::{Span, Spanned};
use crate::template::{FaultCode, Template, TemplateFault};
use crate::yaml::{Node, Plain, Scalar};

const OPEN: &str = "${{";
/// The longest expression in which the places of names are told apart.
const MAX_SEARCHED: usize = 4096;

impl Decoder<'_> {
    /// Returns a template of exact values.
    pub(super) fn template(&mut self, field: Field<'_>) -> Option<Spanned<Template>> {
        let text = self.any_text(field)?;
        self.parsed(field.node, text, Template::parse_naming)
    }

    /// Returns a template of exact values, also where an integer is written as it would be printed.
    pub(super) fn word(&mut self, field: Field<'_>) -> Option<Spanned<Template>> {
        match scalar(field.node).map(|scalar| (scalar.resolve(), scalar)) {
            Some((Plain::Int(number), Scalar { text, .. })) if number.to_string() == *text => {
                Some(Spanned::new(Template::literal(text.as_str()), field.node.span))
            }
            _ => self.template(field),
        }
    }

    /// Returns the template of a script.
    pub(super) fn script(&mut self, field: Field<'_>, shell: ShellKind) -> Option<Spanned<Template>> {
        let text = self.any_text(field)?;
        self.parsed(field.node, text, |text, items| Template::parse_script_naming(text, shell, items))
    }

    /// Returns the one template that a setting is, nothing if it has none, and nothing inside if it is not the only one.
    #[expect(clippy::option_option, reason = "no template, a faulty one and a good one are three things")]
    pub(super) fn setting(&mut self, field: Field<'_>) -> Option<Option<Spanned<Template>>> {
        let text = scalar(field.node).map(|scalar| scalar.text.as_str()).filter(|text| text.contains(OPEN))?;
        let Some(template) = self.parsed(field.node, text, Template::parse_naming) else {
            return Some(None);
        };
        if template.value.as_single().is_some() {
            return Some(Some(template));
        }
        let message = format!("{field} must be a value or exactly one `${{{{ }}}}`, without text around it");
        let span = field.node.span;
        Some(self.refuse(Code::NotOneExpression, span, message, None))
    }

    /// Returns a condition, which is an expression without braces.
    pub(super) fn condition(&mut self, field: Field<'_>) -> Option<Spanned<Expression>> {
        let node = field.node;
        let text = match scalar(node).map(|scalar| (scalar.resolve(), scalar)) {
            Some((Plain::Text(_) | Plain::Bool(_), Scalar { text, .. })) => text.as_str(),
            _ => return self.wrong(field, "an expression"),
        };
        if text.contains(OPEN) {
            let message = format!("{field} is an expression already");
            let help = Some("leave out `${{` and `}}`".to_owned());
            return self.refuse(Code::TemplateHere, self.place_of_template(node, text), message, help);
        }
        if !bounds::is_simple_expression(text) {
            return self.too_complex(node.span);
        }
        let expression = Expression::parse_within(text, 0..text.len(), &self.items).map_err(|fault| vec![fault]);
        self.report_faults(node, text, &expression);
        let expression = expression.ok()?;
        let places = Places::new(self.source, node, text);
        let names = expression.references.iter().map(|name| places.name(&expression.range, name)).collect();
        self.remember(node.span, names);
        Some(Spanned::new(expression, node.span))
    }

    /// Returns a regex that compiles.
    pub(super) fn regex(&mut self, field: Field<'_>) -> Option<Spanned<String>> {
        let text = self.some_text(field)?;
        match self.compiled.pattern(&text.value) {
            None => Some(text),
            Some(message) => self.refuse(Code::BadRegex, text.span, message, None),
        }
    }

    /// Returns a jq filter that compiles.
    pub(super) fn jq(&mut self, field: Field<'_>) -> Option<Spanned<String>> {
        let text = self.some_text(field)?;
        if !bounds::is_simple_filter(&text.value) {
            return self.too_complex(text.span);
        }
        let Some(fault) = self.compiled.filter(&text.value) else {
            return Some(text);
        };
        let span = Places::new(self.source, field.node, &text.value).range(&fault.range);
        self.refuse(Code::BadJq, span, fault.message, None)
    }

    /// Returns the place of the first `${{` of a scalar.
    pub(super) fn place_of_template(&self, node: &Node, text: &str) -> Span {
        let open = text.find(OPEN).unwrap_or_default();
        let end = text[open..].find("}}").map_or(open + OPEN.len(), |close| open + close + 2);
        Places::new(self.source, node, text).range(&(open..end))
    }

    fn parsed(
        &mut self,
        node: &Node,
        text: &str,
        parse: impl FnOnce(&str, &[String]) -> Result<Template, Vec<TemplateFault>>,
    ) -> Option<Spanned<Template>> {
        let inside = text.split(OPEN).skip(1).map(|rest| rest.split("}}").next().unwrap_or(rest));
        if !inside.into_iter().all(bounds::is_simple_expression) {
            return self.too_complex(node.span);
        }
        let template = parse(text, &self.items);
        self.report_faults(node, text, &template);
        let template = template.ok()?;
        if !template.is_literal() {
            let places = Places::new(self.source, node, text);
            let names = template.expressions().flat_map(|expression| {
                expression.references.iter().map(|name| places.name(&expression.range, name)).collect::<Vec<_>>()
            });
            self.remember(node.span, names.collect());
        }
        Some(Spanned::new(template, node.span))
    }

    fn too_complex<T>(&mut self, span: Span) -> Option<T> {
        let message = "too long or nested too deeply".to_owned();
        self.refuse(Code::TooComplex, span, message, Some("compute it in a step, or in several vars".to_owned()))
    }

    /// Keeps the places of the names in something that stands at `text`.
    pub(super) fn remember(&mut self, text: Span, names: Vec<Span>) {
        if !names.is_empty() {
            self.names.insert(text, names);
        }
    }

    fn report_faults<T>(&mut self, node: &Node, text: &str, parsed: &Result<T, Vec<TemplateFault>>) {
        let Err(faults) = parsed else { return };
        let places = Places::new(self.source, node, text);
        let report = |fault: &TemplateFault| {
            let diagnostic = Diagnostic::error(code(fault.code), places.range(&fault.range), fault.message.clone());
            diagnostic.maybe_help(fault.help.clone())
        };
        self.diagnostics.extend(faults.iter().map(report));
    }
}

fn code(fault: FaultCode) -> Code {
    match fault {
        FaultCode::Unclosed => Code::Template,
        FaultCode::Syntax | FaultCode::Call | FaultCode::Operator => Code::Expression,
        FaultCode::UnknownName | FaultCode::IncompleteName => Code::UnknownName,
        FaultCode::UnknownFilter => Code::UnknownFilter,
        FaultCode::Unquotable | FaultCode::NestedShell => Code::Quoting,
    }
}

/// Finds parts of a decoded text in the text as it was written.
///
/// Quotes, escapes and indentation make the two differ, but the `${{` follow each other in the same order.
struct Places<'t> {
    span: Span,
    written: &'t str,
    decoded: &'t str,
    written_opens: Vec<usize>,
    decoded_opens: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(source: &'t crate::source::Source, node: &Node, decoded: &'t str) -> Self {
        let opens = |text: &str| text.match_indices(OPEN).map(|(at, _)| at).collect();
        let written = source.slice(node.span);
        Self { span: node.span, written, decoded, written_opens: opens(written), decoded_opens: opens(decoded) }
    }

    /// Returns the place of a range of the decoded text, the whole text if it cannot be told.
    fn range(&self, range: &Range<usize>) -> Span {
        let nth = self.decoded_opens.partition_point(|&open| open <= range.start);
        let anchors = match nth {
            0 => self.written.find(self.decoded).map(|at| (0, at)),
            nth => self.written_opens.get(nth - 1).map(|&at| (self.decoded_opens[nth - 1], at)),
        };
        let Some((decoded, written)) = anchors else {
            return self.span;
        };
        let start = written + range.start - decoded;
        let end = start + range.len();
        if self.written.get(start..end) == self.decoded.get(range.clone()) {
            return self.within(start, end);
        }
        let close = self.written[written..].find("}}").map_or(self.written.len(), |close| written + close + 2);
        self.within(written, close)
    }

    /// Returns the place of a name inside the expression at `expression`, that of the expression if it cannot be told.
    fn name(&self, expression: &Range<usize>, name: &Reference) -> Span {
        let whole = self.range(expression);
        if expression.len() > MAX_SEARCHED {
            return whole;
        }
        let start = (whole.start - self.span.start) as usize;
        let text = self.written.get(start..start + whole.range().len()).unwrap_or_default();
        let name = name.to_string();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let stands_alone = |&(at, _): &(usize, &str)| {
            !text[..at].ends_with(is_part)
                && !text[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        };
        match text.match_indices(&name).find(stands_alone) {
            Some((at, _)) => self.within(start + at, start + at + name.len()),
            None => whole,
        }
    }

    fn within(&self, start: usize, end: usize) -> Span {
        let offset = self.span.start as usize;
        Span::new(offset + start, offset + end)
    }
}
