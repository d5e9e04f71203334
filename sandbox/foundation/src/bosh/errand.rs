//! `run-errand`.

use crate::foundation::errand::{Errand, ErrandResult};
use crate::foundation::{Deed, Deployment, Instance};
use crate::pace::Phase;
use crate::tasks::{Step, Task};

use super::follow::Telling;
use super::session::{Session, Stop};
use super::table::Table;

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
    let errand = Errand { deployment: deployment.name.clone(), name: name.to_owned(), instance: slug.clone() };
    Ok(vec![
        Step::new("Preparing deployment", "Preparing deployment", session.takes(Phase::BOSH_PREPARE), Deed::Nothing),
        Step::new(
            "Running errand",
            format!("{slug} ({})", instance.index),
            session.takes(Phase::BOSH_ERRAND),
            Deed::Run(errand),
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
