//! The engine's end of the connection to its supervisor.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zeroize::Zeroizing;

use super::connection::make_room;
use super::place::Place;
use super::process::{COMMAND_MARK, RUN_MARK};
use super::protocol::{Refusal, Reply, Request, VERSION};

/// The first argument that makes the binary a supervisor; the second is the run directory.
pub const SUPERVISE: &str = "__supervise";

/// How long a living supervisor may take to answer hello.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a supervisor may die or be born between two looks before something is wrong.
const TRIES: usize = 3;

/// Why there is no connection to a supervisor.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The run directory, or the socket in it, cannot be used.
    #[error("the supervisor of {path}")]
    Io {
        /// The run directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The supervisor could not be started.
    #[error("the supervisor of {path} ended before it was ready, see supervisor.log there")]
    NotReady {
        /// The run directory.
        path: PathBuf,
    },
    /// The supervisor refused the engine.
    #[error("the supervisor refused")]
    Refused(#[from] Refusal),
    /// The connection broke, or held something that is no reply.
    #[error("the connection to the supervisor")]
    Connection(#[from] io::Error),
    /// The supervisor has ended.
    #[error("the supervisor has ended")]
    Gone,
}

/// Whether the supervisor was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It was started. What an earlier one left is [`super::CommandState::Lost`] or ended.
    Fresh,
    /// It lived, with whatever runs.
    Adopted,
}

/// A connection that owns the run: the supervisor listens to no other until a newer one comes.
#[derive(Debug)]
pub struct SupervisorClient {
    sender: RequestSender,
    reader: ReplyReader,
    pid: i32,
    /// The supervisor, when it is a child of this process.
    child: Option<Child>,
}

impl SupervisorClient {
    /// Connects to the supervisor of the run in `run_dir`, which is started as `exe __supervise RUN_DIR` if none lives.
    ///
    /// `run_id` marks the run's processes, so it must be unique on the machine, not only in its store.
    pub fn start_or_attach(run_dir: &Path, exe: &Path, run_id: &str) -> Result<(Self, Attached), ClientError> {
        for _ in 0..TRIES {
            let attached = match start_if_none(run_dir, exe)? {
                Some(child) => Self::greet(run_dir, run_id, Some(child)).map(|client| (client, Attached::Fresh)),
                None => Self::greet(run_dir, run_id, None).map(|client| (client, Attached::Adopted)),
            };
            match attached {
                // It ended between the look and the greeting, because it had nothing left to do.
                Err(ClientError::Gone) => {}
                settled => return settled,
            }
        }
        Err(ClientError::NotReady { path: run_dir.to_owned() })
    }

    fn greet(run_dir: &Path, run_id: &str, child: Option<Child>) -> Result<Self, ClientError> {
        let stream = Place::open(run_dir).and_then(|place| place.connect());
        let stream = stream.map_err(|source| gone_or(source, run_dir))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut sender = RequestSender(stream.try_clone()?);
        let mut reader = ReplyReader::new(stream);
        sender.send(&Request::Hello { version: VERSION, run: run_id.to_owned() })?;
        match reader.next().ok_or(ClientError::Gone)?? {
            Reply::Welcome { pid, .. } => {
                reader.stream.set_read_timeout(None)?;
                Ok(Self { sender, reader, pid, child })
            }
            Reply::Refused(refusal) => Err(refusal.into()),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected reply {other:?}")).into()),
        }
    }

    /// Returns the process id of the supervisor.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a request; what it yields is read later.
    pub fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        self.sender.send(request)
    }

    /// Waits for the next reply.
    pub fn receive(&mut self) -> Result<Reply, ClientError> {
        self.reader.next().unwrap_or(Err(ClientError::Gone))
    }

    /// Reads once and returns the replies that are whole by then. For a caller that knows, by [`AsFd`], that there is
    /// something to read; [`ClientError::Gone`] when the supervisor has ended.
    pub fn arrived(&mut self) -> Result<Vec<Reply>, ClientError> {
        self.reader.arrived()
    }

    /// Dismisses the supervisor and waits until it has ended, which it does when nothing runs.
    pub fn shut_down(mut self) -> Result<(), ClientError> {
        self.send(&Request::Shutdown)?;
        for reply in self.reader {
            reply?;
        }
        if let Some(mut child) = self.child {
            child.wait()?;
        }
        Ok(())
    }
}

