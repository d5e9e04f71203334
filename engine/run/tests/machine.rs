//! Tables of the machine: what starts, in which order, and how the run ends.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::value::Value;
use firedrill_run::{CommandId, Doubt, Effect, Event, Exit, Run, Stage, Verdict, Wait};
use firedrill_sim::{Script, sketch};

mod table;

use table::{check, play, trace};

#[test]
fn steps_run_in_the_order_of_their_needs() {
    check("a\nb a\nc a\nd b c", "", "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 d.attempt.1.1 = succeeded");
}

#[test]
fn a_failed_step_unwinds_what_was_done_in_reverse() {
    check(
        "a !\nb a !\nc b",
        "c.attempt.1.1 1",
        "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = failed",
    );
    check(
        "a !\nb a !\nc b !none",
        "c.attempt.1.1 1",
        "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = rolled back",
    );
}

#[test]
fn a_failed_step_is_rolled_back_itself() {
    check("a !", "a.attempt.1.1 1", "a.attempt.1.1 a.rollback.1.1 = rolled back");
}

#[test]
fn a_cleanup_comes_before_the_next_attempt_and_is_its_licence() {
    check("a ~ x2", "a.attempt.1.1 1", "a.attempt.1.1 a.cleanup.1.1 a.attempt.2.1 = succeeded");
    check(
        "a ~ x2",
        "a.attempt.1.1 1, a.attempt.2.1 1",
        "a.attempt.1.1 a.cleanup.1.1 a.attempt.2.1 a.cleanup.2.1 = rolled back",
    );
}

#[test]
fn without_a_licence_there_is_no_second_attempt() {
    check("a x3", "a.attempt.1.1 1", "a.attempt.1.1 = failed");
    check("a x3 idem", "a.attempt.1.1 1", "a.attempt.1.1 a.attempt.2.1 = succeeded");
    check("a x3 ro", "a.attempt.1.1 timeout", "a.attempt.1.1 a.attempt.2.1 = succeeded");
}

#[test]
fn a_cleanup_that_fails_for_good_forbids_the_retry_and_is_owed() {
    let faults = "a.attempt.1.1 1, a.cleanup.1.1 1, a.cleanup.1.2 1, a.cleanup.1.3 1";
    check("a ~ x2", faults, "a.attempt.1.1 a.cleanup.1.1 a.cleanup.1.2 a.cleanup.1.3 = stuck");
}

#[test]
fn a_cleanup_leaves_nothing_to_roll_back() {
    check("a ~ !", "a.attempt.1.1 1", "a.attempt.1.1 a.cleanup.1.1 = rolled back");
}

#[test]
fn a_retry_after_a_cleanup_owes_its_rollback_anew() {
    check(
        "a ~ ! x2\nb a !none",
        "a.attempt.1.1 1, b.attempt.1.1 1",
        "a.attempt.1.1 a.cleanup.1.1 a.attempt.2.1 b.attempt.1.1 a.rollback.1.1 = rolled back",
    );
}

#[test]
fn a_release_is_due_when_its_hold_has_ended_in_whatever_way() {
    check(
        "lock ^work\nwork lock\nafter work",
        "",
        "lock.attempt.1.1 work.attempt.1.1 lock.release.1.1 after.attempt.1.1 = succeeded",
    );
    check("lock ^\nwork lock", "", "lock.attempt.1.1 work.attempt.1.1 lock.release.1.1 = succeeded");
    check(
        "lock ^work\nwork lock !",
        "work.attempt.1.1 1",
        "lock.attempt.1.1 work.attempt.1.1 work.rollback.1.1 lock.release.1.1 = rolled back",
    );
}

#[test]
fn a_release_is_owed_by_a_step_that_failed() {
    check("lock ^", "lock.attempt.1.1 1", "lock.attempt.1.1 lock.release.1.1 = rolled back");
}

#[test]
fn a_program_that_could_not_be_started_owes_nothing() {
    check("lock ^ ! ~", "lock.attempt.1.1 missing", "lock.attempt.1.1 = rolled back");
}

#[test]
fn a_release_that_fails_for_good_makes_the_run_stuck() {
    let faults = "a.release.1.1 1, a.release.1.2 1, a.release.1.3 1";
    check("a ^", faults, "a.attempt.1.1 a.release.1.1 a.release.1.2 a.release.1.3 = stuck");
}

#[test]
fn a_failed_rollback_blocks_only_what_its_step_needed() {
    let faults = "d.attempt.1.1 1, b.rollback.1.1 1, b.rollback.1.2 1, b.rollback.1.3 1";
    check(
        "a ! ^\nb a !\nc !\nd b c !none",
        faults,
        "a.attempt.1.1 c.attempt.1.1 b.attempt.1.1 d.attempt.1.1
         c.rollback.1.1 b.rollback.1.1 b.rollback.1.2 b.rollback.1.3 a.release.1.1 = stuck",
    );
}

#[test]
fn an_irreversible_step_turns_off_the_rollbacks_of_what_it_needed() {
    check(
        "a ! ^\nb a irr !none\nc b !none",
        "c.attempt.1.1 1",
        "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 a.release.1.1 = failed",
    );
}

