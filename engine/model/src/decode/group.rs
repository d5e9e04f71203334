//! Groups of steps, used playbooks, repetitions.

use std::num::NonZeroU32;

use super::fields::{Field, Fields};
use super::scalars::NameForm;
use super::step::nothing;
use super::{Block, Decoder, scalar};
use crate::diagnostic::Code;
use crate::expression::{Expression, Reference};
use crate::plan::Tolerance;
use crate::playbook::{Body, ForEach, Given, List, OnFailure, Step, Use};
use crate::source::Spanned;
use crate::value::Value;
use crate::yaml::{Kind, Plain, Scalar};

/// How many items a repetition has at the most, unless the playbook says otherwise.
const MAX_ITEMS: u32 = 100;
/// The name of the item, unless the playbook says otherwise.
const ITEM: &str = "item";

impl Decoder<'_> {
    /// Adds a group with its members, or the use of a playbook.
    pub(super) fn group(&mut self, field: Field<'_>, block: Block, parent: Option<usize>, steps: &mut Vec<Step>) {
        let Some(fields) = self.fields(field, block) else { return };
        let id = self.id(&fields);
        let when = fields.get("when").and_then(|field| self.condition(field));
        let for_each = fields.get("for_each").and_then(|field| self.for_each(field));
        let at = steps.len();
        let group = nothing(id, Body::Group(Vec::new()), &fields);
        steps.push(Step { parent, when, for_each: for_each.clone().map(Box::new), ..group });
        self.naming(for_each.as_ref(), |decoder| {
            decoder.describe(&fields, &mut steps[at]);
            match block {
                Block::Use => steps[at].body = Body::Use(Box::new(decoder.used(&fields))),
                _ => decoder.members(&fields, at, steps),
            }
        });
    }

    /// Adds what every group may say of itself.
    fn describe(&mut self, fields: &Fields<'_>, group: &mut Step) {
        group.title = fields.get("title").and_then(|field| self.some_text(field));
        group.why = fields.get("why").and_then(|field| self.some_text(field));
        group.caution = fields.get("caution").and_then(|field| self.some_text(field));
        group.phase = fields.get("phase").and_then(|field| self.some_text(field));
        group.needs = fields.get("needs").and_then(|field| self.ids(field));
        group.guards = self.guards(fields.get("guards"));
        group.deadline = fields.get("deadline").and_then(|field| self.given_duration(field));
        group.on_failure = fields.get("on_failure").and_then(|field| self.scope_on_failure(field));
    }

    fn members(&mut self, fields: &Fields<'_>, at: usize, steps: &mut Vec<Step>) {
        if let Some(members) = fields.get("steps") {
            self.steps_of(members, Block::Step, Some(at), steps);
        }
        let outputs = fields.get("outputs").map_or_else(Vec::new, |field| self.published(field));
        steps[at].body = Body::Group(outputs);
    }

    fn used(&mut self, fields: &Fields<'_>) -> Use {
        let path = self.required(fields, "use").and_then(|field| self.some_text(field));
        let with = fields.get("with").map_or_else(Vec::new, |field| self.named(field));
        Use {
            path: path.unwrap_or(Spanned::new(String::new(), fields.head)),
            with: with.into_iter().filter_map(|(name, field)| Some((name.clone(), self.given_value(field)?))).collect(),
            early_guards: self.optional_flag(fields.get("early_guards")),
        }
    }

    /// Returns a value that is written out, or the template that yields it.
    pub(super) fn given_value(&mut self, field: Field<'_>) -> Option<Spanned<Given<Value>>> {
        if scalar(field.node).is_some_and(|scalar| scalar.text.contains("${{")) {
            return self.template(field).map(|template| template.map(Given::Computed));
        }
        self.value(field).map(|value| value.map(Given::Written))
    }

    /// Returns what the failure of a step or group does.
    pub(super) fn scope_on_failure(&mut self, field: Field<'_>) -> Option<Spanned<OnFailure>> {
        let choices = [
            ("rollback", OnFailure::Rollback),
            ("stop", OnFailure::Stop),
            ("ask", OnFailure::Ask),
            ("continue", OnFailure::Continue),
        ];
        self.choice(field, &choices)
    }

    /// Reads with the name of the item of a repetition.
    pub(super) fn naming<T>(&mut self, for_each: Option<&ForEach>, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.items.len();
        self.items.extend(for_each.map(|for_each| for_each.name.clone()));
        let found = read(self);
        self.items.truncate(outer);
        found
    }

    /// Returns a repetition.
    pub(super) fn for_each(&mut self, field: Field<'_>) -> Option<ForEach> {
        let help = "write `for_each: {in: LIST, as: NAME}`";
        if !matches!(field.node.kind, Kind::Map(_)) {
            return self.wrong_with(field, "a map", Some(help.to_owned()));
        }
        let fields = self.fields(field, Block::ForEach)?;
        let list = self.required(&fields, "in").and_then(|field| self.list(field));
        let name = self.item_name(&fields);
        self.items.push(name.clone());
        let key = fields.get("key").and_then(|field| self.condition(field));
        self.items.pop();
        let max_items = fields.get("max_items").and_then(|field| self.count(field));
        Some(ForEach {
            list: list.unwrap_or(Spanned::new(List::Written(Vec::new()), fields.head)),
            name,
            key,
            max_parallel: fields.get("max_parallel").and_then(|field| self.count(field)),
            max_items: max_items.map_or(NonZeroU32::new(MAX_ITEMS).expect("it is above 0"), |limit| limit.value),
            tolerate: fields.get("tolerate").and_then(|field| self.tolerance(field)),
            span: fields.head,
        })
    }

    fn item_name(&mut self, fields: &Fields<'_>) -> String {
        let Some(name) = fields.get("as").and_then(|field| self.name(field, NameForm::Snake)) else {
            if self.items.iter().any(|item| item == ITEM) {
                let message = "a repetition inside of another one needs a name for its items".to_owned();
                self.refuse::<()>(Code::Incomplete, fields.head, message, Some("add `as: NAME`".to_owned()));
            }
            return ITEM.to_owned();
        };
        if Reference::is_root(&name.value) || Expression::parse(&name.value).is_err_and(|fault| fault.is_syntax()) {
            let message = format!("`{}` means something else in expressions", name.value);
            self.refuse::<()>(Code::BadName, name.span, message, None);
        } else if self.items.contains(&name.value) {
            let message = format!("the items of the repetition around this one are called `{}` too", name.value);
            self.refuse::<()>(Code::DuplicateId, name.span, message, None);
        }
        name.value
    }

    /// Returns a list that is written out, or an expression, with braces around it or without.
    fn list(&mut self, field: Field<'_>) -> Option<Spanned<List>> {
        let span = field.node.span;
        if matches!(field.node.kind, Kind::List(_)) {
            let Value::List(items) = self.value(field)?.value else { return None };
            return Some(Spanned::new(List::Written(items), span));
        }
        if let Some(template) = self.setting(field) {
            let expression = template?.value.as_single().cloned();
            return expression.map(|expression| Spanned::new(List::Computed(expression), span));
        }
        match scalar(field.node).map(Scalar::resolve) {
            Some(Plain::Text(_)) => self.condition(field).map(|expression| expression.map(List::Computed)),
            _ => self.wrong(field, "a list or an expression"),
        }
    }

    fn tolerance(&mut self, field: Field<'_>) -> Option<Tolerance> {
        let text = scalar(field.node).map(|scalar| scalar.text.as_str()).unwrap_or_default();
        let Some(percent) = text.strip_suffix('%') else {
            return self.amount(field).map(Tolerance::Count);
        };
        match percent.parse::<u32>() {
            Ok(percent) if percent <= 100 => Some(Tolerance::Percent(percent)),
            Ok(_) | Err(_) => self.wrong(field, "a number, or at most `100%`"),
        }
    }
}
