//! The supervisor's loop over its socket, its engine, its children and the clock.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::commands::{Commands, Start};
use super::connection::{Connection, Pace};
use super::inbox::{Inbox, InboxError};
use super::place::Place;
use super::protocol::{Refusal, Reply, Request, Spawn, VERSION};
use crate::sys;

/// How long an idle supervisor waits for an engine. The inbox on disk takes its place afterwards.
const LINGER: Duration = Duration::from_secs(3);

const LISTENER: u64 = 0;
const CHILDREN: u64 = 1;
const ENGINE: u64 = 2;
const OUTPUT: u64 = 3;

/// Why a supervisor cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error(transparent)]
    Inbox(#[from] InboxError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for ServiceError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// A supervisor at work.
pub(super) struct Service {
    /// The sign of life. It goes before the socket: whoever finds the socket gone finds this gone too.
    _life: File,
    listener: UnixListener,
    epoll: OwnedFd,
    children: OwnedFd,
    engine: Option<Connection>,
    commands: Commands,
    idle_since: Option<Instant>,
    is_dismissed: bool,
}

impl Service {
    /// Detaches from the engine that started this process and says so on its stdout; returns `None` when another
    /// supervisor lives.
    pub(super) fn start(run_dir: &Path) -> Result<Option<Self>, ServiceError> {
        sys::close_inherited();
        let children = sys::block_signals()?;
        let place = Place::open(run_dir)?;
        rustix::stdio::dup2_stderr(place.log()?)?;
        detach()?;
        let gate = place.shut_gate()?;
        let Some(life) = place.take_life()? else {
            return Ok(None);
        };
        let (inbox, before) = Inbox::open(&place, run_dir)?;
        let listener = place.listen()?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        watch(&epoll, &listener, LISTENER)?;
        watch(&epoll, &children, CHILDREN)?;
        drop(gate);
        report_readiness()?;
        let commands = Commands::new(inbox, before);
        let idle_since = Some(Instant::now());
        Ok(Some(Self {
            _life: life,
            listener,
            epoll,
            children,
            engine: None,
            commands,
            idle_since,
            is_dismissed: false,
        }))
    }

    /// Serves until nothing is left to do and nobody to do it for.
    pub(super) fn serve(mut self) -> Result<(), ServiceError> {
        while !self.is_done(Instant::now()) {
            let woken = self.wait()?;
            // The engine comes last: what a dropped one sent is not read, and a command that has ended by itself is
            // not ended by a request that came too late.
            if woken.contains(&LISTENER) {
                self.accept()?;
            }
            if woken.contains(&CHILDREN) {
                self.reap()?;
            }
            if woken.contains(&OUTPUT) {
                self.commands.pump();
            }
            self.advance()?;
            if woken.contains(&ENGINE) {
                self.hear()?;
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Tells whether this process may go, and keeps track of since when it idles.
    fn is_done(&mut self, now: Instant) -> bool {
        let is_idle = self.engine.is_none() && self.commands.are_at_rest();
        self.idle_since = is_idle.then(|| self.idle_since.unwrap_or(now));
        let has_lingered = self.idle_since.is_some_and(|since| now >= since + LINGER);
        has_lingered || self.is_dismissed && self.commands.none_run()
    }

    fn wait(&self) -> Result<Vec<u64>, ServiceError> {
        let due = [self.commands.due(), self.idle_since.map(|since| since + LINGER)].into_iter().flatten().min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut events = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 4];
        match epoll::wait(&self.epoll, &mut events, left.as_ref()) {
            Ok(count) => Ok(events[..count].iter().map(|event| event.data.u64()).collect()),
            Err(Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the run to the engine that came last, and drops the one before with all it sent and nobody read.
    fn accept(&mut self) -> Result<(), ServiceError> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.drop_engine()?;
                    let connection = Connection::new(stream)?;
                    watch(&self.epoll, &connection, ENGINE)?;
                    self.engine = Some(connection);
                    self.is_dismissed = false;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn drop_engine(&mut self) -> Result<(), ServiceError> {
        if self.engine.take().is_some() {
            self.commands.orphan(Instant::now())?;
            self.commands.sync();
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<(), ServiceError> {
        // What is read only says that something ended; who ended is asked of the kernel.
        rustix::io::read(&self.children, &mut [0; 1024]).map(drop).or_else(expect_empty)?;
        Ok(self.commands.reap()?)
    }

    fn advance(&mut self) -> Result<(), ServiceError> {
        let ended = self.commands.advance(Instant::now())?;
        if !self.is_greeted() && !ended.is_empty() {
            self.commands.sync();
            return Ok(());
        }
        self.tell_secrets();
        for ended in ended {
            self.say(&Reply::Ended(ended));
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<(), ServiceError> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let heard = engine.hear();
        for request in heard.requests {
            match request.and_then(|request| self.admit(request)) {
                Ok(request) => self.obey(request)?,
                Err(refusal) => self.refuse(refusal),
            }
        }
        if heard.is_over {
            self.drop_engine()?;
        }
        Ok(())
    }

    /// Lets a request through if its connection began with hello, or is beginning with it.
    fn admit(&self, request: Request) -> Result<Request, Refusal> {
        match request {
            Request::Hello { version, .. } if version != VERSION => {
                Err(Refusal::Version { found: version, known: VERSION })
            }
            request @ Request::Hello { .. } => Ok(request),
            request if self.is_greeted() => Ok(request),
            _ => Err(Refusal::Hello),
        }
    }

    /// Tells whether an engine listens that will ask for the rest itself.
    fn is_greeted(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_greeted)
    }

    fn refuse(&mut self, refusal: Refusal) {
        if let Refusal::Version { .. } | Refusal::Run { .. } = refusal
            && let Some(engine) = &mut self.engine
        {
            engine.is_greeted = false;
        }
        self.say(&Reply::Refused(refusal));
    }

    fn obey(&mut self, request: Request) -> Result<(), ServiceError> {
        match request {
            Request::Hello { run, .. } => self.greet(&run),
            Request::Secrets { values } => {
                sys::keep_memory_private();
                self.commands.keep(&values);
            }
            Request::Spawn(spawn) => self.spawn(&spawn)?,
            Request::Terminate { command } => self.commands.terminate(&command, Instant::now())?,
            Request::Status { command } => {
                self.tell_secrets();
                let state = self.commands.state(&command);
                self.say(&Reply::Status { command, state });
            }
            Request::Shutdown => self.is_dismissed = true,
        }
        Ok(())
    }

    /// Tells the engine which secrets have been published: before it is told of the end of their commands.
    fn tell_secrets(&mut self) {
        if !self.is_greeted() {
            return;
        }
        for secrets in self.commands.untold() {
            self.say(&Reply::Published { secrets });
        }
    }

    fn greet(&mut self, run: &str) {
        match self.commands.serve(run) {
            Ok(()) => {
                if let Some(engine) = &mut self.engine {
                    engine.is_greeted = true;
                }
                self.say(&Reply::Welcome { version: VERSION, pid: rustix::process::getpid().as_raw_pid() });
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn spawn(&mut self, spawn: &Spawn) -> Result<(), ServiceError> {
        let command = spawn.command.clone();
        let reply = match self.commands.start(spawn) {
            Start::Spawned(pid) => Reply::Spawned { command, pid: pid.as_raw_pid() },
            Start::NotSpawned(ended) => Reply::Ended(ended),
            Start::Repeated => {
                self.say(&Reply::Refused(Refusal::Repeated { command }));
                return Ok(());
            }
        };
        self.say(&reply);
        for stream in self.commands.streams(&spawn.command) {
            watch(&self.epoll, stream, OUTPUT)?;
        }
        Ok(())
    }

    fn say(&mut self, reply: &Reply) {
        if let Some(engine) = &mut self.engine {
            engine.say(reply);
        }
    }

    /// Sends what is queued, and asks to be woken when an engine that is behind takes more.
    fn flush(&mut self) -> Result<(), ServiceError> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let sent = engine.flush().and_then(|pace| match pace {
            Pace::Steady => Ok(()),
            Pace::FellBehind => rewatch(&self.epoll, engine, epoll::EventFlags::IN | epoll::EventFlags::OUT),
            Pace::CaughtUp => rewatch(&self.epoll, engine, epoll::EventFlags::IN),
        });
        if sent.is_err() {
            self.drop_engine()?;
        }
        Ok(())
    }
}

/// Leaves the session, the directory and the file mask alone of whoever started this process, and becomes the reaper
/// of all descendants.
fn detach() -> Result<(), ServiceError> {
    match rustix::process::setsid() {
        // A process that leads a group, started by hand from a shell, stays in its session.
        Ok(_) | Err(Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    rustix::process::chdir("/")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let null = File::open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdin(null)?)
}

/// Tells the waiting client that the socket listens, and lets go of its pipe.
fn report_readiness() -> Result<(), ServiceError> {
    io::stdout().write_all(b"\n")?;
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

fn watch(epoll: &OwnedFd, source: impl AsFd, token: u64) -> Result<(), Errno> {
    epoll::add(epoll, source, epoll::EventData::new_u64(token), epoll::EventFlags::IN)
}

fn rewatch(epoll: &OwnedFd, engine: &Connection, flags: epoll::EventFlags) -> io::Result<()> {
    Ok(epoll::modify(epoll, engine, epoll::EventData::new_u64(ENGINE), flags)?)
}

fn expect_empty(error: Errno) -> Result<(), Errno> {
    if error == Errno::AGAIN { Ok(()) } else { Err(error) }
}
