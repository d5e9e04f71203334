//! What the machine must never do, whatever the playbook: the rules of the weight [`super::Weight::Violation`].

use std::fmt;

use firedrill_model::plan::{InDoubt, OnFailure, Rollback, is_inside};
use firedrill_run::{CommandId, Debt, DebtKind, Event, Open, Outcome, Phase, Role, Run, Stage, Verdict};

use super::condition::is_owed;
use super::rule::{Rule, Weight};
use super::{locks, scopes};
use crate::place::named;

/// A rule and how it is gone against.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Breach {
    pub(super) rule: Rule,
    pub(super) why: String,
}

impl Breach {
    pub(super) fn new(rule: Rule, why: impl Into<String>) -> Breach {
        Breach { rule, why: why.into() }
    }

    /// Returns what is reported only once: a property as such, a rule by how it is gone against.
    pub(super) fn kind(&self) -> Breach {
        match self.rule {
            Rule::Property { .. } => Breach::new(self.rule.clone(), ""),
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.rule, self.rule.weight()) {
            (Rule::Property { text, .. }, _) => write!(f, "against {text}: {}", self.why),
            (rule, Weight::Violation) => write!(f, "against the rule \"{}\": {}", rule.words(), self.why),
            (_, Weight::Advice) => f.write_str(&self.why),
        }
    }
}

/// Returns the rule that an event goes against in the state in which it happens.
pub(super) fn broken_by(run: &Run, event: &Event) -> Option<Breach> {
    let Event::Started { command } = event else { return None };
    let step = run.plan().step_index(command.step()?.as_str())?;
    if let Some(breach) = locks::broken_by(run, step) {
        return Some(breach);
    }
    match command.role {
        Role::Attempt => attempt_too_soon(run, step, command),
        Role::Rollback => rollback_too_soon(run, step),
        Role::Guard(_)
        | Role::Look(_)
        | Role::Verify
        | Role::Cleanup
        | Role::Release
        | Role::Invariant(_)
        | Role::Final(_) => None,
    }
}

fn attempt_too_soon(run: &Run, step: usize, command: &CommandId) -> Option<Breach> {
    let plan = run.plan();
    let planned = &plan.steps[step];
    let is_unmet = |need: &&usize| match run.summary(**need).stage {
        Stage::Settled(Outcome::Succeeded | Outcome::Skipped) => false,
        Stage::Inside if is_inside(&plan.steps, step, **need) => false,
        _ => !scopes::is_absorbed(run, **need, Some(step)),
    };
    if let Some(need) = planned.needs.iter().find(is_unmet) {
        let why = format!("{} starts before {} is done", named(plan, step), named(plan, *need));
        return Some(Breach::new(Rule::NeedsAreMet, why));
    }
    let mut signals = planned.after.iter();
    if let Some(signal) = signals.find(|signal| !run.has_reached(signal.step, signal.milestone)) {
        let milestone = &plan.steps[signal.step].milestones[signal.milestone].name;
        let why = format!("{} starts before {} has reached {milestone}", named(plan, step), named(plan, signal.step));
        return Some(Breach::new(Rule::NeedsAreMet, why));
    }
    if run.phase() != Phase::Working || scopes::is_failing(run, step) {
        let why = format!("{} starts although the run is being taken back", named(plan, step));
        return Some(Breach::new(Rule::UnwindingStartsNothing, why));
    }
    let summary = run.summary(step);
    let is_licensed = planned.effect.read_only
        || planned.effect.idempotent
        || planned.conduct.in_doubt == InDoubt::Rerun
        || *summary.cleanup == Debt::Discharged
        || !summary.is_effective;
    (command.round > 1 && !is_licensed).then(|| {
        let why = format!(
            "{} is attempted again, although it may not be repeated and nothing was cleaned up",
            named(plan, step)
        );
        Breach::new(Rule::RepeatsAreLicensed, why)
    })
}

