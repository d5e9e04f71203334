//! Journals that a disk has spoiled: cut off at every byte, bits turned over. Nothing runs again, nothing panics, and
//! what is wrong is said.

use std::fs;
use std::path::Path;

use crate::rig::{Called, Ledger, Sandbox, is_slow};

/// A run that ends well, or is stuck because its rollback fails.
const PLAYBOOK: &str = r#"
firedrill: 1
playbook: playbook
defaults:
  env: {LEDGER: "${{ inputs.ledger }}", FAIL: "${{ inputs.fail }}"}
inputs:
  ledger: {type: path}
  fail: {type: boolean}
steps:
  - id: one
    run: &work 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"'
    rollback: {run: 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"; exit 1', retry: {max_attempts: 1}}
  - id: two
    needs: [one]
    run: 'name=${FIREDRILL_OUTPUT##*/} name=${name%.outputs}; echo "start $name" >> "$LEDGER"; ! $FAIL'
    rollback: none
    release: {run: *work}
"#;

/// A run that has come to rest, and its journal.
struct Spoiled {
    sandbox: Sandbox,
    journal: Vec<u8>,
    ledger: Ledger,
    code: i32,
}

impl Spoiled {
    fn new(fail: bool) -> Spoiled {
        let sandbox = Sandbox::new().playbook(PLAYBOOK);
        let ledger = sandbox.path("ledger").display().to_string();
        sandbox.write("inputs.yaml", format!("ledger: {ledger}\nfail: {fail}\n"));
        let code = if fail { 5 } else { 0 };
        sandbox.run(&["--inputs", "inputs.yaml"]).exit(code);
        Spoiled { journal: fs::read(sandbox.journal_path()).unwrap(), ledger: sandbox.ledger(), sandbox, code }
    }

    /// Resumes a copy of the run with another journal, shows it, and holds it against what must never happen.
    #[track_caller]
    fn resume(&self, journal: &[u8], what: &str) -> Called {
        let home = self.sandbox.path("copy");
        let run = home.join("runs/r");
        copy(&self.sandbox.run_dir("r"), &run);
        fs::write(run.join("journal"), journal).unwrap();
        fs::remove_file(self.sandbox.path("ledger")).unwrap();
        let home = home.display().to_string();
        let resumed = self.sandbox.call(&["--home", &home, "resume", "r"]);
        let shown = self.sandbox.call(&["--home", &home, "show", "r"]);
        for called in [&resumed, &shown] {
            let is_sound = called.code.is_some_and(|code| code != 101) && !called.err.contains("panicked");
            assert!(is_sound, "{what}: {called:?}");
        }
        self.nothing_ran_again(what);
        fs::remove_dir_all(self.sandbox.path("copy")).unwrap();
        resumed
    }

    /// Nothing bears the name of what had run already.
    #[track_caller]
    fn nothing_ran_again(&self, what: &str) {
        for (name, (starts, _)) in self.sandbox.ledger() {
            assert!(!self.ledger.contains_key(&name), "{what}: `{name}` ran again");
            assert_eq!(starts, 1, "{what}: `{name}` ran {starts} times");
        }
        self.sandbox.write("ledger", "");
    }

    /// Either nothing was lost that matters, or it is said what is wrong.
    #[track_caller]
    fn is_sound_or_named(&self, resumed: &Called, what: &str) {
        let is_named = resumed.err.contains("journal");
        assert!(resumed.code == Some(self.code) || is_named, "{what}: {resumed:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    for dir in to.ancestors().take(3) {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(dir, private).unwrap();
    }
}

/// Every byte, or some of them and the ends of all lines.
fn places(journal: &[u8]) -> Vec<usize> {
    let step = if is_slow() { 1 } else { 29 };
    let is_line_end = |at: &usize| journal[*at] == b'\n';
    (0..journal.len()).filter(|at| at % step == 0 || is_line_end(at) || (*at > 0 && is_line_end(&(at - 1)))).collect()
}

fn survives_being_cut_off(fail: bool) {
    let run = Spoiled::new(fail);
    for at in places(&run.journal) {
        let what = format!("cut off after {at} of {} bytes", run.journal.len());
        let resumed = run.resume(&run.journal[..at], &what);
        run.is_sound_or_named(&resumed, &what);
    }
}

fn survives_flipped_bits(fail: bool) {
    let run = Spoiled::new(fail);
    for at in places(&run.journal) {
        let bit = at % 8;
        let mut journal = run.journal.clone();
        journal[at] ^= 1 << bit;
        let what = format!("bit {bit} of byte {at}");
        let resumed = run.resume(&journal, &what);
        run.is_sound_or_named(&resumed, &what);
        let is_end = at + 1 == journal.len();
        assert!(resumed.code != Some(0) || is_end, "{what}: nothing was noticed");
    }
}

#[test]
fn a_finished_run_survives_a_journal_that_is_cut_off() {
    survives_being_cut_off(false);
}

#[test]
fn a_stuck_run_survives_a_journal_that_is_cut_off() {
    survives_being_cut_off(true);
}

#[test]
fn a_finished_run_survives_flipped_bits() {
    survives_flipped_bits(false);
}

#[test]
fn a_stuck_run_survives_flipped_bits() {
    survives_flipped_bits(true);
}
