//! Masking a stream: every secret in it, wherever its chunks begin and end.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use zeroize::Zeroizing;

use super::{MASKED, forms};

const CHUNK: usize = 64 * 1024;

/// Everything that is masked.
pub(super) struct Patterns {
    finder: AhoCorasick,
    /// Sorted, so that what begins one is found by bisection.
    forms: Vec<Vec<u8>>,
    longest: usize,
}

impl Patterns {
    pub(super) fn of<'v>(values: impl Iterator<Item = &'v str>) -> Patterns {
        let mut all = BTreeSet::new();
        values.for_each(|value| forms::add(value, &mut all));
        let forms: Vec<Vec<u8>> = all.into_iter().collect();
        let finder = AhoCorasick::new(&forms).expect("secrets are far fewer than a machine can hold");
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        Patterns { finder, forms, longest }
    }

    /// Returns whether bytes are the beginning of a form, and not all of it.
    fn begins_one(&self, bytes: &[u8]) -> bool {
        let after = self.forms.partition_point(|form| form.as_slice() <= bytes);
        self.forms.get(after).is_some_and(|form| form.starts_with(bytes))
    }

    /// Returns where the bytes begin of which it is not known yet whether they are a secret.
    fn unsure(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        (first..bytes.len()).find(|&at| self.begins_one(&bytes[at..])).unwrap_or(bytes.len())
    }
}

/// The mask of one stream.
///
/// What comes out does not depend on how the stream is cut into chunks. Secrets that overlap are masked as one.
pub(crate) struct Mask {
    patterns: Arc<Patterns>,
    /// What may be the beginning of a secret.
    pending: Zeroizing<Vec<u8>>,
    /// How many bytes of `pending` belong to a secret whose mask has been written.
    covered: usize,
}

impl Mask {
    pub(super) fn new(patterns: Arc<Patterns>) -> Mask {
        Mask { patterns, pending: Zeroizing::new(Vec::new()), covered: 0 }
    }

    /// Masks from here on what another one masks, the end of what is pending included.
    pub(crate) fn follow(&mut self, other: &Mask) {
        self.patterns = Arc::clone(&other.patterns);
    }

    /// Takes the next bytes and returns what is known to be no secret by now, masked.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let sure = self.patterns.unsure(&self.pending);
        self.pass(sure)
    }

    /// Returns the rest: the stream has ended.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.pass(self.pending.len())
    }

    /// Returns whole bytes masked.
    pub(crate) fn whole(mut self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = self.push(bytes);
        masked.extend(self.finish());
        masked
    }

    /// Writes the first `sure` bytes out, of which every secret that begins in them is whole.
    fn pass(&mut self, sure: usize) -> Vec<u8> {
        let mut masked = Vec::new();
        let mut at = self.covered;
        for (start, end) in self.hidden() {
            if start >= sure {
                break;
            }
            if start >= at {
                masked.extend_from_slice(&self.pending[at..start]);
                masked.extend_from_slice(MASKED.as_bytes());
            }
            at = at.max(end);
        }
        masked.extend_from_slice(self.pending.get(at..sure).unwrap_or_default());
        self.covered = at.saturating_sub(sure);
        self.pending.drain(..sure);
        masked
    }

    /// Returns the stretches of `pending` that are secrets, in the order of their beginnings.
    fn hidden(&self) -> Vec<(usize, usize)> {
        let found = self.patterns.finder.find_overlapping_iter(&self.pending);
        let mut hidden: Vec<(usize, usize)> = found.map(|found| (found.start(), found.end())).collect();
        hidden.sort_unstable();
        hidden
    }
}

/// A reader of which every secret is masked.
pub(crate) struct MaskedReader<R> {
    inner: R,
    mask: Mask,
    ready: Vec<u8>,
    is_over: bool,
}

impl<R: Read> MaskedReader<R> {
    pub(crate) fn new(inner: R, mask: Mask) -> MaskedReader<R> {
        MaskedReader { inner, mask, ready: Vec::new(), is_over: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        let length = self.inner.read(&mut chunk)?;
        self.is_over = length == 0;
        self.ready = if self.is_over { self.mask.finish() } else { self.mask.push(&chunk[..length]) };
        Ok(())
    }
}

impl<R: Read> Read for MaskedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !self.is_over {
            self.fill()?;
        }
        let length = buffer.len().min(self.ready.len());
        buffer[..length].copy_from_slice(&self.ready[..length]);
        self.ready.drain(..length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::new(Arc::new(Patterns::of(secrets.iter().copied())))
    }

    fn masked(secrets: &[&str], text: &str) -> String {
        String::from_utf8(mask(secrets).whole(text.as_bytes())).expect("text")
    }

    #[test]
    fn the_longest_goes_first_and_overlaps_leave_nothing() {
        let secrets = ["abcdef", "cdefgh", "bcde", "abcdefgh-long"];
        assert_eq!(masked(&secrets, "<abcdef>"), "<***>");
        assert_eq!(masked(&secrets, "<abcdefgh>"), "<***>");
        assert_eq!(masked(&secrets, "<abcdefgh-long>"), "<***>");
        assert_eq!(masked(&secrets, "<abcdefabcdef>"), "<******>");
        assert_eq!(masked(&secrets, "<abcd>"), "<abcd>");
    }

    #[test]
    fn chunks_make_no_difference() {
        let secrets = ["aaaa", "aabaa", "hunter2", "er2!hun", "-----BEGIN\nKEYKEY\n-----END", "zzzz\n"];
        let texts = [
            "aaaaaaabaaaabaa hunter2!hunter2 hunte",
            "x-----BEGIN\nKEYKEY\n-----ENDx KEYKE KEYKEY aHVudGVyMg== aHVudGVyMw==",
            "zzzz\nzzz\nhunter",
        ];
        for text in texts {
            let whole = masked(&secrets, text);
            for size in 1..text.len() {
                let mut mask = mask(&secrets);
                let mut pieces = Vec::new();
                text.as_bytes().chunks(size).for_each(|chunk| pieces.extend(mask.push(chunk)));
                pieces.extend(mask.finish());
                assert_eq!(String::from_utf8_lossy(&pieces), whole, "chunks of {size} of {text:?}");
            }
            let mut read = String::new();
            MaskedReader::new(text.as_bytes(), mask(&secrets)).read_to_string(&mut read).expect("text");
            assert_eq!(read, whole);
        }
    }

    #[test]
    fn nothing_is_held_back_that_cannot_be_a_secret() {
        let mut mask = mask(&["hunter2"]);
        assert_eq!(mask.push(b"line\n"), b"line\n");
        assert_eq!(mask.push(b"line hunt"), b"line ");
        assert_eq!(mask.push(b"ing\n"), b"hunting\n");
    }
}
