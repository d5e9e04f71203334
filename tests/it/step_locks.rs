//! Locks of steps between runs: waited for, never had twice, and never given away while their step owes something.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Sandbox, is_slow, until};

/// Two runs inside `work` at once would fail at `mkdir`.
const LOCKED: &str = "
firedrill: 1
playbook: playbook
inputs:
  db: {type: string, default: prod}
  hold: {type: string, default: hold}
  fails: {type: boolean, default: false}
steps:
  - {id: first, read_only: true, run: 'true'}
  - id: work
    locks: ['db/${{ inputs.db }}']
    run: |
      mkdir inside-${{ inputs.db }}
      while test -e ${{ inputs.hold }}; do sleep 0.02; done
      rmdir inside-${{ inputs.db }}
      test ${{ inputs.fails }} = false
    rollback: none
    cleanup: {run: test -e healed, retry: {max_attempts: 1}}
  - {id: last, read_only: true, run: 'while test -e hold-last; do sleep 0.02; done'}
";

/// Waits until a run has begun a command.
#[track_caller]
fn until_begun(sandbox: &Sandbox, run: &str, command: &str) {
    let journal = sandbox.run_dir(run).join("journal");
    let started = format!("\"started\":{{\"command\":\"{command}\"}}");
    until(command, || fs::read_to_string(&journal).is_ok_and(|text| text.contains(&started)));
}

/// Calls firedrill, does not wait, and keeps what it prints.
fn listen(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn ends_well(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{out}{err}");
    out
}

#[test]
fn a_step_waits_for_a_lock_and_says_who_has_it() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold", "");
    let first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "work.attempt.1.1");
    let listed = sandbox.call(&["locks"]).exit(0);
    assert!(listed.out.contains("db/prod  r  which is running"), "{}", listed.out);
    let second = listen(&sandbox, &["run", "playbook.yaml", "--id", "second", "-i", "hold=nothing"]);
    until_begun(&sandbox, "second", "first.attempt.1.1");
    let is_waiting = || sandbox.call(&["show", "second"]).out.contains("waiting for a lock");
    until("the second run waits", is_waiting);
    sandbox.call(&["run", "playbook.yaml", "--id", "elsewhere", "-i", "hold=nothing", "-i", "db=test"]).exit(0);
    assert!(is_waiting());
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(first);
    let told = ends_well(second);
    assert!(told.contains("waits for lock db/prod, held by run r (playbook, since "), "{told}");
    assert!(told.contains("has its locks after "), "{told}");
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
}

#[test]
fn a_lock_is_free_as_soon_as_its_step_owes_nothing() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold-last", "");
    let first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "last.attempt.1.1");
    let second = listen(&sandbox, &["run", "playbook.yaml", "--id", "second"]);
    until_begun(&sandbox, "second", "last.attempt.1.1");
    fs::remove_file(sandbox.path("hold-last")).unwrap();
    ends_well(first);
    assert!(!ends_well(second).contains("waits for lock"));
}

#[test]
fn a_run_that_waits_for_a_lock_can_be_stopped() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold", "");
    let first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "work.attempt.1.1");
    let second = sandbox.spawn(&["run", "playbook.yaml", "--id", "second"]);
    until("the second run waits", || sandbox.call(&["show", "second"]).out.contains("waiting for a lock"));
    kill_process(Pid::from_child(&second), Signal::INT).unwrap();
    assert_eq!(second.wait_with_output().unwrap().status.code(), Some(130));
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(first);
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
}

#[test]
fn a_deadline_ends_the_wait_for_a_lock() {
    let sandbox =
        Sandbox::new().playbook(&LOCKED.replace("    rollback: none\n", "    rollback: none\n    deadline: 1s\n"));
    sandbox.write("hold", "");
    let first = sandbox.begin(&["-i", "hold=nothing", "-i", "db=other"]);
    ends_well(first);
    sandbox.write("plain.yaml", LOCKED.replace("playbook: playbook", "playbook: plain"));
    let holder = sandbox.spawn(&["run", "plain.yaml", "--id", "holder"]);
    until_begun(&sandbox, "holder", "work.attempt.1.1");
    let late = sandbox.call(&["run", "playbook.yaml", "--id", "late"]).exit(4);
    assert!(late.out.contains("its deadline of 1s is over"), "{}", late.out);
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(holder);
}

#[test]
fn a_lock_whose_engine_died_is_kept_while_its_command_lives() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold", "");
    let mut first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "work.attempt.1.1");
    kill_process(Pid::from_child(&first), Signal::KILL).unwrap();
    first.wait().unwrap();
    let listed = sandbox.call(&["locks"]).exit(0);
    assert!(listed.out.contains("db/prod  r  which was interrupted"), "{}", listed.out);
    let second = listen(&sandbox, &["run", "playbook.yaml", "--id", "second", "-i", "hold=nothing"]);
    until("the second run waits", || sandbox.call(&["show", "second"]).out.contains("waiting for a lock"));
    let resumed = sandbox.spawn(&["resume", "r"]);
    until("the first run is driven", || sandbox.call(&["locks"]).out.contains("which is running"));
    assert!(sandbox.call(&["show", "second"]).out.contains("waiting for a lock"));
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(resumed);
    let told = ends_well(second);
    assert!(told.contains("which was interrupted after it had begun to change something"), "{told}");
}

