//! The places of a shell script in which values stand, and how a value is quoted for each.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::template::{FaultCode, TemplateFault};

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

/// Why an expression cannot stand where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: FaultCode,
    message: String,
    help: String,
}

impl Refusal {
    pub(crate) fn at(self, range: Range<usize>) -> TemplateFault {
        TemplateFault {
            code: self.code,
            range,
            message: self.message,
            help: Some(self.help),
        }
    }
}

/// Returns the place of each hole, in order.
pub(crate) fn contexts(units: &[Unit<'_>], _kind: ShellKind) -> Vec<Result<QuoteContext, Refusal>> {
    units
        .iter()
        .filter(|unit| matches!(unit, Unit::Hole(_)))
        .map(|_| Ok(QuoteContext::Word))
        .collect()
}
