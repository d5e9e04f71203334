//! A step of a plan for people.

use firedrill_model::judge::{Extract, OutputRule, OutputSource};
use firedrill_model::plan::{
    Backoff, Condition, Conduct, Guard, Hook, InDoubt, Jitter, OnCancel, OnEngineDeath, OnFailure, Plan, Release,
    Retry, Rollback, Step,
};

use super::{INDENT, Page, unmet};
use crate::words;

/// How many waits of a growing delay are written out.
const WAITS_SHOWN: u32 = 5;
/// How often a hook is tried unless the playbook says otherwise; then it is not worth a line.
const USUAL_TRIES: u32 = 3;

impl Page {
    pub(super) fn step(&mut self, plan: &Plan, at: usize) {
        let step = &plan.steps[at];
        self.item(&step.id, step.title.as_deref().unwrap_or_default());
        step.why.iter().for_each(|why| self.fact("why", why));
        step.caution.iter().for_each(|caution| self.fact("caution", caution));
        step.phase.iter().for_each(|phase| self.fact("phase", phase));
        step.typical.iter().for_each(|typical| self.fact("typical", &words::length(*typical)));
        if let Some(needs) = needs(plan, at) {
            self.fact("needs", &needs);
        }
        self.when(step.when.as_ref());
        step.guards.iter().for_each(|guard| self.step_guard(guard));
        step.command().into_iter().for_each(|command| self.command(INDENT, command));
        self.effect(plan, at);
        if step.retry.max_attempts.get() > 1 {
            self.fact("retry", &retry(step));
        }
        if let Some(deadline) = step.deadline {
            let what = "guards, attempts, verifies and the waits between them";
            self.fact("deadline", &format!("{} for {what}", words::length(deadline)));
        }
        if let Some(conduct) = conduct(&step.conduct) {
            self.fact("attempts", &conduct);
        }
        for milestone in &step.milestones {
            self.fact("milestone", &format!("{}: a line that matches /{}/", milestone.name, milestone.pattern));
        }
        for look in &step.looks {
            self.fact("output", &format!("{}, from", look.name));
            self.command(INDENT + 2, &look.command);
        }
        if let Some(verify) = &step.verify {
            self.fact("verify", "that the effect is there");
            self.command(INDENT + 2, &verify.command);
        }
        self.undoing(plan, step);
    }

    fn effect(&mut self, plan: &Plan, at: usize) {
        let effect = plan.steps[at].effect;
        let mut words = Vec::new();
        words.extend(effect.read_only.then_some("changes nothing (read_only)".to_owned()));
        words.extend(effect.idempotent.then_some("may be repeated without harm (idempotent)".to_owned()));
        words.extend(effect.irreversible.then(|| irreversible(plan, at)));
        if !words.is_empty() {
            self.fact("effect", &words.join("; "));
        }
    }

    fn undoing(&mut self, plan: &Plan, step: &Step) {
        if let Some(cleanup) = &step.cleanup {
            let due = if cleanup.when.is_some() {
                "after an attempt, before anything else"
            } else {
                "after a failed attempt, before anything else"
            };
            self.hook("cleanup", due, cleanup);
        }
        match (&step.rollback, step.on_failure) {
            (Rollback::Hook(hook), OnFailure::Rollback | OnFailure::Continue) => {
                self.hook("rollback", "when a step fails later, or the run is cancelled", hook);
            }
            (Rollback::Hook(hook), OnFailure::Stop) => self.hook("rollback", "not by itself (on_failure: stop)", hook),
            (Rollback::Hook(hook), OnFailure::Ask) => {
                self.hook("rollback", "when somebody decides so (on_failure: ask)", hook);
            }
            (Rollback::Nothing, _) => self.fact("rollback", "nothing to undo, said on purpose"),
            (Rollback::Unsaid, _) if !step.effect.read_only && step.release.is_none() => {
                self.fact("rollback", "none: what this step does stays done");
            }
            (Rollback::Unsaid, _) => {}
        }
        if let Some(release) = &step.release {
            self.hook("release", &format!("always, when {}", until(plan, release)), &release.hook);
        }
    }

