//! Which playbooks are no longer what was rehearsed.

mod changes;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub use self::changes::{Changes, StepChanges};
use crate::diagnostics::Colour;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::text::wrap;
use crate::words;

/// What a rehearsal depends on, as it was or as it is.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsed<'a> {
    /// SHA-256 of every file, by its path below the playbook's folder.
    pub digests: &'a BTreeMap<String, String>,
    /// The playbook's text.
    pub text: &'a str,
}

/// A rehearsal in which everything went as expected.
#[derive(Clone, Copy, Debug)]
pub struct Green<'a> {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// How many scenarios were played.
    pub scenarios: usize,
    /// How many faults were swept.
    pub faults: usize,
    /// What was rehearsed.
    pub content: Rehearsed<'a>,
}

/// What is known of the rehearsals of a playbook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// The newest green one.
    pub green: Option<Green<'a>>,
    /// When the newest one failed, if it did, in milliseconds since 1970.
    pub failed_ms: Option<u64>,
}

/// Whether a playbook is what was rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// The playbook's file as the user gave it.
    pub playbook: String,
    /// Whether it is: no reason speaks against it.
    pub is_fresh: bool,
    /// When it was last rehearsed green, in milliseconds since 1970.
    pub rehearsed_ms: Option<u64>,
    /// How long ago that is, in milliseconds.
    pub age_ms: Option<u64>,
    /// How many scenarios were played then.
    pub scenarios: usize,
    /// How many faults were swept then.
    pub faults: usize,
    /// What speaks against it.
    pub reasons: Vec<Reason>,
}

/// Why a playbook is not what was rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No rehearsal of it was ever green.
    NeverGreen,
    /// A rehearsal has failed since.
    FailedSince {
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// The rehearsal is too long ago.
    TooOld {
        /// What is allowed, in milliseconds.
        max_age_ms: u64,
    },
    /// Something has changed since.
    Changed(Changes),
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    playbooks: &'a [Freshness],
}

impl Freshness {
    /// Holds a playbook as it is against its rehearsals; all reasons are found, not the first only.
    pub fn of(playbook: &str, past: Past<'_>, content: Rehearsed<'_>, now_ms: u64, max_age: Duration) -> Freshness {
        let age_ms = past.green.map(|green| now_ms.saturating_sub(green.at_ms));
        let max_age_ms = words::milliseconds(max_age);
        let mut reasons = Vec::new();
        reasons.extend(past.green.is_none().then_some(Reason::NeverGreen));
        reasons.extend(past.failed_ms.map(|at_ms| Reason::FailedSince { at_ms }));
        reasons.extend(age_ms.filter(|age| *age > max_age_ms).map(|_| Reason::TooOld { max_age_ms }));
        reasons.extend(past.green.and_then(|green| Changes::between(green.content, content)).map(Reason::Changed));
        Freshness {
            playbook: playbook.to_owned(),
            is_fresh: reasons.is_empty(),
            rehearsed_ms: past.green.map(|green| green.at_ms),
            age_ms,
            scenarios: past.green.map_or(0, |green| green.scenarios),
            faults: past.green.map_or(0, |green| green.faults),
            reasons,
        }
    }
}

/// Returns playbooks with what speaks against each, for a terminal of this many columns.
pub fn stale_text(all: &[Freshness], now_ms: u64, columns: usize, colour: Colour) -> String {
    let ink = Ink::new(colour);
    let told: String = all.iter().map(|one| told(one, now_ms, columns, ink)).collect();
    let stale = all.iter().filter(|one| !one.is_fresh).count();
    let playbooks = words::count(all.len(), "playbook");
    let count = match stale {
        0 => format!("{playbooks}, all rehearsed as they are"),
        stale => format!("{playbooks}, {stale} not rehearsed as they are"),
    };
    format!("{told}\n{}\n", ink.paint(Tone::Strong, &count))
}

/// Returns playbooks with what speaks against each as one JSON document.
pub fn stale_json(all: &[Freshness]) -> String {
    serde_json::to_string_pretty(&Document { version: 1, playbooks: all }).expect("texts and numbers are always JSON")
}

fn told(one: &Freshness, now_ms: u64, columns: usize, ink: Ink) -> String {
    let state = if one.is_fresh { ink.paint(Tone::Good, "fresh") } else { ink.paint(Tone::Bad, "stale") };
    let name = ink.paint(Tone::Strong, &harmless(&one.playbook));
    let head = format!("{state}  {name}{}\n", rehearsed(one));
    let reasons = one.reasons.iter().flat_map(|reason| reason.lines(now_ms));
    let lines = reasons.flat_map(|reason| wrap(&harmless(&reason), columns.saturating_sub(INDENT)));
    let lines: String = lines.map(|line| " ".repeat(INDENT) + &line + "\n").collect();
    if one.is_fresh {
        return head;
    }
    let typed = ink.paint(Tone::Typed, &format!("firedrill rehearse {}", one.playbook));
    format!("{head}{lines}{}{typed}\n", " ".repeat(INDENT))
}

