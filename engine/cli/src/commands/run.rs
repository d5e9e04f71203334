//! `firedrill run`

use std::sync::Arc;

use firedrill_exec::{About, Provenance, RunDir, RunLock, clock, drive, journal};
use firedrill_model::plan::Plan;

use super::plan::{Resolved, resolved};
use super::sandbox;
use crate::args::{Format, RunArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::past;
use crate::run_id;
use crate::screen::Screen;
use crate::surroundings::{self, ABOUT_VERSION};
use crate::terminal::Terminal;

pub(super) fn run(args: &RunArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let place = || Home::find(Some(home.path()));
    let Resolved { playbook, plan } = resolved(&args.playbook, place, terminal)?;
    accepted(&plan, &args.accept_irreversible)?;
    let world = match &args.playbook.sandbox {
        Some(world) => Some(sandbox::ready(&sandbox::place(world.dir(), place)?)?),
        None => None,
    };
    let env = match &world {
        Some(world) => surroundings::of_world(world).map_err(|error| Failure::failed(error.to_string()))?,
        None => surroundings::inherited(),
    };
    let created_ms = clock::now_ms();
    let about = About {
        version: ABOUT_VERSION,
        run: args.id.clone().unwrap_or_else(|| run_id::new(&plan.playbook, created_ms)),
        playbook: plan.playbook.clone(),
        plan: plan.digest(),
        created_ms,
        dir: playbook.dir().to_owned(),
        provenance: Provenance::of(playbook.path()),
        env,
        sandbox: world.map(|world| world.root().to_owned()),
        drill: args.drill,
    };
    let (dir, lock) = home.store()?.create(&about, &plan)?;
    to_rest(&dir, &lock, home, args.json.format(), terminal)
}

/// Drives a run to its rest on the screen.
pub(super) fn to_rest(
    dir: &RunDir,
    lock: &RunLock,
    home: &Home,
    format: Format,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let past = journal::read(&dir.journal()).map_err(|error| Failure::failed(error.to_string()))?;
    let plan = Arc::new(dir.plan()?);
    let about = dir.about()?;
    let screen = Screen::new(dir, Arc::clone(&plan), (past::purpose(&about), &past), terminal, format);
    let mut screen = screen.map_err(|error| Failure::failed(format!("the journal does not fit the plan: {error}")))?;
    let verdict = drive(dir, lock, &mut screen)?;
    let is_shown = plan.objectives.is_some() || format == Format::Json;
    let measures = if is_shown { past::measures(dir, &about, &plan, &home.store()?) } else { None };
    screen.end(measures.as_ref());
    Ok(verdict.into())
}

/// Refuses a plan with a point of no return that nobody accepted, and what was accepted and is none.
fn accepted(plan: &Plan, accepted: &[String]) -> Result<(), Failure> {
    let irreversible: Vec<&str> =
        plan.steps.iter().filter(|step| step.effect.irreversible).map(|step| step.id.as_str()).collect();
    if let Some(other) = accepted.iter().find(|id| !irreversible.contains(&id.as_str())) {
        return Err(Failure::usage(format!("`{other}` is no irreversible step of this playbook")));
    }
    let missing: Vec<&str> =
        irreversible.into_iter().filter(|id| !accepted.iter().any(|accepted| accepted == id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let flags: Vec<String> = missing.iter().map(|id| format!("--accept-irreversible {id}")).collect();
    let message = format!("what {} does cannot be undone, and nobody has accepted that", missing.join(" and "));
    Err(Failure::invalid(message).help(format!("look at the plan, then add {}", flags.join(" "))))
}
