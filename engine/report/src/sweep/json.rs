//! The JSON form of what a sweep found. `docs/sweep.md` describes it.

use firedrill_run::Verdict;
use serde::Serialize;

use super::{SweepFinding, SweepPoint, SweepReport};

/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    playbook: &'a str,
    plan: &'a str,
    level: &'static str,
    extent: Extent,
    only_kinds: Option<&'a [&'static str]>,
    without_fault: &'a [Verdict],
    points: Vec<Point<'a>>,
    violations: Vec<Finding<'a>>,
    advice: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Extent {
    states: usize,
    states_met: usize,
    depth: u32,
    complete_to: Option<u32>,
}

#[derive(Serialize)]
struct Point<'a> {
    what: &'a str,
    site: &'a str,
    kind: &'a str,
    faults: Option<u32>,
    verdicts: &'a [Verdict],
    remains: Vec<Remains<'a>>,
}

#[derive(Serialize)]
struct Remains<'a> {
    verdict: Verdict,
    left: &'a [String],
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    why: &'a str,
    hint: &'a str,
    faults: u32,
    story: &'a [String],
}

/// Returns what a sweep found as one JSON document.
pub fn sweep_json(report: &SweepReport) -> String {
    let extent = &report.extent;
    let document = Document {
        version: VERSION,
        playbook: &report.playbook,
        plan: &report.plan,
        level: "model",
        extent: Extent {
            states: extent.states,
            states_met: extent.met,
            depth: extent.wanted,
            complete_to: extent.complete,
        },
        only_kinds: report.only.as_deref(),
        without_fault: &report.without_fault,
        points: report.points.iter().map(point).collect(),
        violations: report.violations.iter().map(finding).collect(),
        advice: report.advice.iter().map(finding).collect(),
    };
    serde_json::to_string_pretty(&document).expect("texts and numbers are always JSON")
}

fn point(point: &SweepPoint) -> Point<'_> {
    let remains = point.remains.iter().map(|(verdict, left)| Remains { verdict: *verdict, left });
    Point {
        what: &point.what,
        site: &point.site,
        kind: point.kind,
        faults: point.faults,
        verdicts: &point.verdicts,
        remains: remains.collect(),
    }
}

fn finding(finding: &SweepFinding) -> Finding<'_> {
    Finding {
        rule: &finding.rule,
        why: &finding.why,
        hint: &finding.hint,
        faults: finding.faults,
        story: &finding.story,
    }
}
