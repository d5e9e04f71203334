//! kill -9 at every record of a journal and inside commands and hooks, of the engine alone and of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;

use firedrill_run::{Event, Exit, Role};

use crate::rig::{Ledger, Sandbox, is_slow, started, until};

/// Every command writes down that it starts and that it ends, under its own name, and takes its time in between.
const PLAYBOOK: &str = r#"
firedrill: 1
playbook: playbook
max_parallel: 2
defaults:
  env: {LEDGER: "${{ inputs.ledger }}", FAIL: "${{ inputs.fail }}"}
inputs:
  ledger: {type: path}
  fail: {type: string}
guards:
  - {id: open, run: &work 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"; sleep 0.02; echo "end $name" >> "$LEDGER"'}
steps:
  - id: lock
    run: *work
    rollback: none
    release: {run: *work}
  - id: copy
    needs: [lock]
    run: *work
    rollback: {run: *work}
  - id: flaky
    needs: [lock]
    run: 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"; sleep 0.02; echo "end $name" >> "$LEDGER"; [ "$name" != flaky.attempt.1.1 ]'
    retry: {max_attempts: 2, delay: 20ms}
    cleanup: {run: *work}
    verify: {run: *work}
    rollback: {run: *work}
  - id: last
    needs: [copy, flaky]
    run: 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"; sleep 0.02; echo "end $name" >> "$LEDGER"; [ "$FAIL" != "$name" ]'
    rollback: none
finally:
  - {id: note, run: *work}
invariants:
  - {id: sound, run: *work}
"#;

/// How a run ends when nobody disturbs it.
#[derive(Clone, Copy, Debug)]
enum Way {
    Succeeds,
    RollsBack,
}

impl Way {
    fn inputs(self) -> &'static str {
        match self {
            Way::Succeeds => "nothing",
            Way::RollsBack => "last.attempt.1.1",
        }
    }

    fn code(self) -> i32 {
        match self {
            Way::Succeeds => 0,
            Way::RollsBack => 4,
        }
    }
}

fn sandbox(way: Way) -> Sandbox {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    let ledger = sandbox.path("ledger").display().to_string();
    sandbox.write("inputs.yaml", format!("ledger: {ledger}\nfail: {}\n", way.inputs()));
    sandbox
}

const INPUTS: &[&str] = &["--inputs", "inputs.yaml"];

/// Runs undisturbed and returns the number of records and the ledger.
fn undisturbed(way: Way) -> (usize, Ledger) {
    let sandbox = sandbox(way);
    sandbox.run(INPUTS).exit(way.code());
    (sandbox.records(), sandbox.ledger())
}

/// Where a run is interrupted.
fn points(records: usize) -> impl Iterator<Item = usize> {
    (1..=records).step_by(if is_slow() { 1 } else { 3 })
}

/// Begins a run and waits until its journal has this many records.
fn until_record(sandbox: &Sandbox, record: usize) -> Child {
    let mut engine = sandbox.begin(INPUTS);
    until("the record is in the journal", || {
        sandbox.records() >= record || sandbox.path("home/runs/r/summary.json").exists()
    });
    if let Some(status) = engine.try_wait().unwrap() {
        assert!(status.code().is_some(), "the engine died by itself: {status}");
    }
    engine
}

fn kill(mut engine: Child) {
    engine.kill().unwrap();
    engine.wait().unwrap();
}

fn engine_dies_at_each_record(way: Way) {
    let (records, ledger) = undisturbed(way);
    for record in points(records) {
        let sandbox = sandbox(way);
        kill(until_record(&sandbox, record));
        goes_on_as_if_nothing_had_happened(&sandbox, way, &ledger, &format!("{way:?}, record {record}"));
    }
}

#[track_caller]
fn goes_on_as_if_nothing_had_happened(sandbox: &Sandbox, way: Way, ledger: &Ledger, point: &str) {
    let resumed = sandbox.call(&["resume", "r"]);
    assert_eq!(resumed.code, Some(way.code()), "{point}\n{}\n{}", resumed.out, resumed.err);
    assert_eq!(&sandbox.ledger(), ledger, "{point}");
    let is_lost = |event: &Event| matches!(event, Event::Ended { exit: Exit::Lost, .. });
    assert!(!sandbox.events().iter().any(is_lost), "{point}: something was in doubt");
}

#[test]
fn a_run_that_succeeds_survives_its_engine_at_each_record() {
    engine_dies_at_each_record(Way::Succeeds);
}

