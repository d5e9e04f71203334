//! The places of a shell script in which values stand, and how a value is quoted for each.

mod command;
mod frame;
mod obstacle;
mod scan;
mod words;

use serde::{Deserialize, Serialize};

use crate::expression::is_quoted_by_filter;
use obstacle::Obstacle;

/// Which shell reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellKind {
    /// `/bin/sh`, whichever shell that is.
    Posix,
    /// `bash`.
    Bash,
    /// A program that passes the script on to a shell of its own, such as `bosh ssh -c`.
    Opaque,
}

/// The place of an expression in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteContext {
    /// Between blanks: one word, or one for each element of a list.
    Words,
    /// Outside of quotes, as a part of a word or where the shell wants exactly one.
    Word,
    /// Inside `"..."`.
    Double,
    /// Inside `'...'`.
    Single,
    /// In the script of a nested shell that is given as it is: words that the `quote` filter has made.
    Nested,
}

impl QuoteContext {
    /// Returns the text that yields exactly `value` in this place.
    pub fn quote(self, value: &str) -> String {
        match self {
            Self::Words | Self::Word => quote_bare(value),
            Self::Double => quote_double(value),
            Self::Single => quote_single(value),
            Self::Nested => value.to_owned(),
        }
    }

    pub(crate) fn refuses_lists(self) -> bool {
        self != Self::Words
    }

    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Words => "stands for several words",
            Self::Word => "is glued to other text or stands where one word is wanted",
            Self::Double | Self::Single => "stands inside quotes",
            Self::Nested => "stands in the script of another shell",
        }
    }
}

/// Returns one shell word that is exactly `value`.
pub fn quote_bare(value: &str) -> String {
    format!("'{}'", quote_single(value))
}

/// Returns the text that stands for `value` inside `"..."`.
pub fn quote_double(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Returns the text that stands for `value` inside `'...'`.
pub fn quote_single(value: &str) -> String {
    value.replace('\'', r"'\''")
}

/// A stretch of a script: text as written, or the hole that an expression leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit<'a> {
    Text(&'a str),
    /// With the source of its expression.
    Hole(&'a str),
}

/// A character of a script as the scanner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Char(char),
    /// The place of a value, with its number.
    Hole(usize),
    /// What the shell puts in the place of a parameter or a command substitution.
    Expansion,
}

impl Symbol {
    fn as_char(self) -> Option<char> {
        match self {
            Self::Char(c) => Some(c),
            Self::Hole(_) | Self::Expansion => None,
        }
    }

    fn as_hole(&self) -> Option<usize> {
        if let Self::Hole(hole) = self { Some(*hole) } else { None }
    }
}

/// Returns the place of each hole, in order, or why a value cannot stand there.
pub(crate) fn contexts(units: &[Unit<'_>], kind: ShellKind) -> Vec<Result<QuoteContext, Obstacle>> {
    let mut symbols = Vec::new();
    let mut is_quoted = Vec::new();
    for unit in units {
        match unit {
            Unit::Text(text) => symbols.extend(text.chars().map(Symbol::Char)),
            Unit::Hole(source) => {
                symbols.push(Symbol::Hole(is_quoted.len()));
                is_quoted.push(is_quoted_by_filter(source));
            }
        }
    }
    let mut places = vec![Err(Obstacle::Unsure("this")); is_quoted.len()];
    match kind {
        ShellKind::Posix | ShellKind::Bash => scan::scan(&symbols, &is_quoted, &mut places),
        ShellKind::Opaque => scan::scan_nested(&symbols, &is_quoted, &mut places),
    }
    places
}
