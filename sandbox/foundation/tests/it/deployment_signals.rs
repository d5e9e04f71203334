//! Signals to a running backup of the platform: who dies leaves the API locked, and bbr's directory on the VMs.

use std::process::Stdio;

use rustix::process::Signal;

use crate::clock::Clock;
use crate::rig::Rig;
use crate::running::Running;

const TAS: &str = "cf-0123456789abcdef0123";

/// Starts a backup of the platform in virtual time, and lets time pass until its backup scripts have run for a minute.
fn start(stdin: Stdio) -> Running {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut command = rig.command("bbr", &["deployment", "--deployment", TAS, "backup"]);
    command.env("FIREDRILL_CLOCK", clock.socket()).stdin(stdin).stderr(Stdio::null());
    let mut running = Running::begin(rig, clock, command);
    running.clock.wait_for_parked(1);
    // The connection, the checks, two layers of locks, and a minute of the backup scripts.
    running.clock.advance(2_000 + 6_000 + 15_000 + 15_000 + 60_000);
    running.read_until("INFO - Running backup scripts...\n");
    running
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
        let mut running = start(Stdio::null());
        running.signal(signal);
        running.clock.wait_for_parked(0);
        assert_eq!(running.finish(), None, "{signal:?}");
        leaves_everything(&running);
    }
}

#[test]
fn interrupt_answered_yes_leaves_the_platform_locked() {
    let mut running = start(Stdio::piped());
    running.signal(Signal::INT);
    running.answer("yes\n");
    running.clock.wait_for_parked(0);
    assert_eq!(running.finish(), Some(1));
    leaves_everything(&running);
}

#[test]
fn interrupt_answered_no_goes_on() {
    let mut running = start(Stdio::piped());
    running.signal(Signal::INT);
    running.read_until("[yes/no]\n");
    running.answer("no\n");
    has_finished(&mut running);
}

#[test]
fn interrupt_without_anybody_to_answer_goes_on() {
    let mut running = start(Stdio::null());
    running.signal(Signal::INT);
    running.read_until("send SIGTERM.\n");
    has_finished(&mut running);
}
