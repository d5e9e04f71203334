//! YAML text to a small tree in which every key and value knows its place. Only this module and those below it know the parser.

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span, Spanned};

mod builder;
mod scalar;
mod syntax;

use builder::Builder;
pub(crate) use scalar::{Plain, Scalar, Style};

/// How deep lists and maps may be nested.
pub(crate) const MAX_DEPTH: usize = 64;
/// How many values a file may hold, those that aliases repeat included.
pub(crate) const MAX_NODES: usize = 2_000_000;
/// How many values and bytes of text together anchors may keep and aliases may repeat.
pub(crate) const MAX_REPEATED: usize = 1_000_000;

/// How many unquoted templates are looked past in search of further faults.
const MAX_REPAIRS: usize = 20;
/// The largest text in which faults are looked past.
const MAX_REPAIRED_BYTES: usize = 1 << 20;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// From its first to its last byte; that of an alias is its anchor's.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A text, number, boolean or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map in the order in which it was written; no key twice.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Returns the place to point at when the node as a whole is meant: the first key of a map.
    pub(crate) fn head(&self) -> Span {
        match &self.kind {
            Kind::Map(entries) => entries.first().map_or(self.span, |entry| entry.key.span),
            Kind::Scalar(_) | Kind::List(_) => self.span,
        }
    }

    /// Returns what it is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(scalar) => scalar.resolve().describe(),
        }
    }

    /// Returns the text that stands for an alias whose anchor is not there.
    fn unknown(name: &str, span: Span) -> Self {
        Self {
            span,
            kind: Kind::Scalar(Scalar {
                text: name.to_owned(),
                style: Style::Quoted,
            }),
        }
    }
}

/// Reads the one document of a source; there is no node if it cannot be read to its end.
pub(crate) fn read(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut text = std::borrow::Cow::Borrowed(source.text.as_str());
    for _ in 0..=MAX_REPAIRS {
        let found = diagnostics.len();
        let error = match Builder::new(diagnostics).run(&text) {
            Ok(node) => return node,
            Err(error) => error,
        };
        let Some(template) = syntax::unquoted_template(&text, &error) else {
            diagnostics.push(syntax::diagnose(&text, &error));
            return None;
        };
        diagnostics.truncate(found);
        diagnostics.push(syntax::quote_the_template(source.slice(template), template));
        if text.len() > MAX_REPAIRED_BYTES {
            return None;
        }
        text.to_mut()
            .replace_range(template.range(), &"x".repeat(template.range().len()));
    }
    None
}

#[cfg(test)]
mod tests;
