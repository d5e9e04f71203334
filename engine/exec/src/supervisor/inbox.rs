//! The inbox: what became of a run's commands, kept on disk for an engine that is absent.
//!
//! One JSON line per fact, each with its own checksum. A command is announced before it is started, so a command that
//! is not in here was never started.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::protocol::{CommandKey, CommandState, Ended};

/// Room that is kept for the end of one command.
const ROOM_PER_END: u64 = 1024;
/// How much room is asked of the disk at once.
const ROOM: u64 = 256 * 1024;

/// A fact about a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Record {
    /// It is about to be started.
    Spawning { command: CommandKey },
    /// It runs.
    Spawned { command: CommandKey, started: Started },
    /// It has ended.
    Ended(Ended),
}

/// The process of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// The id of the process and of its session.
    pub pid: i32,
    /// When it was started, in milliseconds since the machine was: ids are used again, this tells whose it is.
    pub since_boot_ms: u64,
}

/// What the inbox knows of a command. One that has no entry was never started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboxState {
    /// It was about to be started or was started, and no end was recorded.
    MaybeStarted(Option<Started>),
    /// It has ended.
    Ended(Ended),
}

impl From<InboxState> for CommandState {
    /// Reads the state as one that a dead supervisor left behind.
    fn from(state: InboxState) -> Self {
        match state {
            InboxState::MaybeStarted(started) => Self::Lost { pid: started.map(|started| started.pid) },
            InboxState::Ended(ended) => Self::Ended(ended),
        }
    }
}

/// An inbox that cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// It cannot be read.
    #[error("the inbox of {path}")]
    Io {
        /// The run directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A line other than a torn last one is not what was written.
    #[error("line {line} of the inbox is damaged")]
    Damaged {
        /// Counted from 1.
        line: usize,
    },
}

/// Reads what is known of every command that was ever about to be started.
///
/// A last line without its end is ignored: nothing was started or reported on its ground.
pub fn read_inbox(run_dir: &Path) -> Result<BTreeMap<CommandKey, InboxState>, InboxError> {
    let content = Place::open(run_dir).and_then(|place| place.read_inbox());
    fold(&content.map_err(|source| InboxError::Io { path: run_dir.to_owned(), source })?)
}

fn fold(content: &[u8]) -> Result<BTreeMap<CommandKey, InboxState>, InboxError> {
    let mut states = BTreeMap::new();
    for (number, line) in (1..).zip(whole_lines(content).split_inclusive(|byte| *byte == b'\n')) {
        match Sealed::open(line).ok_or(InboxError::Damaged { line: number })? {
            Record::Spawning { command } => states.insert(command, InboxState::MaybeStarted(None)),
            Record::Spawned { command, started } => states.insert(command, InboxState::MaybeStarted(Some(started))),
            Record::Ended(ended) => states.insert(ended.command.clone(), InboxState::Ended(ended)),
        };
    }
    Ok(states)
}

fn whole_lines(content: &[u8]) -> &[u8] {
    let end = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &content[..end]
}

/// A line: a record and the checksum of its text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    sum: u64,
    record: Record,
}

impl Sealed {
    fn seal(record: Record) -> Vec<u8> {
        let mut line = serde_json::to_vec(&Self { sum: checksum(&record), record }).expect("records are plain data");
        line.push(b'\n');
        line
    }

    fn open(line: &[u8]) -> Option<Record> {
        let sealed: Self = serde_json::from_slice(line).ok()?;
        (sealed.sum == checksum(&sealed.record)).then_some(sealed.record)
    }
}

