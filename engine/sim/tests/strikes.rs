//! What the sandbox level strikes, that every strike has something to strike, and what mutants lack.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::{FaultKind, SweptKind};
use firedrill_run::injection::{Injection, Moment};
use firedrill_run::{Answer, CommandId, Effect, Event, Exit, Rendered, Rendering, Run, Verdict};
use firedrill_sim::{Aim, Strike, mutants, pairs, sketch, strikes};

const PLAN: &str =
    "@guard ready\n@invariant open\n@finally notify\nlock ^backup idem\nbackup lock x2 ~ out?\nswitch backup ! ?";

/// Plays a plan under injected faults to its rest; what is not struck succeeds.
fn played(plan: &Plan, faults: &[Injection]) -> (Vec<Event>, Run) {
    let mut events = vec![
        Event::RunStarted { run: "played".into(), plan: String::new(), by: None, skips: BTreeMap::new() },
        Event::EngineStarted { boot: String::new(), engine: String::new() },
    ];
    let mut run = Run::replay(Arc::new(plan.clone()), &events).expect("a beginning");
    let mut starts = BTreeMap::new();
    while let Some(event) = next(&run, faults, &starts) {
        if let Event::Started { command } = &event {
            *starts.entry((command.subject.clone(), command.role.clone())).or_insert(0) += 1;
        }
        run.apply(&event).expect("an event that the machine asked for");
        events.push(event);
    }
    (events, run)
}

type Counts = BTreeMap<(firedrill_run::Subject, firedrill_run::Role), u32>;

fn next(run: &Run, faults: &[Injection], starts: &Counts) -> Option<Event> {
    if let Some(effect) = run.next().into_iter().next() {
        return Some(match effect {
            Effect::Decide(question) => Event::Decided { question, answer: Answer::Yes },
            Effect::Render(command) => {
                let text = Rendered { argv: Vec::new(), env: BTreeMap::new(), dir: None, stdin: None };
                Event::Rendered { command, outcome: Rendering::Text(text) }
            }
            Effect::Judge(command) => Event::Judged { command, judgement: Judgement::Met { outputs: BTreeMap::new() } },
            Effect::Start(command) => Event::Started { command },
            other => panic!("{other:?} in a run without crashes"),
        });
    }
    if let Some(command) = run.in_flight().into_iter().next() {
        let exit = end(&command, faults, starts);
        return Some(Event::Ended { command, exit, ms: 0 });
    }
    run.pauses().into_iter().next().map(|pause| Event::Elapsed { wait: pause.wait })
}

fn end(command: &CommandId, faults: &[Injection], starts: &Counts) -> Exit {
    let count = starts[&(command.subject.clone(), command.role.clone())];
    let fault = faults.iter().find(|fault| matches!(&fault.at, Moment::Start(at) if at.strike(command, count)));
    match fault.map(|fault| &fault.kind) {
        None => Exit::Code(0),
        Some(FaultKind::Exit(code) | FaultKind::LateFailure(code)) => Exit::Code(*code),
        Some(FaultKind::NotStarted) => Exit::NotSpawned(String::new()),
        Some(other) => panic!("no provocation is {other:?}"),
    }
}

