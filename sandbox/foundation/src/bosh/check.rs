//! Cloud check, and recovery plans.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::foundation::Deed;
use crate::foundation::problem::{Problem, ProblemKind, Resolution};
use crate::pace::Phase;
use crate::tasks::{Order, Step};

use super::follow::Telling;
use super::listing;
use super::session::{Session, Stop};
use super::table::Table;

/// `cloud-check`: reports what is wrong, and does about it what was chosen.
pub(super) fn cloud_check(session: &mut Session) -> Result<(), Stop> {
    let problems = scan(session)?;
    session.screen.table(listing::problems(&problems));
    if problems.is_empty() {
        return Ok(());
    }
    if session.invocation.has("report") {
        return Err(Stop::failed(&[&format!("{} problem(s) found", problems.len())]));
    }
    let wanted = session.invocation.values("resolution");
    let answers = if session.invocation.has("auto") {
        problems.iter().map(|problem| (problem.clone(), problem.kind.usual())).collect()
    } else if wanted.is_empty() {
        ask(session, &problems)?
    } else {
        problems.iter().map(|problem| (problem.clone(), first_offered(problem.kind, wanted))).collect()
    };
    session.confirm()?;
    apply(session, &answers)
}

/// Returns the first resolution that is wanted and offered; a problem that offers none of them is ignored.
fn first_offered(kind: ProblemKind, wanted: &[String]) -> Resolution {
    let offered = |name: &String| kind.resolutions().iter().find(|resolution| resolution.name() == name);
    wanted.iter().find_map(offered).copied().unwrap_or(Resolution::Ignore)
}

fn ask(session: &mut Session, problems: &[Problem]) -> Result<Vec<(Problem, Resolution)>, Stop> {
    let mut answers = Vec::new();
    for problem in problems {
        let resolution = choose(session, &problem.description, problem.kind)?;
        answers.push((problem.clone(), resolution));
    }
    Ok(answers)
}

fn choose(session: &mut Session, label: &str, kind: ProblemKind) -> Result<Resolution, Stop> {
    let plans: Vec<&str> = kind.resolutions().iter().map(|resolution| resolution.plan()).collect();
    let index = session.choose(label, &plans)?;
    Ok(kind.resolutions()[index])
}

fn scan(session: &mut Session) -> Result<Vec<Problem>, Stop> {
    let name = session.invocation.deployment.clone();
    let doing = format!("Performing a scan on deployment '{name}'");
    let (foundation, _) = session.deployment()?;
    let tally = foundation.tally(&name);
    let stage = format!("Scanning {} VMs", tally.scanned);
    let well = tally.scanned - tally.silent - tally.missing;
    let found = format!("{well} OK, {} unresponsive, {} missing, 0 unbound", tally.silent, tally.missing);
    let steps = vec![
        Step::new(&stage, "Checking VM states", session.takes(Phase::BOSH_SCAN), Deed::Nothing),
        Step::new(&stage, found, Duration::ZERO, Deed::Scan(name.clone())),
    ];
    let order = session.new_order(&name, "scan cloud", steps);
    session.order(&doing, order, Telling::Events)?;
    Ok(session.world.foundation()?.recorded_problems(&name))
}

fn apply(session: &mut Session, answers: &[(Problem, Resolution)]) -> Result<(), Stop> {
    let name = session.invocation.deployment.clone();
    let step = |(problem, resolution): &(Problem, Resolution)| {
        let takes = takes(session, *resolution);
        let deed = Deed::Resolve(problem.clone(), *resolution);
        Step::new("Applying problem resolutions", resolution.name(), takes, deed).going_on()
    };
    let steps = answers.iter().map(step).collect();
    let result = format!("{} resolved", answers.len());
    let order = Order { result, ..session.new_order(&name, "apply resolutions", steps) };
    session.order(&format!("Resolving problems for deployment '{name}'"), order, Telling::Events)?;
    Ok(())
}

fn takes(session: &Session, resolution: Resolution) -> Duration {
    match resolution {
        Resolution::Ignore | Resolution::Close => Duration::ZERO,
        Resolution::RecreateVm => session.takes(Phase::BOSH_RECREATE) + session.takes(Phase::BOSH_UPDATE),
        Resolution::RecreateVmWithoutWait => session.takes(Phase::BOSH_RECREATE),
        Resolution::RebootVm | Resolution::ReattachDiskAndReboot => session.takes(Phase::BOSH_UPDATE),
        Resolution::DeleteVm
        | Resolution::DeleteVmReference
        | Resolution::DeleteDiskReference
        | Resolution::ActivateDisk
        | Resolution::DeleteDisk
        | Resolution::ReattachDisk => session.takes(Phase::BOSH_REPAIR),
    }
}