#[test]
fn a_run_that_rolls_back_survives_its_engine_at_each_record() {
    engine_dies_at_each_record(Way::RollsBack);
}

/// Kills the engine while a command is half done, for every command.
#[test]
fn a_run_survives_its_engine_inside_each_command_and_hook() {
    let (_, ledger) = undisturbed(Way::RollsBack);
    for name in ledger.keys() {
        let sandbox = sandbox(Way::RollsBack);
        let engine = sandbox.begin(INPUTS);
        until("the command has begun", || sandbox.ledger().contains_key(name));
        kill(engine);
        goes_on_as_if_nothing_had_happened(&sandbox, Way::RollsBack, &ledger, name);
    }
}

#[test]
fn a_run_survives_one_engine_after_the_other() {
    let (records, ledger) = undisturbed(Way::RollsBack);
    let sandbox = sandbox(Way::RollsBack);
    kill(until_record(&sandbox, 3));
    for record in (6..records).step_by(4) {
        let mut engine = sandbox.spawn(&["resume", "r"]);
        until("the record is in the journal", || sandbox.records() >= record || engine.try_wait().unwrap().is_some());
        kill(engine);
    }
    goes_on_as_if_nothing_had_happened(&sandbox, Way::RollsBack, &ledger, "again and again");
}

/// kill -9 of the engine, the supervisor and the commands: what was running is in doubt, and nothing runs twice.
#[test]
fn a_run_that_lost_everything_is_in_doubt_about_what_was_running_only() {
    for way in [Way::Succeeds, Way::RollsBack] {
        let (records, _) = undisturbed(way);
        for record in points(records) {
            let sandbox = sandbox(way);
            let engine = until_record(&sandbox, record);
            sandbox.kill_all();
            kill(engine);
            let before = sandbox.events();
            let point = format!("{way:?}, record {record}");
            sandbox.call(&["resume", "r"]);
            only_what_ran_is_in_doubt(&sandbox, &before, &point);
            settle(&sandbox);
            let after = sandbox.call(&["resume", "r"]);
            assert_ne!(after.code, Some(5), "{point}\n{}\n{}", after.out, after.err);
            nothing_ran_twice(&sandbox, &point);
        }
    }
}

#[track_caller]
fn only_what_ran_is_in_doubt(sandbox: &Sandbox, before: &[Event], point: &str) {
    let mut running: BTreeSet<String> = started(before).iter().map(ToString::to_string).collect();
    for event in before {
        if let Event::Ended { command, .. } = event {
            running.remove(&command.to_string());
        }
    }
    let is_over = |name: &String| sandbox.ledger().get(name).is_some_and(|(starts, _)| *starts > 0);
    for event in sandbox.events() {
        if let Event::Ended { command, exit: Exit::Lost, .. } = event {
            let name = command.to_string();
            assert!(running.contains(&name), "{point}: `{name}` was not running");
            let is_probe = matches!(command.role, Role::Guard(_) | Role::Verify | Role::Invariant(_));
            assert!(is_over(&name) || is_probe || running.len() <= 2, "{point}: `{name}` had not started");
        }
    }
}

/// Says of what is in doubt what the ledger shows.
fn settle(sandbox: &Sandbox) {
    let ends: BTreeMap<String, usize> = sandbox.ledger().into_iter().map(|(name, (_, ends))| (name, ends)).collect();
    let has_ended = |name: &str| ends.get(name).is_some_and(|ends| *ends > 0);
    for event in sandbox.events() {
        if let Event::Ended { command, exit: Exit::Lost, .. } = event {
            let Some(step) = command.step().filter(|_| command.role == Role::Attempt) else {
                continue;
            };
            let done = if has_ended(&command.to_string()) { "done" } else { "not-done" };
            let said = ["settle", "r", step.as_str(), "--as", done, "--by", "test", "--note", "ledger"];
            // A step that was made harmless is not in doubt: there is nothing to be said of it.
            let _refused = sandbox.call(&said);
        }
    }
}

/// Nothing ran twice under one name, nothing ran that is not in the journal.
#[track_caller]
fn nothing_ran_twice(sandbox: &Sandbox, point: &str) {
    let known: BTreeSet<String> = started(&sandbox.events()).iter().map(ToString::to_string).collect();
    for (name, (starts, ends)) in sandbox.ledger() {
        assert_eq!(starts, 1, "{point}: `{name}` ran {starts} times");
        assert!(ends <= 1, "{point}: `{name}` ended {ends} times");
        assert!(known.contains(&name), "{point}: the journal does not know `{name}`");
    }
}