#[test]
fn a_run_that_died_keeps_only_the_locks_of_what_is_not_over() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.write("hold-last", "");
    let mut first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "last.attempt.1.1");
    kill_process(Pid::from_child(&first), Signal::KILL).unwrap();
    first.wait().unwrap();
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
    fs::remove_file(sandbox.path("hold-last")).unwrap();
    sandbox.call(&["run", "playbook.yaml", "--id", "second"]).exit(0);
    sandbox.call(&["resume", "r"]).exit(0);
}

#[test]
fn a_stuck_step_keeps_its_lock_until_it_owes_nothing() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    sandbox.run(&["-i", "fails=true"]).exit(5);
    let second = listen(&sandbox, &["run", "playbook.yaml", "--id", "second"]);
    until("the second run waits", || sandbox.call(&["show", "second"]).out.contains("waiting for a lock"));
    sandbox.write("healed", "");
    sandbox.call(&["resume", "r"]).exit(4);
    let told = ends_well(second);
    assert!(told.contains("which is stuck: the cleanup of `work` is owed"), "{told}");
}

#[test]
fn what_may_be_rolled_back_keeps_its_lock_and_takes_it_again() {
    let undone = LOCKED.replace(
        "    rollback: none\n    cleanup: {run: test -e healed, retry: {max_attempts: 1}}\n",
        "    rollback: {run: mkdir inside-prod; rmdir inside-prod}\n",
    );
    let sandbox = Sandbox::new().playbook(&undone);
    sandbox.write("hold-last", "");
    let first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "last.attempt.1.1");
    assert!(sandbox.call(&["locks"]).out.contains("db/prod  r  which is running"));
    fs::remove_file(sandbox.path("hold-last")).unwrap();
    ends_well(first);
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
    sandbox.write("hold", "");
    let second = sandbox.spawn(&["run", "playbook.yaml", "--id", "second"]);
    until_begun(&sandbox, "second", "work.attempt.1.1");
    let undo = ["rollback", "r", "--by", "me", "--note", "no longer wanted"];
    let refused = sandbox.call(&undo).exit(6);
    assert!(refused.err.contains("the lock `db/prod` is held by run `second`, which is running"), "{}", refused.err);
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(second);
    sandbox.call(&undo).exit(4);
}

#[test]
fn the_lock_of_a_run_is_one_for_steps_of_others_and_for_its_own() {
    let sandbox = Sandbox::new().playbook(&LOCKED.replace("steps:\n", "locks: ['db/${{ inputs.db }}']\nsteps:\n"));
    sandbox.write("hold", "");
    let first = sandbox.begin(&[]);
    until_begun(&sandbox, "r", "work.attempt.1.1");
    sandbox.write("plain.yaml", LOCKED.replace("playbook: playbook", "playbook: plain"));
    let second = sandbox.spawn(&["run", "plain.yaml", "--id", "second"]);
    until("the second run waits", || sandbox.call(&["show", "second"]).out.contains("waiting for a lock"));
    fs::remove_file(sandbox.path("hold")).unwrap();
    ends_well(first);
    ends_well(second);
}

#[test]
fn steps_of_one_run_that_share_a_lock_are_never_inside_at_once() {
    let step = |id: &str| {
        format!("      - {{id: {id}, needs: [], locks: [y], rollback: none, run: mkdir in; sleep 0.02; rmdir in}}\n")
    };
    let members: String = ["a", "b", "c"].map(step).concat();
    let sandbox = Sandbox::new().playbook(&format!(
        "firedrill: 1\nplaybook: playbook\nsteps:\n  - id: box\n    locks: [x]\n    steps:\n{members}  - \
         {{id: beside, needs: [], locks: [y], rollback: none, run: mkdir in; sleep 0.02; rmdir in}}\n"
    ));
    sandbox.run(&[]).exit(0);
}

#[test]
fn of_two_runs_that_race_for_a_step_never_both_are_inside() {
    let sandbox = Sandbox::new().playbook(LOCKED);
    let (racers, rounds) = if is_slow() { (10, 10) } else { (4, 3) };
    thread::scope(|scope| {
        for racer in 0..racers {
            let sandbox = &sandbox;
            scope.spawn(move || (0..rounds).for_each(|round| race(sandbox, &format!("{racer}-{round}"))));
        }
    });
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
}

/// Lets two runs want the same lock at the same time.
fn race(sandbox: &Sandbox, name: &str) {
    let db = format!("db={name}");
    let ids = ["a", "b"].map(|run| format!("{run}-{name}"));
    let runs = ids.map(|id| sandbox.spawn(&["run", "playbook.yaml", "--id", &id, "-i", &db, "-i", "hold=nothing"]));
    for run in runs {
        ends_well(run);
    }
}
