//! The machine stays explorable: its states are counted, and the predicates hold in every one of them.

use std::sync::Arc;

use firedrill_run::{Debt, Run, Stage, Verdict};
use firedrill_sim::{Explored, Limits, explore, sketch};

/// Twelve steps, two retries, one release.
const TWELVE: &str = "
    a ro
    b a x2 ~
    c b ^i
    d c
    e c
    f d e !
    m f
    h m g x2 idem
    i h ro
    j i
    k j !
    l k
";

#[track_caller]
fn explored(text: &str, faults: u32, crashes: u32) -> Explored {
    let limits = Limits { faults, crashes, states: 2_000_000 };
    let found = explore(Arc::new(sketch(text)), limits, unsound).expect("every event the exploration offers is legal");
    if let Some(violation) = &found.violation {
        let story: Vec<String> = violation.events.iter().map(|event| format!("{event:?}")).collect();
        panic!("{}\n{}", violation.why, story.join("\n"));
    }
    found
}

/// Returns what is wrong with a state.
fn unsound(run: &Run) -> Option<String> {
    let steps = 0..run.plan().steps.len();
    steps.map(|at| unsound_step(run, at)).find(Option::is_some).flatten().or_else(|| unsound_rest(run))
}

fn unsound_step(run: &Run, at: usize) -> Option<String> {
    let plan = run.plan();
    let (step, summary) = (&plan.steps[at], run.summary(at));
    let is_unsettled = |need: &&usize| !matches!(run.summary(**need).stage, Stage::Settled(_));
    if let Some(need) = step.needs.iter().find(is_unsettled).filter(|_| summary.is_effective) {
        return Some(format!("`{}` began before `{}` had settled", step.id, plan.steps[*need].id));
    }
    let is_rolling_back = matches!(summary.rollback, Debt::Discharging(_));
    let is_dependent = |other: &usize| plan.steps[*other].needs.contains(&at) && run.summary(*other).is_effective;
    let owes = |other: &usize| run.summary(*other).rollback.is_under_way() || run.summary(*other).rollback.is_open();
    let early = (0..plan.steps.len()).filter(is_dependent).find(owes).filter(|_| is_rolling_back);
    early.map(|other| format!("`{}` is rolled back before `{}`", step.id, plan.steps[other].id))
}

fn unsound_rest(run: &Run) -> Option<String> {
    let Some(verdict) = run.verdict() else {
        let can_go_on = !run.next().is_empty() || !run.in_flight().is_empty() || !run.pauses().is_empty();
        return (!can_go_on).then(|| "nothing is due and the run is not at rest".to_owned());
    };
    let is_left = (0..run.plan().steps.len()).any(|at| run.summary(at).release.is_open());
    (verdict != Verdict::Stuck && is_left).then(|| "a release is left and nobody is told".to_owned())
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are worth a look")]
fn twelve_steps_stay_explorable() {
    let calm = explored(TWELVE, 0, 1);
    let rough = explored(TWELVE, 1, 1);
    println!("without faults: {calm:?}\nwith one fault: {rough:?}");
    assert!(calm.is_complete && rough.is_complete);
    assert!(rough.states < 60_000, "{} states: the machine is no longer explorable", rough.states);
    assert!(rough.verdicts.contains_key(&Verdict::Succeeded) && rough.verdicts.contains_key(&Verdict::Stuck));
}

#[test]
fn every_state_of_small_plans_is_sound() {
    for text in [
        "a ! ^\nb a ~ x2\nc b ?",
        "@stop\na !\nb ~ ^\nc a b",
        "@guard g\n@invariant i\n@finally f\na ro\nb a ! g\nc b irr ?",
        "a ^c !\nb a x2 idem ?\nc b ~ ^",
        "c ^i\ni ro g x2\nj i",
        "@max 1\na\nb !\nc ^\nd a b c ~",
    ] {
        let found = explored(text, 2, 1);
        assert!(found.is_complete, "{text}");
    }
}
