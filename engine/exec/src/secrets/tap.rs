//! What stands between a command and the disk: its output is masked on the way.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::pipe::PipeFlags;

use super::memory::nameless;
use super::{Mask, MaskedReader};

const CHUNK: usize = 64 * 1024;

/// How output reaches whoever masks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Through pipes, read while the command runs.
    Pipes,
    /// Through files in memory, read when it has ended: nobody has to read meanwhile.
    Files,
}

/// One stream of a command.
pub(crate) struct Tap {
    manner: Manner,
    source: File,
    mask: Mask,
    log: File,
}

/// How far a stream was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing more is there now.
    Dry,
    /// Nothing more will ever come.
    Over,
}

impl Tap {
    /// Returns a tap that fills `log`, and what the command writes to.
    pub(crate) fn new(manner: Manner, log: File, mask: Mask) -> io::Result<(Tap, OwnedFd)> {
        let (source, sink) = match manner {
            Manner::Pipes => {
                let (source, sink) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
                rustix::io::ioctl_fionbio(&source, true)?;
                (File::from(source), sink)
            }
            Manner::Files => {
                let sink = nameless("output")?;
                // A description of its own, so that reading does not move where the command writes.
                (File::open(format!("/proc/self/fd/{}", sink.as_raw_fd()))?, OwnedFd::from(sink))
            }
        };
        Ok((Tap { manner, source, mask, log }, sink))
    }

    /// Reads what is there and writes it to the log, masked.
    pub(crate) fn pump(&mut self) -> io::Result<Level> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match self.source.read(&mut chunk) {
                Ok(0) if self.manner == Manner::Files => return Ok(Level::Dry),
                Ok(0) => {
                    self.log.write_all(&self.mask.finish())?;
                    return Ok(Level::Over);
                }
                Ok(length) => self.log.write_all(&self.mask.push(&chunk[..length]))?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Level::Dry),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

/// What a command that knows secrets, or could come across them, leaves behind.
#[derive(Default)]
pub(crate) struct Captured {
    /// Its streams.
    pub(crate) taps: Vec<Tap>,
    /// The file in memory in which it publishes, and where that belongs, with the mask of the way.
    pub(crate) published: Option<(PathBuf, File, Mask)>,
    /// Files in memory that it reads.
    pub(crate) read: Vec<PathBuf>,
}

impl Captured {
    /// Puts everything that has come into its place when the command has ended, and returns the streams that something
    /// which outlives it may still write to.
    pub(crate) fn finish(mut self) -> io::Result<Vec<Tap>> {
        let mut left = Vec::new();
        for mut tap in self.taps.drain(..) {
            match (tap.pump()?, tap.manner) {
                (Level::Over, _) => {}
                (Level::Dry, Manner::Pipes) => left.push(tap),
                (Level::Dry, Manner::Files) => tap.log.write_all(&tap.mask.finish())?,
            }
        }
        if let Some((path, mut log, mask)) = self.published.take() {
            match File::open(&path) {
                Ok(file) => drop(io::copy(&mut MaskedReader::new(file, mask), &mut log)?),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.read.push(path);
        }
        for path in &self.read {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(left)
    }
}
