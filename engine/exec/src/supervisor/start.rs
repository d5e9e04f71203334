//! Starting a command: its files, its environment with the mark, its place in the queue of the out-of-memory killer.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firedrill_model::plan::{SecretPlace, SecretUse};
use rustix::process::Pid;
use zeroize::{Zeroize, Zeroizing};

use super::process::{COMMAND_MARK, RUN_MARK};
use super::protocol::{Exit, Spawn, Stdin};
use crate::environment::PUBLISHED;
use crate::secrets::{self, Captured, Manner, Memory, Pipe, Published, Secret, Tap, Vault};
use crate::sys::{self, Program};

/// By how much rather than the supervisor a command is chosen when memory runs out.
const OOM_DISTANCE: i32 = 200;
const OOM_MAX: i32 = 1000;

/// What every start needs.
pub(crate) struct Starter {
    oom: Option<OomScore>,
    /// What a command reads that is given nothing to read; this process's own standard input if none.
    null: Option<File>,
    /// How masked output travels.
    manner: Manner,
    vault: Arc<Vault>,
    /// Where files in memory lie, once there is one.
    memory: Option<Memory>,
}

/// A command that was started, and what is between it and the disk.
pub(crate) struct Begun {
    pub(crate) pid: Pid,
    pub(crate) captured: Captured,
}

/// What a command finds in its environment and at its descriptors 0, 1 and 2.
struct Surroundings {
    env: Vec<CString>,
    stdin: Option<File>,
    stdout: OwnedFd,
    /// The same as `stdout` if none.
    stderr: Option<OwnedFd>,
    captured: Captured,
}

impl Starter {
    pub(super) fn new() -> Self {
        let oom = OomScore::of_this_process().ok();
        Self { oom, null: None, manner: Manner::Pipes, vault: Arc::default(), memory: None }
    }

    /// Returns a starter for a process whose standard input is somebody's, whose threads start commands side by side, and
    /// which reads what they print only when they have ended.
    pub(crate) fn beside_others() -> io::Result<Self> {
        let null = Some(File::open("/dev/null")?);
        Ok(Self { oom: None, null, manner: Manner::Files, vault: Arc::default(), memory: None })
    }

    /// Takes the secrets of the run. What runs already keeps the mask that it has.
    pub(crate) fn keep(&mut self, vault: Arc<Vault>) {
        self.vault = vault;
    }

    /// Returns the secrets of the run.
    pub(crate) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Adds what a command has published to the secrets of the run.
    pub(crate) fn learn(&mut self, published: &Published) {
        self.vault = Arc::new(self.vault.with(published));
    }

    /// Starts a command of the run, or says why it never ran.
    pub(crate) fn start(&mut self, spawn: &Spawn, run: &str) -> Result<Begun, Exit> {
        let argv = strings(spawn.argv.iter().cloned()).map_err(|error| not_spawned("the arguments", &error))?;
        let dir = CString::new(spawn.dir.as_os_str().as_bytes())
            .map_err(|error| not_spawned(&format!("directory `{}`", spawn.dir.display()), &error.into()))?;
        let around = self.surroundings(spawn, run)?;
        let own = io::stdin();
        let null = self.null.as_ref().map_or(own.as_fd(), File::as_fd);
        let stdin = around.stdin.as_ref().map_or(null, File::as_fd);
        let program = Program { argv: &argv, env: &around.env, dir: &dir, stdio: around.stdio(stdin) };
        let raised = self.oom.as_ref().map(OomScore::raise);
        let spawned = sys::spawn(&program);
        drop(raised);
        let mut captured = around.into_captured();
        match spawned {
            Ok(pid) => Ok(Begun { pid, captured }),
            Err(error) => {
                // Nobody has written anything; only the files in memory are to be removed.
                let (_none, _empty) = (captured.secrets(), captured.finish());
                Err(not_spawned(&culprit(spawn, &error), &error))
            }
        }
    }

    fn surroundings(&mut self, spawn: &Spawn, run: &str) -> Result<Surroundings, Exit> {
        let mut captured = Captured::default();
        let stdin = self.stdin(spawn)?;
        let stdout = self.stream(&spawn.stdout, &mut captured)?;
        let is_one = spawn.stdout == spawn.stderr;
        let stderr = if is_one { None } else { Some(self.stream(&spawn.stderr, &mut captured)?) };
        let own = self.own_variables(spawn, run, &mut captured)?;
        let env = strings(environment(spawn, own, run)).map_err(|error| not_spawned("the environment", &error))?;
        Ok(Surroundings { env, stdin, stdout, stderr, captured })
    }

    /// Returns what the command writes one of its streams to.
    fn stream(&self, path: &Path, captured: &mut Captured) -> Result<OwnedFd, Exit> {
        let log = append_to(path)?;
        let Some(mask) = self.vault.mask() else {
            return Ok(log.into());
        };
        let (tap, sink) = Tap::new(self.manner, log, mask).map_err(|error| not_spawned("the output", &error))?;
        captured.add(tap);
        Ok(sink)
    }

