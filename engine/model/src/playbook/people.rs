//! What people are asked: to do something, or to decide.

use std::num::NonZeroU32;

use crate::source::{Span, Spanned};
use crate::template::Template;

/// Something that a human does.
#[derive(Clone, Debug)]
pub struct Manual {
    /// What to do.
    pub instructions: Spanned<Template>,
    /// What is asked when it should be done.
    pub confirm: Option<Spanned<Template>>,
    /// The whole of it.
    pub span: Span,
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Approve {
    /// What is decided.
    pub prompt: Spanned<Template>,
    /// The names of those who may decide; anybody if empty.
    pub by: Vec<Spanned<Template>>,
    /// How many must approve; one if not given.
    pub min: Option<Spanned<NonZeroU32>>,
    /// Whether whoever started the run may decide; yes if not given.
    pub starter: Option<Spanned<Starter>>,
    /// The whole of it.
    pub span: Span,
}

/// Whether whoever started a run may decide in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Starter {
    /// Like anybody.
    Allowed,
    /// No: somebody else must.
    Excluded,
}
