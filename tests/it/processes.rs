//! What happens to processes: signals, time limits, a second engine, private files, floods of output.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Sandbox, firedrill, until};

/// A step whose children leave its session and ignore every request to end.
const STUBBORN: &str = r#"
firedrill: 1
playbook: playbook
steps:
  - id: stubborn
    run: |
      setsid sh -c 'trap "" TERM INT HUP; echo $$ > one; while :; do sleep 1; done' &
      sh -c 'trap "" TERM INT HUP; echo $$ > two; while :; do sleep 1; done' &
      wait
    idempotent: true
    rollback: none
"#;

/// A step that lasts until somebody writes to `gate`.
const GATED: &str = r"
firedrill: 1
playbook: playbook
steps:
  - {id: wait, run: 'echo begun > begun; cat gate', rollback: none}
";

fn gated() -> Sandbox {
    let sandbox = Sandbox::new().playbook(GATED);
    let made = Command::new("mkfifo").arg(sandbox.path("gate")).status().unwrap();
    assert!(made.success());
    sandbox
}

fn until_written(sandbox: &Sandbox, name: &str) {
    until(name, || fs::metadata(sandbox.path(name)).is_ok_and(|file| file.len() > 0));
}

fn signal(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}

/// Waits until nothing of a sandbox is alive.
fn until_nothing_lives(sandbox: &Sandbox) {
    until("every process of the run has ended", || sandbox.processes().is_empty());
}

#[test]
fn ctrl_c_ends_children_that_left_the_session_and_ignore_it() {
    let sandbox = Sandbox::new().playbook(STUBBORN);
    let mut engine = sandbox.begin(&[]);
    until_written(&sandbox, "one");
    until_written(&sandbox, "two");
    signal(&engine, Signal::INT);
    assert_eq!(engine.wait().unwrap().code(), Some(130));
    until_nothing_lives(&sandbox);
}

#[test]
fn a_time_limit_ends_the_whole_tree() {
    let text = r"
firedrill: 1
playbook: playbook
steps:
  - id: slow
    run: 'setsid sleep 1000 & sleep 1000 & echo up > up; wait'
    timeout: 300ms
    idempotent: true
    rollback: none
";
    let sandbox = Sandbox::new().playbook(text);
    sandbox.run(&[]).exit(4);
    assert!(sandbox.path("up").exists());
    until_nothing_lives(&sandbox);
}

#[test]
fn a_dropped_terminal_does_not_stop_a_run() {
    let sandbox = gated();
    let mut engine = sandbox.begin(&[]);
    until_written(&sandbox, "begun");
    for _ in 0..3 {
        signal(&engine, Signal::HUP);
    }
    fs::write(sandbox.path("gate"), "go on").unwrap();
    assert_eq!(engine.wait().unwrap().code(), Some(0));
    assert!(sandbox.call(&["logs", "r"]).exit(0).out.contains("go on"));
}

#[test]
fn a_second_engine_is_refused_and_told_who_has_the_run() {
    let sandbox = gated();
    let mut engine = sandbox.begin(&[]);
    until_written(&sandbox, "begun");
    let second = sandbox.call(&["resume", "r"]);
    assert_ne!(second.code, Some(0));
    assert!(second.err.contains(&engine.id().to_string()), "{}", second.err);
    let same_name = sandbox.run(&[]);
    assert_ne!(same_name.code, Some(0));
    assert!(same_name.err.contains("`r`"), "{}", same_name.err);
    fs::write(sandbox.path("gate"), "").unwrap();
    assert_eq!(engine.wait().unwrap().code(), Some(0));
}

#[test]
fn nothing_of_a_run_is_open_to_others_whatever_the_umask() {
    let text = "firedrill: 1\nplaybook: playbook\nsteps:\n  - {id: a, run: 'echo x', rollback: none}\n";
    let sandbox = Sandbox::new().playbook(text);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(firedrill());
    shell.args(["run", "playbook.yaml", "--id", "r"]).current_dir(sandbox.path(""));
    let ran = shell.env("FIREDRILL_HOME", sandbox.home()).stdout(Stdio::null()).status().unwrap();
    assert!(ran.success());
    let files = below(&sandbox.home());
    assert!(files.len() > 5, "{files:?}");
    let is_open = |path: &&PathBuf| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o077 != 0;
    assert_eq!(files.iter().filter(is_open).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_flood_of_output_is_kept_whole_in_flat_memory() {
    const FLOOD: u64 = 200 * 1024 * 1024;
    const MOST_KIB: u64 = 64 * 1024;
    let text = format!(
        "firedrill: 1\nplaybook: playbook\nsteps:\n  - {{id: flood, run: 'head -c {FLOOD} /dev/zero', read_only: true}}\n"
    );
    let sandbox = Sandbox::new().playbook(&text);
    let mut engine = sandbox.begin(&[]);
    let mut most = 0;
    until("the run is over", || {
        let peaks = sandbox.processes().into_iter().filter_map(peak_kib);
        most = peaks.fold(most, u64::max);
        engine.try_wait().unwrap().is_some()
    });
    assert_eq!(engine.wait().unwrap().code(), Some(0));
    assert!(most > 0 && most < MOST_KIB, "{most} KiB");
    let kept = fs::metadata(sandbox.run_dir("r").join("out/flood.attempt.1.1.stdout")).unwrap();
    assert_eq!(kept.len(), FLOOD);
}

/// Returns the most memory that a process has had resident.
fn peak_kib(process: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
