//! Commands that failed although nothing was injected at them: a world that was healthy before the fault says with them
//! that the playbook does not cope with it.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_model::plan::{After, Command, Step, Text};
use firedrill_model::rehearsal::FaultKind;
use firedrill_run::injection::{Injection, Moment};
use firedrill_run::{CommandId, Exit, Open, Outcome, Role, Stage, Subject};

use super::course::{Course, role_of};
use super::narrator::{Narrator, name};
use super::{Finding, Told};
use crate::console::TailOf;
use crate::view::{Execution, Finish};

/// Returns what failed in a healthy world although nothing was injected at it; nothing if the journal is not one of the
/// plan.
///
/// Of several failures of one command only the first is told. Commands that were cancelled or lost are no findings, nor
/// is what follows from a command that was made to lie about its success or from a hook that was struck until it was given up,
/// nor that a step fails which was told that another one has.
pub fn unprovoked(told: &Told, injected: &[Injection], tail: TailOf<'_>) -> Vec<Finding> {
    let Ok(course) = Course::of(told) else {
        return Vec::new();
    };
    let search = Search {
        course: &course,
        narrator: Narrator::new(&course, tail),
        struck: struck(&course, injected),
        misled: misled(&course, injected),
    };
    search.all()
}

/// Returns the commands that were struck, with what went wrong.
fn struck<'a>(course: &Course, injected: &'a [Injection]) -> BTreeMap<CommandId, &'a FaultKind> {
    let mut starts: BTreeMap<(&Subject, &Role), u32> = BTreeMap::new();
    let mut struck = BTreeMap::new();
    for execution in course.view.executions() {
        let command = &execution.command;
        let count = starts.entry((&command.subject, &command.role)).or_default();
        *count += 1;
        let strikes = |it: &&Injection| matches!(&it.at, Moment::Start(starts) if starts.strike(command, *count));
        if let Some(injection) = injected.iter().find(strikes) {
            struck.insert(command.clone(), &injection.kind);
        }
    }
    struck
}

/// Returns the steps that were made to lie about their success, and all that need them.
fn misled(course: &Course, injected: &[Injection]) -> BTreeSet<usize> {
    let plan = course.view.plan();
    let lies = |command: &CommandId, kind: &FaultKind| match kind {
        FaultKind::WrongOutput(_) => true,
        FaultKind::Exit(code) => course.view.run().command(command).is_some_and(|it| it.expect.exit.contains(code)),
        FaultKind::LateFailure(_)
        | FaultKind::Timeout
        | FaultKind::Killed
        | FaultKind::NotStarted
        | FaultKind::DoesNotHold
        | FaultKind::CouldNotTell
        | FaultKind::Crash
        | FaultKind::LostSupervisor
        | FaultKind::Cancel
        | FaultKind::NoAnswer
        | FaultKind::Declined => false,
    };
    let liars = struck(course, injected);
    let liars = liars.iter().filter(|(command, kind)| lies(command, kind));
    let mut misled: BTreeSet<usize> =
        liars.filter_map(|(command, _)| plan.step_index(command.step()?.as_str())).collect();
    loop {
        let more = (0..plan.steps.len()).filter(|at| !misled.contains(at));
        let more: Vec<usize> =
            more.filter(|at| plan.steps[*at].needs.iter().any(|need| misled.contains(need))).collect();
        if more.is_empty() {
            return misled;
        }
        misled.extend(more);
    }
}

struct Search<'a> {
    course: &'a Course,
    narrator: Narrator<'a>,
    struck: BTreeMap<CommandId, &'a FaultKind>,
    misled: BTreeSet<usize>,
}

