//! Tables of the locks of steps: who has one keeps others from theirs, and what the run keeps for how long.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_run::{Effect, Event, Run, Stage, Verdict, Wait};
use firedrill_sim::{Script, sketch};
use table::{check, play};

/// Plays a sketch and returns, for each event after which they have changed, the locks that the run keeps, with the event.
fn kept(plan: &str, faults: &str) -> Vec<String> {
    let played = play(plan, faults);
    let mut run = Run::new(Arc::new(sketch(plan)));
    let mut before = String::new();
    let mut told = Vec::new();
    for event in &played.events {
        run.apply(event).expect("a legal history");
        let locks = run.locks().into_iter().collect::<Vec<_>>().join(",");
        if locks != before {
            told.push(format!("{}: {locks}", word(event)));
            before = locks;
        }
    }
    told
}

fn word(event: &Event) -> String {
    match event {
        Event::Locked { step, .. } => format!("{step} locked"),
        Event::Started { command } => format!("{command} started"),
        Event::Ended { command, .. } => format!("{command} ended"),
        other => format!("{other:?}"),
    }
}

/// Returns a run after these events, of which those of the engine's own are made as they are asked for.
fn after(plan: &str, events: &[Event]) -> Run {
    let engine = Event::EngineStarted { boot: "boot".into(), engine: "0".into() };
    let started = Event::RunStarted { run: "r".into(), plan: String::new(), by: None, skips: BTreeMap::new() };
    let mut run = Run::new(Arc::new(sketch(plan)));
    for event in [started, engine].iter().chain(events) {
        run.apply(event).expect("a legal history");
    }
    run
}

fn locked(step: &str) -> Event {
    Event::Locked { step: step.into(), ms: 0 }
}

fn started(command: &str) -> Event {
    Event::Started { command: command.parse().expect("a command") }
}

fn ended(command: &str, code: i32) -> Event {
    let exit = firedrill_run::Exit::Code(code);
    Event::Ended { command: command.parse().expect("a command"), exit, ms: 0 }
}

#[test]
fn steps_that_share_a_lock_run_one_after_the_other() {
    let run = after("a &x\nb &x,y\nc &y\nd", &[]);
    let lock = |step: &str| Effect::Lock(step.into());
    assert!(run.next().starts_with(&[lock("a"), lock("b"), lock("c")]), "{:?}", run.next());
    let run = after("a &x\nb &x,y\nc &y", &[locked("a")]);
    assert!(!run.next().contains(&lock("b")) && run.next().contains(&lock("c")), "{:?}", run.next());
    let run = after("a &x\nb &x,y\nc &y", &[locked("b")]);
    assert!(!run.next().contains(&lock("a")) && !run.next().contains(&lock("c")), "{:?}", run.next());
    let all = [locked("a"), started("a.attempt.1.1"), ended("a.attempt.1.1", 0)];
    assert!(after("a &x\nb &x,y\nc &y", &all).next().contains(&lock("b")));
}

#[test]
fn a_lock_that_another_step_has_cannot_be_taken() {
    let mut run = after("a &x\nb &x", &[locked("a")]);
    assert!(run.apply(&locked("b")).is_err());
    assert!(after("a &x\nb", &[locked("a")]).apply(&locked("a")).is_err());
}

#[test]
fn locks_come_after_when_and_before_guards() {
    check("a &x when? g", "", "a.guard-g.1.1 a.attempt.1.1 = succeeded");
    check("a &x off", "", "= skipped");
    let run = after("a &x g", &[]);
    assert_eq!(run.next(), [Effect::Lock("a".into())]);
    assert_eq!(*run.summary(0).stage, Stage::Locking);
}

#[test]
fn a_lock_is_kept_until_its_step_has_settled_and_owes_nothing() {
    assert_eq!(kept("a &x\nb a", ""), ["a locked: x", "a.attempt.1.1 ended: "]);
    assert_eq!(kept("a &x ^b\nb a\nc b", ""), ["a locked: x", "a.release.1.1 ended: "]);
    assert_eq!(kept("a &x !\nb a", ""), ["a locked: x", "b.attempt.1.1 ended: "]);
    assert_eq!(kept("a &x !\nb a", "b.attempt.1.1 1"), ["a locked: x", "a.rollback.1.1 ended: "]);
    assert_eq!(kept("a &x ~ x2", "a.attempt.1.1 1"), ["a locked: x", "a.attempt.2.1 ended: "]);
}

#[test]
fn a_lock_is_kept_by_a_doubt_and_by_what_is_left_open() {
    assert_eq!(kept("a &x", "a.attempt.1.1 timeout"), ["a locked: x"]);
    assert_eq!(kept("a &x ~", "a.attempt.1.1 1, a.cleanup.1.1 1, a.cleanup.1.2 1, a.cleanup.1.3 1"), ["a locked: x"]);
    assert_eq!(kept("a &x ^", "a.release.1.1 1, a.release.1.2 1, a.release.1.3 1"), ["a locked: x"]);
}

#[test]
fn a_group_keeps_its_lock_until_all_inside_is_over() {
    assert_eq!(kept("box {} &x\nbox/a\nbox/b box/a\nc box", ""), ["box locked: x", "box/b.attempt.1.1 ended: "]);
    assert_eq!(
        kept("box {} &x on:continue\nbox/a !\nbox/b box/a\nc box", "box/b.attempt.1.1 1"),
        ["box locked: x", "box/a.rollback.1.1 ended: "]
    );
    assert_eq!(
        kept("d\nbox d {} &x\nbox/a !\nbox/b box/a !none", "box/b.attempt.1.1 1"),
        ["box locked: x", "box/a.rollback.1.1 ended: "]
    );
}