    fn stdin(&self, spawn: &Spawn) -> Result<Option<File>, Exit> {
        let secret = spawn.secrets.iter().find(|used| used.into == SecretPlace::Stdin);
        let text = match (secret, &spawn.stdin) {
            (Some(used), _) => self.secret(used)?.expose(),
            (None, Stdin::Text(text)) => text,
            (None, Stdin::Null) => return Ok(None),
        };
        secrets::stdin(text).map(Some).map_err(|error| not_spawned("the text for stdin", &error))
    }

    /// Returns the variables that hold secrets or the paths of files in memory.
    fn own_variables(&mut self, spawn: &Spawn, run: &str, captured: &mut Captured) -> Result<Vec<Variable>, Exit> {
        let mut variables = Vec::new();
        if let (false, Some(path)) = (spawn.publishes.is_empty(), published(spawn)) {
            let pipe = self.pipe(spawn, &path, run)?;
            variables.push(Variable::new(PUBLISHED, &pipe.path().display().to_string()));
            captured.withhold(pipe);
        } else if let (Some(mask), Some(path)) = (self.vault.mask(), published(spawn)) {
            let file = self.memory_file("", run)?;
            variables.push(Variable::new(PUBLISHED, &file.display().to_string()));
            captured.published = Some((file, append_to(&path)?, mask));
        }
        for used in &spawn.secrets {
            match &used.into {
                SecretPlace::Env(name) => variables.push(Variable::new(name, self.secret(used)?.expose())),
                SecretPlace::EnvFile(name) => {
                    let value = Zeroizing::new(self.secret(used)?.expose().to_owned());
                    let file = self.memory_file(&value, run)?;
                    variables.push(Variable::new(name, &file.display().to_string()));
                    captured.read.push(file);
                }
                SecretPlace::Stdin => {}
            }
        }
        Ok(variables)
    }

    fn secret(&self, used: &SecretUse) -> Result<&Secret, Exit> {
        let lost = || io::Error::new(io::ErrorKind::NotFound, "it is not there: it was lost, or never published");
        let missing = || not_spawned(&format!("secret `{}`", used.secret), &lost());
        self.vault.get(&used.secret).ok_or_else(missing)
    }

    /// Returns what a command writes its secrets to; the file at `log` gets to know which there are.
    fn pipe(&mut self, spawn: &Spawn, log: &Path, run: &str) -> Result<Pipe, Exit> {
        let (names, log) = (spawn.publishes.clone(), append_to(log)?);
        match self.manner {
            Manner::Pipes => {
                let made = self.memory(run).and_then(Memory::fifo);
                made.and_then(|path| Pipe::fifo(path, names, log)).map_err(|error| not_spawned("a pipe", &error))
            }
            Manner::Files => Ok(Pipe::file(self.memory_file("", run)?, names, log)),
        }
    }

    fn memory(&mut self, run: &str) -> io::Result<&mut Memory> {
        match &mut self.memory {
            Some(memory) => Ok(memory),
            none => Memory::of(run).map(|memory| none.insert(memory)),
        }
    }

    fn memory_file(&mut self, content: &str, run: &str) -> Result<PathBuf, Exit> {
        let made = self.memory(run).and_then(|memory| memory.file(content));
        made.map_err(|error| not_spawned("a file in memory", &error))
    }
}

impl Surroundings {
    fn stdio<'a>(&'a self, stdin: BorrowedFd<'a>) -> [BorrowedFd<'a>; 3] {
        let stderr = self.stderr.as_ref().unwrap_or(&self.stdout);
        [stdin, self.stdout.as_fd(), stderr.as_fd()]
    }

    /// Lets go of everything that only the command needs, and wipes its environment.
    fn into_captured(self) -> Captured {
        self.env.into_iter().for_each(|variable| variable.into_bytes().zeroize());
        self.captured
    }
}

/// A variable of the environment that may hold a secret.
struct Variable {
    name: String,
    value: Zeroizing<String>,
}

impl Variable {
    fn new(name: &str, value: &str) -> Variable {
        Variable { name: name.to_owned(), value: Zeroizing::new(value.to_owned()) }
    }
}

fn published(spawn: &Spawn) -> Option<PathBuf> {
    spawn.env.iter().find(|(name, _)| name == PUBLISHED).map(|(_, path)| PathBuf::from(path))
}

fn strings(texts: impl Iterator<Item = String>) -> io::Result<Vec<CString>> {
    Ok(texts.map(CString::new).collect::<Result<_, _>>()?)
}

/// Returns the environment as given, with the command's own variables, and with the two marks instead of any that an outer
/// run left in it.
fn environment(spawn: &Spawn, own: Vec<Variable>, run: &str) -> impl Iterator<Item = String> {
    let is_own = |name: &String| own.iter().any(|variable| variable.name == *name);
    let given = spawn.env.iter().filter(|(name, _)| name != RUN_MARK && name != COMMAND_MARK && !is_own(name));
    let given: Vec<String> = given.map(|(name, value)| format!("{name}={value}")).collect();
    let marks = [format!("{COMMAND_MARK}={}", spawn.command), format!("{RUN_MARK}={run}")];
    let own = own.into_iter().map(|variable| format!("{}={}", variable.name, *variable.value));
    given.into_iter().chain(own).chain(marks)
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
