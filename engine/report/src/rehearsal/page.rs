//! What is printed on: how wide it is, and what it can show.

use std::time::Duration;

use crate::diagnostics::Colour;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::plan_text;
use crate::text::{width, wrap, wrap_command};
use crate::words;

/// Reasons are not broken into lines shorter than this.
const NARROWEST_REASON: usize = 30;

/// A page of text for people.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Whether it is coloured.
    pub colour: Colour,
    /// Which signs it can show.
    pub signs: Signs,
    /// How many columns it has.
    pub columns: usize,
}

/// Which signs a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Every sign.
    Unicode,
    /// Those of ASCII only.
    Ascii,
}

impl Page {
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        Ink::new(self.colour).paint(tone, text)
    }

    /// Returns the mark of what went well or did not.
    pub(super) fn mark(&self, is_good: bool) -> String {
        let sign = match (self.signs, is_good) {
            (Signs::Unicode, true) => "✓",
            (Signs::Unicode, false) => "✗",
            (Signs::Ascii, true) => "+",
            (Signs::Ascii, false) => "x",
        };
        self.paint(if is_good { Tone::Good } else { Tone::Bad }, sign)
    }

    /// Returns text cut to at most `columns`, so that a reader sees that it was cut.
    pub(super) fn cut(&self, text: &str, columns: usize) -> String {
        if width(text) <= columns {
            return text.to_owned();
        }
        let dots = if self.signs == Signs::Unicode { "…" } else { "..." };
        let mut short = String::new();
        for character in text.chars() {
            if width(&short) + width(character.encode_utf8(&mut [0; 4])) + width(dots) > columns {
                break;
            }
            short.push(character);
        }
        short + dots
    }

    /// Returns a sentence below its heading, broken into lines.
    pub(super) fn reason(&self, tone: Tone, indent: usize, text: &str) -> String {
        self.indented(indent, tone, &self.broken(indent, text))
    }

    /// Returns a sentence of a list, broken into lines.
    pub(super) fn item(&self, indent: usize, text: &str) -> String {
        let lines = self.broken(indent + 2, text);
        let bullets = ["- "].into_iter().chain(std::iter::repeat("  "));
        let lines: Vec<String> = bullets.zip(lines).map(|(bullet, line)| bullet.to_owned() + &line).collect();
        self.indented(indent, Tone::Plain, &lines)
    }

    fn broken(&self, indent: usize, text: &str) -> Vec<String> {
        wrap(&harmless(text), self.columns.saturating_sub(indent).max(NARROWEST_REASON))
    }

    /// Returns what can be typed, below what it is for.
    pub(super) fn typed(&self, indent: usize, purpose: &str, words: &[String]) -> String {
        let purpose = self.indented(indent, Tone::Plain, &[purpose.to_owned()]);
        purpose + &self.command(indent + 2, words)
    }

    /// Returns what can be typed; a shell reads its lines as one command.
    pub(super) fn command(&self, indent: usize, words: &[String]) -> String {
        let columns = self.columns.saturating_sub(indent).max(NARROWEST_REASON);
        self.indented(indent, Tone::Typed, &wrap_command(words, columns, width))
    }

    fn indented(&self, indent: usize, tone: Tone, lines: &[String]) -> String {
        let blanks = " ".repeat(indent);
        let lines: Vec<String> = lines.iter().map(|line| blanks.clone() + &self.paint(tone, line) + "\n").collect();
        lines.concat()
    }
}

/// Returns words as they are typed.
pub(super) fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| plan_text::quoted(word)).collect()
}

/// Returns how long something took in words.
pub(super) fn took(length: Duration) -> String {
    words::took(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}
