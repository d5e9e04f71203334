//! The whole file, and what stands beside its steps.

use std::collections::BTreeMap;

use super::fields::{Field, Fields};
use super::scalars::NameForm;
use super::{Block, Decoder, invocation, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Defaults, Guard, Invariant, Objectives, OnFailure, OnUnmet, Playbook, Probe, Published};
use crate::source::Spanned;
use crate::template::Template;
use crate::yaml::{Kind, Node, Plain, Scalar};

/// The version of the language that is read.
const VERSION: i64 = 1;

impl Decoder<'_> {
    /// Returns the playbook, unless the file is not even a map.
    pub(super) fn playbook(&mut self, root: &Node) -> Option<Playbook> {
        let fields = self.document(root, Block::Playbook)?;
        let name = self.required(&fields, "playbook").and_then(|field| self.name(field, NameForm::Kebab));
        let defaults = self.defaults(fields.get("defaults"));
        Some(Playbook {
            name: name.unwrap_or(Spanned::new(String::new(), fields.head)),
            title: fields.get("title").and_then(|field| self.some_text(field)),
            description: fields.get("description").and_then(|field| self.some_text(field)),
            owner: fields.get("owner").and_then(|field| self.some_text(field)),
            objectives: fields.get("objectives").and_then(|field| self.objectives(field)),
            inputs: fields.get("inputs").map_or_else(Vec::new, |field| self.inputs(field)),
            vars: fields.get("vars").map_or_else(Vec::new, |field| self.vars(field)),
            defaults,
            files: self.files(fields.get("files")),
            locks: self.locks(fields.get("locks")),
            on_failure: fields.get("on_failure").and_then(|field| self.on_failure(field)),
            max_parallel: fields.get("max_parallel").and_then(|field| self.count(field)),
            guards: self.guards(fields.get("guards")),
            steps: self.required(&fields, "steps").map_or_else(Vec::new, |field| self.steps(field, Block::Step)),
            finally: fields.get("finally").map_or_else(Vec::new, |field| self.steps(field, Block::Final)),
            invariants: self.invariants(fields.get("invariants")),
            outputs: fields.get("outputs").map_or_else(Vec::new, |field| self.published(field)),
            used: BTreeMap::new(),
            is_sound: false,
            names: std::collections::HashMap::new(),
        })
    }

    /// Returns the fields of a whole file, having checked its version.
    pub(super) fn document<'n>(&mut self, root: &'n Node, block: Block) -> Option<Fields<'n>> {
        if let Kind::Scalar(scalar) = &root.kind
            && scalar.resolve() == Plain::Nothing
        {
            self.report(super::no_document(block, root.span));
            return None;
        }
        let fields = self.fields(Field::new("the file", root), block)?;
        self.version(&fields);
        Some(fields)
    }

    fn version(&mut self, fields: &Fields<'_>) {
        let Some(field) = self.required(fields, "firedrill") else {
            return;
        };
        let version = scalar(field.node).map(Scalar::resolve);
        if version != Some(Plain::Int(VERSION)) {
            let message = format!("this engine reads version {VERSION} of the language");
            let diagnostic = Diagnostic::error(Code::UnknownVersion, field.node.span, message);
            self.report(diagnostic.help(format!("write `firedrill: {VERSION}`")));
        }
    }

    fn files(&mut self, field: Option<Field<'_>>) -> Vec<Spanned<String>> {
        let items = field.and_then(|field| self.some_items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.some_text(item)).collect()
    }

    /// Returns the names of locks.
    pub(super) fn locks(&mut self, field: Option<Field<'_>>) -> Vec<Spanned<Template>> {
        let items = field.and_then(|field| self.some_items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.template(item)).collect()
    }

    fn objectives(&mut self, field: Field<'_>) -> Option<Objectives> {
        let fields = self.fields(field, Block::Objectives)?;
        if fields.is_empty() {
            return self.refuse(Code::Empty, field.node.span, format!("{field} must not be empty"), None);
        }
        Some(Objectives {
            rto: fields.get("rto").and_then(|field| self.duration(field)),
            rpo: fields.get("rpo").and_then(|field| self.duration(field)),
        })
    }

    fn defaults(&mut self, field: Option<Field<'_>>) -> Defaults {
        let Some(fields) = field.and_then(|field| self.fields(field, Block::Defaults)) else {
            return Defaults::default();
        };
        let shell = fields.get("shell").and_then(|field| self.shell(field));
        if let Some(shell) = &shell {
            self.shell = invocation::kind(&shell.value);
        }
        Defaults {
            shell,
            env: fields.get("env").map_or_else(Vec::new, |field| self.env(field)),
            dir: fields.get("dir").and_then(|field| self.template(field)),
        }
    }

    fn on_failure(&mut self, field: Field<'_>) -> Option<OnFailure> {
        if scalar(field.node).is_some_and(|scalar| scalar.text == "continue") {
            let message = "a whole playbook cannot go on after a failure".to_owned();
            let help = "`on_failure: continue` is for steps and groups: they are taken back, and the rest goes on";
            return self.refuse(Code::UnknownChoice, field.node.span, message, Some(help.to_owned()));
        }
        let choices = [("rollback", OnFailure::Rollback), ("stop", OnFailure::Stop), ("ask", OnFailure::Ask)];
        self.choice(field, &choices).map(|choice| choice.value)
    }

    /// Returns the guards of a playbook or step.
    pub(super) fn guards(&mut self, field: Option<Field<'_>>) -> Vec<Guard> {
        let items = field.and_then(|field| self.items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.guard(item)).collect()
    }

    fn guard(&mut self, field: Field<'_>) -> Option<Guard> {
        let fields = self.fields(field, Block::Guard)?;
        let choices = [("abort", OnUnmet::Abort), ("skip", OnUnmet::Skip)];
        let on_unmet = fields.get("on_unmet").and_then(|field| self.choice(field, &choices));
        Some(Guard {
            id: self.id(&fields),
            probe: self.probe(&fields),
            message: fields.get("message").and_then(|field| self.some_text(field)),
            why: fields.get("why").and_then(|field| self.some_text(field)),
            on_unmet: on_unmet.map(|choice| choice.value).unwrap_or_default(),
            outputs: fields.get("outputs").map_or_else(Vec::new, |field| self.outputs(field, Block::Sight)),
        })
    }

    fn invariants(&mut self, field: Option<Field<'_>>) -> Vec<Invariant> {
        let items = field.and_then(|field| self.items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.invariant(item)).collect()
    }

    fn invariant(&mut self, field: Field<'_>) -> Option<Invariant> {
        let fields = self.fields(field, Block::Invariant)?;
        Some(Invariant {
            id: self.id(&fields),
            probe: self.probe(&fields),
            message: fields.get("message").and_then(|field| self.some_text(field)),
            why: fields.get("why").and_then(|field| self.some_text(field)),
        })
    }

    /// Returns the probe that a guard, an invariant or a verify is.
    pub(super) fn probe(&mut self, fields: &Fields<'_>) -> Probe {
        Probe {
            invocation: self.invocation(fields),
            expect: self.expect(fields.get("expect")),
            poll: self.poll(fields),
        }
    }

    /// Returns the id of a map that must have one, an empty one if it is faulty.
    pub(super) fn id(&mut self, fields: &Fields<'_>) -> Spanned<String> {
        let id = self.required(fields, "id").and_then(|field| self.name(field, NameForm::Snake));
        id.unwrap_or(Spanned::new(String::new(), fields.head))
    }

    pub(super) fn published(&mut self, field: Field<'_>) -> Vec<Published> {
        let entries = self.named(field);
        let published = entries.into_iter().filter_map(|(name, value)| {
            let name = self.check_name(name, NameForm::Snake, "the name of an output");
            Some(Published { name, value: self.template(value)? })
        });
        published.collect()
    }
}
