//! A place of one's own to run firedrill in: a home, a ledger, a playbook, and what became of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use firedrill_run::journal::{self, Envelope};
use firedrill_run::{CommandId, Event};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Nothing here takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Returns the firedrill binary of this build.
///
/// Cargo names a binary to the tests of its own package only, and a dependency on a binary needs an unstable feature.
/// So it is looked for where cargo puts it, next to this test, and built once if a narrow `cargo test -p` has not.
pub(crate) fn firedrill() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let name = profile.file_name().and_then(OsStr::to_str).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "firedrill-cli", "--bin", "firedrill"]);
    build.arg("--profile").arg(if name == "debug" { "dev" } else { name });
    build.arg("--target-dir").arg(profile.parent().unwrap());
    assert!(build.status().unwrap().success(), "firedrill does not build");
    profile.join("firedrill")
}

/// Tells whether the slow parts are wanted too.
pub(crate) fn is_slow() -> bool {
    std::env::var_os("FIREDRILL_SLOW").is_some()
}

/// A home and a folder with a playbook.
pub(crate) struct Sandbox {
    dir: TempDir,
}

/// What one call of firedrill came to.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What the commands of a run have written down, by the name of the command: how often it started and ended.
pub(crate) type Ledger = BTreeMap<String, (usize, usize)>;

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        Sandbox { dir: tempfile::tempdir().unwrap() }
    }

    /// Writes the playbook.
    pub(crate) fn playbook(self, text: &str) -> Sandbox {
        self.write("playbook.yaml", text);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Returns the directory of a run.
    pub(crate) fn run_dir(&self, run: &str) -> PathBuf {
        self.home().join("runs").join(run)
    }

    /// Returns firedrill, ready to be called in the sandbox.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(firedrill());
        command.args(args).current_dir(self.dir.path());
        command.env("FIREDRILL_HOME", self.home());
        command.stdin(Stdio::null());
        command
    }

    /// Calls firedrill and waits for it.
    pub(crate) fn call(&self, args: &[&str]) -> Called {
        self.command(args).output().unwrap().into()
    }

    /// Runs the playbook as run `r`.
    pub(crate) fn run(&self, args: &[&str]) -> Called {
        self.call(&[&["run", "playbook.yaml", "--id", "r"], args].concat())
    }

    /// Begins to run the playbook as run `r`; what it prints is not kept.
    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        self.spawn(&[&["run", "playbook.yaml", "--id", "r"], args].concat())
    }

    /// Begins to run the playbook, and kills the engine when a command has made the file `begun`.
    pub(crate) fn begin_and_lose_the_engine(&self, args: &[&str]) {
        let mut engine = self.begin(args);
        until("the step runs", || self.path("begun").exists());
        engine.kill().unwrap();
        engine.wait().unwrap();
    }

    /// Resumes run `r`, makes the file `go` for which its commands wait, and returns the exit status.
    pub(crate) fn resume_and_let_go(&self) -> Option<i32> {
        let mut resumed = self.spawn(&["resume", "r"]);
        self.write("go", "");
        resumed.wait().unwrap().code()
    }

    /// Calls firedrill and does not wait; what it prints is not kept.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.run_dir("r").join("journal")
    }

    /// Returns what the journal of run `r` holds; nothing if there is none yet.
    pub(crate) fn journal(&self) -> Vec<Envelope> {
        let bytes = fs::read(self.journal_path()).unwrap_or_default();
        journal::read(&bytes).unwrap().envelopes
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.journal().into_iter().map(|envelope| envelope.event).collect()
    }

    /// Counts the whole lines of the journal of run `r`.
    pub(crate) fn records(&self) -> usize {
        let bytes = fs::read(self.journal_path()).unwrap_or_default();
        bytes.split(|&byte| byte == b'\n').count() - 1
    }

    /// Reads what the commands have written down.
    pub(crate) fn ledger(&self) -> Ledger {
        let text = fs::read_to_string(self.path("ledger")).unwrap_or_default();
        let mut ledger = Ledger::new();
        for line in text.lines() {
            let (what, key) = line.split_once(' ').unwrap();
            let (starts, ends) = ledger.entry(key.to_owned()).or_default();
            *starts += usize::from(what == "start");
            *ends += usize::from(what == "end");
        }
        ledger
    }

    /// Ends everything that works for a run of this sandbox, at once: first it is stopped, then killed.
    pub(crate) fn kill_all(&self) {
        loop {
            let processes = self.processes();
            if processes.is_empty() {
                return;
            }
            for signal in [Signal::STOP, Signal::KILL] {
                // One that has ended meanwhile needs no signal.
                for pid in &processes {
                    let _gone = kill_process(*pid, signal);
                }
            }
        }
    }

    /// Returns the living processes that name this sandbox in their arguments or their environment.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let own = std::process::id().to_string();
        let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = names.filter(|name| *name != own && self.is_named_by(Path::new("/proc").join(name).as_path()));
        pids.filter_map(|name| Pid::from_raw(name.parse().ok()?)).collect()
    }

    fn is_named_by(&self, process: &Path) -> bool {
        let home = self.dir.path().display().to_string();
        let names = |file: &str| {
            let text = fs::read(process.join(file)).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&home)
        };
        names("cmdline") || names("environ")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill_all();
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Called {
        Called {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Called {
    /// Holds the exit code against what it should be.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Called {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }
}

/// Looks until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "still not so: {what}");
        std::thread::yield_now();
    }
}

/// Returns the commands that were started, those that turned out never to have been left out.
pub(crate) fn started(events: &[Event]) -> Vec<CommandId> {
    let mut started = Vec::new();
    for event in events {
        match event {
            Event::Started { command } => started.push(command.clone()),
            Event::NotStarted { command } => started.retain(|other| other != command),
            _ => {}
        }
    }
    started
}
