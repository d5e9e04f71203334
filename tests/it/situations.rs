//! Sweeps that begin in the situation of a scenario, as those of recoveries do.

use std::fs;

use crate::rig::Sandbox;

const PLAYBOOK: &str = "firedrill: 1
playbook: mend
inputs: {what: {type: string}}
steps:
  - {id: look, argv: [sh, -c, 'test -e \"$FIREDRILL_SANDBOX/$1\"', sh, \"${{ inputs.what }}\"], read_only: true, timeout: 1m}
";

const REHEARSAL: &str = "firedrill: 1
rehearsal: mend
sandbox: ./stand-ins
inputs: {what: nothing}
scenarios:
  - {name: all is well, expect: {verdict: rolled_back}}
  - name: the disk is broken
    inputs: {what: broken}
    given: [[touch, '${{ sandbox.dir }}/broken']]
    faults: [{step: look, fault: exit}]
    expect: {verdict: rolled_back}
";

fn recovery(sweep: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("stand-ins/bin")).unwrap();
    sandbox.write("mend.yaml", PLAYBOOK);
    sandbox.write("mend.rehearsal.yaml", format!("{REHEARSAL}{sweep}"));
    sandbox
}

#[test]
fn a_sweep_begins_where_the_rehearsal_says() {
    let healthy = recovery("").call(&["sweep", "--world", "mend.yaml"]).exit(1);
    assert!(healthy.err.contains("without a fault the run is rolled back"), "{}", healthy.err);
    recovery("sweep: {scenario: the disk is broken}\n").call(&["sweep", "--world", "mend.yaml"]).exit(0);
}

#[test]
fn a_sweep_begins_where_the_command_line_says() {
    let sandbox = recovery("sweep: {scenario: all is well}\n");
    sandbox.call(&["sweep", "--world", "mend.yaml"]).exit(1);
    let scenario = ["--scenario", "the disk is broken"];
    sandbox.call(&[&["sweep", "--world", "mend.yaml"][..], &scenario].concat()).exit(0);
    let fault = ["rehearse", "mend.yaml", "--fault", "look.attempt:late_failure", "--trace"];
    sandbox.call(&[&fault[..], &scenario].concat()).exit(0);
}

#[test]
fn a_scenario_that_is_not_there_is_named() {
    let called = recovery("sweep: {scenario: the moon is broken}\n").call(&["sweep", "--world", "mend.yaml"]).exit(3);
    assert!(called.err.contains("no scenario is called `the moon is broken`"), "{}", called.err);
}
