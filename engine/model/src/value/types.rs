//! The types that inputs and outputs declare.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Float, Value};
use crate::units::{Duration, Size};

/// The declared type of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A length of time: `90s`, `1h30m`.
    Duration,
    /// A number of bytes: `64MiB`, `2GB`.
    Size,
    /// The path of a file or directory.
    Path,
    /// An instant: `2026-11-22T17:00:00Z`.
    Timestamp,
    /// A sequence of values.
    List,
    /// Names with values.
    Map,
    /// A program and its arguments, as a list.
    Command,
}

/// A value that is not of the declared type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TypeMismatch {
    /// The type that was declared.
    pub expected: Type,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Type {
    /// Every type, in the order of the reference.
    pub const ALL: [Self; 11] = [
        Self::String,
        Self::Integer,
        Self::Number,
        Self::Boolean,
        Self::Duration,
        Self::Size,
        Self::Path,
        Self::Timestamp,
        Self::List,
        Self::Map,
        Self::Command,
    ];

    /// Returns the name that playbooks use.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Path => "path",
            Self::Timestamp => "timestamp",
            Self::List => "list",
            Self::Map => "map",
            Self::Command => "command",
        }
    }

    /// Returns the type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// Checks a value that was written with its type (YAML, JSON) and returns it as the type holds it.
    ///
    /// Durations, sizes and timestamps stay the text that was written. Nothing is guessed: `1.10` where a string is
    /// wanted is a mismatch that asks for quotes. `None` is a mismatch of every type.
    pub fn check(self, value: &Value) -> Result<Value, TypeMismatch> {
        match (self, value) {
            (Self::String, Value::String(_))
            | (Self::Integer, Value::Int(_))
            | (Self::Number, Value::Int(_) | Value::Float(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::List, Value::List(_))
            | (Self::Map, Value::Map(_)) => Ok(value.clone()),
            (Self::Duration | Self::Size | Self::Path | Self::Timestamp, Value::String(text)) => self.check_text(text),
            (Self::Command, Value::List(items)) => self.check_command(items),
            (
                Self::String
                | Self::Integer
                | Self::Number
                | Self::Boolean
                | Self::Duration
                | Self::Size
                | Self::Path
                | Self::Timestamp
                | Self::List
                | Self::Map
                | Self::Command,
                _,
            ) => Err(self.mismatch(value)),
        }
    }

    /// Reads a value from bare text, as the command line and captured output give it: `5` is an integer where one is
    /// wanted; lists, maps and commands are JSON.
    pub fn read(self, text: &str) -> Result<Value, TypeMismatch> {
        match self {
            Self::String => Ok(Value::from(text)),
            Self::Duration | Self::Size | Self::Path | Self::Timestamp => self.check_text(text),
            Self::Integer => text.parse().map(Value::Int).map_err(|_| self.unreadable(text)),
            Self::Number => self.read_number(text),
            Self::Boolean => text.parse().map(Value::Bool).map_err(|_| self.unreadable(text)),
            Self::List | Self::Map | Self::Command => {
                let value = Value::from_json(text.as_bytes()).map_err(|_| self.unreadable(text))?;
                self.check(&value)
            }
        }
    }

    fn read_number(self, text: &str) -> Result<Value, TypeMismatch> {
        if let Ok(whole) = text.parse() {
            return Ok(Value::Int(whole));
        }
        let number = text.parse().ok().and_then(Float::new);
        number.map(Value::Float).ok_or_else(|| self.unreadable(text))
    }

    fn check_text(self, text: &str) -> Result<Value, TypeMismatch> {
        if self.accepts_text(text) { Ok(Value::from(text)) } else { Err(self.unreadable(text)) }
    }

    fn accepts_text(self, text: &str) -> bool {
        match self {
            Self::Duration => text.parse::<Duration>().is_ok(),
            Self::Size => text.parse::<Size>().is_ok(),
            Self::Path => !text.is_empty() && !text.contains('\0'),
            Self::Timestamp => is_timestamp(text),
            Self::String | Self::Integer | Self::Number | Self::Boolean | Self::List | Self::Map | Self::Command => {
                false
            }
        }
    }

    fn check_command(self, items: &[Value]) -> Result<Value, TypeMismatch> {
        let words = items.iter().map(|item| match item {
            Value::String(_) => Ok(item.clone()),
            Value::Int(number) => Ok(Value::String(number.to_string())),
            Value::None | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => Err(TypeMismatch {
                expected: self,
                message: format!("an element of a command must be a string, not {}", item.kind()),
                help: Some(format!("quote it: \"{item}\"")),
            }),
        });
        let words = words.collect::<Result<Vec<_>, _>>()?;
        match words.first().and_then(Value::as_str) {
            None | Some("") => Err(TypeMismatch {
                expected: self,
                message: "a command needs a program".to_owned(),
                help: Some(self.example()),
            }),
            Some(_) => Ok(Value::List(words)),
        }
    }

    fn mismatch(self, value: &Value) -> TypeMismatch {
        let scalar = matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
        let help = match self {
            Self::String | Self::Path | Self::Timestamp if scalar => {
                format!("put quotes around it, as it was written: '{value}'")
            }
            _ => self.example(),
        };
        TypeMismatch {
            expected: self,
            message: format!("expected a value of type {}, found {}", self.name(), value.kind()),
            help: Some(help),
        }
    }

    fn unreadable(self, text: &str) -> TypeMismatch {
        let shown: String = text.chars().take(60).collect();
        TypeMismatch {
            expected: self,
            message: format!("`{}` is not a valid {}", shown.escape_debug(), self.name()),
            help: Some(self.example()),
        }
    }

    fn example(self) -> String {
        let example = match self {
            Self::String => "'text'",
            Self::Integer => "5",
            Self::Number => "2.5",
            Self::Boolean => "true or false",
            Self::Duration => "90s, 10m, 1h30m or 2d",
            Self::Size => "64MiB or 2GB",
            Self::Path => "/var/backups",
            Self::Timestamp => "'2026-11-22T17:00:00Z'",
            // What is given on a command line is JSON, which YAML takes too.
            Self::List => r#"["a", "b"]"#,
            Self::Map => r#"{"name": "value"}"#,
            Self::Command => r#"["program", "argument"]"#,
        };
        format!("write it like this: {example}")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn is_timestamp(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}
