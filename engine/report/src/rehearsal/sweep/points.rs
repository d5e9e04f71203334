//! The table of a sweep: commands by kinds of faults, and in each cell what they came to.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_model::rehearsal::{FaultKind, SweptKind};
use firedrill_run::injection::{Injection, Moment};
use firedrill_run::{Role, Subject, Verdict};

use super::{Struck, Swept};
use crate::ink::Tone;
use crate::rehearsal::End;
use crate::rehearsal::page::Page;
use crate::text::{pad, width};

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Command(Subject, Role),
    Journal,
    Age,
}

/// A cell: the ends of the runs that belong to it.
#[derive(Debug, Default)]
struct Cell {
    ends: BTreeSet<&'static str>,
    is_unsafe: bool,
}

/// Rows and kinds of faults with their cells.
struct Points {
    rows: Vec<Row>,
    kinds: Vec<SweptKind>,
    cells: BTreeMap<(usize, SweptKind), Cell>,
}

/// Returns the table of the runs with one fault, cut into blocks that fit, with a legend; nothing if there are none.
pub(super) fn table(swept: &Swept, page: &Page) -> String {
    let points = Points::of(swept);
    if points.rows.is_empty() {
        return String::new();
    }
    let labels = points.labels(page);
    let label_width = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let mut text = String::new();
    for block in points.blocks(page.columns.saturating_sub(label_width)) {
        text += &points.block(&block, &labels, label_width, page);
    }
    text + &points.legend(page) + "\n"
}

impl Points {
    fn of(swept: &Swept) -> Points {
        let mut points = Points { rows: Vec::new(), kinds: Vec::new(), cells: BTreeMap::new() };
        for struck in swept.struck.iter().filter(|struck| struck.has_struck) {
            if let Some(fault) = struck.faults.last() {
                points.take(fault, struck);
            }
        }
        points.kinds.sort_unstable();
        points
    }

    fn take(&mut self, fault: &Injection, struck: &Struck) {
        let (row, kind) = (row_of(fault), kind_of(&fault.kind));
        let at = self.rows.iter().position(|known| *known == row).unwrap_or_else(|| self.insert(row));
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let cell = self.cells.entry((at, kind)).or_default();
        cell.ends.insert(abbreviation(&struck.end));
        cell.is_unsafe |= !struck.is_safe();
    }

    fn insert(&mut self, row: Row) -> usize {
        self.rows.push(row);
        self.rows.len() - 1
    }

    /// Returns the rows by their subjects, of a step the attempt first.
    fn order(&self) -> Vec<usize> {
        let is_hook = |row: &Row| !matches!(row, Row::Command(_, Role::Attempt));
        let subject = |row: &Row| match row {
            Row::Command(subject, _) => Some(subject.clone()),
            Row::Journal | Row::Age => None,
        };
        let first = |at: usize| self.rows.iter().position(|row| subject(row) == subject(&self.rows[at]));
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|at| (first(*at), is_hook(&self.rows[*at]), *at));
        order
    }

    /// Returns the labels by row.
    fn labels(&self, page: &Page) -> Vec<String> {
        let widest = page.columns / 3;
        let label = |row: &Row| match row {
            Row::Command(Subject::Playbook, role) => page.cut(&role.to_string(), widest),
            Row::Command(Subject::Step(step), Role::Attempt) => page.cut(&step.to_string(), widest),
            Row::Command(Subject::Step(_), role) => page.cut(&format!("  {role}"), widest),
            Row::Journal => "journal".to_owned(),
            Row::Age => "age".to_owned(),
        };
        self.rows.iter().map(label).collect()
    }

    /// Cuts the kinds into blocks of at most `columns`.
    fn blocks(&self, columns: usize) -> Vec<Vec<SweptKind>> {
        let mut blocks: Vec<(Vec<SweptKind>, usize)> = Vec::new();
        for kind in &self.kinds {
            let needed = 2 + self.column_width(*kind);
            match blocks.last_mut() {
                Some((kinds, used)) if *used + needed <= columns => {
                    kinds.push(*kind);
                    *used += needed;
                }
                _ => blocks.push((vec![*kind], needed)),
            }
        }
        blocks.into_iter().map(|(kinds, _)| kinds).collect()
    }

    fn column_width(&self, kind: SweptKind) -> usize {
        let cells = self.cells.iter().filter(|((_, other), _)| *other == kind);
        let widest = cells.map(|(_, cell)| width(&cell.text())).max().unwrap_or(0);
        heads(kind).map(width).max().unwrap_or(0).max(widest)
    }

    fn block(&self, kinds: &[SweptKind], labels: &[String], label_width: usize, page: &Page) -> String {
        let height = kinds.iter().map(|kind| heads(*kind).count()).max().unwrap_or(0);
        let heads = (0..height).map(|at| page.paint(Tone::Quiet, &self.head(kinds, at, height, label_width)) + "\n");
        let is_shown = |row: &usize| kinds.iter().any(|kind| self.cells.contains_key(&(*row, *kind)));
        let shown: Vec<usize> = self.order().into_iter().filter(is_shown).collect();
        let rows = shown.iter().enumerate().map(|(at, &row)| {
            let above = at.checked_sub(1).map(|above| &self.rows[shown[above]]);
            let step = step_above(&self.rows[row], above).map(|step| page.cut(step, label_width) + "\n");
            step.unwrap_or_default() + &pad(&labels[row], label_width) + &self.row(row, kinds, page) + "\n"
        });
        heads.chain(rows).chain(["\n".to_owned()]).collect()
    }

    /// Returns one line of the heads; words of a kind stand below one another, at the bottom.
    fn head(&self, kinds: &[SweptKind], line: usize, height: usize, label_width: usize) -> String {
        let cells = kinds.iter().map(|kind| {
            let missing = height - heads(*kind).count();
            let word = line.checked_sub(missing).and_then(|at| heads(*kind).nth(at)).unwrap_or_default();
            format!("  {}", pad(word, self.column_width(*kind)))
        });
        (" ".repeat(label_width) + &cells.collect::<String>()).trim_end().to_owned()
    }

    fn row(&self, row: usize, kinds: &[SweptKind], page: &Page) -> String {
        let last = kinds.iter().rposition(|kind| self.cells.contains_key(&(row, *kind))).unwrap_or(0);
        let cells = kinds.iter().take(last + 1).enumerate().map(|(at, kind)| {
            let cell = self.cells.get(&(row, *kind));
            let text = cell.map(Cell::text).unwrap_or_default();
            let blanks = if at == last { 0 } else { self.column_width(*kind).saturating_sub(width(&text)) };
            let tone = if cell.is_some_and(|cell| cell.is_unsafe) { Tone::Bad } else { Tone::Plain };
            format!("  {}{}", page.paint(tone, &text), " ".repeat(blanks))
        });
        cells.collect()
    }

    fn legend(&self, page: &Page) -> String {
        let used: BTreeSet<&str> = self.cells.values().flat_map(|cell| cell.ends.iter().copied()).collect();
        let words = LEGEND.iter().filter(|(short, _)| used.contains(short));
        let mut words: Vec<String> = words.map(|(short, words)| format!("{short} {words}")).collect();
        if self.cells.values().any(|cell| cell.is_unsafe) {
            words.push("! not safe".to_owned());
        }
        page.reason(Tone::Quiet, 0, &words.join(", "))
    }
}

