//! Faults that a scenario injects: what goes wrong, and when.

use std::time::Duration;

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
        /// At which of its waits for time to pass a running command is struck, from 1; if none, at its first long one, of
        /// 30 s or more, or after its work.
        wait: Option<u32>,
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
    /// The command hangs: at its first long wait for time to pass, or after its work if it has none.
    Timeout,
    /// The command is killed: at its first long wait for time to pass, or after its work if it has none.
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
    /// Nobody answers what people are asked.
    NoAnswer,
    /// Whoever is asked declines, or says that it failed.
    Declined,
}
