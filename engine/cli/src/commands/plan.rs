//! `firedrill plan`

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_exec::{Place, PlanFile, PlanFileError, Provenance, clock};
use firedrill_model::resolve::Given;
use firedrill_report::{Purpose, plan_json, plan_text};

use crate::args::{Format, GivenArgs, PlanArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::inputs;
use crate::past;
use crate::playbook::{Loaded, load};
use crate::rehearsal;
use crate::target::{self, TargetFile};
use crate::terminal::{self, Terminal};

pub(super) fn plan(
    args: &PlanArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let Prepared { mut planned, .. } = prepared(&args.file, &args.given, &home, terminal)?;
    planned.drill = args.drill;
    let target = planned.plan.target.as_ref().map(|target| target.name.clone());
    let place = if planned.sandbox.is_some() { Place::Sandbox } else { Place::Real(target) };
    let purpose = if args.drill { Purpose::Drill } else { Purpose::Work };
    let estimate = past::estimated(&planned.plan, &place, purpose, home().ok().as_ref());
    let estimate = estimate.as_ref();
    terminal.print(&match args.json.format() {
        Format::Text => plan_text(&planned.plan, estimate, terminal.columns, terminal.colour),
        Format::Json => plan_json(&planned.plan, estimate) + "\n",
    });
    if let Some(out) = &args.out {
        write(planned, out)?;
    }
    Ok(Status::Done)
}

/// Writes a plan for somebody to approve and to run.
fn write(planned: PlanFile, out: &Path) -> Result<(), Failure> {
    let provenance = Provenance::of(&planned.provenance.path, &planned.used(), planned.target.as_deref());
    let written = PlanFile { provenance, ..planned }.write(out);
    written.map_err(|error: PlanFileError| Failure::failed(error.to_string()))?;
    let out = out.display();
    terminal::tell(&format!("written to {out}: `firedrill run --plan {out}` runs exactly this plan, or nothing\n"));
    Ok(())
}

/// A plan with the rehearsal whose inputs it has.
pub(super) struct Prepared {
    /// The rehearsal beside the playbook, if it is planned for the sandbox and there is one.
    pub(super) rehearsal: Option<rehearsal::Loaded>,
    /// The plan with everything that a run of it needs.
    pub(super) planned: PlanFile,
}

/// Loads a playbook and resolves it with the inputs of the sandbox, the target, files and flags.
///
/// Git is not asked: what the plan's file says of the repository is left open.
pub(super) fn prepared(
    file: &Path,
    args: &GivenArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Prepared, Failure> {
    let playbook = load(file, terminal)?;
    let sandbox = args.sandbox.as_ref().map(|world| super::sandbox::place(world.dir(), &home)).transpose()?;
    let rehearsal = sandbox.as_ref().map(|_| rehearsal::beside(&playbook, terminal)).transpose()?.flatten();
    let mut given: BTreeMap<String, Given> = match &sandbox {
        Some(world) => {
            let mut given = inputs::made_up(playbook.checked());
            given.extend(rehearsal::inputs(rehearsal.as_ref(), world)?);
            given
        }
        None => BTreeMap::new(),
    };
    let target_file = args.target.as_deref().map(|name| TargetFile::load(name, &playbook, terminal)).transpose()?;
    let mut target = None;
    if let Some(file) = &target_file {
        let resolved = file.resolve(&playbook, terminal)?;
        if sandbox.is_some() {
            target::no_sandbox(&resolved.target)?;
        }
        given.extend(resolved.given);
        target = Some(resolved.target);
    }
    inputs::gather(&mut given, &args.inputs, &args.input)?;
    inputs::gather_secrets(&mut given, &args.secret)?;
    let place = match (&sandbox, &target) {
        (Some(_), _) => Place::Sandbox,
        (None, target) => Place::Real(target.as_ref().map(|target| target.name.clone())),
    };
    let last = past::last(&playbook, &place, home)?;
    let plan = playbook.plan(&given, target, last, terminal)?;
    let engine = env!("CARGO_PKG_VERSION");
    let planned = PlanFile::new(engine, clock::now_ms(), unasked(&playbook), plan);
    let planned = PlanFile { target: target_file.map(|file| file.path), sandbox, ..planned };
    Ok(Prepared { rehearsal, planned })
}

/// Returns a provenance of which git has not been asked.
fn unasked(playbook: &Loaded) -> Provenance {
    Provenance { path: playbook.path().to_owned(), commit: None, is_dirty: false }
}
