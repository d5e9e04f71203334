//! The journal's file: appended in batches, synced beside the driver's loop, never written again after a failed sync.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// When a flush must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Nothing else can be done meanwhile: the caller's own thread syncs.
    Now,
    /// Other things go on meanwhile: the writing thread syncs and reports.
    Beside,
}

/// The writing end of a journal.
///
/// Batches are written and synced by a thread of their own, in order; several that wait share one sync. The thread
/// reports the number up to which everything is durable, or that it has given up for good. A driver with nothing else to
/// do syncs itself, which saves two changes of thread.
pub(crate) struct Recorder {
    chain: Chain,
    pending: Vec<u8>,
    file: Arc<File>,
    path: PathBuf,
    batches: Sender<Batch>,
    /// The last line that was handed over, and the last that is known to be durable.
    handed: u64,
    durable: u64,
}

/// Reads a journal with everything that is durable in it, dropping a torn last line from the file.
pub fn read(path: &Path) -> Result<Vec<Envelope>, JournalFileError> {
    Ok(load(path)?.envelopes)
}

fn load(path: &Path) -> Result<journal::Journal, JournalFileError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| JournalFileError::Io { path: path.to_owned(), source })?;
    journal::read(&bytes).map_err(|source| JournalFileError::Content { path: path.to_owned(), source })
}

/// Creates an empty journal with room for `reserve` bytes, so that a full disk cannot lose a result.
pub(crate) fn create(path: &Path, reserve: u64) -> Result<(), JournalFileError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let reserved = created.and_then(|file| reserve_room(&file, reserve));
    reserved.map_err(|source| JournalFileError::Io { path: path.to_owned(), source })
}

fn reserve_room(file: &File, reserve: u64) -> io::Result<()> {
    if reserve == 0 {
        return Ok(());
    }
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
        let failed = |source| JournalFileError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        if journal.is_torn {
            file.set_len(journal.whole as u64).map_err(failed)?;
        }
        let (batches, inbox) = std::sync::mpsc::channel();
        let file = Arc::new(file);
        let (thread_file, thread_path) = (Arc::clone(&file), path.to_owned());
        thread::spawn(move || write_batches(&thread_file, &thread_path, &inbox, report));
        let last = journal.chain.sequence();
        let recorder = Recorder {
            chain: journal.chain,
            pending: Vec::new(),
            file,
            path: path.to_owned(),
            batches,
            handed: last,
            durable: last,
        };
        Ok((recorder, journal.envelopes))
    }

    /// Appends an event; it becomes durable some time after the next [`Recorder::flush`].
    pub(crate) fn append(&mut self, at_ms: u64, event: Event) -> Envelope {
        self.chain.append(at_ms, &event, &mut self.pending);
        Envelope { sequence: self.chain.sequence(), at_ms, event }
    }

    /// Takes note of a report of the writing thread.
    pub(crate) fn is_durable(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
    }

    /// Makes everything appended so far durable: returns the last number if that has happened, or `None` if the writing
    /// thread will report it.
    pub(crate) fn flush(&mut self, urgency: Urgency) -> Result<Option<u64>, JournalFileError> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let batch = (std::mem::take(&mut self.pending), self.chain.sequence());
        let is_thread_idle = self.handed == self.durable;
        self.handed = batch.1;
        if urgency == Urgency::Now && is_thread_idle {
            self.durable = write(&self.file, &self.path, &batch)?;
            return Ok(Some(self.durable));
        }
        // A thread that has ended has reported why: the driver stops when it reads that.
        let _ended = self.batches.send(batch);
        Ok(None)
    }
}

fn write_batches(file: &File, path: &Path, inbox: &Receiver<Batch>, report: impl Fn(Result<u64, JournalFileError>)) {
    while let Ok(mut batch) = inbox.recv() {
        for (more, sequence) in inbox.try_iter() {
            batch.0.extend_from_slice(&more);
            batch.1 = sequence;
        }
        let written = write(file, path, &batch);
        let is_over = written.is_err();
        report(written);
        if is_over {
            return;
        }
    }
}

/// Writes lines in one piece and syncs them.
fn write(mut file: &File, path: &Path, (bytes, last): &Batch) -> Result<u64, JournalFileError> {
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    written.map(|()| *last).map_err(|source| JournalFileError::Io { path: path.to_owned(), source })
}
