//! The last block: how the run ended, what is left to do, and what to type next.

mod objectives;

use std::collections::BTreeMap;

use firedrill_run::{Answered, DebtKind, Open, Role, Verdict};

use crate::diagnostics::Colour;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::measure::Measures;
use crate::text::{pad, table, wrap};
use crate::view::{DebtStatus, Status, StepView, View};
use crate::words;

/// What is known of a run at rest beside its view.
#[derive(Clone, Copy, Debug)]
pub struct AtRest<'a> {
    /// What it published.
    pub outputs: &'a BTreeMap<String, String>,
    /// What it came to, if anybody measured; shown to people if the playbook has objectives.
    pub measures: Option<&'a Measures>,
}

/// Returns the last block of a run at rest, on a terminal of this many columns; nothing of a run that is not at rest.
pub fn ending(view: &View, rest: AtRest<'_>, columns: usize, colour: Colour) -> String {
    let Some(verdict) = view.verdict() else {
        return String::new();
    };
    let block = Block { view, ink: Ink::new(colour), columns };
    let mut parts = vec![block.verdict(verdict)];
    parts.extend(block.objectives(rest.measures));
    if !matches!(verdict, Verdict::Succeeded | Verdict::Skipped | Verdict::Refused) {
        parts.push(block.steps());
    }
    parts.extend(block.matters());
    parts.extend(block.outputs(rest.outputs));
    parts.extend(block.next(verdict));
    format!("\n{}", parts.join("\n"))
}

pub(crate) struct Block<'a> {
    pub(crate) view: &'a View,
    pub(crate) ink: Ink,
    pub(crate) columns: usize,
}