#[test]
fn stop_cleans_up_and_releases_but_leaves_what_is_done() {
    check("@stop\na ! ^\nb a ~", "b.attempt.1.1 1", "a.attempt.1.1 b.attempt.1.1 b.cleanup.1.1 a.release.1.1 = failed");
}

#[test]
fn a_time_out_is_in_doubt_and_a_verify_that_holds_settles_it() {
    check("a ?", "a.attempt.1.1 timeout", "a.attempt.1.1 a.verify.1.1 = succeeded");
    check("a ?", "a.attempt.1.1 timeout, a.verify.1.1 1", "a.attempt.1.1 a.verify.1.1 = stuck");
    check("a ? !", "a.attempt.1.1 timeout, a.verify.1.1 1", "a.attempt.1.1 a.verify.1.1 a.rollback.1.1 = rolled back");
}

#[test]
fn what_is_in_doubt_keeps_its_holds() {
    check(
        "lock ^ !\nwork lock\nother lock",
        "work.attempt.1.1 lost",
        "lock.attempt.1.1 work.attempt.1.1 other.attempt.1.1 = stuck",
    );
}

#[test]
fn a_verify_that_does_not_hold_fails_the_attempt() {
    check("a ? idem x2", "a.verify.1.1 1", "a.attempt.1.1 a.verify.1.1 a.attempt.2.1 a.verify.2.1 = succeeded");
}

#[test]
fn guards_of_the_playbook_refuse_before_anything_starts() {
    check("@guard one\n@guard two\na", "@.guard-two.1.1 1", "@.guard-one.1.1 @.guard-two.1.1 = refused");
    check("@guard one\na", "@.guard-one.1.1 7", "@.guard-one.1.1 = refused");
    check("@guard one skip\na", "@.guard-one.1.1 1", "@.guard-one.1.1 = skipped");
    check("@guard one skip\na", "@.guard-one.1.1 7", "@.guard-one.1.1 = refused");
}

#[test]
fn guards_are_asked_again_before_the_first_change() {
    check("@guard one\na ro\nb a", "", "@.guard-one.1.1 a.attempt.1.1 @.guard-one.2.1 b.attempt.1.1 = succeeded");
    check("@guard one\na ro\nb a", "@.guard-one.2.1 1", "@.guard-one.1.1 a.attempt.1.1 @.guard-one.2.1 = rolled back");
    check("@guard one\na\nb a", "", "@.guard-one.1.1 a.attempt.1.1 b.attempt.1.1 = succeeded");
}

#[test]
fn guards_are_asked_again_before_a_first_change_that_waited_for_room() {
    check("@max 1\n@guard one\na ro\nb", "", "@.guard-one.1.1 a.attempt.1.1 @.guard-one.2.1 b.attempt.1.1 = succeeded");
}

#[test]
fn a_guard_of_a_step_fails_it_before_it_did_anything() {
    check("a g", "a.guard-g.1.1 1", "a.guard-g.1.1 = refused");
    check("a !\nb a g !", "b.guard-g.1.1 1", "a.attempt.1.1 b.guard-g.1.1 a.rollback.1.1 = rolled back");
}

#[test]
fn a_step_that_needs_a_skipped_step_runs() {
    check("a off\nb a", "", "b.attempt.1.1 = succeeded");
    check("a off\nb a off", "", "= skipped");
}

#[test]
fn an_invariant_that_does_not_hold_makes_the_run_stuck() {
    check(
        "@invariant up\n@finally note\na",
        "@.invariant-up.1.1 1",
        "a.attempt.1.1 @.invariant-up.1.1 @.finally-note.1.1 = stuck",
    );
    check("@invariant up\na", "@.invariant-up.1.1 9", "a.attempt.1.1 @.invariant-up.1.1 = stuck");
}

#[test]
fn the_very_end_cannot_change_the_verdict() {
    check(
        "@finally one\n@finally two\na",
        "@.finally-one.1.1 1",
        "a.attempt.1.1 @.finally-one.1.1 @.finally-two.1.1 = succeeded",
    );
}

#[test]
fn a_request_to_stop_at_rest_changes_nothing() {
    let played = play("@finally last\na", "");
    let mut run = Run::new(Arc::clone(played.run.plan()));
    for event in &played.events {
        run.apply(event).expect("a legal history");
        if matches!(event, Event::Started { command } if command.to_string() == "@.finally-last.1.1") {
            run.apply(&Event::CancelRequested).expect("a legal request");
        }
    }
    assert_eq!(run.verdict(), Some(Verdict::Succeeded));
}

#[test]
fn no_more_commands_run_at_once_than_allowed() {
    let played = play("@max 2\na\nb\nc\nd", "");
    let mut running = 0_i32;
    for event in &played.events {
        running += match event {
            Event::Started { .. } => 1,
            Event::Ended { .. } => -1,
            _ => 0,
        };
        assert!(running <= 2);
    }
}

#[test]
fn a_long_chain_of_skipped_steps_does_not_overflow_the_stack() {
    use std::fmt::Write as _;
    let mut text = String::from("s0 off\n");
    for at in 1..2_000 {
        writeln!(text, "s{at} s{} off", at - 1).expect("a String takes everything");
    }
    let played = Script::new().play(Arc::new(sketch(&text))).expect("a legal history");
    assert_eq!(trace(&played), "= skipped");
}

