//! `firedrill plan`

use std::collections::BTreeMap;

use firedrill_exec::Place;
use firedrill_model::plan::Plan;
use firedrill_model::resolve::Given;
use firedrill_report::{Purpose, plan_json, plan_text};

use crate::args::{Format, PlanArgs, PlaybookArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::inputs;
use crate::past;
use crate::playbook::{Loaded, load};
use crate::rehearsal;
use crate::terminal::Terminal;

pub(super) fn plan(
    args: &PlanArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let Resolved { plan, .. } = resolved(&args.playbook, &home, terminal)?;
    let place = if args.playbook.sandbox.is_some() { Place::Sandbox } else { Place::Real };
    let purpose = if args.drill { Purpose::Drill } else { Purpose::Work };
    let estimate = past::estimated(&plan, place, purpose, home().ok().as_ref());
    let estimate = estimate.as_ref();
    terminal.print(&match args.json.format() {
        Format::Text => plan_text(&plan, estimate, terminal.columns, terminal.colour),
        Format::Json => plan_json(&plan, estimate) + "\n",
    });
    Ok(Status::Done)
}

/// A playbook with its plan.
pub(super) struct Resolved {
    pub(super) playbook: Loaded,
    pub(super) plan: Plan,
}

/// Loads a playbook and resolves it with the inputs of the sandbox, of files and of flags.
pub(super) fn resolved(
    args: &PlaybookArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Resolved, Failure> {
    let playbook = load(&args.file, terminal)?;
    let mut given: BTreeMap<String, Given> = match &args.sandbox {
        Some(world) => {
            let rehearsal = rehearsal::beside(&playbook, terminal)?;
            rehearsal::inputs(rehearsal.as_ref(), &super::sandbox::place(world.dir(), home)?)?
        }
        None => BTreeMap::new(),
    };
    inputs::gather(&mut given, &args.inputs, &args.input)?;
    let plan = playbook.plan(&given, terminal)?;
    Ok(Resolved { playbook, plan })
}
