//! Texts that hold what only the sandbox knows: inputs and the words of commands.

use super::super::fields::Field;
use super::super::{Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Reference, Scope};
use crate::source::{Span, Spanned};
use crate::suggest;
use crate::template::Template;
use crate::value::Value;
use crate::yaml::{Kind, Plain, Scalar};

/// What a sandbox provides, as `sandbox.NAME`.
const PROVIDED: [&str; 1] = ["dir"];

impl Decoder<'_> {
    /// Returns commands, each a list of words.
    pub(super) fn commands(&mut self, field: Field<'_>) -> Vec<Spanned<Vec<String>>> {
        let items = self.items(field).unwrap_or_default();
        items.into_iter().filter_map(|item| self.command_words(item)).collect()
    }

    fn command_words(&mut self, field: Field<'_>) -> Option<Spanned<Vec<String>>> {
        if scalar(field.node).is_some() {
            let help = "each command is a list of its words: [[sandbox, check]]".to_owned();
            return self.wrong_with(field, "a list", Some(help));
        }
        let span = field.node.span;
        let items = self.some_items(field)?;
        let words: Vec<String> = items.into_iter().filter_map(|item| self.filled_word(item)).collect();
        if words.first().is_some_and(String::is_empty) {
            return self.refuse(Code::Empty, span, "a command must begin with a program".to_owned(), None);
        }
        Some(Spanned::new(words, span))
    }

    /// Returns a word; a number is taken as it is written.
    fn filled_word(&mut self, field: Field<'_>) -> Option<String> {
        if let Some((Plain::Int(_) | Plain::Float(_), number)) = scalar(field.node).map(|it| (it.resolve(), it)) {
            return Some(number.text.clone());
        }
        let text = self.any_text(field)?.to_owned();
        self.check_filled(field);
        Some(text)
    }

    /// Checks the templates of every text in a value.
    pub(super) fn check_filled(&mut self, field: Field<'_>) {
        match &field.node.kind {
            Kind::Scalar(Scalar { text, .. }) if text.contains("${{") => {
                if let Some(template) = self.template(field) {
                    self.check_names(&template);
                }
            }
            Kind::Scalar(_) => {}
            Kind::List(items) => items.iter().for_each(|item| self.check_filled(field.item(item))),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.check_filled(field.item(&entry.value))),
        }
    }

    /// Reports names that no sandbox provides, and expressions that have no value whatever it provides.
    fn check_names(&mut self, template: &Spanned<Template>) {
        let places = self.names.get(&template.span).cloned().unwrap_or_default();
        let names = template.value.references().enumerate();
        let unknown = names.filter(|(_, name)| !is_provided(name));
        let unknown: Vec<Diagnostic> =
            unknown.map(|(nth, name)| not_provided(name, places.get(nth).copied().unwrap_or(template.span))).collect();
        if unknown.is_empty() {
            self.check_value(template);
        }
        self.diagnostics.extend(unknown);
    }

    fn check_value(&mut self, template: &Spanned<Template>) {
        let why = match template.value.render(&sample()) {
            Ok(Value::None) => "this is `none`, which stands for nothing".to_owned(),
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        self.report(Diagnostic::error(Code::NoValue, template.span, why));
    }
}

fn is_provided(name: &Reference) -> bool {
    matches!(name, Reference::Sandbox(name) if PROVIDED.contains(&name.as_str()))
}

fn not_provided(name: &Reference, span: Span) -> Diagnostic {
    let known = PROVIDED.map(|name| format!("sandbox.{name}"));
    let near = suggest::did_you_mean(&name.to_string(), known.iter().map(String::as_str));
    let help = near.unwrap_or_else(|| format!("a rehearsal can read: {}", known.join(", ")));
    Diagnostic::error(Code::UnknownName, span, format!("`{name}` cannot be read in a rehearsal")).help(help)
}

/// Returns a scope with a value for everything that a sandbox provides.
fn sample() -> Scope {
    Scope::new().with_sandbox(PROVIDED.map(|name| (name.to_owned(), Value::from("/sandbox"))))
}