impl Block<'_> {
    fn verdict(&self, verdict: Verdict) -> String {
        let name = self.ink.paint(tone(verdict), &verdict.words().to_uppercase());
        let after = format!("after {}", words::took(self.view.took_ms()));
        let run = self.ink.paint(Tone::Quiet, &format!("run {}", self.view.id()));
        let meaning = wrap(&self.meaning(verdict), self.columns.saturating_sub(2));
        let meaning = meaning.into_iter().map(|line| format!("  {line}"));
        let lines: Vec<String> = [format!("{name}  {after}  {run}")].into_iter().chain(meaning).collect();
        lines.join("\n") + "\n"
    }

    /// Returns what the run came to against its objectives, unless it did nothing or has none.
    pub(crate) fn objectives(&self, measures: Option<&Measures>) -> Option<String> {
        let is_nothing = matches!(self.view.verdict()?, Verdict::Skipped | Verdict::Refused);
        if is_nothing || self.view.plan().objectives.is_none() {
            return None;
        }
        measures.map(|measures| objectives::objectives(measures, self.view.id(), self.columns, self.ink))
    }

    fn meaning(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Succeeded => String::new(),
            Verdict::Skipped => format!("{} Nothing had to be done.", self.unmet_guards()).trim_start().to_owned(),
            Verdict::Refused => format!("{} Nothing was done.", self.unmet_guards()),
            Verdict::RolledBack => format!("{} Nothing of what was done is left.", self.failure()),
            Verdict::Failed => format!("{} Something of what was done is still there.", self.failure()),
            Verdict::Cancelled => "It was stopped by request.".to_owned(),
            Verdict::Stuck => format!("{} A human is needed.", self.failure()).trim_start().to_owned(),
        }
    }

    fn unmet_guards(&self) -> String {
        let unmet = self.view.executions().filter(|execution| {
            matches!(execution.command.role, Role::Guard(_))
                && execution.finish.as_ref().is_some_and(|finish| finish.why().is_some())
        });
        let names: Vec<String> = unmet.filter_map(|execution| guard_name(&execution.command.role)).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("Guard {one} is unmet."),
            many => format!("Guards {} are unmet.", many.join(", ")),
        }
    }

    fn failure(&self) -> String {
        let groups: Vec<bool> = self.view.plan().steps.iter().map(|step| step.as_group().is_some()).collect();
        let has_failed = |(at, step): &(usize, StepView)| {
            step.status == Status::Undecided || (step.status == Status::Failed && !groups[*at])
        };
        let failed: Vec<String> = self.view.steps().enumerate().filter(has_failed).map(|(_, step)| step.id).collect();
        match failed.as_slice() {
            [] => String::new(),
            [one] => format!("Step {one} failed."),
            many => format!("Steps {} failed.", many.join(", ")),
        }
    }

    pub(crate) fn steps(&self) -> String {
        let steps: Vec<StepView> = self.view.steps().collect();
        let cells: Vec<Vec<String>> = steps.iter().map(cells).collect();
        let rows = steps.iter().zip(table(&cells));
        rows.map(|(step, cells)| {
            let status = self.ink.paint(status_tone(step), &cells[1]);
            format!("  {}  {status}  {}\n", cells[0], cells[2..].join("  ")).trim_end().to_owned() + "\n"
        })
        .collect()
    }

    /// Returns what a human must see to: all that is open when the run is stuck, and what can be said while it goes on.
    pub(crate) fn matters(&self) -> Option<String> {
        let open = self.view.run().open();
        let waits = |open: &Open| matches!(open, Open::InDoubt { .. } | Open::Undecided { .. });
        match self.view.verdict() {
            Some(Verdict::Stuck) if open.is_empty() => {
                let resume = format!("firedrill resume {}", self.view.id());
                Some(self.typed("all is settled, go on", &resume))
            }
            Some(Verdict::Stuck) => Some(self.open(&open)),
            None if open.iter().any(waits) => {
                let now: Vec<Open> = open.into_iter().filter(waits).collect();
                Some(self.open(&now))
            }
            _ => None,
        }
    }

    fn open(&self, open: &[Open]) -> String {
        // What is owed while somebody must decide is kept on purpose.
        let is_asked = |open: &&Open| matches!(open, Open::Undecided { .. });
        let is_kept = |it: &&Open| matches!(it, Open::Owed { .. }) && open.iter().any(|other| is_asked(&other));
        let (kept, matters): (Vec<&Open>, Vec<&Open>) = open.iter().partition(is_kept);
        let title = format!("{} for a human", words::count(matters.len(), "matter"));
        let items: String = matters.into_iter().map(|open| self.item(open)).collect();
        format!("{}\n{items}{}", self.ink.paint(Tone::Bad, &title), self.kept(&kept))
    }

    /// Returns what is kept until somebody has decided.
    fn kept(&self, kept: &[&Open]) -> String {
        let steps =
            kept.iter().filter_map(|open| if let Open::Owed { step, .. } = open { Some(step.as_str()) } else { None });
        let steps: Vec<&str> = steps.collect();
        if steps.is_empty() {
            return String::new();
        }
        self.said(&format!("until then is kept what was taken by: {}", steps.join(", ")), "")
    }

    fn item(&self, open: &Open) -> String {
        let run = self.view.id();
        match open {
            Open::InDoubt { step, .. } => {
                let why = self.view.reason(step.as_str()).unwrap_or("nobody saw how it ended");
                self.said(&format!("{step} is in doubt: nobody knows whether it had its effect"), why)
                    + &self.typed("see what it printed", &format!("firedrill logs {run} {step}"))
                    + &self.settle("say what you found out", step.as_str(), "done|not-done")
            }
            Open::Undecided { step } => {
                let why = self.view.reason(step.as_str()).unwrap_or("its attempts are used up");
                let decide = format!("firedrill decide {run} {step} retry|done|rollback|stop --by NAME --note TEXT");
                self.said(&format!("{step} has failed: somebody must decide what that means"), why)
                    + &self.typed("see what it printed", &format!("firedrill logs {run} {step}"))
                    + &self.typed("say what is to be done", &decide)
            }
            Open::Owed { step, debt } => self.owed(step.as_str(), *debt),
            Open::Invariant { id, answer } => {
                let invariant = self.view.plan().invariants.iter().find(|invariant| invariant.id == *id);
                let message = invariant.and_then(|invariant| invariant.message.as_deref()).unwrap_or_default();
                self.said(&format!("invariant {id} {}", answered(*answer)), message)
            }
        }
    }

    fn owed(&self, step: &str, debt: DebtKind) -> String {
        let word = debt.word();
        let role = match debt {
            DebtKind::Cleanup => Role::Cleanup,
            DebtKind::Rollback => Role::Rollback,
            DebtKind::Release => Role::Release,
        };
        let latest = self.view.latest(step, &role);
        let why = latest.and_then(|execution| execution.finish.as_ref()?.why());
        let why = why.map_or_else(
            || "it was not tried: something that comes first is open".to_owned(),
            |why| format!("its last try: {why}"),
        );
        let name = format!("{step}.{word}");
        let mut text = self.said(&format!("{name} is owed"), &why);
        if latest.is_some() {
            text += &self.typed("see what it printed", &format!("firedrill logs {} {name}", self.view.id()));
        }
        let purpose = if latest.is_some() { "or do it by hand, then" } else { "do it by hand, then" };
        text + &self.settle(purpose, &name, "done")
    }

    fn said(&self, what: &str, why: &str) -> String {
        let what = format!("  {}", self.ink.paint(Tone::Strong, &harmless(what)));
        let why = wrap(&harmless(why), self.columns.saturating_sub(4));
        let why = why.into_iter().map(|line| format!("    {line}"));
        let lines: Vec<String> = [what].into_iter().chain(why).collect();
        lines.join("\n") + "\n"
    }

    fn settle(&self, purpose: &str, name: &str, done: &str) -> String {
        let run = self.view.id();
        self.typed(purpose, &format!("firedrill settle {run} {name} --as {done} --by NAME --note TEXT"))
    }

    /// Returns what to type for a purpose: beside it, or below it if that is too wide.
    fn typed(&self, purpose: &str, command: &str) -> String {
        let painted = self.ink.paint(Tone::Typed, command);
        if 4 + PURPOSE_WIDTH + 2 + command.len() <= self.columns {
            format!("    {}  {painted}\n", pad(purpose, PURPOSE_WIDTH))
        } else {
            format!("    {purpose}\n      {painted}\n")
        }
    }

    pub(crate) fn outputs(&self, outputs: &BTreeMap<String, String>) -> Option<String> {
        if outputs.is_empty() {
            return None;
        }
        let rows: Vec<Vec<String>> = outputs.iter().map(|(name, value)| vec![name.clone(), harmless(value)]).collect();
        let rows = table(&rows);
        let rows = rows.iter().map(|row| format!("  {}", row.join("  ").trim_end()));
        let lines: Vec<String> = [self.ink.paint(Tone::Strong, "outputs")].into_iter().chain(rows).collect();
        Some(lines.join("\n") + "\n")
    }

    fn next(&self, verdict: Verdict) -> Option<String> {
        let run = self.view.id();
        let lines = match verdict {
            Verdict::Succeeded | Verdict::Skipped | Verdict::Refused => return None,
            Verdict::Stuck => self.typed("when the cause is gone", &format!("firedrill resume {run}")),
            Verdict::RolledBack | Verdict::Failed | Verdict::Cancelled => {
                let failed =
                    self.view.steps().find(|step| step.status == Status::Failed && !step.executions.is_empty());
                let step = failed.map(|step| format!(" {}", step.id)).unwrap_or_default();
                self.typed("see what was printed", &format!("firedrill logs {run}{step}"))
            }
        };
        let lines = lines + &self.typed("see the whole run", &format!("firedrill show {run}"));
        Some(format!("{}\n{lines}", self.ink.paint(Tone::Strong, "next")))
    }
}

