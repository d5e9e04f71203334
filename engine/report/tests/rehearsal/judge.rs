//! What was expected of a rehearsal, held against what became of it.

use std::collections::BTreeMap;

use firedrill_model::plan::Condition;
use firedrill_run::{Event, Verdict};

use crate::rehearsed::{minutes, played, played_plan, printed, recorded, said};
use firedrill_model::rehearsal::{
    Expectation, ExpectedInvariants, ExpectedOutcome, ExpectedStep, ExpectedVerdict, Objectives,
};
use firedrill_report::Tail;
use firedrill_report::rehearsal::{End, Measured, Told, WorldCommand, judge};

fn texts(expected: &Expectation, told: &Told) -> Vec<String> {
    judge(expected, told, &printed).into_iter().map(|finding| finding.text).collect()
}

fn verdict(verdict: ExpectedVerdict) -> Expectation {
    Expectation { verdict: Some(said(verdict)), ..Expectation::default() }
}

fn of_step(id: &str, step: ExpectedStep) -> Expectation {
    Expectation { steps: BTreeMap::from([(id.to_owned(), said(step))]), ..Expectation::default() }
}

#[test]
fn nothing_is_found_where_nothing_was_said() {
    let told = played(
        "lock ^\nbackup lock ~",
        "backup.attempt.1.1 1, backup.cleanup.1.1 1, backup.cleanup.1.2 1, backup.cleanup.1.3 1",
    );
    assert_eq!(texts(&Expectation::default(), &told), [""; 0]);
    assert_eq!(texts(&verdict(ExpectedVerdict::Stuck), &told), [""; 0]);
}

#[test]
fn a_stuck_run_says_what_is_owed_and_what_its_tries_said_last() {
    let faults = "backup.attempt.1.1 1, backup.cleanup.1.1 1, backup.cleanup.1.2 1, backup.cleanup.1.3 1";
    let told = played("lock ^\nbackup lock ~", faults);
    let findings = judge(&verdict(ExpectedVerdict::Succeeded), &told, &printed);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].line, Some(2));
    assert_eq!(
        findings[0].text,
        "verdict is stuck, expected succeeded: the cleanup of `backup` (line 2) stays owed: each of its 3 tries exited with \
         1 (last words: connecting / lock is held by 4711)"
    );
}

#[test]
fn every_verdict_has_its_reasons() {
    for (steps, faults, expected) in [
        (
            "@guard clean\na",
            "@.guard-clean.1.1 1",
            "verdict is refused, expected cancelled: guard `clean` (line 1) is unmet, it exited with 1",
        ),
        (
            "@guard done skip\na",
            "@.guard-done.1.1 1",
            "verdict is skipped, expected cancelled: guard `done` (line 1) is unmet, it exited with 1",
        ),
        ("a off", "", "verdict is skipped, expected cancelled: no step had to run"),
        (
            "a !\nb a x2 idem !none",
            "b.attempt.1.1 1, b.attempt.2.1 timeout",
            "verdict is rolled back, expected cancelled: `b` (line 2) failed: attempt 2 of 2 was ended after its time limit",
        ),
        (
            "a\nb a",
            "b.attempt.1.1 missing",
            "verdict is failed, expected cancelled: `b` (line 2) failed: attempt 1 of 1 could not be started: `bbr` was not found in PATH, nor among the stand-ins; what `a` (line 1) did is still there: it has no rollback",
        ),
        (
            "a !\nb a g",
            "b.guard-g.1.1 1",
            "verdict is rolled back, expected cancelled: `b` (line 2) failed: guard `g` (line 2) is unmet, it exited with 1",
        ),
        (
            "a ? !none",
            "a.verify.1.1 1",
            "verdict is rolled back, expected cancelled: `a` (line 1) failed: attempt 1 succeeded, but its verify does not hold, it exited with 1",
        ),
        (
            "@invariant api\na",
            "@.invariant-api.1.1 1",
            "verdict is stuck, expected cancelled: invariant `api` (line 1) does not hold, it exited with 1 (neither a release nor a rollback has: `a` (line 2))",
        ),
        (
            "a\nb a",
            "b.attempt.1.1 lost",
            "verdict is stuck, expected cancelled: `b` (line 2) is in doubt: its attempt 1 of 1 was interrupted: nobody saw how it ended, and nothing in the playbook finds out or makes it harmless",
        ),
        (
            "a !\nb a !\nc b",
            "c.attempt.1.1 1, b.rollback.1.1 1, b.rollback.1.2 2, b.rollback.1.3 3",
            "verdict is stuck, expected cancelled: the rollback of `a` (line 1) stays owed: it was not tried, because the rollback of `b` is owed; the rollback of `b` (line 2) stays owed: its 3 tries failed, the last exited with 3",
        ),
        ("a", "", "verdict is succeeded, expected cancelled: no step failed"),
    ] {
        assert_eq!(texts(&verdict(ExpectedVerdict::Cancelled), &played(steps, faults)), [expected], "{steps}");
    }
}

