//! How attempts are treated when something comes between: a cancel, the death of the engine, the end of their time.

use firedrill_run::{Event, Exit, Verdict};
use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Sandbox, started, until};
use crate::virtual_time::play;

fn ends(events: &[Event]) -> Vec<(String, Exit)> {
    let ended = events.iter().filter_map(|event| match event {
        Event::Ended { command, exit, .. } => Some((command.to_string(), exit.clone())),
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_cancel_waits_for_an_attempt_that_is_to_finish() {
    let sandbox = Sandbox::new().playbook(
        "
firedrill: 1
playbook: playbook
steps:
  - id: whole
    run: touch begun; while ! test -e go; do sleep 0.02; done
    timeout: 1m
    rollback: none
    on_cancel: finish
  - {id: other, needs: [], run: sleep 1000, timeout: 1h, rollback: none}
  - {id: after, run: 'true', timeout: 1m, rollback: none}
",
    );
    let mut engine = sandbox.begin(&[]);
    until("the start", || sandbox.path("begun").exists() && started(&sandbox.events()).len() == 2);
    kill_process(Pid::from_child(&engine), Signal::INT).expect("it runs");
    let has_ended = |name: &str| ends(&sandbox.events()).iter().any(|(command, _)| command == name);
    until("the end of the other", || has_ended("other.attempt.1.1"));
    assert!(!has_ended("whole.attempt.1.1"));
    sandbox.write("go", "");
    engine.wait().expect("it ends");
    let ends = ends(&sandbox.events());
    assert!(ends.contains(&("whole.attempt.1.1".to_owned(), Exit::Code(0))), "{ends:?}");
    assert_eq!(started(&sandbox.events()).len(), 2, "nothing new starts");
}

/// An attempt that ends only when it is told to.
const LONG: &str = "
firedrill: 1
playbook: playbook
steps:
  - id: work
    run: test -e begun || { touch begun; sleep 1000; }
    timeout: 1h
    CONDUCT
";

#[test]
fn an_attempt_that_dies_with_its_engine_is_in_doubt() {
    let conduct = "on_engine_death: kill\n    in_doubt: rerun\n    retry: {max_attempts: 2}\n    rollback: none";
    let sandbox = Sandbox::new().playbook(&LONG.replace("CONDUCT", conduct));
    let mut engine = sandbox.begin(&[]);
    until("the start", || sandbox.path("begun").exists());
    engine.kill().expect("it runs");
    engine.wait().expect("it was killed");
    until("the end of the command", || !sandbox.processes().iter().any(|pid| runs_sleep(*pid)));
    sandbox.call(&["resume", "r"]).exit(0);
    let ends = ends(&sandbox.events());
    let expected = [("work.attempt.1.1".to_owned(), Exit::Lost), ("work.attempt.2.1".to_owned(), Exit::Code(0))];
    assert_eq!(ends, expected);
}

fn runs_sleep(pid: Pid) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.contains("1000")
}

#[test]
fn an_attempt_has_its_own_time_between_term_and_kill() {
    let stubborn = "trap '' TERM; while :; do sleep 0.05; done";
    let text = LONG.replace("test -e begun || { touch begun; sleep 1000; }", &format!("\"{stubborn}\""));
    let text = text.replace("timeout: 1h", "timeout: 200ms");
    let sandbox =
        Sandbox::new().playbook(&text.replace("CONDUCT", "stop_grace: 100ms\n    in_doubt: fail\n    rollback: none"));
    sandbox.run(&[]).exit(4);
    let took = sandbox.events().into_iter().find_map(|event| match event {
        Event::Ended { ms, .. } => Some(ms),
        _ => None,
    });
    assert!(took.is_some_and(|ms| ms < 9_000), "the usual grace is ten seconds: {took:?}");
    assert_eq!(ends(&sandbox.events()), [("work.attempt.1.1".to_owned(), Exit::TimedOut)]);
}

#[test]
fn in_virtual_time_attempts_are_treated_alike() {
    let long = "
firedrill: 1
playbook: test
steps:
  - id: work
    run: sleep 600
    timeout: 1h
    rollback: none
    CONDUCT
";
    let text = long.replace("CONDUCT", "on_cancel: finish");
    let played = play(&text, &["age=1m:cancel"]);
    assert_eq!((played.verdict(), played.end("work.attempt.1.1")), (Verdict::Cancelled, (Exit::Code(0), 600)));
    let text = long.replace("CONDUCT", "on_engine_death: kill\n    in_doubt: fail");
    let played = play(&text, &["age=1m:crash"]);
    assert_eq!((played.verdict(), played.end("work.attempt.1.1")), (Verdict::RolledBack, (Exit::Lost, 60)));
    let took = text.replace("sleep 600", "echo 10m >> \"$FIREDRILL_TOOK\"");
    let played = play(&took, &["age=1m:crash"]);
    assert_eq!((played.verdict(), played.end("work.attempt.1.1")), (Verdict::RolledBack, (Exit::Lost, 60)));
}

/// Two attempts with a wait between them, under one deadline.
const DUE: &str = "
firedrill: 1
playbook: test
steps:
  - id: work
    run: sleep 100; test -e done
    rollback: none
    idempotent: true
    timeout: 1h
    deadline: DEADLINE
    retry: {max_attempts: 5, delay: 50s}
";

#[test]
fn a_deadline_is_one_for_all_attempts() {
    let played = play(&DUE.replace("DEADLINE", "3m"), &[]);
    assert_eq!(played.end("work.attempt.1.1"), (Exit::Code(1), 100));
    assert_eq!(played.end("work.attempt.2.1"), (Exit::Cancelled, 180));
    assert!(!played.has_started("work.attempt.3.1"));
    let played = play(&DUE.replace("DEADLINE", "2m"), &[]);
    assert!(!played.has_started("work.attempt.2.1"), "it was over while the step waited");
}

#[test]
fn a_deadline_goes_on_with_the_next_engine() {
    for fault in ["age=30s:crash", "age=120s:crash", "age=160s:crash", "age=170s:crash"] {
        let played = play(&DUE.replace("DEADLINE", "3m"), &[fault]);
        let (exit, at) = played.end("work.attempt.2.1");
        assert_eq!(exit, Exit::Cancelled, "{fault}");
        assert!((180..=200).contains(&at), "{fault}: at {at}");
    }
}

/// Members beside one another and in a row, under the deadline of their group.
const GROUP_DUE: &str = "
firedrill: 1
playbook: test
steps:
  - id: box
    deadline: DEADLINE
    steps:
      - {id: first, run: sleep 100, needs: [], rollback: none, idempotent: true, timeout: 1h}
      - {id: beside, run: sleep 150, needs: [], rollback: none, idempotent: true, timeout: 1h}
      - {id: last, run: sleep 100, needs: [first], rollback: none, idempotent: true, timeout: 1h}
";

#[test]
fn the_deadline_of_a_group_is_one_for_its_members() {
    let played = play(&GROUP_DUE.replace("DEADLINE", "201s"), &[]);
    assert_eq!(played.verdict(), Verdict::Succeeded);
    let played = play(&GROUP_DUE.replace("DEADLINE", "180s"), &[]);
    assert_eq!(played.end("box/beside.attempt.1.1"), (Exit::Code(0), 150));
    assert_eq!(played.end("box/last.attempt.1.1"), (Exit::Cancelled, 180));
    assert_eq!(played.verdict(), Verdict::RolledBack);
    let played = play(&GROUP_DUE.replace("DEADLINE", "50s"), &[]);
    assert!(!played.has_started("box/last.attempt.1.1"));
}

#[test]
fn the_deadline_of_a_group_goes_on_with_the_next_engine() {
    for fault in ["age=30s:crash", "age=120s:crash", "age=160s:crash"] {
        let played = play(&GROUP_DUE.replace("DEADLINE", "180s"), &[fault]);
        let (exit, at) = played.end("box/last.attempt.1.1");
        assert_eq!(exit, Exit::Cancelled, "{fault}");
        assert!((180..=200).contains(&at), "{fault}: at {at}");
    }
}
