//! `NAME.rehearsal.yaml`: situations of a playbook in a sandbox, and what must become of them.

mod answer;
mod decision;
mod expectation;
mod fault;
mod fill;
mod sweep;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

pub use self::answer::{Answer, Says};
pub use self::decision::{Decision, DecisionWord, Meaning, OwedHook};
pub use self::expectation::{
    Expectation, ExpectedInvariants, ExpectedOutcome, ExpectedStep, ExpectedVerdict, Objectives,
};
pub use self::fault::{Fault, FaultKind, Side, Strikes, Target};
pub use self::fill::{FillError, fill, fill_command};
pub use self::sweep::{SweepRules, SweptKind};
pub use crate::check::rehearsal::{check, load};
use crate::source::{Span, Spanned};
use crate::value::Value;

/// A whole rehearsal file.
///
/// Texts in `inputs`, `given`, `check` and `world` may hold `${{ sandbox.dir }}`; [`fill`] and [`fill_command`] put it in.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The playbook that it rehearses.
    pub playbook: Spanned<String>,
    /// What stands in for the programs.
    pub sandbox: Spanned<Sandbox>,
    /// The inputs of every scenario; each placed at its name.
    pub inputs: BTreeMap<String, Spanned<Value>>,
    /// The outputs of the run before, which `last` names in every scenario; each placed at its name.
    pub last: BTreeMap<String, Spanned<Value>>,
    /// Commands that must exit with 0 in the world of every run that has come to rest, unless it is stuck.
    pub check: Vec<Spanned<Vec<String>>>,
    /// The situations, in the order in which they were written.
    pub scenarios: Vec<Scenario>,
    /// How the playbook is swept.
    pub sweep: SweepRules,
    /// Where the names stand that its faults and expectations use.
    pub places: Places,
}

/// The places of names in faults and lists, by the place of the fault or list.
#[derive(Clone, Debug, Default)]
pub struct Places(pub(crate) HashMap<Span, Vec<Span>>);

impl Places {
    /// Returns where the name number `nth` of what stands at `whole` stands; the whole if that is not known.
    pub(crate) fn of(&self, whole: Span, nth: usize) -> Span {
        self.0.get(&whole).and_then(|names| names.get(nth)).copied().unwrap_or(whole)
    }
}

/// What stands in for the programs that a playbook starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// The sandbox foundation.
    Foundation,
    /// A folder beside the rehearsal: copied for every scenario, its `bin` first in PATH.
    Dir(String),
    /// Nothing: every command is answered by a reply.
    None,
}

/// One situation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called; unique in its file.
    pub name: Spanned<String>,
    /// Inputs that differ from those of the file; each placed at its name.
    pub inputs: BTreeMap<String, Spanned<Value>>,
    /// The outputs of the run before, instead of those of the file.
    pub last: Option<BTreeMap<String, Spanned<Value>>>,
    /// Commands that prepare the world.
    pub given: Vec<Spanned<Vec<String>>>,
    /// What the engine makes go wrong.
    pub faults: Vec<Spanned<Fault>>,
    /// What people answer, by the step that asks, or `STEP.cleanup`, `STEP.rollback`, `STEP.release`; placed at the name.
    pub answers: BTreeMap<String, Spanned<Answer>>,
    /// What people decide when the run has stopped because it needs them.
    pub decisions: Vec<Decision>,
    /// Answers to commands, with `sandbox: none`; the first that matches counts.
    pub replies: Vec<Spanned<Reply>>,
    /// What must become of it.
    pub expect: Expectation,
}

/// What a command is answered with when there is no sandbox.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What the command line must match: the program and its arguments, separated by single spaces.
    pub command: Spanned<String>,
    /// Its exit code.
    pub exit: i32,
    /// Its output.
    pub stdout: String,
    /// Its error output.
    pub stderr: String,
    /// How long it takes.
    pub takes: Duration,
    /// How often it answers; always if none.
    pub times: Option<u32>,
}