/// FNV-1a of the record's text: finds damage, keeps no one out.
fn checksum(record: &Record) -> u64 {
    let text = serde_json::to_vec(record).expect("records are plain data");
    text.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The inbox as its only writer has it.
pub(super) struct Inbox {
    file: File,
    length: u64,
    room: u64,
}

impl Inbox {
    /// Opens the inbox of a run, which may hold what a dead supervisor wrote, and returns that too.
    pub(super) fn open(place: &Place, run_dir: &Path) -> Result<(Self, BTreeMap<CommandKey, InboxState>), InboxError> {
        let io = |source| InboxError::Io { path: run_dir.to_owned(), source };
        let content = place.read_inbox().map_err(io)?;
        let states = fold(&content)?;
        let length = whole_lines(&content).len() as u64;
        let file = place.inbox().map_err(io)?;
        file.set_len(length).map_err(io)?;
        Ok((Self { file, length, room: length }, states))
    }

    /// Announces a command, with room on the disk for its end and the ends of the others that run.
    pub(super) fn announce(&mut self, command: &CommandKey, running: usize) -> io::Result<()> {
        let needed = self.length + (running as u64 + 2) * ROOM_PER_END;
        if needed > self.room {
            self.room = reserve(&self.file, self.length, needed.max(self.length + ROOM))?;
        }
        self.append(Record::Spawning { command: command.clone() })
    }

    /// Appends a record whole or not at all; it survives this process, but not yet the machine.
    pub(super) fn append(&mut self, record: Record) -> io::Result<()> {
        let line = Sealed::seal(record);
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Makes every record so far survive the machine.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Reserves the bytes from `start` to `end` and returns the end. A file system that cannot reserve has the room by
/// declaration: there a full disk shows at the write.
fn reserve(file: &File, start: u64, end: u64) -> io::Result<u64> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, start, end - start) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(end),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Exit;
    use super::*;

    fn key() -> CommandKey {
        CommandKey::new("a.attempt.1.1")
    }

    fn started() -> Started {
        Started { pid: 7, since_boot_ms: 70 }
    }

    fn ended() -> Ended {
        Ended { command: key(), exit: Exit::Code(3), ms: 5, leftover: 0 }
    }

    fn life() -> Vec<Record> {
        let spawned = Record::Spawned { command: key(), started: started() };
        vec![Record::Spawning { command: key() }, spawned, Record::Ended(ended())]
    }

    #[test]
    fn states_follow_from_the_last_record() {
        let dir = tempfile::tempdir().unwrap();
        let (mut inbox, before) = Inbox::open(&Place::open(dir.path()).unwrap(), dir.path()).unwrap();
        assert_eq!(before, BTreeMap::new());
        let expected =
            [InboxState::MaybeStarted(None), InboxState::MaybeStarted(Some(started())), InboxState::Ended(ended())];
        for (record, state) in life().into_iter().zip(expected) {
            inbox.append(record).unwrap();
            assert_eq!(read_inbox(dir.path()).unwrap(), BTreeMap::from([(key(), state)]));
        }
    }

    #[test]
    fn a_directory_without_an_inbox_has_started_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_inbox(dir.path()).unwrap(), BTreeMap::new());
    }

    #[test]
    fn a_torn_last_line_counts_for_nothing_and_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::open(dir.path()).unwrap();
        let whole = Sealed::seal(Record::Spawning { command: key() });
        let torn = Sealed::seal(Record::Ended(ended()));
        for end in 0..torn.len() {
            let content = [&whole[..], &torn[..end]].concat();
            std::fs::write(dir.path().join("inbox"), content).unwrap();
            let (mut inbox, states) = Inbox::open(&place, dir.path()).unwrap();
            assert_eq!(states, BTreeMap::from([(key(), InboxState::MaybeStarted(None))]));
            inbox.append(Record::Ended(ended())).unwrap();
            assert_eq!(read_inbox(dir.path()).unwrap(), BTreeMap::from([(key(), InboxState::Ended(ended()))]));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let content: Vec<u8> = life().into_iter().flat_map(Sealed::seal).collect();
        let last = content.len() - 1;
        for (at, bit) in (0..last).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = content.clone();
            damaged[at] ^= 1 << bit;
            assert!(matches!(fold(&damaged), Err(InboxError::Damaged { .. })), "byte {at}, bit {bit}");
        }
    }
}
