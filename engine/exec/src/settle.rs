//! A human's word about a run at rest.

use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::{Event, Run};

use crate::clock;
use crate::driver::{DriveError, replay};
use crate::journal::{Recorder, Urgency};
use crate::secrets::fetch;
use crate::store::{RunDir, RunLock};

/// Records what a human says became of a doubt or an obligation, and returns the run as it stands then.
///
/// The word is durable when this returns. Nothing is started: that is for whoever drives the run next.
pub fn settle(dir: &RunDir, _lock: &RunLock, event: Event) -> Result<Run, DriveError> {
    let (mut recorder, envelopes) = Recorder::open(&dir.journal(), drop)?;
    let plan = dir.plan()?;
    let event = unspoken(event, &plan, dir)?;
    let mut run = Run::replay(Arc::new(plan), envelopes.iter().map(|envelope| &envelope.event))?;
    run.apply(&event)?;
    dir.forget_summary();
    recorder.append(clock::now_ms(), event);
    recorder.flush(Urgency::Now)?;
    Ok(run)
}

/// Masks secrets in what a human said, as far as they can be had: whoever settles a run must not have to wait for them.
fn unspoken(mut event: Event, plan: &Plan, dir: &RunDir) -> Result<Event, DriveError> {
    let vault = fetch(&plan.secrets, &dir.about()?.dir).unwrap_or_default();
    if let Event::Settled { by, note, .. } | Event::Ruled { by, note, .. } | Event::RollbackRequested { by, note } =
        &mut event
    {
        *by = vault.masked(by);
        *note = vault.masked(note);
    }
    Ok(event)
}

/// Returns a run as its journal has it.
pub fn replayed(dir: &RunDir) -> Result<Run, DriveError> {
    replay(dir, &crate::journal::read(&dir.journal())?)
}
