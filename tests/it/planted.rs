//! Bugs planted in healthy playbooks: rehearsals and sweeps find each, and say where it is in words.

use std::fs;
use std::path::Path;

use crate::rig::{Called, Sandbox};

/// A fixture with a bug: the line that holds `of` becomes another.
struct Planted {
    playbook: &'static str,
    of: &'static str,
    line: &'static str,
}

const NO_UNLOCK: Planted = nightly("    release:", "");
const UNLOCK_DOES_NOTHING: Planted = nightly("    release:", "    release: {argv: [lb, check]}");
const ROLLBACK_FAILS: Planted = nightly("    cleanup:", "    cleanup: {argv: [dump, idle]}");
const ROLLBACK_IS_MISSING: Planted = nightly("    rollback: {", "    rollback: {argv: [dumpp, remove]}");
const NO_CLEANUP: Planted = nightly("    cleanup:", "    idempotent: true");
const CLEANUP_DOES_NOTHING: Planted = nightly("    cleanup:", "    cleanup: {argv: [\"true\"]}");
const VERIFY_IS_TRUE: Planted = nightly("    verify:", "    verify: {argv: [\"true\"]}");
const VERIFY_OF_ANOTHER: Planted = nightly("    verify:", "    verify: {argv: [dump, idle]}");
const TOO_SHORT: Planted = nightly("    timeout: 1h", "    timeout: 10m");
const SHIP_TOO_SHORT: Planted = nightly("    timeout: 30m", "    timeout: 9m59s");
const DEADLOCK: Planted = locks(
    "  - {id: second, argv: [sh, -c, 'exec 8>\"$FIREDRILL_SANDBOX/x\"; flock 8; exclusive x 1m'], idempotent: true, rollback: none, timeout: 1h}",
);
const DEADLOCK_WITHOUT_LIMIT: Planted = locks(
    "  - {id: second, argv: [sh, -c, 'exec 8>\"$FIREDRILL_SANDBOX/x\"; flock 8; exclusive x 1m'], idempotent: true, rollback: none}",
);

const fn nightly(of: &'static str, line: &'static str) -> Planted {
    Planted { playbook: "nightly", of, line }
}

const fn locks(line: &'static str) -> Planted {
    Planted { playbook: "locks", of: "- {id: second", line }
}

impl Planted {
    fn sandbox(&self) -> Sandbox {
        let sandbox = fixtures();
        let file = sandbox.path(&format!("{}.yaml", self.playbook));
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(|line| if line.contains(self.of) { self.line } else { line });
        let planted = lines.collect::<Vec<_>>().join("\n") + "\n";
        assert_ne!(planted, text);
        fs::write(file, planted).unwrap();
        sandbox
    }

    /// Returns what a rehearsal and a sweep say of it.
    fn found(&self) -> String {
        let sandbox = self.sandbox();
        let file = format!("{}.yaml", self.playbook);
        let rehearsed = sandbox.call(&["rehearse", &file]);
        let swept = sandbox.call(&["sweep", "--world", &file]).exit(1);
        format!("{}\n{}", said(&rehearsed), said(&swept))
    }
}

/// Returns the fixtures in a place of their own.
pub(crate) fn fixtures() -> Sandbox {
    let sandbox = Sandbox::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rehearsals");
    let bin = sandbox.path("stand-ins/bin");
    fs::create_dir_all(&bin).unwrap();
    for name in ["nightly.yaml", "nightly.rehearsal.yaml", "locks.yaml", "locks.rehearsal.yaml"] {
        fs::copy(from.join(name), sandbox.path(name)).unwrap();
    }
    for entry in fs::read_dir(from.join("stand-ins/bin")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), bin.join(entry.file_name())).unwrap();
    }
    sandbox
}

/// Returns what was printed, without what differs from run to run: real times and the places of worlds.
fn said(called: &Called) -> String {
    let lines = called.out.lines().chain(called.err.lines());
    let lines = lines.filter(|line| !line.contains("of virtual time"));
    let text: String = lines.map(|line| line.split(" virtual ").next().unwrap_or(line).to_owned() + "\n").collect();
    let words = text.split_inclusive(char::is_whitespace);
    words.map(|word| if word.contains("/firedrill-") { "PLACE " } else { word }).collect()
}

#[test]
fn healthy_playbooks_raise_no_alarm() {
    for name in ["nightly.yaml", "locks.yaml"] {
        let sandbox = fixtures();
        sandbox.call(&["rehearse", name]).exit(0);
        let swept = sandbox.call(&["sweep", "--world", name]).exit(0);
        assert!(!swept.out.contains("finding"), "{}", swept.out);
    }
}

#[test]
fn a_lock_that_is_handed_over_is_no_deadlock() {
    let sandbox = locks(
        "  - {id: second, needs: [], argv: [exclusive, one, 5m], idempotent: true, rollback: none, timeout: 16m}",
    )
    .sandbox();
    for _ in 0..20 {
        let rehearsed = sandbox.call(&["rehearse", "locks.yaml"]).exit(0);
        assert!(rehearsed.out.contains("15m virtual"), "{}", rehearsed.out);
    }
}

macro_rules! found {
    ($($test:ident: $planted:ident $parts:expr;)*) => {$(
        #[test]
        fn $test() {
            let found = $planted.found();
            let flat = found.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in $parts {
                assert!(flat.contains(part), "`{part}` is not in\n{found}");
            }
            assert!(flat.contains("firedrill rehearse "), "no command shows it:\n{found}");
        }
    )*};
}

found! {
    an_unlock_that_is_missing: NO_UNLOCK ["`traffic` (line 21) does not hold", "neither a release nor a rollback has: `close` (line 4)"];
    an_unlock_that_does_nothing: UNLOCK_DOES_NOTHING ["the release of `close` (line 4)", "lb: traffic is not let in"];
    a_rollback_that_fails: ROLLBACK_FAILS ["the rollback of `dump` (line 8)", "dump: the dump is in use"];
    a_rollback_whose_program_is_missing: ROLLBACK_IS_MISSING ["the rollback of `dump` (line 8) could not be started: `dumpp`"];
    a_retry_without_cleanup: NO_CLEANUP ["attempt 2 of `dump` (line 8)", "another dump is running"];
    a_retry_after_a_cleanup_that_does_nothing: CLEANUP_DOES_NOTHING ["its cleanup does not clear away"];
    a_verify_that_is_true_before: VERIFY_IS_TRUE ["the verify of `dump` (line 8) holds before the step has run"];
    a_verify_of_something_else: VERIFY_OF_ANOTHER ["the verify of `dump` (line 8) holds before the step has run"];
    a_time_out_that_is_too_short: TOO_SHORT ["`dump` (line 8) was ended after its time limit of 10m", "too short"];
    a_time_out_that_is_a_little_too_short: SHIP_TOO_SHORT ["`ship` (line 15) was ended after its time limit of 9m59s"];
    a_deadlock_on_a_lock: DEADLOCK ["`second` (line 5)", "waits for never comes"];
    a_deadlock_without_a_time_limit: DEADLOCK_WITHOUT_LIMIT ["second.attempt.1.1 waits for a lock that nobody will give back"];
}
