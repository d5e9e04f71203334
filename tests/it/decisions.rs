//! What people decide about a run: what a failure means, and that everything is to be undone. And groups that are taken
//! back by themselves, and repetitions over lists that become known.

use crate::rig::{Called, Sandbox, until};

const ASKING: &str = "
firedrill: 1
playbook: playbook
on_failure: ask
locks: [foundation]
steps:
  - id: take
    run: echo taken >> log
    rollback: {run: echo untaken >> log}
    release: {run: echo released >> log}
  - id: work
    run: test -e go
    rollback: none
    outputs: {artifact: {from: stdout, optional: true}}
  - {id: last, run: 'echo last ${{ steps.work.outputs.artifact or 0 }} >> log', rollback: none}
";

fn log(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("log")).unwrap_or_default().lines().collect::<Vec<_>>().join(", ")
}

/// Runs the playbook to where somebody must decide, decides, and goes on.
fn decided(ruling: &[&str]) -> (Sandbox, Called) {
    let sandbox = Sandbox::new().playbook(ASKING);
    let stuck = sandbox.run(&[]).exit(5);
    assert!(stuck.out.contains("firedrill decide r work retry|done|rollback|stop"), "{}", stuck.out);
    assert_eq!(log(&sandbox), "taken", "what was taken is kept");
    assert!(sandbox.call(&["run", "playbook.yaml"]).exit(6).err.contains("nobody has decided"));
    sandbox.write("go", "");
    let said = [&["decide", "r", "work"], ruling, &["--by", "kim", "--note", "seen"]].concat();
    sandbox.call(&said).exit(0);
    let resumed = sandbox.call(&["resume", "r"]);
    (sandbox, resumed)
}

#[test]
fn a_failure_waits_for_a_decision_and_means_what_was_decided() {
    let (sandbox, resumed) = decided(&["retry"]);
    resumed.exit(0);
    assert_eq!(log(&sandbox), "taken, last 0, released");
    let (sandbox, resumed) = decided(&["done", "--output", "artifact=by-hand"]);
    resumed.exit(0);
    assert_eq!(log(&sandbox), "taken, last by-hand, released");
    let (sandbox, resumed) = decided(&["rollback"]);
    resumed.exit(4);
    assert_eq!(log(&sandbox), "taken, untaken, released");
    let (sandbox, resumed) = decided(&["stop"]);
    resumed.exit(1);
    assert_eq!(log(&sandbox), "taken, released");
    let shown = sandbox.call(&["show", "r"]).exit(0);
    assert!(shown.out.contains("work: its failure: stop, says kim: seen"), "{}", shown.out);
    sandbox.call(&["run", "playbook.yaml"]).exit(0);
}

#[test]
fn a_failure_is_decided_about_while_other_steps_still_run() {
    let beside = "  - {id: beside, run: 'until [ -e enough ]; do sleep 0.05; done', needs: [take], rollback: none}\n";
    let sandbox = Sandbox::new()
        .playbook(&ASKING.replace("  - id: work\n", &format!("{beside}  - id: work\n    needs: [take]\n")));
    let mut engine = sandbox.begin(&[]);
    until("it waits for a decision", || sandbox.call(&["show", "r"]).out.contains("firedrill decide r work"));
    sandbox.write("go", "");
    let said = sandbox.call(&["decide", "r", "work", "retry", "--by", "kim", "--note", "seen"]).exit(0);
    assert_eq!(said.out, "recorded\nthe run goes on\n");
    until("it was attempted again", || sandbox.call(&["show", "r", "--json"]).out.contains("work.attempt.2.1"));
    sandbox.write("enough", "");
    assert!(engine.wait().expect("it ends").success());
    assert_eq!(log(&sandbox), "taken, last 0, released");
}

