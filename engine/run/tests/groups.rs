//! Tables of groups and of scopes that unwind by themselves: what starts, in which order, and how the run ends.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_run::{Effect, Event, Ruling, Run, Verdict, Wait};
use firedrill_sim::{Script, sketch};
use table::{check, trace};

#[test]
fn a_group_begins_with_its_first_members_and_is_over_with_its_last() {
    check(
        "a\nbox a {}\nbox/x\nbox/y box/x\nb box",
        "",
        "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 b.attempt.1.1 = succeeded",
    );
    check(
        "box {}\nbox/h {}\nbox/h/x\nbox/y box/h\nb box",
        "",
        "box/h/x.attempt.1.1 box/y.attempt.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_group_whose_when_is_false_is_skipped_as_a_whole() {
    check("box {} off\nbox/x\nbox/h box/x {}\nbox/h/y\nb box", "", "b.attempt.1.1 = succeeded");
    check("box {} off\nbox/x", "", "= skipped");
    check("box {}\nbox/x off", "", "= skipped");
}

#[test]
fn the_guards_of_a_group_are_asked_before_its_first_member() {
    check("box {} g\nbox/x\nb box", "", "box.guard-g.1.1 box/x.attempt.1.1 b.attempt.1.1 = succeeded");
    check(
        "a !\nbox a {} g\nbox/x\nb box",
        "box.guard-g.1.1 1",
        "a.attempt.1.1 box.guard-g.1.1 a.rollback.1.1 = rolled back",
    );
}

#[test]
fn what_a_member_took_until_the_end_of_its_group_is_given_back_before_the_group_is_over() {
    check(
        "box {}\nbox/lock ^\nbox/work box/lock\nb box",
        "",
        "box/lock.attempt.1.1 box/work.attempt.1.1 box/lock.release.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_failed_member_unwinds_the_whole_run() {
    check(
        "a !\nbox a {}\nbox/x !\nbox/y box/x\nb box",
        "box/y.attempt.1.1 1",
        "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 box/x.rollback.1.1 a.rollback.1.1 = failed",
    );
}

#[test]
fn a_group_that_continues_unwinds_by_itself_and_the_rest_goes_on() {
    check(
        "a !\nbox a {} on:continue\nbox/x !\nbox/y box/x\nbox/z box/y\nb box",
        "box/y.attempt.1.1 1",
        "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 box/x.rollback.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_step_that_continues_is_taken_back_before_the_next_begins() {
    check(
        "a ! ^ on:continue\nb a",
        "a.attempt.1.1 1",
        "a.attempt.1.1 a.rollback.1.1 a.release.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn the_innermost_scope_is_taken_back_and_no_other() {
    check(
        "box {} on:continue\nbox/x !\nbox/h box/x {} on:continue\nbox/h/y !\nbox/h/z box/h/y\nbox/w box/h\nb box",
        "box/h/z.attempt.1.1 1",
        "box/x.attempt.1.1 box/h/y.attempt.1.1 box/h/z.attempt.1.1 box/h/y.rollback.1.1 box/w.attempt.1.1 b.attempt.1.1 \
         = succeeded",
    );
}

#[test]
fn steps_beside_a_scope_that_is_taken_back_go_on() {
    check(
        "box {} on:continue\nbox/x !\nbox/y box/x\na\nb a",
        "box/y.attempt.1.1 1",
        "box/x.attempt.1.1 a.attempt.1.1 box/y.attempt.1.1 box/x.rollback.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_scope_that_cannot_be_taken_back_takes_the_rest_with_it() {
    let faults = "box/y.attempt.1.1 1, box/x.rollback.1.1 1, box/x.rollback.1.2 1, box/x.rollback.1.3 1";
    check(
        "a !\nbox a {} on:continue\nbox/x !\nbox/y box/x\nb box",
        faults,
        "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 box/x.rollback.1.1 box/x.rollback.1.2 box/x.rollback.1.3 = stuck",
    );
}

#[test]
fn a_later_failure_takes_back_what_a_scope_left_behind_too() {
    check(
        "box {} on:continue\nbox/x !\nbox/y box/x\nb box !\nc b",
        "box/y.attempt.1.1 1, c.attempt.1.1 1",
        "box/x.attempt.1.1 box/y.attempt.1.1 box/x.rollback.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 = failed",
    );
}

#[test]
fn the_step_that_fails_says_what_becomes_of_everything() {
    let plan = "a !\nb a ! on:stop\nc b";
    let begun = "a.attempt.1.1 b.attempt.1.1";
    check(plan, "b.attempt.1.1 1", &format!("{begun} = failed"));
    let undone = format!("{begun} c.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = failed");
    check(plan, "c.attempt.1.1 1", &undone);
    let group = "a !\nbox a {} on:stop\nbox/x !\nbox/y box/x\nb box";
    check(group, "box/y.attempt.1.1 1", "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 = failed");
    let outside =
        "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 b.attempt.1.1 box/x.rollback.1.1 a.rollback.1.1 = failed";
    check(group, "b.attempt.1.1 1", outside);
    check(
        "a !\nb a on:stop\nc a",
        "b.attempt.1.1 1, c.attempt.1.1 1",
        "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 = failed",
    );
}

#[test]
fn a_failure_in_a_scope_says_what_becomes_of_the_scope() {
    let plan = "a !\nbox a {} on:continue\nbox/x !\nbox/y box/x on:stop\nb box";
    let kept = "a.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 b.attempt.1.1";
    check(plan, "box/y.attempt.1.1 1", &format!("{kept} = succeeded"));
    let later = "box/y.attempt.1.1 1, b.attempt.1.1 1";
    check(plan, later, &format!("{kept} a.rollback.1.1 = failed"));
}

#[test]
fn a_release_until_a_group_waits_for_its_end() {
    check(
        "lock ^box\nbox lock {}\nbox/x\nbox/y box/x\nb box",
        "",
        "lock.attempt.1.1 box/x.attempt.1.1 box/y.attempt.1.1 lock.release.1.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn instances_run_as_many_at_once_as_allowed() {
    check("box {par1}\nbox/a\nbox/b\nc box", "", "box/a.attempt.1.1 box/b.attempt.1.1 c.attempt.1.1 = succeeded");
}

#[test]
fn a_repetition_tolerates_as_many_failures_as_it_says() {
    check(
        "box {tol1}\nbox/a !\nbox/b !\nc box",
        "box/a.attempt.1.1 1",
        "box/a.attempt.1.1 box/b.attempt.1.1 box/a.rollback.1.1 c.attempt.1.1 = succeeded",
    );
    check(
        "box {tol1}\nbox/a !\nbox/b !\nc box",
        "box/a.attempt.1.1 1, box/b.attempt.1.1 1",
        "box/a.attempt.1.1 box/b.attempt.1.1 box/a.rollback.1.1 box/b.rollback.1.1 = rolled back",
    );
}

/// Plays a sketch, says what somebody says at its rest, and plays on.
#[track_caller]
fn check_words(plan: &str, faults: &str, words: &[Event], expected: &str) {
    let mut script = Script::new().faults(faults);
    let first = script.play(Arc::new(sketch(plan))).expect("a legal history");
    let engine = Event::EngineStarted { boot: "boot".into(), engine: "0".into() };
    let mut run = first.run;
    let mut events = first.events;
    for word in words {
        run.apply(word).expect("what may be said");
        events.push(word.clone());
    }
    run.apply(&engine).expect("an engine");
    events.push(engine);
    script = Script::new();
    let played = script.play_on(run, events).expect("a legal history");
    assert_eq!(trace(&played), expected.split_whitespace().collect::<Vec<_>>().join(" "), "\nplan:\n{plan}");
}

fn ruled(step: &str, ruling: Ruling) -> Event {
    let (by, note) = ("ann".to_owned(), "seen".to_owned());
    Event::Ruled { step: step.into(), ruling, outputs: BTreeMap::new(), by, note }
}

#[test]
fn a_failure_that_somebody_must_decide_about_keeps_everything_that_was_taken() {
    check("@ask\nlock ! ^\na lock !\nb a", "b.attempt.1.1 1", "lock.attempt.1.1 a.attempt.1.1 b.attempt.1.1 = stuck");
}

#[test]
fn somebody_decides_what_a_failure_means() {
    let (plan, faults) = ("@ask\na ! ^\nb a !none\nc b", "b.attempt.1.1 1");
    let begun = "a.attempt.1.1 b.attempt.1.1";
    let says = |ruling, then: &str| check_words(plan, faults, &[ruled("b", ruling)], &format!("{begun} {then}"));
    says(Ruling::Rollback, "a.rollback.1.1 a.release.1.1 = rolled back");
    says(Ruling::Stop, "a.release.1.1 = failed");
    says(Ruling::Done, "c.attempt.1.1 a.release.1.1 = succeeded");
    says(Ruling::Retry, "b.attempt.2.1 c.attempt.1.1 a.release.1.1 = succeeded");
}

#[test]
fn a_decision_about_a_scope_that_continues_is_forgotten_with_it() {
    let plan = "box {} on:continue\nbox/x ! on:ask\nlast box ! on:ask";
    let first = [ruled("box/x", Ruling::Rollback)];
    check_words(
        plan,
        "box/x.attempt.1.1 1",
        &first,
        "box/x.attempt.1.1 box/x.rollback.1.1 last.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_finished_run_can_be_undone() {
    let undo = [Event::RollbackRequested { by: "ann".into(), note: "home again".into() }];
    let undone = "a.attempt.1.1 b.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = rolled back";
    check_words("a !\nb a !", "", &undo, undone);
    check_words(
        "@stop\na !\nb a !\nc b !none",
        "c.attempt.1.1 1",
        &undo,
        "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = rolled back",
    );
    check_words("a !\nb a irr !none\nc b", "", &undo, "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 = failed");
}

/// Takes events and returns the run: `x>` begins an attempt of `box/x`, `x=5` ends it well after 5 s, `x!5` badly.
fn after(plan: &str, events: &str) -> Run {
    let mut run = Run::new(Arc::new(sketch(plan)));
    let mut take = |event: String| run.apply(&serde_json::from_str(&event).expect("an event")).expect(&event);
    take(r#"{"run_started":{"run":"r","plan":""}}"#.to_owned());
    for word in events.split_whitespace() {
        let (member, what) = word.split_at(1);
        let command = format!("box/{member}.attempt.1.1");
        let ended = |exit: &str, seconds: &str| {
            format!(r#"{{"ended":{{"command":"{command}","exit":{exit},"ms":{seconds}000}}}}"#)
        };
        take(match (member, &what[..1]) {
            ("*", _) => r#"{"elapsed":{"wait":{"deadline":"box"}}}"#.to_owned(),
            ("#", _) => r#"{"engine_started":{"boot":"","engine":""}}"#.to_owned(),
            (_, ">") => format!(r#"{{"started":{{"command":"{command}"}}}}"#),
            (_, "@") => format!(r#"{{"adopted":{{"command":"{command}","ms":{}000}}}}"#, &what[1..]),
            (_, "=") => ended(r#"{"code":0}"#, &what[1..]),
            (_, "!") => ended(r#"{"code":1}"#, &what[1..]),
            (_, "-") => ended("\"cancelled\"", &what[1..]),
            (_, "+") => format!(r#"{{"elapsed":{{"wait":{{"attempt":"box/{member}"}}}}}}"#),
            _ => panic!("{word} is no event"),
        });
    }
    run
}

/// Returns the seconds that are left to the group.
fn left(run: &Run) -> Option<u64> {
    let pauses = run.pauses().into_iter();
    pauses.filter(|pause| matches!(pause.wait, Wait::Deadline(_))).map(|pause| pause.length.as_secs()).next()
}

#[test]
fn what_members_took_beside_one_another_counts_once() {
    let plan = "box {} due\nbox/x idem\nbox/y idem\nbox/z box/x\nbox/w box/y box/z";
    assert_eq!(left(&after(plan, "")), Some(60));
    assert_eq!(left(&after(plan, "x> y> x=10")), Some(50));
    assert_eq!(left(&after(plan, "x> y> x=10 y=12")), Some(48));
    assert_eq!(left(&after(plan, "x> x=10 y> y=12")), Some(38));
    assert_eq!(left(&after(plan, "x> y> x=10 z> z=5 y=12")), Some(45), "z and x took 15 s in a row");
    assert_eq!(left(&after(plan, "x> y> x=10 z> z=5 y=30")), Some(30));
}

#[test]
fn waits_and_what_ran_without_an_engine_are_on_the_clock_of_a_group() {
    let plan = "box {} due\nbox/x idem x2\nbox/y";
    assert_eq!(left(&after(plan, "x> x!10")), Some(50));
    assert_eq!(left(&after(plan, "x> x!10 x+")), Some(49), "the wait is a second");
    assert_eq!(left(&after(plan, "x> y> #.")), None, "nobody knows what runs");
    assert_eq!(left(&after(plan, "x> y> #. x@20")), None);
    assert_eq!(left(&after(plan, "x> y> #. x@20 y@15")), Some(40));
    assert_eq!(left(&after(plan, "x> y> #. x@20 y@15 x=25")), Some(35));
}

#[test]
fn the_clock_of_a_group_runs_as_long_as_something_in_it_does() {
    assert_eq!(left(&after("box {} due\nbox/x ~ idem x2", "x> x!10")), None, "hooks are not on the clock");
    assert_eq!(left(&after("box {} due\nbox/x ~ idem x2\nbox/y", "x> y> x!10")), Some(50), "the other member is");
    assert_eq!(left(&after("box {} due\nbox/x\nb box", "x> x=1")), None, "the group is over");
}

#[test]
fn the_deadline_of_a_group_is_that_of_all_inside() {
    let plan = "box {} due\nbox/x idem !none x2\nbox/y box/x";
    let run = after(plan, "x> *.");
    assert_eq!(run.next(), [Effect::Terminate("box/x.attempt.1.1".parse().expect("a name"))]);
    assert_eq!(after(plan, "x> *. x-3").verdict(), Some(Verdict::RolledBack), "there is no second attempt");
    assert_eq!(after(plan, "x> x!3 *.").verdict(), Some(Verdict::RolledBack), "a wait ends at once");
    assert_eq!(after(plan, "x> *. x=3").verdict(), Some(Verdict::RolledBack), "nothing else begins");
    assert_eq!(
        after("@max 1\na ro\nbox {} due\nbox/x", "*.").verdict(),
        Some(Verdict::RolledBack),
        "what waits for room"
    );
}
