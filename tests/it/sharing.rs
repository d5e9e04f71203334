//! Runs of a sweep share what comes before their faults: that must not be noticed.

use std::fs;

use crate::planted::fixtures;
use crate::rig::Sandbox;

/// A playbook with all that could keep a world from being put back: what goes on in the background, people, milestones, files
/// with modes and links, a secret.
const DELICATE: &str = r#"
firedrill: 1
playbook: delicate
steps:
  - id: announce
    idempotent: true
    rollback: none
    run: |
      cd "$FIREDRILL_SANDBOX"
      (firedrill-sleep 30m; echo late >arrived) >&- 2>&- &
      umask 077
      echo one >list
      ln -s list link
      chmod 400 list
  - id: agree
    needs: [announce]
    approve: {prompt: "Go on?", timeout: 1h}
  - id: copy
    needs: [agree]
    idempotent: true
    rollback: none
    timeout: 2h
    milestones: {half: ^half$}
    run: |
      cd "$FIREDRILL_SANDBOX"
      firedrill-sleep 20m
      echo half
      firedrill-sleep 20m
      cat link arrived >copied
    outputs: {lines: {from: stdout}}
  - id: log_in
    needs: [copy]
    read_only: true
    run: |
      firedrill-sleep 1m
      echo token=$(cat "$FIREDRILL_SANDBOX/copied" | wc -l)-is-secret >>"$FIREDRILL_OUTPUT"
    outputs: {token: {secret: true}}
  - id: tell
    needs: [log_in]
    read_only: true
    argv: [test, "${{ steps.copy.outputs.lines }}", "=", half]
  - id: use
    needs: [tell]
    read_only: true
    env: {TOKEN: "${{ steps.log_in.outputs.token }}"}
    run: 'test "$TOKEN" != ""'
invariants:
  - id: copied_or_not
    run: |
      cd "$FIREDRILL_SANDBOX"
      test ! -e copied || { grep -q late copied && test copied -nt list; }
"#;

/// Returns what a sweep finds, without how long it took.
fn swept(sandbox: &Sandbox, file: &str, more: &[&str]) -> String {
    let args = ["sweep", "--world", file, "--json", "--jobs", "2"];
    let called = sandbox.call(&[&args, more].concat());
    assert!(matches!(called.code, Some(0 | 1)), "{}", called.err);
    called.out.split_inclusive('\n').filter(|line| !line.contains("\"real_ms\"")).collect()
}

fn comes_to_the_same(sandbox: &Sandbox, file: &str) -> String {
    let fresh = swept(sandbox, file, &["--fresh"]);
    let shared = swept(sandbox, file, &[]);
    assert!(fresh == shared, "from the beginning:\n{fresh}\nfrom the middle:\n{shared}");
    fresh
}

#[test]
fn healthy_and_broken_playbooks() {
    let sandbox = fixtures();
    comes_to_the_same(&sandbox, "nightly.yaml");
    comes_to_the_same(&sandbox, "locks.yaml");
    let text = fs::read_to_string(sandbox.path("nightly.yaml")).unwrap();
    sandbox.write("nightly.yaml", text.replace("cleanup: {argv: [dump, tidy]}", "cleanup: {argv: [dump, idle]}"));
    let red = comes_to_the_same(&sandbox, "nightly.yaml");
    assert!(red.contains("the dump is in use"), "{red}");
}

#[test]
fn what_is_hard_to_put_back() {
    let sandbox = fixtures();
    sandbox.write("delicate.yaml", DELICATE);
    sandbox.write("delicate.rehearsal.yaml", "firedrill: 1\nrehearsal: delicate\nsandbox: ./stand-ins\n");
    comes_to_the_same(&sandbox, "delicate.yaml");
}

#[test]
fn what_runs_have_in_common_is_executed_once() {
    let sandbox = fixtures();
    let dump = sandbox.path("stand-ins/bin/dump");
    let text = fs::read_to_string(&dump).unwrap();
    let calls = |more: &[&str]| {
        let count = sandbox.path("count");
        fs::write(&dump, text.replace("set -eu\n", &format!("set -eu\necho >>'{}'\n", count.display()))).unwrap();
        swept(&sandbox, "nightly.yaml", more);
        let calls = fs::read_to_string(&count).unwrap().lines().count();
        fs::remove_file(count).unwrap();
        calls
    };
    let (fresh, shared) = (calls(&["--fresh"]), calls(&[]));
    assert!(shared * 5 < fresh * 4, "{shared} calls instead of {fresh}");
}
