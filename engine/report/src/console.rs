//! The console: what happens, as clean lines. Time, whose it is, what happened.

mod command;
mod guards;
mod people;

use firedrill_model::plan::Plan;
use firedrill_run::{Cause, CommandId, Outcome, Role, Stage, Wait};

pub(crate) use self::people::{to_type, who};
use crate::diagnostics::Colour;
use crate::foreign::{Tail, harmless};
use crate::ink::{Ink, Tone};
use crate::text::{pad, width, wrap_prose};
use crate::view::{Change, DebtStatus, View, Word};
use crate::words::{self, Zone};

/// Fetches the end of what a command printed.
pub type TailOf<'a> = &'a dyn Fn(&CommandId) -> Tail;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To do on a real foundation what the playbook is for, or to play in the sandbox.
    Work,
    /// To show on a real foundation that it can be done.
    Drill,
}

/// Who has a lock that somebody waits for.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The lock.
    pub lock: &'a str,
    /// The run that has it.
    pub run: &'a str,
    /// That run's playbook, if it is known.
    pub playbook: Option<&'a str>,
    /// Since when, in milliseconds since 1970, if it is known.
    pub since_ms: Option<u64>,
    /// Why it has it: "which is running".
    pub why: &'a str,
}

/// Turns what changed into lines.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    ink: Ink,
    zone: Zone,
    subject_width: usize,
    columns: usize,
}

const SECRETS_LOST: &str = "its secrets were lost with the engine that had them: it is attempted again";

/// The subjects of what belongs to no step.
const RUN: &str = "run";
const GUARDS: &str = "guards";
const INVARIANTS: &str = "invariants";
const FINALLY: &str = "finally";

/// Ids of steps are padded up to this width.
const WIDEST_SUBJECT: usize = 28;

/// Prose is not broken into lines shorter than this.
const NARROWEST_PROSE: usize = 40;

/// One line to be: its tone, and what it says.
struct Line {
    tone: Tone,
    text: String,
}

impl Console {
    /// Returns the console of a plan, on a terminal of this many columns.
    pub fn new(plan: &Plan, colour: Colour, zone: Zone, columns: usize) -> Console {
        let ids = plan.steps.iter().map(|step| width(&step.id));
        let widest = ids.chain([INVARIANTS.len()]).max().unwrap_or(0);
        Console { ink: Ink::new(colour), zone, subject_width: widest.min(WIDEST_SUBJECT), columns }
    }

    /// Returns the lines that stand above everything else.
    pub fn opening(&self, plan: &Plan, run: &str, purpose: Purpose) -> String {
        let title = plan.title.as_deref().map(harmless).unwrap_or_default();
        let mut counts = vec![words::count(plan.steps.len(), "step")];
        if !plan.guards.is_empty() {
            counts.push(words::count(plan.guards.len(), "guard"));
        }
        let digest: String = plan.digest().chars().take(12).collect();
        let about = format!("{} {run}, plan {digest}, {}", purpose.noun(), counts.join(", "));
        let name = self.ink.paint(Tone::Strong, &plan.playbook);
        format!("{name}  {title}\n{}\n\n", self.ink.paint(Tone::Quiet, &about))
    }

    /// Returns the lines that tell what an event changed. `view` has taken the event already.
    pub fn lines(&self, view: &View, at_ms: u64, changes: &[Change], tail: TailOf<'_>) -> String {
        let told = changes.iter().filter(|change| !is_told_by_another(view, change, changes));
        told.map(|change| self.change(view, at_ms, change, tail)).collect()
    }

    /// Returns a line about the run as a whole that no event says.
    pub fn aside(&self, at_ms: u64, text: &str) -> String {
        self.line(at_ms, RUN, &Line::new(Tone::Warning, text))
    }

    /// Returns the line of a step that waits for a lock which another run has.
    pub fn waits_for_lock(&self, at_ms: u64, step: &str, holder: &Holder<'_>) -> String {
        let since = holder.since_ms.map(|since| format!("since {}", self.zone.clock(since)));
        let about: Vec<String> = holder.playbook.map(str::to_owned).into_iter().chain(since).collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        let text = format!("waits for lock {}, held by run {}{about}, {}", holder.lock, holder.run, holder.why);
        self.line(at_ms, step, &Line::new(Tone::Warning, &text))
    }

    /// Returns a remark below the last line, under its text.
    pub fn beside(&self, text: &str) -> String {
        self.prose(text)
    }

