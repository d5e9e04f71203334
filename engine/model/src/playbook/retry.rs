//! Attempts after the first, as they were written.

use std::num::NonZeroU32;

use super::Given;
use crate::expression::Expression;
use crate::source::{Span, Spanned};
use crate::units::Duration;

/// How often, after what and when something is attempted again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// How many attempts there are, the first included.
    pub max_attempts: Spanned<Given<NonZeroU32>>,
    /// How long to wait before the second attempt.
    pub delay: Option<Spanned<Given<Duration>>>,
    /// How the wait grows.
    pub backoff: Option<Spanned<Backoff>>,
    /// By how much an exponential wait grows, at least 1.
    pub factor: Option<Spanned<f64>>,
    /// The longest wait.
    pub max_delay: Option<Spanned<Given<Duration>>>,
    /// Whether the wait is spread.
    pub jitter: Option<Spanned<Jitter>>,
    /// After which failures there is another attempt; after any if not given.
    pub when: Option<Spanned<Expression>>,
    /// The whole of it.
    pub span: Span,
}

/// How the wait between attempts grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// It stays the same.
    Constant,
    /// It is multiplied by the factor each time.
    Exponential,
}

/// Whether the wait between attempts is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jitter {
    /// It is exact.
    None,
    /// It lies anywhere between nothing and the wait.
    Full,
}