fn rollback_too_soon(run: &Run, step: usize) -> Option<Breach> {
    let plan = run.plan();
    let mut others =
        (0..plan.steps.len()).filter(|&other| plan.steps[other].begun_before().any(|before| before == step));
    let first = others.find(|&other| is_owed(run.summary(other).rollback))?;
    let why = format!("{} is rolled back before {}, which began after it", named(plan, step), named(plan, first));
    Some(Breach::new(Rule::DependentsFirst, why))
}

/// Returns the rules that a run at rest goes against.
pub(super) fn broken_at_rest(run: &Run, verdict: Verdict) -> Vec<Breach> {
    let open = run.open();
    let mut breaches = Vec::new();
    if let Some(command) = run.in_flight().first() {
        let why = format!("`{}.{}` still runs and the verdict is {verdict}", command.subject, command.role);
        breaches.push(Breach::new(Rule::RestIsQuiet, why));
    }
    for step in 0..run.plan().steps.len() {
        breaches.extend(untold(run, verdict, &open, step));
        breaches.extend(unreleased(run, verdict, &open, step));
        breaches.extend(hidden(run, verdict, step));
    }
    if verdict == Verdict::Stuck && open.is_empty() {
        let why = "the run is stuck and does not say why";
        breaches.push(Breach::new(Rule::ObligationsAreTold, why));
    }
    breaches
}

fn untold(run: &Run, verdict: Verdict, open: &[Open], step: usize) -> Option<Breach> {
    let summary = run.summary(step);
    let is_taken_back = run.plan().steps[step].on_failure != OnFailure::Stop
        && matches!(verdict, Verdict::RolledBack | Verdict::Failed | Verdict::Cancelled);
    let owed = [
        (DebtKind::Cleanup, is_owed(summary.cleanup)),
        (DebtKind::Rollback, is_owed(summary.rollback) && is_taken_back),
    ];
    let (kind, _) = owed.into_iter().find(|(kind, is_owed)| {
        let is_told = verdict == Verdict::Stuck && is_told(run, open, step, *kind);
        *is_owed && !is_told
    })?;
    let why = format!("the {} of {} is owed and the verdict is {verdict}", kind.word(), named(run.plan(), step));
    Some(Breach::new(Rule::ObligationsAreTold, why))
}

fn unreleased(run: &Run, verdict: Verdict, open: &[Open], step: usize) -> Option<Breach> {
    let summary = run.summary(step);
    let has_taken = summary.is_effective && run.plan().steps[step].release.is_some();
    let is_given_back = *summary.release == Debt::Discharged;
    let is_told = verdict == Verdict::Stuck && is_told(run, open, step, DebtKind::Release);
    (has_taken && !is_given_back && !is_told).then(|| {
        let why = format!("{} has not given back what it took and the verdict is {verdict}", named(run.plan(), step));
        Breach::new(Rule::ReleasesHappen, why)
    })
}

fn is_told(run: &Run, open: &[Open], step: usize, kind: DebtKind) -> bool {
    let id = &run.plan().steps[step].id;
    open.iter().any(|item| matches!(item, Open::Owed { step, debt } if step.as_str() == id && *debt == kind))
}

/// Returns whether a verdict says that all is well, or that nothing is left, while something of a change is there.
fn hidden(run: &Run, verdict: Verdict, step: usize) -> Option<Breach> {
    let is_hidden = match verdict {
        Verdict::RolledBack | Verdict::Refused | Verdict::Skipped => is_left(run, step),
        Verdict::Succeeded => has_failed(run, step) && !scopes::is_absorbed(run, step, None),
        Verdict::Failed | Verdict::Cancelled | Verdict::Stuck => false,
    };
    is_hidden.then(|| {
        let why = format!("{} has left something behind and the verdict is {verdict}", named(run.plan(), step));
        Breach::new(Rule::NothingIsHidden, why)
    })
}

/// Returns whether something of what a step did is still there.
pub(super) fn is_left(run: &Run, step: usize) -> bool {
    let planned = &run.plan().steps[step];
    let summary = run.summary(step);
    summary.is_effective
        && !planned.effect.read_only
        && planned.rollback != Rollback::Nothing
        && *summary.rollback != Debt::Discharged
        && !(has_failed(run, step) && *summary.cleanup == Debt::Discharged)
        && !(planned.rollback == Rollback::Unsaid && *summary.release == Debt::Discharged)
}