    fn step_guard(&mut self, guard: &Guard) {
        let unmet = unmet(guard, "unmet, the step fails before it did anything", "unmet, the step is skipped");
        self.fact("guard", &format!("{}: {unmet}", guard.id));
        guard.why.iter().for_each(|why| self.fact("", why));
        self.command(INDENT + 2, &guard.probe.command);
    }

    fn hook(&mut self, label: &str, due: &str, hook: &Hook) {
        let tries = hook.retry.max_attempts.get();
        let usual = if hook.command.program.asks_people() { 1 } else { USUAL_TRIES };
        let tries = if tries == usual { String::new() } else { format!(", {tries} tries") };
        self.fact(label, &format!("{due}{}{tries}", when(hook.when.as_ref())));
        self.command(INDENT + 2, &hook.command);
    }
}

fn when(when: Option<&Condition>) -> String {
    match when {
        None | Some(Condition::Known(true)) => String::new(),
        Some(Condition::Known(false)) => ", when false: never".to_owned(),
        Some(Condition::Deferred { expression, .. }) => format!(", when {}", expression.source),
    }
}

/// Returns what a step waits for, if it is not simply the step above.
fn needs(plan: &Plan, at: usize) -> Option<String> {
    let (needs, after) = (&plan.steps[at].needs, &plan.steps[at].after);
    let is_step_above = match at.checked_sub(1) {
        None => needs.is_empty(),
        Some(above) => *needs == [above] && after.is_empty(),
    };
    if is_step_above {
        return None;
    }
    let steps = needs.iter().map(|&need| plan.steps[need].id.clone());
    let names: Vec<String> = steps.chain(after.iter().map(|signal| plan.signal_name(*signal))).collect();
    Some(if names.is_empty() { "nothing: it starts at once".to_owned() } else { names.join(", ") })
}

/// Returns how attempts are treated when something comes between, as far as that is not as usual.
fn conduct(conduct: &Conduct) -> Option<String> {
    let usual = Conduct::default();
    let mut said = Vec::new();
    said.extend(
        (conduct.on_cancel == OnCancel::Finish).then(|| "a cancel waits for them (on_cancel: finish)".to_owned()),
    );
    said.extend(match conduct.in_doubt {
        InDoubt::Ask => None,
        InDoubt::Rerun => Some("in doubt they are repeated (in_doubt: rerun)".to_owned()),
        InDoubt::Fail => Some("in doubt they have failed (in_doubt: fail)".to_owned()),
    });
    let dies = conduct.on_engine_death == OnEngineDeath::Kill;
    said.extend(dies.then(|| "they are ended when the engine dies (on_engine_death: kill)".to_owned()));
    let is_usual = conduct.stop_grace == usual.stop_grace;
    said.extend((!is_usual).then(|| format!("{} from TERM to KILL", words::length(conduct.stop_grace))));
    (!said.is_empty()).then(|| said.join("; "))
}

fn retry(step: &Step) -> String {
    let licence = if step.effect.read_only {
        "read_only"
    } else if step.effect.idempotent {
        "idempotent"
    } else {
        "after its cleanup"
    };
    let when = step.retry.when.as_ref().map(|when| format!(", when {}", when.source)).unwrap_or_default();
    format!("{} attempts ({licence}), {}{when}", step.retry.max_attempts, waits(&step.retry))
}

fn waits(retry: &Retry) -> String {
    let spread = if retry.jitter == Jitter::Full { "up to " } else { "" };
    let bounded = |delay: std::time::Duration| retry.max_delay.map_or(delay, |max| delay.min(max));
    let Backoff::Exponential { percent } = retry.backoff else {
        return format!("{spread}{} apart", words::length(bounded(retry.delay)));
    };
    let gaps = retry.max_attempts.get() - 1;
    let mut delay = retry.delay;
    let mut waits = Vec::new();
    for _ in 0..gaps.min(WAITS_SHOWN) {
        waits.push(words::length(bounded(delay)));
        delay = delay.saturating_mul(percent) / 100;
    }
    let more = if gaps > WAITS_SHOWN { ", ..." } else { "" };
    format!("waiting {spread}{}{more}", waits.join(", "))
}

