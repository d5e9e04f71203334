//! A run directory with a supervisor, and the few verbs that the tests are written in.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use firedrill_exec::supervisor::{
    Attached, ClientError, CommandKey, CommandState, Ended, Exit, Orphan, Reply, Request, Spawn, Stdin,
    SupervisorClient,
};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// Names each function as a test.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::stage::Test] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}

/// The first argument that makes this binary an engine: run directory, run id and script follow.
pub(crate) const DOOMED_ENGINE: &str = "__engine";

/// Starts one command called `c`, says so, and waits to be killed.
pub(crate) fn doomed_engine(args: &[String]) -> ExitCode {
    let run = Run { dir: PathBuf::from(&args[0]), id: args[1].clone(), home: None };
    let mut engine = run.attach().0;
    let Reply::Spawned { pid, .. } = engine.ask(&Request::Spawn(Box::new(run.script("c", &args[2])))) else {
        panic!("not spawned")
    };
    std::io::stdout().write_all(format!("{pid}\n").as_bytes()).unwrap();
    drop(engine.receive());
    ExitCode::SUCCESS
}

pub(crate) struct Run {
    pub(crate) dir: PathBuf,
    pub(crate) id: String,
    home: Option<tempfile::TempDir>,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self::below("")
    }

    /// Makes a run whose directory has a longer path.
    pub(crate) fn below(path: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let home = tempfile::tempdir().unwrap();
        let dir: PathBuf = home.path().join(path).components().collect();
        fs::create_dir_all(&dir).unwrap();
        let id = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { dir, id, home: Some(home) }
    }

    pub(crate) fn attach(&self) -> (SupervisorClient, Attached) {
        SupervisorClient::start_or_attach(&self.dir, &std::env::current_exe().unwrap(), &self.id).unwrap()
    }

    /// Attaches as the first engine.
    pub(crate) fn engine(&self) -> SupervisorClient {
        let (engine, attached) = self.attach();
        assert_eq!(attached, Attached::Fresh);
        engine
    }

    pub(crate) fn argv(&self, command: &str, argv: &[&str]) -> Spawn {
        Spawn {
            command: CommandKey::new(command),
            argv: argv.iter().map(ToString::to_string).collect(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            secrets: Vec::new(),
            publishes: BTreeMap::new(),
            dir: self.dir.clone(),
            stdin: Stdin::Null,
            stdout: self.path(&format!("{command}.out")),
            stderr: self.path(&format!("{command}.err")),
            time_limit_ms: None,
            grace_ms: 300,
            orphan: Orphan::Kept,
        }
    }

    pub(crate) fn script(&self, command: &str, script: &str) -> Spawn {
        self.argv(command, &["/bin/sh", "-c", script])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Makes the pipe by which a script says `echo > ready` when it is set up.
    pub(crate) fn ready_pipe(&self) -> Pipe {
        Pipe::new(self.path("ready"))
    }

    /// Makes the pipe on which a script waits by `read go < go`.
    pub(crate) fn go_pipe(&self) -> Pipe {
        Pipe::new(self.path("go"))
    }

    /// Starts this binary as an engine that starts a script; returns it and the pid of the script.
    pub(crate) fn doomed_engine(&self, script: &str) -> (Child, i32) {
        let mut engine = Command::new(std::env::current_exe().unwrap());
        engine.arg(DOOMED_ENGINE).arg(&self.dir).args([&self.id, script]);
        let mut engine = engine.stdout(Stdio::piped()).spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(engine.stdout.as_mut().unwrap()).read_line(&mut pid).unwrap();
        (engine, pid.trim().parse().unwrap())
    }
}

impl Drop for Run {
    /// Leaves no supervisor behind. Whoever is gone already needs no shutting down.
    fn drop(&mut self) {
        if self.home.is_some() && !std::thread::panicking() {
            assert_eq!(fs::read_to_string(self.path("supervisor.log")).unwrap_or_default(), "");
        }
    }
}

pub(crate) struct Pipe(PathBuf);

impl Pipe {
    fn new(path: PathBuf) -> Self {
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        Self(path)
    }

    /// Lets this many scripts go on that wait, or will for as long as the returned file is open.
    pub(crate) fn go(&self, scripts: usize) -> fs::File {
        let mut pipe = fs::OpenOptions::new().read(true).write(true).open(&self.0).unwrap();
        pipe.write_all("go\n".repeat(scripts).as_bytes()).unwrap();
        pipe
    }

    /// Waits until all writers have written and gone.
    pub(crate) fn wait(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

/// The verbs of an engine.
pub(crate) trait Engine {
    fn ask(&mut self, request: &Request) -> Reply;
    fn run(&mut self, spawn: Spawn) -> Ended;
    fn end_of(&mut self, command: &str) -> Ended;
    fn state_of(&mut self, command: &str) -> CommandState;
}

impl Engine for SupervisorClient {
    fn ask(&mut self, request: &Request) -> Reply {
        self.send(request).unwrap();
        self.receive().unwrap()
    }

    fn run(&mut self, spawn: Spawn) -> Ended {
        let command = spawn.command.clone();
        self.send(&Request::Spawn(Box::new(spawn))).unwrap();
        self.end_of(command.as_str())
    }

    fn end_of(&mut self, command: &str) -> Ended {
        loop {
            match self.receive().unwrap() {
                Reply::Ended(ended) if ended.command.as_str() == command => return ended,
                Reply::Spawned { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn state_of(&mut self, command: &str) -> CommandState {
        match self.ask(&Request::Status { command: CommandKey::new(command) }) {
            Reply::Status { state, .. } => state,
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// Reads until the connection ends.
pub(crate) fn assert_gone(engine: &mut SupervisorClient) {
    loop {
        match engine.receive() {
            Ok(_) => {}
            Err(ClientError::Gone) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn code(ended: &Ended) -> i32 {
    match ended.exit {
        Exit::Code(code) => code,
        ref other => panic!("{other:?}"),
    }
}

pub(crate) fn kill(pid: i32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Waits until a process that is no child of this one has ended.
pub(crate) fn wait_for_end(pid: i32) {
    let Ok(handle) = rustix::process::pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else {
        return;
    };
    rustix::event::poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).unwrap();
}

/// Tells whether a process lives; one that nobody has waited for does not.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}