#[test]
fn a_probe_is_looked_at_again_until_it_holds() {
    check("@guard g+\na", "@.guard-g.1.1 1", "@.guard-g.1.1 @.guard-g.1.2 a.attempt.1.1 = succeeded");
    check("a g+", "a.guard-g.1.1 1", "a.guard-g.1.1 a.guard-g.1.2 a.attempt.1.1 = succeeded");
    check("a ?+", "a.verify.1.1 1", "a.attempt.1.1 a.verify.1.1 a.verify.1.2 = succeeded");
    check("@invariant i+\na", "@.invariant-i.1.1 1", "a.attempt.1.1 @.invariant-i.1.1 @.invariant-i.1.2 = succeeded");
}

#[test]
fn could_not_tell_does_not_end_the_polling() {
    for end in ["3", "timeout", "missing", "lost"] {
        check("a ?+", &format!("a.verify.1.1 {end}"), "a.attempt.1.1 a.verify.1.1 a.verify.1.2 = succeeded");
    }
}

#[test]
fn the_last_answer_counts_when_the_time_is_over() {
    check("@guard g+ skip\na", "@.guard-g.1.1 3, @.guard-g.1.2 1", "@.guard-g.1.1 @.guard-g.1.2 = skipped");
    check("@guard g+ skip\na", "@.guard-g.1.1 1, @.guard-g.1.2 3", "@.guard-g.1.1 @.guard-g.1.2 = refused");
    check(
        "a ?+ !",
        "a.verify.1.1 1, a.verify.1.2 3",
        "a.attempt.1.1 a.verify.1.1 a.verify.1.2 a.rollback.1.1 = rolled back",
    );
    check(
        "@invariant i+\na",
        "@.invariant-i.1.1 1, @.invariant-i.1.2 1",
        "a.attempt.1.1 @.invariant-i.1.1 @.invariant-i.1.2 = stuck",
    );
}

#[test]
fn the_time_before_the_first_look_is_waited_for() {
    let played = play("a ?++", "");
    assert_eq!(trace(&played), "a.attempt.1.1 a.verify.1.1 = succeeded");
    assert_eq!(played.events.iter().filter(|event| matches!(event, Event::Elapsed { .. })).count(), 1);
}

#[test]
fn a_step_that_only_looks_polls_its_attempt() {
    check("a ro+", "a.attempt.1.1 1", "a.attempt.1.1 a.attempt.1.2 = succeeded");
    check("a ro+", "a.attempt.1.1 1, a.attempt.1.2 1", "a.attempt.1.1 a.attempt.1.2 = rolled back");
    check("a ro+", "a.attempt.1.1 lost", "a.attempt.1.1 a.attempt.1.2 = succeeded");
    check("a ro+ x2", "a.attempt.1.1 1, a.attempt.1.2 1", "a.attempt.1.1 a.attempt.1.2 a.attempt.2.1 = succeeded");
}

#[test]
fn a_stop_ends_polls_at_once() {
    for (plan, faults) in [
        ("@guard g+\na", "@.guard-g.1.1 1"),
        ("a ro+", "a.attempt.1.1 1"),
        ("a g+", "a.guard-g.1.1 1"),
        ("a ?+ !none", "a.verify.1.1 1"),
    ] {
        let played = play(plan, faults);
        let mut run = Run::new(Arc::clone(played.run.plan()));
        let before = played.events.iter().take_while(|event| !matches!(event, Event::Elapsed { .. }));
        before.for_each(|event| run.apply(event).expect("a legal history"));
        assert_eq!(run.pauses().len(), 2, "{plan}: the next look and the end of the time");
        run.apply(&Event::CancelRequested).expect("a legal request");
        assert_eq!((run.pauses().len(), run.next().len()), (0, 0), "{plan} still waits");
        assert_eq!(run.verdict(), Some(Verdict::Cancelled), "{plan}");
    }
}

/// Returns whether an event answers something that is due.
fn is_due(run: &Run, event: &Event) -> bool {
    let due = run.next();
    match event {
        Event::Decided { question, .. } => due.contains(&Effect::Decide(question.clone())),
        Event::Rendered { command, .. } => due.contains(&Effect::Render(command.clone())),
        Event::Judged { command, .. } => due.contains(&Effect::Judge(command.clone())),
        Event::Started { command } => due.contains(&Effect::Start(command.clone())),
        Event::NotStarted { command } | Event::Adopted { command, .. } => {
            due.contains(&Effect::Settle(command.clone()))
        }
        Event::Ended { command, .. } => {
            run.in_flight().contains(command) || due.contains(&Effect::Settle(command.clone()))
        }
        Event::Elapsed { wait } => run.pauses().iter().any(|pause| pause.wait == *wait),
        _ => true,
    }
}

