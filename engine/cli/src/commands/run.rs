//! `firedrill run`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firedrill_exec::{
    About, DriveError, Locks, Patience, PlanFile, PlanFileError, Provenance, RunDir, RunLock, Store, StoreError,
    check_secrets, clock, drive, journal,
};
use firedrill_model::plan::Plan;
use firedrill_model::units;

use super::plan::prepared;
use super::sandbox;
use crate::args::{Format, RunArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::past;
use crate::question;
use crate::run_id;
use crate::screen::Screen;
use crate::surroundings::{self, ABOUT_VERSION};
use crate::target;
use crate::terminal::{self, Terminal};

/// How often a lock that is waited for is looked at.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

pub(super) fn run(args: &RunArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let place = || Home::find(Some(home.path()));
    let planned = match (&args.plan, &args.file) {
        (Some(approved), _) => self::approved(approved)?,
        (None, Some(file)) => PlanFile { drill: args.drill, ..prepared(file, &args.given, place, terminal)?.planned },
        (None, None) => return Err(Failure::usage("neither a playbook nor a plan is given")),
    };
    accepted(&planned.plan, &args.accept_irreversible)?;
    let (playbook, target) = (&planned.provenance.path, planned.target.as_deref());
    target::allowed(&planned, args.confirm.as_deref(), playbook, target)?;
    let secrets = check_secrets(&planned.plan, planned.dir());
    secrets.map_err(|error| Failure::refused(error.to_string()).help("nothing was started"))?;
    let skips = skips(&planned.plan, &args.skip, &args.note)?;
    let about = About { skips, ..about(&planned, args.id.as_deref())? };
    let (dir, lock) = create(&home.store()?, &about, &planned.plan, args.wait_lock)?;
    let manner = Manner { format: args.json.format(), patience: patience(args.no_wait) };
    to_rest(&dir, &lock, home, manner, terminal)
}

/// Reads a plan that was written to be run, unless something differs by now.
fn approved(path: &Path) -> Result<PlanFile, Failure> {
    let planned = PlanFile::read(path).map_err(|error| match &error {
        PlanFileError::Changed { .. } => {
            Failure::refused(error.to_string()).help("only the plan that was approved is run: make it anew")
        }
        PlanFileError::Format { .. } => {
            Failure::refused(error.to_string()).help("make the plan anew with this engine, and have it approved")
        }
        PlanFileError::Store(StoreError::Io { .. }) => Failure::usage(error.to_string()),
        PlanFileError::NoPlan { .. } | PlanFileError::Store(_) => Failure::refused(error.to_string()),
    })?;
    let differences = planned.differences();
    if differences.is_empty() {
        return Ok(planned);
    }
    let message = format!("{} is no longer what would be run: {}", path.display(), differences.join("; "));
    Err(Failure::refused(message).help("make the plan anew, and have it approved"))
}

/// Returns the steps that are left out, each with why.
fn skips(plan: &Plan, steps: &[String], notes: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    if notes.len() > 1 && notes.len() != steps.len() {
        return Err(Failure::usage("there must be one --note for each --skip, or one for all"));
    }
    let skips = steps.iter().zip(notes.iter().cycle()).map(|(step, note)| match plan.step_index(step) {
        Some(_) if note.trim().is_empty() => Err(Failure::usage("--note says why a step is left out")),
        Some(_) => Ok((step.clone(), note.clone())),
        None => Err(Failure::usage(format!("--skip: there is no step `{step}`"))),
    });
    skips.collect()
}

/// Returns what is fixed of a run that is about to be created, having readied its sandbox.
fn about(planned: &PlanFile, id: Option<&str>) -> Result<About, Failure> {
    let world = planned.sandbox.as_deref().map(sandbox::ready).transpose()?;
    let env = match &world {
        Some(world) => surroundings::of_world(world).map_err(|error| Failure::failed(error.to_string()))?,
        None => surroundings::inherited(),
    };
    let created_ms = clock::now_ms();
    let plan = &planned.plan;
    Ok(About {
        version: ABOUT_VERSION,
        run: id.map_or_else(|| run_id::new(&plan.playbook, created_ms), str::to_owned),
        playbook: plan.playbook.clone(),
        plan: plan.digest(),
        created_ms,
        dir: planned.dir().to_owned(),
        provenance: Provenance::of(&planned.provenance.path, &planned.used(), planned.target.as_deref()),
        env,
        sandbox: world.map(|world| world.root().to_owned()),
        drill: planned.drill,
        target: plan.target.as_ref().map(|target| target.name.clone()),
        skips: BTreeMap::new(),
        by: Some(question::user()),
    })
}

/// Creates a run; waits for its locks for as long as somebody is willing to.
fn create(
    store: &Store,
    about: &About,
    plan: &Plan,
    patience: Option<units::Duration>,
) -> Result<(RunDir, RunLock), Failure> {
    let until = Instant::now() + patience.unwrap_or_default().as_std();
    let mut is_told = false;
    loop {
        match store.create(about, plan) {
            Err(StoreError::Locked(lock)) if Instant::now() < until => {
                if !is_told {
                    terminal::tell(&format!("waiting: {lock}\n"));
                    is_told = true;
                }
                std::thread::sleep(BETWEEN_TRIES);
            }
            created => return Ok(created?),
        }
    }
}

/// How a run is driven and shown.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) format: Format,
    pub(super) patience: Patience,
}

