//! What stands between a command and the disk: its output is masked on the way.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::pipe::PipeFlags;
use zeroize::Zeroizing;

use super::memory::nameless;
use super::{Mask, MaskedReader, Pipe, Published, Vault};

const CHUNK: usize = 64 * 1024;

/// How output reaches whoever masks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Through pipes, read while the command runs.
    Pipes,
    /// Through files in memory, read when it has ended: nobody has to read meanwhile.
    Files,
}

/// The most that is kept back of one stream.
const WITHHELD: usize = 1024 * 1024;
/// What stands where more was printed than could be kept back.
const REST: &[u8] = b"\n(what follows is left out: a step that publishes secrets prints at most 1 MiB)\n";

/// One stream of a command.
pub(crate) struct Tap {
    manner: Manner,
    /// Nothing once it has been read to its end.
    source: Option<File>,
    mask: Mask,
    log: File,
    /// What is kept back until it is known what to mask.
    withheld: Option<Withheld>,
}

/// What a command has printed that may hold a secret nobody knows yet.
struct Withheld {
    bytes: Zeroizing<Vec<u8>>,
    is_too_much: bool,
}

impl Withheld {
    fn push(&mut self, bytes: &[u8]) {
        let room = WITHHELD - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_too_much |= bytes.len() > room;
    }
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
        Ok((Tap { manner, source: Some(source), mask, log, withheld: None }, sink))
    }

    /// Keeps everything back until [`Tap::reveal`].
    pub(crate) fn withhold(&mut self) {
        let bytes = Zeroizing::new(Vec::with_capacity(WITHHELD));
        self.withheld = Some(Withheld { bytes, is_too_much: false });
    }

    /// Writes what was kept back, masked like this.
    fn reveal(&mut self) -> io::Result<()> {
        let Some(withheld) = self.withheld.take() else { return Ok(()) };
        self.log.write_all(&self.mask.push(&withheld.bytes))?;
        if withheld.is_too_much {
            self.log.write_all(&self.mask.push(REST))?;
        }
        if self.source.is_none() {
            self.log.write_all(&self.mask.finish())?;
        }
        Ok(())
    }

    /// Reads what is there and writes it to the log, masked.
    pub(crate) fn pump(&mut self) -> io::Result<Level> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            let Some(source) = &mut self.source else {
                return Ok(if self.withheld.is_some() { Level::Dry } else { Level::Over });
            };
            match source.read(&mut chunk) {
                Ok(0) if self.manner == Manner::Files => return Ok(Level::Dry),
                Ok(0) => {
                    // Closed, it wakes nobody any more.
                    self.source = None;
                    if self.withheld.is_none() {
                        self.log.write_all(&self.mask.finish())?;
                    }
                }
                Ok(length) => self.take(&chunk[..length])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Level::Dry),
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.withheld {
            Some(withheld) => {
                withheld.push(bytes);
                Ok(())
            }
            None => self.log.write_all(&self.mask.push(bytes)),
        }
    }

    /// Returns what becomes readable when the command prints, unless it never will again.
    pub(crate) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().map(AsFd::as_fd)
    }
}

/// What a command that knows secrets, or could come across them, leaves behind.
#[derive(Default)]
pub(crate) struct Captured {
    /// Its streams.
    taps: Vec<Tap>,
    /// The file in memory in which it publishes, and where that belongs, with the mask of the way.
    pub(crate) published: Option<(PathBuf, File, Mask)>,
    /// The pipe in which it publishes secrets.
    pipe: Option<Pipe>,
    /// Files in memory that it reads.
    pub(crate) read: Vec<PathBuf>,
}

impl Captured {
    /// Adds a stream.
    pub(crate) fn add(&mut self, tap: Tap) {
        self.taps.push(tap);
    }

    /// Has secrets come out of this pipe, and keeps back what the command prints until they are known.
    pub(crate) fn withhold(&mut self, pipe: Pipe) {
        self.taps.iter_mut().for_each(Tap::withhold);
        self.pipe = Some(pipe);
    }

    /// Iterates over what becomes readable when the command writes.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.taps.iter().filter_map(Tap::source).chain(self.pipe.iter().filter_map(Pipe::source))
    }

    /// Takes everything that has come. A stream that fails is over.
    pub(crate) fn pump(&mut self, mut failed: impl FnMut(&io::Error)) {
        pump(&mut self.taps, &mut failed);
        if let Some(Err(error)) = self.pipe.as_mut().map(Pipe::pump) {
            failed(&error);
        }
    }

    /// Returns the secrets that the command has published: it has ended.
    pub(crate) fn secrets(&mut self) -> io::Result<Published> {
        pump(&mut self.taps, &mut |_| {});
        self.pipe.take().map_or(Ok(Published::default()), Pipe::finish)
    }

    /// Masks from here on what a vault has.
    pub(crate) fn follow(&mut self, vault: &Vault) {
        follow(&mut self.taps, vault);
        if let (Some((_, _, mask)), Some(new)) = (&mut self.published, vault.mask()) {
            mask.follow(&new);
        }
    }

    /// Puts everything that has come into its place when the command has ended, and returns the streams that something
    /// which outlives it may still write to.
    pub(crate) fn finish(mut self) -> io::Result<Vec<Tap>> {
        let mut left = Vec::new();
        for mut tap in self.taps.drain(..) {
            tap.reveal()?;
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

/// Takes everything that has come from streams, and forgets those that are over or fail.
pub(crate) fn pump(taps: &mut Vec<Tap>, failed: &mut impl FnMut(&io::Error)) {
    taps.retain_mut(|tap| match tap.pump() {
        Ok(level) => level == Level::Dry,
        Err(error) => {
            failed(&error);
            false
        }
    });
}

/// Masks from here on what a vault has.
pub(crate) fn follow(taps: &mut [Tap], vault: &Vault) {
    let Some(mask) = vault.mask() else { return };
    for tap in taps {
        tap.mask.follow(&mask);
    }
}
