//! `NAME.rehearsal.yaml`: the whole file, its scenarios and their replies.

mod answer;
mod decision;
mod expectation;
mod fault;
mod words;

use std::collections::BTreeMap;

use super::fields::{Field, Fields};
use super::scalars::{NameForm, data};
use super::{Block, Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::rehearsal::{Places, Rehearsal, Reply, Sandbox, Scenario, SweepRules, SweptKind};
use crate::source::Spanned;
use crate::suggest;
use crate::value::Value;
use crate::yaml::{Node, Plain, Scalar};

impl Decoder<'_> {
    /// Returns the rehearsal, unless the file is not even a map; what is faulty in it is left out.
    pub(super) fn rehearsal(&mut self, root: &Node) -> Option<Rehearsal> {
        let fields = self.document(root, Block::Rehearsal)?;
        let playbook = self.required(&fields, "rehearsal").and_then(|field| self.name(field, NameForm::Kebab));
        let sandbox = self.required(&fields, "sandbox").and_then(|field| self.sandbox(field));
        let scenarios = fields.get("scenarios").and_then(|field| self.some_items(field)).unwrap_or_default();
        Some(Rehearsal {
            playbook: playbook.unwrap_or(Spanned::new(String::new(), fields.head)),
            inputs: self.filled_inputs(&fields),
            last: self.last(&fields).unwrap_or_default(),
            check: self.world_check(&fields, sandbox.as_ref()),
            scenarios: scenarios.into_iter().filter_map(|item| self.scenario(item, sandbox.as_ref())).collect(),
            sweep: fields.get("sweep").and_then(|field| self.sweep(field)).unwrap_or_default(),
            sandbox: sandbox.unwrap_or(Spanned::new(Sandbox::None, fields.head)),
            places: Places::default(),
        })
    }

    fn sandbox(&mut self, field: Field<'_>) -> Option<Spanned<Sandbox>> {
        let name = self.some_text(field)?;
        let sandbox = match name.value.as_str() {
            "foundation" => Sandbox::Foundation,
            "none" => Sandbox::None,
            dir if dir.starts_with("./") || dir.starts_with("../") => Sandbox::Dir(dir.to_owned()),
            other => {
                let message = format!("there is no sandbox `{}`", other.escape_debug());
                let help = suggest::did_you_mean(other, ["foundation", "none"]);
                let help = help.unwrap_or_else(|| {
                    "it can be foundation, none, or a folder beside the file, written ./NAME".to_owned()
                });
                return self.refuse(Code::UnknownChoice, name.span, message, Some(help));
            }
        };
        Some(Spanned::new(sandbox, name.span))
    }

    /// Returns the commands that look after the world: of the foundation its own look unless something else is said.
    fn world_check(&mut self, fields: &Fields<'_>, sandbox: Option<&Spanned<Sandbox>>) -> Vec<Spanned<Vec<String>>> {
        match (fields.get("check"), sandbox) {
            (Some(field), _) => self.commands(field),
            (None, Some(Spanned { value: Sandbox::Foundation, span })) => {
                vec![Spanned::new(["sandbox", "check"].map(str::to_owned).to_vec(), *span)]
            }
            (None, _) => Vec::new(),
        }
    }

    fn scenario(&mut self, field: Field<'_>, sandbox: Option<&Spanned<Sandbox>>) -> Option<Scenario> {
        let fields = self.fields(field, Block::Scenario)?;
        let name = self.required(&fields, "name").and_then(|field| self.title(field));
        let faults = fields.get("faults").and_then(|field| self.items(field)).unwrap_or_default();
        Some(Scenario {
            name: name.unwrap_or(Spanned::new(String::new(), fields.head)),
            inputs: self.filled_inputs(&fields),
            last: self.last(&fields),
            given: fields.get("given").map_or_else(Vec::new, |field| self.commands(field)),
            faults: faults.into_iter().filter_map(|item| self.fault(item)).collect(),
            answers: self.answers(&fields),
            decisions: self.decisions(&fields),
            replies: self.replies(&fields, sandbox),
            expect: self.expectation(&fields),
        })
    }

    /// Returns a text that stands on one line of a report.
    fn title(&mut self, field: Field<'_>) -> Option<Spanned<String>> {
        let title = self.some_text(field)?;
        if title.value.trim_end().contains('\n') {
            return self.refuse(Code::BadName, title.span, format!("{field} must be one line"), None);
        }
        Some(title.map(|title| title.trim_end().to_owned()))
    }

    fn replies(&mut self, fields: &Fields<'_>, sandbox: Option<&Spanned<Sandbox>>) -> Vec<Spanned<Reply>> {
        let Some(field) = fields.get("replies") else {
            return Vec::new();
        };
        if let Some(sandbox) = sandbox.filter(|sandbox| sandbox.value != Sandbox::None) {
            let span = fields.key_span("replies").unwrap_or(fields.head);
            let message = "`replies` do nothing where stand-ins answer the commands";
            let diagnostic = Diagnostic::error(Code::WithoutEffect, span, message);
            let diagnostic = diagnostic.note(sandbox.span, "the stand-ins are chosen here");
            self.report(diagnostic.help("leave them out, or write `sandbox: none`"));
        }
        let items = self.items(field).unwrap_or_default();
        items.into_iter().filter_map(|item| self.reply(item)).collect()
    }

    fn reply(&mut self, field: Field<'_>) -> Option<Spanned<Reply>> {
        let fields = self.fields(field, Block::Reply)?;
        let command = self.required(&fields, "command").and_then(|field| self.regex(field));
        let exit = fields.get("exit").and_then(|field| self.exit_code(field));
        let reply = Reply {
            exit: exit.map_or(0, |code| code.value.into()),
            stdout: self.optional_text(fields.get("stdout")),
            stderr: self.optional_text(fields.get("stderr")),
            takes: fields
                .get("takes")
                .and_then(|field| self.duration(field))
                .map(|takes| takes.value)
                .unwrap_or_default()
                .as_std(),
            times: self.times(fields.get("times"), None),
            command: command?,
        };
        Some(Spanned::new(reply, field.node.span))
    }

    /// Returns the text under a key, the empty one if there is none.
    fn optional_text(&mut self, field: Option<Field<'_>>) -> String {
        field.and_then(|field| self.text(field)).map_or_else(String::new, |text| text.value)
    }

    /// Returns how often something happens: a number, none for `always`, `default` if it is not said.
    fn times(&mut self, field: Option<Field<'_>>, default: Option<u32>) -> Option<u32> {
        let Some(field) = field else {
            return default;
        };
        match scalar(field.node).map(Scalar::resolve) {
            Some(Plain::Text("always")) => None,
            Some(Plain::Int(_)) => self.count(field).map(|count| count.value.get()),
            _ => self.wrong(field, "a number or `always`"),
        }
    }

    fn filled_inputs(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Spanned<Value>> {
        let entries = fields.get("inputs").map_or_else(Vec::new, |field| self.named(field));
        let inputs = entries.into_iter().map(|(name, field)| {
            let name = self.check_name(name, NameForm::Snake, "the name of an input");
            self.check_filled(field);
            (name.value, Spanned::new(data(field.node), name.span))
        });
        inputs.collect()
    }

    fn last(&mut self, fields: &Fields<'_>) -> Option<BTreeMap<String, Spanned<Value>>> {
        let entries = self.named(fields.get("last")?);
        let outputs = entries.into_iter().map(|(name, field)| {
            let name = self.check_name(name, NameForm::Snake, "the name of an output");
            self.check_filled(field);
            (name.value, Spanned::new(data(field.node), name.span))
        });
        Some(outputs.collect())
    }

    fn sweep(&mut self, field: Field<'_>) -> Option<SweepRules> {
        let fields = self.fields(field, Block::Sweep)?;
        let depth = fields.get("depth").and_then(|field| self.count(field));
        Some(SweepRules {
            scenario: fields.get("scenario").and_then(|field| self.some_text(field)),
            depth: depth.map(|depth| depth.map(std::num::NonZeroU32::get)),
            faults: fields.get("faults").and_then(|field| self.swept(field)),
            always: self.conditions(fields.get("always")),
            never: self.conditions(fields.get("never")),
        })
    }

    fn swept(&mut self, field: Field<'_>) -> Option<Spanned<Vec<Spanned<SweptKind>>>> {
        let kinds = SweptKind::ALL.map(|kind| (kind.word(), kind));
        let items = self.some_items(field)?;
        let faults = items.into_iter().filter_map(|item| self.choice(item, &kinds)).collect();
        Some(Spanned::new(faults, field.node.span))
    }

    fn conditions(&mut self, field: Option<Field<'_>>) -> Vec<Spanned<String>> {
        let items = field.and_then(|field| self.items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.some_text(item)).collect()
    }
}