#[test]
fn a_group_takes_the_locks_inside_with_its_own_and_its_members_wait_for_each_other_only() {
    let plan = "box {} &x\nbox/a &x,y\nbox/b &x\nc &y\nd";
    let lock = |step: &str| Effect::Lock(step.into());
    let run = after(plan, &[locked("box")]);
    assert_eq!(run.locks().into_iter().collect::<Vec<_>>(), ["x", "y"]);
    assert!(run.next().contains(&lock("box/a")) && run.next().contains(&lock("box/b")), "{:?}", run.next());
    assert!(!run.next().contains(&lock("c")), "{:?}", run.next());
    assert!(!after(plan, &[locked("box"), locked("box/a")]).next().contains(&lock("box/b")));
    assert_eq!(run.locks_of(&"box".into()), ["x", "y"]);
}

#[test]
fn what_the_run_has_for_itself_is_kept_with_the_run() {
    assert_eq!(kept("@lock x\na &x,y", ""), ["a locked: y", "a.attempt.1.1 ended: "]);
}

#[test]
fn a_step_may_need_one_that_still_owes_and_has_the_same_lock() {
    check("a &x !\nb a &x", "", "a.attempt.1.1 b.attempt.1.1 = succeeded");
    check("a &x ^b\nb a &x", "", "a.attempt.1.1 b.attempt.1.1 a.release.1.1 = succeeded");
}

#[test]
fn a_hook_waits_for_the_step_that_has_the_lock() {
    let plan = "a &x ^c\nc a\nb c &x\nd c";
    let events = [
        locked("a"),
        started("a.attempt.1.1"),
        ended("a.attempt.1.1", 0),
        started("c.attempt.1.1"),
        ended("c.attempt.1.1", 0),
    ];
    let mut run = after(plan, &events);
    assert!(run.next().contains(&"a.release.1.1".parse().map(Effect::Start).expect("a command")));
    run.apply(&locked("b")).expect("nobody is at anything");
    assert!(!run.next().contains(&"a.release.1.1".parse().map(Effect::Start).expect("a command")));
    let mut run = after(plan, &events);
    run.apply(&started("a.release.1.1")).expect("it was due");
    assert!(!run.next().contains(&Effect::Lock("b".into())), "{:?}", run.next());
}

/// The release cannot run while nobody knows whether the other step still does: the run rests and says both.
#[test]
fn a_hook_that_waits_for_a_doubt_is_owed_at_rest() {
    let played = play("a &x ^c\nc a ro\nb a &x", "b.attempt.1.1 timeout");
    assert_eq!(played.run.verdict(), Some(Verdict::Stuck));
    assert_eq!(played.run.open().len(), 2, "{:?}", played.run.open());
}

#[test]
fn a_failure_takes_back_who_waits_for_a_lock() {
    check("a &x !\nb &x", "a.attempt.1.1 1", "a.attempt.1.1 a.rollback.1.1 = rolled back");
    let run = after("a &x\nb &x", &[locked("a"), Event::CancelRequested]);
    assert_eq!(*run.summary(1).stage, Stage::Waiting);
    assert!(run.locks().is_empty());
}

#[test]
fn a_deadline_covers_the_wait_for_a_lock() {
    let mut run = after("a &x\nb &x due", &[locked("a"), started("a.attempt.1.1")]);
    let wait = Wait::Deadline("b".into());
    assert!(run.pauses().iter().any(|pause| pause.wait == wait));
    run.apply(&Event::Elapsed { wait }).expect("its clock runs");
    assert!(matches!(run.summary(1).stage, Stage::Settled(_)));
    let late = after("a &x due", &[Event::Locked { step: "a".into(), ms: 20_000 }]);
    let left = late.pauses().into_iter().find(|pause| pause.wait == Wait::Deadline("a".into())).expect("a deadline");
    assert_eq!(left.length.as_secs(), 40);
}

#[test]
fn a_new_engine_finds_the_locks_taken() {
    let mut run = after("a &x\nb &x", &[locked("a"), started("a.attempt.1.1")]);
    run.apply(&Event::EngineStarted { boot: "boot".into(), engine: "0".into() }).expect("an engine");
    assert_eq!(run.locks().into_iter().collect::<Vec<_>>(), ["x"]);
    assert!(!run.next().contains(&Effect::Lock("b".into())));
}

#[test]
fn undoing_a_finished_run_keeps_the_locks_again() {
    let played = Script::new().play(Arc::new(sketch("a &x !\nb &y"))).expect("a legal history");
    let mut run = played.run;
    assert!(run.locks().is_empty());
    run.apply(&Event::RollbackRequested { by: "x".into(), note: "x".into() }).expect("it may be undone");
    assert_eq!(run.locks().into_iter().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn a_group_that_was_taken_back_keeps_nothing_of_a_run_that_is_stuck() {
    let faults = "box/b.attempt.1.1 1, c.release.1.1 1, c.release.1.2 1, c.release.1.3 1";
    let plan = "box {} &x\nbox/a !\nbox/b box/a !none\nc ^";
    assert_eq!(play(plan, faults).run.verdict(), Some(Verdict::Stuck));
    assert_eq!(kept(plan, faults).last().map(String::as_str), Some("box/a.rollback.1.1 ended: "));
}
