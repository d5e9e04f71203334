//! What a sweep found as text: how far it came, which faults lead where, what is wrong and what to change.

use std::collections::BTreeMap;

use firedrill_run::Verdict;

use super::{SweepExtent, SweepFinding, SweepPoint, SweepReport};
use crate::diagnostics::Colour;
use crate::ending::tone;
use crate::ink::{Ink, Tone};
use crate::text::{table, wrap};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What needs attention.
    Usual,
    /// Every fault point too, and every story.
    Everything,
}

/// How many faults are listed under what they leave.
const MAX_CAUSES: usize = 5;

/// Returns what a sweep found as text for a terminal of this many columns.
pub fn sweep_text(report: &SweepReport, detail: Detail, columns: usize, colour: Colour) -> String {
    let mut page = Page { text: String::new(), ink: Ink::new(colour), columns, detail };
    page.headline(report);
    page.verdicts(report);
    page.unreached(report);
    page.remains(report, Verdict::Stuck, "A human is needed");
    page.remains(report, Verdict::Failed, "Something is left");
    page.remains(report, Verdict::Cancelled, "Something is left after a cancel");
    if detail == Detail::Everything {
        page.points(&report.points);
    }
    page.findings("Worth a look, if it is not meant", Tone::Warning, &report.advice);
    page.findings("Wrong", Tone::Bad, &report.violations);
    page.end(report);
    page.text
}

struct Page {
    text: String,
    ink: Ink,
    columns: usize,
    detail: Detail,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Adds a text broken at `columns`, its first line behind `first` and the others as far indented.
    fn hang(&mut self, first: &str, text: &str, tone: Tone) {
        let indent = first.chars().count();
        for (at, line) in wrap(text, self.columns.saturating_sub(indent).max(20)).iter().enumerate() {
            let line = self.ink.paint(tone, line);
            let before = if at == 0 { first.to_owned() } else { " ".repeat(indent) };
            self.line(&format!("{before}{line}"));
        }
    }

    fn title(&mut self, text: &str, tone: Tone) {
        self.line("");
        self.line(&self.ink.paint(tone, text));
    }

    fn headline(&mut self, report: &SweepReport) {
        let name = self.ink.paint(Tone::Strong, &report.playbook);
        let rest = match (report.is_always_at_rest, report.extent.is_complete()) {
            (false, _) => "not every history ends at rest",
            (true, true) => "every history ends at rest",
            (true, false) => "every history that was followed to its end ends at rest",
        };
        let only = report.only.as_ref().map(|kinds| format!(" of only {}", kinds.join(", "))).unwrap_or_default();
        self.line(&format!("{name}  {}{only}; {rest}", extent(&report.extent)));
    }

    fn verdicts(&mut self, report: &SweepReport) {
        let head = ["VERDICT", "FAULTS", "FOR EXAMPLE"].map(str::to_owned).to_vec();
        let rows: Vec<(Verdict, Vec<String>)> = VERDICTS.into_iter().filter_map(|it| row(report, it)).collect();
        let cells: Vec<Vec<String>> = [head].into_iter().chain(rows.iter().map(|(_, cells)| cells.clone())).collect();
        self.line("");
        for (at, cells) in table(&cells).into_iter().enumerate() {
            let first = at.checked_sub(1).map_or(Tone::Quiet, |at| tone(rows[at].0));
            let rest = if at == 0 { Tone::Quiet } else { Tone::Plain };
            let verdict = self.ink.paint(first, &cells[0]);
            let others = self.ink.paint(rest, cells[1..].join("  ").trim_end());
            self.line(&format!("  {verdict}  {others}"));
        }
    }

    fn unreached(&mut self, report: &SweepReport) {
        let all = report.points.len();
        let left = report.points.iter().filter(|point| point.faults.is_none()).count();
        if left > 0 && report.extent.is_complete() {
            let text = format!(
                "{left} of {all} fault points were not reached: they need other faults before them, or cannot strike. \
                 --depth {} tries more of them.",
                report.extent.wanted + 1
            );
            self.line("");
            self.hang("  ", &text, Tone::Quiet);
        }
    }

