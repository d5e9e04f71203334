//! What people have said of a run.

use firedrill_run::journal::Envelope;
use firedrill_run::{DebtKind, Done, Event, Ruling, StepId};
use serde::Serialize;

/// What somebody said of a doubt, an obligation, a failure or the whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The step; none if it is about the run.
    pub step: Option<StepId>,
    /// What was said.
    pub said: Said,
    /// Who said it.
    pub by: String,
    /// Why.
    pub note: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// What became of the attempt in doubt.
    Attempt(Done),
    /// What became of an obligation.
    Debt(DebtKind, Done),
    /// What a failure means.
    Ruled(Ruling),
    /// That everything is to be undone.
    Rollback,
}

impl Word {
    /// Returns what an event says in somebody's name, if it does.
    pub(crate) fn of(envelope: &Envelope) -> Option<Word> {
        let (step, said, by, note) = match &envelope.event {
            Event::Settled { step, debt: None, done, by, note, .. } => (Some(step), Said::Attempt(*done), by, note),
            Event::Settled { step, debt: Some(debt), done, by, note, .. } => {
                (Some(step), Said::Debt(*debt, *done), by, note)
            }
            Event::Ruled { step, ruling, by, note, .. } => (Some(step), Said::Ruled(*ruling), by, note),
            Event::RollbackRequested { by, note } => (None, Said::Rollback, by, note),
            _ => return None,
        };
        Some(Word { step: step.cloned(), said, by: by.clone(), note: note.clone(), at_ms: envelope.at_ms })
    }

    /// Returns what was said about its step or the run, as the end of a sentence about it.
    pub(crate) fn text(&self) -> String {
        match self.said {
            Said::Attempt(done) => format!("the attempt in doubt is {}", words(done)),
            Said::Debt(debt, done) => format!("the {} is {}", debt.word(), words(done)),
            Said::Ruled(ruling) => format!("its failure: {}", ruling.word()),
            Said::Rollback => "everything is to be undone".to_owned(),
        }
    }
}

fn words(done: Done) -> &'static str {
    match done {
        Done::Done => "done",
        Done::NotDone => "not done",
    }
}
