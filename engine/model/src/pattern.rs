//! Regular expressions over output of any size: the wall around the regex crate.

use std::io::{self, Read};

use regex::bytes::{Regex, RegexBuilder};

/// Bytes that are searched at once.
const WINDOW: usize = 8 << 20;
/// Bytes of a window that are searched again with the next one: the longest match that is surely found.
const OVERLAP: usize = 64 << 10;
/// Memory that a compiled pattern may take.
const MAX_PROGRAM: usize = 1 << 20;

/// A compiled pattern.
///
/// `^` and `$` match at the beginning and end of each line; `.` matches no line break. Output need not be UTF-8.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternFault {
    /// What is wrong, in one line.
    pub message: String,
}

/// The first match of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where it begins, in bytes of the stream.
    pub offset: u64,
    /// What matched: the first group if the pattern has one, or else the whole match.
    pub text: Vec<u8>,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn compile(text: &str) -> Result<Self, PatternFault> {
        let regex = RegexBuilder::new(text).multi_line(true).size_limit(MAX_PROGRAM).build();
        regex.map(|regex| Self { regex }).map_err(|error| PatternFault { message: one_line(&error) })
    }

    /// Returns the text of the pattern.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Searches a stream in windows, so that memory stays flat whatever its length.
    ///
    /// A match longer than 64 KiB may be missed, or cut off, where it crosses the end of a window.
    pub fn search(&self, stream: &mut dyn Read) -> io::Result<Option<Match>> {
        self.search_windows(stream, WINDOW, OVERLAP)
    }

    fn search_windows(&self, stream: &mut dyn Read, window: usize, overlap: usize) -> io::Result<Option<Match>> {
        let mut buffer = Vec::new();
        let mut before = 0_u64;
        let mut searched = 0;
        loop {
            let wanted = window - buffer.len();
            let read = (&mut *stream).take(wanted as u64).read_to_end(&mut buffer)?;
            let is_last = read < wanted;
            let certain = if is_last { buffer.len() } else { buffer.len() - overlap };
            if let Some(found) = self.find(&buffer, searched, certain, is_last) {
                return Ok(Some(Match { offset: before + found.offset, ..found }));
            }
            if is_last {
                return Ok(None);
            }
            // One byte before the part that is searched again says whether a line begins there.
            let kept = certain - 1;
            buffer.drain(..kept);
            before += kept as u64;
            searched = 1;
        }
    }

    /// Finds a match that begins before `certain`; one behind it may still grow with the next window.
    fn find(&self, buffer: &[u8], from: usize, certain: usize, is_last: bool) -> Option<Match> {
        let found = self.regex.captures_at(buffer, from)?;
        let whole = found.get(0)?;
        let text = found.get(1).unwrap_or(whole).as_bytes().to_vec();
        (is_last || whole.start() < certain).then(|| Match { offset: whole.start() as u64, text })
    }
}

fn one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn search(pattern: &str, text: &str) -> Option<String> {
        let found = Pattern::compile(pattern).unwrap().search(&mut text.as_bytes()).unwrap();
        found.map(|found| String::from_utf8(found.text).unwrap())
    }

    #[test]
    fn lines_and_groups() {
        let text = "one\ntwo: 2\nthree\n";
        let cases = [
            ("^two", Some("two")),
            ("e$", Some("e")),
            (r"^two: (\d)$", Some("2")),
            ("one.two", None),
            ("(?s)one.two", Some("one\ntwo")),
            ("", Some("")),
        ];
        for (pattern, expected) in cases {
            assert_eq!(search(pattern, text).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_searched() {
        let found = Pattern::compile("ok").unwrap().search(&mut &b"\xff\xfe ok"[..]).unwrap().unwrap();
        assert_eq!((found.offset, found.text), (3, b"ok".to_vec()));
    }

    #[test]
    fn matches_across_windows_are_found_where_they_are() {
        let text = "a\nneedle of 16 by\nb needle\n".repeat(3);
        for pattern in ["needle of 16 by", "^b", r"\bb (needle)", "by$", "absent", r"\z", "(?-m)^b", "^needle"] {
            let pattern = Pattern::compile(pattern).unwrap();
            let whole = pattern.search(&mut text.as_bytes()).unwrap();
            for window in 40..100 {
                let parts = pattern.search_windows(&mut text.as_bytes(), window, 20).unwrap();
                assert_eq!(parts, whole, "{} in windows of {window}", pattern.as_str());
            }
        }
    }

    #[test]
    fn faults_are_one_line() {
        let fault = |text| Pattern::compile(text).unwrap_err().message;
        assert_eq!(fault("a("), "unclosed group");
        assert_eq!(fault("(?=a)"), "look-around, including look-ahead and look-behind, is not supported");
        assert_eq!(fault(r"(\w{1000}){1000}"), "the pattern is too large");
    }
}
