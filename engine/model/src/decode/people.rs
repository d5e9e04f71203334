//! What people are asked: `manual` and `approve`.

use super::fields::{Field, Fields};
use super::scalars::NameForm;
use super::{Block, Decoder};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Approve, Command, Extract, Given, Manual, Output, OutputSource, Starter};
use crate::source::Spanned;
use crate::template::Template;
use crate::units::Duration;
use crate::value::Type;

/// The keys that mean nothing where people are asked: they are about something that is started.
const OF_PROGRAMS: [&str; 13] = [
    "env",
    "dir",
    "shell",
    "stdin",
    "expect",
    "every",
    "within",
    "after",
    "outputs",
    "milestones",
    "on_cancel",
    "on_engine_death",
    "stop_grace",
];
/// The keys that mean nothing beside `approve`: a decision changes nothing, and is made once.
const OF_CHANGES: [&str; 9] =
    ["timeout", "retry", "verify", "cleanup", "rollback", "release", "read_only", "idempotent", "irreversible"];

impl Fields<'_> {
    /// Returns whether people are asked instead of anything being started.
    pub(super) fn asks_people(&self) -> bool {
        self.get("manual").or(self.get("approve")).is_some()
    }
}

impl Decoder<'_> {
    /// Returns what people are asked, if they are.
    pub(super) fn people(&mut self, fields: &Fields<'_>) -> Option<Command> {
        let kinds = ["argv", "run", "manual", "approve"].into_iter().filter(|key| fields.get(key).is_some());
        let kinds: Vec<&str> = kinds.collect();
        let key = *kinds.iter().find(|key| matches!(**key, "manual" | "approve"))?;
        if let Some(other) = kinds.iter().find(|other| **other != key) {
            self.exclusive(fields, other, key);
        }
        self.meaningless(fields, key);
        let field = fields.get(key)?;
        if key == "manual" { self.manual(field, fields.block) } else { self.approve(field) }
    }

    /// Reports keys that mean nothing where people are asked.
    fn meaningless(&mut self, fields: &Fields<'_>, kind: &str) {
        let of_changes = OF_CHANGES.into_iter().filter(|_| kind == "approve");
        for key in OF_PROGRAMS.into_iter().chain(of_changes) {
            let Some(span) = fields.get(key).and_then(|_| fields.key_span(key)) else { continue };
            let help = match key {
                "outputs" if kind == "manual" => "write it under `manual`: what people are asked for",
                "timeout" => "write it under `approve`",
                _ if kind == "approve" => "a decision changes nothing and starts nothing",
                _ => "nothing is started where people are asked",
            };
            let message = format!("`{key}` means nothing beside `{kind}`");
            self.report(Diagnostic::error(Code::WithoutEffect, span, message).help(help));
        }
    }

    fn manual(&mut self, field: Field<'_>, owner: Block) -> Option<Command> {
        let fields = self.fields(field, Block::Manual)?;
        if let Some(span) =
            fields.get("outputs").and_then(|_| fields.key_span("outputs")).filter(|_| owner != Block::Step)
        {
            let message = "only a step can ask for values";
            self.report(Diagnostic::error(Code::WithoutEffect, span, message).help("nothing can read them here"));
        }
        let instructions = self.required(&fields, "instructions").and_then(|field| self.words_for_people(field));
        let confirm = fields.get("confirm").and_then(|field| self.words_for_people(field));
        Some(Command::Manual(Box::new(Manual { instructions: instructions?, confirm, span: fields.head })))
    }

    fn approve(&mut self, field: Field<'_>) -> Option<Command> {
        let fields = self.fields(field, Block::Approve)?;
        let starters = [("allowed", Starter::Allowed), ("excluded", Starter::Excluded)];
        let prompt = self.required(&fields, "prompt").and_then(|field| self.words_for_people(field));
        let names = fields.get("by").and_then(|field| self.some_items(field)).unwrap_or_default();
        let by = names.into_iter().filter_map(|name| self.words_for_people(name)).collect();
        let min = fields.get("min").and_then(|field| self.count(field));
        let starter = fields.get("starter").and_then(|field| self.choice(field, &starters));
        Some(Command::Approve(Box::new(Approve { prompt: prompt?, by, min, starter, span: fields.head })))
    }

    fn words_for_people(&mut self, field: Field<'_>) -> Option<Spanned<Template>> {
        let text = self.template(field)?;
        if text.value.pieces().is_empty() {
            return self.refuse(Code::Empty, text.span, format!("{field} must not be empty"), None);
        }
        Some(text)
    }

    /// Returns how long one attempt may take, or an answer.
    pub(super) fn time_limit(&mut self, fields: &Fields<'_>) -> Option<Spanned<Given<Duration>>> {
        let Some(approve) = fields.get("approve") else {
            return fields.get("timeout").and_then(|field| self.given_duration(field));
        };
        // What is wrong with its keys is reported where the decision itself is read.
        let timeout = super::fields::entry(approve.node, "timeout")?;
        self.given_duration(timeout)
    }

    /// Returns what a step publishes.
    pub(super) fn outputs_of(&mut self, fields: &Fields<'_>) -> Vec<Output> {
        if !fields.asks_people() {
            return fields.get("outputs").map_or_else(Vec::new, |field| self.outputs(field, Block::Output));
        }
        let asked = fields.get("manual").and_then(|manual| super::fields::entry(manual.node, "outputs"));
        let entries = asked.map_or_else(Vec::new, |field| self.named(field));
        entries.into_iter().filter_map(|(name, field)| self.asked(name, field)).collect()
    }

    /// Returns a value that a human is asked for.
    fn asked(&mut self, name: &Spanned<String>, field: Field<'_>) -> Option<Output> {
        let name = self.check_name(name, NameForm::Snake, "the name of an output");
        let fields = self.fields(field, Block::Asked)?;
        let types = Type::ALL.map(|known| (known.name(), known));
        Some(Output {
            name,
            source: OutputSource::Asked,
            extract: Extract::Whole,
            r#type: fields.get("type").and_then(|field| self.choice(field, &types)),
            optional: self.optional_flag(fields.get("optional")),
            span: fields.head,
        })
    }
}
