//! Starting a command: its files, its environment with the mark, its place in the queue of the out-of-memory killer.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::MemfdFlags;
use rustix::process::Pid;

use super::process::{COMMAND_MARK, RUN_MARK};
use super::protocol::{Exit, Spawn, Stdin};
use crate::sys::{self, Program};

/// By how much rather than the supervisor a command is chosen when memory runs out.
const OOM_DISTANCE: i32 = 200;
const OOM_MAX: i32 = 1000;

/// What every start needs.
pub(crate) struct Starter {
    oom: Option<OomScore>,
    /// What a command reads that is given nothing to read; this process's own standard input if none.
    null: Option<File>,
}

impl Starter {
    pub(super) fn new() -> Self {
        Self { oom: OomScore::of_this_process().ok(), null: None }
    }

    /// Returns a starter for a process whose standard input is somebody's, and whose threads start commands side by side.
    pub(crate) fn beside_others() -> io::Result<Self> {
        Ok(Self { oom: None, null: Some(File::open("/dev/null")?) })
    }

    /// Starts a command of the run, or says why it never ran.
    pub(crate) fn start(&self, spawn: &Spawn, run: &str) -> Result<Pid, Exit> {
        let argv = strings(spawn.argv.iter().cloned()).map_err(|error| not_spawned("the arguments", &error))?;
        let env = strings(environment(spawn, run)).map_err(|error| not_spawned("the environment", &error))?;
        let dir = CString::new(spawn.dir.as_os_str().as_bytes())
            .map_err(|error| not_spawned(&format!("directory `{}`", spawn.dir.display()), &error.into()))?;
        let text = stdin_text(&spawn.stdin).map_err(|error| not_spawned("the text for stdin", &error))?;
        let (stdout, stderr) = (append_to(&spawn.stdout)?, append_to(&spawn.stderr)?);
        let own = io::stdin();
        let null = self.null.as_ref().map_or(own.as_fd(), File::as_fd);
        let stdin = text.as_ref().map_or(null, File::as_fd);
        let program = Program { argv: &argv, env: &env, dir: &dir, stdio: [stdin, stdout.as_fd(), stderr.as_fd()] };
        let _raised = self.oom.as_ref().map(OomScore::raise);
        sys::spawn(&program).map_err(|error| not_spawned(&culprit(spawn, &error), &error))
    }
}

fn strings(texts: impl Iterator<Item = String>) -> io::Result<Vec<CString>> {
    Ok(texts.map(CString::new).collect::<Result<_, _>>()?)
}

/// Returns the environment as given, and the two marks instead of any that an outer run left in it.
fn environment(spawn: &Spawn, run: &str) -> impl Iterator<Item = String> {
    let given = spawn.env.iter().filter(|(name, _)| name != RUN_MARK && name != COMMAND_MARK);
    let marks = [format!("{COMMAND_MARK}={}", spawn.command), format!("{RUN_MARK}={run}")];
    given.map(|(name, value)| format!("{name}={value}")).chain(marks)
}

/// Puts a text where a command can read it and no disk ever sees it.
fn stdin_text(stdin: &Stdin) -> io::Result<Option<File>> {
    let Stdin::Text(text) = stdin else { return Ok(None) };
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(Some(file))
}

fn append_to(path: &Path) -> Result<File, Exit> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options.open(path).map_err(|error| not_spawned(&format!("output file `{}`", path.display()), &error))
}

/// Says what an error of the start is about: the system has one number for three missing files.
fn culprit(spawn: &Spawn, error: &io::Error) -> String {
    let program = spawn.argv.first().map_or("", String::as_str);
    if !spawn.dir.is_dir() {
        return format!("directory `{}`", spawn.dir.display());
    }
    if error.kind() == io::ErrorKind::NotFound && Path::new(program).exists() {
        return format!("the interpreter of `{program}`");
    }
    format!("`{program}`")
}

/// Describes a command that never ran.
pub(super) fn not_spawned(what: &str, error: &io::Error) -> Exit {
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    Exit::NotSpawned { errno, message: format!("{what}: {error}") }
}

/// How readily this process is chosen when memory runs out; inherited by what it starts.
struct OomScore {
    file: File,
    own: i32,
}

impl OomScore {
    fn of_this_process() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/proc/self/oom_score_adj")?;
        let own = io::read_to_string(&file)?.trim().parse().map_err(io::Error::other)?;
        Ok(Self { file, own })
    }

    /// Raises it until the guard is dropped: a child inherits it before its first instruction.
    fn raise(&self) -> RaisedOomScore<'_> {
        self.set((self.own + OOM_DISTANCE).min(OOM_MAX));
        RaisedOomScore(self)
    }

    fn set(&self, score: i32) {
        // A sandbox may refuse it. The command is started all the same: it only loses its place in the queue.
        drop(self.file.write_at(score.to_string().as_bytes(), 0));
    }
}

struct RaisedOomScore<'a>(&'a OomScore);

impl Drop for RaisedOomScore<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.own);
    }
}