fn irreversible(plan: &Plan, at: usize) -> String {
    let mut is_before = vec![false; plan.steps.len()];
    let mut queue: Vec<usize> = plan.steps[at].begun_before().collect();
    while let Some(need) = queue.pop() {
        if !is_before[need] {
            is_before[need] = true;
            queue.extend(plan.steps[need].begun_before());
        }
    }
    let off: Vec<&str> = (plan.steps.iter().zip(is_before))
        .filter(|(step, is_before)| *is_before && step.rollback_hook().is_some())
        .map(|(step, _)| step.id.as_str())
        .collect();
    let off = if off.is_empty() {
        String::new()
    } else {
        format!("; from its start these rollbacks are off: {}", off.join(", "))
    };
    format!("the point of no return (irreversible){off}")
}

fn until(plan: &Plan, release: &Release) -> String {
    let settled: Vec<&str> = release.until.iter().map(|&step| plan.steps[step].id.as_str()).collect();
    let reached: Vec<String> = release.until_reached.iter().map(|signal| plan.signal_name(*signal)).collect();
    let settled = match settled.as_slice() {
        [] if reached.is_empty() => "every step has settled".to_owned(),
        [] => String::new(),
        [one] => format!("{one} has settled, in whatever way"),
        many => format!("{} have settled, in whatever way", many.join(" and ")),
    };
    let reached = match reached.as_slice() {
        [] => return settled,
        [one] => format!("{one} is reached"),
        many => format!("{} are reached", many.join(" and ")),
    };
    if settled.is_empty() { reached } else { format!("{settled}, and {reached}") }
}

/// Returns the span of a step's hold, with how long it lasts if that is known.
pub(super) fn hold(plan: &Plan, step: &Step, ms: Option<u64>) -> Option<String> {
    let release = step.release.as_ref()?;
    let settled = release.until.iter().map(|&until| plan.steps[until].id.clone());
    let names: Vec<String> =
        settled.chain(release.until_reached.iter().map(|signal| plan.signal_name(*signal))).collect();
    let end = if names.is_empty() {
        "the end of the last step".to_owned()
    } else {
        format!("the end of {}", names.join(" and "))
    };
    let inside: Vec<&str> = release.hold.iter().map(|&inside| plan.steps[inside].id.as_str()).collect();
    let inside = match inside.len() {
        0 => "no step inside".to_owned(),
        number => format!("{} inside: {}", words::count(number, "step"), inside.join(", ")),
    };
    let about = ms.filter(|ms| *ms > 0).map(|ms| format!(", about {}", words::about(ms))).unwrap_or_default();
    Some(format!("{}: from its start to {end}{about}, {inside}", step.id))
}

/// Returns where an output is taken from.
pub(super) fn output(rule: &OutputRule) -> String {
    let source = match &rule.source {
        OutputSource::Stdout | OutputSource::Look => "stdout".to_owned(),
        OutputSource::Stderr => "stderr".to_owned(),
        OutputSource::File(path) => format!("file {path}"),
        OutputSource::Published => "$FIREDRILL_OUTPUT".to_owned(),
        OutputSource::Asked => "whoever does it".to_owned(),
    };
    let extract = match &rule.extract {
        Extract::Whole => String::new(),
        Extract::Regex(pattern) => format!(", first match of /{pattern}/"),
        Extract::Jq(filter) => format!(", jq {}", filter.trim()),
        Extract::FirstLine => ", first line".to_owned(),
        Extract::LastLine => ", last line".to_owned(),
    };
    let optional = if rule.optional { ", may be missing" } else { "" };
    format!("{} from {source}{extract}{optional}", rule.name)
}
