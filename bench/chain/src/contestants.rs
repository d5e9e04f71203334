//! The ways to run a chain of commands.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firedrill_exec::supervisor::{CommandKey, Orphan, Reply, Request, Spawn, Stdin, SupervisorClient};
use rustix::event::epoll;

use crate::BenchError;
use crate::options::{Options, number};

/// The first argument that makes this binary a contestant: name, steps and directory follow.
pub(crate) const COMPETE: &str = "compete";
/// The argument that makes this binary the process between `shim` and a command.
pub(crate) const INTERMEDIARY: &str = "intermediary";

const PROGRAM: &str = "/bin/true";
const BIG: usize = 64 << 20;
/// As long as two records of the journal are.
const RECORD: [u8; 400] = [b'r'; 400];

/// A program that runs the chain and ends.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// Whether it takes a directory as its last argument.
    pub(crate) takes_dir: bool,
}

type Chain = fn(usize, &Path) -> Result<(), BenchError>;

const OURS: [(&str, Chain); 6] = [
    ("limit", limit),
    ("limit-durable", limit_durable),
    ("limit-capture", limit_capture),
    ("supervised", supervised),
    ("shim", shim),
    ("fork-big", fork_big),
];

impl Contestant {
    /// Returns all contestants, `limit` first.
    pub(crate) fn all(options: &Options, home: &Path) -> Result<Vec<Self>, BenchError> {
        let program = std::env::current_exe()?;
        let steps = options.steps;
        let ours = OURS.map(|(name, _)| Self {
            name: name.to_owned(),
            program: program.clone(),
            args: vec![COMPETE.to_owned(), name.to_owned(), steps.to_string()],
            takes_dir: true,
        });
        let others = options.commands.iter().filter_map(|command| {
            let mut words = command.split_ascii_whitespace().map(str::to_owned);
            let program = PathBuf::from(words.next()?);
            Some(Self { name: command.clone(), program, args: words.collect(), takes_dir: false })
        });
        Ok(ours.into_iter().chain(limit_in_c(steps, home)).chain(others).collect())
    }
}

/// Compiles LIMIT in C, or returns `None` where there is no compiler.
fn limit_in_c(steps: usize, home: &Path) -> Option<Contestant> {
    let (source, program) = (home.join("limit.c"), home.join("limit-c"));
    std::fs::write(&source, include_str!("../limit.c")).ok()?;
    let compiled = Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(&source).status().ok()?;
    let args = vec![steps.to_string()];
    compiled.success().then(|| Contestant { name: "limit-c".into(), program, args, takes_dir: false })
}

/// Runs the chain in one of our ways.
pub(crate) fn compete(name: &str, steps: &str, dir: &Path) -> Result<(), BenchError> {
    let chain = OURS.iter().find(|(known, _)| *known == name).map(|(_, chain)| chain);
    chain.ok_or_else(|| BenchError::Usage(format!("no contestant `{name}`")))?(number(steps)?, dir)
}

/// Runs one command, as the process between `shim` and it.
pub(crate) fn run_once() -> Result<(), BenchError> {
    Command::new(PROGRAM).status()?;
    Ok(())
}

fn limit(steps: usize, _: &Path) -> Result<(), BenchError> {
    (0..steps).try_for_each(|_| run_once())
}

/// Writes the outcome of one command and the intent of the next at once, as the driver does.
struct Journal(File);

impl Journal {
    fn create(dir: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().append(true).create(true).open(dir.join("journal"))?))
    }

    fn record(&mut self) -> io::Result<()> {
        self.0.write_all(&RECORD)?;
        self.0.sync_data()
    }
}

fn limit_durable(steps: usize, dir: &Path) -> Result<(), BenchError> {
    let mut journal = Journal::create(dir)?;
    for _ in 0..steps {
        journal.record()?;
        run_once()?;
    }
    Ok(journal.record()?)
}

fn limit_capture(steps: usize, _: &Path) -> Result<(), BenchError> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?;
    for _ in 0..steps {
        let mut child = Command::new(PROGRAM).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        drain(
            &epoll,
            child.stdout.take().map(|pipe| io::PipeReader::from(OwnedFd::from(pipe))),
            child.stderr.take().map(|pipe| io::PipeReader::from(OwnedFd::from(pipe))),
        )?;
        child.wait()?;
    }
    Ok(())
}

fn drain(
    epoll: &impl std::os::fd::AsFd,
    stdout: Option<io::PipeReader>,
    stderr: Option<io::PipeReader>,
) -> io::Result<()> {
    let mut pipes = [stdout, stderr];
    for (token, pipe) in (0..).zip(pipes.iter().flatten()) {
        epoll::add(epoll, pipe, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
    }
    let mut buffer = [0; 16 * 1024];
    while pipes.iter().any(Option::is_some) {
        let mut events = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 2];
        let count = epoll::wait(epoll, &mut events, None)?;
        for event in &events[..count] {
            let slot = &mut pipes[usize::from(event.data.u64() == 1)];
            if let Some(pipe) = slot
                && pipe.read(&mut buffer)? == 0
            {
                epoll::delete(epoll, pipe)?;
                *slot = None;
            }
        }
    }
    Ok(())
}

fn supervised(steps: usize, dir: &Path) -> Result<(), BenchError> {
    let mut journal = Journal::create(dir)?;
    let (mut supervisor, _) = SupervisorClient::start_or_attach(dir, &std::env::current_exe()?, &run_id())?;
    for step in 0..steps {
        journal.record()?;
        supervisor.send(&Request::Spawn(Box::new(attempt(step, dir))))?;
        while !matches!(supervisor.receive()?, Reply::Ended(_)) {}
    }
    journal.record()?;
    Ok(supervisor.shut_down()?)
}

fn run_id() -> String {
    format!("bench-chain-{}", std::process::id())
}

fn attempt(step: usize, dir: &Path) -> Spawn {
    Spawn {
        command: CommandKey::new(format!("step-{step}.attempt.1.1")),
        argv: vec![PROGRAM.to_owned()],
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        dir: dir.to_owned(),
        secrets: Vec::new(),
        publishes: std::collections::BTreeMap::new(),
        stdin: Stdin::Null,
        stdout: dir.join(format!("{step}.out")),
        stderr: dir.join(format!("{step}.err")),
        time_limit_ms: Some(60_000),
        grace_ms: 1000,
        orphan: Orphan::Kept,
    }
}

fn shim(steps: usize, _: &Path) -> Result<(), BenchError> {
    let this = std::env::current_exe()?;
    for _ in 0..steps {
        Command::new(&this).arg(INTERMEDIARY).status()?;
    }
    Ok(())
}

/// Sets a user id, its own, because the standard library forks for that instead of spawning.
fn fork_big(steps: usize, _: &Path) -> Result<(), BenchError> {
    let big = black_box(vec![1_u8; BIG]);
    let me = rustix::process::getuid().as_raw();
    for _ in 0..steps {
        Command::new(PROGRAM).uid(me).status()?;
    }
    black_box(big);
    Ok(())
}