#[test]
fn only_what_is_really_left_is_told_as_left() {
    let steps = "@stop\nlooked ro\nkept\ngiven ^\nnothing !none\nundone ! ^\ntidied ~\nbad looked kept given nothing undone tidied ~";
    let mut plan = firedrill_sim::sketch(steps);
    plan.steps[5].cleanup.as_mut().expect("it has one").when = Some(Condition::Known(true));
    let found = texts(&verdict(ExpectedVerdict::Succeeded), &played_plan(plan, "bad.attempt.1.1 1"));
    assert_eq!(
        found,
        ["verdict is failed, expected succeeded: `bad` (line 8) failed: attempt 1 of 1 exited with 1; \
          what `kept` (line 3) did is still there: it has no rollback; \
          what `undone` (line 6) did is still there: it was not rolled back; \
          what `tidied` (line 7) did is still there: it has no rollback"]
    );
}

#[test]
fn an_intent_whose_command_never_was_is_no_attempt() {
    let mut told = played("a !none", "");
    let command = || "a.attempt.1.1".parse().expect("a command's name");
    let engine = || Event::EngineStarted { boot: String::new(), engine: String::new() };
    let start = told.envelopes[0].event.clone();
    told.envelopes = recorded(vec![
        start,
        engine(),
        Event::Started { command: command() },
        engine(),
        Event::CancelRequested,
        Event::NotStarted { command: command() },
    ]);
    told.end = End::Rest(Verdict::Cancelled);
    let never =
        ExpectedStep { outcome: Some(ExpectedOutcome::NotStarted), attempts: Some(0), ..ExpectedStep::default() };
    assert_eq!(texts(&of_step("a", never), &told), [""; 0]);
}

#[test]
fn attempts_and_hooks_of_a_step_are_counted_over_the_whole_run() {
    let told = played("lock ^\nbackup lock x2 ~", "backup.attempt.1.1 1");
    let well = ExpectedStep {
        outcome: Some(ExpectedOutcome::Succeeded),
        attempts: Some(2),
        cleaned_up: Some(true),
        rolled_back: Some(false),
        released: Some(false),
    };
    assert_eq!(texts(&of_step("backup", well), &told), [""; 0]);
    let otherwise = ExpectedStep {
        outcome: Some(ExpectedOutcome::Failed),
        attempts: Some(1),
        cleaned_up: Some(false),
        rolled_back: Some(true),
        released: None,
    };
    assert_eq!(
        texts(&of_step("backup", otherwise), &told),
        [
            "`backup` (line 2) succeeded, expected that it failed",
            "`backup` (line 2) had 2 attempts, expected 1",
            "`backup` (line 2) was cleaned up, expected that it is not",
            "`backup` (line 2) was not rolled back: it has no rollback",
        ]
    );
}

