//! Groups, repetitions and used playbooks, run for real: names, values, crashes, and what is shown of a used file.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use firedrill_run::{Answer, Event};

use crate::rig::{Sandbox, until};

/// A group, a repetition over an input, one over an output, and a used playbook in it; `last` tells what they published.
const BLOCKS: &str = "
firedrill: 1
playbook: playbook
inputs:
  zones: {type: list, default: [a, b/c]}
  size: {type: integer, default: 4}
steps:
  - {id: find, run: 'echo \"[\\\"d\\\", \\\"e f\\\"]\"', timeout: 1m, read_only: true, outputs: {disks: {from: stdout, type: list}}}
  - id: prepare
    steps:
      - {id: one, argv: [echo, 17], timeout: 1m, read_only: true, outputs: {n: {from: stdout, type: integer}}}
      - {id: two, argv: [echo, '${{ steps.one.outputs.n + inputs.size }}'], timeout: 1m, read_only: true, outputs: {m: {from: stdout}}}
    outputs: {total: '${{ steps.two.outputs.m }}'}
  - id: zone
    for_each: {in: inputs.zones}
    argv: [echo, '${{ item }}-${{ steps.prepare.outputs.total }}']
    timeout: 1m
    read_only: true
    outputs: {said: {from: stdout}}
  - id: disk
    for_each: {in: steps.find.outputs.disks, as: disk}
    steps:
      - {id: name, run: 'while ! test -e go; do sleep 0.02; done; echo disk ${{ disk }}', timeout: 1m, read_only: true, outputs: {name: {from: stdout}}}
      - {id: part, use: parts/part.yaml, with: {disk: '${{ steps.name.outputs.name }}'}}
    outputs: {said: '${{ steps.part.outputs.said }}'}
  - id: last
    run: |
      echo ${{ steps.zone.outputs.said | tojson }} ${{ steps.disk.outputs.said | tojson }} > told
    timeout: 1m
    rollback: none
";

const PART: &str = "firedrill: 1
playbook: part
inputs: {disk: {type: string}, size: {type: integer}}
vars: {both: '${{ inputs.disk }}, ${{ inputs.size }}'}
guards: [{id: named, argv: [test, '${{ inputs.disk }}'], message: The disk has no name.}]
steps:
  - {id: say, run: 'echo ${{ vars.both }} in $(basename $PWD)', timeout: 1m, read_only: true, outputs: {said: {from: stdout}}}
invariants: [{id: there, argv: [test, -f, part.yaml]}]
outputs: {said: '${{ steps.say.outputs.said }}'}
";

fn blocks() -> Sandbox {
    with_part(PART)
}

fn with_part(part: &str) -> Sandbox {
    let sandbox = Sandbox::new().playbook(BLOCKS);
    fs::create_dir(sandbox.path("parts")).unwrap();
    sandbox.write("parts/part.yaml", part);
    sandbox.write("go", "");
    sandbox
}

const TOLD: &str = "{\"a\":\"a-21\",\"b/c\":\"b/c-21\"} \
                    {\"d\":\"disk d, 4 in parts\",\"e f\":\"disk e f, 4 in parts\"}\n";

#[test]
fn values_pass_through_blocks() {
    let sandbox = blocks();
    let called = sandbox.run(&[]).exit(0);
    assert_eq!(fs::read_to_string(sandbox.path("told")).unwrap(), TOLD);
    for word in ["zone[b%2Fc]", "disk[e%20f]/part/say", "disk[d]/part"] {
        assert!(called.out.contains(word), "{word} is missing in {}", called.out);
    }
    assert!(sandbox.run_dir("r").join("out/disk[d]~part~say.attempt.1.1.stdout").is_file());
}

#[test]
fn a_run_goes_on_inside_of_blocks() {
    let sandbox = blocks();
    fs::remove_file(sandbox.path("go")).unwrap();
    let mut engine = sandbox.begin(&[]);
    let is_expanded = |event: &Event| matches!(event, Event::Decided { answer: Answer::Items(_), .. });
    until("the items", || sandbox.journal_path().exists() && sandbox.events().iter().any(is_expanded));
    engine.kill().expect("it runs");
    engine.wait().expect("it was killed");
    sandbox.write("go", "");
    sandbox.call(&["resume", "r"]).exit(0);
    assert_eq!(fs::read_to_string(sandbox.path("told")).unwrap(), TOLD);
}

#[test]
fn faults_of_a_used_playbook_are_shown_in_its_own_file() {
    let sandbox = with_part(&PART.replace("inputs.size }}'", "inputs.sise }}'"));
    let called = sandbox.call(&["validate", "playbook.yaml"]).exit(3);
    assert!(called.out.contains("parts/part.yaml:4:"), "{}", called.out);
    let json = sandbox.call(&["validate", "playbook.yaml", "--json"]).exit(3);
    assert!(json.out.contains("\"file\": \"parts/part.yaml\""), "{}", json.out);
}

#[test]
fn an_approved_plan_covers_what_is_used() {
    let sandbox = blocks();
    sandbox.call(&["plan", "playbook.yaml", "--out", "approved.plan"]).exit(0);
    sandbox.write("parts/part.yaml", PART.replace("echo", "echo -n"));
    let called = sandbox.call(&["run", "--plan", "approved.plan", "--id", "r"]).exit(6);
    assert!(called.err.contains("parts/part.yaml was changed"), "{}", called.err);
}

#[test]
fn a_used_playbook_brings_its_programs() {
    let sandbox = with_part(&PART.replace("echo ${{ vars.both }}", "say ${{ vars.both }}"));
    let tool = |folder: &str, name: &str, text: &str| {
        fs::create_dir_all(sandbox.path(folder)).unwrap();
        let path = sandbox.path(folder).join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    tool("parts/bin", "say", "echo \"$@\"\n");
    sandbox.run(&[]).exit(0);
    assert_eq!(fs::read_to_string(sandbox.path("told")).unwrap(), TOLD);
    sandbox.call(&["plan", "playbook.yaml", "--out", "approved.plan"]).exit(0);
    tool("parts/bin", "say", "echo changed\n");
    let changed = sandbox.call(&["run", "--plan", "approved.plan", "--id", "later"]).exit(6);
    assert!(changed.err.contains("bin/say was changed"), "{}", changed.err);
    tool("bin", "say", "echo another\n");
    let called = sandbox.call(&["plan", "playbook.yaml"]).exit(3);
    assert!(called.err.contains("bin/say and parts/bin/say are different files of one name"), "{}", called.err);
}

/// A group that fails and is taken back by itself; then another way.
const ROUTES: &str = "
firedrill: 1
playbook: playbook
steps:
  - id: fast
    on_failure: continue
    steps:
      - {id: mount, run: 'echo mount >> ledger', timeout: 1m, rollback: {run: 'echo unmount >> ledger'}}
      - {id: read, run: 'exit 1', timeout: 1m, rollback: none}
      - {id: never, run: 'echo never >> ledger', timeout: 1m, rollback: none}
  - {id: slow, when: steps.fast.outcome == 'failed', run: 'echo slow >> ledger', timeout: 1m, rollback: none}
";

#[test]
fn a_group_that_fails_lets_another_way_be_gone() {
    let sandbox = Sandbox::new().playbook(ROUTES);
    sandbox.run(&[]).exit(0);
    assert_eq!(fs::read_to_string(sandbox.path("ledger")).unwrap(), "mount\nunmount\nslow\n");
}
