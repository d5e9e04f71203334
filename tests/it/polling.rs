//! Polling, in real time and in virtual time.

use firedrill_run::{Event, Exit, Verdict};

use crate::rig::{Sandbox, started};
use crate::virtual_time::play;

/// The third look of `there` finds what it looks for.
const THIRD_LOOK: &str = "
firedrill: 1
playbook: playbook
steps:
  - id: there
    run: echo x >> looks; test $(wc -l < looks) -ge 3
    read_only: true
    every: 20ms
    within: 30s
    timeout: 10s
  - {id: after, argv: ['true'], read_only: true, timeout: 10s}
";

#[test]
fn a_step_that_only_looks_polls_until_it_succeeds() {
    let sandbox = Sandbox::new().playbook(THIRD_LOOK);
    let called = sandbox.run(&[]).exit(0);
    let names: Vec<String> = started(&sandbox.events()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["there.attempt.1.1", "there.attempt.1.2", "there.attempt.1.3", "after.attempt.1.1"]);
    let waits = called.out.lines().filter(|line| line.contains("waiting up to 30s for attempt 1 to succeed"));
    assert_eq!(waits.count(), 1, "{}", called.out);
}

#[test]
fn the_last_answer_is_told_once_the_time_is_over() {
    let text = THIRD_LOOK.replace("-ge 3", "-ge 999").replace("within: 30s", "within: 200ms");
    let sandbox = Sandbox::new().playbook(&text);
    let called = sandbox.run(&[]);
    assert_ne!(called.code, Some(0));
    let told = called.out.lines().filter(|line| line.contains("failed, after ")).count();
    assert_eq!(told, 1, "{}", called.out);
    assert!(sandbox.events().iter().any(|event| matches!(event, Event::Elapsed { .. })));
}

/// A probe that holds when the world is older than 40 seconds.
const LATE: &str = "
firedrill: 1
playbook: test
steps:
  - id: begin
    run: date +%s > began
    timeout: 1m
    rollback: none
    verify: {run: 'test $(( $(date +%s) - $(cat began) )) -ge 40', every: 10s, within: WITHIN, after: 5s}
";

#[test]
fn a_poll_is_measured_in_the_time_of_the_world() {
    let played = play(&LATE.replace("WITHIN", "2m"), &[]);
    assert_eq!(played.verdict(), Verdict::Succeeded);
    assert_eq!(played.end("begin.verify.1.1"), (Exit::Code(1), 5));
    assert_eq!(played.end("begin.verify.1.4"), (Exit::Code(1), 35));
    assert_eq!(played.end("begin.verify.1.5"), (Exit::Code(0), 45));
}

#[test]
fn no_look_begins_when_the_time_is_over() {
    let played = play(&LATE.replace("WITHIN", "30s"), &[]);
    assert_eq!(played.verdict(), Verdict::RolledBack);
    assert_eq!(played.end("begin.verify.1.3"), (Exit::Code(1), 25));
    assert!(!played.has_started("begin.verify.1.4"));
}