/// A recovery plan: what is to be done about each kind of problem of each instance group.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecoveryPlan {
    instance_groups_plan: Vec<GroupPlan>,
}

#[derive(Debug, Serialize, Deserialize)]
struct GroupPlan {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_in_flight_override: Option<serde_json::Value>,
    planned_resolutions: BTreeMap<ProblemKind, Resolution>,
}

/// `create-recovery-plan`: asks for each group and kind of problem, and writes the answers down.
pub(super) fn create_plan(session: &mut Session) -> Result<(), Stop> {
    let problems = scan(session)?;
    if problems.is_empty() {
        session.screen.line("No problems found\n");
        return Ok(());
    }
    let mut plan = RecoveryPlan::default();
    for group in groups(&problems) {
        session.screen.line(&format!("Instance Group '{group}'\n"));
        let of_group: Vec<&Problem> = problems.iter().filter(|problem| problem.group == group).collect();
        let planned_resolutions = plan_group(session, &of_group)?;
        // The client writes the override down only if the answer is yes; the sandbox keeps to the manifest's value.
        let declined = session.confirm_with("Override current max_in_flight value of '1'?");
        let max_in_flight_override = declined.is_ok().then(|| "1".into());
        plan.instance_groups_plan.push(GroupPlan { name: group, max_in_flight_override, planned_resolutions });
    }
    let path = session.invocation.arg(0);
    let text = serde_saphyr::to_string(&plan).map_err(|error| Stop::failed(&[&error.to_string()]))?;
    fs::write(path, text).map_err(|error| Stop::failed(&[&format!("Writing file {path}"), &error.to_string()]))
}

fn plan_group(session: &mut Session, problems: &[&Problem]) -> Result<BTreeMap<ProblemKind, Resolution>, Stop> {
    let kinds: BTreeSet<&str> = problems.iter().map(|problem| problem.kind.name()).collect();
    let mut planned = BTreeMap::new();
    for name in kinds {
        let of_kind: Vec<&&Problem> = problems.iter().filter(|problem| problem.kind.name() == name).collect();
        let rows = of_kind.iter().map(|problem| vec![problem.id.to_string(), problem.description.clone()]).collect();
        session.screen.table(Table::new(format!("{name} problems"), &["#", "Description"], rows));
        let kind = of_kind[0].kind;
        planned.insert(kind, choose(session, name, kind)?);
    }
    Ok(planned)
}

fn groups(problems: &[Problem]) -> BTreeSet<String> {
    problems.iter().map(|problem| problem.group.clone()).collect()
}

/// `recover`: applies a recovery plan to the problems that there are by now.
pub(super) fn recover(session: &mut Session) -> Result<(), Stop> {
    let problems = scan(session)?;
    if problems.is_empty() {
        session.screen.line("No problems found\n");
        return Ok(());
    }
    let plan = read_plan(session.invocation.arg(0))?;
    for group in groups(&problems) {
        summarize(session, &plan, &group, &problems);
    }
    session.confirm()?;
    let planned = problems.iter().filter_map(|problem| Some((problem.clone(), plan.resolution(problem)?)));
    let answers: Vec<(Problem, Resolution)> = planned.collect();
    apply(session, &answers)
}

fn read_plan(path: &str) -> Result<RecoveryPlan, Stop> {
    let text = fs::read_to_string(path)
        .map_err(|error| Stop::failed(&[&format!("Reading file {path}"), &error.to_string()]))?;
    serde_saphyr::from_str(&text).map_err(|error| Stop::failed(&[&format!("Parsing {path}"), &error.to_string()]))
}

fn summarize(session: &mut Session, plan: &RecoveryPlan, group: &str, problems: &[Problem]) {
    let rows = problems.iter().filter(|problem| problem.group == group).map(|problem| {
        let planned = plan.resolution(problem).map_or("No resolution planned", Resolution::plan);
        vec![problem.id.to_string(), planned.to_owned(), problem.description.clone()]
    });
    session.screen.table(Table::new("", &["#", "Planned resolution", "Description"], rows.collect()));
}

impl RecoveryPlan {
    /// Returns what is planned for a problem, if its kind offers it.
    fn resolution(&self, problem: &Problem) -> Option<Resolution> {
        let group = self.instance_groups_plan.iter().find(|group| group.name == problem.group)?;
        let planned = group.planned_resolutions.get(&problem.kind).copied();
        planned.filter(|resolution| problem.kind.resolutions().contains(resolution))
    }
}
