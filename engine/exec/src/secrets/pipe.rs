//! The way of secrets that a command publishes: out of a pipe into memory, and past every disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firedrill_model::judge::{self, MASKED};
use zeroize::{Zeroize, Zeroizing};

use super::Published;
use super::fetch::secret;

/// The most that a command may publish where secrets are.
const LARGEST: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// What a command writes its secrets to.
pub(crate) struct Pipe {
    path: PathBuf,
    source: Source,
    /// Made as large as it may become, so that nothing is left where it was smaller.
    bytes: Zeroizing<Vec<u8>>,
    is_too_much: bool,
    /// Where the rest of the run knows these secrets, by their names.
    names: BTreeMap<String, String>,
    /// What the disk gets to know: which names were written.
    log: File,
}

enum Source {
    /// A pipe that is read while the command runs.
    Fifo(File),
    /// A file in memory, read when it has ended.
    Whole,
}

impl Pipe {
    /// Returns what reads the pipe at `path` as it fills.
    pub(crate) fn fifo(path: PathBuf, names: BTreeMap<String, String>, log: File) -> io::Result<Pipe> {
        // With an end to write to of its own nobody finds it closed, however often the command opens it.
        let source = File::options().read(true).write(true).open(&path)?;
        rustix::io::ioctl_fionbio(&source, true)?;
        Ok(Pipe::new(path, Source::Fifo(source), names, log))
    }

    /// Returns what reads the file in memory at `path` when its command has ended.
    pub(crate) fn file(path: PathBuf, names: BTreeMap<String, String>, log: File) -> Pipe {
        Pipe::new(path, Source::Whole, names, log)
    }

    fn new(path: PathBuf, source: Source, names: BTreeMap<String, String>, log: File) -> Pipe {
        let bytes = Zeroizing::new(Vec::with_capacity(LARGEST));
        Pipe { path, source, bytes, is_too_much: false, names, log }
    }

    /// Takes what has been written by now.
    pub(crate) fn pump(&mut self) -> io::Result<()> {
        let Source::Fifo(source) = &self.source else { return Ok(()) };
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            match (&*source).read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) if self.bytes.len() + length <= LARGEST => self.bytes.extend_from_slice(&chunk[..length]),
                Ok(_) => self.is_too_much = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the secrets that were published, and writes down which there are.
    pub(crate) fn finish(mut self) -> io::Result<Published> {
        self.pump()?;
        if let Source::Whole = self.source {
            let mut file = File::open(&self.path)?.take(LARGEST as u64 + 1);
            file.read_to_end(&mut self.bytes)?;
            self.is_too_much = self.bytes.len() > LARGEST;
        }
        fs::remove_file(&self.path)?;
        let (published, told) = self.sorted();
        self.log.write_all(told.as_bytes())?;
        Ok(published)
    }

    /// Returns the secrets, and what of them may be told: the mask for each that is kept, nothing for one that cannot be.
    fn sorted(&self) -> (Published, String) {
        let (mut kept, mut told) = (BTreeMap::new(), String::new());
        if self.is_too_much {
            return (Published(kept), told);
        }
        match judge::published(&self.bytes) {
            Ok(values) => {
                for (name, mut value) in values {
                    if let Some(key) = self.names.get(&name) {
                        let secret = secret(&value);
                        told.extend([name.as_str(), "=", if secret.is_some() { MASKED } else { "" }, "\n"]);
                        kept.extend(secret.map(|secret| (key.clone(), Arc::new(secret))));
                    }
                    value.zeroize();
                }
            }
            // The line is as wrong on the disk as it was in the pipe, without what it said.
            Err(fault) => told = "\n".repeat(fault.line.saturating_sub(1)) + "?\n",
        }
        (Published(kept), told)
    }
}

impl Pipe {
    /// Returns where the command finds it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what becomes readable when something is written, if it is a pipe.
    pub(crate) fn source(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Fifo(source) => Some(source.as_fd()),
            Source::Whole => None,
        }
    }
}
