//! Texts, numbers, flags, choices and names.

use std::num::NonZeroU32;
use std::str::FromStr;

use super::fields::Field;
use super::{Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::Given;
use crate::source::{Span, Spanned};
use crate::suggest;
use crate::units::Duration;
use crate::value::{Float, Value};
use crate::yaml::{Kind, Node, Plain, Scalar};

/// The forms that names have.
#[derive(Clone, Copy)]
pub(super) enum NameForm {
    /// Names that appear in expressions.
    Snake,
    /// Names of playbooks.
    Kebab,
}

impl NameForm {
    fn accepts(self, name: &str) -> bool {
        let is_letter = |byte: u8| match self {
            Self::Snake => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_',
            Self::Kebab => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
        };
        name.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && name.bytes().all(is_letter)
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Snake => "lower-case letters, digits and `_`, a letter first",
            Self::Kebab => "lower-case letters, digits and `-`, a letter first",
        }
    }

    /// Returns the nearest name in this form, if there is one; of a playbook's file, that of the playbook.
    fn repair(self, name: &str) -> Option<String> {
        let name =
            [".yaml", ".yml", ".rehearsal"].iter().fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
        let (joint, other) = match self {
            Self::Snake => ('_', '-'),
            Self::Kebab => ('-', '_'),
        };
        let lower = name.to_lowercase().replace([other, ' ', '.'], &joint.to_string());
        self.accepts(&lower).then_some(lower)
    }
}

