//! What failed although nothing was injected at it.

use crate::rehearsed::{played, printed};
use firedrill_report::rehearsal::unprovoked;
use firedrill_run::injection::Injection;

/// Plays a sketch in which `faults` happened, `injected` of them by the engine, and returns what is suspicious.
fn found(steps: &str, faults: &str, injected: &str) -> Vec<String> {
    let injected: Vec<Injection> =
        injected.split_whitespace().map(|text| text.parse().expect("an injection")).collect();
    unprovoked(&played(steps, faults), &injected, &printed).into_iter().map(|finding| finding.text).collect()
}

#[test]
fn what_was_injected_is_no_finding() {
    let steps = "lock ^\nbackup lock x2 ~ ?\ncheck backup ro";
    assert_eq!(found(steps, "", ""), [""; 0]);
    assert_eq!(found(steps, "backup.attempt.1.1 1", "backup:exit=1"), [""; 0]);
    assert_eq!(found(steps, "backup.attempt.1.1 1, backup.cleanup.1.1 1", "backup:exit backup.cleanup:exit"), [""; 0]);
    assert_eq!(found(steps, "backup.attempt.1.1 1, backup.attempt.2.1 1", "backup:exit#1x2"), [""; 0]);
    assert_eq!(found(steps, "backup.attempt.1.1 lost, backup.verify.1.1 1", "backup:lost_supervisor"), [""; 0]);
}

#[test]
fn what_was_lost_or_follows_from_it_is_no_finding() {
    let injected = "age=60000ms:lost_supervisor";
    assert_eq!(found("a x2 idem !none", "a.attempt.1.1 lost", injected), [""; 0]);
    assert_eq!(found("a ? ! x2 idem", "a.attempt.1.1 lost, a.verify.1.1 1", injected), [""; 0]);
}

#[test]
fn hooks_must_cope_with_what_the_attempt_left() {
    assert_eq!(
        found(
            "backup x2 ~",
            "backup.attempt.1.1 timeout, backup.cleanup.1.1 1, backup.cleanup.1.2 1",
            "backup:timeout"
        ),
        [
            "try 1 of the cleanup of `backup` (line 1) exited with 1 (last words: connecting / lock is held by 4711), although \
          nothing was done to it: only try 3 succeeded"
        ]
    );
    let after_fault =
        found("a !\nb a", "b.attempt.1.1 1, a.rollback.1.1 1, a.rollback.1.2 1", "b:exit a.rollback:killed");
    assert_eq!(after_fault.len(), 1);
    assert!(after_fault[0].starts_with("try 2 of the rollback of `a`"), "{after_fault:?}");
    let never = found("a !\nb a", "b.attempt.1.1 1, a.rollback.1.1 1, a.rollback.1.2 1, a.rollback.1.3 1", "b:exit");
    assert!(never[0].ends_with("it does not cope with what the attempt left"), "{never:?}");
}

#[test]
fn a_retry_that_fails_was_not_safe() {
    let faults = "backup.attempt.1.1 1, backup.attempt.2.1 1, backup.attempt.3.1 1";
    let words = "attempt 2 of `backup` (line 1) exited with 1 (last words: Directory cf-0123 already exists), although \
                 nothing was done to it: ";
    assert_eq!(
        found("backup x3 idem", faults, "backup:late_failure"),
        [format!("{words}it is declared safe to repeat, and is not: it needs a cleanup or is not idempotent")]
    );
    assert_eq!(
        found("backup x3 ~", faults, "backup:late_failure"),
        [format!("{words}its cleanup does not clear away what the earlier attempt left")]
    );
}

#[test]
fn a_first_attempt_fails_only_in_a_world_that_is_not_well() {
    assert_eq!(
        found("a !none\nb a", "b.attempt.1.1 timeout, a.verify.1.1 0", ""),
        [
            "attempt 1 of `b` (line 2) was ended after its time limit, although nothing was done to it: it was still at work or waited for another command. Its `timeout` is too short, or what it waits for never comes"
        ]
    );
    assert_eq!(
        found("a !none ?\nb a !none", "a.attempt.1.1 timeout, b.attempt.1.1 3", "a:timeout"),
        [
            "`b` (line 2) failed although nothing was done to it: attempt 1 exited with 3; `a` (line 1), at which a fault was \
          injected, counts as succeeded"
        ]
    );
}

