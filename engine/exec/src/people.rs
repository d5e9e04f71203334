//! What people say about a run: recorded by the engine that drives it, or at once if none does.
//!
//! There is one way to say something, whoever says it: the terminal of the run, another terminal, or a program. What an engine
//! was told is in the journal, durable, before anybody hears that it was recorded.

mod line;
mod shown;

use std::thread;
use std::time::{Duration, Instant};

use firedrill_run::{CommandId, Event, Response, Run};

use crate::clock;
use crate::driver::{DriveError, replay};
use crate::journal::{self, Recorder, Urgency};
use crate::questions::Known;
use crate::secrets::{Vault, unspoken};
use crate::store::{RunDir, RunLock, StoreError};

pub(crate) use line::{Ear, listen};
pub use shown::{Shown, ShownStep, ShownText, shown};
pub(crate) use shown::{differs, keep};

/// How long an engine that starts or ends is given to do so.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Something that a human says, and whom to tell what became of it.
pub(crate) struct Word {
    pub(crate) event: Event,
    /// Told once it is recorded or refused.
    pub(crate) ear: Option<Ear>,
}

/// How something that was said has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// By the engine that drives the run, which goes on with it.
    ByEngine,
    /// For the next engine: none drives the run.
    ForLater,
}

/// Why something that was said was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// It means nothing as the run stands.
    #[error("{0}")]
    Refused(String),
    /// The run cannot be used.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The engine does not listen.
    #[error("the engine that drives the run does not listen: {0}")]
    Deaf(std::io::Error),
}

impl From<StoreError> for SayError {
    fn from(error: StoreError) -> SayError {
        SayError::Drive(error.into())
    }
}

/// Records something that a human says of a run, whether an engine drives it or not.
///
/// It is durable when this returns.
pub fn say(dir: &RunDir, event: &Event) -> Result<Heard, SayError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match dir.lock() {
            Ok(lock) => return record(dir, &lock, event.clone()).map(|_run| Heard::ForLater),
            Err(StoreError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match line::tell(dir, event) {
            Ok(Ok(())) => return Ok(Heard::ByEngine),
            Ok(Err(why)) => return Err(SayError::Refused(why)),
            Err(error) if Instant::now() >= until => return Err(SayError::Deaf(error)),
            Err(_) => thread::sleep(BETWEEN_TRIES),
        }
    }
}

/// Records something that a human says of a run that nobody drives, and returns the run as it stands then.
///
/// It is durable when this returns. Nothing is started: that is for whoever drives the run next.
pub fn record(dir: &RunDir, _lock: &RunLock, mut event: Event) -> Result<Run, SayError> {
    let (mut recorder, envelopes) = Recorder::open(&dir.journal(), drop).map_err(DriveError::from)?;
    let mut run = replay(dir, &envelopes)?;
    unspoken(&mut event, run.plan(), dir)?;
    let started_at = clock::rfc3339(dir.about()?.created_ms);
    let lengths = crate::driver::lengths(&envelopes);
    let vault = Vault::default();
    let known = Known { run: &run, dir, started_at: &started_at, lengths: &lengths, vault: &vault };
    bind(&known, &mut event);
    check(&known, &event).map_err(SayError::Refused)?;
    run.apply(&event).map_err(DriveError::from)?;
    dir.forget_summary();
    recorder.append(clock::now_ms(), event);
    recorder.flush(Urgency::Now).map_err(DriveError::from)?;
    Ok(run)
}

/// Returns whether an event is something that people say of a run, whether it is being driven or not.
pub(crate) fn is_word(event: &Event) -> bool {
    matches!(event, Event::Answered { .. } | Event::Ruled { .. } | Event::Settled { .. })
}

/// Binds an approval that names the beginning of a hash, or nothing, to what there is to be shown now.
pub(crate) fn bind(known: &Known<'_>, event: &mut Event) {
    let Event::Answered { command, response: Response::Approved, shown: seen, .. } = event else { return };
    let present = shown::of(known, command).map(|shown| shown.digest()).unwrap_or_default();
    if present.starts_with(seen.as_str()) {
        *seen = present;
    }
}

/// Returns why a word cannot be recorded as the run stands. What is approved is kept beside the journal.
pub(crate) fn check(known: &Known<'_>, event: &Event) -> Result<(), String> {
    known.run.clone().apply(event).map_err(|illegal| illegal.why.to_owned())?;
    let Event::Answered { command, response: Response::Approved, shown: seen, .. } = event else { return Ok(()) };
    let present = shown::of(known, command).ok_or("nobody is asked that")?;
    if present.digest() != *seen {
        return Err("what is to be approved is no longer what was shown: look at it again".to_owned());
    }
    keep(known.dir, command, &present).map_err(|error| format!("what was shown cannot be kept: {error}"))
}

/// Reads a run as its journal has it.
pub fn read(dir: &RunDir) -> Result<Run, DriveError> {
    replay(dir, &journal::read(&dir.journal())?)
}

/// Returns the question that a name such as `STEP`, `STEP.rollback` or that of a command means, if people are asked it.
pub fn question(run: &Run, name: &str) -> Option<CommandId> {
    let is_meant = |id: &CommandId| {
        let step = id.step().map(ToString::to_string).unwrap_or_default();
        id.to_string() == name || format!("{step}.{}", id.role) == name || (step == name && !id.is_hook())
    };
    let asked = run.waiting_for().into_iter().map(|waiting| waiting.command);
    let asked: Vec<CommandId> = asked.collect();
    let of_step = |id: &&CommandId| id.step().is_some_and(|step| step.as_str() == name);
    let only = || asked.iter().find(of_step).filter(|_| asked.iter().filter(of_step).count() == 1);
    asked.iter().find(|id| is_meant(id)).or_else(only).cloned()
}