#[test]
fn only_what_is_due_is_taken() {
    for (plan, faults) in [
        ("a x3 ~\nb a !\nc b ^", "a.attempt.1.1 1, c.attempt.1.1 1, b.rollback.1.1 1, c.release.1.1 1"),
        ("@guard ready\na ?\nb a when? x2 idem\nc b", "b.attempt.1.1 1, c.attempt.1.1 1"),
        ("@invariant open\na ^\nb a\nc a !", "b.attempt.1.1 1, a.release.1.1 1, c.rollback.1.1 1"),
        ("a ro+ x2\nb a ?+", "a.attempt.1.1 1, b.verify.1.1 1"),
        ("a ~ x2\nb ? !", "a.attempt.1.1 lost, a.cleanup.1.1 1, b.attempt.1.1 lost"),
    ] {
        let played = play(plan, faults);
        let mut run = Run::new(Arc::clone(played.run.plan()));
        for event in &played.events {
            for other in &played.events {
                let mut tried = run.clone();
                let is_taken = tried.apply(other).is_ok();
                assert!(!is_taken || is_due(&run, other), "{plan}: {other:?} was taken before {event:?}");
            }
            run.apply(event).expect("a legal history");
        }
    }
}

/// Does what is due until nothing is: commands end as given, or with exit code 0.
fn go_on(run: &mut Run, ends: &[(&str, Exit)]) {
    let mut take = |event: &Event| run.apply(event).map(|()| run.next()).expect("a legal event");
    let mut due = take(&Event::EngineStarted { boot: "boot".to_owned(), engine: "test".to_owned() });
    while let Some(effect) = due.into_iter().next() {
        due = match effect {
            Effect::Start(command) => {
                take(&Event::Started { command: command.clone() });
                let exit = ends.iter().find(|(name, _)| *name == command.to_string());
                let exit = exit.map_or(Exit::Code(0), |(_, exit)| exit.clone());
                take(&Event::Ended { command, exit, ms: 0 })
            }
            other => panic!("{other:?} is not due in these plans"),
        };
    }
}

#[test]
fn a_doubt_that_a_new_engine_settles_holds_nothing_up_any_more() {
    let mut run = Run::new(Arc::new(sketch("a ?\nb a")));
    run.apply(&Event::RunStarted { run: "r".to_owned(), plan: "digest".to_owned(), by: None, skips: BTreeMap::new() })
        .expect("a legal event");
    go_on(&mut run, &[("a.attempt.1.1", Exit::Lost), ("a.verify.1.1", Exit::Code(2))]);
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
    go_on(&mut run, &[]);
    assert_eq!(run.verdict(), Some(Verdict::Succeeded));
}

/// Returns what a run can do and how it would end, without the order in which things come.
fn outlook(run: &Run) -> String {
    let mut due: Vec<String> = run.next().iter().map(|effect| format!("{effect:?}")).collect();
    due.extend(run.pauses().iter().map(|pause| format!("{pause:?}")));
    due.extend(run.in_flight().iter().map(|command| format!("{command} is out")));
    due.sort();
    format!("{:?} {} {:?} {due:?}", run.verdict(), run.verdict_so_far(), run.open())
}

#[test]
fn runs_of_the_same_future_have_the_same_outlook() {
    for plan in [
        "@guard g\n@invariant i\na x2 ~ !\nb a ^ ?\nc b g idem x2",
        "a ro x2\nb a ! irr\nc b ^",
        "a ? !\nb ~ x2\nc a b ?+",
    ] {
        let mut outlooks: BTreeMap<u64, String> = BTreeMap::new();
        for faults in [
            "",
            "a.attempt.1.1 1",
            "a.attempt.1.1 lost, b.attempt.1.1 1",
            "b.attempt.1.1 1, b.release.1.1 1, a.rollback.1.1 1, a.rollback.1.2 1",
            "c.attempt.1.1 1, c.attempt.2.1 1, b.rollback.1.1 1",
            "b.verify.1.1 2, c.attempt.1.1 timeout",
            "a.attempt.1.1 1, a.cleanup.1.1 1, a.cleanup.1.2 1, a.cleanup.1.3 1",
            "@.guard-g.1.1 1",
            "@.invariant-i.1.1 2",
        ] {
            let played = play(plan, faults);
            let mut run = Run::new(Arc::clone(played.run.plan()));
            for event in &played.events {
                run.apply(event).expect("a legal history");
                let mut hasher = DefaultHasher::new();
                run.hash_future(&mut hasher);
                let known = outlooks.entry(hasher.finish()).or_insert_with(|| outlook(&run));
                assert_eq!(*known, outlook(&run), "{plan}, {faults}: two states are taken for one");
            }
        }
    }
}

#[test]
fn a_second_request_to_stop_ends_the_tries_of_rollbacks_only() {
    let mut run = Run::new(Arc::new(sketch("a ! ^\nb a idem")));
    run.apply(&Event::RunStarted { run: "r".to_owned(), plan: "digest".to_owned(), by: None, skips: BTreeMap::new() })
        .expect("a legal event");
    let mut due = Vec::new();
    let mut take = |event: &Event, due: &mut Vec<Effect>| {
        run.apply(event).expect("a legal event");
        *due = run.next();
        run.pauses()
    };
    take(&Event::EngineStarted { boot: "boot".to_owned(), engine: "test".to_owned() }, &mut due);
    let mut started = Vec::new();
    while let Some(effect) = due.first().cloned() {
        let Effect::Start(command) = effect else { panic!("{effect:?} is not due in this plan") };
        started.push(command.to_string());
        take(&Event::Started { command: command.clone() }, &mut due);
        let (exit, stops) = match started.last().map(String::as_str) {
            Some("b.attempt.1.1") => (Exit::Cancelled, 2),
            Some("a.release.1.1") => (Exit::Code(1), 0),
            _ => (Exit::Code(0), 0),
        };
        for _ in 0..stops {
            take(&Event::CancelRequested, &mut due);
        }
        for pause in take(&Event::Ended { command, exit, ms: 0 }, &mut due) {
            take(&Event::Elapsed { wait: pause.wait }, &mut due);
        }
    }
    assert_eq!(started, ["a.attempt.1.1", "b.attempt.1.1", "a.release.1.1", "a.release.1.2"]);
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
}

