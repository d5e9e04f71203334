//! Signals to a running backup, as recorded with the real client.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::rig::{Rig, normal, normal_metadata, transcript};

/// How long each phase takes in real time: long enough that a signal finds the scripts at work.
const PACE_MS: &str = "400";

/// How many virtual milliseconds pass until the scripts are done and the director is unlocked.
const UNTIL_UNLOCKED: u64 = 360_000 + 15_000;

/// A backup whose scripts run, and what it has printed so far.
struct Running {
    rig: Rig,
    clock: Clock,
    child: Child,
    lines: BufReader<ChildStdout>,
    out: String,
}

impl Running {
    /// Starts it in virtual time, and lets time pass until the scripts run.
    fn start(stdin: Stdio) -> Running {
        let clock = Clock::new();
        let socket = clock.socket().display().to_string();
        let mut running = Running::with(clock, ("FIREDRILL_CLOCK", &socket), stdin);
        running.clock.wait_for_parked(1);
        running.clock.advance(2_000 + 6_000 + 20_000);
        running.read_until("Backing up director on bosh/0...\n");
        running
    }

    fn with(clock: Clock, (name, value): (&str, &str), stdin: Stdio) -> Running {
        let rig = Rig::new();
        let mut command = rig.director(&["backup"]);
        command.env(name, value).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { rig, clock, child, lines, out: String::new() }
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

    /// Lets all its time pass, reads to the end and returns the exit status.
    fn finish(&mut self) -> Option<i32> {
        self.clock.run_out();
        self.lines.read_to_string(&mut self.out).unwrap();
        self.child.wait().unwrap().code()
    }
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
    let mut running = Running::start(Stdio::null());
    running.signal(Signal::INT);
    running.read_until("send SIGTERM.\n");
    goes_on("5x-eof", running);
}

#[test]
fn work_goes_on_silently_until_no_is_answered() {
    let mut running = Running::start(Stdio::piped());
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
    let mut running = Running::start(Stdio::piped());
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
        let mut running = Running::start(Stdio::null());
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
    let mut running = Running::with(Clock::new(), ("FIREDRILL_SANDBOX_PACE", PACE_MS), Stdio::null());
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
