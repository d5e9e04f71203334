//! A disk that is full or fails under the journal: nothing new starts, nothing that was done is lost or done again.
//!
//! The kernel's answers are made up by strace, for the journal of the run alone.

use std::process::{Command, Stdio};
use std::thread;

use crate::rig::{Called, Sandbox};

const STEPS: [&str; 3] = ["a", "b", "c"];

const PLAYBOOK: &str = "
firedrill: 1
playbook: playbook
steps:
  - {id: a, run: echo a >> ledger, timeout: 1m, rollback: none}
  - {id: b, needs: [a], run: echo b >> ledger, timeout: 1m, rollback: none}
  - {id: c, needs: [b], run: echo c >> ledger, timeout: 1m, rollback: none}
";

/// Which call for the journal goes wrong, and how.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: &'static str,
    how: &'static str,
    /// The how many-th of these calls.
    nth: u32,
}

struct Case {
    sandbox: Sandbox,
    fault: Fault,
}

impl Case {
    fn new(fault: Fault) -> Case {
        Case { sandbox: Sandbox::new().playbook(PLAYBOOK), fault }
    }

    /// Runs the playbook as run `r` on the failing disk.
    fn run(&self) -> Called {
        let Fault { call, how, nth } = self.fault;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(self.sandbox.journal_path());
        strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{how}:when={nth}")]);
        let run = self.sandbox.command(&["run", "playbook.yaml", "--id", "r"]);
        strace.arg(run.get_program()).args(run.get_args()).current_dir(self.sandbox.path(""));
        strace.env("FIREDRILL_HOME", self.sandbox.home()).stdin(Stdio::null());
        strace.output().unwrap().into()
    }

    /// Returns the steps that have been executed, each as often as it was.
    fn done(&self) -> Vec<String> {
        let ledger = std::fs::read_to_string(self.sandbox.path("ledger")).unwrap_or_default();
        ledger.lines().map(str::to_owned).collect()
    }

    fn resume_and_find_everything_done_once(&self) {
        let before = self.done();
        assert!(STEPS.iter().map(ToString::to_string).collect::<Vec<_>>().starts_with(&before), "{:?}", self.fault);
        let resumed = self.sandbox.call(&["resume", "r"]);
        assert_eq!(resumed.code, Some(0), "{:?}: {resumed:?}", self.fault);
        assert_eq!(self.done(), STEPS, "{:?}", self.fault);
    }
}

/// Tries each call with each answer, the first four times, side by side.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn each(calls: &[&'static str], how: &[&'static str], check: impl Fn(&Case) + Sync) {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no strace");
        return;
    }
    thread::scope(|scope| {
        for fault in calls.iter().flat_map(|&call| how.iter().map(move |&how| Fault { call, how, nth: 1 })) {
            for nth in 1..=4 {
                let check = &check;
                scope.spawn(move || check(&Case::new(Fault { nth, ..fault })));
            }
        }
    });
}

#[test]
fn a_record_that_cannot_be_written_stops_the_run_and_loses_nothing() {
    each(&["write", "fdatasync"], &["error=ENOSPC", "error=EIO"], |case| {
        let ran = case.run();
        assert_eq!(ran.code, Some(5), "{:?}: {ran:?}", case.fault);
        let reason = if case.fault.how.ends_with("EIO") { "Input/output error" } else { "No space left on device" };
        let journal = case.sandbox.journal_path().display().to_string();
        assert!(ran.err.contains(&format!("{journal}: {reason}")), "{:?}: {ran:?}", case.fault);
        assert!(ran.err.contains("firedrill resume"), "{:?}: {ran:?}", case.fault);
        case.resume_and_find_everything_done_once();
    });
}

#[test]
fn without_room_for_the_results_nothing_starts() {
    each(&["fallocate"], &["error=ENOSPC"], |case| {
        let ran = case.run();
        let is_struck = case.fault.nth == 1;
        assert_eq!((ran.code, case.done().is_empty()), if is_struck { (Some(1), true) } else { (Some(0), false) });
        case.resume_and_find_everything_done_once();
    });
}

#[test]
fn an_engine_that_dies_at_its_journal_repeats_nothing() {
    each(&["write", "fdatasync"], &["signal=SIGKILL"], |case| {
        let ran = case.run();
        assert_ne!(ran.code, Some(0), "{:?}: {ran:?}", case.fault);
        case.resume_and_find_everything_done_once();
    });
}