#[test]
fn what_nobody_asked_cannot_be_decided() {
    let sandbox = Sandbox::new().playbook(ASKING);
    sandbox.run(&[]).exit(5);
    let decide = |words: &[&str]| {
        let called = sandbox.call(&[&["decide", "r"], words, &["--by", "kim", "--note", "x"]].concat());
        called.exit(2).err
    };
    assert!(decide(&["take", "retry"]).contains("nobody is asked what the failure of this step means"));
    assert!(decide(&["wrok", "retry"]).contains("the run has no step `wrok`"));
    assert!(decide(&["work", "retry", "--output", "artifact=x"]).contains("--output belongs to `done`"));
    let early = sandbox.call(&["rollback", "r", "--by", "kim", "--note", "x"]).exit(2);
    assert!(early.err.contains("in doubt or undecided"), "{}", early.err);
}

#[test]
fn a_finished_run_is_undone_on_demand() {
    let sandbox = Sandbox::new().playbook(&ASKING.replace("on_failure: ask", "on_failure: stop"));
    sandbox.run(&[]).exit(1);
    assert_eq!(log(&sandbox), "taken, released");
    let undone = sandbox.call(&["rollback", "r", "--by", "kim", "--note", "home again"]).exit(4);
    assert!(undone.out.contains("ROLLED BACK"), "{}", undone.out);
    assert_eq!(log(&sandbox), "taken, released, untaken");
    sandbox.call(&["rollback", "r", "--by", "kim", "--note", "again"]).exit(4);
    assert_eq!(log(&sandbox), "taken, released, untaken", "what is undone is undone once");
    assert_eq!(sandbox.call(&["locks"]).exit(0).out, "no lock is held\n");
}

const GROUPS: &str = "
firedrill: 1
playbook: playbook
steps:
  - {id: list, read_only: true, run: 'printf \"[\\\"a.tar\\\", \\\"b c\\\", \\\"x/y\\\"]\"', outputs: {names: {from: stdout, jq: ., type: list}}}
  - id: each
    for_each: {in: steps.list.outputs.names, as: name, max_parallel: 1}
    steps:
      - id: copy
        run: 'echo copy ${{ name }} >> log; echo got ${{ name }}'
        rollback: {run: 'echo remove ${{ name }} >> log'}
        outputs: {said: {from: stdout}}
      - {id: check, run: 'test ! -e bad-${{ name | length }}', rollback: none}
    outputs: {said: '${{ steps.copy.outputs.said }}'}
  - id: route
    on_failure: continue
    steps:
      - {id: first, run: 'echo first >> log', rollback: {run: 'echo unfirst >> log'}}
      - {id: second, run: 'test ! -e blocked', rollback: none}
  - {id: detour, when: \"steps.route.outcome == 'failed'\", run: 'echo detour >> log', rollback: none}
  - {id: tell, run: 'echo \"${{ steps.each.outputs.said }}\" >> log', rollback: none}
";

#[test]
fn steps_are_repeated_for_items_that_another_step_finds() {
    let sandbox = Sandbox::new().playbook(GROUPS);
    let done = sandbox.run(&[]).exit(0);
    assert!(done.out.contains("each[x%2Fy]/copy"), "{}", done.out);
    let told = r#"{"a.tar":"got a.tar","b c":"got b c","x/y":"got x/y"}"#;
    assert_eq!(log(&sandbox), format!("copy a.tar, copy b c, copy x/y, first, {told}"));
    let printed = sandbox.call(&["logs", "r", "each[b%20c]/copy"]).exit(0);
    assert!(printed.out.contains("got b c"), "{}", printed.out);
}

#[test]
fn what_instances_did_is_undone_for_each_of_them() {
    let sandbox = Sandbox::new().playbook(GROUPS);
    sandbox.write("bad-3", "");
    sandbox.run(&[]).exit(4);
    assert_eq!(log(&sandbox), "copy a.tar, copy b c, remove b c, remove a.tar");
}

#[test]
fn a_route_that_fails_is_taken_back_and_the_detour_is_taken() {
    let sandbox = Sandbox::new().playbook(GROUPS);
    sandbox.write("blocked", "");
    let done = sandbox.run(&[]).exit(0);
    assert!(done.out.contains("failed and taken back; the rest goes on"), "{}", done.out);
    assert!(log(&sandbox).contains("first, unfirst, detour"), "{}", log(&sandbox));
}