impl Search<'_> {
    fn all(&self) -> Vec<Finding> {
        let mut told: BTreeSet<(&Subject, &Role)> = BTreeSet::new();
        let mut findings = Vec::new();
        for execution in self.course.view.executions() {
            let key = (&execution.command.subject, &execution.command.role);
            let finding = self.look_at(execution).filter(|_| told.insert(key));
            findings.extend(finding);
        }
        findings.extend(self.broken_invariants());
        findings
    }

    fn look_at(&self, execution: &Execution) -> Option<Finding> {
        let at = self.course.view.plan().step_index(execution.command.step()?.as_str())?;
        let step = &self.course.view.plan().steps[at];
        let text = match execution.command.role {
            _ if self.is_struck(&execution.command) => None,
            Role::Cleanup | Role::Rollback | Role::Release => self.hook(step, execution),
            Role::Attempt if !self.misled.contains(&at) => self.attempt(step, execution),
            Role::Verify => self.verify(step, at, execution),
            Role::Attempt | Role::Guard(_) | Role::Look(_) | Role::Invariant(_) | Role::Final(_) => None,
        };
        text.map(|text| Finding::new(text, Some(step.line)))
    }

    fn is_struck(&self, command: &CommandId) -> bool {
        self.struck.contains_key(command)
    }

    fn hook(&self, step: &Step, execution: &Execution) -> Option<String> {
        let how = self.failed(execution)?;
        let CommandId { role, r#try, .. } = &execution.command;
        let so = match self.later_success(execution) {
            Some(later) => format!("only try {later} succeeded"),
            None if matches!(execution.exit, Some(Exit::NotSpawned(_))) => "it can never work".to_owned(),
            None => "it does not cope with what the attempt left".to_owned(),
        };
        Some(format!("try {try} of the {role} of {} {how}, although nothing was done to it: {so}", name(step)))
    }

    /// Returns the later try of a hook, or the later look of a poll, that succeeded.
    fn later_success(&self, failed: &Execution) -> Option<u32> {
        let is_later = |it: &&Execution| {
            let command = &it.command;
            (&command.subject, &command.role, command.round)
                == (&failed.command.subject, &failed.command.role, failed.command.round)
                && command.r#try > failed.command.r#try
                && it.finish == Some(Finish::Well)
        };
        self.course.view.executions().find(is_later).map(|it| it.command.r#try)
    }

    fn attempt(&self, step: &Step, execution: &Execution) -> Option<String> {
        let how = self.failed(execution)?;
        let round = execution.command.round;
        let has_polled_on = self.later_success(execution).is_some();
        if has_polled_on || round == 1 && (self.is_told_of_a_failure(step) || self.owes_after_fault()) {
            return None;
        }
        if execution.exit == Some(Exit::TimedOut) {
            return Some(format!(
                "attempt {round} of {} {how}, although nothing was done to it: it was still at work or waited for another \
                 command. Its `timeout` is too short, or what it waits for never comes",
                name(step)
            ));
        }
        if round == 1 {
            return Some(format!(
                "{} failed although nothing was done to it: attempt 1 {how}{}",
                name(step),
                self.after()
            ));
        }
        let licence = if step.effect.idempotent || step.effect.read_only {
            "it is declared safe to repeat, and is not: it needs a cleanup or is not idempotent"
        } else if step.cleanup.is_some() {
            "its cleanup does not clear away what the earlier attempt left"
        } else {
            "it needs a cleanup, or is not idempotent"
        };
        Some(format!("attempt {round} of {} {how}, although nothing was done to it: {licence}", name(step)))
    }

    /// Returns whether a text of a step names one that has failed: that has no outputs, so the text is about its outcome.
    fn is_told_of_a_failure(&self, step: &Step) -> bool {
        let (plan, run) = (self.course.view.plan(), self.course.view.run());
        let has_failed = |id: &String| {
            plan.step_index(id).is_some_and(|at| matches!(run.summary(at).stage, Stage::Settled(Outcome::Failed(_))))
        };
        let texts = step.command().into_iter().flat_map(Command::texts);
        let mut named = texts.flat_map(|text| match text {
            Text::Deferred { after, .. } => after.as_slice(),
            Text::Known(_) => &[],
        });
        named.any(|after| matches!(after, After::Step(id) if has_failed(id)))
    }

    /// Returns whether a hook was struck until it was given up: the world is not as the playbook left it, and the verdict
    /// says so.
    fn owes_after_fault(&self) -> bool {
        self.course.view.run().open().iter().any(|open| {
            let Open::Owed { step, debt } = open else { return false };
            let is_it = |command: &CommandId| command.step() == Some(step) && command.role == role_of(*debt);
            self.struck.keys().any(is_it)
        })
    }

    /// Returns which struck step counts as succeeded all the same, to end a sentence with.
    fn after(&self) -> String {
        let plan = self.course.view.plan();
        let has_succeeded =
            |at: &usize| *self.course.view.run().summary(*at).stage == Stage::Settled(Outcome::Succeeded);
        let mut steps = self.struck.keys().filter_map(|command| plan.step_index(command.step()?.as_str()));
        let step = steps.find(has_succeeded).map(|at| name(&plan.steps[at]));
        step.map(|step| format!("; {step}, at which a fault was injected, counts as succeeded")).unwrap_or_default()
    }

    fn verify(&self, step: &Step, at: usize, execution: &Execution) -> Option<String> {
        let round = execution.command.round;
        let attempt = self.course.attempts(at).find(|it| it.command.round == round)?;
        let is_good = attempt.finish == Some(Finish::Well);
        match (self.struck.get(&attempt.command), &execution.finish) {
            (Some(FaultKind::Exit(_)), Some(Finish::Well)) if is_good => Some(format!(
                "the verify of {} holds although attempt {round} did nothing: it cannot tell whether the step had its effect",
                name(step)
            )),
            (None, Some(Finish::Bad(_) | Finish::Unclear(_)))
                if is_good && !self.misled.contains(&at) && self.later_success(execution).is_none() =>
            {
                Some(format!(
                    "the verify of {} does not hold although attempt {round} succeeded and nothing was done to either: it {}",
                    name(step),
                    self.narrator.how(execution)
                ))
            }
            _ => None,
        }
    }

    /// Returns how a command failed, unless it was cancelled or lost.
    fn failed(&self, execution: &Execution) -> Option<String> {
        let is_ours = matches!(execution.exit, None | Some(Exit::Cancelled | Exit::Lost));
        let has_failed = execution.finish.as_ref().is_some_and(|finish| finish.why().is_some());
        (has_failed && !is_ours).then(|| self.narrator.how(execution))
    }

    /// An invariant that is broken although everything that was owed is done: something is given back on no path.
    fn broken_invariants(&self) -> impl Iterator<Item = Finding> {
        let open = self.course.view.run().open();
        let is_all_done = open.iter().all(|open| matches!(open, Open::Invariant { .. }));
        let broken = open.into_iter().filter(move |open| is_all_done && !self.is_struck_invariant(open));
        broken.map(|open| {
            let finding = self.narrator.open(&open);
            let text = format!(
                "{}, although nothing is owed any more: no cleanup, rollback or release restores it{}",
                finding.text,
                self.narrator.never_taken_back()
            );
            Finding::new(text, finding.line)
        })
    }

    fn is_struck_invariant(&self, open: &Open) -> bool {
        let Open::Invariant { id, .. } = open else { return false };
        let is_it = |command: &&CommandId| matches!(&command.role, Role::Invariant(it) if **it == **id);
        self.struck.keys().any(|command| is_it(&command))
    }
}
