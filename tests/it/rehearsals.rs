//! `firedrill rehearse` as somebody at a terminal and a CI meet it.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::planted::fixtures;
use crate::rig::{Called, Sandbox, until};

/// A playbook `p` of one step, rehearsed by one scenario with stand-ins.
fn one_step(script: &str, scenario: &str) -> Sandbox {
    let sandbox = fixtures();
    let lines: Vec<String> = script.lines().map(|line| format!("      {line}\n")).collect();
    let head =
        "firedrill: 1\nplaybook: p\nsteps:\n  - id: work\n    idempotent: true\n    rollback: none\n    run: |\n";
    sandbox.write("p.yaml", format!("{head}{}", lines.concat()));
    let head = "firedrill: 1\nrehearsal: p\nsandbox: ./stand-ins\nscenarios:\n  - name: it\n    ";
    sandbox.write("p.rehearsal.yaml", format!("{head}{scenario}\n"));
    sandbox
}

fn expect_success(script: &str) -> Sandbox {
    one_step(script, "expect: {verdict: succeeded}")
}

/// Calls firedrill with a folder of its own for temporary files, and holds that nothing is left there.
fn call_tidily(sandbox: &Sandbox, args: &[&str]) -> Called {
    let temporary = sandbox.path("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let called = sandbox.command(args).env("TMPDIR", &temporary).output().unwrap().into();
    let left: Vec<_> = fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    called
}

fn holds_to_schema(text: &str, schema: &str) {
    let file = format!("{}/../schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn exit_codes_and_nothing_left() {
    call_tidily(&fixtures(), &["rehearse", "nightly.yaml"]).exit(0);
    call_tidily(&expect_success("exit 1"), &["rehearse", "p.yaml"]).exit(1);
    call_tidily(&one_step("true", "expect: {verdict: perfect}"), &["rehearse", "p.yaml"]).exit(3);
}

#[test]
fn one_scenario_or_one_fault() {
    let sandbox = fixtures();
    let one = sandbox.call(&["rehearse", "nightly.yaml", "--scenario", "shipping"]).exit(0);
    assert!(one.out.contains("1 scenario: 1 green, 0 red"), "{}", one.out);
    sandbox.call(&["rehearse", "nightly.yaml", "--scenario", "no such"]).exit(2);
    let fault = ["rehearse", "nightly.yaml", "--fault", "dump.attempt:timeout", "--trace"];
    assert!(call_tidily(&sandbox, &fault).exit(0).out.contains("dump"));
}

#[test]
fn results_for_machines() {
    let sandbox = fixtures();
    let json = sandbox.call(&["rehearse", "nightly.yaml", "--json", "--junit", "junit.xml"]).exit(0).out;
    holds_to_schema(&json, "rehearse-result.v1.json");
    let junit = fs::read_to_string(sandbox.path("junit.xml")).unwrap();
    assert_eq!(junit.matches("<testcase ").count(), 3, "{junit}");
    let one = ["rehearse", "nightly.yaml", "--fault", "dump.attempt:timeout", "--json", "--junit", "one.xml"];
    holds_to_schema(&sandbox.call(&one).exit(0).out, "rehearse-result.v1.json");
    assert_eq!(fs::read_to_string(sandbox.path("one.xml")).unwrap().matches("<testcase ").count(), 1);
    let swept = sandbox.call(&["sweep", "--world", "locks.yaml", "--json"]).exit(0).out;
    holds_to_schema(&swept, "sweep-result.v1.json");
    let red = expect_success("exit 1").call(&["rehearse", "p.yaml", "--annotations"]).exit(1).out;
    assert!(red.contains("::error "), "{red}");
}

#[test]
fn coverage_can_be_demanded() {
    let sandbox = fixtures();
    sandbox.call(&["rehearse", "nightly.yaml", "--min-coverage", "10"]).exit(0);
    let short = sandbox.call(&["rehearse", "nightly.yaml", "--min-coverage", "100"]).exit(1);
    assert!(short.err.contains("100 % is asked for"), "{}", short.err);
}

#[test]
fn a_world_that_cannot_be_prepared() {
    let sandbox = one_step("true", "given: [[sh, -c, 'echo no disk >&2; exit 3']]");
    let called = call_tidily(&sandbox, &["rehearse", "p.yaml"]).exit(1);
    assert!(called.out.contains("could not be prepared") && called.out.contains("no disk"), "{}", called.out);
}

#[test]
fn what_nothing_answers_is_named() {
    let sandbox = expect_success("true");
    let head = "firedrill: 1\nrehearsal: p\nsandbox: none\nscenarios:\n";
    sandbox.write("p.rehearsal.yaml", format!("{head}  - {{name: it, replies: [{{command: '^x$'}}]}}\n"));
    let called = sandbox.call(&["rehearse", "p.yaml"]).exit(1);
    assert!(called.out.contains("no reply answers"), "{}", called.out);
}

#[test]
fn a_stand_in_that_computes_for_ever_is_named() {
    let sandbox = expect_success("while :; do :; done");
    let called = call_tidily(&sandbox, &["rehearse", "p.yaml", "--watchdog", "1s"]).exit(1);
    let words = called.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("work.attempt.1.1 neither ended nor waited"), "{}", called.out);
    assert!(sandbox.processes().is_empty());
}

#[test]
fn a_daemon_that_is_left_behind_is_ended() {
    let sandbox = expect_success("setsid firedrill-sleep 100h >/dev/null 2>&1 &");
    call_tidily(&sandbox, &["rehearse", "p.yaml"]).exit(0);
    assert!(sandbox.processes().is_empty());
}

#[test]
fn real_sleep_and_long_pipelines_end_well() {
    let sandbox = expect_success("/bin/sleep 0.1\nfiredrill-sleep 1h | cat | cat | cat | cat | cat | cat | cat | cat");
    let called = call_tidily(&sandbox, &["rehearse", "p.yaml"]).exit(0);
    assert!(called.out.contains(" 1h virtual"), "{}", called.out);
}

#[test]
fn an_interrupted_rehearsal_leaves_nothing() {
    let sandbox = expect_success(": >\"$FIREDRILL_SANDBOX/../../begun\"\nwhile :; do :; done");
    let temporary = sandbox.path("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = sandbox.command(&["rehearse", "p.yaml"]);
    let mut child = command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let scratch = || fs::read_dir(&temporary).unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    until("the stand-in runs", || scratch().any(|dir| dir.join("begun").exists()));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(scratch().count(), 0);
    assert!(sandbox.processes().is_empty());
}