/// The width of the column that says what a command is for.
const PURPOSE_WIDTH: usize = 22;

fn guard_name(role: &Role) -> Option<String> {
    if let Role::Guard(id) = role { Some(id.to_string()) } else { None }
}

fn answered(answer: Answered) -> &'static str {
    match answer {
        Answered::Holds => "holds",
        Answered::DoesNotHold => "does not hold",
        Answered::CouldNotTell => "could not tell",
    }
}

/// Returns a row of the table of steps: id, status, attempts, length, what became of its obligations.
fn cells(step: &StepView) -> Vec<String> {
    let attempts = if step.attempts > 1 { words::count(step.attempts as usize, "attempt") } else { String::new() };
    let mut remarks: Vec<String> = Vec::new();
    remarks.extend(step.reason.as_deref().map(harmless).map(|reason| reason.replace('\n', " ")));
    for (word, debt) in [("cleanup", step.cleanup), ("rollback", step.rollback), ("release", step.release)] {
        let is_said_by_status = word == "rollback" && step.status == Status::RolledBack;
        let is_ordinary = word == "rollback" && debt == DebtStatus::Owed && step.status == Status::Succeeded;
        if debt != DebtStatus::None && !is_said_by_status && !is_ordinary {
            remarks.push(format!("{word} {}", debt.words()));
        }
    }
    vec![
        step.id.clone(),
        step.status.words().to_owned(),
        step.took_ms.map(words::took).unwrap_or_default(),
        attempts,
        remarks.join("; "),
    ]
}

fn status_tone(step: &StepView) -> Tone {
    let is_open = [step.cleanup, step.rollback, step.release].contains(&DebtStatus::Open);
    match step.status {
        _ if is_open => Tone::Bad,
        Status::Failed | Status::InDoubt => Tone::Bad,
        Status::Succeeded => Tone::Good,
        Status::Waiting | Status::NotReached | Status::Skipped => Tone::Quiet,
        Status::RolledBack => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// Returns the tone in which a verdict is said.
pub(crate) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Succeeded | Verdict::Skipped => Tone::Good,
        Verdict::Refused | Verdict::RolledBack | Verdict::Cancelled => Tone::Warning,
        Verdict::Failed | Verdict::Stuck => Tone::Bad,
    }
}
