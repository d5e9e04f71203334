//! Values and their types.

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    None,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// The bits of a number.
    Float(u64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
}

/// The type of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A length of time.
    Duration,
    /// A number of bytes.
    Size,
    /// A path.
    Path,
    /// A point in time.
    Timestamp,
    /// A list.
    List,
    /// A map.
    Map,
    /// A program and its arguments.
    Command,
}
