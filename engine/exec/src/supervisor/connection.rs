//! The engine's connection: whole lines in, replies out, never blocking.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use zeroize::Zeroizing;

use super::protocol::{Refusal, Reply, Request};

const CHUNK: usize = 64 * 1024;

/// A connection to an engine. Dropping it discards what the engine sent and nobody read.
pub(super) struct Connection {
    stream: UnixStream,
    input: Zeroizing<Vec<u8>>,
    output: Zeroizing<Vec<u8>>,
    is_behind: bool,
    /// Whether the engine has said hello.
    pub(super) is_greeted: bool,
}

/// What was heard on a connection.
pub(super) struct Heard {
    pub(super) requests: Vec<Result<Request, Refusal>>,
    /// Whether there will be nothing more.
    pub(super) is_over: bool,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            input: Zeroizing::default(),
            output: Zeroizing::default(),
            is_behind: false,
            is_greeted: false,
        })
    }

    /// Reads what is there, up to a chunk; a broken connection counts as ended.
    pub(super) fn hear(&mut self) -> Heard {
        let start = self.input.len();
        make_room(&mut self.input, CHUNK);
        self.input.resize(start + CHUNK, 0);
        let read = self.stream.read(&mut self.input[start..]);
        self.input.truncate(start + *read.as_ref().unwrap_or(&0));
        let is_over = match read {
            Ok(length) => length == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        };
        Heard { requests: self.take_requests(start), is_over }
    }

    /// Takes the whole lines out of the input, of which the first `seen` bytes are known to hold no end of a line.
    fn take_requests(&mut self, seen: usize) -> Vec<Result<Request, Refusal>> {
        let Some(last) = self.input[seen..].iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = Zeroizing::new(self.input.split_off(seen + last + 1));
        let lines = std::mem::replace(&mut self.input, rest);
        lines.split_inclusive(|byte| *byte == b'\n').map(parse).collect()
    }

    /// Queues a reply.
    pub(super) fn say(&mut self, reply: &Reply) {
        let line = Zeroizing::new(serde_json::to_vec(reply).expect("replies are plain data"));
        make_room(&mut self.output, line.len() + 1);
        self.output.extend_from_slice(&line);
        self.output.push(b'\n');
    }

    /// Sends what is queued as far as the engine takes it; an error means that the engine is gone.
    pub(super) fn flush(&mut self) -> io::Result<Pace> {
        let was_behind = std::mem::replace(&mut self.is_behind, false);
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(length) => drop(self.output.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_behind = true;
                    return Ok(if was_behind { Pace::Steady } else { Pace::FellBehind });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(if was_behind { Pace::CaughtUp } else { Pace::Steady })
    }
}

/// How an engine keeps up with what it is told.
pub(super) enum Pace {
    Steady,
    FellBehind,
    CaughtUp,
}

/// Makes room for more bytes, and wipes the place where there was too little.
pub(super) fn make_room(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    if bytes.capacity() - bytes.len() >= more {
        return;
    }
    let mut roomier = Vec::with_capacity((bytes.len() + more).max(2 * bytes.capacity()));
    roomier.extend_from_slice(bytes);
    *bytes = Zeroizing::new(roomier);
}

fn parse(line: &[u8]) -> Result<Request, Refusal> {
    serde_json::from_slice(line).map_err(|error| Refusal::Malformed { message: error.to_string() })
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
