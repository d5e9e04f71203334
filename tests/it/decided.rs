//! What people decide in a rehearsal when the run needs them, and what a sweep makes of everything that they could.

use crate::rig::Sandbox;

const PLAYBOOK: &str = r#"
firedrill: 1
playbook: playbook
on_failure: ask
objectives: {rto: 30m}
steps:
  - id: take
    argv: [take]
    timeout: 1m
    rollback: {argv: [untake]}
    release: {argv: [give, back]}
  - id: work
    argv: [work]
    timeout: 1h
    rollback: {argv: [unwork]}
    outputs: {artifact: {from: stdout}}
  - id: last
    argv: [last, "${{ steps.work.outputs.artifact }}"]
    timeout: 1h
    rollback: none
"#;

const HEAD: &str = "
firedrill: 1
rehearsal: playbook
sandbox: none
scenarios:
  - name: it
    replies:
      - {command: '^work', stdout: x, takes: 10m}
      - {command: '^last', takes: 1m}
      - {command: '.*'}
";

/// Returns what a rehearsal of one scenario with these lines printed, and whether it was green.
fn rehearsed(lines: &str) -> (bool, String) {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    let lines: Vec<String> = lines.lines().map(|line| format!("    {line}\n")).collect();
    sandbox.write("playbook.rehearsal.yaml", format!("{HEAD}{}", lines.concat()));
    let called = sandbox.call(&["rehearse", "playbook.yaml", "--trace"]);
    (called.code == Some(0), called.out + &called.err)
}

#[track_caller]
fn green(lines: &str) -> String {
    let (is_green, told) = rehearsed(lines);
    assert!(is_green, "{told}");
    told
}

#[track_caller]
fn red(lines: &str, why: &str) {
    let (is_green, told) = rehearsed(lines);
    assert!(!is_green && told.contains(why), "{told}");
}

#[test]
fn a_failure_means_what_was_decided_and_people_take_their_time() {
    let told = green(
        "faults: [{step: work, fault: exit}]
decisions: [{step: work, decide: retry, after: 2h, by: kim}]
expect: {verdict: succeeded, within: {rto: 12m}, steps: {work: {attempts: 2}}}",
    );
    assert!(told.contains("kim says: its failure: retry"), "{told}");
    assert!(told.contains("2h waiting for people"), "{told}");
}

#[test]
fn decisions_about_one_step_are_made_one_after_the_other() {
    green(
        "faults: [{step: work, fault: exit, times: always}]
decisions:
  - {step: work, decide: retry}
  - {step: work, decide: retry, after: 10m}
  - {step: work, decide: rollback}
expect: {verdict: rolled_back, steps: {work: {attempts: 3}, take: {rolled_back: true, released: true}}}",
    );
    green(
        "faults: [{step: work, fault: exit, times: always}]
decisions: [{step: work, decide: retry}]
expect: {verdict: stuck, steps: {work: {attempts: 2}, take: {released: false}}}",
    );
}

#[test]
fn what_somebody_did_by_hand_has_its_outputs() {
    let told = green(
        "faults: [{step: work, fault: exit, times: always}]
decisions: [{step: work, decide: done, outputs: {artifact: by-hand}}]
expect: {verdict: succeeded, steps: {last: {outcome: succeeded}}}",
    );
    assert!(told.contains("last        succeeded"), "{told}");
}

#[test]
fn doubts_and_debts_are_settled() {
    green(
        "faults: [{step: last, fault: lost_supervisor}]
decisions: [{step: last, settle: done, after: 1h}]
expect: {verdict: succeeded}",
    );
    green(
        "faults:
  - {step: work, fault: exit, times: always}
  - {step: take, hook: rollback, fault: exit, times: always}
decisions:
  - {step: work, decide: rollback}
  - {step: take, hook: rollback, settle: done}
expect: {verdict: rolled_back}",
    );
}

#[test]
fn a_run_that_was_over_is_undone_after_all() {
    green(
        "decisions: [{rollback: run, after: 1h, by: kim}]
expect: {verdict: rolled_back, steps: {take: {rolled_back: true}, work: {outcome: succeeded, rolled_back: true}}}",
    );
    green(
        "faults: [{step: work, fault: exit, times: always}]
decisions: [{step: work, decide: stop}, {rollback: run}]
expect: {verdict: rolled_back, steps: {take: {rolled_back: true, released: true}}}",
    );
}

#[test]
fn a_decision_survives_a_crash_while_it_is_recorded() {
    let records = (5..=10).flat_map(|record| ["before", "after"].map(|side| (record, side)));
    for (record, side) in records {
        green(&format!(
            "faults: [{{step: work, fault: exit}}, {{record: {record}, fault: crash, side: {side}}}]
decisions: [{{step: work, decide: retry}}]
expect: {{verdict: succeeded, steps: {{work: {{attempts: 2}}}}}}",
        ));
    }
}

#[test]
fn what_nobody_needs_or_can_decide_fails_the_scenario() {
    red("decisions: [{step: work, decide: stop}]", "the decision `step: work, decide: stop` was never needed");
    red("decisions: [{step: wrok, decide: stop}]", "there is no step `wrok`");
    red("decisions: [{step: work}]", "a decision without `decide`, `settle` or `rollback`");
    red("decisions: [{step: work, decide: stop, settle: done}]", "exclude each other");
    red("decisions: [{step: work, rollback: run}]", "`step` needs `decide` or `settle` beside it");
    red("decisions: [{step: work, decide: stop, hook: release}]", "`hook` needs `settle` beside it");
    red("decisions: [{step: last, hook: rollback, settle: done}]", "`last` has no rollback");
    red("decisions: [{step: work, decide: retry, outputs: {artifact: x}}]", "`outputs` needs a step that is `done`");
    red("decisions: [{step: work, decide: done, outputs: {artefact: x}}]", "has no output `artefact`");
}

#[test]
fn a_sweep_of_the_world_begins_in_a_scenario_and_takes_its_decisions() {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    let scenario = format!("{HEAD}    decisions: [{{step: work, decide: retry}}, {{step: work, decide: rollback}}]\n");
    sandbox.write("playbook.rehearsal.yaml", scenario);
    let refused = sandbox.call(&["sweep", "playbook.yaml", "--world"]).exit(3);
    assert!(refused.err.contains("--scenario NAME"), "{}", refused.err);
    let swept = sandbox.call(&["sweep", "playbook.yaml", "--world", "--scenario", "it", "--fault", "exit"]).exit(0);
    let row = swept.out.lines().find(|line| line.starts_with("work ")).unwrap_or_default();
    assert!(row.contains("ok"), "tried again, as decided: {}", swept.out);
}

#[test]
fn a_sweep_tries_everything_that_could_be_decided() {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    let broken = sandbox.call(&["sweep", "playbook.yaml", "--never", "last.started and not work.started"]);
    assert!(broken.out.contains("somebody decides about the failure of `work`"), "{}", broken.out);
    assert!(broken.out.contains(": done"), "{}", broken.out);
    let kept = sandbox.call(&["sweep", "playbook.yaml", "--never", "take.rolled_back and last.succeeded"]).exit(0);
    assert!(!kept.out.contains("somebody decides"), "{}", kept.out);
}
