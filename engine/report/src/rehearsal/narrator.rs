//! Why a run ended as it did, in words that name steps and lines.

use firedrill_model::plan::{Guard, Rollback, Step};
use firedrill_run::{Answered, Cause, Debt, DebtKind, Exit, Open, Outcome, Role, Stage, Verdict};

use super::Finding;
use super::course::{Course, role_of};
use crate::console::TailOf;
use crate::foreign::{Tail, harmless};
use crate::view::Execution;
use crate::words;

/// How many last lines of a command are quoted.
const QUOTED_LINES: usize = 2;

/// Tells why.
#[derive(Clone, Copy)]
pub(super) struct Narrator<'a> {
    course: &'a Course,
    tail: TailOf<'a>,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(course: &'a Course, tail: TailOf<'a>) -> Narrator<'a> {
        Narrator { course, tail }
    }

    fn steps(&self) -> &'a [Step] {
        &self.course.view.plan().steps
    }

    /// Returns the reasons for a verdict.
    pub(super) fn verdict(&self, verdict: Verdict) -> Vec<Finding> {
        let reasons = match verdict {
            Verdict::Succeeded => vec![Finding::new("no step failed", None)],
            Verdict::Skipped => self.skipped(),
            Verdict::Refused => self.unmet_guards().chain(self.failures()).collect(),
            Verdict::RolledBack => self.failures().collect(),
            Verdict::Failed => self.failures().chain(self.left_behind()).collect(),
            Verdict::Cancelled => vec![Finding::new("the run was cancelled", None)],
            Verdict::Stuck => self.stuck(),
        };
        if reasons.is_empty() {
            vec![Finding::new("a human has said something, and it was not resumed", None)]
        } else {
            reasons
        }
    }

    fn stuck(&self) -> Vec<Finding> {
        let open = self.course.view.run().open();
        let mut reasons: Vec<Finding> = open.iter().map(|open| self.open(open)).collect();
        let is_all_done = open.iter().all(|open| matches!(open, Open::Invariant { .. }));
        if let Some(last) = reasons.last_mut().filter(|_| is_all_done) {
            last.text += &self.never_taken_back();
        }
        reasons
    }

    fn skipped(&self) -> Vec<Finding> {
        let unmet: Vec<Finding> = self.unmet_guards().collect();
        if unmet.is_empty() { vec![Finding::new("no step had to run", None)] } else { unmet }
    }

    fn unmet_guards(&self) -> impl Iterator<Item = Finding> + use<'a> {
        let narrator = *self;
        let guards = self.course.view.plan().guards.iter();
        guards.filter_map(move |guard| {
            let execution = narrator.course.view.executions().rev().find(|it| {
                it.command.step().is_none() && matches!(&it.command.role, Role::Guard(id) if **id == *guard.id)
            })?;
            execution.finish.as_ref()?.why()?;
            Some(Finding::new(narrator.unmet(guard, execution), Some(guard.line)))
        })
    }

    fn unmet(&self, guard: &Guard, execution: &Execution) -> String {
        let message = guard.message.as_deref().map(|message| format!(": {}", one_line(message))).unwrap_or_default();
        format!("guard `{}` (line {}) is unmet, it {}{message}", guard.id, guard.line, self.how(execution))
    }

    /// Iterates over the steps that failed, with the reasons.
    fn failures(&self) -> impl Iterator<Item = Finding> + use<'a> {
        let narrator = *self;
        (0..self.steps().len()).filter_map(move |at| narrator.failure(at))
    }

    fn failure(&self, at: usize) -> Option<Finding> {
        let step = &self.steps()[at];
        let why = self.why_failed(at)?;
        Some(Finding::new(format!("{} failed: {why}", name(step)), Some(step.line)))
    }

    /// Returns why a step failed, if it did.
    pub(super) fn why_failed(&self, at: usize) -> Option<String> {
        match *self.course.view.run().summary(at).stage {
            Stage::Settled(Outcome::Failed(cause)) => Some(self.cause(at, cause)),
            _ => None,
        }
    }

    fn cause(&self, at: usize, cause: Cause) -> String {
        let step = &self.steps()[at];
        match cause {
            Cause::Guard => self.guard_of(step),
            Cause::When | Cause::Items | Cause::Texts | Cause::Deadline => {
                self.course.view.reason(&step.id).unwrap_or("nobody saw why").to_owned()
            }
            Cause::Members => "a member of it failed".to_owned(),
            Cause::NotSpawned | Cause::Unexpected | Cause::Doubt(_) => self.last_attempt(at),
            Cause::Output => {
                self.after_success(at, "an output could not be read, the look", |role| matches!(role, Role::Look(_)))
            }
            Cause::Verify => self.after_success(at, "its verify does not hold, it", |role| *role == Role::Verify),
            Cause::Cleanup => {
                format!("its attempt succeeded, but its cleanup did not: {}", self.tries(step, DebtKind::Cleanup))
            }
        }
    }

    fn guard_of(&self, step: &Step) -> String {
        let unmet = self.latest(step, |role| matches!(role, Role::Guard(_)));
        let named = unmet.and_then(|it| {
            let guard = step.guards.iter().find(|guard| it.command.role == Role::Guard(guard.id.as_str().into()))?;
            Some(self.unmet(guard, it))
        });
        named
            .or_else(|| self.unmet_guards().next().map(|finding| format!("asked again, {}", finding.text)))
            .unwrap_or_else(|| "a guard is unmet".to_owned())
    }

    fn last_attempt(&self, at: usize) -> String {
        let Some(last) = self.course.attempts(at).last() else {
            return "nobody knows why".to_owned();
        };
        let most = self.steps()[at].retry.max_attempts;
        format!("attempt {} of {most} {}", last.command.round, self.how(last))
    }

    fn after_success(&self, at: usize, what: &str, is_it: impl Fn(&Role) -> bool) -> String {
        let Some(probe) = self.latest(&self.steps()[at], is_it) else {
            return self.last_attempt(at);
        };
        format!("attempt {} succeeded, but {what} {}", probe.command.round, self.how(probe))
    }

    fn latest(&self, step: &Step, is_it: impl Fn(&Role) -> bool) -> Option<&'a Execution> {
        self.course.view.executions_of(&step.id).filter(|it| is_it(&it.command.role)).last()
    }

    /// Returns the steps that have succeeded and that nothing takes back, to end a sentence with.
    pub(super) fn never_taken_back(&self) -> String {
        let is_kept = |(at, step): &(usize, &Step)| {
            let has_hook = step.release.is_some() || step.rollback_hook().is_some();
            !has_hook && is_left_behind(self.course, *at, step)
        };
        let steps: Vec<String> = self.steps().iter().enumerate().filter(is_kept).map(|(_, step)| name(step)).collect();
        match steps.as_slice() {
            [] => String::new(),
            steps => format!(" (neither a release nor a rollback has: {})", steps.join(", ")),
        }
    }

    /// Iterates over the steps of which something is still there.
    fn left_behind(&self) -> impl Iterator<Item = Finding> + use<'a> {
        let course = self.course;
        let steps = self.steps().iter().enumerate().filter(move |(at, step)| is_left_behind(course, *at, step));
        steps.map(|(_, step)| {
            let why = if step.rollback_hook().is_some() { "it was not rolled back" } else { "it has no rollback" };
            Finding::new(format!("what {} did is still there: {why}", name(step)), Some(step.line))
        })
    }

    /// Returns what a human must see to, with the reason.
    pub(super) fn open(&self, open: &Open) -> Finding {
        match open {
            Open::InDoubt { step, .. } => self.about(step.as_str(), |at, step| {
                format!(
                    "{} is in doubt: its {}, and nothing in the playbook finds out or makes it harmless",
                    name(step),
                    self.last_attempt(at)
                )
            }),
            Open::Undecided { step } => self.about(step.as_str(), |at, step| {
                format!("nobody decides what the failure of {} means: its {}", name(step), self.last_attempt(at))
            }),
            Open::Owed { step, debt } => self.about(step.as_str(), |_, step| {
                format!("the {} of {} stays owed: {}", debt.word(), name(step), self.tries(step, *debt))
            }),
            Open::Invariant { id, answer } => self.invariant(id, *answer),
        }
    }

    fn about(&self, id: &str, tell: impl Fn(usize, &Step) -> String) -> Finding {
        let at = self.course.view.plan().step_index(id).expect("what is open belongs to a step of the plan");
        Finding::new(tell(at, &self.steps()[at]), Some(self.steps()[at].line))
    }

    /// Returns why an obligation of a step was not discharged.
    pub(super) fn why_not(&self, at: usize, kind: DebtKind) -> String {
        let step = &self.steps()[at];
        let summary = self.course.view.run().summary(at);
        let (hook, debt) = match kind {
            DebtKind::Cleanup => (step.cleanup.is_some(), summary.cleanup),
            DebtKind::Rollback => (step.rollback_hook().is_some(), summary.rollback),
            DebtKind::Release => (step.release.is_some(), summary.release),
        };
        match debt {
            _ if !hook => format!("it has no {}", kind.word()),
            _ if self.is_open(step, kind) => self.tries(step, kind),
            Debt::Off => format!("its {} was given up on purpose", kind.word()),
            Debt::None | Debt::Owed | Debt::Deciding | Debt::Discharging(_) | Debt::Open | Debt::Discharged => {
                format!("its {} was not called for", kind.word())
            }
        }
    }

    fn is_open(&self, step: &Step, kind: DebtKind) -> bool {
        let is_it =
            |open: &Open| matches!(open, Open::Owed { step: id, debt } if id.as_str() == step.id && *debt == kind);
        self.course.view.run().open().iter().any(is_it)
    }

    /// Returns what became of the tries to discharge an obligation.
    fn tries(&self, step: &Step, kind: DebtKind) -> String {
        let role = role_of(kind);
        if let Some(why) = self.course.unrendered(&step.id, &role) {
            return format!("its texts cannot be had: {why}");
        }
        let executions = self.course.view.executions_of(&step.id).filter(|it| it.command.role == role);
        let failed: Vec<&Execution> =
            executions.filter(|it| it.finish.as_ref().is_some_and(|it| it.why().is_some())).collect();
        let Some(last) = failed.last() else {
            return format!("it was not tried, {}", self.what_comes_first(step));
        };
        let is_same = failed.iter().all(|it| it.exit == last.exit);
        let how = self.how(last);
        match failed.len() {
            1 => format!("its only try {how}"),
            many if is_same => format!("each of its {many} tries {how}"),
            many => format!("its {many} tries failed, the last {how}"),
        }
    }

    fn what_comes_first(&self, step: &Step) -> String {
        let open = self.course.view.run().open();
        let first: Vec<String> = open
            .iter()
            .filter_map(|open| match open {
                Open::InDoubt { step: other, .. } if other.as_str() != step.id => {
                    Some(format!("`{other}` is in doubt"))
                }
                Open::Undecided { step: other } if other.as_str() != step.id => {
                    Some(format!("nobody decides about `{other}`"))
                }
                Open::Owed { step: other, debt: DebtKind::Rollback } if other.as_str() != step.id => {
                    Some(format!("the rollback of `{other}` is owed"))
                }
                Open::InDoubt { .. } | Open::Undecided { .. } | Open::Owed { .. } | Open::Invariant { .. } => None,
            })
            .collect();
        if first.is_empty() { "it was called off".to_owned() } else { format!("because {}", first.join(" and ")) }
    }

    fn invariant(&self, id: &str, answer: Answered) -> Finding {
        let invariant = self.course.view.plan().invariants.iter().find(|it| it.id == id);
        let latest = self
            .course
            .view
            .executions()
            .rev()
            .find(|it| matches!(&it.command.role, Role::Invariant(it) if **it == *id));
        let said = if answer == Answered::DoesNotHold { "does not hold" } else { "could not tell" };
        let how = latest.map(|it| format!(", it {}", self.how(it))).unwrap_or_default();
        let message = invariant.and_then(|it| it.message.as_deref()).map(|it| format!(": {}", one_line(it)));
        let line = invariant.map(|it| it.line);
        let at = line.map(|line| format!(" (line {line})")).unwrap_or_default();
        Finding::new(format!("invariant `{id}`{at} {said}{how}{}", message.unwrap_or_default()), line)
    }

    /// Returns how a command ended and what it said last: `exited with 1 (last words: ...)`.
    pub(super) fn how(&self, execution: &Execution) -> String {
        let limit = self.course.view.run().command(&execution.command).and_then(|command| command.time_limit);
        let why = execution.finish.as_ref().and_then(|finish| finish.why());
        let ended = match (&execution.exit, why) {
            (None, _) => "has not ended".to_owned(),
            (Some(Exit::Code(code)), Some(why)) if !why.starts_with("exit") => {
                format!("exited with {code}, {}", one_line(why))
            }
            (Some(Exit::Code(code)), _) => format!("exited with {code}"),
            (Some(exit @ Exit::NotSpawned(_)), _) => return without_path(&words::exit(exit, limit)),
            (Some(exit), _) => format!("was {}", words::exit(exit, limit)),
        };
        if ended.contains("stderr ends with") { ended } else { ended + &last_words(&(self.tail)(&execution.command)) }
    }
}

