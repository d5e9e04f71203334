//! A human's word about a run at rest.

use std::sync::Arc;

use firedrill_run::{Event, Run};

use crate::clock;
use crate::driver::{DriveError, replay};
use crate::journal::{Recorder, Urgency};
use crate::secrets::unspoken;
use crate::store::{RunDir, RunLock};

/// Records what a human says became of a doubt or an obligation, and returns the run as it stands then.
///
/// The word is durable when this returns. Nothing is started: that is for whoever drives the run next.
pub fn settle(dir: &RunDir, _lock: &RunLock, mut event: Event) -> Result<Run, DriveError> {
    let (mut recorder, envelopes) = Recorder::open(&dir.journal(), drop)?;
    let plan = dir.plan()?;
    unspoken(&mut event, &plan, dir)?;
    let mut run = Run::replay(Arc::new(plan), envelopes.iter().map(|envelope| &envelope.event))?;
    run.apply(&event)?;
    dir.forget_summary();
    recorder.append(clock::now_ms(), event);
    recorder.flush(Urgency::Now)?;
    Ok(run)
}

/// Returns a run as its journal has it.
pub fn replayed(dir: &RunDir) -> Result<Run, DriveError> {
    replay(dir, &crate::journal::read(&dir.journal())?)
}
