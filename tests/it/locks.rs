//! Locks between runs: never two at once, and never given away while something is owed.

use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Sandbox, is_slow, until};

const LOCKED: &str = "
firedrill: 1
playbook: playbook
inputs: {foundation: {type: string, default: prod}, fails: {type: boolean, default: false}}
locks: ['foundation/${{ inputs.foundation }}']
steps:
  - id: work
    run: |
      mkdir inside-${{ inputs.foundation }}
      sleep 0.05
      rmdir inside-${{ inputs.foundation }}
      test ${{ inputs.fails }} = false
    rollback: none
    cleanup: {run: test -e healed, retry: {max_attempts: 1}}
  - {id: wait, read_only: true, run: 'while test -e hold; do sleep 0.02; done'}
";

#[test]
fn a_lock_refuses_another_run_and_says_who_has_it() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold", "");
    let mut first = sandbox.begin(&[]);
    until("the first run waits", || sandbox.events().iter().any(|event| format!("{event:?}").contains("wait")));
    let refused = sandbox.call(&["run", "playbook.yaml", "--id", "second"]).exit(6);
    assert!(refused.err.contains("the lock `foundation/prod` is held by run `r`, which is running"), "{}", refused.err);
    assert!(!sandbox.run_dir("second").exists());
    let listed = sandbox.call(&["locks"]).exit(0);
    assert!(listed.out.contains("foundation/prod  r  which is running"), "{}", listed.out);
    let elsewhere = sandbox.spawn(&["run", "playbook.yaml", "--id", "elsewhere", "-i", "foundation=test"]);
    until("the other foundation's run has begun", || sandbox.run_dir("elsewhere").exists());
    let waiting = sandbox.spawn(&["run", "playbook.yaml", "--id", "third", "--wait-lock", "1m"]);
    std::fs::remove_file(sandbox.path("hold")).unwrap();
    assert!(first.wait().unwrap().success());
    assert!(elsewhere.wait_with_output().unwrap().status.success());
    assert!(waiting.wait_with_output().unwrap().status.success());
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
}

#[test]
fn a_stuck_run_keeps_its_lock_until_it_owes_nothing() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.run(&["-i", "fails=true"]).exit(5);
    let refused = sandbox.call(&["run", "playbook.yaml"]).exit(6);
    assert!(refused.err.contains("which is stuck: the cleanup of `work` is owed"), "{}", refused.err);
    sandbox.write("healed", "");
    sandbox.call(&["resume", "r"]).exit(4);
    sandbox.call(&["run", "playbook.yaml"]).exit(0);
}

#[test]
fn a_run_that_died_keeps_its_lock_only_if_it_has_changed_something() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold", "");
    let mut first = sandbox.begin(&[]);
    until("the first run waits", || sandbox.events().iter().any(|event| format!("{event:?}").contains("wait")));
    kill_process(Pid::from_child(&first), Signal::KILL).unwrap();
    first.wait().unwrap();
    let refused = sandbox.call(&["run", "playbook.yaml"]).exit(6);
    assert!(refused.err.contains("interrupted after it had begun to change something"), "{}", refused.err);
    std::fs::remove_file(sandbox.path("hold")).unwrap();
    sandbox.call(&["resume", "r"]).exit(0);
    sandbox.call(&["run", "playbook.yaml"]).exit(0);
}

#[test]
fn of_many_that_race_never_two_are_inside() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    let rounds = if is_slow() { 25 } else { 3 };
    for round in 0..rounds {
        let codes: Vec<Option<i32>> = thread::scope(|scope| {
            let races = (0..4).map(|racer| {
                let sandbox = &sandbox;
                scope.spawn(move || sandbox.call(&["run", "playbook.yaml", "--id", &format!("r{round}-{racer}")]).code)
            });
            races.collect::<Vec<_>>().into_iter().map(|race| race.join().unwrap()).collect()
        });
        // Two inside at once would fail at mkdir.
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 6))), "{codes:?}");
        assert!(codes.contains(&Some(0)), "{codes:?}");
    }
}

#[test]
fn the_name_of_a_lock_depends_on_inputs_only() {
    let sandbox = Sandbox::new().playbook(&LOCKED.replace("inputs.foundation }}", "run.id }}"));
    let refused = sandbox.call(&["validate", "playbook.yaml"]).exit(3);
    assert!(refused.out.contains("runs that must exclude each other need locks of the same name"), "{}", refused.out);
    let empty = Sandbox::new().playbook(LOCKED);
    let refused = empty.call(&["plan", "playbook.yaml", "-i", "foundation=a\nb"]).exit(3);
    assert!(refused.err.contains("the name of a lock must be one line"), "{}", refused.err);
}
