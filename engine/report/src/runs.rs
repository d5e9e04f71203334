//! The list of runs.

use firedrill_run::Verdict;
use serde::Serialize;

use crate::diagnostics::Colour;
use crate::ending::tone;
use crate::ink::{Ink, Tone};
use crate::text::table;
use crate::words::{self, Zone};

/// A run in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// Its playbook's name.
    pub playbook: String,
    /// The digest of its plan.
    pub plan: String,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// How long it took until it came to rest, in milliseconds.
    pub took_ms: Option<u64>,
    /// Where it stands.
    pub state: RunState,
    /// Its verdict, once it has come to rest.
    pub verdict: Option<Verdict>,
    /// Whether it is against a sandbox.
    pub is_sandboxed: bool,
    /// Whether it is a drill on a real foundation.
    pub is_drill: bool,
    /// The target, if one was chosen.
    pub target: Option<String>,
}

/// Whether anybody drives a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// An engine drives it.
    Running,
    /// No engine drives it, and it can go on when people have answered.
    Waiting,
    /// Its engine is gone, and it has not come to rest.
    Interrupted,
    /// It has come to rest.
    AtRest,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    runs: &'a [RunRow],
}

/// Returns the list as text, in the order given.
pub fn runs_text(rows: &[RunRow], zone: Zone, colour: Colour) -> String {
    let ink = Ink::new(colour);
    let head = ["RUN", "STATE", "STARTED", "TOOK", "PLAYBOOK"].map(str::to_owned).to_vec();
    let cells: Vec<Vec<String>> = [head].into_iter().chain(rows.iter().map(|row| cells(row, zone))).collect();
    let lines = table(&cells).into_iter().enumerate().map(|(at, cells)| match at.checked_sub(1) {
        None => ink.paint(Tone::Quiet, cells.join("  ").trim_end()),
        Some(at) => {
            let state = ink.paint(row_tone(&rows[at]), &cells[1]);
            format!("{}  {state}  {}", cells[0], cells[2..].join("  ").trim_end())
        }
    });
    lines.map(|line| line + "\n").collect()
}

/// Returns the list as one JSON document.
pub fn runs_json(rows: &[RunRow]) -> String {
    serde_json::to_string_pretty(&Document { version: 1, runs: rows }).expect("texts and numbers are always JSON")
}

fn cells(row: &RunRow, zone: Zone) -> Vec<String> {
    let kind = match (row.is_sandboxed, row.is_drill) {
        (true, _) => ", in the sandbox",
        (false, true) => ", a drill",
        (false, false) => "",
    };
    let target = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    vec![
        row.run.clone(),
        state(row).to_owned(),
        zone.date(row.started_ms),
        row.took_ms.map(words::took).unwrap_or_default(),
        format!("{}{target}{kind}", row.playbook),
    ]
}

fn state(row: &RunRow) -> &'static str {
    match (row.state, row.verdict) {
        (RunState::Running, _) => "running",
        (RunState::Waiting, _) => "waiting for people",
        (RunState::AtRest, Some(verdict)) => verdict.words(),
        (RunState::Interrupted | RunState::AtRest, _) => "interrupted",
    }
}

fn row_tone(row: &RunRow) -> Tone {
    match (row.state, row.verdict) {
        (RunState::Running, _) => Tone::Plain,
        (RunState::AtRest, Some(verdict)) => tone(verdict),
        (RunState::Waiting | RunState::Interrupted | RunState::AtRest, _) => Tone::Warning,
    }
}