/// Returns whether people are waited for.
pub(super) fn patience(no_wait: bool) -> Patience {
    if no_wait { Patience::Leave } else { Patience::Wait }
}

/// Drives a run to its rest on the screen.
pub(super) fn to_rest(
    dir: &RunDir,
    lock: &RunLock,
    home: &Home,
    Manner { format, patience }: Manner,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let past = journal::read(&dir.journal()).map_err(|error| Failure::failed(error.to_string()))?;
    let plan = Arc::new(dir.plan()?);
    let about = dir.about()?;
    let screen = Screen::new(dir, Arc::clone(&plan), (past::purpose(&about), &past), terminal, format);
    let mut screen = screen.map_err(|error| Failure::failed(format!("the journal does not fit the plan: {error}")))?;
    if patience == Patience::Wait {
        screen.ask_here();
    }
    let verdict = match drive(dir, lock, patience, &mut screen) {
        Err(DriveError::AwaitsPeople) => {
            screen.leave();
            return Ok(Status::Waiting);
        }
        driven => driven?,
    };
    Locks::of(&home.store()?)?.give_back(dir, lock)?;
    let is_shown = plan.objectives.is_some() || format == Format::Json;
    let measures = if is_shown { past::measures(dir, &about, &plan, &home.store()?) } else { None };
    screen.end(measures.as_ref());
    Ok(verdict.into())
}

/// Refuses a plan with a point of no return that nobody has to approve of and nobody accepted, and what was accepted and is
/// none.
fn accepted(plan: &Plan, accepted: &[String]) -> Result<(), Failure> {
    let irreversible: Vec<usize> = (0..plan.steps.len()).filter(|&at| plan.steps[at].effect.irreversible).collect();
    let id = |at: usize| plan.steps[at].id.as_str();
    if let Some(other) = accepted.iter().find(|accepted| irreversible.iter().all(|&at| id(at) != accepted.as_str())) {
        return Err(Failure::usage(format!("`{other}` is no irreversible step of this playbook")));
    }
    let is_accepted = |at: usize| plan.is_approved_before(at) || accepted.iter().any(|accepted| accepted == id(at));
    let missing: Vec<&str> = irreversible.into_iter().filter(|&at| !is_accepted(at)).map(id).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let flags: Vec<String> = missing.iter().map(|id| format!("--accept-irreversible {id}")).collect();
    let message = format!(
        "what {} does cannot be undone, and nobody has to approve of it or has accepted that",
        missing.join(" and ")
    );
    Err(Failure::invalid(message)
        .help(format!("look at the plan, then add {}, or let it need an `approve`", flags.join(" "))))
}
