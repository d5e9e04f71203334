//! Rehearsed runs made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::Objectives;
use firedrill_model::source::{Span, Spanned};
use firedrill_report::rehearsal::{End, Finding, Measured, Page, Performed, Rehearsed, Signs, Struck, Swept, Told};
use firedrill_report::{Colour, Tail};
use firedrill_run::injection::Injection;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, Verdict};
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
        unneeded: Vec::new(),
        given_failed: None,
        world: Vec::new(),
        unused_faults: Vec::new(),
        objectives: Objectives::default(),
        measured: Measured::default(),
    }
}

/// Records events as if every command had taken a minute.
pub(crate) fn recorded(events: Vec<Event>) -> Vec<Envelope> {
    let mut at_ms = NIGHT;
    let events = events.into_iter().zip(1..).map(|(mut event, sequence)| {
        if let Event::Ended { ms, .. } = &mut event {
            *ms = 60_000;
            at_ms += *ms;
        }
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

/// Returns the page of a terminal with this many columns.
pub(crate) fn page(columns: usize) -> Page {
    Page { colour: Colour::Never, signs: Signs::Unicode, columns }
}

pub(crate) fn performed(name: &str, end: End, findings: &[(&str, Option<u32>)]) -> Performed {
    Performed {
        name: name.into(),
        end,
        virtual_time: minutes(62),
        real_time: Duration::from_millis(210),
        measured: Measured { rto: Some(minutes(62)), rpo: None },
        findings: findings.iter().map(|(text, line)| Finding { text: (*text).into(), line: *line }).collect(),
    }
}

/// Returns a rehearsal with green and red scenarios.
pub(crate) fn rehearsal() -> Rehearsed {
    Rehearsed {
        file: "playbooks/tas-backup.rehearsal.yaml".into(),
        playbook: "playbooks/tas-backup.yaml".into(),
        scenarios: vec![
            performed("everything works", End::Rest(Verdict::Succeeded), &[]),
            performed(
                "the backup hangs",
                End::Rest(Verdict::Stuck),
                &[
                    (
                        "verdict is stuck, expected rolled back: the cleanup of `backup` (line 41) stays owed: each of its 3 tries exited with 1 (last words: Error: lock is held by \u{1b}[31m4711)",
                        Some(41),
                    ),
                    ("`backup` (line 41) had 1 attempt, expected 2", Some(41)),
                ],
            ),
            performed(
                "nobody's at home and the name of this scenario is much too long for a terminal of eighty columns",
                End::StoodStill("`lock` waits".into()),
                &[("the run did not come to rest: nothing can ever happen any more: `lock` waits", None)],
            ),
        ],
        coverage: None,
    }
}

/// Runs a playbook under faults, written as `INJECTIONS / HISTORY`, one run a line.
pub(crate) fn swept(steps: &str, runs: &str) -> Swept {
    let runs: Vec<&str> = runs.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let struck = runs.iter().map(|run| {
        let (injections, history) = run.split_once(" / ").unwrap_or((run, ""));
        let faults: Vec<Injection> =
            injections.split_whitespace().map(|text| text.parse().expect("an injection")).collect();
        let told = played(steps, history);
        let injected = faults.iter().flat_map(|it| ["--fault".to_owned(), it.to_string()]);
        let reproduce = ["firedrill", "rehearse", "playbooks/tas-backup.yaml"].map(str::to_owned);
        Struck::of(&told, faults.clone(), &printed, reproduce.into_iter().chain(injected).collect())
    });
    Swept {
        playbook: "playbooks/tas-backup.yaml".into(),
        counted: runs.len(),
        elsewhere: 0,
        inside: 0,
        struck: struck.collect(),
        real_time: Duration::from_millis(9_400),
        virtual_time: minutes(60 * 412),
    }
}