fn told(strikes: &[Strike]) -> String {
    strikes.iter().map(|strike| strike.what.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn strikes_come_in_the_order_of_the_plan() {
    insta::assert_snapshot!(told(&strikes(&sketch(PLAN), &[SweptKind::Exit, SweptKind::DoesNotHold, SweptKind::Crash])), @"
    the guard `ready` (line 1) does not hold
    the engine crashes just before it starts the guard `ready` (line 1)
    the engine crashes after noting the start of the guard `ready` (line 1), before starting it
    the engine crashes during the guard `ready` (line 1)
    the attempt of `lock` (line 4) does nothing and exits with 1
    the engine crashes just before it starts the attempt of `lock` (line 4)
    the engine crashes after noting the start of the attempt of `lock` (line 4), before starting it
    the engine crashes during the attempt of `lock` (line 4)
    the release of `lock` (line 4) does nothing and exits with 1
    the release of `lock` (line 4) does nothing and exits with 1 every time
    the engine crashes just before it starts the release of `lock` (line 4)
    the engine crashes after noting the start of the release of `lock` (line 4), before starting it
    the engine crashes during the release of `lock` (line 4)
    the attempt of `backup` (line 5) does nothing and exits with 1
    the attempt of `backup` (line 5) does nothing and exits with 1 every time
    the engine crashes just before it starts the attempt of `backup` (line 5)
    the engine crashes after noting the start of the attempt of `backup` (line 5), before starting it
    the engine crashes during the attempt of `backup` (line 5)
    the cleanup of `backup` (line 5) does nothing and exits with 1, after the attempt of `backup` (line 5) had done its work and failed
    the cleanup of `backup` (line 5) does nothing and exits with 1 every time, after the attempt of `backup` (line 5) had done its work and failed
    the engine crashes just before it starts the cleanup of `backup` (line 5), after the attempt of `backup` (line 5) had done its work and failed
    the engine crashes after noting the start of the cleanup of `backup` (line 5), before starting it, after the attempt of `backup` (line 5) had done its work and failed
    the engine crashes during the cleanup of `backup` (line 5), after the attempt of `backup` (line 5) had done its work and failed
    the attempt of `switch` (line 6) does nothing and exits with 1
    the engine crashes just before it starts the attempt of `switch` (line 6)
    the engine crashes after noting the start of the attempt of `switch` (line 6), before starting it
    the engine crashes during the attempt of `switch` (line 6)
    the verify of `switch` (line 6) does not hold
    the engine crashes just before it starts the verify of `switch` (line 6)
    the engine crashes after noting the start of the verify of `switch` (line 6), before starting it
    the engine crashes during the verify of `switch` (line 6)
    the rollback of `switch` (line 6) does nothing and exits with 1, after the attempt of `switch` (line 6) had done its work and failed
    the rollback of `switch` (line 6) does nothing and exits with 1 every time, after the attempt of `switch` (line 6) had done its work and failed
    the engine crashes just before it starts the rollback of `switch` (line 6), after the attempt of `switch` (line 6) had done its work and failed
    the engine crashes after noting the start of the rollback of `switch` (line 6), before starting it, after the attempt of `switch` (line 6) had done its work and failed
    the engine crashes during the rollback of `switch` (line 6), after the attempt of `switch` (line 6) had done its work and failed
    the invariant `open` (line 2) does not hold
    the engine crashes just before it starts the invariant `open` (line 2)
    the engine crashes after noting the start of the invariant `open` (line 2), before starting it
    the engine crashes during the invariant `open` (line 2)
    `notify` at the very end does nothing and exits with 1
    the engine crashes just before it starts `notify` at the very end
    the engine crashes after noting the start of `notify` at the very end, before starting it
    the engine crashes during `notify` at the very end
    ");
}

#[test]
fn every_kind_strikes_where_it_can() {
    let mut plan = sketch("a ! ~ x2\nb a ro");
    plan.steps[0].command_mut().expect("a command").time_limit = Some(std::time::Duration::from_mins(1));
    let kinds: Vec<SweptKind> = SweptKind::ALL.into_iter().filter(|kind| *kind != SweptKind::Crash).collect();
    let all = strikes(&plan, &kinds);
    let written: Vec<String> =
        all.iter().map(|strike| strike.injections().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect();
    insta::assert_snapshot!(written.join("\n"), @"
    a.attempt:exit=1
    a.attempt:exit=1#1x*
    a.attempt:timeout
    a.attempt:late_failure=1
    a.attempt:late_failure=1#1x*
    a.attempt:killed
    a.attempt:not_started
    a.attempt:lost_supervisor
    a.attempt:cancel
    a.attempt:late_failure=1 a.cleanup:exit=1
    a.attempt:late_failure=1 a.cleanup:exit=1#1x*
    a.attempt:late_failure=1 a.cleanup:late_failure=1
    a.attempt:late_failure=1 a.cleanup:late_failure=1#1x*
    a.attempt:late_failure=1 a.cleanup:killed
    a.attempt:late_failure=1 a.cleanup:not_started
    a.attempt:late_failure=1 a.cleanup:lost_supervisor
    b.attempt:not_started#1x* a.rollback:exit=1
    b.attempt:not_started#1x* a.rollback:exit=1#1x*
    b.attempt:not_started#1x* a.rollback:late_failure=1
    b.attempt:not_started#1x* a.rollback:late_failure=1#1x*
    b.attempt:not_started#1x* a.rollback:killed
    b.attempt:not_started#1x* a.rollback:not_started
    b.attempt:not_started#1x* a.rollback:lost_supervisor
    b.attempt:exit=1
    b.attempt:late_failure=1
    b.attempt:killed
    b.attempt:not_started
    b.attempt:lost_supervisor
    b.attempt:cancel
    ");
}

#[test]
fn every_strike_finds_its_command() {
    for text in [
        PLAN,
        "a !",
        "a ! ~ x2",
        "@max 1\na !\nb ! ~\nc a b irr\nd c !",
        "@stop\na ! ~ ^\nb a",
        "a !\nb a when? irr\nc a b !",
        "a ! off\nb a !\nc b off\nd c ~ g ?",
        "a !\nb a on:stop\nc b",
        "a ! ~\nb a on:stop irr\nc b",
        "a ! on:stop\nb a on:stop",
    ] {
        let plan = sketch(text);
        for strike in strikes(&plan, &SweptKind::ALL) {
            let (journal, _) = played(&plan, &strike.provoke);
            let aimed = strike.aimed(&journal);
            assert!(aimed.is_some(), "{text}: {} has nothing to strike", strike.what);
            if let Some(Injection { at: Moment::Record { number, .. }, .. }) = aimed {
                let at = usize::try_from(number).expect("a short journal") - 1;
                assert!(matches!(journal[at], Event::Started { .. }), "{text}: {}", strike.what);
            }
            assert_eq!(
                strike.aim == Aim::Command,
                aimed.as_ref() == Some(&strike.injection),
                "{text}: {}",
                strike.what
            );
        }
    }
}

/// What provokes a rollback leaves the rest of the run well, even if it needs the point of no return not to be passed.
#[test]
fn a_provoked_rollback_leaves_nothing() {
    for text in ["a !\nb a !\nc b ro", "a !\nb a irr", "a !"] {
        let plan = sketch(text);
        for strike in strikes(&plan, &[SweptKind::Killed]).iter().filter(|strike| !strike.provoke.is_empty()) {
            let verdict = played(&plan, &strike.provoke).1.verdict();
            assert_eq!(verdict, Some(Verdict::RolledBack), "{text}: {}", strike.what);
        }
    }
}

#[test]
fn a_pair_does_not_want_the_same_start() {
    let plan = sketch("a ! ~\nb a");
    let all = strikes(&plan, &[SweptKind::Exit, SweptKind::Killed]);
    let told: Vec<String> = pairs(&all).map(|(a, b)| format!("{} | {}", a.injection, b.injection)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    a.attempt:exit=1 | a.rollback:exit=1
    a.attempt:exit=1 | a.rollback:exit=1#1x*
    a.attempt:exit=1 | a.rollback:killed
    a.attempt:exit=1 | b.attempt:exit=1
    a.attempt:exit=1 | b.attempt:killed
    a.attempt:killed | a.rollback:exit=1
    a.attempt:killed | a.rollback:exit=1#1x*
    a.attempt:killed | a.rollback:killed
    a.attempt:killed | b.attempt:exit=1
    a.attempt:killed | b.attempt:killed
    a.cleanup:exit=1 | a.rollback:exit=1
    a.cleanup:exit=1 | a.rollback:exit=1#1x*
    a.cleanup:exit=1 | a.rollback:killed
    a.cleanup:exit=1 | b.attempt:exit=1
    a.cleanup:exit=1 | b.attempt:killed
    a.cleanup:exit=1#1x* | a.rollback:exit=1
    a.cleanup:exit=1#1x* | a.rollback:exit=1#1x*
    a.cleanup:exit=1#1x* | a.rollback:killed
    a.cleanup:exit=1#1x* | b.attempt:exit=1
    a.cleanup:exit=1#1x* | b.attempt:killed
    a.cleanup:killed | a.rollback:exit=1
    a.cleanup:killed | a.rollback:exit=1#1x*
    a.cleanup:killed | a.rollback:killed
    a.cleanup:killed | b.attempt:exit=1
    a.cleanup:killed | b.attempt:killed
    ");
}

#[test]
fn a_mutant_lacks_one_safeguard_and_can_be_run() {
    let plan =
        sketch("@guard ready\n@invariant open\nlock ^backup g idem x2\nbackup lock x2 ~ out?\nswitch backup ! ?");
    let all = mutants(&plan);
    let told: Vec<&str> = all.iter().map(|mutant| mutant.what.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    the guard `ready` (line 1)
    the guard `g` (line 3) of `lock`
    the retries of `lock` (line 3)
    the release of `lock` (line 3)
    what `backup` (line 4) expects beyond its exit code
    the retries of `backup` (line 4)
    the cleanup of `backup` (line 4)
    the verify of `switch` (line 5)
    the rollback of `switch` (line 5)
    the invariant `open` (line 2)
    ");
    for mutant in &all {
        assert_ne!(mutant.plan, plan, "{}", mutant.what);
        assert_ne!(mutant.plan.digest(), plan.digest(), "{}", mutant.what);
        assert_eq!(played(&mutant.plan, &[]).1.verdict(), Some(Verdict::Succeeded), "{}", mutant.what);
    }
    let unclean = all.iter().find(|mutant| mutant.what.starts_with("the cleanup")).expect("a cleanup");
    assert_eq!(unclean.plan.steps[1].retry.max_attempts.get(), 1, "no licence, no retry");
}
