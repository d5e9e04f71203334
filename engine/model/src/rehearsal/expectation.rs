//! What must become of a scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::source::{Span, Spanned};

/// What must become of a scenario. What is not said is not looked at, except that no command may be unanswered.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// Where it stands, if anything is expected.
    pub span: Option<Span>,
    /// The verdict.
    pub verdict: Option<Spanned<ExpectedVerdict>>,
    /// The longest times; those of the playbook's objectives count as well.
    pub within: Objectives,
    /// What must become of steps; each placed at its name.
    pub steps: BTreeMap<String, Spanned<ExpectedStep>>,
    /// The longest holds, by the step that takes; each placed at its name.
    pub hold: BTreeMap<String, Spanned<Duration>>,
    /// Guards that must have been unmet, all of them and no others: `GUARD`, or `STEP.GUARD` for one of a step.
    pub unmet: Option<Spanned<Vec<String>>>,
    /// What the invariants must have said.
    pub invariants: Option<Spanned<ExpectedInvariants>>,
    /// What must be owed at the end: `STEP.cleanup`, `STEP.rollback`, `STEP.release`, or `STEP` for a doubt.
    pub open: Option<Spanned<Vec<String>>>,
    /// Outputs of the run, compared as texts; each placed at its name.
    pub outputs: BTreeMap<String, Spanned<String>>,
    /// Commands that must exit with 0 in the world afterwards.
    pub world: Vec<Spanned<Vec<String>>>,
}

/// A verdict that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVerdict {
    /// Everything was done.
    Succeeded,
    /// Nothing had to be done.
    Skipped,
    /// A guard was unmet before anything started.
    Refused,
    /// A step failed, and nothing of what was started is left.
    RolledBack,
    /// A step failed, and something of what was started is left.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A human is needed.
    Stuck,
}

/// What must become of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedStep {
    /// How it ended.
    pub outcome: Option<ExpectedOutcome>,
    /// How many attempts were begun.
    pub attempts: Option<u32>,
    /// Whether its cleanup was discharged.
    pub cleaned_up: Option<bool>,
    /// Whether its rollback was discharged.
    pub rolled_back: Option<bool>,
    /// Whether its release was discharged.
    pub released: Option<bool>,
}

/// How a step must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedOutcome {
    /// It did what it is for.
    Succeeded,
    /// It did not.
    Failed,
    /// It did not have to run.
    Skipped,
    /// Nobody knows.
    InDoubt,
    /// It never began.
    NotStarted,
}

/// What the invariants must have said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedInvariants {
    /// All hold.
    Hold,
    /// At least one does not hold or could not tell.
    Broken,
}

/// Times that must not be exceeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Objectives {
    /// Recovery time: from the start of the run to its rest, without the time that people took.
    pub rto: Option<Duration>,
    /// Recovery point: the age of the newest verified artifact when the run has come to rest.
    pub rpo: Option<Duration>,
}
