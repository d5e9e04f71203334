//! Which instances of apps run: those whose cells do.

use crate::foundation::{Foundation, Instance, ProcessState};

use super::Catalog;
use super::catalog::{Actual, App, Desired};

/// The job of the cells.
const CELL_JOB: &str = "rep";

/// What the names of deployments begin with whose cells are isolated.
const ISOLATED: &str = "p-isolation-segment";

/// Returns how many instances of an app run: all, if a cell of its segment does.
pub(crate) fn running(foundation: &Foundation, catalog: &Catalog, app: &App) -> u32 {
    let is_isolated = app.placed.as_deref().is_some_and(|guid| catalog.segment_by_guid(guid).is_some());
    if app.desired == Desired::Stopped || app.actual == Actual::Crashed || cells(foundation, is_isolated) == 0 {
        return 0;
    }
    app.instances
}

/// Returns what an instance of a started app is that does not run.
pub(crate) fn failing_state(app: &App) -> &'static str {
    match app.actual {
        Actual::Crashed => "crashed",
        Actual::Running => "down",
    }
}

fn cells(foundation: &Foundation, is_isolated: bool) -> usize {
    let has_cells = |name: &str| name.starts_with(ISOLATED) == is_isolated;
    let deployed = foundation.instances().filter(|(deployment, _)| has_cells(&deployment.name));
    deployed.filter(|(_, instance)| is_cell(instance)).count()
}

fn is_cell(instance: &Instance) -> bool {
    let rep = instance.processes.iter().find(|process| process.name == CELL_JOB);
    instance.answers() && rep.is_some_and(|rep| rep.state == ProcessState::Running)
}
