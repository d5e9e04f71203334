//! What a rehearsal came to: judged against what was expected, and shown to people and machines.

mod course;
mod coverage;
mod fault;
mod json;
mod judge;
mod judge_steps;
mod junit;
mod mutants;
mod narrator;
mod page;
mod scenario;
mod sweep;
mod unprovoked;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::Objectives;
use firedrill_run::Verdict;
use firedrill_run::journal::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

use crate::foreign::Tail;
use crate::plan_text::quoted;

pub use coverage::{Coverage, Element, coverage};
pub use json::{rehearsed_json, rehearsed_schema, swept_json, swept_schema};
pub use judge::judge;
pub use junit::{annotations, junit};
pub use mutants::{Killer, Mutant, mutants_text};
pub use page::{Page, Signs};
pub use scenario::{Board, Performed, Rehearsed, count_text, rehearsed_text};
pub use sweep::{Struck, Swept, swept_text};
pub use unprovoked::unprovoked;

/// Everything that is known of one rehearsed run.
#[derive(Clone, Debug)]
pub struct Told {
    /// The plan that was run.
    pub plan: Arc<Plan>,
    /// Its journal, in virtual time.
    pub envelopes: Vec<Envelope>,
    /// How it ended.
    pub end: End,
    /// What the run published, as texts.
    pub outputs: BTreeMap<String, String>,
    /// Commands that no reply answered, as typed.
    pub unanswered: Vec<String>,
    /// Decisions that the run never needed, as they are written.
    pub unneeded: Vec<String>,
    /// The command of `given` that failed; nothing was run then.
    pub given_failed: Option<WorldCommand>,
    /// Commands that were asked in the world afterwards: those of the expectation, and those of `check` unless the run
    /// is stuck.
    pub world: Vec<WorldCommand>,
    /// Faults that were injected and never struck, as they are written.
    pub unused_faults: Vec<String>,
    /// The objectives of the playbook. They count when the run has succeeded.
    pub objectives: Objectives,
    /// What was measured.
    pub measured: Measured,
}

/// How a rehearsed run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It came to rest.
    Rest(Verdict),
    /// Nothing can ever happen any more: who waits for what.
    StoodStill(String),
    /// A command never came back in real time: which.
    Hung(String),
    /// The engine itself failed: how.
    Broken(String),
}

/// A command of the rehearsal, started in its world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldCommand {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its exit code; none if it did not end by itself or could not be started.
    pub exit: Option<i32>,
    /// What it printed last.
    pub tail: Tail,
}

/// The times of a run that objectives are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// From the start of the run to its rest, without the time that people took; none if it was not measured.
    pub rto: Option<Duration>,
    /// The age of the newest verified artifact at rest; none if nothing was verified.
    pub rpo: Option<Duration>,
}

/// Something that is not as it should be, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Finding {
    /// What, and why.
    pub text: String,
    /// The line of the playbook that it is about.
    pub line: Option<u32>,
}

impl Finding {
    fn new(text: impl Into<String>, line: Option<u32>) -> Finding {
        Finding { text: text.into(), line }
    }
}

impl WorldCommand {
    fn as_typed(&self) -> String {
        self.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    fn how_it_ended(&self) -> String {
        let ended = self.exit.map_or_else(|| "did not end by itself".to_owned(), |code| format!("exited with {code}"));
        format!("{ended}{}", narrator::last_words(&self.tail))
    }
}
