//! Signals to a running backup, as recorded with the real client.

use std::process::Stdio;

use rustix::process::Signal;

use crate::clock::Clock;
use crate::rig::{Rig, normal, normal_metadata, transcript};
use crate::running::Running;

/// How long each phase takes in real time: long enough that a signal finds the scripts at work.
const PACE_MS: &str = "400";

/// How many virtual milliseconds pass until the scripts are done and the director is unlocked.
const UNTIL_UNLOCKED: u64 = 360_000 + 15_000;

/// Starts a backup of the director in virtual time, and lets time pass until the scripts run.
fn start(stdin: Stdio) -> Running {
    let clock = Clock::new();
    let socket = clock.socket().display().to_string();
    let mut running = with(clock, ("FIREDRILL_CLOCK", &socket), stdin);
    running.clock.wait_for_parked(1);
    running.clock.advance(2_000 + 6_000 + 20_000);
    running.read_until("Backing up director on bosh/0...\n");
    running
}

fn with(clock: Clock, (name, value): (&str, &str), stdin: Stdio) -> Running {
    let rig = Rig::new();
    let mut command = rig.director(&["backup"]);
    command.env(name, value).stdin(stdin).stderr(Stdio::piped());
    Running::begin(rig, clock, command)
}

/// Takes the lines of the question out, which stand where the signal happened to come.
fn without_question(out: &str) -> String {
    let kept =
        out.lines().filter(|line| !line.is_empty() && !line.starts_with("Stopping") && !line.starts_with("Couldn't"));
    normal(&kept.collect::<Vec<_>>().join("\n"))
}

fn goes_on(situation: &str, mut running: Running) {
    let recorded = |file: &str| transcript(&format!("bbr-director/{situation}/{file}"));
    assert_eq!(running.finish(), Some(0));
    let Running { rig, out, .. } = running;
    assert_eq!(without_question(&out), without_question(&recorded("out")));
    let asked = |text: &str| [text.matches("\nStopping a backup").count(), text.matches("\nCouldn't read").count()];
    assert_eq!(asked(&out), asked(&recorded("out")), "{out}");
    assert_eq!(normal_metadata(&rig.metadata()), normal_metadata(&recorded("artifact-metadata.yml")));
    assert!(!rig.is_locked() && !rig.backup_directory().exists());
}

#[test]
fn interrupt_without_an_answer_goes_on() {
    let mut running = start(Stdio::null());
    running.signal(Signal::INT);
    running.read_until("send SIGTERM.\n");
    goes_on("5x-eof", running);
}

#[test]
fn work_goes_on_silently_until_no_is_answered() {
    let mut running = start(Stdio::piped());
    running.signal(Signal::INT);
    running.read_until("[yes/no]\n");
    running.clock.advance(UNTIL_UNLOCKED);
    assert!(!running.rig.is_locked());
    running.answer("no\n");
    running.read_until("Finished running post-backup-unlock scripts.\n");
    goes_on("5x-no", running);
}

#[test]
fn interrupt_answered_yes_ends_at_once() {
    let mut running = start(Stdio::piped());
    running.signal(Signal::INT);
    running.answer("yes\n");
    running.clock.wait_for_parked(0);
    assert_eq!(running.finish(), Some(1));
    let recorded = transcript("bbr-director/5x-yes/out");
    let tail = recorded.split_once("\nStopping").unwrap().1;
    let Running { rig, out, .. } = running;
    assert!(out.ends_with(&format!("\nStopping{tail}")), "{out}");
    assert!(rig.ledger().ends_with("exit=1\n"), "{}", rig.ledger());
    leaves_everything(&rig, "5x-yes");
}

#[test]
fn other_signals_kill() {
    for (signal, situation) in [(Signal::HUP, "5x-hup"), (Signal::KILL, "5x-kill"), (Signal::TERM, "5x-kill")] {
        let mut running = start(Stdio::null());
        running.signal(signal);
        running.clock.wait_for_parked(0);
        assert_eq!(running.finish(), None, "{signal:?}");
        let rig = running.rig;
        assert!(!rig.ledger().contains("end "), "a killed stand-in has no second line");
        let findings = rig.try_sandbox("check").unwrap_err();
        assert!(findings.contains("the director is locked by bbr") && findings.contains("left over"), "{findings}");
        leaves_everything(&rig, situation);
    }
}

#[test]
fn real_time_is_no_different() {
    let mut running = with(Clock::new(), ("FIREDRILL_SANDBOX_PACE", PACE_MS), Stdio::null());
    running.read_until("Backing up director on bosh/0...\n");
    running.signal(Signal::TERM);
    assert_eq!(running.finish(), None);
    leaves_everything(&running.rig, "5x-kill");
}

/// Lock and directory remain, the metadata has no finish, and a cleanup heals it as recorded.
fn leaves_everything(rig: &Rig, situation: &str) {
    assert!(rig.is_locked() && rig.backup_directory().exists());
    assert!(rig.sandbox("show").contains("Z unfinished\n"));
    let recorded = |file: &str| transcript(&format!("bbr-director/{situation}/{file}"));
    assert_eq!(normal_metadata(&rig.metadata()), normal_metadata(&recorded("artifact-metadata.yml")));
    let cleanup = rig.bbr(&["backup-cleanup"]);
    assert_eq!(normal(&format!("{}{}", cleanup.out, cleanup.err)), normal(&recorded("cleanup.out")));
    rig.sandbox("check");
}