#[test]
fn what_follows_from_a_lie_is_no_finding() {
    assert_eq!(found("a !none\nb a !none\nc b", "c.attempt.1.1 1", "a:wrong_output"), [""; 0]);
    assert_eq!(found("a !none\nb a !none\nc b", "c.attempt.1.1 1", "a:exit=0"), [""; 0]);
    assert_eq!(found("a !none\nb !none\nc b", "c.attempt.1.1 1", "a:wrong_output").len(), 1);
}

#[test]
fn a_step_may_fail_because_it_was_told_that_another_one_has() {
    let failed = "a.attempt.1.1 1, b.attempt.1.1 3";
    assert_eq!(found("a on:continue ro\nb ro %a", failed, "a:exit"), [""; 0]);
    assert_eq!(found("a on:continue ro\nb ro", failed, "a:exit").len(), 1, "it was told nothing");
    assert_eq!(found("a on:continue ro\nc ro\nb ro %c", failed, "a:exit").len(), 1, "of another one");
}

#[test]
fn a_poll_that_has_to_look_twice_has_not_failed() {
    for (plan, look) in [("a ro\nb a ro+", "b.attempt"), ("a ro\nb a idem ?+", "b.verify")] {
        assert_eq!(found(plan, &format!("{look}.1.1 1"), ""), [""; 0]);
        let never: Vec<String> = (1..=90).map(|at| format!("{look}.1.{at} 1")).collect();
        assert_eq!(found(plan, &never.join(", "), "").len(), 1, "{look}");
    }
}

#[test]
fn a_step_may_fail_because_a_hook_was_given_up() {
    let plan = "a ^b !none\nb a ro\nc b ro";
    let given_up: Vec<String> = (1..=6).map(|at| format!("a.release.1.{at} 1")).collect();
    assert_eq!(found(plan, &format!("{}, c.attempt.1.1 1", given_up.join(", ")), "a.release:exit#1x*"), [""; 0]);
    assert_eq!(found(plan, "a.release.1.1 1, c.attempt.1.1 1", "a.release:exit").len(), 1, "it succeeded at last");
}

#[test]
fn verifies_are_held_against_attempts_that_nobody_meddled_with() {
    assert_eq!(
        found("a ? !none", "a.verify.1.1 1", ""),
        [
            "the verify of `a` (line 1) does not hold although attempt 1 succeeded and nothing was done to either: it exited with 1"
        ]
    );
    assert_eq!(found("a ? !none", "a.verify.1.1 1", "a.verify:does_not_hold"), [""; 0]);
    assert_eq!(
        found("a ? !none", "", "a:exit=0"),
        [
            "the verify of `a` (line 1) holds although attempt 1 did nothing: it cannot tell whether the step had its effect"
        ]
    );
}

#[test]
fn a_broken_invariant_with_nothing_owed_is_a_path_without_its_release() {
    assert_eq!(
        found(
            "@invariant open\nlock !none\nbackup lock !none",
            "backup.attempt.1.1 1, @.invariant-open.1.1 1",
            "backup:exit"
        ),
        [
            "invariant `open` (line 1) does not hold, it exited with 1, although nothing is owed any more: no cleanup, rollback \
          or release restores it"
        ]
    );
    let owed = "lock.release.1.1 1, lock.release.1.2 1, lock.release.1.3 1, @.invariant-open.1.1 1";
    assert_eq!(found("@invariant open\nlock ^ !none", owed, "lock.release:exit#1x3"), [""; 0]);
    let injected = "backup:exit @.invariant-open:does_not_hold";
    assert_eq!(
        found("@invariant open\nbackup !none", "backup.attempt.1.1 1, @.invariant-open.1.1 1", injected),
        [""; 0]
    );
}
