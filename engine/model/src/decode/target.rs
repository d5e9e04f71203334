//! Targets: inputs, environment, protection.

use std::collections::BTreeMap;

use super::fields::{Field, Fields};
use super::scalars::{NameForm, data};
use super::{Block, Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::SecretSource;
use crate::source::Spanned;
use crate::target::{self, Target};
use crate::value::Value;
use crate::yaml::{Kind, Node, Plain, Scalar};

impl Decoder<'_> {
    /// Returns the target, unless the file is not even a map; what is faulty in it is left out.
    pub(super) fn target_file(&mut self, root: &Node) -> Option<Target> {
        if scalar(root).map(Scalar::resolve) == Some(Plain::Nothing) {
            self.report(super::no_document(Block::Target, root.span));
            return None;
        }
        let fields = self.fields(Field::new("the file", root), Block::Target)?;
        let name = self.required(&fields, "target").and_then(|field| self.name(field, NameForm::Kebab));
        Some(Target {
            name: name.unwrap_or(Spanned::new(String::new(), fields.head)),
            description: fields.get("description").and_then(|field| self.some_text(field)),
            inputs: self.target_inputs(&fields),
            env: self.target_env(&fields),
            secrets: self.target_secrets(&fields),
            is_protected: self.optional_flag(fields.get("protected")),
        })
    }

    fn target_inputs(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Spanned<Value>> {
        let entries = fields.get("inputs").map_or_else(Vec::new, |field| self.named(field));
        let inputs = entries.into_iter().map(|(name, field)| {
            let name = self.check_name(name, NameForm::Snake, "the name of an input");
            self.check_texts(field.node);
            (name.value, Spanned::new(data(field.node), field.node.span))
        });
        inputs.collect()
    }

    fn target_env(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Spanned<String>> {
        let entries = fields.get("env").map_or_else(Vec::new, |field| self.named(field));
        let variables = entries.into_iter().filter_map(|(name, field)| {
            self.check_variable(name);
            self.check_texts(field.node);
            Some((name.value.clone(), Spanned::new(self.env_text(field)?, field.node.span)))
        });
        variables.collect()
    }

    fn target_secrets(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Spanned<SecretSource>> {
        let entries = fields.get("secrets").map_or_else(Vec::new, |field| self.named(field));
        let secrets = entries.into_iter().filter_map(|(name, field)| {
            let name = self.check_name(name, NameForm::Snake, "the name of a secret");
            let span = field.node.span;
            let fields = self.fields(field, Block::Secret)?;
            Some((name.value, Spanned::new(self.secret_source(&fields)?, span)))
        });
        secrets.collect()
    }

    /// Returns where a secret comes from: exactly one place.
    fn secret_source(&mut self, fields: &Fields<'_>) -> Option<SecretSource> {
        let keys = ["env", "file", "command"].map(|key| fields.get(key));
        if let [Some(_), Some(_), _] = keys {
            self.exclusive(fields, "env", "file");
        }
        if let [Some(_), _, Some(_)] | [_, Some(_), Some(_)] = keys {
            self.exclusive(fields, if keys[0].is_some() { "env" } else { "file" }, "command");
        }
        match keys {
            [Some(env), ..] => {
                let name = self.some_text(env)?;
                self.check_variable(&name);
                Some(SecretSource::Env(name.value))
            }
            [None, Some(file), _] => self.some_text(file).map(|path| SecretSource::File(path.value)),
            [None, None, Some(command)] => self.plain_words(command).map(SecretSource::Command),
            [None, None, None] => {
                self.missing(fields, "`env`, `file` or `command`");
                None
            }
        }
    }

    /// Returns a program with its arguments, in which nothing is a template.
    fn plain_words(&mut self, field: Field<'_>) -> Option<Vec<String>> {
        let items = self.some_items(field)?;
        items.into_iter().map(|item| self.any_text(item).map(str::to_owned)).collect()
    }

    /// Returns a text, also where an integer is written as it would be printed.
    fn env_text(&mut self, field: Field<'_>) -> Option<String> {
        match scalar(field.node).map(|scalar| (scalar.resolve(), &scalar.text)) {
            Some((Plain::Int(number), text)) if number.to_string() == *text => Some(text.clone()),
            _ => self.any_text(field).map(str::to_owned),
        }
    }

    /// Reports the texts whose templates are not what a target may hold.
    fn check_texts(&mut self, node: &Node) {
        match &node.kind {
            Kind::Scalar(Scalar { text, .. }) => {
                if let Err(error) = target::check(text) {
                    let span = self.place_of_template(node, text);
                    let code = if error == target::FillError::Unclosed { Code::Template } else { Code::UnknownName };
                    self.report(Diagnostic::error(code, span, error.to_string()));
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.check_texts(item)),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.check_texts(&entry.value)),
        }
    }
}
