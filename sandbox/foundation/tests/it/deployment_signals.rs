//! Signals to a running backup of the platform: who dies leaves the API locked, and bbr's directory on the VMs.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::rig::Rig;

const TAS: &str = "cf-0123456789abcdef0123";

/// A backup whose scripts run, and what it has printed so far.
struct Running {
    rig: Rig,
    clock: Clock,
    child: Child,
    lines: BufReader<ChildStdout>,
    out: String,
}

impl Running {
    fn start(stdin: Stdio) -> Running {
        let (rig, clock) = (Rig::new(), Clock::new());
        let mut command = rig.command("bbr", &["deployment", "--deployment", TAS, "backup"]);
        command.env("FIREDRILL_CLOCK", clock.socket()).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running { rig, clock, child, lines, out: String::new() };
        running.clock.wait_for_parked(1);
        // The connection, the checks, two layers of locks, and a minute of the backup scripts.
        running.clock.advance(2_000 + 6_000 + 15_000 + 15_000 + 60_000);
        running.read_until("INFO - Running backup scripts...\n");
        running
    }

    fn read_until(&mut self, end: &str) {
        while !self.out.ends_with(end) {
            assert_ne!(self.lines.read_line(&mut self.out).unwrap(), 0, "the backup ended early: {}", self.out);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn answer(&mut self, text: &str) {
        self.child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn finish(&mut self) -> Option<i32> {
        self.clock.run_out();
        self.lines.read_to_string(&mut self.out).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// The API stays closed until somebody cleans up.
fn leaves_everything(running: &Running) {
    let rig = &running.rig;
    for fact in ["api locked", "lock platform ours", "leftover platform ours", "artifacts 0 whole"] {
        rig.sandbox(&format!("assert {fact}"));
    }
    let refused = rig.run("bbr", &["deployment", "--deployment", TAS, "pre-backup-check"]);
    assert!(refused.code == Some(1) && refused.out.contains("cannot be backed up"), "{}", refused.out);
    assert_eq!(rig.run("bbr", &["deployment", "--deployment", TAS, "backup-cleanup"]).code, Some(0));
    for fact in ["api open", "lock platform free", "leftover platform none"] {
        rig.sandbox(&format!("assert {fact}"));
    }
    rig.sandbox("check");
}

fn has_finished(running: &mut Running) {
    assert_eq!(running.finish(), Some(0));
    assert!(running.out.contains(&format!("Backup created of {TAS}")), "{}", running.out);
    for fact in ["api open", "artifacts 1 whole", "leftover platform none"] {
        running.rig.sandbox(&format!("assert {fact}"));
    }
    running.rig.sandbox("check");
}

#[test]
fn signals_that_kill_leave_the_platform_locked() {
    for signal in [Signal::TERM, Signal::HUP, Signal::KILL] {
        let mut running = Running::start(Stdio::null());
        running.signal(signal);
        running.clock.wait_for_parked(0);
        assert_eq!(running.finish(), None, "{signal:?}");
        leaves_everything(&running);
    }
}

#[test]
fn interrupt_answered_yes_leaves_the_platform_locked() {
    let mut running = Running::start(Stdio::piped());
    running.signal(Signal::INT);
    running.answer("yes\n");
    running.clock.wait_for_parked(0);
    assert_eq!(running.finish(), Some(1));
    leaves_everything(&running);
}

#[test]
fn interrupt_answered_no_goes_on() {
    let mut running = Running::start(Stdio::piped());
    running.signal(Signal::INT);
    running.read_until("[yes/no]\n");
    running.answer("no\n");
    has_finished(&mut running);
}

#[test]
fn interrupt_without_anybody_to_answer_goes_on() {
    let mut running = Running::start(Stdio::null());
    running.signal(Signal::INT);
    running.read_until("send SIGTERM.\n");
    has_finished(&mut running);
}