pub(super) fn has_failed(run: &Run, step: usize) -> bool {
    matches!(run.summary(step).stage, Stage::Settled(Outcome::Failed(_)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firedrill_run::Exit;

    use super::*;
    use crate::{Script, sketch};

    /// Plays a sketch with some commands failing, up to the first event that is not before `end`.
    #[track_caller]
    fn played(plan: &str, fails: &[&str], end: &str) -> Run {
        let script = fails.iter().fold(Script::new(), |script, command| script.exit(command, Exit::Code(1)));
        let played = script.play(Arc::new(sketch(plan))).expect("a legal history");
        let is_end = |event: &Event| matches!(event, Event::Started { command } if command.to_string() == end);
        let before: Vec<&Event> = played.events.iter().take_while(|event| !is_end(event)).collect();
        Run::replay(Arc::clone(played.run.plan()), before).expect("a prefix")
    }

    #[track_caller]
    fn rule_of(run: &Run, command: &str) -> Option<Rule> {
        let command = command.parse().expect("the name of a command");
        broken_by(run, &Event::Started { command }).map(|breach| breach.rule)
    }

    #[test]
    fn an_attempt_needs_its_needs_a_working_run_and_a_licence() {
        let run = played("a\nb a", &[], "a.attempt.1.1");
        assert_eq!(rule_of(&run, "a.attempt.1.1"), None);
        assert_eq!(rule_of(&run, "b.attempt.1.1"), Some(Rule::NeedsAreMet));
        let run = played("a\nb", &["a.attempt.1.1"], "");
        assert_eq!(rule_of(&run, "b.attempt.1.1"), Some(Rule::UnwindingStartsNothing));
        let run = played("a x2 idem\nb a", &["a.attempt.1.1"], "a.attempt.2.1");
        assert_eq!(rule_of(&run, "a.attempt.2.1"), None);
        let run = played("a ?\nb a", &[], "a.verify.1.1");
        assert_eq!(rule_of(&run, "a.attempt.2.1"), Some(Rule::RepeatsAreLicensed));
    }

    #[test]
    fn a_rollback_comes_after_those_of_the_dependents() {
        let run = played("a !\nb a !\nc b", &["c.attempt.1.1"], "b.rollback.1.1");
        assert_eq!(rule_of(&run, "b.rollback.1.1"), None);
        assert_eq!(rule_of(&run, "a.rollback.1.1"), Some(Rule::DependentsFirst));
    }

    #[track_caller]
    fn rules_at_rest(run: &Run, verdict: Verdict) -> Vec<Rule> {
        let breaches = broken_at_rest(run, verdict).into_iter();
        breaches.map(|breach| breach.rule).collect()
    }

    #[test]
    fn a_verdict_may_not_hide_what_is_left_or_owed() {
        let left = played("a\nb a", &["b.attempt.1.1"], "");
        assert_eq!(rules_at_rest(&left, Verdict::Failed), []);
        assert_eq!(rules_at_rest(&left, Verdict::RolledBack), [Rule::NothingIsHidden, Rule::NothingIsHidden]);
        assert_eq!(rules_at_rest(&left, Verdict::Succeeded), [Rule::NothingIsHidden]);
        assert_eq!(rules_at_rest(&left, Verdict::Stuck), [Rule::ObligationsAreTold]);
        let fails = ["a.release.1.1", "a.release.1.2", "a.release.1.3"];
        let held = played("a ^", &fails, "");
        assert_eq!(rules_at_rest(&held, Verdict::Stuck), []);
        assert_eq!(rules_at_rest(&held, Verdict::Succeeded), [Rule::ReleasesHappen]);
        let fails = ["b.attempt.1.1", "a.rollback.1.1", "a.rollback.1.2", "a.rollback.1.3"];
        let owing = played("a !\nb a !none", &fails, "");
        assert_eq!(rules_at_rest(&owing, Verdict::Stuck), []);
        assert_eq!(rules_at_rest(&owing, Verdict::Failed), [Rule::ObligationsAreTold]);
    }
}