    fn change(&self, view: &View, at_ms: u64, change: &Change, tail: TailOf<'_>) -> String {
        let step_id = |step: &usize| view.plan().steps[*step].id.as_str();
        let (subject, line) = match change {
            Change::Opened | Change::Rested => return String::new(),
            Change::Started(command) => return self.started(view, at_ms, command),
            Change::Finished(command) => return self.finished(view, at_ms, command, tail),
            Change::TakenOver => {
                let resumed = self.line(at_ms, RUN, &Line::new(Tone::Warning, "resumed"));
                return resumed + &self.asked_again(view, at_ms);
            }
            Change::NotStarted(command) => {
                (subject(command), Line::new(Tone::Quiet, &format!("{} had not been started", what(command))))
            }
            Change::SecretsLost(step) => (step.as_str(), Line::new(Tone::Warning, SECRETS_LOST)),
            Change::Adopted(command) => (
                subject(command),
                Line::new(Tone::Plain, &format!("{} is still running and was adopted", what(command))),
            ),
            Change::Reached(command, milestone) => {
                (subject(command), Line::new(Tone::Plain, &format!("has reached {milestone}")))
            }
            Change::Locked(step, ms) => {
                (step.as_str(), Line::new(Tone::Plain, &format!("has its locks after {}", words::took(*ms))))
            }
            Change::Remarked(step, text) => {
                (step.as_ref().map_or(RUN, |step| step.as_str()), Line::new(Tone::Warning, text))
            }
            Change::CancelRequested(times) => (RUN, Line::new(Tone::Warning, stopping(*times))),
            Change::Replied(reply) => return self.replied(view, at_ms, reply),
            Change::Said(word) => (word.step.as_ref().map_or(RUN, firedrill_run::StepId::as_str), said(word)),
            Change::Pauses(wait, length) => {
                let text = pause(view, wait, &words::length(*length));
                (waiting(wait), Line::new(Tone::Quiet, &text))
            }
            Change::StepSettled(step) => (step_id(step), settled(view, *step)),
            Change::StepInDoubt(step) => (step_id(step), Line::new(Tone::Bad, &asked(view, *step))),
            Change::DebtOpen(step, kind) => {
                let text = format!("{} is owed: it did not succeed, a human is needed", kind.word());
                (step_id(step), Line::new(Tone::Bad, &text))
            }
            Change::Halting => return self.halting(view, at_ms),
            Change::Unwinding => return self.unwinding(view, at_ms),
        };
        self.line(at_ms, subject, &line)
    }

    fn halting(&self, view: &View, at_ms: u64) -> String {
        let running = view.run().in_flight().len();
        if running == 0 {
            return String::new();
        }
        let text = format!("nothing new starts, {} still running", words::count(running, "command"));
        self.line(at_ms, RUN, &Line::new(Tone::Warning, &text))
    }

    fn unwinding(&self, view: &View, at_ms: u64) -> String {
        let owes = |status| matches!(status, DebtStatus::Owed | DebtStatus::UnderWay);
        let is_owing = view.steps().any(|step| [step.cleanup, step.rollback, step.release].into_iter().any(owes));
        if !is_owing {
            return String::new();
        }
        let text = if view.run().undoes_what_was_done() {
            "unwinding: taking back what was done, latest first"
        } else {
            "unwinding: giving back what was taken; what is done stays"
        };
        self.line(at_ms, RUN, &Line::new(Tone::Warning, text))
    }

    fn line(&self, at_ms: u64, subject: &str, line: &Line) -> String {
        let clock = self.ink.paint(Tone::Quiet, &self.zone.clock(at_ms));
        let subject = self.ink.paint(Tone::Strong, &pad(subject, self.subject_width));
        let (first, rest) = line.text.split_once('\n').unwrap_or((&line.text, ""));
        let first = self.ink.paint(line.tone, &harmless(first));
        format!("{clock}  {subject}  {first}\n{}", self.prose(rest))
    }

    /// Returns a line below the last one, under its text.
    fn indented(&self, tone: Tone, text: &str) -> String {
        format!("{}{}\n", " ".repeat(self.indent()), self.ink.paint(tone, text))
    }

    /// Returns prose below the last line, under its text.
    fn prose(&self, text: &str) -> String {
        let columns = self.columns.saturating_sub(self.indent()).max(NARROWEST_PROSE);
        let lines = wrap_prose(&harmless(text), columns);
        lines.iter().map(|line| self.indented(Tone::Plain, line)).collect()
    }

    fn indent(&self) -> usize {
        "00:00:00".len() + 2 + self.subject_width + 2
    }
}

impl Purpose {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Purpose::Work => "run",
            Purpose::Drill => "drill, run",
        }
    }
}

impl Line {
    fn new(tone: Tone, text: &str) -> Line {
        Line { tone, text: text.to_owned() }
    }
}

