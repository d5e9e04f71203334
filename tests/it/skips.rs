//! Steps that are left out when a run is started.

use crate::rig::{Sandbox, started};

const STEPS: &str = "
firedrill: 1
playbook: playbook
steps:
  - {id: first, run: 'true', timeout: 1m, rollback: none}
  - {id: second, run: 'true', timeout: 1m, rollback: none}
  - {id: third, run: 'test ${{ steps.second.outcome }} = skipped', timeout: 1m, read_only: true}
";

#[test]
fn a_step_that_is_left_out_is_skipped_and_shown() {
    let sandbox = Sandbox::new().playbook(STEPS);
    let called = sandbox.run(&["--skip", "second", "--note", "done by hand"]).exit(0);
    assert!(called.out.contains("skipped on purpose: done by hand"), "{}", called.out);
    let names: Vec<String> = started(&sandbox.events()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["first.attempt.1.1", "third.attempt.1.1"]);
    let shown = sandbox.call(&["show", "r"]).exit(0);
    assert!(shown.out.contains("done by hand"), "{}", shown.out);
}

#[test]
fn a_skip_has_a_reason_and_a_step() {
    let sandbox = Sandbox::new().playbook(STEPS);
    sandbox.run(&["--skip", "second"]).exit(2);
    sandbox.run(&["--skip", "second", "--note", " "]).exit(2);
    sandbox.run(&["--skip", "secnod", "--note", "done by hand"]).exit(2);
    sandbox.run(&["--skip", "first", "--skip", "second", "--note", "a", "--note", "b", "--note", "c"]).exit(2);
    assert!(!sandbox.run_dir("r").exists());
}

/// What was approved is run, or nothing: a plan that was written to be run leaves nothing out.
#[test]
fn an_approved_plan_leaves_nothing_out() {
    let sandbox = Sandbox::new().playbook(STEPS);
    sandbox.call(&["plan", "playbook.yaml", "--out", "approved.json"]).exit(0);
    sandbox.call(&["run", "--plan", "approved.json", "--skip", "second", "--note", "done by hand"]).exit(2);
}
