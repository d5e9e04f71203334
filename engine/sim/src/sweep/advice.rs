//! What may be meant, and is worth a look: the rules of the weight [`super::Weight::Advice`].

use firedrill_model::plan::{Condition, OnFailure, Plan};
use firedrill_run::{Answer, Debt, Event, Question, Role, Run, Stage, StepId, Verdict};

use super::rule::Rule;
use super::rules::{Breach, has_failed};
use crate::place::named;

/// Returns what is worth a look about an event in the state in which it happens.
pub(super) fn advice_on(run: &Run, event: &Event) -> Option<Breach> {
    match event {
        Event::Decided { question: Question::ReleaseWhen(id), answer: Answer::No } => {
            index(run, id).filter(|&step| run.summary(step).is_effective).map(|step| left_out(run, step))
        }
        Event::Started { command } if command.role == Role::Rollback => {
            command.step().and_then(|id| index(run, id)).and_then(|step| rolled_back_outside(run, step))
        }
        _ => None,
    }
}

fn index(run: &Run, id: &StepId) -> Option<usize> {
    run.plan().step_index(id.as_str())
}

fn left_out(run: &Run, step: usize) -> Breach {
    let name = named(run.plan(), step);
    let why = format!("the release of {name} is left out because its `when` is false, although the step has started");
    Breach::new(Rule::ReleasesRun, why)
}

fn rolled_back_outside(run: &Run, step: usize) -> Option<Breach> {
    let plan = run.plan();
    let is_inside =
        |owner: &usize| plan.steps[*owner].release.as_ref().is_some_and(|release| release.hold.contains(&step));
    let is_over = |owner: &usize| matches!(run.summary(*owner).release, Debt::Discharging(_) | Debt::Discharged);
    let owner = (0..plan.steps.len()).filter(is_inside).find(is_over)?;
    let why = format!(
        "{} ran while {} held what it takes, and is rolled back after that was released",
        named(plan, step),
        named(plan, owner)
    );
    Some(Breach::new(Rule::RollbacksInsideHolds, why))
}

/// Returns what is worth a look about a run at rest.
pub(super) fn advice_at_rest(run: &Run, verdict: Verdict) -> Vec<Breach> {
    let mut advice = Vec::new();
    for step in 0..run.plan().steps.len() {
        advice.extend(never_released(run, step));
        advice.extend(covers_nothing(run, verdict, step));
        advice.extend(cut_off(run, step));
        advice.extend(in_doubt(run, step));
    }
    advice
}

fn never_released(run: &Run, step: usize) -> Option<Breach> {
    let release = run.plan().steps[step].release.as_ref()?;
    let is_never = release.hook.when == Some(Condition::Known(false));
    (is_never && run.summary(step).is_effective).then(|| left_out(run, step))
}

fn covers_nothing(run: &Run, verdict: Verdict, step: usize) -> Option<Breach> {
    let plan = run.plan();
    let release = plan.steps[step].release.as_ref()?;
    (verdict == Verdict::Succeeded && release.hold.is_empty() && run.summary(step).is_effective).then(|| {
        let why = format!("nothing runs inside the hold of {}: no step needs it", named(plan, step));
        Breach::new(Rule::HoldsCover, why)
    })
}

/// A rollback that is off although something else than the point of no return has failed.
fn cut_off(run: &Run, step: usize) -> Option<Breach> {
    let plan = run.plan();
    if *run.summary(step).rollback != Debt::Off {
        return None;
    }
    let cause = match plan.steps[step].on_failure {
        OnFailure::Stop => "`on_failure: stop` rolls nothing back".to_owned(),
        OnFailure::Rollback | OnFailure::Ask | OnFailure::Continue => {
            let mut others = 0..plan.steps.len();
            let cause = others.find(|&other| is_point_of_no_return(run, other) && needs(plan, other, step))?;
            (0..plan.steps.len()).find(|&other| other != cause && has_failed(run, other))?;
            format!("{} has started, which is irreversible", named(plan, cause))
        }
    };
    let why = format!("the rollback of {} is off: {cause}", named(plan, step));
    Some(Breach::new(Rule::RollbacksStand, why))
}

fn is_point_of_no_return(run: &Run, step: usize) -> bool {
    run.plan().steps[step].effect.irreversible && run.summary(step).is_effective
}

/// Returns whether a step needs another one, directly or not.
fn needs(plan: &Plan, step: usize, other: usize) -> bool {
    let mut queue = plan.steps[step].begun_before().collect::<Vec<_>>();
    let mut seen = vec![false; plan.steps.len()];
    while let Some(need) = queue.pop() {
        if need == other {
            return true;
        }
        if !std::mem::replace(&mut seen[need], true) {
            queue.extend(plan.steps[need].begun_before());
        }
    }
    false
}

fn in_doubt(run: &Run, step: usize) -> Option<Breach> {
    matches!(run.summary(step).stage, Stage::InDoubt(_)).then(|| {
        let why = format!("a human must say whether {} had its effect", named(run.plan(), step));
        Breach::new(Rule::DoubtsAreSettled, why)
    })
}
