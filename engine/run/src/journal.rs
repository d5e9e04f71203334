//! The journal's format: one JSON object a line, each bound to its predecessor by a hash. Bytes in, bytes out.
//!
//! A line is `{"n":7,"t":1763829100123,"e":{...},"h":"..."}`: the sequence number from 1, the wall clock in milliseconds
//! since 1970 (for display only), the event, and the first 16 bytes of SHA-256 over the predecessor's hash and the
//! line up to here. The first line's predecessor is the format's name, so that the version is bound too.

use firedrill_model::plan::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::Event;

/// The version of the format.
pub const FORMAT: &str = "firedrill journal 1";

const HASH_BYTES: usize = 16;

/// An event as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its place in the journal, from 1.
    pub sequence: u64,
    /// When it was recorded, in milliseconds since 1970. For display only.
    pub at_ms: u64,
    /// The event.
    pub event: Event,
}

/// Appends to a chain: knows the sequence number and the hash that the next line needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    sequence: u64,
    hash: [u8; HASH_BYTES],
}

/// What a journal's bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The events in order.
    pub envelopes: Vec<Envelope>,
    /// The chain after the last whole line.
    pub chain: Chain,
    /// Bytes of whole lines; what follows is a torn last line.
    pub whole: usize,
    /// Whether a torn last line was left out.
    pub is_torn: bool,
}

/// A journal that cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line is damaged.
    #[error("line {line} of the journal is damaged: {why}")]
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A line is whole but does not follow from its predecessor.
    #[error(
        "line {line} of the journal does not follow from the line before: it was changed, moved, or lines are missing"
    )]
    Broken {
        /// Its number, from 1.
        line: u64,
    },
}

#[derive(Serialize)]
struct Head<'a> {
    n: u64,
    t: u64,
    e: &'a Event,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    n: u64,
    t: u64,
    e: Event,
    h: String,
}

impl Chain {
    /// Returns the chain of an empty journal.
    pub fn new() -> Chain {
        let digest = Sha256::digest(FORMAT);
        Chain { sequence: 0, hash: first_bytes(&digest) }
    }

    /// Returns the sequence number of the last line; 0 if there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Appends an event as a line to `bytes`.
    pub fn append(&mut self, at_ms: u64, event: &Event, bytes: &mut Vec<u8>) {
        self.sequence += 1;
        let begin = bytes.len();
        serde_json::to_writer(&mut *bytes, &Head { n: self.sequence, t: at_ms, e: event })
            .expect("an event holds no map with keys that are not strings");
        bytes.pop();
        self.hash = link(&self.hash, &bytes[begin..]);
        bytes.extend_from_slice(b",\"h\":\"");
        bytes.extend_from_slice(hex(&self.hash).as_bytes());
        bytes.extend_from_slice(b"\"}\n");
    }
}

impl Default for Chain {
    fn default() -> Self {
        Chain::new()
    }
}

/// Reads a journal.
///
/// A last line without its line feed, or made of NUL bytes only, was torn by a crash while it was being written and is
/// left out; whether that is harmless is for the caller to hold against what else is known. Everything else that is
/// not as it was written is an error.
pub fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
    let mut journal = Journal { envelopes: Vec::new(), chain: Chain::new(), whole: 0, is_torn: false };
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let envelope = read_line(&line[..end], &mut journal.chain)?;
        journal.envelopes.push(envelope);
        journal.whole += line.len();
        rest = after;
    }
    journal.is_torn = !rest.is_empty();
    Ok(journal)
}

fn read_line(text: &[u8], chain: &mut Chain) -> Result<Envelope, JournalError> {
    let number = chain.sequence + 1;
    let damaged = |why: String| JournalError::Damaged { line: number, why };
    let line: Line = serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
    let head = text.len().checked_sub(tail_length()).ok_or_else(|| damaged("it is too short".to_owned()))?;
    let hash = link(&chain.hash, &text[..head]);
    if line.h != hex(&hash) || line.n != number {
        return Err(JournalError::Broken { line: number });
    }
    *chain = Chain { sequence: number, hash };
    Ok(Envelope { sequence: line.n, at_ms: line.t, event: line.e })
}

/// Returns the length of `,"h":"..."}`.
fn tail_length() -> usize {
    r#","h":""}"#.len() + 2 * HASH_BYTES
}

fn link(previous: &[u8; HASH_BYTES], head: &[u8]) -> [u8; HASH_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(head);
    first_bytes(&hasher.finalize())
}

fn first_bytes(digest: &[u8]) -> [u8; HASH_BYTES] {
    let mut bytes = [0; HASH_BYTES];
    bytes.copy_from_slice(&digest[..HASH_BYTES]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::event::Exit;

    fn written() -> Vec<u8> {
        let mut chain = Chain::new();
        let mut bytes = Vec::new();
        let command = || "backup.attempt.1.1".parse().expect("a command's name");
        for event in [
            Event::RunStarted { run: "r1".into(), plan: "ab".into(), by: None, skips: BTreeMap::new() },
            Event::Started { command: command() },
            Event::Ended { command: command(), exit: Exit::Code(0), ms: 12 },
        ] {
            chain.append(1_763_829_100_123, &event, &mut bytes);
        }
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = written();
        let journal = read(&bytes).expect("whole");
        assert_eq!(journal.envelopes.len(), 3);
        assert_eq!((journal.whole, journal.is_torn), (bytes.len(), false));
        assert_eq!(journal.chain.sequence(), 3);
    }

    #[test]
    fn a_transition_costs_at_most_250_bytes() {
        let lines = written();
        let longest = lines.split(|&byte| byte == b'\n').map(<[u8]>::len).max();
        assert!(longest <= Some(250), "{longest:?}");
    }

    #[test]
    fn every_truncation_is_a_shorter_journal_or_torn() {
        let bytes = written();
        for end in 0..bytes.len() {
            let journal = read(&bytes[..end]).expect("a prefix");
            let lines =
                bytes[..end].split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")).count();
            assert_eq!(journal.envelopes.len(), lines);
            assert_eq!(journal.is_torn, journal.whole != end);
        }
    }

    #[test]
    fn every_flipped_bit_is_found_or_tears_the_last_line() {
        let bytes = written();
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            if let Ok(journal) = read(&flipped) {
                assert!(journal.is_torn && at / 8 == bytes.len() - 1, "bit {at} was not noticed");
            }
        }
    }

    #[test]
    fn a_moved_or_missing_line_breaks_the_chain() {
        let bytes = written();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        let without = [lines[0], lines[2]].concat();
        let swapped = [lines[1], lines[0], lines[2]].concat();
        assert!(matches!(read(&without), Err(JournalError::Broken { line: 2 })));
        assert!(matches!(read(&swapped), Err(JournalError::Broken { line: 1 })));
    }
}