#[test]
fn a_step_that_failed_says_why() {
    let told = played("lock\nbackup lock x2 idem !none\nafter backup", "backup.attempt.1.1 1, backup.attempt.2.1 3");
    let step = ExpectedStep { outcome: Some(ExpectedOutcome::Succeeded), attempts: Some(3), ..ExpectedStep::default() };
    assert_eq!(
        texts(&of_step("backup", step), &told),
        [
            "`backup` (line 2) failed, expected that it succeeded: attempt 2 of 2 exited with 3 (last words: Directory cf-0123 already exists)",
            "`backup` (line 2) had 2 attempts, expected 3; the last exited with 3 (last words: Directory cf-0123 already exists)",
        ]
    );
    let never =
        ExpectedStep { outcome: Some(ExpectedOutcome::NotStarted), attempts: Some(0), ..ExpectedStep::default() };
    assert_eq!(texts(&of_step("after", never), &told), [""; 0]);
    assert_eq!(texts(&of_step("other", ExpectedStep::default()), &told), ["steps: there is no step `other`"]);
}

#[test]
fn a_hold_lasts_from_the_first_attempt_to_the_release() {
    let hold =
        |longest| Expectation { hold: BTreeMap::from([("lock".to_owned(), said(longest))]), ..Expectation::default() };
    let told = played("before\nlock before ^backup\nbackup lock", "");
    assert_eq!(texts(&hold(minutes(3)), &told), [""; 0]);
    assert_eq!(
        texts(&hold(minutes(2)), &told),
        ["`lock` (line 2) held what it took for 3m, expected at most 2m; longest in it was `backup` (line 3), 1m",]
    );
    let stuck = played("lock ^backup\nbackup lock", "lock.release.1.1 1, lock.release.1.2 1, lock.release.1.3 1");
    assert_eq!(
        texts(&hold(minutes(9)), &stuck),
        ["`lock` (line 1) never gave back what it took, expected after at most 9m"]
    );
    assert_eq!(texts(&hold(minutes(0)), &played("first\nlock first ^", "first.attempt.1.1 1")), [""; 0]);
    let late = played("lock x2 ^backup\nbackup lock", "lock.attempt.1.1 missing");
    assert_eq!(texts(&hold(minutes(3)), &late), [""; 0], "it took nothing before it could be started");
}

#[test]
fn unmet_guards_are_all_of_them_and_no_others() {
    let told = played("@guard a\n@guard b\n@guard c\nx", "@.guard-a.1.1 1, @.guard-c.1.1 2");
    let unmet = |names: &[&str]| Expectation {
        unmet: Some(said(names.iter().map(|name| (*name).to_owned()).collect())),
        ..Expectation::default()
    };
    assert_eq!(texts(&unmet(&["a", "c"]), &told), [""; 0]);
    assert_eq!(
        texts(&unmet(&["a", "b"]), &told),
        [
            "guard `b` was expected to be unmet, it is not",
            "guard `c` is unmet, it exited with 2: that was not expected"
        ]
    );
    let of_step = played("x\ny x g", "y.guard-g.1.1 1");
    assert_eq!(texts(&unmet(&["g"]), &of_step), [""; 0]);
    assert_eq!(texts(&unmet(&["y.g"]), &of_step), [""; 0]);
    assert_eq!(texts(&unmet(&["x.g"]), &of_step).len(), 2);
}

#[test]
fn invariants_and_what_is_open() {
    let told = played("@invariant api\nlock ^\nbackup lock", "@.invariant-api.1.1 3, backup.attempt.1.1 lost");
    let expected = Expectation {
        invariants: Some(said(ExpectedInvariants::Hold)),
        open: Some(said(vec!["lock.release".into(), "lock.rollback".into()])),
        ..Expectation::default()
    };
    let texts_found = texts(&expected, &told);
    assert_eq!(texts_found[0], "invariant `api` (line 1) could not tell, it exited with 3");
    assert_eq!(texts_found[1], "`lock.rollback` was expected to be open, it is not");
    assert!(texts_found[2].starts_with("not expected to be open: `backup` (line 3) is in doubt"), "{texts_found:?}");
    assert_eq!(texts_found.len(), 3);
    let broken = Expectation { invariants: Some(said(ExpectedInvariants::Broken)), ..Expectation::default() };
    assert_eq!(texts(&broken, &told), [""; 0]);
    assert_eq!(texts(&broken, &played("a", "")), ["an invariant was expected to be broken, all hold"]);
}

