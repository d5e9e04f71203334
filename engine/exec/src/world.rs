//! The seam between the driver and everything outside of it.

use std::time::Duration;

use firedrill_model::plan::Command;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, Exit, Waiting};

use crate::driver::DriveError;
use crate::journal::{JournalFileError, Urgency};
use crate::locks::Lock;
use crate::milestones::Watch;
use crate::people::Word;
use crate::secrets::Vault;
use crate::signals::Signal;
use crate::supervisor::{self, Spawn};

/// Records facts, performs effects and tells what happens: the live world or a sandboxed one.
pub(crate) trait World {
    /// Returns the time since some moment; only differences count.
    fn now(&self) -> Duration;

    /// Returns the fact that an engine has the run in this world.
    fn engine_started(&self) -> Event;

    /// Puts a fact on its way to the journal.
    fn append(&mut self, event: Event) -> Result<Envelope, DriveError>;

    /// Makes everything appended so far durable: returns the last number if that has happened, or `None` if
    /// [`Happening::Durable`] will tell.
    fn flush(&mut self, urgency: Urgency) -> Result<Option<u64>, DriveError>;

    /// Watches what an attempt prints for milestones, as soon as it is known to run.
    fn watch(&mut self, command: &CommandId, watch: Watch);

    /// Starts a command whose intent is durable.
    fn start(&mut self, start: Start<'_>) -> Result<(), DriveError>;

    /// Tells the world that people were asked. It may be told again after a crash.
    fn people_asked(&mut self, question: &Waiting);

    /// Takes all of these locks for the run, or none of them if another run has one: that one is returned.
    fn lock(&mut self, names: &[String]) -> Result<Option<Box<Lock>>, DriveError>;

    /// Gives a lock back that no step of the run needs any more.
    fn unlock(&mut self, name: &str) -> Result<(), DriveError>;

    /// Ends a command with all its descendants. Without effect on one that has ended.
    fn terminate(&mut self, command: &CommandId) -> Result<(), DriveError>;

    /// Asks what became of a command with this time limit, which an earlier engine meant to start.
    fn ask(&mut self, command: CommandId, limit: Option<Duration>) -> Result<(), DriveError>;

    /// Takes something that has happened already.
    fn take(&mut self) -> Result<Option<Happening>, DriveError>;

    /// Waits for something to happen; `None` when the moment `until` came first.
    fn wait(&mut self, until: Option<Duration>) -> Result<Option<Happening>, DriveError>;

    /// Has commands supervised again after [`Happening::SupervisorGone`].
    fn supervise_again(&mut self) -> Result<(), DriveError>;

    /// Returns the values of the run's secrets.
    fn vault(&self) -> &Vault;

    /// Ends what only a run that is not at rest needs.
    fn dismiss(&mut self) -> Result<(), DriveError>;
}

/// A command about to be started.
pub(crate) struct Start<'a> {
    /// Its name.
    pub(crate) id: CommandId,
    /// What the plan says of it.
    pub(crate) command: &'a Command,
    /// How it shall find the world.
    pub(crate) spawn: Spawn,
}

/// Something that happened outside of the driver.
pub(crate) enum Happening {
    /// A command has ended.
    Ended {
        /// Which one.
        command: CommandId,
        /// How.
        exit: Exit,
        /// How long it ran, in milliseconds.
        ms: u64,
    },
    /// A running attempt has printed what means that a milestone was reached.
    Reached {
        /// The attempt.
        command: CommandId,
        /// The milestone.
        milestone: String,
    },
    /// A command of an earlier engine was never started.
    NotStarted(CommandId),
    /// A command of an earlier engine is running and will be told of.
    Running {
        /// Which one.
        command: CommandId,
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// A command of an earlier engine is running without a supervisor and is waited for.
    Survives(CommandId),
    /// The journal is durable up to this number, or it will never be.
    Durable(Result<u64, JournalFileError>),
    /// Somebody says something about the run.
    Word(Word),
    /// Somebody signalled the engine.
    Signal(Signal),
    /// The supervisor has ended.
    SupervisorGone,
}

impl From<supervisor::Exit> for Exit {
    /// Returns what the end of a process means to the run.
    fn from(exit: supervisor::Exit) -> Exit {
        match exit {
            supervisor::Exit::Code(code) => Exit::Code(code),
            supervisor::Exit::Signal(signal) => Exit::Signal(signal),
            supervisor::Exit::TimedOut => Exit::TimedOut,
            supervisor::Exit::Terminated => Exit::Cancelled,
            supervisor::Exit::Orphaned => Exit::Lost,
            supervisor::Exit::NotSpawned { message, .. } => Exit::NotSpawned(message),
        }
    }
}
