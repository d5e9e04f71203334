//! The text of a playbook, and places in it.

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Diagnostic};

/// The largest file that is read.
pub const MAX_BYTES: usize = 64 << 20;

/// A range of bytes in a [`Source`], end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// Returns the span from `start` to `end`; both lie in a source, which is never larger than [`MAX_BYTES`].
    pub fn new(start: usize, end: usize) -> Self {
        let offset = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { start: offset(start), end: offset(end.max(start)) }
    }

    /// Returns the same range for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Returns `value` as written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Applies `f` to the value and keeps the place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// The text of one file: UTF-8 without byte order mark, at most [`MAX_BYTES`] long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name to show, usually the path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
    line_starts: Vec<u32>,
}

impl Source {
    /// Makes a source of a file's bytes.
    ///
    /// # Errors
    /// A diagnostic if the file is too large, is not UTF-8 or holds a NUL; its span is meant for [`Source::lossy`].
    pub fn from_bytes(name: impl Into<String>, mut bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if bytes.len() > MAX_BYTES {
            let message =
                format!("the file has {} MiB, more than the {} MiB that are read", bytes.len() >> 20, MAX_BYTES >> 20);
            return Err(Diagnostic::error(Code::FileTooLarge, Span::default(), message));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Diagnostic::error(Code::NotUtf8, Span::new(at, at + 1), "the file is not UTF-8 from here on")
        })?;
        match text.char_indices().find(|&(_, c)| is_refused(c)) {
            Some((at, c)) => Err(control_character(at, c)),
            None => Ok(Self::new(name, text)),
        }
    }

    /// Makes a source of bytes that [`Source::from_bytes`] refused, to show where: what follows `at` is left out.
    pub fn lossy(name: impl Into<String>, bytes: &[u8], at: Span) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let valid = &bytes[..bytes.len().min(at.start as usize)];
        Self::new(name, format!("{}\u{fffd}", String::from_utf8_lossy(valid)))
    }

    /// Makes a source of text that is known to be good, such as a test's.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let starts =
            text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| Span::new(at + 1, 0).start);
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self { name: name.into(), line_starts, text }
    }

    /// Returns line and column, both from 1, of a byte offset; the column counts characters.
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = self.line_starts[line - 1] as usize;
        let end = (offset as usize).min(self.text.len());
        let column =
            self.text.as_bytes()[start..end.max(start)].iter().filter(|&&byte| byte & 0xc0 != 0x80).count() + 1;
        (line, column)
    }

    /// Returns the text at `span`, empty where the span lies outside or splits a character.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Returns the bytes of line `line` (from 1) without its line end.
    pub fn line_span(&self, line: usize) -> Span {
        let start = self.line_starts[line - 1] as usize;
        let end = self.line_starts.get(line).map_or(self.text.len(), |&next| next as usize);
        let trimmed = self.text[start..end].trim_end_matches(['\n', '\r']);
        Span::new(start, start + trimmed.len())
    }
}

/// Tells whether a character would act on a terminal or reorder what people read.
fn is_refused(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn control_character(at: usize, c: char) -> Diagnostic {
    let span = Span::new(at, at + c.len_utf8());
    let diagnostic =
        Diagnostic::error(Code::ControlCharacter, span, format!("the file holds `{}`", c.escape_unicode()));
    diagnostic.help("leave it out; where it is meant, write it as an escape in double quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x", "a: 백업\r\nb: c\n");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(6), (1, 5), "the second syllable");
        assert_eq!(source.line_column(11), (2, 1));
        assert_eq!(source.line_column(14), (2, 4));
        assert_eq!(source.slice(source.line_span(1)), "a: 백업");
        assert_eq!(source.line_column(999), (3, 1));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let source = Source::from_bytes("x", b"\xef\xbb\xbffiredrill: 1".to_vec()).expect("good bytes");
        assert_eq!(source.text, "firedrill: 1");
    }

    #[test]
    fn bad_bytes_are_refused_at_their_place() {
        let refused = |bytes: &[u8]| {
            let diagnostic = Source::from_bytes("x", bytes.to_vec()).expect_err("bad bytes");
            let source = Source::lossy("x", bytes, diagnostic.span);
            (diagnostic.code.id(), source.line_column(diagnostic.span.start))
        };
        assert_eq!(refused(b"a: 1\nb: \xff"), ("FD0001", (2, 4)));
        assert_eq!(refused(b"\xef\xbb\xbfa: \0"), ("FD0002", (1, 4)));
        assert_eq!(refused(b"a: \x1b[31m"), ("FD0002", (1, 4)));
        assert_eq!(refused("a: \u{202e}b".as_bytes()), ("FD0002", (1, 4)));
        assert_eq!(refused("a: \u{9b}b".as_bytes()), ("FD0002", (1, 4)));
    }
}
