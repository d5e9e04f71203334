//! `firedrill show`

use std::sync::Arc;

use firedrill_exec::{RunDir, journal};
use firedrill_report::{AtRest, RunState, Shown, View, show_json, show_text};

use crate::args::{Format, ShowArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::past;
use crate::terminal::Terminal;

pub(super) fn show(args: &ShowArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(args.run.as_deref())?;
    let view = view(&dir)?;
    let state = match (dir.is_driven(), view.verdict()) {
        (true, _) => RunState::Running,
        (false, Some(_)) => RunState::AtRest,
        (false, None) if !view.waiting_for().is_empty() => RunState::Waiting,
        (false, None) => RunState::Interrupted,
    };
    let outputs = dir.summary().map(|summary| summary.outputs).unwrap_or_default();
    let about = dir.about()?;
    let measures = past::measures(&dir, &about, view.plan(), &home.store()?).filter(|_| state == RunState::AtRest);
    let rest = AtRest { outputs: &outputs, measures: measures.as_ref() };
    let shown = Shown { state, purpose: past::purpose(&about), rest };
    terminal.print(&match args.json.format() {
        Format::Json => show_json(&view, shown) + "\n",
        Format::Text => show_text(&view, shown, terminal.zone, terminal.columns, terminal.colour),
    });
    Ok(Status::Done)
}

/// Folds the journal of a run.
pub(super) fn view(dir: &RunDir) -> Result<View, Failure> {
    let envelopes = journal::read(&dir.journal()).map_err(|error| Failure::failed(error.to_string()))?;
    let view = View::fold(Arc::new(dir.plan()?), &envelopes);
    view.map_err(|error| Failure::failed(format!("the journal does not fit the plan: {error}")))
}