impl AsFd for SupervisorClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.stream.as_fd()
    }
}

/// Sends requests to the supervisor.
#[derive(Debug)]
struct RequestSender(UnixStream);

impl RequestSender {
    /// Sends a request in one piece.
    fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        let mut line = Zeroizing::new(serde_json::to_vec(request).map_err(io::Error::from)?);
        line.push(b'\n');
        self.0.write_all(&line).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ClientError::Gone,
            _ => error.into(),
        })
    }
}

/// The replies of the supervisor, in order; ends when the supervisor ends or a newer engine takes its place.
#[derive(Debug)]
struct ReplyReader {
    stream: UnixStream,
    /// What was read and not yet handed out.
    pending: Zeroizing<Vec<u8>>,
}

impl ReplyReader {
    fn new(stream: UnixStream) -> Self {
        Self { stream, pending: Zeroizing::default() }
    }

    /// Takes the next line that was read whole.
    fn line(&mut self) -> Option<Result<Reply, ClientError>> {
        let end = self.pending.iter().position(|&byte| byte == b'\n')?;
        let line: Zeroizing<Vec<u8>> = Zeroizing::new(self.pending.drain(..=end).collect());
        Some(serde_json::from_slice(&line).map_err(|error| io::Error::from(error).into()))
    }

    /// Reads once; nothing when the supervisor ended, perhaps in the middle of a line.
    fn fill(&mut self) -> Result<usize, ClientError> {
        let mut bytes = Zeroizing::new([0; 16 * 1024]);
        match self.stream.read(&mut *bytes) {
            Ok(length) => {
                make_room(&mut self.pending, length);
                self.pending.extend_from_slice(&bytes[..length]);
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn arrived(&mut self) -> Result<Vec<Reply>, ClientError> {
        if self.fill()? == 0 {
            return Err(ClientError::Gone);
        }
        std::iter::from_fn(|| self.line()).collect()
    }
}

impl Iterator for ReplyReader {
    type Item = Result<Reply, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reply) = self.line() {
                return Some(reply);
            }
            match self.fill() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Starts a supervisor and waits until it listens, or returns `None` when one lives.
fn start_if_none(run_dir: &Path, exe: &Path) -> Result<Option<Child>, ClientError> {
    let io = |source| ClientError::Io { path: run_dir.to_owned(), source };
    if is_alive(run_dir).map_err(io)? {
        return Ok(None);
    }
    let mut child = launch(run_dir, exe).map_err(io)?;
    let mut ready = [0];
    let length = child.stdout.take().map_or(Ok(0), |mut pipe| pipe.read(&mut ready)).map_err(io)?;
    if length > 0 {
        return Ok(Some(child));
    }
    child.wait().map_err(io)?;
    // Another engine may have been faster; then its supervisor serves.
    if is_alive(run_dir).map_err(io)? { Ok(None) } else { Err(ClientError::NotReady { path: run_dir.to_owned() }) }
}

fn is_alive(run_dir: &Path) -> io::Result<bool> {
    let place = Place::open(run_dir)?;
    let _gate = place.shut_gate()?;
    Ok(place.take_life()?.is_none())
}

/// Starts the supervisor without any environment but the marks of an outer run that this engine may be a command of.
fn launch(run_dir: &Path, exe: &Path) -> io::Result<Child> {
    let marks = [RUN_MARK, COMMAND_MARK].map(|name| (name, std::env::var_os(name)));
    let marks = marks.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new(exe);
    command.arg(SUPERVISE).arg(std::path::absolute(run_dir)?).env_clear().envs(marks);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Reads a failed connection: a supervisor that is ending leaves its socket behind without a listener.
fn gone_or(source: io::Error, run_dir: &Path) -> ClientError {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => ClientError::Gone,
        _ => ClientError::Io { path: run_dir.to_owned(), source },
    }
}