    /// Lists what is left after a verdict, each with the faults that lead to it.
    fn remains(&mut self, report: &SweepReport, verdict: Verdict, title: &str) {
        let groups = groups(&report.points, verdict);
        if groups.is_empty() {
            return;
        }
        self.title(&format!("{title} ({verdict})"), tone(verdict));
        for (left, causes) in groups {
            for sentence in left {
                self.hang("  - ", sentence, Tone::Plain);
            }
            let shown = if self.detail == Detail::Everything { causes.len() } else { MAX_CAUSES };
            for cause in causes.iter().take(shown) {
                self.hang("      when ", cause, Tone::Quiet);
            }
            if causes.len() > shown {
                let more = format!("and {} more: --verbose", causes.len() - shown);
                self.hang("      ", &more, Tone::Quiet);
            }
        }
    }

    fn points(&mut self, points: &[SweepPoint]) {
        self.title("Every fault point", Tone::Strong);
        for point in points {
            let verdicts: Vec<&str> = point.verdicts.iter().map(|verdict| verdict.words()).collect();
            let faults = match point.faults {
                None => "not reached".to_owned(),
                Some(1) => verdicts.join(", "),
                Some(faults) => format!("{} (as fault {faults})", verdicts.join(", ")),
            };
            self.hang("  - ", &format!("{}: {faults}", point.what), Tone::Plain);
        }
    }

    fn findings(&mut self, title: &str, tone: Tone, found: &[SweepFinding]) {
        if found.is_empty() {
            return;
        }
        self.title(title, tone);
        for (at, finding) in found.iter().enumerate() {
            self.finding(at + 1, finding, tone);
        }
    }

    fn finding(&mut self, number: usize, finding: &SweepFinding, tone: Tone) {
        let sentence = if finding.why.is_empty() { &finding.rule } else { &finding.why };
        self.hang(&format!("  {number}. "), sentence, Tone::Strong);
        if tone == Tone::Bad {
            self.hang("     against ", &finding.rule, Tone::Plain);
            self.story(&finding.story);
        } else if self.detail == Detail::Everything {
            self.story(&finding.story);
        }
        self.hang("     change: ", &finding.hint, Tone::Plain);
    }

    fn story(&mut self, story: &[String]) {
        let digits = story.len().to_string().len();
        for (at, sentence) in story.iter().enumerate() {
            self.hang(&format!("     {:>digits$}  ", at + 1), sentence, Tone::Plain);
        }
    }

    fn end(&mut self, report: &SweepReport) {
        self.line("");
        let text = match report.violations.len() {
            0 if report.extent.is_complete() => "Nothing is wrong.".to_owned(),
            0 => "Nothing is wrong as far as it was explored: --budget explores more.".to_owned(),
            1 => "One thing is wrong.".to_owned(),
            wrong => format!("{wrong} things are wrong."),
        };
        let tone = if report.violations.is_empty() { Tone::Good } else { Tone::Bad };
        self.line(&self.ink.paint(tone, &text));
    }
}

/// The verdicts, best first.
const VERDICTS: [Verdict; 7] = [
    Verdict::Succeeded,
    Verdict::Skipped,
    Verdict::Refused,
    Verdict::RolledBack,
    Verdict::Failed,
    Verdict::Cancelled,
    Verdict::Stuck,
];

fn extent(extent: &SweepExtent) -> String {
    let states = thousands(extent.states);
    let depth = match extent.complete {
        Some(depth) => format!("complete to fault depth {depth}"),
        None => "not complete even without faults".to_owned(),
    };
    if extent.is_complete() {
        format!("{states} states, {depth}")
    } else {
        format!("explored {states} of at least {} states, {depth}", thousands(extent.met))
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

/// Returns the line of a verdict in the table; none if no history comes to it.
fn row(report: &SweepReport, verdict: Verdict) -> Option<(Verdict, Vec<String>)> {
    let leads = |point: &&SweepPoint| point.verdicts.contains(&verdict);
    let is_calm = report.without_fault.contains(&verdict);
    let first = report.points.iter().filter(leads).min_by_key(|point| point.faults);
    let example = match (is_calm, first) {
        (true, _) => "without a fault".to_owned(),
        (false, Some(point)) => point.what.clone(),
        (false, None) => return None,
    };
    let count = report.points.iter().filter(leads).count();
    Some((verdict, vec![verdict.words().to_owned(), format!("{count:>6}"), example]))
}

/// Returns the faults after which something is left, by what that is, in the order of the plan.
fn groups(points: &[SweepPoint], verdict: Verdict) -> Vec<(&[String], Vec<&str>)> {
    let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
    let mut places: BTreeMap<&[String], usize> = BTreeMap::new();
    for point in points {
        for (_, left) in point.remains.iter().filter(|(other, _)| *other == verdict) {
            let place = *places.entry(left).or_insert_with(|| {
                groups.push((left, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(&point.what);
        }
    }
    groups
}
