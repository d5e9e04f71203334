//! `plan --out` and `run --plan`: exactly what was approved is run, or nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::rig::{Called, Sandbox, is_slow};

const PLAYBOOK: &str = "firedrill: 1
playbook: playbook
inputs: {host: {type: string}}
steps:
  - {id: one, argv: [note, '${{ inputs.host }}'], rollback: none}
";

/// Returns a playbook with a program and a target, planned into `approved.plan`.
fn planned() -> Sandbox {
    let sandbox = Sandbox::new().playbook(PLAYBOOK);
    for folder in ["bin", "targets"] {
        fs::create_dir(sandbox.path(folder)).unwrap();
    }
    tool(&sandbox, "note", "echo start \"$1\" >> ledger\n");
    sandbox.write("targets/dev.yaml", "target: dev\ninputs: {host: a.example}\n");
    let plan = sandbox.call(&["plan", "playbook.yaml", "--target", "dev", "--out", "approved.plan"]).exit(0);
    assert!(plan.err.contains("firedrill run --plan approved.plan"), "{}", plan.err);
    sandbox
}

/// Writes a program of `bin/`.
fn tool(sandbox: &Sandbox, name: &str, script: &str) {
    let path = sandbox.path("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(sandbox: &Sandbox) -> Called {
    sandbox.call(&["run", "--plan", "approved.plan", "--id", "r"])
}

/// Holds that a run of the plan is refused with these words, and that nothing was executed.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &str) {
    let called = run(sandbox);
    assert!(matches!(called.code, Some(6)), "{called:?}");
    assert!(called.err.contains(words), "`{words}` is missing in\n{}", called.err);
    assert!(sandbox.ledger().is_empty() && !sandbox.run_dir("r").exists(), "{words}: something was executed");
}

#[test]
fn the_approved_plan_is_run() {
    let sandbox = planned();
    let mode = fs::metadata(sandbox.path("approved.plan")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    run(&sandbox).exit(0);
    assert_eq!(sandbox.ledger().into_keys().collect::<Vec<_>>(), ["a.example"]);
    let approved = fs::read_to_string(sandbox.path("approved.plan")).unwrap();
    let approved: serde_json::Value = serde_json::from_str(&approved).unwrap();
    let plan = fs::read_to_string(sandbox.run_dir("r").join("plan.json")).unwrap();
    assert_eq!(approved["approved"]["plan"], serde_json::from_str::<serde_json::Value>(&plan).unwrap());
}

#[test]
fn an_approved_plan_takes_no_inputs() {
    let sandbox = planned();
    let more: [&[&str]; 6] =
        [&["playbook.yaml"], &["-i", "host=b"], &["--inputs", "x"], &["--target", "dev"], &["--sandbox"], &["--drill"]];
    for more in more {
        sandbox.call(&[&["run", "--plan", "approved.plan"], more].concat()).exit(2);
    }
    sandbox.call(&["run"]).exit(2);
    sandbox.call(&["run", "--plan", "nothing.plan"]).exit(2);
    assert!(sandbox.ledger().is_empty());
}

#[test]
fn a_change_of_any_byte_of_the_plan_is_refused() {
    let sandbox = planned();
    let bytes = fs::read(sandbox.path("approved.plan")).unwrap();
    let step = if is_slow() { 1 } else { 23 };
    for at in (0..bytes.len()).step_by(step) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        sandbox.write("approved.plan", &changed);
        refused(&sandbox, "approved.plan");
    }
    for changed in [bytes[..bytes.len() - 1].to_vec(), [&bytes[..], b"\n"].concat(), [b" ", &bytes[..]].concat()] {
        sandbox.write("approved.plan", &changed);
        refused(&sandbox, "was changed since it was written");
    }
    sandbox.write("approved.plan", &bytes);
    run(&sandbox).exit(0);
}

#[test]
fn a_change_of_any_byte_of_what_was_planned_is_refused() {
    for name in ["playbook.yaml", "targets/dev.yaml", "bin/note"] {
        let sandbox = planned();
        let bytes = fs::read(sandbox.path(name)).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            sandbox.write(name, &changed);
            refused(&sandbox, &format!("{name} was changed"));
        }
        fs::remove_file(sandbox.path(name)).unwrap();
        refused(&sandbox, name);
        sandbox.write(name, &bytes);
        refused_if_new(&sandbox);
    }
}

fn refused_if_new(sandbox: &Sandbox) {
    tool(sandbox, "echo", "true\n");
    refused(sandbox, "bin/echo is new");
}

#[test]
fn a_plan_of_another_engine_is_refused() {
    let sandbox = planned();
    let text = fs::read_to_string(sandbox.path("approved.plan")).unwrap();
    for (known, other) in [("\"version\": 1", "\"version\": 2"), ("\"format\": 1", "\"format\": 9")] {
        sandbox.write("approved.plan", text.replace(known, other));
        refused(&sandbox, "written by another engine: plan format");
    }
}

#[test]
fn what_a_protected_target_and_a_point_of_no_return_ask_for_is_asked_when_it_is_run() {
    let sandbox = planned();
    sandbox.write("targets/dev.yaml", "target: dev\ninputs: {host: a}\nprotected: true\n");
    sandbox.write("playbook.yaml", PLAYBOOK.replace("rollback: none", "irreversible: true"));
    sandbox.call(&["plan", "playbook.yaml", "--target", "dev", "--out", "approved.plan"]).exit(0);
    let accept = ["run", "--plan", "approved.plan", "--accept-irreversible", "one"];
    run(&sandbox).exit(3);
    sandbox.call(&accept).exit(6);
    assert!(sandbox.ledger().is_empty());
    sandbox.call(&[&accept[..], &["--confirm", "dev"]].concat()).exit(0);
}

#[test]
fn a_program_that_is_changed_during_the_run_is_not_started() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    tool(&sandbox, "note", "echo start \"$1\" >> ledger\n");
    let change = "echo 'echo start changed >> ledger' >> \"$(command -v note)\"";
    let add = "printf '#!/bin/sh\\necho start added >> ledger\\n' > \"$FIREDRILL_RUN_DIR/../bin/added\"; chmod +x \"$FIREDRILL_RUN_DIR/../bin/added\"";
    let local = "echo 'echo start changed >> ledger' >> bin/note";
    let cases = [(change, "note"), (change, "/bin/sh"), (add, "added"), (local, "bin/note"), (local, "./bin/note")];
    for (change, next) in cases {
        tool(&sandbox, "note", "echo start \"$1\" >> ledger\n");
        let steps = format!(
            "  - {{id: change, argv: [sh, -c, {}], read_only: true}}\n  - {{id: next, argv: [{next}, -c, note x], read_only: true}}\n",
            serde_json::to_string(change).unwrap()
        );
        sandbox.write("playbook.yaml", format!("firedrill: 1\nplaybook: playbook\nsteps:\n{steps}"));
        let called = sandbox.call(&["run", "playbook.yaml"]);
        assert_ne!(called.code, Some(0), "{next}: {called:?}");
        assert!(called.out.contains("is not the file that was planned"), "{next}: {}", called.out);
        assert!(sandbox.ledger().is_empty(), "{next}: {:?}", sandbox.ledger());
    }
}
