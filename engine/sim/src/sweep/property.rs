//! What a playbook's author says must always or never be so.
//!
//! ```text
//! never:  block_api.holding and verdict == 'succeeded'
//! always: not copy.running or lock.holding
//! ```
//! A condition is made of `STEP.STATUS` and of what is said of `verdict`, with `and`, `or`, `not` and parentheses. One that
//! says something of the verdict is about runs at rest: it is not looked at before.

mod parser;

use std::fmt;

use firedrill_model::plan::Plan;
use firedrill_run::{Phase, Run};

use super::condition::Condition;
use super::rule::{Rule, States};

/// Something that must hold in every state, or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The author's words for it.
    pub text: String,
    /// Where it stands, if in a file: "line 31 of tas-backup.rehearsal.yaml".
    pub place: Option<String>,
    /// Whether it must always or never be so.
    pub quantifier: Quantifier,
    /// What.
    pub condition: Condition,
}

/// How often a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// In every state.
    Always,
    /// In no state.
    Never,
}

/// A text that is no property of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PropertyError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong there, and what may have been meant.
    pub message: String,
}

impl Property {
    /// Reads a property of a plan.
    pub fn parse(text: &str, quantifier: Quantifier, plan: &Plan) -> Result<Property, PropertyError> {
        let condition = parser::parse(text, plan)?;
        Ok(Property { text: text.trim().to_owned(), place: None, quantifier, condition })
    }

    /// Says where it stands.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Property {
        Property { place: Some(place.into()), ..self }
    }

    /// Returns whether a state goes against the property.
    pub(super) fn is_broken(&self, run: &Run) -> bool {
        let is_at_rest = run.phase() == Phase::AtRest && !run.is_told();
        (is_at_rest || self.states() == States::All)
            && match self.quantifier {
                Quantifier::Always => !self.condition.holds(run),
                Quantifier::Never => self.condition.holds(run),
            }
    }

    /// Returns what is the case in a state that goes against the property.
    pub(super) fn why(&self, run: &Run) -> String {
        self.condition.findings(run).join(", ")
    }

    /// Returns which states can go against the property.
    pub(super) fn states(&self) -> States {
        if self.condition.names_verdict() { States::AtRest } else { States::All }
    }

    /// Returns the rule that every such state must keep.
    pub(super) fn rule(&self) -> Rule {
        Rule::Property { text: self.to_string(), states: self.states() }
    }
}

impl Quantifier {
    /// Returns the word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Quantifier::Always => "always",
            Quantifier::Never => "never",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.quantifier.word(), self.text)?;
        self.place.as_ref().map_or(Ok(()), |place| write!(f, " ({place})"))
    }
}