#[test]
fn probes_are_told_from_other_commands() {
    let run = Run::new(Arc::new(sketch("@guard g\n@invariant i\na ? g ~ !")));
    let is_probe = |name: &str| run.probe(&name.parse().expect(name)).is_some();
    assert!(["@.guard-g.1.1", "@.invariant-i.1.1", "a.guard-g.1.1", "a.verify.1.1"].into_iter().all(is_probe));
    assert!(!["a.attempt.1.1", "a.cleanup.1.1", "a.rollback.1.1"].into_iter().any(is_probe));
}

#[test]
fn outputs_are_those_of_the_judgement() {
    let mut run = Run::new(Arc::new(sketch("a out?\nb a")));
    let attempt: CommandId = "a.attempt.1.1".parse().expect("a name");
    let mut take = |event: Event| run.apply(&event).expect("a legal event");
    take(Event::RunStarted { run: "r".to_owned(), plan: "digest".to_owned(), by: None, skips: BTreeMap::new() });
    take(Event::EngineStarted { boot: "boot".to_owned(), engine: "test".to_owned() });
    take(Event::Started { command: attempt.clone() });
    take(Event::Ended { command: attempt.clone(), exit: Exit::Code(3), ms: 0 });
    assert_eq!(run.exit_of(&attempt), None, "an exit code that is not expected needs no judgement");

    let mut run = Run::new(Arc::new(sketch("a out?\nb a")));
    let mut take = |event: Event| run.apply(&event).map(|()| run.exit_of(&attempt)).expect("a legal event");
    take(Event::RunStarted { run: "r".to_owned(), plan: "digest".to_owned(), by: None, skips: BTreeMap::new() });
    take(Event::EngineStarted { boot: "boot".to_owned(), engine: "test".to_owned() });
    assert_eq!(take(Event::Started { command: attempt.clone() }), None);
    assert_eq!(take(Event::Ended { command: attempt.clone(), exit: Exit::Code(0), ms: 0 }), Some(0));
    let outputs = [("set".to_owned(), Value::Int(7))].into();
    take(Event::Judged { command: attempt.clone(), judgement: Judgement::Met { outputs } });
    assert_eq!(run.output(&"a".into(), "set"), Some(&Value::Int(7)));
    assert_eq!((run.output(&"a".into(), "other"), run.output(&"b".into(), "set")), (None, None));
    assert_eq!(run.outputs().count(), 1);
}

#[test]
fn a_run_owes_from_its_first_change_until_it_is_at_rest_with_nothing_open() {
    let owes = |plan: &str, faults: &str| -> Vec<bool> {
        let played = play(plan, faults);
        let mut run = Run::new(Arc::clone(played.run.plan()));
        let mut owes: Vec<bool> = Vec::new();
        for event in &played.events {
            run.apply(event).expect("a legal history");
            if owes.last() != Some(&run.owes()) {
                owes.push(run.owes());
            }
        }
        owes
    };
    assert_eq!(owes("a\nb a", ""), [false, true, false]);
    assert_eq!(owes("a !\nb a", "b.attempt.1.1 1"), [false, true, false]);
    assert_eq!(owes("a ^", "a.release.1.1 1, a.release.1.2 1, a.release.1.3 1"), [false, true]);
    assert_eq!(owes("@guard g", "@.guard-g.1.1 1"), [false, true, false], "a guard that is being asked may be running");
    let mut run = Run::new(Arc::new(sketch("a ro\nb a")));
    run.apply(&Event::RunStarted { run: "r".to_owned(), plan: "digest".to_owned(), by: None, skips: BTreeMap::new() })
        .expect("a legal event");
    run.apply(&Event::EngineStarted { boot: "b".to_owned(), engine: "e".to_owned() }).expect("a legal event");
    let attempt: CommandId = "a.attempt.1.1".parse().expect("a name");
    run.apply(&Event::Started { command: attempt.clone() }).expect("a legal event");
    assert!(run.owes());
    run.apply(&Event::Ended { command: attempt, exit: Exit::Code(0), ms: 0 }).expect("a legal event");
    assert!(!run.owes(), "what only reads is owed to nobody");
}

