//! Where a supervisor lives: the files of a run directory that belong to it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};

const SOCKET: &str = "supervisor.sock";
/// Held for as long as the supervisor lives: the only sign of life.
const LIFE: &str = "supervisor.lock";
/// Held while a supervisor starts and while somebody looks: who holds it sees either no supervisor or one that listens.
const GATE: &str = "supervisor.gate";
const LOG: &str = "supervisor.log";
const INBOX: &str = "inbox";

const PRIVATE: Mode = Mode::from_raw_mode(0o600);

/// An open run directory.
pub(super) struct Place(OwnedFd);

impl Place {
    pub(super) fn open(run_dir: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(run_dir, flags, Mode::empty())?))
    }

    /// Takes the sign of life, or returns `None` when a supervisor holds it. It lasts until the file is closed.
    pub(super) fn take_life(&self) -> io::Result<Option<File>> {
        let file = self.private(LIFE, OFlags::RDWR)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the gate and passes it; it is shut until the file is closed.
    pub(super) fn shut_gate(&self) -> io::Result<File> {
        let file = self.private(GATE, OFlags::RDWR)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// Listens on the socket, in the place of a dead supervisor's.
    pub(super) fn listen(&self) -> io::Result<UnixListener> {
        match rustix::fs::unlinkat(&self.0, SOCKET, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let mask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(self.socket());
        rustix::process::umask(mask);
        let listener = listener?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.socket())
    }

    /// Names the socket by way of the open directory: a socket's address holds 108 bytes, a path may be longer.
    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", self.0.as_raw_fd()))
    }

    pub(super) fn log(&self) -> io::Result<File> {
        self.private(LOG, OFlags::WRONLY | OFlags::APPEND)
    }

    /// Opens the inbox for appending, its name durable.
    pub(super) fn inbox(&self) -> io::Result<File> {
        let file = self.private(INBOX, OFlags::RDWR | OFlags::APPEND)?;
        rustix::fs::fsync(&self.0)?;
        Ok(file)
    }

    /// Reads the inbox, which is empty when there is none.
    pub(super) fn read_inbox(&self) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut content = Vec::new();
        match rustix::fs::openat(&self.0, INBOX, flags, Mode::empty()) {
            Ok(file) => io::Read::read_to_end(&mut File::from(file), &mut content)?,
            Err(rustix::io::Errno::NOENT) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(content)
    }

    fn private(&self, name: &str, access: OFlags) -> io::Result<File> {
        let flags = access | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, PRIVATE)?))
    }
}
