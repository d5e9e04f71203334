//! `firedrill runs`

use firedrill_exec::{About, RunDir, people, summary};
use firedrill_report::{RunRow, RunState, runs_json, runs_text};

use crate::args::Format;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

pub(super) fn runs(format: Format, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let runs = home.store()?.runs()?;
    let rows: Vec<RunRow> = runs.iter().map(|(dir, about)| row(dir, about)).collect();
    match format {
        Format::Json => terminal.print(&(runs_json(&rows) + "\n")),
        Format::Text if rows.is_empty() => terminal.print("there is no run yet\n"),
        Format::Text => terminal.print(&runs_text(&rows, terminal.zone, terminal.colour)),
    }
    Ok(Status::Done)
}

fn row(dir: &RunDir, about: &About) -> RunRow {
    let summary = summary(dir);
    let state = if dir.is_driven() {
        RunState::Running
    } else if summary.is_some() {
        RunState::AtRest
    } else if people::read(dir).is_ok_and(|run| !run.waiting_for().is_empty()) {
        RunState::Waiting
    } else {
        RunState::Interrupted
    };
    let rested = summary.as_ref().filter(|_| state == RunState::AtRest);
    RunRow {
        run: about.run.clone(),
        playbook: about.playbook.clone(),
        plan: about.plan.clone(),
        started_ms: about.created_ms,
        took_ms: rested.map(|summary| summary.rested_ms.saturating_sub(summary.started_ms)),
        state,
        verdict: rested.map(|summary| summary.verdict),
        is_sandboxed: about.sandbox.is_some(),
        is_drill: about.drill,
        target: about.target.clone(),
    }
}
