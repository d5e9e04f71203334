//! `NAME.rehearsal.yaml` as it was written: situations of a playbook in a sandbox, and what must become of them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::source::{Span, Spanned};
use crate::value::Value;

/// A whole rehearsal file.
///
/// Texts in `inputs`, `given`, `check` and `world` may hold `${{ sandbox.dir }}` and are filled in per scenario.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The playbook that it rehearses.
    pub playbook: Spanned<String>,
    /// What stands in for the programs.
    pub sandbox: Spanned<Sandbox>,
    /// The inputs of every scenario.
    pub inputs: BTreeMap<String, Spanned<Value>>,
    /// Commands that must exit with 0 in the world of every run that has come to rest, unless it is stuck.
    pub check: Vec<Spanned<Vec<String>>>,
    /// The situations, in the order in which they were written.
    pub scenarios: Vec<Scenario>,
    /// How the playbook is swept.
    pub sweep: SweepRules,
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
    /// Inputs that differ from those of the file.
    pub inputs: BTreeMap<String, Spanned<Value>>,
    /// Commands that prepare the world.
    pub given: Vec<Spanned<Vec<String>>>,
    /// What the engine makes go wrong.
    pub faults: Vec<Spanned<Fault>>,
    /// Answers to commands, with `sandbox: none`; the first that matches counts.
    pub replies: Vec<Spanned<Reply>>,
    /// What must become of it.
    pub expect: Expectation,
}

/// Something that is made to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it strikes.
    pub strikes: Strikes,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strikes {
    /// When a command is started.
    Command {
        /// Which command.
        target: Target,
        /// The first start that is struck, from 1; retries count on.
        nth: u32,
        /// How many starts are struck in a row; every later one if none.
        times: Option<u32>,
    },
    /// At a record of the journal, from 1.
    Record {
        /// Its number.
        number: u64,
        /// On which side of it.
        side: Side,
    },
    /// When the run is this old.
    Age(Duration),
}

/// On which side of a record the engine crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The record is lost, and what it announces never happens.
    Before,
    /// The record is durable, and what it announces has not been done.
    After,
}

/// A command of the playbook that a fault strikes. Steps, guards and so on are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A guard of the playbook.
    Guard(String),
    /// An attempt of a step.
    Attempt(String),
    /// A guard of a step.
    StepGuard {
        /// The step.
        step: String,
        /// The guard.
        guard: String,
    },
    /// The look for an output of a step.
    Output {
        /// The step.
        step: String,
        /// The output.
        output: String,
    },
    /// The verify of a step.
    Verify(String),
    /// The cleanup of a step.
    Cleanup(String),
    /// The rollback of a step.
    Rollback(String),
    /// The release of a step.
    Release(String),
    /// An invariant.
    Invariant(String),
    /// A step of `finally`.
    Final(String),
}

/// What is made to go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// The command does nothing and exits with this code.
    Exit(i32),
    /// The command does its work and then exits with this code.
    LateFailure(i32),
    /// The command hangs: where it first waits for time to pass, or after its work if it never does.
    Timeout,
    /// The command is killed: where it first waits for time to pass, or after its work if it never does.
    Killed,
    /// The program cannot be started.
    NotStarted,
    /// The command does its work, and prints this instead of its output.
    WrongOutput(String),
    /// The probe is not asked and does not hold.
    DoesNotHold,
    /// The probe is not asked and could not tell.
    CouldNotTell,
    /// The engine crashes, and is started again at once; a command that runs goes on.
    Crash,
    /// The engine and the supervisor die; the command goes on, and nobody learns how it ends.
    LostSupervisor,
    /// Somebody cancels the run.
    Cancel,
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

/// What must become of a scenario. What is not said is not looked at, except that no command may be unanswered.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// Where it stands; the scenario's name if nothing is expected.
    pub span: Option<Span>,
    /// The verdict.
    pub verdict: Option<Spanned<ExpectedVerdict>>,
    /// The longest times; those of the playbook's objectives count as well.
    pub within: Objectives,
    /// What must become of steps.
    pub steps: BTreeMap<String, Spanned<ExpectedStep>>,
    /// The longest holds, by the step that takes.
    pub hold: BTreeMap<String, Spanned<Duration>>,
    /// Guards that must have been unmet, all of them and no others.
    pub unmet: Option<Spanned<Vec<String>>>,
    /// What the invariants must have said.
    pub invariants: Option<Spanned<ExpectedInvariants>>,
    /// What must be owed at the end: `STEP.cleanup`, `STEP.rollback`, `STEP.release`, or `STEP` for a doubt.
    pub open: Option<Spanned<Vec<String>>>,
    /// Outputs of the run, compared as texts.
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

/// How a playbook is swept.
#[derive(Clone, Debug, Default)]
pub struct SweepRules {
    /// Faults in one history; 1 if not said.
    pub depth: Option<Spanned<u32>>,
    /// Names of the kinds of faults; all if not said.
    pub faults: Option<Spanned<Vec<Spanned<SweptKind>>>>,
    /// Conditions that must hold in every state.
    pub always: Vec<Spanned<String>>,
    /// Conditions that must hold in no state.
    pub never: Vec<Spanned<String>>,
}

/// A kind of fault that a sweep tries at every point where it can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SweptKind {
    /// The command fails without an effect.
    Exit,
    /// The command hangs.
    Timeout,
    /// The effect happened, and the command reported failure.
    LateFailure,
    /// The command is killed half-way.
    Killed,
    /// The program cannot be started.
    NotStarted,
    /// What is printed is not what was expected.
    WrongOutput,
    /// A probe does not hold.
    DoesNotHold,
    /// A probe could not tell.
    CouldNotTell,
    /// The engine crashes before the command's intent, after it, and while it runs.
    Crash,
    /// The supervisor dies with the engine.
    LostSupervisor,
    /// The run is cancelled.
    Cancel,
}

impl SweptKind {
    /// Every kind, in the order in which it is tried.
    pub const ALL: [SweptKind; 11] = [
        SweptKind::Exit,
        SweptKind::Timeout,
        SweptKind::LateFailure,
        SweptKind::Killed,
        SweptKind::NotStarted,
        SweptKind::WrongOutput,
        SweptKind::DoesNotHold,
        SweptKind::CouldNotTell,
        SweptKind::Crash,
        SweptKind::LostSupervisor,
        SweptKind::Cancel,
    ];

    /// Returns the word of the language.
    pub fn word(self) -> &'static str {
        match self {
            SweptKind::Exit => "exit",
            SweptKind::Timeout => "timeout",
            SweptKind::LateFailure => "late_failure",
            SweptKind::Killed => "killed",
            SweptKind::NotStarted => "not_started",
            SweptKind::WrongOutput => "wrong_output",
            SweptKind::DoesNotHold => "does_not_hold",
            SweptKind::CouldNotTell => "could_not_tell",
            SweptKind::Crash => "crash",
            SweptKind::LostSupervisor => "lost_supervisor",
            SweptKind::Cancel => "cancel",
        }
    }
}