#[test]
fn a_milestone_lets_others_begin_while_its_step_runs() {
    let reached = "a.attempt.1.1 reaches m";
    check("a *m\nb a.m\nc a", reached, "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 = succeeded");
    let order = |plan, faults: &str| {
        let played = play(plan, faults);
        let at = |name: &str, is_start: bool| {
            let found = played.events.iter().position(|event| match event {
                Event::Started { command } => is_start && command.to_string() == name,
                Event::Ended { command, .. } => !is_start && command.to_string() == name,
                _ => false,
            });
            found.expect("it happened")
        };
        at("b.attempt.1.1", true) < at("a.attempt.1.1", false)
    };
    assert!(order("a *m\nb a.m", reached), "b begins on the signal");
    assert!(!order("a *m\nb a.m", ""), "without a signal b begins when a has settled");
    assert!(!order("a *m *n\nb a.m a.n", reached), "b waits for both");
}

#[test]
fn a_milestone_is_reached_when_its_step_is_skipped() {
    check("a *m off\nb a.m", "", "b.attempt.1.1 = succeeded");
}

#[test]
fn what_began_on_a_milestone_makes_a_failure_final() {
    let failed = "a.attempt.1.1 1, a.attempt.1.1 reaches m";
    check("a *m idem x2 !none\nb a.m ro", failed, "a.attempt.1.1 b.attempt.1.1 = rolled back");
    let waiting = "a *m idem x2\nz\nb a.m z";
    check(
        waiting,
        "z.attempt.1.1 0, a.attempt.1.1 1",
        "a.attempt.1.1 z.attempt.1.1 a.attempt.2.1 b.attempt.1.1 = succeeded",
    );
}

#[test]
fn a_guard_that_is_asked_on_a_milestone_makes_a_failure_final() {
    let failed = "a.attempt.1.1 1, a.attempt.1.1 reaches m";
    check("a *m idem x2 !none\nb a.m g", failed, "a.attempt.1.1 b.guard-g.1.1 = rolled back");
}

#[test]
fn an_attempt_that_failed_has_reached_nothing() {
    let faults = "a.attempt.1.1 1, a.attempt.1.1 reaches m, a.attempt.2.1 reaches m";
    let played = play("@max 1\na *m idem x2\nb a.m", faults);
    let reached = |event: &&Event| matches!(event, Event::Reached { .. });
    assert_eq!(played.events.iter().filter(reached).count(), 2, "each attempt for itself");
}

#[test]
fn a_skip_on_a_milestone_ends_a_hold_and_makes_a_failure_final() {
    let failed = "b.attempt.1.1 1, b.attempt.1.1 reaches m";
    check(
        "a ^c !none\nb a *m idem x2 !none\nc b.m off",
        failed,
        "a.attempt.1.1 b.attempt.1.1 a.release.1.1 = rolled back",
    );
}

#[test]
fn what_only_waits_for_room_has_not_begun() {
    let failed = "a.attempt.1.1 1, a.attempt.1.1 reaches m";
    let expected = "a.attempt.1.1 a.attempt.2.1 b.attempt.1.1 = succeeded";
    check("@max 1\na *m idem x2\nb a.m", failed, expected);
}

#[test]
fn what_began_on_a_milestone_is_taken_back_first() {
    let failed = "a.attempt.1.1 reaches m, c.attempt.1.1 1";
    let expected = "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 a.rollback.1.1 = failed";
    check("a *m !\nb a.m !\nc b", failed, expected);
    let owed = format!("{failed}, b.rollback.1.1 1, b.rollback.1.2 1, b.rollback.1.3 1");
    let expected = "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 b.rollback.1.1 b.rollback.1.2 b.rollback.1.3 = stuck";
    check("a *m !\nb a.m !\nc b", &owed, expected);
}

#[test]
fn a_hold_can_end_at_a_milestone() {
    let reached = "b.attempt.1.1 reaches m";
    let started = "a.attempt.1.1 b.attempt.1.1 a.release.1.1 c.attempt.1.1 = succeeded";
    check("a ^b.m\nb a *m\nc b", reached, started);
    check("a ^b.m\nb a *m\nc b", "", started);
    let failed = format!("{reached}, b.attempt.1.1 1");
    check("a ^b.m !none\nb a *m !none x2 idem", &failed, "a.attempt.1.1 b.attempt.1.1 a.release.1.1 = rolled back");
}

