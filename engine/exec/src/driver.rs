//! The live driver: `next` -> journal -> `apply` -> perform. One owner of the run; everything else posts to it.
//!
//! Each effect is recorded and applied at once, and performed and shown only when the journal is durable up to it. The
//! outcome of one step and the intent of the next share one write and one sync.

mod engine;

use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, IllegalEvent, Run, StepId, Verdict};

use crate::clock;
use crate::journal::JournalFileError;
use crate::live::{Live, check_inbox};
use crate::locks::Lock;
use crate::secrets::{SecretError, fetch};
use crate::store::{RunDir, RunLock, StoreError, Summary};
use crate::supervisor::{ClientError, InboxError};
use crate::sys;

pub(crate) use self::engine::{Driver, lengths};

/// Takes what happens, once it is durable.
pub trait Sink {
    /// Takes an event, with the run as it stands by now.
    fn event(&mut self, envelope: &Envelope, run: &Run);

    /// Takes something that is no fact of the run.
    fn note(&mut self, note: &Note);
}

/// What an operator should know although it is no fact of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The first request to stop: attempts are being ended, then the run unwinds.
    Stopping,
    /// The second: no more rollbacks.
    StoppingRollbacks,
    /// The third: the engine ends at once.
    Leaving,
    /// The terminal is gone, the run goes on.
    HungUp,
    /// The supervisor is gone; what it ran is being settled.
    SupervisorLost,
    /// A command of an earlier engine is still running and is waited for.
    AwaitingSurvivor(CommandId),
    /// A step waits for a lock that another run has.
    AwaitingLock {
        /// The step.
        step: StepId,
        /// The lock, and who has it.
        lock: Box<Lock>,
    },
}

/// Why a run could not be driven to its rest. It can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// The supervisor cannot be started or reached.
    #[error("supervisor: {0}")]
    Supervisor(#[from] ClientError),
    /// What the supervisor kept cannot be read.
    #[error("supervisor: {0}")]
    Inbox(#[from] InboxError),
    /// The journal does not fit the plan.
    #[error("the journal does not fit the plan: {0}")]
    Illegal(#[from] IllegalEvent),
    /// The plan is not the one that the run was started with.
    #[error("the plan of the run was changed: its digest is {found}, the journal says {expected}")]
    PlanChanged {
        /// The digest of the plan as it lies there.
        found: String,
        /// The digest in the journal.
        expected: String,
    },
    /// The supervisor knows of a command that the journal does not.
    #[error("the journal has lost its end: `{command}` was started, and the journal does not know it")]
    LostEnd {
        /// The command.
        command: String,
    },
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What people say cannot be received.
    #[error("what people say cannot be heard: {0}")]
    Line(std::io::Error),
    /// Nothing can happen before people have answered, and nobody is to wait for them.
    #[error("the run waits for people")]
    AwaitsPeople,
    /// Signals cannot be received.
    #[error("signals: {0}")]
    Signals(std::io::Error),
    /// The driver cannot wait for what happens.
    #[error("waiting: {0}")]
    Wait(std::io::Error),
    /// The supervisor ended again and again.
    #[error("the supervisor ended {0} times")]
    Unsupervised(u32),
    /// The engine of a rehearsal was made to crash.
    #[error("the engine crashed")]
    Crashed,
    /// A rehearsal does not begin as the recorded one that it was to begin like.
    #[error("the rehearsal does not begin like the recorded one")]
    Differs,
    /// Nothing can ever happen any more in a rehearsal.
    #[error("nothing can ever happen any more: {0}")]
    StoodStill(String),
    /// A command of a rehearsal takes real time.
    #[error("{0}")]
    Hung(String),
    /// The sandbox of a rehearsal cannot be used.
    #[error("the rehearsal: {0}")]
    Rehearsal(String),
    /// Somebody asked for the engine to end at once.
    #[error("the engine was told to end at once")]
    Interrupted,
}

/// Whether an engine stays while nothing can happen before people have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It waits for them.
    Wait,
    /// It ends with [`DriveError::AwaitsPeople`].
    Leave,
}

/// Drives a run to its rest and returns its verdict. Used for a new run and to resume one: there is no difference.
///
/// The caller holds the run's lock. An error leaves the run as the journal has it.
pub fn drive(dir: &RunDir, _lock: &RunLock, patience: Patience, sink: &mut dyn Sink) -> Result<Verdict, DriveError> {
    let (mut world, past) = Live::open(dir)?;
    let run = replay(dir, &past)?;
    if let Some(verdict) = run.verdict().filter(|_| run.is_over()) {
        return Ok(verdict);
    }
    check_inbox(dir, &past)?;
    let is_secret = !run.plan().secrets.is_empty() || run.plan().publishes_secrets();
    if is_secret {
        sys::keep_memory_private();
    }
    let vault = fetch(run.plan(), &dir.about()?.dir)?;
    world.begin(&past, vault)?;
    dir.forget_summary();
    let (verdict, outputs) = Driver::new(dir, run, &past, &mut world, sink)?.with(patience).into_rest()?;
    let started_ms = dir.about()?.created_ms;
    let summary = Summary { verdict, started_ms, rested_ms: clock::now_ms(), outputs };
    // What the summary says is in the journal, too: a full disk must not stand between the verdict and the operator.
    let _unwritten = dir.write_summary(&summary);
    Ok(verdict)
}

/// Returns the run of a directory as its journal has it.
pub(crate) fn replay(dir: &RunDir, past: &[Envelope]) -> Result<Run, DriveError> {
    let plan = dir.plan()?;
    check_plan(&plan, past)?;
    Ok(Run::replay(Arc::new(plan), past.iter().map(|envelope| &envelope.event))?)
}

/// Refuses a plan that was changed after the run was started.
fn check_plan(plan: &Plan, past: &[Envelope]) -> Result<(), DriveError> {
    let Some(Event::RunStarted { plan: expected, .. }) = past.first().map(|first| &first.event) else {
        return Ok(());
    };
    let found = plan.digest();
    if found == *expected {
        return Ok(());
    }
    Err(DriveError::PlanChanged { found, expected: expected.clone() })
}
