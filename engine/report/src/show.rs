//! One run as a whole: at rest, under way or interrupted.

use std::collections::BTreeMap;

use firedrill_run::journal::Envelope;
use firedrill_run::{Event, Open, Verdict};
use serde::Serialize;

use crate::console::Purpose;
use crate::diagnostics::Colour;
use crate::ending::{AtRest, Block, tone};
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::measure::Measures;
use crate::people::{Question, questions, waiting};
use crate::runs::RunState;
use crate::view::{Reply, StepView, View, Word};
use crate::words::{self, Zone};

/// The version of the JSON forms of a run and of its events.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    run: &'a str,
    playbook: &'a str,
    plan: &'a str,
    target: Option<&'a str>,
    state: RunState,
    verdict: Option<Verdict>,
    started_ms: u64,
    took_ms: u64,
    steps: Vec<StepView>,
    open: Vec<Open>,
    waiting: Vec<Question>,
    answered: &'a [Reply],
    settled: &'a [Word],
    outputs: &'a BTreeMap<String, String>,
    is_drill: bool,
    measures: Option<&'a Measures>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    version: u32,
    sequence: u64,
    at_ms: u64,
    event: &'a Event,
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    version: u32,
    run: &'a str,
    verdict: Option<Verdict>,
    open: Vec<Open>,
    waiting: Vec<Question>,
    outputs: &'a BTreeMap<String, String>,
    measures: Option<&'a Measures>,
}

/// What is shown of a run beside its view.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Whether anybody drives it.
    pub state: RunState,
    /// What it is for.
    pub purpose: Purpose,
    /// What it left behind.
    pub rest: AtRest<'a>,
}

/// Returns a run as text for a terminal of this many columns.
pub fn show_text(view: &View, shown: Shown<'_>, zone: Zone, columns: usize, colour: Colour) -> String {
    let ink = Ink::new(colour);
    let block = Block { view, ink, columns };
    let mut parts = vec![heading(view, shown, zone, ink)];
    parts.extend(block.objectives(shown.rest.measures));
    parts.push(block.steps());
    parts.extend(waiting(view, columns, ink));
    parts.extend(said(view, ink));
    parts.extend(answered(view, ink));
    parts.extend(block.matters());
    parts.extend(block.outputs(shown.rest.outputs));
    parts.join("\n")
}

/// Returns a run as one JSON document.
pub fn show_json(view: &View, shown: Shown<'_>) -> String {
    let document = Document {
        version: VERSION,
        run: view.id(),
        playbook: &view.plan().playbook,
        plan: view.digest(),
        target: view.plan().target.as_ref().map(|target| target.name.as_str()),
        state: shown.state,
        verdict: view.verdict(),
        started_ms: view.started_ms(),
        took_ms: view.took_ms(),
        steps: view.steps().collect(),
        open: view.run().open(),
        waiting: questions(view),
        answered: view.replies(),
        settled: view.words(),
        outputs: shown.rest.outputs,
        is_drill: shown.purpose == Purpose::Drill,
        measures: shown.rest.measures,
    };
    serde_json::to_string_pretty(&document).expect("a view holds no map with keys that are not strings")
}

/// Returns how a run ended as one line of JSON: the last one after its events.
pub fn verdict_json(view: &View, rest: AtRest<'_>) -> String {
    let line = VerdictLine {
        version: VERSION,
        run: view.id(),
        verdict: view.verdict(),
        open: view.run().open(),
        waiting: questions(view),
        outputs: rest.outputs,
        measures: rest.measures,
    };
    serde_json::to_string(&line).expect("a view holds no map with keys that are not strings")
}

/// Returns an event as one line of JSON.
pub fn event_json(envelope: &Envelope) -> String {
    let line =
        EventLine { version: VERSION, sequence: envelope.sequence, at_ms: envelope.at_ms, event: &envelope.event };
    serde_json::to_string(&line).expect("an event holds no map with keys that are not strings")
}

fn heading(view: &View, shown: Shown<'_>, zone: Zone, ink: Ink) -> String {
    let plan = view.plan();
    let title = plan.title.as_deref().map(harmless).unwrap_or_default();
    let digest: String = view.digest().chars().take(12).collect();
    let times = format!("started {}, {}", zone.date(view.started_ms()), words::took(view.took_ms()));
    let state = match (shown.state, view.verdict()) {
        (RunState::Running, _) => ink.paint(Tone::Strong, "RUNNING"),
        (RunState::Waiting, _) => {
            let resume = ink.paint(Tone::Typed, &format!("firedrill resume {}", view.id()));
            format!("{}  when they have answered: {resume}", ink.paint(Tone::Warning, "WAITING FOR PEOPLE"))
        }
        (RunState::AtRest, Some(verdict)) => ink.paint(tone(verdict), &verdict.words().to_uppercase()),
        (RunState::Interrupted | RunState::AtRest, _) => {
            let resume = ink.paint(Tone::Typed, &format!("firedrill resume {}", view.id()));
            format!("{}  its engine is gone: {resume}", ink.paint(Tone::Warning, "INTERRUPTED"))
        }
    };
    let name = ink.paint(Tone::Strong, &plan.playbook);
    let target = plan.target.as_ref().map(|target| format!(" on {}", target.name)).unwrap_or_default();
    let about =
        ink.paint(Tone::Quiet, &format!("{} {}{target}, plan {digest}, {times}", shown.purpose.noun(), view.id()));
    format!("{name}  {title}\n{about}\n{state}\n")
}

fn answered(view: &View, ink: Ink) -> Option<String> {
    if view.replies().is_empty() {
        return None;
    }
    let lines = view.replies().iter().map(|reply| {
        let step = reply.command.step().map_or("run", firedrill_run::StepId::as_str);
        let note = if reply.note.is_empty() { String::new() } else { format!(": {}", harmless(&reply.note)) };
        format!("  {step}: {}, says {}{note}\n", reply.response.words(), harmless(&reply.by))
    });
    Some(format!("{}\n{}", ink.paint(Tone::Strong, "answered by people"), lines.collect::<String>()))
}

fn said(view: &View, ink: Ink) -> Option<String> {
    if view.words().is_empty() {
        return None;
    }
    let lines = view.words().iter().map(|word| {
        let step = word.step.as_ref().map_or("run", firedrill_run::StepId::as_str);
        format!("  {step}: {}, says {}: {}\n", word.text(), harmless(&word.by), harmless(&word.note))
    });
    Some(format!("{}\n{}", ink.paint(Tone::Strong, "said by people"), lines.collect::<String>()))
}
