//! The journal's file: appended in batches, synced beside the driver's loop, never written again after a failed sync.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use firedrill_run::Event;
use firedrill_run::journal::{self, Chain, Envelope, JournalError};
use rustix::fs::FallocateFlags;

/// A journal that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// The file cannot be read or written.
    #[error("journal {path}: {source}")]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else than a journal.
    #[error("journal {path}: {source}")]
    Content {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        source: JournalError,
    },
}

/// Lines that belong together, with the number of the last.
type Batch = (Vec<u8>, u64);

/// The writing end of a journal.
///
/// Batches are written and synced by a thread of their own, in order; several that wait share one sync. The thread
/// reports the number up to which everything is durable, or that it has given up for good.
pub(crate) struct Recorder {
    chain: Chain,
    pending: Vec<u8>,
    batches: Sender<Batch>,
}

/// Reads a journal with everything that is durable in it, dropping a torn last line from the file.
pub fn read(path: &Path) -> Result<Vec<Envelope>, JournalFileError> {
    Ok(load(path)?.envelopes)
}

fn load(path: &Path) -> Result<journal::Journal, JournalFileError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| JournalFileError::Io {
        path: path.to_owned(),
        source,
    })?;
    journal::read(&bytes).map_err(|source| JournalFileError::Content {
        path: path.to_owned(),
        source,
    })
}

/// Creates an empty journal with room for `reserve` bytes, so that a full disk cannot lose a result.
pub(crate) fn create(path: &Path, reserve: u64) -> Result<(), JournalFileError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let reserved = created.and_then(|file| reserve_room(&file, reserve));
    reserved.map_err(|source| JournalFileError::Io {
        path: path.to_owned(),
        source,
    })
}

fn reserve_room(file: &File, reserve: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, reserve) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Recorder {
    /// Opens a journal for appending and returns what it holds.
    ///
    /// `report` is called by the writing thread after each sync.
    pub(crate) fn open(
        path: &Path,
        report: impl Fn(Result<u64, JournalFileError>) + Send + 'static,
    ) -> Result<(Recorder, Vec<Envelope>), JournalFileError> {
        let journal = load(path)?;
        let failed = |source| JournalFileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        if journal.is_torn {
            file.set_len(journal.whole as u64).map_err(failed)?;
        }
        let (batches, inbox) = std::sync::mpsc::channel();
        let path = path.to_owned();
        thread::spawn(move || write_batches(file, &path, &inbox, report));
        Ok((
            Recorder {
                chain: journal.chain,
                pending: Vec::new(),
                batches,
            },
            journal.envelopes,
        ))
    }

    /// Appends an event; it becomes durable some time after the next [`Recorder::flush`].
    pub(crate) fn append(&mut self, at_ms: u64, event: Event) -> Envelope {
        self.chain.append(at_ms, &event, &mut self.pending);
        Envelope {
            sequence: self.chain.sequence(),
            at_ms,
            event,
        }
    }

    /// Hands everything appended so far to the writing thread.
    pub(crate) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let batch = (std::mem::take(&mut self.pending), self.chain.sequence());
        // A thread that has ended has reported why: the driver stops when it reads that.
        let _ended = self.batches.send(batch);
    }
}

fn write_batches(mut file: File, path: &Path, inbox: &Receiver<Batch>, report: impl Fn(Result<u64, JournalFileError>)) {
    while let Ok((mut bytes, mut last)) = inbox.recv() {
        for (more, sequence) in inbox.try_iter() {
            bytes.extend_from_slice(&more);
            last = sequence;
        }
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        let is_over = written.is_err();
        report(written.map(|()| last).map_err(|source| JournalFileError::Io {
            path: path.to_owned(),
            source,
        }));
        if is_over {
            return;
        }
    }
}
