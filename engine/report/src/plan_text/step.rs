//! A step of a plan for people.

use firedrill_model::judge::{Extract, OutputRule, OutputSource};
use firedrill_model::plan::{
    Backoff, Command, Condition, Conduct, Guard, Hook, InDoubt, Jitter, OnCancel, OnEngineDeath, OnFailure, Release,
    Retry, Rollback, Step, block_of, is_inside, signal_name,
};

use super::{INDENT, Page, unmet};
use crate::words;

/// How many waits of a growing delay are written out.
const WAITS_SHOWN: u32 = 5;
/// How often a hook is tried unless the playbook says otherwise; then it is not worth a line.
const USUAL_TRIES: u32 = 3;

impl Page {
    /// Writes a step; `id` is how it is called, `around` what the failures around it do.
    pub(super) fn step(&mut self, steps: &[Step], at: usize, id: &str, around: OnFailure) {
        let step = &steps[at];
        self.item(id, step.title.as_deref().unwrap_or_default());
        step.why.iter().for_each(|why| self.fact("why", why));
        step.caution.iter().for_each(|caution| self.fact("caution", caution));
        let phase_around = step.group.and_then(|group| steps[group].phase.as_ref());
        if let Some(phase) = step.phase.as_ref().filter(|phase| phase_around != Some(*phase)) {
            self.fact("phase", phase);
        }
        step.typical.iter().for_each(|typical| self.fact("typical", &words::length(*typical)));
        if let Some(needs) = needs(steps, at) {
            self.fact("needs", &needs);
        }
        self.when(step.when.as_ref());
        if !step.locks.is_empty() {
            self.fact("locks", &format!("{}, waited for and kept until nothing of it is owed", step.locks.join(", ")));
        }
        step.guards.iter().for_each(|guard| self.step_guard(guard));
        step.command().into_iter().for_each(|command| self.command(INDENT, command));
        step.as_group().into_iter().for_each(|group| self.group(group));
        if step.on_failure != around {
            self.fact("failure", failure(step.on_failure));
        }
        self.effect(steps, at);
        if step.retry.max_attempts.get() > 1 {
            self.fact("retry", &retry(step));
        }
        if let Some(deadline) = step.deadline {
            let what = match step.as_group() {
                Some(_) => "its locks, guards and all that is inside, hooks and people apart",
                None => "locks, guards, attempts, verifies and the waits between them",
            };
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
        self.undoing(steps, at);
    }

    fn effect(&mut self, steps: &[Step], at: usize) {
        let effect = steps[at].effect;
        let mut words = Vec::new();
        words.extend(effect.read_only.then_some("changes nothing (read_only)".to_owned()));
        words.extend(effect.idempotent.then_some("may be repeated without harm (idempotent)".to_owned()));
        words.extend(effect.irreversible.then(|| irreversible(steps, at)));
        if !words.is_empty() {
            self.fact("effect", &words.join("; "));
        }
    }

    fn undoing(&mut self, steps: &[Step], at: usize) {
        let step = &steps[at];
        if let Some(cleanup) = &step.cleanup {
            let due = if cleanup.when.is_some() {
                "after an attempt, before anything else"
            } else {
                "after a failed attempt, before anything else"
            };
            self.hook("cleanup", due, cleanup);
        }
        match &step.rollback {
            Rollback::Hook(hook) => self.hook("rollback", rollback_is_due(steps), hook),
            Rollback::Nothing => self.fact("rollback", "nothing to undo, said on purpose"),
            Rollback::Unsaid if step.as_group().is_none() && !step.effect.read_only && step.release.is_none() => {
                self.fact("rollback", "none: what this step does stays done");
            }
            Rollback::Unsaid => {}
        }
        if let Some(release) = &step.release {
            self.hook("release", &format!("always, when {}", until(steps, at, release)), &release.hook);
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

/// Returns when rollbacks are due, given what the failures of the steps mean.
fn rollback_is_due(steps: &[Step]) -> &'static str {
    let says = |words: &[OnFailure]| steps.iter().any(|step| words.contains(&step.on_failure));
    let is_undone = says(&[OnFailure::Rollback, OnFailure::Continue]);
    match (is_undone, says(&[OnFailure::Stop]), says(&[OnFailure::Ask])) {
        (true, false, false) => "when a step fails later, or the run is cancelled",
        (true, ..) => "when a step fails later and says so, or the run is cancelled",
        (false, _, true) => "when somebody decides so (on_failure: ask)",
        (false, _, false) => "not by itself (on_failure: stop)",
    }
}

fn when(when: Option<&Condition>) -> String {
    match when {
        None | Some(Condition::Known(true)) => String::new(),
        Some(Condition::Known(false)) => ", when false: never".to_owned(),
        Some(Condition::Deferred { expression, .. }) => format!(", when {}", expression.source),
    }
}

/// Returns what a step waits for, if it is not simply the step above in its block, or the group's beginning.
fn needs(steps: &[Step], at: usize) -> Option<String> {
    let block = steps[at].group;
    let beside: Vec<usize> = steps[at].needs.iter().copied().filter(|&need| steps[need].group == block).collect();
    let above = (0..at).rev().find(|&above| steps[above].group == block);
    let after = &steps[at].after;
    let is_step_above = after.is_empty() && above.map_or(beside.is_empty(), |above| beside == [above]);
    if is_step_above || is_instance(steps, at) {
        return None;
    }
    let names = beside.iter().map(|&need| steps[need].id.clone());
    let names: Vec<String> = names.chain(after.iter().map(|signal| signal_name(steps, *signal))).collect();
    Some(match (names.as_slice(), block) {
        ([], None) => "nothing: it starts at once".to_owned(),
        ([], Some(group)) => format!("nothing: it starts with {}", steps[group].id),
        (names, _) => names.join(", "),
    })
}

fn is_instance(steps: &[Step], at: usize) -> bool {
    let around = steps[at].group.and_then(|group| steps[group].as_group());
    around.is_some_and(|group| group.each.is_some())
}

/// Returns what a failure does, where it is not what failures around it do.
fn failure(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Rollback => "what was done is rolled back (on_failure: rollback)",
        OnFailure::Stop => "what is done stays done (on_failure: stop)",
        OnFailure::Ask => "everything is kept until somebody decides (on_failure: ask)",
        OnFailure::Continue => "it is taken back by itself, and the rest goes on (on_failure: continue)",
    }
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

fn irreversible(steps: &[Step], at: usize) -> String {
    let mut is_before = vec![false; steps.len()];
    let mut queue: Vec<usize> = steps[at].begun_before().collect();
    while let Some(need) = queue.pop() {
        if !is_before[need] {
            is_before[need] = true;
            queue.extend(steps[need].begun_before());
        }
    }
    let off: Vec<&str> = (steps.iter().zip(is_before))
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

fn until(steps: &[Step], at: usize, release: &Release) -> String {
    let settled = ends(steps, &release.until);
    let reached: Vec<String> = release.until_reached.iter().map(|signal| signal_name(steps, *signal)).collect();
    let settled = match (settled.as_slice(), block_of(steps, at)) {
        ([], None) if reached.is_empty() => "every step has settled".to_owned(),
        ([], Some(group)) if reached.is_empty() => format!("{} is over", steps[group].id),
        ([], _) => String::new(),
        ([one], _) => format!("{one} has settled, in whatever way"),
        (many, _) => format!("{} have settled, in whatever way", many.join(" and ")),
    };
    let reached = match reached.as_slice() {
        [] => return settled,
        [one] => format!("{one} is reached"),
        many => format!("{} are reached", many.join(" and ")),
    };
    if settled.is_empty() { reached } else { format!("{settled}, and {reached}") }
}

/// Returns the names of the steps and groups that end a hold; the members of a group go without saying.
fn ends<'s>(steps: &'s [Step], until: &[usize]) -> Vec<&'s str> {
    let is_named = |step: usize| until.iter().all(|&other| !is_inside(steps, step, other));
    until.iter().filter(|&&step| is_named(step)).map(|&step| steps[step].id.as_str()).collect()
}

/// Returns the span of a step's hold, with how long it lasts if that is known.
pub(super) fn hold(steps: &[Step], at: usize, ms: Option<u64>) -> Option<String> {
    let step = &steps[at];
    let release = step.release.as_ref()?;
    let settled = ends(steps, &release.until).into_iter().map(str::to_owned);
    let reached = release.until_reached.iter().map(|signal| signal_name(steps, *signal));
    let names: Vec<String> = settled.chain(reached).collect();
    let end = match (names.as_slice(), block_of(steps, at)) {
        ([], None) => "the end of the last step".to_owned(),
        ([], Some(group)) => format!("the end of {}", steps[group].id),
        (names, _) => format!("the end of {}", names.join(" and ")),
    };
    let inside: Vec<&str> = release
        .hold
        .iter()
        .filter(|&&inside| steps[inside].command().is_some())
        .map(|&inside| steps[inside].id.as_str())
        .collect();
    let inside = match inside.len() {
        0 => "no step inside".to_owned(),
        number => format!("{} inside: {}", words::count(number, "step"), inside.join(", ")),
    };
    let about = ms.filter(|ms| *ms > 0).map(|ms| format!(", about {}", words::about(ms))).unwrap_or_default();
    let people = people_inside(steps, at, &release.hold);
    Some(format!("{}: from its start to {end}{about}, {inside}{people}", step.id))
}

/// Returns the warning that a hold lasts as long as people take: those who are asked, and those who are after a failure.
fn people_inside(steps: &[Step], at: usize, hold: &[usize]) -> String {
    let asks = |command: &Command| command.program.asks_people();
    let asking = hold.iter().map(|&inside| &steps[inside]).filter(|step| step.command().is_some_and(asks));
    let asking: Vec<&str> = asking.map(|step| step.id.as_str()).collect();
    let asking =
        if asking.is_empty() { String::new() } else { format!("; it waits for people at {}", asking.join(", ")) };
    let is_human = |step: &&Step| {
        step.on_failure == OnFailure::Ask || step.cleanup.as_ref().is_some_and(|hook| asks(&hook.command))
    };
    let failing =
        std::iter::once(&at).chain(hold).map(|&inside| &steps[inside]).filter(|step| step.command().is_some());
    let failing: Vec<&str> = failing.filter(is_human).map(|step| step.id.as_str()).collect();
    let failing = match failing.as_slice() {
        [] => String::new(),
        [one] => format!("; if {one} fails, it waits for people"),
        some => format!("; if one of {} fails, it waits for people", some.join(", ")),
    };
    asking + &failing
}

/// Returns where an output is taken from.
pub(super) fn output(rule: &OutputRule) -> String {
    let source = match &rule.source {
        OutputSource::Stdout | OutputSource::Look => "stdout".to_owned(),
        OutputSource::Stderr => "stderr".to_owned(),
        OutputSource::File(path) => format!("file {path}"),
        OutputSource::Published => "$FIREDRILL_OUTPUT".to_owned(),
        OutputSource::Asked => "whoever does it".to_owned(),
        OutputSource::Secret => "$FIREDRILL_OUTPUT, a secret".to_owned(),
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