#[test]
fn objectives_of_the_playbook_count_when_it_did_what_it_is_for() {
    let mut told = played("a !none", "");
    told.objectives = Objectives { rto: Some(minutes(60)), rpo: Some(minutes(30)) };
    told.measured = Measured { rto: Some(minutes(61)), rpo: None };
    assert_eq!(
        texts(&Expectation::default(), &told),
        [
            "recovery took 1h1m, the playbook allows RTO 1h; longest in it was `a` (line 1), 1m",
            "there is no RPO, the playbook allows RPO 30m: nothing was there to be measured",
        ]
    );
    told.measured = Measured { rto: Some(minutes(60)), rpo: Some(minutes(30)) };
    assert_eq!(texts(&Expectation::default(), &told), [""; 0]);
    let mut failed = played("a !none", "a.attempt.1.1 1");
    (failed.objectives, failed.measured) = (told.objectives, Measured { rto: Some(minutes(61)), rpo: None });
    assert_eq!(texts(&Expectation::default(), &failed), [""; 0]);
    let own = Expectation { within: Objectives { rto: Some(minutes(1)), rpo: None }, ..Expectation::default() };
    assert_eq!(
        texts(&own, &failed),
        ["recovery took 1h1m, the scenario allows RTO 1m; longest in it was `a` (line 1), 1m"]
    );
}

#[test]
fn outputs_are_compared_as_texts() {
    let mut told = played("a", "");
    told.outputs = BTreeMap::from([("artifact".into(), "/b/1".into())]);
    let outputs = |name: &str, text: &str| Expectation {
        outputs: BTreeMap::from([(name.to_owned(), said(text.to_owned()))]),
        ..Expectation::default()
    };
    assert_eq!(texts(&outputs("artifact", "/b/1"), &told), [""; 0]);
    assert_eq!(texts(&outputs("artifact", "/b/2"), &told), ["output `artifact` is `/b/1`, expected `/b/2`"]);
    assert_eq!(texts(&outputs("size", "1"), &told), ["the run published no output `size`, expected `1`"]);
}

#[test]
fn what_is_always_a_finding() {
    let mut told = played_plan(firedrill_sim::sketch("a"), "");
    told.unanswered = vec!["bosh -d cf vms".into()];
    told.unused_faults = vec!["a.rollback:exit=1".into()];
    let look = |exit, printed: &[u8]| WorldCommand {
        words: vec!["test".into(), "-e".into(), "lock".into()],
        exit,
        tail: Tail::of(printed, false),
    };
    told.world = vec![look(Some(0), b"fine"), look(Some(1), b"no lock\n"), look(None, b"")];
    assert_eq!(
        texts(&Expectation::default(), &told),
        [
            "no reply answers `bosh -d cf vms`",
            "in the world afterwards, `test -e lock` exited with 1 (last words: no lock)",
            "in the world afterwards, `test -e lock` did not end by itself",
            "the fault a.rollback:exit=1 never struck: its command was not started so often",
        ]
    );
    told.given_failed = Some(look(Some(2), b""));
    assert_eq!(
        texts(&verdict(ExpectedVerdict::Stuck), &told),
        ["the world could not be prepared: `test -e lock` exited with 2"]
    );
}

#[test]
fn a_run_that_does_not_come_to_rest_is_a_finding() {
    let mut told = played("a", "");
    told.end = End::StoodStill("`a` waits for a lock that nobody gives back".into());
    assert_eq!(
        texts(&verdict(ExpectedVerdict::Succeeded), &told),
        [
            "the run did not come to rest, expected succeeded: nothing can ever happen any more: `a` waits for a lock that nobody gives back"
        ]
    );
    told.end = End::Hung("`a` for 30s".into());
    assert_eq!(
        texts(&Expectation::default(), &told),
        ["the run did not come to rest: a command never came back: `a` for 30s"]
    );
    told.end = End::Rest(Verdict::Succeeded);
    told.envelopes.truncate(1);
    told.envelopes.push(told.envelopes[0].clone());
    assert_eq!(texts(&Expectation::default(), &told).len(), 1);
}
