//! Which parts of a playbook were exercised.

use std::sync::Arc;

use firedrill_model::plan::{Condition, OnUnmet};
use firedrill_report::rehearsal::{Coverage, coverage};
use firedrill_sim::sketch;

use crate::rehearsed::{played, played_plan};

/// Plays a sketch once for each list of faults, and returns what was exercised.
fn covered(steps: &str, histories: &[&str]) -> Coverage {
    let runs: Vec<_> = histories.iter().map(|faults| played(steps, faults)).collect();
    coverage(&runs[0].plan, runs.iter().map(|told| told.envelopes.as_slice())).expect("legal histories")
}

fn missing(coverage: &Coverage) -> Vec<String> {
    coverage.uncovered().map(|element| format!("{}: {}", element.place, element.what)).collect()
}

const STEPS: &str = "@guard quiet\n@invariant open\n@finally notify\nlock ^ g\nbackup lock x2 ~ ? !";

#[test]
fn one_good_run_leaves_the_failures_out() {
    let coverage = covered(STEPS, &[""]);
    assert_eq!(
        missing(&coverage),
        [
            "playbook: guard quiet unmet",
            "lock: guard g unmet",
            "lock: failed for good",
            "lock: release tried again",
            "backup: failed for good",
            "backup: tried again",
            "backup: verify did not hold",
            "backup: cleanup ran",
            "backup: cleanup tried again",
            "backup: rollback ran",
            "backup: rollback tried again",
        ]
    );
    assert_eq!((coverage.covered(), coverage.elements.len(), coverage.percent()), (8, 19, 42));
}

#[test]
fn runs_add_up_to_everything() {
    let runs = [
        "",
        "@.guard-quiet.1.1 1",
        "lock.guard-g.1.1 1",
        "lock.attempt.1.1 1",
        "backup.attempt.1.1 1, backup.cleanup.1.1 1, backup.verify.2.1 1, backup.cleanup.2.1 1, backup.cleanup.2.2 1, backup.cleanup.2.3 1",
        "backup.attempt.1.1 1, backup.cleanup.1.1 1, backup.cleanup.1.2 1, backup.cleanup.1.3 1, backup.rollback.1.1 1, lock.release.1.1 1",
    ];
    let coverage = covered(STEPS, &runs);
    assert_eq!(missing(&coverage), [""; 0]);
    assert_eq!(coverage.percent(), 100);
    assert_eq!(Coverage::default().percent(), 100);
}

#[test]
fn conditions_have_two_branches() {
    let coverage_of = |condition| {
        let mut plan = sketch("a\nb a");
        plan.steps[1].when = Some(condition);
        let told = played_plan(plan, "");
        coverage(&told.plan, [told.envelopes.as_slice()]).expect("a legal history")
    };
    let mut off = coverage_of(Condition::Known(false));
    assert_eq!(missing(&off), ["a: failed for good", "b: ran", "b: failed for good"]);
    off.merge(coverage_of(Condition::Known(true)));
    assert_eq!(missing(&off), ["a: failed for good", "b: failed for good"]);
}

#[test]
fn a_step_that_a_guard_skips_was_not_left_out_by_its_when() {
    let mut plan = sketch("a g");
    plan.steps[0].when = Some(Condition::Known(true));
    plan.steps[0].guards[0].on_unmet = OnUnmet::Skip;
    let told = played_plan(plan, "a.guard-g.1.1 1");
    let found = coverage(&told.plan, [told.envelopes.as_slice()]).expect("a legal history");
    assert_eq!(missing(&found), ["a: left out by its when", "a: guard g met", "a: ran", "a: failed for good"]);
}

#[test]
fn what_only_another_plan_has_stands_beside_its_step() {
    let mut first = covered("a\nb a", &[""]);
    first.merge(covered("a ?\nb a", &["a.attempt.1.1 1"]));
    assert_eq!(missing(&first), ["a: verify held", "a: verify did not hold", "b: failed for good"]);
}

#[test]
fn a_time_limit_is_for_attempts_in_doubt() {
    let mut plan = sketch("a !none ?");
    plan.steps[0].command_mut().expect("a command").time_limit = Some(crate::rehearsed::minutes(1));
    let told = played_plan(plan.clone(), "a.attempt.1.1 timeout, a.verify.1.1 0");
    let found = coverage(&told.plan, [told.envelopes.as_slice()]).expect("a legal history");
    assert_eq!(missing(&found), ["a: failed for good", "a: verify did not hold"]);
    let calm = coverage(&Arc::new(plan), []).expect("no history");
    assert_eq!(calm.covered(), 0);
    assert!(missing(&calm).contains(&"a: in doubt".to_owned()));
}

#[test]
fn a_journal_of_another_plan_is_refused() {
    let told = played("a", "");
    assert!(coverage(&Arc::new(sketch("b")), [told.envelopes.as_slice()]).is_err());
}
