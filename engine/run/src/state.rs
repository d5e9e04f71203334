//! The state of a run: the fold of its events. Holds no time, so that two runs that behave alike are equal.

mod copying;
mod debt;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::value::Value;
use serde::{Deserialize, Serialize};

use crate::command::{CommandId, Subject};
use crate::event::Rendered;
use crate::people::Approvals;
use crate::scope::Course;

pub use debt::Debt;
pub(crate) use debt::{Block, Debts, Tried};
pub(crate) use task::Polling;
pub use task::{Task, TaskAt};

/// Where a run stands.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) phase: Phase,
    pub(crate) cancel: Cancel,
    /// Whether a human has said something since the run came to rest: what follows from it is for the next engine.
    pub(crate) is_told: bool,
    /// How often the run has come to rest, the present one included.
    pub(crate) rests: u32,
    pub(crate) guards: Vec<Asking>,
    pub(crate) recheck: Recheck,
    pub(crate) steps: Vec<StepState>,
    pub(crate) invariants: Vec<Asking>,
    pub(crate) finals: Finals,
    /// Steps with a command that may be started as soon as there is room.
    pub(crate) ready: BTreeSet<usize>,
    /// Steps with anything else under way.
    pub(crate) busy: BTreeSet<usize>,
    /// Steps with a poll whose time is not over.
    pub(crate) polling: BTreeSet<usize>,
    pub(crate) in_flight: u32,
    pub(crate) settled: usize,
    pub(crate) unwound: usize,
    /// How many steps wait for a human's word: in doubt, or undecided.
    pub(crate) doubts: u32,
    /// What was said of failures that somebody was to decide about.
    pub(crate) undoing: Undoing,
    /// How often the playbook's guards have been asked.
    pub(crate) asked: u32,
    /// The number of the latest step to have completed: the order for unwinding.
    pub(crate) completed: u32,
    pub(crate) rendered: BTreeMap<CommandId, Rendered>,
    pub(crate) outputs: BTreeMap<usize, BTreeMap<String, Value>>,
    /// Who has approved of what still waits for others to approve.
    pub(crate) approvals: BTreeMap<CommandId, Approvals>,
    /// Who started the run.
    pub(crate) starter: Option<String>,
    /// What guards have seen when they held, by whose they are and their id.
    pub(crate) seen: BTreeMap<(Subject, Arc<str>), BTreeMap<String, Value>>,
    /// What has passed of the deadlines of steps.
    pub(crate) clocks: BTreeMap<usize, Clock>,
    /// What the clock of a group with a deadline showed when a member, the second, last began or ended something.
    pub(crate) marks: BTreeMap<(usize, usize), Duration>,
}

/// What the run as a whole is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing has happened.
    New,
    /// Asks the playbook's guards.
    Guarding,
    /// Runs steps.
    Working,
    /// A step has failed or the run was cancelled: attempts end, nothing new starts.
    Halting,
    /// Cleans up, rolls back, releases, in reverse order.
    Unwinding,
    /// Probes the invariants and runs the commands of the very end.
    Resting,
    /// Nothing is due.
    AtRest,
}

/// How often somebody asked for the run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cancel {
    /// Never.
    No,
    /// Once: attempts are ended, then the run unwinds.
    Once,
    /// Again: no more rollbacks.
    Twice,
}

/// What a human wants to be undone: of a failure about which somebody was to decide, or of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Undoing {
    /// Nothing was said.
    Unsaid,
    /// What was done is undone.
    Wanted,
    /// What is done stays done.
    Unwanted,
    /// Everything is undone, whatever `on_failure` says.
    Reversal,
}

/// Whether the playbook's guards were asked again before the first change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Recheck {
    /// Nothing that changes is due yet.
    Idle,
    /// A change is due, and nothing has passed since they were asked.
    Fresh,
    /// They are being asked.
    Asking,
    /// They held, or the first change began at once.
    Passed,
}

/// A probe of the playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asking {
    /// Not asked.
    Idle,
    /// Being asked.
    Asked(Task),
    /// Answered.
    Answered(Answered),
}

/// What a probe said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// It holds.
    Holds,
    /// It does not hold.
    DoesNotHold,
    /// It could not tell.
    CouldNotTell,
}

/// The commands of the very end, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Finals {
    /// The index of the present one.
    pub(crate) at: usize,
    /// What it is doing; `None` while its `when` is being decided.
    pub(crate) task: Option<Task>,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StepState {
    pub(crate) stage: Stage,
    /// Attempts begun, the void ones included: their names are not used again.
    pub(crate) attempts: u32,
    /// Attempts of which a human said that they had no effect.
    pub(crate) voided: u32,
    /// Attempts that were really started, so that they may have had an effect.
    pub(crate) effective: u32,
    pub(crate) tried: Tried,
    /// Whether a verify has shown that the latest attempt had its effect.
    pub(crate) is_verified: bool,
    pub(crate) exit_code: Option<i32>,
    /// What whoever started the run wants of it.
    pub(crate) wish: Wish,
    /// The milestones that its present attempt has reached.
    pub(crate) reached: Reached,
    pub(crate) debts: Debts,
    /// How often its guards have been asked.
    pub(crate) asked: u32,
    /// How far a scope that unwinds by itself is; of every other step it goes forth.
    pub(crate) course: Course,
    /// Steps that have not settled well and milestones that have not been reached.
    pub(crate) needs_left: u32,
    /// Members that have not settled, of a group itself.
    pub(crate) members_left: u32,
    /// Whether the steps that need it know that it is over.
    pub(crate) is_passed_on: bool,
    pub(crate) until_left: u32,
    /// Dependents that have not unwound yet.
    pub(crate) unwind_left: u32,
    pub(crate) is_unwound: bool,
    /// What keeps the steps it needs from being rolled back.
    pub(crate) block: Block,
    /// Its place in the order of completion, from 1.
    pub(crate) completed: u32,
}