/// How far reasons are indented.
const INDENT: usize = 7;

fn rehearsed(one: &Freshness) -> String {
    let Some(age_ms) = one.age_ms else { return String::new() };
    let scenarios = words::count(one.scenarios, "scenario");
    let faults = if one.faults > 0 { format!(", {}", words::count(one.faults, "fault")) } else { String::new() };
    format!("  rehearsed {}: {scenarios}{faults}", words::ago(age_ms))
}

impl Reason {
    fn lines(&self, now_ms: u64) -> Vec<String> {
        match self {
            Reason::NeverGreen => vec!["no rehearsal of it has ever been green".to_owned()],
            Reason::FailedSince { at_ms } => {
                vec![format!("a rehearsal has failed {}", words::ago(now_ms.saturating_sub(*at_ms)))]
            }
            Reason::TooOld { max_age_ms } => {
                let limit = words::length(Duration::from_millis(*max_age_ms));
                vec![format!("that is too long ago: at most {limit} are allowed")]
            }
            Reason::Changed(changes) => changes.lines(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const NOW: u64 = 1_795_316_591_000;
    const THEN: &str =
        "firedrill: 1\nplaybook: p\nsteps:\n  - id: a\n    argv: [a]\n  - id: b\n    argv: [b]\n    rollback: none\n";

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned())).collect()
    }

    /// Holds a playbook against a green rehearsal of 40 days ago and shows it.
    fn shown(text: &str, now: &[(&str, &str)], failed_ms: Option<u64>, max_days: u64) -> String {
        let then = files(&[("p.yaml", "1"), ("bin/tool", "2"), ("bin/old", "3")]);
        let content = Rehearsed { digests: &then, text: THEN };
        let green = Green { at_ms: NOW - 40 * DAY, scenarios: 12, faults: 1, content };
        let digests = files(now);
        let max_age = Duration::from_millis(max_days * DAY);
        let past = Past { green: Some(green), failed_ms };
        let one = Freshness::of("p.yaml", past, Rehearsed { digests: &digests, text }, NOW, max_age);
        stale_text(&[one], NOW, 100, Colour::Never)
    }

    #[test]
    fn fresh_is_what_was_rehearsed_lately() {
        let same = [("p.yaml", "1"), ("bin/tool", "2"), ("bin/old", "3")];
        assert_eq!(
            shown(THEN, &same, None, 40),
            "fresh  p.yaml  rehearsed 40 days ago: 12 scenarios, 1 fault\n\n1 playbook, all rehearsed as they are\n"
        );
        assert_eq!(
            shown(THEN, &same, Some(NOW - DAY), 39),
            "stale  p.yaml  rehearsed 40 days ago: 12 scenarios, 1 fault
       a rehearsal has failed 1 day ago
       that is too long ago: at most 39d are allowed
       firedrill rehearse p.yaml

1 playbook, 1 not rehearsed as they are
"
        );
    }

    #[test]
    fn changes_are_told_by_file_and_step() {
        let text = "firedrill: 1\nplaybook: p\nsteps:\n  - id: b\n    argv: [b]\n    rollback: none\n  - id: a\n    argv: [a, x]\n  - id: c\n    argv: [c]\n";
        let told = shown(text, &[("p.yaml", "9"), ("bin/new", "4"), ("bin/tool", "2")], None, 40);
        let expected = "stale  p.yaml  rehearsed 40 days ago: 12 scenarios, 1 fault
       changed since: p.yaml
       not there then: bin/new
       there then, not any more: bin/old
       steps changed: a; steps new: c
       firedrill rehearse p.yaml
";
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn what_is_no_step_is_told_too() {
        let same = [("p.yaml", "9"), ("bin/tool", "2"), ("bin/old", "3")];
        let told = shown(&THEN.replace("playbook: p\n", "playbook: p\ntitle: x\n"), &same, None, 40);
        assert!(told.contains("no step of the playbook has changed, something else in it has\n"), "{told}");
        let told = shown("nothing: [", &same, None, 40);
        assert!(told.contains("changed since: p.yaml\n       firedrill"), "{told}");
    }

    #[test]
    fn machines_read_every_reason() {
        let digests = files(&[("p.yaml", "1")]);
        let content = Rehearsed { digests: &digests, text: THEN };
        let past = Past { green: None, failed_ms: Some(NOW) };
        let one = Freshness::of("p.yaml", past, content, NOW, Duration::from_secs(1));
        assert_eq!(one.reasons, [Reason::NeverGreen, Reason::FailedSince { at_ms: NOW }]);
        let document: serde_json::Value = serde_json::from_str(&stale_json(&[one])).expect("JSON");
        assert_eq!(document["playbooks"][0]["is_fresh"], false);
        assert_eq!(document["playbooks"][0]["reasons"][0], "never_green");
    }
}