#[test]
fn signals_that_cannot_be_are_refused() {
    let plan = Arc::new(sketch("a *m\nb a.m"));
    let start = |run: &mut Run, event: &str| {
        let event: Event = serde_json::from_str(event).expect("an event");
        run.apply(&event)
    };
    let mut run = Run::new(plan);
    let reached = r#"{"reached":{"command":"a.attempt.1.1","milestone":"m"}}"#;
    start(&mut run, r#"{"run_started":{"run":"r","plan":""}}"#).expect("the start");
    assert!(start(&mut run, reached).is_err(), "it is not running");
    start(&mut run, r#"{"started":{"command":"a.attempt.1.1"}}"#).expect("its start");
    assert!(start(&mut run.clone(), r#"{"reached":{"command":"a.attempt.1.1","milestone":"n"}}"#).is_err());
    start(&mut run, reached).expect("the signal");
    assert!(start(&mut run.clone(), reached).is_err(), "it was reached before");
    start(&mut run, r#"{"engine_started":{"boot":"","engine":""}}"#).expect("another engine");
    assert!(start(&mut run, reached).is_err(), "nobody knows whether it runs");
}

#[test]
fn a_doubt_is_what_the_playbook_says_it_is() {
    check("a", "a.attempt.1.1 timeout", "a.attempt.1.1 = stuck");
    check("a fail !none", "a.attempt.1.1 timeout", "a.attempt.1.1 = rolled back");
    check("a fail", "a.attempt.1.1 lost", "a.attempt.1.1 = failed");
    check("a rerun x2", "a.attempt.1.1 timeout", "a.attempt.1.1 a.attempt.2.1 = succeeded");
    check("a rerun x2", "a.attempt.1.1 timeout, a.attempt.2.1 lost", "a.attempt.1.1 a.attempt.2.1 = failed");
    check("a rerun x2", "a.attempt.1.1 1", "a.attempt.1.1 = failed");
    check("a rerun x2 ?", "a.attempt.1.1 timeout", "a.attempt.1.1 a.verify.1.1 = succeeded");
}

#[test]
fn a_cancel_ends_only_what_may_be_ended() {
    let mut run = Run::new(Arc::new(sketch("a finish\nb\nc finish g")));
    let mut take = |event: &str| {
        run.apply(&serde_json::from_str(event).expect("an event")).expect("a legal event");
        run.next()
    };
    take(r#"{"run_started":{"run":"r","plan":""}}"#);
    for command in ["a.attempt.1.1", "b.attempt.1.1", "c.guard-g.1.1"] {
        take(&format!(r#"{{"started":{{"command":"{command}"}}}}"#));
    }
    let due = take("\"cancel_requested\"");
    let ended = ["b.attempt.1.1", "c.guard-g.1.1"].map(|id| Effect::Terminate(id.parse().expect("a command's name")));
    assert_eq!(due, ended);
    take(r#"{"ended":{"command":"a.attempt.1.1","exit":{"code":0},"ms":0}}"#);
}

/// Takes events and returns the run.
fn after(plan: &str, events: &[&str]) -> Run {
    let mut run = Run::new(Arc::new(sketch(plan)));
    let begin = [r#"{"run_started":{"run":"r","plan":""}}"#];
    for event in begin.iter().chain(events) {
        run.apply(&serde_json::from_str(event).expect("an event")).expect(event);
    }
    run
}

fn deadline_of(run: &Run) -> Option<u128> {
    let pauses = run.pauses().into_iter();
    pauses.filter(|pause| matches!(pause.wait, Wait::Deadline(_))).map(|pause| pause.length.as_millis()).next()
}

const OVER: &str = r#"{"elapsed":{"wait":{"deadline":"a"}}}"#;

#[test]
fn a_deadline_goes_on_from_what_is_in_the_journal() {
    let started = r#"{"started":{"command":"a.attempt.1.1"}}"#;
    let ended = r#"{"ended":{"command":"a.attempt.1.1","exit":{"code":1},"ms":7000}}"#;
    let again = r#"{"elapsed":{"wait":{"attempt":"a"}}}"#;
    let engine = r#"{"engine_started":{"boot":"","engine":""}}"#;
    let second = r#"{"started":{"command":"a.attempt.2.1"}}"#;
    let adopted = r#"{"adopted":{"command":"a.attempt.2.1","ms":9000}}"#;
    assert_eq!(deadline_of(&after("a due idem x3", &[])), Some(60_000));
    assert_eq!(deadline_of(&after("a due idem x3", &[started])), Some(60_000));
    assert_eq!(deadline_of(&after("a due idem x3", &[started, ended])), Some(53_000));
    assert_eq!(deadline_of(&after("a due idem x3", &[started, ended, again])), Some(52_000));
    let events = [started, ended, again, second, engine, adopted];
    assert_eq!(deadline_of(&after("a due idem x3", &events)), Some(43_000));
    assert_eq!(deadline_of(&after("a due ~ x3", &[started, ended])), None, "hooks are not on the clock");
}

#[test]
fn a_deadline_ends_what_runs_and_what_waits() {
    let started = r#"{"started":{"command":"a.attempt.1.1"}}"#;
    let run = after("a due idem x3 ~", &[started, OVER]);
    assert_eq!(run.next(), [Effect::Terminate("a.attempt.1.1".parse().expect("a name"))]);
    let cancelled = r#"{"ended":{"command":"a.attempt.1.1","exit":"cancelled","ms":1}}"#;
    let cleaned = [
        r#"{"started":{"command":"a.cleanup.1.1"}}"#,
        r#"{"ended":{"command":"a.cleanup.1.1","exit":{"code":0},"ms":1}}"#,
    ];
    let run = after("a due idem x3 ~", &[started, OVER, cancelled, cleaned[0], cleaned[1]]);
    assert_eq!(run.verdict(), Some(Verdict::RolledBack), "there is no second attempt");
    let failed = r#"{"ended":{"command":"a.attempt.1.1","exit":{"code":1},"ms":1}}"#;
    assert_eq!(after("a due idem x3 !none", &[started, failed, OVER]).verdict(), Some(Verdict::RolledBack));
    let guard = r#"{"started":{"command":"a.guard-g.1.1"}}"#;
    let held = r#"{"ended":{"command":"a.guard-g.1.1","exit":{"code":0},"ms":1}}"#;
    assert_eq!(after("a due g", &[guard, OVER, held]).verdict(), Some(Verdict::RolledBack));
    assert_eq!(after("a due", &[OVER]).verdict(), Some(Verdict::RolledBack));
}

#[test]
fn a_deadline_leaves_a_doubt() {
    let started = r#"{"started":{"command":"a.attempt.1.1"}}"#;
    let cancelled = r#"{"ended":{"command":"a.attempt.1.1","exit":"cancelled","ms":1}}"#;
    let run = after("a due finish", &[started, OVER, cancelled]);
    assert_eq!(run.summary(0).stage, &Stage::InDoubt(Doubt::TimedOut));
    let verified = [
        r#"{"started":{"command":"a.verify.1.1"}}"#,
        r#"{"ended":{"command":"a.verify.1.1","exit":{"code":0},"ms":1}}"#,
    ];
    let run = after("a due ?+", &[started, OVER, cancelled, verified[0], verified[1]]);
    assert_eq!(run.verdict(), Some(Verdict::Succeeded));
}

#[test]
fn a_step_that_is_left_out_counts_as_skipped() {
    let next = |plan: &str, step: &str| {
        let mut run = Run::new(Arc::new(sketch(plan)));
        let started = format!(r#"{{"run_started":{{"run":"r","plan":"","skips":{{"{step}":"done by hand"}}}}}}"#);
        run.apply(&serde_json::from_str(&started).expect("an event")).map(|()| run.next())
    };
    let begins_b = Ok(vec![Effect::Start("b.attempt.1.1".parse().expect("a name"))]);
    assert_eq!(next("a !\nb a", "a"), begins_b);
    assert_eq!(next("box {}\nbox/x\nb box", "box"), begins_b);
    assert_eq!(next("box {}\nbox/x\nb box", "box/x"), begins_b);
    assert!(next("a\nb a", "c").is_err());
}

const LOGGED_IN: [&str; 3] = [
    r#"{"started":{"command":"a.attempt.1.1"}}"#,
    r#"{"ended":{"command":"a.attempt.1.1","exit":{"code":0},"ms":1}}"#,
    r#"{"judged":{"command":"a.attempt.1.1","judgement":{"met":{"outputs":{}}}}}"#,
];
const LOST: &str = r#"{"secrets_lost":{"step":"a"}}"#;

/// Returns what is due after a step `a` has published a secret and these events have happened.
fn due_after(plan: &str, events: &[&str]) -> (String, Run) {
    let run = after(plan, &[&LOGGED_IN[..], events].concat());
    let due: Vec<String> = run.next().iter().map(|effect| format!("{effect:?}")).collect();
    let starts = run.next().into_iter().filter_map(|effect| match effect {
        Effect::Start(command) => Some(command.to_string()),
        _ => None,
    });
    let starts: Vec<String> = starts.collect();
    assert_eq!(starts.len(), due.len(), "{due:?}");
    (starts.join(" "), run)
}

#[test]
fn a_lost_secret_is_had_again_before_what_needs_it() {
    let (due, run) = due_after("a pub\nb a\nc a $a", &[LOST]);
    assert_eq!(due, "a.attempt.2.1", "whatever needs it waits, whether it names the secret or not");
    assert_eq!(run.secrets_needed().count(), 0);
    let again: Vec<String> = LOGGED_IN.iter().map(|event| event.replace("1.1", "2.1")).collect();
    let again: Vec<&str> = [LOST].into_iter().chain(again.iter().map(String::as_str)).collect();
    let (due, run) = due_after("a pub\nb a\nc a $a", &again);
    assert_eq!(due, "b.attempt.1.1 c.attempt.1.1");
    assert_eq!(run.secrets_needed().map(ToString::to_string).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_secret_that_nobody_needs_is_not_had_again() {
    let mut run = after("a pub\nb a", &LOGGED_IN);
    assert_eq!(run.secrets_needed().count(), 0);
    let lost: Event = serde_json::from_str(LOST).expect("an event");
    assert!(run.apply(&lost).is_err());
    let mut early = after("a pub\nb a $a", &[]);
    assert!(early.apply(&lost).is_err(), "it has not been published");
}

#[test]
fn a_secret_that_does_not_come_again_fails_its_step() {
    let events = [
        LOST,
        r#"{"started":{"command":"a.attempt.2.1"}}"#,
        r#"{"ended":{"command":"a.attempt.2.1","exit":{"code":1},"ms":1}}"#,
    ];
    let (due, run) = due_after("a pub\nb a $a", &events);
    assert_eq!((due.as_str(), run.verdict()), ("", Some(Verdict::RolledBack)));
}

#[test]
fn a_run_that_halts_does_not_have_it_again() {
    let failed = [
        r#"{"started":{"command":"b.attempt.1.1"}}"#,
        LOST,
        r#"{"ended":{"command":"b.attempt.1.1","exit":{"code":1},"ms":1}}"#,
    ];
    let (due, run) = due_after("a pub\nb a !none\nc b $a", &failed);
    assert_eq!((due.as_str(), run.verdict()), ("", Some(Verdict::RolledBack)));
    assert_eq!(run.summary(0).stage, &Stage::Settled(firedrill_run::Outcome::Succeeded));
}
