//! Signals to a running backup, as recorded with the real client.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Rig, normal, normal_metadata, transcript};

const PACE_MS: &str = "250";

/// A backup that was sent a signal while its scripts ran, and what it had printed in all.
struct Signalled {
    rig: Rig,
    child: Child,
    out: String,
}

/// Starts a backup, waits until its scripts run, signals it, answers, and reads on to the end.
fn signalled(signal: Signal, answer: Option<&str>) -> Signalled {
    let rig = Rig::new();
    let mut command = rig.director(&["backup"]);
    command
        .env("FIREDRILL_SANDBOX_PACE", PACE_MS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.stdin(if answer.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut child = command.spawn().unwrap();
    let mut out = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !out.ends_with("Backing up director on bosh/0...\n") {
        assert_ne!(lines.read_line(&mut out).unwrap(), 0, "the backup ended early: {out}");
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    if let Some(answer) = answer {
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    }
    lines.read_to_string(&mut out).unwrap();
    Signalled { rig, child, out }
}

/// Takes the lines of the question out, which stand where the signal happened to come.
fn without_question(out: &str) -> String {
    let kept = out
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("Stopping") && !line.starts_with("Couldn't"));
    normal(&kept.collect::<Vec<_>>().join("\n"))
}

fn goes_on(situation: &str, answer: Option<&str>) {
    let Signalled { rig, mut child, out } = signalled(Signal::INT, answer);
    let recorded = |file: &str| transcript(&format!("bbr-director/{situation}/{file}"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(without_question(&out), without_question(&recorded("out")));
    for line in recorded("out")
        .lines()
        .filter(|line| line.starts_with("Stopping") || line.starts_with("Couldn't"))
    {
        assert!(out.contains(line), "{line} is missing in {out}");
    }
    assert_eq!(out.contains("Couldn't"), answer.is_none());
    assert_eq!(
        normal_metadata(&rig.metadata()),
        normal_metadata(&recorded("artifact-metadata.yml"))
    );
    assert!(!rig.is_locked() && !rig.backup_directory().exists());
}

#[test]
fn interrupt_without_an_answer_goes_on() {
    goes_on("5x-eof", None);
}

#[test]
fn interrupt_answered_no_goes_on() {
    goes_on("5x-no", Some("no\n"));
}

#[test]
fn interrupt_answered_yes_ends_at_once() {
    let Signalled { rig, mut child, out } = signalled(Signal::INT, Some("yes\n"));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let recorded = transcript("bbr-director/5x-yes/out");
    let tail = recorded.split_once("\nStopping").unwrap().1;
    assert!(out.ends_with(&format!("\nStopping{tail}")), "{out}");
    assert!(rig.ledger().ends_with("exit=1\n"), "{}", rig.ledger());
    leaves_everything(&rig, "5x-yes");
}

#[test]
fn other_signals_kill() {
    for (signal, situation) in [
        (Signal::HUP, "5x-hup"),
        (Signal::KILL, "5x-kill"),
        (Signal::TERM, "5x-kill"),
    ] {
        let Signalled { rig, mut child, .. } = signalled(signal, None);
        assert_eq!(child.wait().unwrap().code(), None, "{signal:?}");
        assert!(!rig.ledger().contains("end "), "a killed stand-in has no second line");
        let findings = rig.try_sandbox("check").unwrap_err();
        assert!(
            findings.contains("the director is locked by bbr") && findings.contains("left over"),
            "{findings}"
        );
        leaves_everything(&rig, situation);
    }
}

/// Lock and directory remain, the metadata has no finish, and a cleanup heals it as recorded.
fn leaves_everything(rig: &Rig, situation: &str) {
    assert!(rig.is_locked() && rig.backup_directory().exists());
    let recorded = |file: &str| transcript(&format!("bbr-director/{situation}/{file}"));
    assert_eq!(
        normal_metadata(&rig.metadata()),
        normal_metadata(&recorded("artifact-metadata.yml"))
    );
    let cleanup = rig.bbr(&["backup-cleanup"]);
    assert_eq!(
        normal(&format!("{}{}", cleanup.out, cleanup.err)),
        normal(&recorded("cleanup.out"))
    );
    rig.sandbox("check");
}
