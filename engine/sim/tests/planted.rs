//! Bugs planted into playbooks, as an author would write them: each is found, told with step and line, and comes with what
//! to change; or it ends stuck, which is safe, and what is owed is named.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use firedrill_model::check;
use firedrill_model::plan::Plan;
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;
use firedrill_run::Verdict;
use firedrill_sim::sweep::{Counterexample, Property, Quantifier};
use firedrill_sim::{Sweep, Swept};

/// Returns the plan of a playbook without inputs, given from its steps on.
#[track_caller]
fn plan(steps: &str) -> Plan {
    let text = format!("firedrill: 1\nplaybook: planted\n{steps}");
    let source = Source::new("planted.yaml", text);
    let (checked, faults) = check::load(&source, Some("planted"));
    let checked = checked.unwrap_or_else(|| panic!("{faults:#?}"));
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[track_caller]
fn swept(plan: &Plan, never: &[&str]) -> Swept {
    let read = |text: &&str| Property::parse(text, Quantifier::Never, plan).expect("a property");
    let sweep = Sweep::new(Arc::new(plan.clone()));
    let sweep = never.iter().map(read).fold(sweep, Sweep::property);
    sweep.run().expect("the machine takes every event that it asks for")
}

fn told(found: &[Counterexample]) -> String {
    let each = found.iter().map(|found| format!("{}\nchange: {}", found.story.join("\n"), found.rule.hint()));
    each.collect::<Vec<_>>().join("\n\n")
}

/// What is left or owed after a verdict, with the faults that lead to it.
fn remains(plan: &Plan, found: &Swept, verdict: Verdict) -> String {
    let mut text = String::new();
    for point in &found.points {
        for remains in point.remains.iter().filter(|remains| remains.verdict == verdict) {
            writeln!(text, "{}: {}", point.point.words(plan), remains.left.join("; ")).expect("a String");
        }
    }
    text
}

/// The unlock is a step of its own: nothing runs it when the copy fails.
#[test]
fn an_unlock_that_is_a_step_is_missing_after_a_failure() {
    let plan = plan(
        "on_failure: stop
steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
  - id: copy
    argv: [copy]
    rollback: none
  - id: unblock_api
    argv: [unblock-api]
    idempotent: true
",
    );
    let found = swept(&plan, &["block_api.started and not unblock_api.succeeded and verdict != 'stuck'"]);
    insta::assert_snapshot!(told(&found.violations), @r#"
    `block_api` (line 5): attempt 1 fails with exit code 1
    `block_api` (line 5) has failed for good
    the run is at rest: failed
    against never "block_api.started and not unblock_api.succeeded and verdict != 'stuck'": `block_api` (line 5) has started, `unblock_api` (line 11) has not succeeded, the verdict is failed
    change: a `release` is run in every end, a `rollback` after every failure, a `cleanup` after every failed attempt: what must never be left belongs into one of them, not into a later step
    "#);
    insta::assert_snapshot!(remains(&plan, &found, Verdict::Failed), @"
    the attempt of `block_api` (line 5) fails once: what `block_api` (line 5) did is still there
    the attempt of `block_api` (line 5) exceeds its time limit: what `block_api` (line 5) did is still there
    the attempt of `block_api` (line 5) is running when the engine crashes: what `block_api` (line 5) did is still there
    the attempt of `copy` (line 8) fails once: what `block_api` (line 5) did is still there
    the attempt of `copy` (line 8) cannot be started: what `block_api` (line 5) did is still there
    the attempt of `unblock_api` (line 11) fails once: what `block_api` (line 5) did is still there; what `unblock_api` (line 11) did is still there
    the attempt of `unblock_api` (line 11) exceeds its time limit: what `block_api` (line 5) did is still there; what `unblock_api` (line 11) did is still there
    the attempt of `unblock_api` (line 11) cannot be started: what `block_api` (line 5) did is still there
    the attempt of `unblock_api` (line 11) is running when the engine crashes: what `block_api` (line 5) did is still there; what `unblock_api` (line 11) did is still there
    ");
}

/// The release is left out when the copy has failed, because its `when` looks at the wrong thing.
#[test]
fn a_release_whose_when_is_wrong_is_left_out() {
    let plan = plan(
        "steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    outputs: {state: {from: stdout}}
    release: {argv: [unblock-api], when: \"steps.block_api.outputs.state == 'closed'\"}
  - id: copy
    argv: [copy]
    rollback: none
",
    );
    let found = swept(&plan, &[]);
    insta::assert_snapshot!(told(&found.advice), @"
    `block_api` (line 4): attempt 1 succeeds
    `copy` (line 9): attempt 1 succeeds
    `block_api` (line 4): the `when` of its release is false
    the run is at rest: succeeded
    the release of `block_api` (line 4) is left out because its `when` is false, although the step has started
    change: drop the `when` of the `release`: giving back what was not taken should do no harm. If it does, make sure that `when` is false only if nothing was taken

    `block_api` (line 4): attempt 1 succeeds
    `copy` (line 9): attempt 1 exceeds its time limit
    `copy` (line 9) is in doubt: a human must say whether it had its effect
    the run is at rest: stuck, because the release of `block_api` (line 4) is owed and `copy` (line 9) is in doubt
    a human must say whether `copy` (line 9) had its effect
    change: `idempotent: true`, a `cleanup` or a `rollback` make it harmless; a `verify` that holds settles it, too
    ");
}

/// The inputs decide that the release never runs.
#[test]
fn a_release_that_never_runs_is_told() {
    let plan = plan(
        "inputs:
  keep_closed: {type: boolean, default: true}
steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    release: {argv: [unblock-api], when: not inputs.keep_closed}
  - id: copy
    argv: [copy]
    rollback: none
",
    );
    insta::assert_snapshot!(told(&swept(&plan, &[]).advice), @"
    `block_api` (line 6): attempt 1 succeeds
    `copy` (line 10): attempt 1 succeeds
    the run is at rest: succeeded
    the release of `block_api` (line 6) is left out because its `when` is false, although the step has started
    change: drop the `when` of the `release`: giving back what was not taken should do no harm. If it does, make sure that `when` is false only if nothing was taken

    `block_api` (line 6): attempt 1 succeeds
    `copy` (line 10): attempt 1 exceeds its time limit
    `copy` (line 10) is in doubt: a human must say whether it had its effect
    the run is at rest: stuck, because the release of `block_api` (line 6) is owed and `copy` (line 10) is in doubt
    a human must say whether `copy` (line 10) had its effect
    change: `idempotent: true`, a `cleanup` or a `rollback` make it harmless; a `verify` that holds settles it, too
    ");
}

/// The API is open again when the copy is rolled back.
#[test]
fn a_rollback_after_the_hold_it_needs_is_told() {
    let plan = plan(
        "steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    release: {argv: [unblock-api], until: [copy]}
  - id: copy
    argv: [copy]
    rollback: {argv: [remove-copy]}
  - id: verify_copy
    argv: [verify-copy]
    read_only: true
",
    );
    insta::assert_snapshot!(told(&swept(&plan, &[]).advice), @"
    `block_api` (line 4): attempt 1 succeeds
    `copy` (line 8): attempt 1 succeeds
    `block_api` (line 4): try 1 of its release starts
    `verify_copy` (line 11): attempt 1 fails with exit code 1
    `verify_copy` (line 11) has failed for good
    the run unwinds
    `copy` (line 8): try 1 of its rollback starts
    `copy` (line 8) ran while `block_api` (line 4) held what it takes, and is rolled back after that was released
    change: let the hold last: name in `until` the last step whose failure should still be undone, or drop `until`
    ");
}

/// What may still fail comes after the point of no return.
#[test]
fn a_step_after_the_point_of_no_return_is_told() {
    let plan = plan(
        "steps:
  - id: prepare
    argv: [prepare]
    rollback: {argv: [unprepare]}
  - id: delete_old
    argv: [delete-old]
    irreversible: true
    idempotent: true
  - id: switch
    argv: [switch]
    idempotent: true
",
    );
    let found = swept(&plan, &[]);
    insta::assert_snapshot!(told(&found.advice), @"
    `prepare` (line 4): attempt 1 succeeds
    `delete_old` (line 7): attempt 1 succeeds
    `switch` (line 11): attempt 1 fails with exit code 1
    `switch` (line 11) has failed for good
    the run is at rest: failed
    the rollback of `prepare` (line 4) is off: `delete_old` (line 7) has started, which is irreversible
    change: put the point of no return after everything that may still fail, or drop the rollbacks that cannot run
    ");
    insta::assert_snapshot!(remains(&plan, &found, Verdict::Failed), @"
    the attempt of `delete_old` (line 7) fails once: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there
    the attempt of `delete_old` (line 7) exceeds its time limit: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there
    the attempt of `delete_old` (line 7) is running when the engine crashes: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there
    the attempt of `switch` (line 11) fails once: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there; what `switch` (line 11) did is still there
    the attempt of `switch` (line 11) exceeds its time limit: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there; what `switch` (line 11) did is still there
    the attempt of `switch` (line 11) cannot be started: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there
    the attempt of `switch` (line 11) is running when the engine crashes: what `prepare` (line 4) did is still there; what `delete_old` (line 7) did is still there; what `switch` (line 11) did is still there
    ");
}

/// The steps that should run inside the hold do not wait for it.
#[test]
fn a_hold_that_covers_nothing_is_told() {
    let plan = plan(
        "steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    release: {argv: [unblock-api]}
  - id: copy
    needs: []
    argv: [copy]
    rollback: none
    cleanup: {argv: [remove-copy]}
",
    );
    insta::assert_snapshot!(told(&swept(&plan, &[]).advice), @"
    `block_api` (line 4): attempt 1 starts
    `copy` (line 8): attempt 1 starts
    `block_api` (line 4): attempt 1 succeeds
    `copy` (line 8): attempt 1 succeeds
    `block_api` (line 4): try 1 of its release succeeds
    the run is at rest: succeeded
    nothing runs inside the hold of `block_api` (line 4): no step needs it
    change: add the step to the `needs` of the steps that need what it takes
    ");
}

/// Nothing ends the hold while the copy is in doubt: by design the run is stuck, and the lock is kept.
#[test]
fn a_hold_that_a_doubt_keeps_ends_stuck_and_is_named() {
    let plan = plan(
        "steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    release: {argv: [unblock-api], until: [copy]}
  - id: copy
    argv: [copy]
    timeout: 10m
    rollback: none
",
    );
    let found = swept(&plan, &[]);
    insta::assert_snapshot!(remains(&plan, &found, Verdict::Stuck), @"
    the release of `block_api` (line 4) fails for good: the release of `block_api` (line 4) is owed
    the attempt of `copy` (line 8) exceeds its time limit: the release of `block_api` (line 4) is owed; `copy` (line 8) is in doubt
    the attempt of `copy` (line 8) is running when the engine crashes: the release of `block_api` (line 4) is owed; `copy` (line 8) is in doubt
    the attempt of `copy` (line 8) is running when the run is cancelled: the release of `block_api` (line 4) is owed; `copy` (line 8) is in doubt
    ");
    insta::assert_snapshot!(told(&found.advice), @"
    `block_api` (line 4): attempt 1 succeeds
    `copy` (line 8): attempt 1 exceeds its time limit
    `copy` (line 8) is in doubt: a human must say whether it had its effect
    the run is at rest: stuck, because the release of `block_api` (line 4) is owed and `copy` (line 8) is in doubt
    a human must say whether `copy` (line 8) had its effect
    change: `idempotent: true`, a `cleanup` or a `rollback` make it harmless; a `verify` that holds settles it, too
    ");
}

/// A cleanup that is missing takes the licence of the retries: that is not even a valid playbook.
#[test]
fn retries_without_a_cleanup_are_refused_before_anything_is_swept() {
    let text = "firedrill: 1\nplaybook: planted\nsteps:\n  - id: copy\n    argv: [copy]\n    rollback: none\n    \
                retry: {max_attempts: 3}\n";
    let (checked, faults) = check::load(&Source::new("planted.yaml", text.to_owned()), Some("planted"));
    assert!(checked.is_none());
    assert_eq!(faults.iter().map(|fault| fault.code.id()).collect::<Vec<_>>(), ["FD0401"]);
}

/// A cleanup that fails takes the licence of the retries while the run goes on: by design it is stuck.
#[test]
fn a_cleanup_that_fails_ends_stuck_and_is_named() {
    let plan = plan(
        "steps:
  - id: copy
    argv: [copy]
    cleanup: {argv: [remove-copy], retry: {max_attempts: 1}}
    retry: {max_attempts: 3}
    rollback: none
",
    );
    let found = Sweep::new(Arc::new(plan.clone())).depth(2).run().expect("a sweep");
    insta::assert_snapshot!(remains(&plan, &found, Verdict::Stuck), @"the cleanup of `copy` (line 4) fails once: the cleanup of `copy` (line 4) is owed");
}

/// A rollback that fails leaves those of the steps before it: by design it is stuck.
#[test]
fn a_rollback_that_fails_ends_stuck_and_is_named() {
    let plan = plan(
        "steps:
  - id: copy
    argv: [copy]
    rollback: {argv: [remove-copy]}
  - id: switch
    argv: [switch]
    rollback: {argv: [switch-back], retry: {max_attempts: 1}}
  - id: check_it
    argv: [check]
    read_only: true
",
    );
    let found = Sweep::new(Arc::new(plan.clone())).depth(2).run().expect("a sweep");
    insta::assert_snapshot!(remains(&plan, &found, Verdict::Stuck), @"
    the rollback of `copy` (line 4) fails for good: the rollback of `copy` (line 4) is owed
    the rollback of `switch` (line 7) fails once: the rollback of `copy` (line 4) is owed; the rollback of `switch` (line 7) is owed
    the rollback of `switch` (line 7) is running when the run is cancelled: the rollback of `copy` (line 4) is owed
    ");
}

/// Two steps that must not overlap do not need one another.
#[test]
fn steps_that_overlap_against_the_authors_word_are_told() {
    let plan = plan(
        "steps:
  - id: copy
    needs: []
    argv: [copy]
    idempotent: true
  - id: switch
    needs: []
    argv: [switch]
    idempotent: true
",
    );
    insta::assert_snapshot!(told(&swept(&plan, &["copy.running and switch.running"]).violations), @r#"
    against never "copy.running and switch.running": `copy` (line 4) is running, `switch` (line 8) is running
    change: which steps run at once is decided by their `needs`, and how long something is held by `until`
    "#);
}

/// A changing step says nothing of how it is undone: the verdict tells, `failed` instead of `rolled back`.
#[test]
fn a_change_that_nothing_undoes_is_named() {
    let plan = plan(
        "steps:
  - id: open_set
    argv: [mkdir, set]
  - id: copy
    argv: [copy]
    rollback: {argv: [remove-copy]}
",
    );
    insta::assert_snapshot!(remains(&plan, &swept(&plan, &[]), Verdict::Failed), @"
    the attempt of `open_set` (line 4) fails once: what `open_set` (line 4) did is still there
    the attempt of `copy` (line 6) fails once: what `open_set` (line 4) did is still there
    the attempt of `copy` (line 6) exceeds its time limit: what `open_set` (line 4) did is still there
    the attempt of `copy` (line 6) cannot be started: what `open_set` (line 4) did is still there
    the attempt of `copy` (line 6) is running when the engine crashes: what `open_set` (line 4) did is still there
    ");
}
