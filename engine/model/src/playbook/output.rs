//! What a step publishes, as it was written.

use super::Invocation;
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::value::Type;

/// A value that a step publishes.
#[derive(Clone, Debug)]
pub struct Output {
    /// The name in `steps.ID.outputs.NAME`, snake case.
    pub name: Spanned<String>,
    /// Where it is taken from.
    pub source: OutputSource,
    /// How it is taken from there.
    pub extract: Extract,
    /// What type it must have; a string if not given.
    pub r#type: Option<Spanned<Type>>,
    /// Whether it may be missing.
    pub optional: bool,
    /// The whole declaration.
    pub span: Span,
}

/// Where an output is taken from.
#[derive(Clone, Debug)]
pub enum OutputSource {
    /// What the program wrote to the file `$FIREDRILL_OUTPUT`.
    Published,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, by its path.
    File(Spanned<Template>),
    /// Standard output of a read-only look of its own.
    Look(Invocation),
    /// What a human says who does the step.
    Asked,
    /// What the program wrote to `$FIREDRILL_OUTPUT`, which is kept in memory only.
    Secret,
}

/// How an output is taken from its source.
#[derive(Clone, Debug)]
pub enum Extract {
    /// The whole text, trimmed.
    Whole,
    /// The first group of a regex, or its whole match if there is no group.
    Regex(Spanned<String>),
    /// The one result of a jq filter.
    Jq(Spanned<String>),
    /// The first line.
    FirstLine,
    /// The last line that is not empty.
    LastLine,
}