/// What a step is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waits for the steps it needs.
    Waiting,
    /// Its `when` is being decided.
    Deciding,
    /// Waits until nobody else has one of its locks.
    Locking,
    /// Asks its guards, one after the other.
    Guarding(usize, Task),
    /// A repetition whose items are being worked out.
    Expanding,
    /// A group whose members may run.
    Inside,
    /// Attempts what it is for.
    Attempting(Task),
    /// Reads its outputs, one after the other.
    Looking(usize, Task),
    /// Probes whether the effect is there, after a success or to settle a doubt.
    Verifying(Task, Option<Doubt>),
    /// Reads the outputs of an attempt that was in doubt until its verify held.
    Salvaging(Doubt),
    /// The `when` of its cleanup is being decided.
    Concluding(Conclusion),
    /// Its cleanup is owed before anything else.
    Cleaning(Conclusion),
    /// The `when` of its retry is being decided.
    Choosing(Cause),
    /// Waits before the next attempt.
    Pausing(Cause),
    /// Nobody knows whether it had its effect, and a human must say.
    InDoubt(Doubt),
    /// It failed for good, and a human must say what that means (`on_failure: ask`).
    Undecided(Cause),
    /// Over.
    Settled(Outcome),
}

/// How an attempt ended, before its cleanup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conclusion {
    /// It did what it is for.
    Succeeded,
    /// It did not.
    Failed(Cause),
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what it is for.
    Succeeded,
    /// It did not.
    Failed(Cause),
    /// It did not have to run.
    Skipped,
    /// Its group failed before it was its turn, and the rest went on.
    Unreached,
}

/// Why an attempt failed. The words for people are in the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Its `when` has no value.
    When,
    /// A guard was unmet or could not tell.
    Guard,
    /// A text of it has no value.
    Texts,
    /// Its program could not be started.
    NotSpawned,
    /// It did not end as expected.
    Unexpected,
    /// An output could not be read.
    Output,
    /// Its effect is not there.
    Verify,
    /// Its cleanup failed although it succeeded.
    Cleanup,
    /// The items of the repetition have no value.
    Items,
    /// A member of the group failed, or too many of its instances.
    Members,
    /// It was ended or lost.
    Doubt(Doubt),
    /// Its deadline was over before an attempt was made.
    Deadline,
}

/// Why nobody knows whether an attempt had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It exceeded its time limit.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// It was interrupted: its supervisor is gone.
    Lost,
}

/// What whoever started a run wants of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wish {
    /// That it is run.
    Run,
    /// That it is left out: it counts as skipped.
    LeaveOut,
}

/// What has passed of a deadline, as far as it is in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Clock {
    /// What ended commands and waits took.
    pub(crate) spent: Duration,
    /// For how long a command had been running when this engine adopted it.
    pub(crate) adopted: Duration,
    /// Whether the deadline is over.
    pub(crate) is_over: bool,
}

/// A set of milestones of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reached(pub(crate) u32);

impl Stage {
    /// Returns the try under way, if there is one.
    pub fn task(&self) -> Option<&Task> {
        match self {
            Stage::Guarding(_, task)
            | Stage::Attempting(task)
            | Stage::Looking(_, task)
            | Stage::Verifying(task, _) => Some(task),
            Stage::Waiting
            | Stage::Deciding
            | Stage::Locking
            | Stage::Expanding
            | Stage::Inside
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => None,
        }
    }

    /// Returns the try under way, to move it on.
    pub(crate) fn task_mut(&mut self) -> Option<&mut Task> {
        match self {
            Stage::Guarding(_, task)
            | Stage::Attempting(task)
            | Stage::Looking(_, task)
            | Stage::Verifying(task, _) => Some(task),
            Stage::Waiting
            | Stage::Deciding
            | Stage::Locking
            | Stage::Expanding
            | Stage::Inside
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => None,
        }
    }

    /// Returns whether the step waits before it looks again and has nothing else to do.
    pub(crate) fn waits_to_look(&self) -> bool {
        matches!(self, Stage::Guarding(_, task) | Stage::Attempting(task) if task.at == TaskAt::Pausing)
    }

    /// Returns whether the step is over.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, Stage::Settled(_))
    }

    /// Returns whether the step can go on only when a human has said something.
    pub(crate) fn waits_for_word(&self) -> bool {
        matches!(self, Stage::InDoubt(_) | Stage::Undecided(_))
    }

    /// Returns whether the step waits for people, or to ask them, and has nothing else to do.
    pub(crate) fn waits_for_people(&self) -> bool {
        matches!(self, Stage::Attempting(task) if matches!(task.at, TaskAt::Unasked | TaskAt::Asked(_)))
    }

    /// Returns whether the step is between the settling of its needs and its own settling.
    pub(crate) fn is_under_way(&self) -> bool {
        !matches!(self, Stage::Waiting | Stage::Inside | Stage::InDoubt(_) | Stage::Undecided(_) | Stage::Settled(_))
    }
}
