//! One world, its stand-ins, and what they printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use firedrill_foundation::{Layout, Settings, World, sandbox_command};
use regex::Regex;
use tempfile::TempDir;

/// A fresh world and a working directory beside it.
pub(crate) struct Rig {
    dir: TempDir,
    pub(crate) world: World,
}

/// What a stand-in printed and how it exited.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("stand-ins print UTF-8");
        Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
    }
}

impl Rig {
    pub(crate) fn new() -> Rig {
        Rig::with(&Settings::default())
    }

    /// The foundation in front of which the clients were recorded.
    pub(crate) fn laboratory() -> Rig {
        Rig::with(&Settings { layout: Layout::Laboratory, ..Settings::default() })
    }

    pub(crate) fn with(settings: &Settings) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let world = World::create_with(&dir.path().join("world"), &executable(), settings).unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        Rig { dir, world }
    }

    /// Where the stand-ins are started, and where artifacts land.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// A stand-in that is ready to be started. SIGHUP kills it also if the tests run under `nohup`, which has them ignore it.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let path = self.world.bin().join(program);
        let mut command = if program == "bbr" { Command::new("env") } else { Command::new(&path) };
        if program == "bbr" {
            command.arg("--default-signal=HUP").arg(path);
        }
        command.args(args).current_dir(self.work()).envs(self.world.environment().unwrap()).stdin(Stdio::null());
        for variable in ["FIREDRILL_CLOCK", "FIREDRILL_COMMAND", "FIREDRILL_SANDBOX_PACE", "TZ"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Ran {
        self.command(program, args).output().unwrap().into()
    }

    /// `bbr director` with the flags that reach the director's VM.
    pub(crate) fn director(&self, args: &[&str]) -> Command {
        let key = self.world.key().display().to_string();
        let host = self.world.director_host().unwrap();
        let flags = ["director", "--host", &host, "--username", "bbr", "--private-key-path", &key];
        self.command("bbr", &[&flags, args].concat())
    }

    pub(crate) fn bbr(&self, args: &[&str]) -> Ran {
        self.director(args).output().unwrap().into()
    }

    /// A bosh that must succeed; returns what it printed.
    pub(crate) fn bosh(&self, line: &str) -> String {
        let ran = self.run("bosh", &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(ran.code, Some(0), "bosh {line}: {} {}", ran.out, ran.err);
        ran.out
    }

    /// The rows of a table of a bosh that must succeed.
    pub(crate) fn rows(&self, line: &str) -> Vec<serde_json::Value> {
        let document: serde_json::Value = serde_json::from_str(&self.bosh(&format!("{line} --json"))).unwrap();
        document["Tables"][0]["Rows"].as_array().expect("a table has rows").clone()
    }

    /// A command of `firedrill sandbox` that must succeed; returns what it printed.
    pub(crate) fn sandbox(&self, line: &str) -> String {
        self.try_sandbox(line).unwrap_or_else(|error| panic!("sandbox {line}: {error}"))
    }

    pub(crate) fn try_sandbox(&self, line: &str) -> Result<String, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let mut out = Vec::new();
        let done = sandbox_command(self.world.root(), &args, &mut out);
        let printed = String::from_utf8(out).unwrap();
        done.map(|()| printed.clone()).map_err(|error| format!("{printed}{error}"))
    }

    /// The folder below `/var/vcap` on the director's VM.
    pub(crate) fn vcap(&self, below: &str) -> PathBuf {
        self.world.root().join("vm/bosh-0/var/vcap").join(below)
    }

    pub(crate) fn backup_directory(&self) -> PathBuf {
        self.vcap("store/bbr-backup")
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.vcap("data/lock-director/locked").exists()
    }

    /// The newest artifact in the working directory.
    pub(crate) fn artifact(&self) -> PathBuf {
        let folders = fs::read_dir(self.work()).unwrap().map(|entry| entry.unwrap().path());
        folders.filter(|path| path.is_dir()).max().expect("a backup left an artifact")
    }

    pub(crate) fn metadata(&self) -> String {
        fs::read_to_string(self.artifact().join("metadata")).unwrap()
    }

    pub(crate) fn ledger(&self) -> String {
        fs::read_to_string(self.world.ledger()).unwrap_or_default()
    }
}

/// The example program that dispatches to the stand-ins; `cargo test` builds it beside the tests.
pub(crate) fn executable() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/stand_in");
    assert!(path.exists(), "{} is missing: cargo build -p firedrill-foundation --examples", path.display());
    path
}

/// A file of a recorded situation of the real clients.
pub(crate) fn transcript(below: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clients");
    fs::read_to_string(root.join(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
}

/// Masks what differs from run to run, and sorts lines of what bbr runs in parallel.
pub(crate) fn normal(text: &str) -> String {
    let masked = mask(text);
    let parallel = [
        Regex::new("INFO - bosh/0/").unwrap(),
        Regex::new("(Backing up|Finished backing up|Error backing up) ").unwrap(),
        Regex::new("(Restoring|Finished restoring|Error restoring) ").unwrap(),
        Regex::new("(Copying backup|Finished copying|validity checks|Checksum for) ?").unwrap(),
    ];
    let class = |line: &str| parallel.iter().position(|pattern| pattern.is_match(line));
    let lines: Vec<&str> = masked.lines().filter(|line| !line.contains("% complete")).collect();
    let mut sorted: Vec<&str> = Vec::new();
    for run in lines.chunk_by(|a, b| class(a).is_some() && class(a) == class(b)) {
        let mut run = run.to_vec();
        if class(run[0]).is_some() {
            run.sort_unstable();
        }
        sorted.extend(run);
    }
    let end = if masked.ends_with('\n') { "\n" } else { "" };
    sorted.join("\n") + end
}

fn mask(text: &str) -> String {
    let masks = [
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "TIME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC m=\+[\d.]+", "NOW"),
        (r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}", "DATE"),
        (r"-- [\d.]+[KMG] uncompressed", "-- SIZE uncompressed"),
        (r"\b[0-9a-f]{64}\b", "SUM"),
        (r"Task \d+", "Task N"),
        (r"\b(127\.0\.0\.1|10\.0\.\d+\.\d+)(:(2399))", "HOST:PORT"),
        (r"\b(127\.0\.0\.1|10\.0\.\d+\.\d+)(:23\d\d)?", "HOST"),
    ];
    masks
        .iter()
        .fold(text.to_owned(), |text, (pattern, to)| Regex::new(pattern).unwrap().replace_all(&text, *to).into_owned())
}

/// Masks metadata and sorts the artifacts in it.
pub(crate) fn normal_metadata(text: &str) -> String {
    let masked = mask(text);
    let lines: Vec<&str> = masked.lines().collect();
    let belongs = |line: &str| line.starts_with("    ");
    let blocks = lines.chunk_by(|_, next| belongs(next));
    let mut blocks: Vec<String> = blocks.map(|block| block.join("\n")).collect();
    let is_artifact = |block: &str| block.starts_with("  - name:");
    let from = blocks.iter().position(|block| is_artifact(block)).unwrap_or(0);
    let count = blocks.iter().filter(|block| is_artifact(block)).count();
    blocks[from..from + count].sort();
    blocks.join("\n")
}
