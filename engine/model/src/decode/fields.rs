//! Maps and lists of a playbook, key by key and item by item.

use std::fmt;

use super::{Block, Decoder};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Kind, Node};

/// A map of a known kind.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) block: Block,
    entries: &'n [Entry],
    /// The first key: where to point when something is missing.
    pub(super) head: Span,
    /// The whole map.
    pub(super) span: Span,
}

/// A value and the words for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'n> {
    key: &'n str,
    part: Part,
    pub(super) node: &'n Node,
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    Item,
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Whole => write!(f, "`{}`", self.key),
            Part::Item => write!(f, "an item of `{}`", self.key),
        }
    }
}

impl<'n> Field<'n> {
    pub(super) fn new(key: &'n str, node: &'n Node) -> Self {
        Self { key, part: Part::Whole, node }
    }

    /// Returns a part of the value.
    pub(super) fn item(self, node: &'n Node) -> Self {
        Self { part: Part::Item, node, ..self }
    }
}

impl<'n> Fields<'n> {
    /// Returns the field under `key`, if this kind of map has it.
    pub(super) fn get(&self, key: &str) -> Option<Field<'n>> {
        self.entry(key).filter(|_| self.block.has(key))
    }

    /// Returns whether there is no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns where `key` stands.
    pub(super) fn key_span(&self, key: &str) -> Option<Span> {
        self.entries.iter().find(|entry| entry.key.value == key).map(|entry| entry.key.span)
    }

    fn entry(&self, key: &str) -> Option<Field<'n>> {
        let entry = self.entries.iter().find(|entry| entry.key.value == key)?;
        Some(Field::new(&entry.key.value, &entry.value))
    }
}

/// Returns the field under a key of a map; nothing of what is no map.
pub(super) fn entry<'n>(map: &'n Node, key: &str) -> Option<Field<'n>> {
    let Kind::Map(entries) = &map.kind else { return None };
    let entry = entries.iter().find(|entry| entry.key.value == key)?;
    Some(Field::new(&entry.key.value, &entry.value))
}

impl Decoder<'_> {
    /// Returns the fields of a map, having reported its unknown keys.
    pub(super) fn fields<'n>(&mut self, field: Field<'n>, block: Block) -> Option<Fields<'n>> {
        let node = field.node;
        let Kind::Map(entries) = &node.kind else {
            return self.wrong(field, "a map");
        };
        for entry in entries.iter().filter(|entry| !block.has(&entry.key.value)) {
            self.unknown_key(block, &entry.key);
        }
        Some(Fields { block, entries, head: node.head(), span: node.span })
    }

    fn unknown_key(&mut self, block: Block, key: &Spanned<String>) {
        // Finding advice costs more than finding the fault.
        if self.is_full() {
            return;
        }
        let name = &key.value;
        let diagnostic = if matches!(block, Block::Group | Block::Use) && Block::Step.has(name) {
            let message = format!("`{name}` has no meaning on {}", block.name());
            let help = "a group executes nothing itself: write it at the members that need it";
            Diagnostic::error(Code::NotOfGroup, key.span, message).help(help)
        } else if block == Block::Final && Block::Step.has(name) {
            let message = format!("`{name}` has no meaning in `finally`");
            let help = "what runs at the very end is not undone, and nothing waits for it";
            Diagnostic::error(Code::NotAtTheEnd, key.span, message).help(help)
        } else {
            let message = format!("unknown key `{}` in {}", name.escape_debug(), block.name());
            Diagnostic::error(Code::UnknownKey, key.span, message).maybe_help(block.advise(name))
        };
        self.report(diagnostic);
    }

    /// Returns a field that must be there.
    pub(super) fn required<'n>(&mut self, fields: &Fields<'n>, key: &str) -> Option<Field<'n>> {
        let field = fields.get(key);
        if field.is_none() {
            self.missing(fields, &format!("`{key}`"));
        }
        field
    }

    /// Reports that `what` is missing.
    pub(super) fn missing(&mut self, fields: &Fields<'_>, what: &str) {
        let message = format!("{} without {what}", fields.block.name());
        self.report(Diagnostic::error(Code::MissingKey, fields.head, message).label(format!("{what} is missing here")));
    }

    /// Returns the items of a list.
    pub(super) fn items<'n>(&mut self, field: Field<'n>) -> Option<Vec<Field<'n>>> {
        match &field.node.kind {
            Kind::List(items) => Some(items.iter().map(|item| field.item(item)).collect()),
            Kind::Scalar(_) | Kind::Map(_) => self.wrong(field, "a list"),
        }
    }

    /// Returns the items of a list that must have some.
    pub(super) fn some_items<'n>(&mut self, field: Field<'n>) -> Option<Vec<Field<'n>>> {
        let items = self.items(field)?;
        if items.is_empty() {
            self.report(Diagnostic::error(Code::Empty, field.node.span, format!("{field} must not be empty")));
        }
        Some(items)
    }

    /// Returns the entries of a map whose keys are names of the playbook's own.
    pub(super) fn named<'n>(&mut self, field: Field<'n>) -> Vec<(&'n Spanned<String>, Field<'n>)> {
        match &field.node.kind {
            Kind::Map(entries) => {
                entries.iter().map(|entry| (&entry.key, Field::new(&entry.key.value, &entry.value))).collect()
            }
            Kind::Scalar(_) | Kind::List(_) => self.wrong(field, "a map").unwrap_or_default(),
        }
    }

    /// Reports a value of the wrong kind; there is never a value.
    pub(super) fn wrong<T>(&mut self, field: Field<'_>, expected: &str) -> Option<T> {
        self.wrong_with(field, expected, None)
    }

    /// Reports a value of the wrong kind, and what to write; there is never a value.
    pub(super) fn wrong_with<T>(&mut self, field: Field<'_>, expected: &str, help: Option<String>) -> Option<T> {
        let found = field.node.describe();
        let message = format!("{field} must be {expected}, but is {found}");
        let diagnostic = Diagnostic::error(Code::WrongType, field.node.head(), message);
        self.report(diagnostic.label(format!("expected {expected}")).maybe_help(help));
        None
    }

    /// Reports a value that stands where it cannot; there is never a value.
    pub(super) fn refuse<T>(&mut self, code: Code, span: Span, message: String, help: Option<String>) -> Option<T> {
        self.report(Diagnostic::error(code, span, message).maybe_help(help));
        None
    }
}
