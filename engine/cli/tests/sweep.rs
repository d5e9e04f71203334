//! `firedrill sweep` as a user calls it.

use std::fs;
use std::process::{Command, Output, Stdio};

/// A copy that is rolled back after the hold that it needs, and a rehearsal that gives its input.
const PLAYBOOK: &str = "firedrill: 1
playbook: p
inputs:
  place: {type: path}
steps:
  - id: block_api
    argv: [block-api]
    idempotent: true
    release: {argv: [unblock-api], until: [copy]}
  - id: copy
    argv: [copy, \"${{ inputs.place }}\"]
    rollback: {argv: [remove-copy]}
  - id: verify_copy
    argv: [verify-copy]
    read_only: true
";
const REHEARSAL: &str =
    "firedrill: 1\nrehearsal: p\nsandbox: foundation\ninputs: {place: \"${{ sandbox.dir }}/copies\"}\n";

struct Swept {
    code: Option<i32>,
    out: String,
    /// What stands behind the warnings of the playbook.
    err: String,
}

/// Sweeps the playbook with further arguments.
fn sweep(playbook: &str, args: &[&str]) -> Swept {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("p.yaml"), playbook).expect("a playbook");
    fs::write(dir.path().join("p.rehearsal.yaml"), REHEARSAL).expect("a rehearsal");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_firedrill"))
        .args(["sweep", "p.yaml"])
        .args(args)
        .current_dir(dir.path())
        .env("FIREDRILL_HOME", dir.path().join("home"))
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .expect("firedrill runs");
    assert!(!dir.path().join("home").exists(), "a sweep writes nothing");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let err = text(stderr);
    let err = err.split_once("warnings in p.yaml\n").map_or(err.as_str(), |(_, after)| after).trim_start().to_owned();
    Swept { code: status.code(), out: text(stdout), err }
}

#[test]
fn a_sweep_shows_what_faults_lead_to_and_gives_advice() {
    let swept = sweep(PLAYBOOK, &[]);
    assert_eq!((swept.code, swept.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(swept.out, @"
    p  98 states, complete to fault depth 1; every history ends at rest

      VERDICT      FAULTS  FOR EXAMPLE
      succeeded         5  without a fault
      rolled back      13  the attempt of `block_api` (line 6) fails once
      cancelled         4  the attempt of `block_api` (line 6) is running when the run is cancelled
      stuck             1  the release of `block_api` (line 6) fails for good

      4 of 23 fault points were not reached: they need other faults before them, or cannot strike.
      --depth 2 tries more of them.

    A human is needed (stuck)
      - the release of `block_api` (line 6) is owed
          when the release of `block_api` (line 6) fails for good

    Worth a look, if it is not meant
      1. `copy` (line 10) ran while `block_api` (line 6) held what it takes, and is rolled back after
         that was released
         change: let the hold last: name in `until` the last step whose failure should still be undone,
                 or drop `until`

    Nothing is wrong.
    ");
}

#[test]
fn a_property_that_does_not_hold_is_told_with_its_story() {
    let swept = sweep(PLAYBOOK, &["--never", "copy.rolled_back and block_api.released", "--fault", "exit"]);
    assert_eq!(swept.code, Some(1));
    assert!(swept.out.lines().next().is_some_and(|line| line.contains("depth 1 of only exit;")), "{}", swept.out);
    assert!(!swept.out.contains("crashes"), "what was not tried is not counted: {}", swept.out);
    let story = swept.out.split("\nWrong\n").nth(1).expect("something is wrong");
    insta::assert_snapshot!(story, @r#"
      1. `copy` (line 10) was rolled back, `block_api` (line 6) was released
         against never "copy.rolled_back and block_api.released"
         1  `block_api` (line 6): attempt 1 succeeds
         2  `copy` (line 10): attempt 1 fails with exit code 1
         3  `copy` (line 10) has failed for good
         4  the run unwinds
         5  `copy` (line 10): try 1 of its rollback succeeds
         6  `block_api` (line 6): try 1 of its release succeeds
         7  the run is at rest: rolled back
         change: which steps run at once is decided by their `needs`, and how long something is held by
                 `until`

    One thing is wrong.
    "#);
}

#[test]
fn a_property_that_cannot_be_read_is_told_with_its_place() {
    let swept = sweep(PLAYBOOK, &["--always", "not kopy.running"]);
    assert_eq!(swept.code, Some(2));
    insta::assert_snapshot!(swept.err, @"
    error: --always: the playbook has no step `kopy`: did you mean `copy`?
        not kopy.running
            ^
    ");
}

#[test]
fn a_sweep_says_how_far_it_came() {
    let swept = sweep(PLAYBOOK, &["--depth", "3", "--budget", "200"]);
    assert_eq!(swept.code, Some(0));
    assert!(swept.out.starts_with("p  explored 200 of at least "), "{}", swept.out);
    let json = sweep(PLAYBOOK, &["--depth", "3", "--budget", "200", "--json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["version"], &json["extent"]["states"], &json["extent"]["depth"]),
        (&1.into(), &200.into(), &3.into())
    );
}

#[test]
fn an_invalid_playbook_is_not_swept() {
    let swept = sweep("firedrill: 1\nplaybook: p\nsteps: [{id: a}]\n", &[]);
    assert_eq!((swept.code, swept.out.as_str()), (Some(3), ""));
}
