//! bbr, bosh and om on a virtual clock: what the world is like while they are parked.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::rig::{Ran, Rig};

/// Starts a program that parks before anything else can be said of it.
fn start(clock: &Clock, mut command: Command) -> Child {
    command.env("FIREDRILL_CLOCK", clock.socket()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    clock.wait_for_parked(1);
    child
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn end(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// A backup of 80 s: 20 s for the lock, then 60 s for the scripts, and nothing else takes time.
fn backup_of_80_s() -> Rig {
    let rig = Rig::new();
    for phase in ["connect", "pre-backup-check", "unlock", "drain", "checksum", "cleanup"] {
        rig.sandbox(&format!("pace bbr.{phase} 0s"));
    }
    rig.sandbox("pace bbr.lock 20s");
    rig.sandbox("pace bbr.backup 1m");
    rig
}

#[test]
fn backup_of_hours_is_over_at_once_and_says_when() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.sandbox("pace bbr.backup 4h");
    let ran = clock.run(&mut rig.director(&["backup"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    // 2 + 6 + 20 + 15 + 10 s, 4 h of scripts, and some milliseconds less than 4 m of drain and 30 s of checksums.
    let seconds = 53 + 240 + 30 + 4 * 3600 - 1;
    assert_eq!(clock.elapsed() / 1000, seconds);
    assert!(rig.artifact().ends_with("10.0.0.6_20260105T020000Z"), "{}", rig.artifact().display());
    let metadata = rig.metadata();
    assert!(
        metadata.contains("  start_time: 2026/01/05 02:00:00 UTC\n  finish_time: 2026/01/05 06:05:22 UTC"),
        "{metadata}"
    );
    assert!(ran.out.starts_with("[bbr] 2026/01/05 02:00:00 INFO - Looking for scripts\n"), "{}", ran.out);
    assert!(ran.out.contains("[bbr] 2026/01/05 06:00:28 INFO - Finished running backup scripts."), "{}", ran.out);
    assert!(ran.out.contains(" on 2026-01-05 06:05:12.9"), "{}", ran.out);
    assert!(ran.out.contains(" m=+14712.9"), "{}", ran.out);
}

#[test]
fn identical_every_time() {
    let run = || {
        let (rig, clock) = (Rig::new(), Clock::new());
        rig.sandbox("fault bbr.unlock --exit 1");
        let ran = clock.run(rig.director(&["backup"]).env("FIREDRILL_COMMAND", "run/backup/1"));
        (ran, clock.elapsed(), rig.metadata(), rig.try_sandbox("check"))
    };
    let first = run();
    assert_eq!(
        first.3,
        Err("the director is locked by bbr of run/backup/1\nthe sandbox is not safe: 1 finding".into())
    );
    for _ in 0..10 {
        assert_eq!(run(), first);
    }
}

#[test]
fn killed_at_60_of_80_s_leaves_lock_directory_and_half_an_artifact() {
    for ending in [Signal::TERM, Signal::KILL, Signal::HUP] {
        let (rig, clock) = (backup_of_80_s(), Clock::new());
        let child = start(&clock, rig.director(&["backup"]));
        clock.advance(60_000);
        signal(&child, ending);
        assert_eq!(end(child).code, None, "{ending:?}");
        clock.wait_for_parked(0);
        for fact in ["lock ours", "leftover ours", "artifacts 1 incomplete", "artifacts 0 whole"] {
            rig.sandbox(&format!("assert {fact}"));
        }
        assert!(rig.sandbox("show").contains("Z unfinished\n"));
        assert!(rig.try_sandbox("check").unwrap_err().contains("the director is locked by bbr"));
    }
}

#[test]
fn second_bbr_sees_the_first_one() {
    let (rig, clock) = (backup_of_80_s(), Clock::new());
    let child = start(&clock, rig.director(&["backup"]));
    rig.sandbox("assert lock held");
    let look = || rig.director(&["pre-backup-check"]).env("FIREDRILL_CLOCK", clock.socket()).output().unwrap().into();
    let early: Ran = look();
    assert_eq!(early.code, Some(0), "the directory is made when the scripts start: {}", early.err);
    clock.advance(20_000);
    let late: Ran = look();
    assert_eq!(late.code, Some(1));
    assert!(
        late.err.contains("Directory /var/vcap/store/bbr-backup already exists on instance bosh/0"),
        "{}",
        late.err
    );
    clock.advance(60_000);
    assert_eq!(end(child).code, Some(0));
    let after: Ran = look();
    assert_eq!(after.code, Some(0), "{}", after.err);
    rig.sandbox("assert artifacts 1 whole");
    rig.sandbox("check");
}

#[test]
fn interrupt_answered_no_does_not_end_a_park() {
    let (rig, clock) = (backup_of_80_s(), Clock::new());
    let mut command = rig.director(&["backup"]);
    command.stdin(Stdio::piped());
    let mut child = start(&clock, command);
    clock.advance(30_000);
    signal(&child, Signal::INT);
    child.stdin.take().unwrap().write_all(b"no\n").unwrap();
    clock.wait_for_parked(1);
    clock.advance(49_999);
    rig.sandbox("assert lock held");
    clock.advance(1);
    let ran = end(child);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

#[test]
fn interrupt_answered_yes_ends_a_park() {
    let (rig, clock) = (backup_of_80_s(), Clock::new());
    let mut command = rig.director(&["backup"]);
    command.stdin(Stdio::piped());
    let mut child = start(&clock, command);
    clock.advance(30_000);
    signal(&child, Signal::INT);
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    assert_eq!(end(child).code, Some(1));
    clock.wait_for_parked(0);
    assert_eq!(clock.elapsed(), 30_000);
    rig.sandbox("assert lock ours");
}

#[test]
fn faults_strike_when_the_time_of_the_phase_has_passed() {
    for (fault, arguments, seconds) in [
        ("bbr.lock", ["backup"].as_slice(), 2 + 6 + 20 + 15),
        ("bbr.backup", &["backup"], 2 + 6 + 20 + 360 + 15 + 10),
        ("bbr.unlock", &["backup"], 682),
        ("bbr.cleanup", &["backup"], 682),
        // The director's job is the last one, and its checksums are not compared.
        ("bbr.drain", &["backup"], 680),
        ("bbr.pre-backup-check", &["pre-backup-check"], 2),
        ("bbr.backup-cleanup", &["backup-cleanup"], 2),
    ] {
        let (rig, clock) = (Rig::new(), Clock::new());
        rig.sandbox(&format!("fault {fault} --exit 1"));
        let ran = clock.run(&mut rig.director(arguments));
        assert_ne!(ran.code, Some(0), "{fault}");
        assert_eq!(clock.elapsed() / 1000, seconds, "{fault}");
    }
}

#[test]
fn fault_is_not_used_up_by_a_bbr_that_was_killed_before() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.sandbox("fault bbr.backup --exit 1 --times 1");
    let child = start(&clock, rig.director(&["backup"]));
    clock.advance(60_000);
    signal(&child, Signal::KILL);
    end(child);
    clock.wait_for_parked(0);
    assert!(rig.sandbox("fault --list").contains("struck 0 of 1 times"));
}

#[test]
fn export_that_is_killed_leaves_half_an_archive() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let file = rig.work().join("installation.zip");
    let export = || rig.command("om", &["export-installation", "-o", file.to_str().unwrap()]);
    assert_eq!(clock.run(&mut export()).code, Some(0));
    assert_eq!(clock.elapsed(), 182_000);
    let whole = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let child = start(&clock, export());
    clock.advance(60_000);
    signal(&child, Signal::TERM);
    end(child);
    assert_eq!(fs::read(&file).unwrap(), whole[..whole.len() / 2]);
}

#[test]
fn queries_take_seconds() {
    for (program, arguments, millis) in [
        ("bosh", ["tasks"].as_slice(), 1000),
        ("bosh", &["vms"], 3000),
        ("bosh", &["--version"], 0),
        ("om", &["pending-changes"], 2000),
        ("om", &["version"], 0),
    ] {
        let (rig, clock) = (Rig::new(), Clock::new());
        let ran = clock.run(&mut rig.command(program, arguments));
        assert_eq!((ran.code, clock.elapsed()), (Some(0), millis), "{program} {arguments:?}: {}", ran.err);
    }
}

#[test]
fn restore_that_is_killed_is_half_done() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.bbr(&["backup"]);
    let artifact = rig.artifact().display().to_string();
    let restore = || rig.director(&["restore", "--artifact-path", &artifact]);
    let child = start(&clock, restore());
    clock.advance(2_000 + 240_000 + 20_000 + 200_000);
    signal(&child, Signal::KILL);
    end(child);
    clock.wait_for_parked(0);
    rig.sandbox("assert restore half-done");
    assert_eq!(rig.bbr(&["restore-cleanup"]).code, Some(0));
    let findings = rig.try_sandbox("check").unwrap_err();
    assert!(findings.contains("is half done: jobs hold content of different times"), "{findings}");
    assert_eq!(clock.run(&mut restore()).code, Some(0));
    rig.sandbox("assert restore none");
    rig.sandbox("check");
}

#[test]
fn stand_ins_end_with_their_clock() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let child = start(&clock, rig.director(&["backup"]));
    clock.stop();
    let ran = end(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "the virtual clock has stopped: its world has ended\n"));
    let mut nobody = rig.command("bosh", &["tasks"]);
    let ran: Ran = nobody.env("FIREDRILL_CLOCK", rig.work().join("none")).output().unwrap().into();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("cannot reach the virtual clock at "), "{}", ran.err);
}

