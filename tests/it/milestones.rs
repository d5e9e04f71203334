//! Milestones, in real time and in virtual time.

use firedrill_run::{Event, Exit, Verdict};

use crate::rig::{Sandbox, started, until};
use crate::virtual_time::play;

/// `long` ends only when `beside` has run, and `beside` runs only once `long` has printed a line.
const BESIDE: &str = "
firedrill: 1
playbook: playbook
steps:
  - id: long
    run: |
      while ! test -e go; do sleep 0.02; done
      printf 'half' >&2
      echo ' way' >&2
      while ! test -e ran; do sleep 0.02; done
    timeout: 1m
    rollback: none
    milestones: {half: '^half way$', never: nothing}
  - {id: beside, needs: [long.half], run: touch ran, timeout: 10s, rollback: none}
";

#[test]
fn a_step_begins_as_soon_as_another_has_printed_a_line() {
    let sandbox = Sandbox::new().playbook(BESIDE);
    sandbox.write("go", "");
    let called = sandbox.run(&[]).exit(0);
    assert!(called.out.contains("has reached half"), "{}", called.out);
    let reached = sandbox.events().into_iter().filter(|event| matches!(event, Event::Reached { .. })).count();
    assert_eq!(reached, 1);
}

#[test]
fn what_was_printed_while_there_was_no_engine_is_read_by_the_next_one() {
    let sandbox = Sandbox::new().playbook(BESIDE);
    let mut engine = sandbox.begin(&[]);
    until("the start", || sandbox.journal_path().exists() && !started(&sandbox.events()).is_empty());
    let output = sandbox.run_dir("r").join("out/long.attempt.1.1.stderr");
    until("the command", || output.exists());
    engine.kill().expect("it runs");
    engine.wait().expect("it was killed");
    sandbox.write("go", "");
    until("the line", || std::fs::read_to_string(&output).is_ok_and(|text| text.contains("way")));
    assert_eq!(started(&sandbox.events()).len(), 1, "nobody was there to start the other step");
    sandbox.call(&["resume", "r"]).exit(0);
    let names: Vec<String> = started(&sandbox.events()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["long.attempt.1.1", "beside.attempt.1.1"]);
}

/// A hold that ends while the step that it was taken for still runs.
const HELD: &str = "
firedrill: 1
playbook: test
steps:
  - {id: close, run: date +%s > closed, timeout: 1m, idempotent: true, release: {run: date +%s > opened, until: [copy.begun]}}
  - id: copy
    run: COPY
    timeout: 1h
    rollback: none
    milestones: {begun: 'copying begins'}
  - {id: look, needs: [copy.begun], run: sleep 30, timeout: 1m, read_only: true}
";

#[test]
fn a_stand_in_reaches_a_milestone_at_its_virtual_time() {
    let played = play(&HELD.replace("COPY", "sleep 600; echo copying begins; sleep 1200"), &[]);
    assert_eq!(played.verdict(), Verdict::Succeeded);
    assert_eq!(played.end("close.release.1.1"), (Exit::Code(0), 600));
    assert_eq!(played.end("look.attempt.1.1"), (Exit::Code(0), 630));
    assert_eq!(played.end("copy.attempt.1.1"), (Exit::Code(0), 1800));
}

/// What a program that cannot park has printed counts at once, unless it says when.
#[test]
fn a_program_that_cannot_park_says_when_it_reached_a_milestone() {
    let says = "echo copying begins; printf '10m begun\\n20m\\n' >> \"$FIREDRILL_TOOK\"";
    let played = play(&HELD.replace("COPY", says), &[]);
    assert_eq!(played.end("look.attempt.1.1"), (Exit::Code(0), 630));
    assert_eq!(played.end("copy.attempt.1.1"), (Exit::Code(0), 1800));
    let silent = "echo copying begins; echo 30m >> \"$FIREDRILL_TOOK\"";
    let played = play(&HELD.replace("COPY", silent), &[]);
    assert_eq!(played.end("look.attempt.1.1"), (Exit::Code(0), 30));
}

#[test]
fn a_milestone_survives_a_crash_of_the_engine() {
    let copies = ["sleep 600; echo copying begins; sleep 1200", "printf '10m begun\\n20m\\n' >> \"$FIREDRILL_TOOK\""];
    for copy in copies {
        for fault in ["look:crash", "record=9:crash_before", "record=10:crash_after", "copy:crash"] {
            let played = play(&HELD.replace("COPY", copy), &[fault]);
            assert_eq!(played.verdict(), Verdict::Succeeded, "{fault}");
            assert_eq!(played.end("copy.attempt.1.1").0, Exit::Code(0), "{fault}");
        }
    }
}