/// A step that failed with its only attempt has said so in the attempt's line.
fn is_told_by_another(view: &View, change: &Change, changes: &[Change]) -> bool {
    let Change::StepSettled(step) = change else {
        return false;
    };
    let id = &view.plan().steps[*step].id;
    let is_bad_attempt = |other: &Change| {
        matches!(other, Change::Finished(command)
            if command.role == Role::Attempt && command.step().is_some_and(|step| step.as_str() == id)
            && view.execution(command).and_then(|it| it.finish.as_ref()?.why()).is_some())
    };
    changes.iter().any(is_bad_attempt)
}

/// Returns in whose column a command is told.
fn subject(command: &CommandId) -> &str {
    match (command.step(), &command.role) {
        (Some(step), _) => step.as_str(),
        (None, Role::Invariant(_)) => INVARIANTS,
        (None, Role::Final(_)) => FINALLY,
        (None, _) => GUARDS,
    }
}

/// Returns what a command is to its subject.
fn what(command: &CommandId) -> String {
    match (&command.role, command.step()) {
        (Role::Attempt, _) => format!("attempt {}", command.round),
        (Role::Guard(id), Some(_)) => format!("guard {id}"),
        (Role::Guard(id) | Role::Invariant(id) | Role::Final(id), _) => id.to_string(),
        (Role::Look(name), _) => format!("output {name}"),
        (Role::Verify | Role::Cleanup | Role::Rollback | Role::Release, _) => command.role.to_string(),
    }
}

/// Returns what a human is asked about a step, and how to answer.
fn asked(view: &View, step: usize) -> String {
    let (run, id) = (view.id(), &view.plan().steps[step].id);
    match view.run().summary(step).stage {
        Stage::Undecided(_) => format!(
            "failed: somebody must decide what that means\n\
             firedrill decide {run} {id} retry|done|rollback|stop --by NAME --note TEXT"
        ),
        _ => format!(
            "in doubt: nobody knows whether it had its effect, a human must say\n\
             firedrill settle {run} {id} --as done|not-done --by NAME --note TEXT"
        ),
    }
}

fn stopping(times: u32) -> &'static str {
    match times {
        1 => {
            "stopping: running attempts are told to end\n\
             They are killed after 10s, then the run unwinds. Ctrl-C again: no more rollbacks."
        }
        _ => {
            "no more rollbacks: they stay owed\n\
             Cleanups and releases still run. Ctrl-C again: leave at once, to be resumed later."
        }
    }
}

fn said(word: &Word) -> Line {
    Line::new(Tone::Plain, &format!("{} says: {}\n{}", word.by, word.text(), word.note))
}

fn waiting(wait: &Wait) -> &str {
    match wait {
        Wait::Attempt(step) | Wait::Hook(step, _) | Wait::Deadline(step) => step.as_str(),
        Wait::Look(command) | Wait::Within(command) | Wait::Answer(command) => subject(command),
    }
}

fn pause(view: &View, wait: &Wait, length: &str) -> String {
    match wait {
        Wait::Attempt(step) => {
            let at = view.plan().step_index(step.as_str());
            let begun = at.map_or(0, |at| view.run().summary(at).attempts);
            format!("waiting {length} before attempt {}", begun + 1)
        }
        Wait::Hook(_, kind) => format!("waiting {length} before trying the {} again", kind.word()),
        Wait::Deadline(_) => format!("its deadline is over in {length}"),
        Wait::Look(command) | Wait::Within(command) | Wait::Answer(command) => {
            format!("waiting {length} for {}", what(command))
        }
    }
}

fn settled(view: &View, at: usize) -> Line {
    let step = view.step(at);
    let after = step.took_ms.map(|ms| format!(" after {}", words::took(ms))).unwrap_or_default();
    let is_group = view.plan().steps[at].as_group().is_some();
    let is_given_up = view.plan().goes_on_after(at);
    match view.run().summary(at).stage {
        Stage::Settled(Outcome::Succeeded) => Line::new(Tone::Good, &format!("succeeded{after}")),
        Stage::Settled(Outcome::Skipped) => match view.left_out(&step.id) {
            Some(why) => Line::new(Tone::Warning, &format!("skipped on purpose: {why}")),
            None => Line::new(Tone::Quiet, "skipped"),
        },
        Stage::Settled(Outcome::Unreached) => Line::new(Tone::Quiet, "not reached"),
        Stage::Settled(Outcome::Failed(_)) if is_group && is_given_up => {
            Line::new(Tone::Bad, "failed and taken back; the rest goes on")
        }
        Stage::Settled(Outcome::Failed(Cause::Members)) => Line::new(Tone::Bad, "failed: too much of it did"),
        _ if step.executions.iter().all(|execution| execution.command.role != Role::Attempt) => {
            Line::new(Tone::Bad, "failed before it started")
        }
        _ => Line::new(Tone::Bad, &format!("failed after {}", words::count(step.attempts as usize, "attempt"))),
    }
}