/// Runs the stand-in `sandbox`, whose time is the clock's.
fn sandbox(rig: &Rig, clock: &Clock, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    clock.run(&mut rig.command("sandbox", &words))
}

#[test]
fn situations_begin_and_end_later() {
    let (rig, clock) = (Rig::new(), Clock::new());
    assert_eq!(sandbox(&rig, &clock, "later 12s mend unreachable").code, Some(0));
    assert_eq!(sandbox(&rig, &clock, "later 1s break unreachable").code, Some(0));
    let check = |expected: &str| {
        let ran = clock.run(&mut rig.director(&["pre-backup-check"]));
        assert!(ran.out.contains(expected) || ran.err.contains(expected), "{} {}", ran.out, ran.err);
    };
    check("Director can be backed up.");
    assert_eq!(clock.elapsed(), 8_000, "what happens after bbr has logged in does not disturb it");
    check("connection refused");
    assert_eq!(clock.elapsed(), 10_000);
    check("connection refused");
    check("Director can be backed up.");
}

#[test]
fn second_operator_who_begins_while_bbr_looks_is_seen() {
    let (rig, clock) = (Rig::new(), Clock::new());
    sandbox(&rig, &clock, "later 5s break second-operator");
    let ran = clock.run(&mut rig.director(&["backup"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("already exists") && !ran.out.contains("Starting backup"), "{} {}", ran.out, ran.err);
    assert_eq!(sandbox(&rig, &clock, "check").code, Some(0));
}

#[test]
fn appointments_that_cannot_be_kept_are_refused() {
    let rig = Rig::new();
    for (line, said) in [
        ("later", "`later` needs a duration"),
        ("later 5s", "`later` needs a duration"),
        ("later soon break leftover", "`soon` is no duration"),
        ("later 5s end leftover", "`later` knows `break` and `mend`, not `end`"),
        ("later 5s break left-over", "no situation is called `left-over`"),
    ] {
        let error = rig.try_sandbox(line).unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
}