impl Cell {
    fn text(&self) -> String {
        let ends: Vec<&str> = self.ends.iter().copied().collect();
        ends.join("/") + if self.is_unsafe { "!" } else { "" }
    }
}

/// Returns the step to be named above a row, if the row above does not tell whose it is.
fn step_above<'a>(row: &'a Row, above: Option<&Row>) -> Option<&'a str> {
    let Row::Command(Subject::Step(step), role) = row else {
        return None;
    };
    let is_same = matches!(above, Some(Row::Command(Subject::Step(other), _)) if other == step);
    (*role != Role::Attempt && !is_same).then_some(step.as_str())
}

/// Abbreviations of ends.
const LEGEND: [(&str, &str); 10] = [
    ("ok", "succeeded"),
    ("sk", "skipped"),
    ("rf", "refused"),
    ("rb", "rolled back"),
    ("fl", "failed"),
    ("cc", "cancelled"),
    ("st", "stuck"),
    ("ss", "stood still"),
    ("hg", "hung"),
    ("br", "broken"),
];

fn abbreviation(end: &End) -> &'static str {
    match end {
        End::Rest(Verdict::Succeeded) => "ok",
        End::Rest(Verdict::Skipped) => "sk",
        End::Rest(Verdict::Refused) => "rf",
        End::Rest(Verdict::RolledBack) => "rb",
        End::Rest(Verdict::Failed) => "fl",
        End::Rest(Verdict::Cancelled) => "cc",
        End::Rest(Verdict::Stuck) => "st",
        End::StoodStill(_) => "ss",
        End::Hung(_) => "hg",
        End::Broken(_) => "br",
    }
}

fn row_of(fault: &Injection) -> Row {
    match &fault.at {
        Moment::Start(starts) => Row::Command(starts.subject.clone(), starts.role.clone()),
        Moment::Record { .. } => Row::Journal,
        Moment::Age(_) => Row::Age,
    }
}

fn kind_of(kind: &FaultKind) -> SweptKind {
    match kind {
        FaultKind::Exit(_) => SweptKind::Exit,
        FaultKind::LateFailure(_) => SweptKind::LateFailure,
        FaultKind::Timeout => SweptKind::Timeout,
        FaultKind::Killed => SweptKind::Killed,
        FaultKind::NotStarted => SweptKind::NotStarted,
        FaultKind::WrongOutput(_) => SweptKind::WrongOutput,
        FaultKind::DoesNotHold => SweptKind::DoesNotHold,
        FaultKind::CouldNotTell => SweptKind::CouldNotTell,
        FaultKind::Crash => SweptKind::Crash,
        FaultKind::LostSupervisor => SweptKind::LostSupervisor,
        FaultKind::Cancel => SweptKind::Cancel,
        FaultKind::NoAnswer => SweptKind::NoAnswer,
        FaultKind::Declined => SweptKind::Declined,
    }
}

fn heads(kind: SweptKind) -> impl Iterator<Item = &'static str> {
    kind.word().split('_')
}