/// Leaves out where a program was looked for: the folders of a rehearsal are gone, and different in every run.
fn without_path(text: &str) -> String {
    const MISSING: &str = "was not found in PATH";
    match text.split_once(MISSING) {
        Some((before, _)) => format!("{before}{MISSING}, nor among the stand-ins"),
        None => text.to_owned(),
    }
}

/// Returns what something printed last, as it stands in a sentence.
pub(super) fn last_words(tail: &Tail) -> String {
    let lines: Vec<String> = tail.lines(QUOTED_LINES).iter().map(|line| line.trim().to_owned()).collect();
    if lines.is_empty() { String::new() } else { format!(" (last words: {})", lines.join(" / ")) }
}

/// Returns a step as it is named in a sentence.
pub(super) fn name(step: &Step) -> String {
    format!("`{}` (line {})", step.id, step.line)
}

fn one_line(text: &str) -> String {
    harmless(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether something of what a step did is still there.
fn is_left_behind(course: &Course, at: usize, step: &Step) -> bool {
    let summary = course.view.run().summary(at);
    let has_failed = matches!(summary.stage, Stage::Settled(Outcome::Failed(_)));
    let is_undone = *summary.rollback == Debt::Discharged;
    let is_cleaned = has_failed && *summary.cleanup == Debt::Discharged;
    let is_given_back = step.rollback == Rollback::Unsaid && *summary.release == Debt::Discharged;
    let is_nothing = step.effect.read_only || step.rollback == Rollback::Nothing;
    summary.is_effective && !is_undone && !is_cleaned && !is_given_back && !is_nothing
}
