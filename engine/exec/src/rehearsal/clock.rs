//! The virtual clock: a Unix socket at which the processes of a rehearsal ask for the time and let time pass.
//!
//! A client writes lines and is answered line by line. `now` yields the milliseconds since 1970 of the virtual clock;
//! `sleep MS` yields them when so much virtual time has passed, and until then the client is *parked*.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;

/// The moment at which virtual time begins, 2026-01-05T02:00:00Z, in milliseconds since 1970.
pub const EPOCH_MS: u64 = 1_767_578_400_000;

/// The longest line that a client may write.
const LONGEST_LINE: usize = 256;

/// Virtual time and its clients.
pub(super) struct Clock {
    now: Duration,
    path: PathBuf,
    listener: UnixListener,
    clients: BTreeMap<u64, Client>,
    connected: u64,
}

/// A process that asks for the time.
struct Client {
    stream: UnixStream,
    pid: i32,
    line: Vec<u8>,
    /// When it wants to be woken; it is parked until then.
    wakes: Option<Duration>,
}

/// A client that is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    pub(super) client: u64,
    pub(super) pid: i32,
    pub(super) wakes: Duration,
}

impl Clock {
    /// Returns a clock that stands at its beginning and listens at `path`.
    pub(super) fn listen(path: &Path) -> io::Result<Clock> {
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Clock { now: Duration::ZERO, path: path.to_owned(), listener, clients: BTreeMap::new(), connected: 0 })
    }

    /// Returns where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the virtual time since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Lets time pass until a moment that is not over.
    pub(super) fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }

    /// Returns what becomes readable when there is something to hear.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let clients = self.clients.values().map(|client| client.stream.as_fd());
        std::iter::once(self.listener.as_fd()).chain(clients)
    }

    /// Returns the clients that are parked, in the order in which they connected.
    pub(super) fn parked(&self) -> impl Iterator<Item = Parked> {
        self.clients.iter().filter_map(|(&client, it)| Some(Parked { client, pid: it.pid, wakes: it.wakes? }))
    }

    /// Answers what can be answered at once; returns whether anybody has begun to be parked.
    pub(super) fn hear(&mut self) -> io::Result<bool> {
        self.accept()?;
        let now_ms = self.now_ms();
        let mut has_parked = false;
        let mut gone = Vec::new();
        for (&number, client) in &mut self.clients {
            let was_parked = client.wakes.is_some();
            if !client.hear(self.now, now_ms) {
                gone.push(number);
            }
            has_parked |= client.wakes.is_some() && !was_parked;
        }
        for number in &gone {
            self.clients.remove(number);
        }
        Ok(has_parked)
    }

    /// Tells a parked client that its time has passed.
    pub(super) fn wake(&mut self, client: u64) {
        let now_ms = self.now_ms();
        if let Some(client) = self.clients.get_mut(&client) {
            client.wakes = None;
            client.answer(&now_ms.to_string());
        }
    }

    fn now_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX - EPOCH_MS)
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    let pid = socket_peercred(&stream)?.pid.as_raw_pid();
                    self.connected += 1;
                    self.clients.insert(self.connected, Client { stream, pid, line: Vec::new(), wakes: None });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Client {
    /// Reads what there is and answers it; returns whether the client is still there.
    fn hear(&mut self, now: Duration, now_ms: u64) -> bool {
        let mut bytes = [0; LONGEST_LINE];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(read) => self.line.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.request(String::from_utf8_lossy(&line).trim(), now, now_ms);
        }
        self.line.len() <= LONGEST_LINE
    }

    fn request(&mut self, request: &str, now: Duration, now_ms: u64) {
        let length = request.strip_prefix("sleep ").map(str::parse::<u64>);
        match (request, length) {
            ("now", _) | (_, Some(Ok(0))) => self.answer(&now_ms.to_string()),
            (_, Some(Ok(ms))) => self.wakes = Some(now + Duration::from_millis(ms)),
            (other, _) => self.answer(&format!("error expected `now` or `sleep MILLISECONDS`, not `{other}`")),
        }
    }

    /// A client that does not read its answer any more has gone, which the next look shows.
    fn answer(&mut self, line: &str) {
        let _gone = self.stream.write_all(format!("{line}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn time_passes_when_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let mut clock = Clock::listen(&dir.path().join("clock")).unwrap();
        let mut client = UnixStream::connect(clock.path()).unwrap();
        client.write_all(b"now\nsleep 1500\n").unwrap();
        clock.hear().unwrap();
        let parked: Vec<Parked> = clock.parked().collect();
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0].wakes, Duration::from_millis(1500));
        assert_eq!(parked[0].pid, i32::try_from(std::process::id()).unwrap());
        clock.advance(parked[0].wakes);
        clock.wake(parked[0].client);
        assert_eq!(clock.parked().count(), 0);
        let lines: Vec<String> = BufReader::new(&client).lines().take(2).map(Result::unwrap).collect();
        assert_eq!(lines, [EPOCH_MS.to_string(), (EPOCH_MS + 1500).to_string()]);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut clock = Clock::listen(&dir.path().join("clock")).unwrap();
        let mut client = UnixStream::connect(clock.path()).unwrap();
        client.write_all(b"frob\nsleep soon\n").unwrap();
        clock.hear().unwrap();
        let lines: Vec<String> = BufReader::new(&client).lines().take(2).map(Result::unwrap).collect();
        assert!(lines.iter().all(|line| line.starts_with("error ")), "{lines:?}");
    }
}
