//! Rehearsed runs made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::Objectives;
use firedrill_model::source::{Span, Spanned};
use firedrill_report::Tail;
use firedrill_report::rehearsal::{End, Measured, Told};
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event};
use firedrill_sim::{Script, sketch};

/// 2026-01-05T02:00:00Z.
const NIGHT: u64 = 1_767_578_400_000;

/// Plays a sketch to its rest; `faults` are said as for [`Script::faults`], and every command takes a minute.
pub(crate) fn played(steps: &str, faults: &str) -> Told {
    played_plan(sketch(steps), faults)
}

pub(crate) fn played_plan(plan: Plan, faults: &str) -> Told {
    let plan = Arc::new(plan);
    let played = Script::new().faults(faults).play(Arc::clone(&plan)).expect("a legal history");
    Told {
        end: End::Rest(played.run.verdict().expect("at rest")),
        plan,
        envelopes: recorded(played.events),
        outputs: BTreeMap::new(),
        unanswered: Vec::new(),
        given_failed: None,
        world: Vec::new(),
        unused_faults: Vec::new(),
        objectives: Objectives::default(),
        measured: Measured::default(),
    }
}

fn recorded(events: Vec<Event>) -> Vec<Envelope> {
    let mut at_ms = NIGHT;
    let events = events.into_iter().zip(1..).map(|(event, sequence)| {
        at_ms += if matches!(event, Event::Ended { .. }) { 60_000 } else { 0 };
        Envelope { sequence, at_ms, event }
    });
    events.collect()
}

/// Only hooks and verifies of backup have something to say.
pub(crate) fn printed(command: &CommandId) -> Tail {
    match command.to_string().as_str() {
        name if name.starts_with("backup.cleanup") => {
            Tail::of(b"connecting\n\x1b[31mlock is held by 4711\x1b[0m\n", false)
        }
        name if name.starts_with("backup.attempt.2") => Tail::of(b"Directory cf-0123 already exists\n", false),
        _ => Tail::default(),
    }
}

pub(crate) fn said<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}
