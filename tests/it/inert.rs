//! A plan starts nothing and writes nothing: what the kernel was asked for says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rig::{Sandbox, firedrill};

/// Calls that make processes, reach over the network or change a file system.
const FORBIDDEN: &[&str] = &[
    "fork(",
    "vfork(",
    "execve(",
    "execveat(",
    "socket(",
    "socketpair(",
    "connect(",
    "bind(",
    "creat(",
    "mkdir(",
    "mkdirat(",
    "mknod(",
    "mknodat(",
    "rename(",
    "renameat(",
    "renameat2(",
    "link(",
    "linkat(",
    "symlink(",
    "symlinkat(",
    "unlink(",
    "unlinkat(",
    "rmdir(",
    "truncate(",
    "ftruncate(",
    "fallocate(",
    "chmod(",
    "fchmod(",
    "fchmodat(",
    "chown(",
    "fchownat(",
    "kill(",
    "mount(",
];

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn a_plan_of_every_playbook_starts_and_writes_nothing() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no strace");
        return;
    }
    for playbook in playbooks() {
        let trace = trace(&playbook);
        let calls: Vec<&str> = trace.lines().filter(|call| is_forbidden(call)).collect();
        assert_eq!(calls, Vec::<&str>::new(), "{}", playbook.display());
    }
}

/// Returns every playbook that is shipped.
fn playbooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_playbook = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".rehearsal.yaml")
    };
    let playbooks: Vec<PathBuf> = files.filter(is_playbook).collect();
    assert!(!playbooks.is_empty());
    playbooks
}

/// Returns what a plan of a playbook asks of the kernel after it was started itself.
fn trace(playbook: &Path) -> String {
    let sandbox = Sandbox::new();
    let out = sandbox.path("trace");
    let inputs = playbook.with_extension("rehearsal.yaml");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "200", "-o"]).arg(&out).arg(firedrill());
    strace.arg("plan").arg(playbook).env("FIREDRILL_HOME", sandbox.home());
    if inputs.exists() {
        strace.arg(format!("--sandbox={}", sandbox.path("world").display()));
    }
    let planned = strace.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert!(planned.status.success(), "{said}");
    assert!(!planned.stdout.is_empty(), "nothing was planned");
    let trace = fs::read_to_string(out).unwrap();
    let (first, rest) = trace.split_once('\n').unwrap();
    assert!(first.contains("execve("), "the trace begins with {first}");
    rest.to_owned()
}

/// Returns whether a line of the trace is a call that a plan must not make.
fn is_forbidden(line: &str) -> bool {
    let call = line.trim_start_matches(|character: char| character.is_ascii_digit() || character == ' ');
    let is_opening = call.starts_with("open(") || call.starts_with("openat(") || call.starts_with("openat2(");
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag));
    let is_process = call.starts_with("clone") && !call.contains("CLONE_THREAD");
    (is_opening && writes) || is_process || FORBIDDEN.iter().any(|name| call.starts_with(name))
}

#[test]
fn the_filter_knows_what_a_plan_must_not_do() {
    for line in [
        "12 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 5",
        "12 execve(\"/bin/sh\", [\"sh\"], 0x7ffe /* 9 vars */) = 0",
        "12 openat(AT_FDCWD, \"x\", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3",
        "socket(AF_UNIX, SOCK_STREAM, 0) = 3",
    ] {
        assert!(is_forbidden(line), "{line}");
    }
    for line in ["12 openat(AT_FDCWD, \"/etc/ld.so.cache\", O_RDONLY|O_CLOEXEC) = 3", "12 write(1, \"plan\", 4) = 4"] {
        assert!(!is_forbidden(line), "{line}");
    }
}