impl Decoder<'_> {
    /// Returns a text without templates.
    pub(super) fn text(&mut self, field: Field<'_>) -> Option<Spanned<String>> {
        let text = self.any_text(field)?;
        if !text.contains("${{") {
            return Some(Spanned::new(text.to_owned(), field.node.span));
        }
        let message = format!("{field} cannot hold a template");
        self.refuse(Code::TemplateHere, self.place_of_template(field.node, text), message, None)
    }

    /// Returns a text without templates that must not be empty.
    pub(super) fn some_text(&mut self, field: Field<'_>) -> Option<Spanned<String>> {
        let text = self.text(field)?;
        if !text.value.trim().is_empty() {
            return Some(text);
        }
        self.refuse(Code::Empty, text.span, format!("{field} must not be empty"), None)
    }

    /// Returns the text of a scalar; numbers, booleans and nothing are asked to be quoted.
    pub(super) fn any_text<'n>(&mut self, field: Field<'n>) -> Option<&'n str> {
        let Some(scalar) = scalar(field.node) else {
            return self.wrong(field, "a text");
        };
        match scalar.resolve() {
            Plain::Text(text) => Some(text),
            Plain::Nothing => self.wrong(field, "a text"),
            plain @ (Plain::Bool(_) | Plain::Int(_) | Plain::Float(_)) => {
                let message = format!("{field} must be a text, but `{}` is {}", scalar.text, plain.describe());
                let help = format!("quote it: \"{}\"", scalar.text);
                self.refuse(Code::QuoteIt, field.node.span, message, Some(help))
            }
        }
    }

    /// Returns a flag.
    pub(super) fn flag(&mut self, field: Field<'_>) -> Option<bool> {
        let plain = scalar(field.node).map(Scalar::resolve);
        match plain {
            Some(Plain::Bool(flag)) => Some(flag),
            Some(Plain::Text(text)) if matches!(text, "yes" | "no" | "on" | "off" | "true" | "false") => {
                let flag = matches!(text, "yes" | "on" | "true");
                self.wrong_with(field, "a boolean", Some(format!("write {flag}, without quotes")))
            }
            _ => self.wrong(field, "a boolean"),
        }
    }

    /// Returns the flag under a key, off if there is none.
    pub(super) fn optional_flag(&mut self, field: Option<Field<'_>>) -> bool {
        field.and_then(|field| self.flag(field)).unwrap_or_default()
    }

    /// Returns the choice that a word stands for.
    pub(super) fn choice<T: Copy>(&mut self, field: Field<'_>, choices: &[(&str, T)]) -> Option<Spanned<T>> {
        let word = self.any_text(field)?;
        if let Some(&(_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(Spanned::new(choice, field.node.span));
        }
        let names: Vec<&str> = choices.iter().map(|&(name, _)| name).collect();
        let message = format!("{field} cannot be `{}`", word.escape_debug());
        let help = suggest::did_you_mean(word, names.iter().copied());
        let help = help.unwrap_or_else(|| format!("it can be {}", names.join(", ")));
        self.refuse(Code::UnknownChoice, field.node.span, message, Some(help))
    }

    /// Returns a name, also one that is not in the right form, so that references to it are understood.
    pub(super) fn name(&mut self, field: Field<'_>, form: NameForm) -> Option<Spanned<String>> {
        let name = self.any_text(field)?;
        Some(self.check_name(&Spanned::new(name.to_owned(), field.node.span), form, &field.to_string()))
    }

    /// Reports a name that is not in the right form.
    pub(super) fn check_name(&mut self, name: &Spanned<String>, form: NameForm, what: &str) -> Spanned<String> {
        if !form.accepts(&name.value) {
            let message = format!("{what} must be {}", form.describe());
            let help = form.repair(&name.value).map(|repaired| format!("write `{repaired}`"));
            self.report(Diagnostic::error(Code::BadName, name.span, message).maybe_help(help));
        }
        name.clone()
    }

    /// Returns an integer of at least 1.
    pub(super) fn count(&mut self, field: Field<'_>) -> Option<Spanned<NonZeroU32>> {
        let Some(Plain::Int(number)) = scalar(field.node).map(Scalar::resolve) else {
            return self.wrong(field, "an integer");
        };
        let count = u32::try_from(number).ok().and_then(NonZeroU32::new);
        let message = || format!("{field} must be at least 1 and less than 4294967296");
        match count {
            Some(count) => Some(Spanned::new(count, field.node.span)),
            None => self.refuse(Code::OutOfRange, field.node.span, message(), None),
        }
    }

    /// Returns an integer of at least 0.
    pub(super) fn amount(&mut self, field: Field<'_>) -> Option<u32> {
        let Some(Plain::Int(number)) = scalar(field.node).map(Scalar::resolve) else {
            return self.wrong(field, "an integer");
        };
        let message = || format!("{field} must be at least 0 and less than 4294967296");
        u32::try_from(number).ok().or_else(|| self.refuse(Code::OutOfRange, field.node.span, message(), None))
    }

    /// Returns an integer of at least 1, or the expression for it.
    pub(super) fn given_count(&mut self, field: Field<'_>) -> Option<Spanned<Given<NonZeroU32>>> {
        match self.setting(field) {
            Some(setting) => setting.map(|template| template.map(Given::Computed)),
            None => self.count(field).map(|count| count.map(Given::Written)),
        }
    }

    /// Returns a duration, or the expression for it.
    pub(super) fn given_duration(&mut self, field: Field<'_>) -> Option<Spanned<Given<Duration>>> {
        match self.setting(field) {
            Some(setting) => setting.map(|template| template.map(Given::Computed)),
            None => self.duration(field).map(|duration| duration.map(Given::Written)),
        }
    }

    /// Returns a duration that is written out.
    pub(super) fn duration(&mut self, field: Field<'_>) -> Option<Spanned<Duration>> {
        let span = field.node.span;
        let Some(scalar) = scalar(field.node) else {
            return self.wrong(field, "a duration");
        };
        match scalar.resolve() {
            Plain::Text(_) => match Duration::from_str(&self.text(field)?.value) {
                Ok(duration) => Some(Spanned::new(duration, span)),
                Err(error) => self.refuse(Code::BadUnit, span, format!("{field} is no duration: {error}"), None),
            },
            Plain::Int(number) if number > 0 => {
                let help = format!("write {number}s, {number}m or {number}h");
                self.wrong_with(field, "a duration", Some(help))
            }
            Plain::Nothing | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) => self.wrong(field, "a duration"),
        }
    }

    /// Returns a duration that is written out and not zero.
    pub(super) fn some_duration(&mut self, field: Field<'_>) -> Option<Spanned<Duration>> {
        let duration = self.duration(field)?;
        if duration.value != Duration::default() {
            return Some(duration);
        }
        self.refuse(Code::OutOfRange, duration.span, format!("{field} must be more than no time at all"), None)
    }

    /// Returns a number of at least 1.
    pub(super) fn factor(&mut self, field: Field<'_>) -> Option<Spanned<f64>> {
        let number = match scalar(field.node).map(Scalar::resolve) {
            Some(Plain::Int(number)) => i32::try_from(number).map_or(f64::MAX, f64::from),
            Some(Plain::Float(number)) => number,
            _ => return self.wrong(field, "a number"),
        };
        if (1.0..=1000.0).contains(&number) {
            return Some(Spanned::new(number, field.node.span));
        }
        self.refuse(Code::OutOfRange, field.node.span, format!("{field} must be from 1 to 1000"), None)
    }

    /// Returns an exit code.
    pub(super) fn exit_code(&mut self, field: Field<'_>) -> Option<Spanned<u8>> {
        let Some(Plain::Int(number)) = scalar(field.node).map(Scalar::resolve) else {
            return self.wrong(field, "an exit code");
        };
        if let Ok(code) = u8::try_from(number) {
            return Some(Spanned::new(code, field.node.span));
        }
        let message = format!("an exit code lies from 0 to 255, {number} does not");
        self.refuse(Code::OutOfRange, field.node.span, message, None)
    }

    /// Returns the value of a node that is meant as data.
    pub(super) fn value(&mut self, field: Field<'_>) -> Option<Spanned<Value>> {
        if let Some(span) = self.first_template(field.node) {
            let message = format!("{field} cannot hold a template");
            let help = "a value that is computed is a var, written as one template".to_owned();
            return self.refuse(Code::TemplateHere, span, message, Some(help));
        }
        Some(Spanned::new(data(field.node), field.node.span))
    }

    fn first_template(&self, node: &Node) -> Option<Span> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text.contains("${{") => Some(self.place_of_template(node, &scalar.text)),
            Kind::Scalar(_) => None,
            Kind::List(items) => items.iter().find_map(|item| self.first_template(item)),
            Kind::Map(entries) => entries.iter().find_map(|entry| self.first_template(&entry.value)),
        }
    }
}

/// Returns a node as data.
pub(super) fn data(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => Value::List(items.iter().map(data).collect()),
        Kind::Map(entries) => {
            Value::Map(entries.iter().map(|entry| (entry.key.value.clone(), data(&entry.value))).collect())
        }
        Kind::Scalar(scalar) => match scalar.resolve() {
            Plain::Nothing => Value::None,
            Plain::Bool(flag) => Value::Bool(flag),
            Plain::Int(number) => Value::Int(number),
            Plain::Float(number) => Float::new(number).map_or(Value::None, Value::Float),
            Plain::Text(text) => Value::String(text.to_owned()),
        },
    }
}
