//! `run-errand`.

use serde::{Deserialize, Serialize};

use crate::fault::FaultPoint;
use crate::foundation::{Deed, Deployment, Instance};
use crate::pace::Phase;
use crate::tasks::{Step, Task};

use super::follow::Telling;
use super::session::{Session, Stop};
use super::table::Table;

/// What an errand left, as the director tells it.
#[derive(Debug, Serialize, Deserialize)]
struct ErrandResult {
    instance: String,
    exit_code: u8,
    stdout: String,
    stderr: String,
}

/// Runs an errand, and fails if it did.
pub(super) fn run(session: &mut Session) -> Result<(), Stop> {
    let name = session.invocation.arg(0).to_owned();
    let doing = format!("Running errand '{name}'");
    let (_, deployment) = session.deployment()?;
    if !deployment.errands.contains(&name) {
        return Err(session.not_found(510_000, &format!("Errand '{name}' doesn't exist")));
    }
    let steps = steps(session, &deployment, &name)?;
    let order = session.new_order(&deployment.name, "run errand", steps);
    let task = session.order(&doing, order, Telling::Events)?;
    summarize(session, &name, &task)
}

fn steps(session: &Session, deployment: &Deployment, name: &str) -> Result<Vec<Step>, Stop> {
    let instance = place(session, deployment)?;
    let slug = instance.name();
    let fault = session.world.strike(FaultPoint::ERRAND)?;
    let exit_code = fault.as_ref().map_or(0, |fault| fault.exit);
    let stderr = fault.map_or_else(String::new, |fault| fault.said(name) + "\n");
    let stdout = if exit_code == 0 { format!("{name}: done\n") } else { String::new() };
    let result = ErrandResult { instance: slug.clone(), exit_code, stdout, stderr };
    let result = serde_json::to_string(&result).expect("a result has string keys and plain values");
    Ok(vec![
        Step::new("Preparing deployment", "Preparing deployment", session.takes(Phase::BOSH_PREPARE), Deed::Nothing),
        Step::new(
            "Running errand",
            format!("{slug} ({})", instance.index),
            session.takes(Phase::BOSH_ERRAND),
            Deed::Yield(result),
        ),
    ])
}

/// Returns the instance on which an errand runs: the one that was chosen, or the first.
fn place<'d>(session: &Session, deployment: &'d Deployment) -> Result<&'d Instance, Stop> {
    let chosen = match session.invocation.value("instance") {
        Some(slug) => deployment.instance(slug),
        None => deployment.instances.first(),
    };
    chosen.ok_or_else(|| Stop::failed(&["Did not find any instance to run the errand on"]))
}

fn summarize(session: &mut Session, name: &str, task: &Task) -> Result<(), Stop> {
    let results: Vec<ErrandResult> = task.output.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let row = |result: &ErrandResult| {
        vec![result.instance.clone(), result.exit_code.to_string(), result.stdout.clone(), result.stderr.clone()]
    };
    let titles = ["Instance", "Exit Code", "Stdout", "Stderr"];
    session.screen.table(Table::new("errand(s)", &titles, results.iter().map(row).collect()).transposed().noted(&[]));
    match results.iter().map(|result| result.exit_code).find(|code| *code != 0) {
        None => Ok(()),
        Some(code) if code > 128 => Err(Stop::failed(&[&format!("Errand '{name}' was canceled (exit code {code})")])),
        Some(code) => Err(Stop::failed(&[&format!("Errand '{name}' completed with error (exit code {code})")])),
    }
}
