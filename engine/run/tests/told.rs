//! Runs that are told one thing after the other: what people say, what stops, what engines come back to.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use firedrill_model::value::Value;
use firedrill_run::{
    DebtKind, Doubt, Effect, Event, Outcome, Pause, Phase, Response, Ruling, Run, Stage, Verdict, Wait,
};
use firedrill_sim::{Script, sketch};

mod table;

use table::{check, trace};

/// Takes what a list of words says, each an event: `a.attempt.1.1>` begins, `a.attempt.1.1=7` ends with exit code 7, `=lost`,
/// `=cancelled`, `=timed_out` otherwise; `:5` after it says that it took 5 s. `-` has never begun, `^` is adopted; `+`, `%`, `#`
/// and `$` before a name are waits that are over, `?` and `!` answers, `&` settles and `*` decides.
fn told(plan: &str, words: &str) -> Run {
    let mut run = Run::new(Arc::new(sketch(plan)));
    take(&mut run, r#"{"run_started":{"run":"r","plan":"","by":"kim"}}"#);
    tell(&mut run, words);
    run
}

fn tell(run: &mut Run, words: &str) {
    words.split_whitespace().for_each(|word| take(run, &written(word)));
}

#[track_caller]
fn take(run: &mut Run, event: &str) {
    let read: Event = serde_json::from_str(event).unwrap_or_else(|error| panic!("{event}: {error}"));
    run.apply(&read).unwrap_or_else(|error| panic!("{error}"));
}

/// Returns whether a run would take an event.
fn takes(run: &Run, event: &str) -> bool {
    run.clone().apply(&serde_json::from_str(event).expect("an event")).is_ok()
}

fn written(word: &str) -> String {
    let of = |kind: &str, command: &str| format!(r#"{{"{kind}":{{"command":"{command}"}}}}"#);
    let elapsed = |wait: &str, of: &str| format!(r#"{{"elapsed":{{"wait":{{"{wait}":"{of}"}}}}}}"#);
    let decided = |answer: &str, of: &str| {
        let (question, step) = of.split_once(':').expect("QUESTION:STEP");
        format!(r#"{{"decided":{{"question":{{"{question}":"{step}"}},"answer":"{answer}"}}}}"#)
    };
    match word {
        "stop" => "\"cancel_requested\"".to_owned(),
        "engine" => r#"{"engine_started":{"boot":"","engine":""}}"#.to_owned(),
        "undo" => r#"{"rollback_requested":{"by":"ann","note":""}}"#.to_owned(),
        _ => match word.split_at(1) {
            ("+", wait) => elapsed("attempt", wait),
            ("%", wait) => elapsed("look", wait),
            ("#", wait) => elapsed("deadline", wait),
            ("$", wait) => elapsed("within", wait),
            ("?", question) => decided("yes", question),
            ("!", question) => decided("no", question),
            ("&", said) => settled(said),
            ("*", said) => ruled(said),
            _ if word.ends_with('>') => of("started", word.trim_end_matches('>')),
            _ if word.ends_with('-') => of("not_started", word.trim_end_matches('-')),
            _ if word.ends_with('^') => of("adopted", word.trim_end_matches('^')),
            _ => ended(word),
        },
    }
}

fn ended(word: &str) -> String {
    let (command, end) = word.split_once('=').expect("COMMAND=END");
    let (exit, seconds) = end.split_once(':').unwrap_or((end, "0"));
    let exit = exit.parse::<i32>().map_or_else(|_| format!("\"{exit}\""), |code| format!(r#"{{"code":{code}}}"#));
    let ms = seconds.parse::<u64>().expect("seconds") * 1_000;
    format!(r#"{{"ended":{{"command":"{command}","exit":{exit},"ms":{ms}}}}}"#)
}

/// `STEP=done` of a doubt, `STEP.rollback=not_done` of a debt.
fn settled(said: &str) -> String {
    let (what, done) = said.split_once('=').expect("WHAT=DONE");
    let (step, debt) = what.split_once('.').map_or((what, "null".to_owned()), |(it, debt)| (it, format!("\"{debt}\"")));
    format!(r#"{{"settled":{{"step":"{step}","debt":{debt},"done":"{done}","by":"ann","note":""}}}}"#)
}

fn ruled(said: &str) -> String {
    let (step, ruling) = said.split_once('=').expect("STEP=RULING");
    format!(r#"{{"ruled":{{"step":"{step}","ruling":"{ruling}","by":"ann","note":""}}}}"#)
}

fn starts(run: &Run) -> Vec<String> {
    let starts = run.next().into_iter().filter_map(|effect| match effect {
        Effect::Start(command) => Some(command.to_string()),
        _ => None,
    });
    starts.collect()
}

fn waits(run: &Run) -> Vec<(Wait, u64)> {
    run.pauses().into_iter().map(|Pause { wait, length }| (wait, length.as_secs())).collect()
}

/// Plays a run on, everything going well but these commands, and returns what was started since.
fn then(run: Run, faults: &str) -> String {
    trace(&Script::new().faults(faults).play_on(run, Vec::new()).expect("a legal history"))
}

#[test]
fn words_are_those_of_the_glossary() {
    let rulings = [Ruling::Retry, Ruling::Done, Ruling::Rollback, Ruling::Stop].map(Ruling::word);
    assert_eq!(rulings, ["retry", "done", "rollback", "stop"]);
    let responses = [Response::Done, Response::Failed, Response::Approved, Response::Declined].map(Response::words);
    assert_eq!(responses, ["done", "failed", "approved", "declined"]);
    assert_eq!(DebtKind::ALL.map(DebtKind::word), ["cleanup", "rollback", "release"]);
    let path: firedrill_run::CommandId = "box[a]/b.attempt.1.1".parse().expect("a name");
    assert_eq!(path.file_name(), "box[a]+b.attempt.1.1");
}

#[test]
fn once_something_has_failed_a_verify_is_looked_at_once_only() {
    let plan = "b !none\na ?+ !";
    let expected = "b.attempt.1.1 a.attempt.1.1 a.verify.1.1 a.rollback.1.1 = rolled back";
    check(plan, "b.attempt.1.1 1, a.verify.1.1 1", expected);
    let run = told("a due ?+ !", "a.attempt.1.1> #a a.attempt.1.1=cancelled a.verify.1.1> a.verify.1.1=1");
    assert_eq!(starts(&run), ["a.rollback.1.1"]);
}

#[test]
fn an_attempt_that_never_was_does_not_count() {
    let run = told("a x2\nb a", "a.attempt.1.1> a.attempt.1.1=lost engine &a=not_done engine");
    let expected = "a.attempt.2.1 a.attempt.3.1 b.attempt.1.1 = succeeded";
    assert_eq!(then(run, "a.attempt.2.1 missing"), expected);
    let run = told("a\nb", "a.attempt.1.1> b.attempt.1.1> a.attempt.1.1=lost &a=not_done");
    assert_eq!(starts(&run), ["a.attempt.2.1"], "while the run goes on");
    let run = told("a ! ^\nb a fail", "a.attempt.1.1> a.attempt.1.1=0 b.attempt.1.1> b.attempt.1.1=lost");
    assert_eq!(then(run, ""), "a.rollback.1.1 a.release.1.1 = failed");
}

#[test]
fn what_was_done_although_nobody_knew_counts_as_done() {
    let run = told("a ^\nb a", "a.attempt.1.1> a.attempt.1.1=lost &a=done engine");
    assert_eq!(then(run, ""), "b.attempt.1.1 a.release.1.1 = succeeded");
}

#[test]
fn a_retry_is_made_when_it_is_said_to_be_worth_it_and_the_run_goes_on() {
    let failed = "a.attempt.1.1> a.attempt.1.1=1";
    let plan = "a idem x2 retry?";
    assert_eq!(told(plan, &format!("{failed} !retry_when:a")).verdict(), Some(Verdict::Failed));
    assert_eq!(waits(&told(plan, &format!("{failed} ?retry_when:a"))), [(Wait::Attempt("a".into()), 1)]);
}

#[test]
fn a_deadline_that_is_over_has_begun_nothing() {
    let run = told("a due", "#a");
    assert_eq!((run.summary(0).attempts, run.verdict()), (0, Some(Verdict::RolledBack)));
    assert!(!takes(&told("a", ""), &written("#a")), "it has no deadline");
    assert!(!takes(&told("a due", "a.attempt.1.1> engine"), &written("#a")), "its clock does not run");
    let run = told("a due !none", "a.attempt.1.1> #a engine a.attempt.1.1-");
    assert_eq!(run.verdict(), Some(Verdict::RolledBack), "what never began does not begin");
    let run = told("a due ro+ !none", "a.attempt.1.1> a.attempt.1.1=lost #a");
    assert_eq!(run.verdict(), Some(Verdict::RolledBack));
}

#[test]
fn the_waits_of_a_poll_are_on_the_clock_and_those_of_hooks_are_not() {
    let left = |run: &Run, step: &str| {
        let mut waits = waits(run).into_iter();
        waits.find_map(|(wait, length)| (wait == Wait::Deadline(step.into())).then_some(length))
    };
    let run = told("a due ro+", "a.attempt.1.1> a.attempt.1.1=1:2 %a.attempt.1.2");
    assert_eq!(left(&run, "a"), Some(53), "2 s and 5 s");
    let failed = "box/x.attempt.1.1> box/y.attempt.1.1> box/x.attempt.1.1=1:10 box/x.cleanup.1.1>";
    let run = told("box {} due\nbox/x ~ idem x2\nbox/y", &format!("{failed} box/x.cleanup.1.1=0:30"));
    assert_eq!(left(&run, "box"), Some(50));
    let run = told("box {} due\nbox/x ! ^box/y\nbox/y box/x", "box/x.attempt.1.1> box/x.attempt.1.1=0:10");
    assert_eq!(left(&run, "box"), Some(50));
}

#[test]
fn polls_wait_as_long_as_they_say() {
    let run = told("a ?++", "a.attempt.1.1> a.attempt.1.1=0");
    let verify = |number| Wait::Look(format!("a.verify.1.{number}").parse().expect("a name"));
    let within = || Wait::Within("a.verify.1.1".parse().expect("a name"));
    assert_eq!(waits(&run), [(verify(1), 2), (within(), 20)]);
    let run = told("a ?++", "a.attempt.1.1> a.attempt.1.1=0 %a.verify.1.1 a.verify.1.1> a.verify.1.1=1");
    assert_eq!(waits(&run), [(verify(2), 5), (within(), 20)]);
    let name = |text: &str| text.parse().expect("a name");
    assert!(run.looks_on(&name("a.verify.1.1")) && !run.looks_on(&name("a.verify.1.2")));
    assert!(run.is_under_way(&name("a.verify.1.1")) && !run.is_under_way(&name("a.attempt.1.1")));
}

#[test]
fn a_poll_waits_while_somebody_must_say_something() {
    let run = told("a ro+\nb\nc ?+", "a.attempt.1.1> b.attempt.1.1> c.attempt.1.1> a.attempt.1.1=1");
    assert_eq!(waits(&run).len(), 2);
    let mut run = run;
    tell(&mut run, "b.attempt.1.1=lost");
    assert_eq!(waits(&run), [], "the attempt makes no new looks");
    tell(&mut run, "c.attempt.1.1=0 c.verify.1.1> c.verify.1.1=1");
    assert_eq!(waits(&run).len(), 2, "what has been done is still verified");
}

#[test]
fn the_guards_poll_again_when_they_are_asked_again() {
    let begun = "@.guard-g.1.1> @.guard-g.1.1=0 a.attempt.1.1> a.attempt.1.1=0";
    let run = told("@guard g+\na ro\nb a", &format!("{begun} @.guard-g.2.1> @.guard-g.2.1=1"));
    assert_eq!(waits(&run).len(), 2);
    assert!(takes(&run, &written("%@.guard-g.2.2")));
    assert!(!takes(&run, &written("%@.guard-g.1.2")));
    let run = told("@guard g+\n@invariant i+\na", "@.guard-g.1.1> @.guard-g.1.1=1 stop");
    assert_eq!(run.verdict(), Some(Verdict::Cancelled));
}

#[test]
fn the_worst_that_the_guards_say_counts() {
    for (plan, faults, verdict) in [
        ("@guard g skip\n@guard h\na", "@.guard-g.1.1 1, @.guard-h.1.1 1", Verdict::Refused),
        ("@guard g\n@guard h skip\na", "@.guard-g.1.1 1, @.guard-h.1.1 1", Verdict::Refused),
        ("@guard g\n@guard h skip\na", "@.guard-h.1.1 1", Verdict::Skipped),
    ] {
        let run = Script::new().faults(faults).play(Arc::new(sketch(plan))).expect("a legal history").run;
        assert_eq!(
            (run.verdict(), run.verdict().map(|it| it.to_string())),
            (Some(verdict), Some(verdict.words().into()))
        );
    }
}

#[test]
fn each_change_that_may_go_on_without_another_is_asked_for() {
    let guard = "@.guard-g.1.1 a.attempt.1.1 @.guard-g.2.1";
    let plan = "@guard g\na ro\nb a on:continue\nc a !none";
    check(plan, "@.guard-g.2.1 1", &format!("{guard} @.guard-g.3.1 c.attempt.1.1 = succeeded"));
    check(plan, "@.guard-g.2.1 1, @.guard-g.3.1 1", &format!("{guard} @.guard-g.3.1 = rolled back"));
}

const ROLLING_BACK: &str = "a.attempt.1.1> a.attempt.1.1=0 b.attempt.1.1> b.attempt.1.1=1 a.rollback.1.1> stop stop";

#[test]
fn no_rollback_is_tried_again_after_a_second_request_to_stop() {
    let plan = "a !\nb a !none";
    assert_eq!(told(plan, &format!("{ROLLING_BACK} a.rollback.1.1=1")).verdict(), Some(Verdict::Stuck));
    assert_eq!(told(plan, &format!("{ROLLING_BACK} engine a.rollback.1.1=lost")).verdict(), Some(Verdict::Stuck));
    let run = told(plan, &format!("{ROLLING_BACK} engine a.rollback.1.1-"));
    assert_eq!(run.verdict(), Some(Verdict::Stuck), "what never began does not begin");
    let run = told(plan, &format!("{ROLLING_BACK} a.rollback.1.1=1 engine"));
    assert_eq!(then(run, ""), "a.rollback.1.2 = cancelled", "a new engine tries again");
    let run = told(plan, &format!("{} engine", ROLLING_BACK.replace(" a.rollback.1.1>", "")));
    assert_eq!(then(run, ""), "a.rollback.1.1 = cancelled", "what was called off never began");
}

/// The words of the steps that a cancel ended count, and that of the playbook if it ended none.
#[test]
fn a_cancel_undoes_what_the_steps_that_it_ended_say() {
    let until_stop = "a.attempt.1.1> a.attempt.1.1=0 b.attempt.1.1> stop b.attempt.1.1=";
    let undone = |plan: &str, end: &str| then(told(plan, &format!("{until_stop}{end}")), "");
    assert_eq!(undone("a !\nb a ro", "cancelled"), "a.rollback.1.1 = cancelled");
    assert_eq!(undone("a !\nb a ro on:stop", "cancelled"), "= cancelled", "it would be kept if b failed");
    assert_eq!(undone("a !\nb a ro on:stop", "0"), "a.rollback.1.1 = cancelled", "b was faster than the cancel");
    assert_eq!(undone("@stop\na !\nb a ro on:rollback", "cancelled"), "a.rollback.1.1 = cancelled");
}

#[test]
fn a_cleanup_that_fails_again_leaves_the_rollback_owed() {
    let never = |role: &str, tries: std::ops::RangeInclusive<u32>| {
        tries.map(|at| format!("a.{role}.1.{at} 1")).collect::<Vec<_>>().join(", ")
    };
    let both = format!("a.attempt.1.1 1, {}, {}", never("cleanup", 1..=3), never("rollback", 1..=3));
    let stuck = Script::new().faults(&both).play(Arc::new(sketch("a ~ !"))).expect("a legal history");
    let mut run = stuck.run;
    take(&mut run, r#"{"engine_started":{"boot":"","engine":""}}"#);
    let then = then(run, &never("cleanup", 4..=9));
    assert!(then.contains("a.rollback"), "{then}");
    assert!(then.ends_with("= stuck"), "the cleanup is owed: {then}");
}

#[test]
fn a_cleanup_that_somebody_made_good_leaves_nothing_to_roll_back() {
    let no = |command| {
        format!(r#"{{"answered":{{"command":"{command}","response":"failed","by":"ann","note":"","shown":""}}}}"#)
    };
    let mut run = told("a ~man !man", "a.attempt.1.1> a.attempt.1.1=1 a.cleanup.1.1>");
    take(&mut run, &no("a.cleanup.1.1"));
    tell(&mut run, "a.rollback.1.1>");
    let mut rolled_back = run.clone();
    tell(&mut rolled_back, "&a.cleanup=done");
    assert_eq!(rolled_back.waiting_for().len(), 1, "what runs is left to end");
    take(&mut run, &no("a.rollback.1.1"));
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
    tell(&mut run, "&a.cleanup=done engine");
    assert_eq!(run.verdict(), Some(Verdict::RolledBack));
}

#[test]
fn a_group_is_done_when_somebody_says_so() {
    let run = told("@ask\nbox {} g\nbox/x\nbox/y box/x\nb box", "box.guard-g.1.1> box.guard-g.1.1=1 *box=done engine");
    assert_eq!(then(run, ""), "b.attempt.1.1 = succeeded");
}

#[test]
fn a_group_that_has_begun_is_not_tried_again_as_a_whole() {
    let run = told(
        "@ask\nbox {tol1}\nbox/x on:stop\nbox/y on:stop\nbox/z on:stop",
        "box/x.attempt.1.1> box/y.attempt.1.1> box/z.attempt.1.1> box/x.attempt.1.1=1 box/y.attempt.1.1=1",
    );
    assert!(!takes(&run, &ruled("box=retry")));
    let run = told("@ask\nbox {} g\nbox/x", "box.guard-g.1.1> box.guard-g.1.1=1");
    assert!(takes(&run, &ruled("box=retry")));
}

#[test]
fn a_repetition_gives_back_what_its_instances_took_at_the_end_of_the_group_around_it() {
    let plan = "box {}\nbox/in {tol1}\nbox/in/s ^\nb box";
    check(plan, "", "box/in/s.attempt.1.1 box/in/s.release.1.1 b.attempt.1.1 = succeeded");
}

#[test]
fn a_group_is_skipped_only_if_all_of_it_was() {
    let stage = |plan: &str| {
        let run = Script::new().play(Arc::new(sketch(plan))).expect("a legal history").run;
        *run.summary(0).stage
    };
    assert_eq!(stage("box {}\nbox/x off\nbox/y off"), Stage::Settled(Outcome::Skipped));
    assert_eq!(stage("box {}\nbox/x off\nbox/y"), Stage::Settled(Outcome::Succeeded));
    assert_eq!(stage("box {}"), Stage::Settled(Outcome::Succeeded), "nothing was to be done, and that is done");
}

#[test]
fn what_is_undone_is_halted_first() {
    let run = told("a\nb on:ask", "b.attempt.1.1> b.attempt.1.1=1 *b=retry undo engine");
    assert_eq!(then(run, ""), "= failed");
    assert!(!takes(&told("a !", "a.attempt.1.1>"), &written("undo")), "nothing was done");
    let run = told("a !\nb", "a.attempt.1.1> b.attempt.1.1> a.attempt.1.1=0 b.attempt.1.1=lost");
    assert!(!takes(&run, &written("undo")), "a doubt comes first");
}

#[test]
fn the_items_of_a_repetition_are_asked_for_once() {
    let items = r#"{"decided":{"question":{"items":"box"},"answer":{"items":[{"key":"1","value":1}]}}}"#;
    let mut run = told("a ^box\nbox {each}\nb box", "a.attempt.1.1> a.attempt.1.1=0");
    take(&mut run, items);
    assert!(!takes(&run, items));
    assert_eq!(then(run, ""), "box[1].attempt.1.1 a.release.1.1 b.attempt.1.1 = succeeded");
    let run = told("a !\nbox a {each}", "a.attempt.1.1> a.attempt.1.1=0 !items:box");
    assert_eq!(then(run, ""), "a.rollback.1.1 = rolled back", "that is no list");
}

/// The judgement of what a guard has printed.
fn seen(guard: &str, value: i64) -> String {
    format!(r#"{{"judged":{{"command":"{guard}","judgement":{{"met":{{"outputs":{{"v":{value}}}}}}}}}}}"#)
}

#[test]
fn what_the_guards_of_the_playbook_saw_first_counts() {
    let mut plan = sketch("@guard g\na ro\nb a g");
    plan.guards[0].probe.command.expect.stdout = Some("v".into());
    plan.steps[1].guards[0].probe.command.expect.stdout = Some("v".into());
    let mut run = Run::new(Arc::new(plan));
    take(&mut run, r#"{"run_started":{"run":"r","plan":""}}"#);
    tell(&mut run, "@.guard-g.1.1> @.guard-g.1.1=0");
    take(&mut run, &seen("@.guard-g.1.1", 1));
    tell(&mut run, "a.attempt.1.1> a.attempt.1.1=0 b.guard-g.1.1> b.guard-g.1.1=0");
    take(&mut run, &seen("b.guard-g.1.1", 7));
    tell(&mut run, "@.guard-g.2.1> @.guard-g.2.1=0");
    take(&mut run, &seen("@.guard-g.2.1", 2));
    assert_eq!(run.seen(None, "g", "v"), Some(&Value::Int(1)));
    assert_eq!(run.seen(Some(&"b".into()), "g", "v"), Some(&Value::Int(7)));
    assert_eq!(run.seen(Some(&"a".into()), "g", "v"), None);
    assert_eq!(run.outputs().count(), 0, "what guards see are no outputs");
    assert_eq!(starts(&run), ["b.attempt.1.1"]);
}

#[test]
fn guards_and_looks_are_asked_one_after_the_other() {
    let mut plan = sketch("a g g look look");
    let step = &mut plan.steps[0];
    (step.guards[1].id, step.looks[1].name) = ("h".into(), "also".into());
    let mut run = Run::new(Arc::new(plan));
    take(&mut run, r#"{"run_started":{"run":"r","plan":""}}"#);
    assert!(!takes(&run, &written("a.guard-h.1.1>")));
    tell(&mut run, "a.guard-g.1.1> a.guard-g.1.1=0");
    assert_eq!(starts(&run), ["a.guard-h.1.1"]);
    assert!(!takes(&run, &written("a.guard-g.1.1>")));
    tell(&mut run, "a.guard-h.1.1> a.guard-h.1.1=0 a.attempt.1.1> a.attempt.1.1=0");
    assert_eq!(starts(&run), ["a.look-seen.1.1"]);
    assert!(!takes(&run, &written("a.look-also.1.1>")));
    let probe = |name: &str| run.probe(&name.parse().expect("a name")).is_some();
    assert!(probe("a.guard-h.1.1") && !probe("a.guard-i.1.1") && !probe("b.guard-h.1.1") && !probe("a.look-seen.1.1"));
}

#[test]
fn what_cannot_be_is_said_with_the_event() {
    let mut run = told("a", "");
    let event: Event = serde_json::from_str(&written("a.attempt.1.1=0")).expect("an event");
    let error = run.apply(&event).expect_err("it has not begun").to_string();
    assert!(error.starts_with(r#"{"ended":{"command":"a.attempt.1.1""#) && error.contains("is not running"), "{error}");
}

#[test]
fn room_is_given_to_what_completed_last_when_it_is_taken_back() {
    let begun = "a.attempt.1.1> b.attempt.1.1> c.attempt.1.1> b.attempt.1.1=0 c.attempt.1.1=0 a.attempt.1.1=0";
    let mut plan = sketch("a !\nb !\nc !\nd a b c");
    plan.max_parallel = std::num::NonZeroU32::MIN.saturating_add(2);
    let mut run = Run::new(Arc::new(plan));
    take(&mut run, r#"{"run_started":{"run":"r","plan":""}}"#);
    tell(&mut run, &format!("{begun} d.attempt.1.1> d.attempt.1.1=1"));
    assert_eq!(starts(&run), ["a.rollback.1.1", "c.rollback.1.1", "b.rollback.1.1"]);
}

#[test]
fn hooks_wait_before_they_are_tried_again() {
    let run = told("a ^", "a.attempt.1.1> a.attempt.1.1=0 a.release.1.1> a.release.1.1=1");
    assert_eq!(waits(&run), [(Wait::Hook("a".into(), DebtKind::Release), 1)]);
}

#[test]
fn what_is_not_over_yet_cannot_be_settled() {
    let run = told("a ^\nb a", "a.attempt.1.1> a.attempt.1.1=0");
    assert!(!takes(&run, &written("&a=done")), "it is not in doubt");
    assert!(!takes(&run, &written("&a.rollback=done")), "it owes no rollback");
    assert!(takes(&run, &written("&a.release=done")));
    assert!(!takes(&told("a ^", "a.attempt.1.1>"), &written("&a.release=done")), "it runs");
}

#[test]
fn a_group_is_not_over_before_what_was_taken_inside_is_given_back() {
    let run = told("box {}\nbox/lock ^\nb box", "box/lock.attempt.1.1> box/lock.attempt.1.1=0");
    assert_eq!(starts(&run), ["box/lock.release.1.1"]);
    assert_eq!(run.summary(0).stage, &Stage::Inside);
}

#[test]
fn what_the_guards_said_is_forgotten_once_a_change_may_begin() {
    let future = |answer: &str| {
        let asked = "@.guard-g.1.1> @.guard-g.1.1=0 a.attempt.1.1> a.attempt.1.1=0 @.guard-g.2.1>";
        let mut hasher = DefaultHasher::new();
        told("@guard g skip\na ro\nb a", &format!("{asked} @.guard-g.2.1={answer}")).hash_future(&mut hasher);
        hasher.finish()
    };
    assert_eq!(future("0"), future("1"), "nothing follows from it");
}

#[test]
fn a_run_says_whether_it_undoes_what_was_done() {
    let undoes = |plan: &str| {
        let played = Script::new().faults("b.attempt.1.1 1").play(Arc::new(sketch(plan))).expect("a legal history");
        played.run.undoes_what_was_done()
    };
    assert!(undoes("a !\nb a"));
    assert!(!undoes("@stop\na !\nb a"));
    assert!(!undoes("a !\nb a on:stop"));
}

#[test]
fn no_look_of_a_guard_is_waited_for_once_nothing_begins_any_more() {
    let plan = Arc::new(sketch("@guard g+\na ro\nb a"));
    let is_asked_again =
        |event: &Event| matches!(event, Event::Started { command } if command.to_string() == "@.guard-g.2.1");
    let played = Script::new().faults("@.guard-g.2.1 1").play(Arc::clone(&plan)).expect("a legal history");
    let at = played.events.iter().position(is_asked_again).expect("the guards are asked before the change");
    let mut run = Run::replay(plan, &played.events[..=at + 1]).expect("a prefix");
    assert!(!run.pauses().is_empty(), "its next look is waited for");
    run.apply(&Event::CancelRequested).expect("it is taken at any time");
    assert!(run.pauses().is_empty(), "{:?}", run.pauses());
}

const REACHED: &str = r#"{"reached":{"command":"a.attempt.1.1","milestone":"m"}}"#;

#[test]
fn an_attempt_in_doubt_has_reached_nothing() {
    let mut run = told("@max 1\na *m ?\nb a.m", "a.attempt.1.1>");
    take(&mut run, REACHED);
    assert!(run.has_reached(0, 0));
    tell(&mut run, "a.attempt.1.1=lost");
    assert!(!run.has_reached(0, 0));
}

#[test]
fn a_step_whose_guards_were_asked_on_a_milestone_has_begun() {
    let mut run = told("a *m idem x2 !none\nb a.m g", "a.attempt.1.1>");
    take(&mut run, REACHED);
    tell(&mut run, "b.guard-g.1.1> b.guard-g.1.1=0 a.attempt.1.1=1");
    assert_eq!(then(run, ""), "= rolled back");
}

#[test]
fn a_doubt_says_whether_somebody_or_a_deadline_ended_the_attempt() {
    let doubt = |plan, words: &str| *told(plan, words).summary(0).stage;
    assert_eq!(doubt("a", "a.attempt.1.1> stop a.attempt.1.1=cancelled"), Stage::InDoubt(Doubt::Cancelled));
    assert_eq!(doubt("a due", "a.attempt.1.1> #a a.attempt.1.1=cancelled"), Stage::InDoubt(Doubt::TimedOut));
}

#[test]
fn a_group_keeps_no_lock_of_a_cancelled_run_that_only_owes_outside_of_it() {
    let mut run = told("box {} &x\nbox/a !\nbox/b box/a\nc ^", "");
    take(&mut run, r#"{"locked":{"step":"box"}}"#);
    tell(&mut run, "c.attempt.1.1> c.attempt.1.1=0 box/a.attempt.1.1> box/a.attempt.1.1=0");
    assert!(run.locks().contains("x"));
    tell(&mut run, "stop");
    tell(&mut run, "box/a.rollback.1.1> box/a.rollback.1.1=0");
    for r#try in 1..=3 {
        tell(&mut run, &format!("c.release.1.{try}> c.release.1.{try}=1"));
        run.pauses().into_iter().for_each(|pause| run.apply(&Event::Elapsed { wait: pause.wait }).expect("a wait"));
    }
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
    assert!(run.locks().is_empty(), "{:?}", run.locks());
}

#[test]
fn a_run_with_a_doubt_goes_on_taking_back_what_it_can() {
    let words = "a.attempt.1.1> b.attempt.1.1> a.attempt.1.1=0 c.attempt.1.1> c.attempt.1.1=1 b.attempt.1.1=timed_out";
    let mut run = told("a !\nb\nc a", words);
    tell(&mut run, "a.rollback.1.1>");
    assert_eq!(run.phase(), Phase::Unwinding, "its rollback is under way");
    tell(&mut run, "a.rollback.1.1=0");
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
}

#[test]
fn a_scope_that_was_being_taken_back_when_the_run_got_stuck_goes_on_with_it() {
    let words = "box/x.attempt.1.1> box/z.attempt.1.1> box/x.attempt.1.1=0 box/y.attempt.1.1> box/y.attempt.1.1=1 \
                 box/z.attempt.1.1=timed_out box/x.rollback.1.1> box/x.rollback.1.1=0";
    let run = told("box {} on:continue\nbox/x !\nbox/y box/x\nbox/z ^\nb box", words);
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
    let mut done = run.clone();
    tell(&mut done, "&box/z=done engine");
    assert_eq!(then(done, ""), "box/z.release.1.1 b.attempt.1.1 = succeeded");
}

#[test]
fn a_failure_that_was_taken_back_says_nothing_of_the_rest() {
    let run =
        told("@stop\na ! on:continue\nb a !\nc b", "a.attempt.1.1> a.attempt.1.1=1 a.rollback.1.1> a.rollback.1.1=0");
    assert!(!run.undoes_what_was_done());
    assert_eq!(then(run, "c.attempt.1.1 1"), "b.attempt.1.1 c.attempt.1.1 = failed");
}

#[test]
fn only_attempts_are_treated_otherwise_when_something_comes_between() {
    let run = told("a ! kill\nb finish", "");
    let of = |command: &str| run.conduct(&command.parse().expect("a name"));
    assert_eq!(of("a.attempt.1.1"), Some(run.plan().steps[0].conduct));
    assert_eq!(of("b.attempt.1.1"), Some(run.plan().steps[1].conduct));
    assert_ne!(of("a.attempt.1.1"), of("b.attempt.1.1"));
    assert_eq!(of("a.rollback.1.1"), None);
}

#[test]
fn what_is_tried_once_more_is_not_skipped() {
    let run = told("a when? on:ask\nb a", "?when:a a.attempt.1.1> a.attempt.1.1=1");
    assert_eq!(run.verdict(), Some(Verdict::Stuck));
    let mut again = run.clone();
    tell(&mut again, "*a=retry engine");
    assert_eq!(starts(&again), ["a.attempt.2.1"]);
    let mut never = told("a when? g on:ask\nb a", "?when:a a.guard-g.1.1> a.guard-g.1.1=1");
    tell(&mut never, "*a=retry engine");
    assert_eq!(starts(&never), [""; 0], "nothing was begun, so it is decided anew");
}
