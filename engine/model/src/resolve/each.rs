//! The repetition of a step or group for each item of a list.

use std::collections::BTreeMap;

use super::Resolver;
use super::block::Place;
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::Reference;
use crate::plan::{self, Deed, Each, Group, Items};
use crate::playbook::{self, ForEach, List};
use crate::source::Span;
use crate::value::Value;

impl<'a> Resolver<'a> {
    /// Adds a repetition with its instances, as far as they are known, and returns its index.
    pub(super) fn each(
        &mut self,
        at: usize,
        step: &'a playbook::Step,
        for_each: &'a ForEach,
        id: &str,
        place: &Place,
    ) -> usize {
        let around = plan::Step { guards: Vec::new(), ..self.bare(step, id.to_owned()) };
        let index = self.push(around, place);
        let inner = self.inside(index, step);
        let items = match self.items(for_each) {
            Some(items) => self.instances(at, step, for_each, id, &inner, items),
            None => self.template(at, step, for_each, id, &inner),
        };
        let each = Each {
            name: for_each.name.clone(),
            max_parallel: for_each.max_parallel.as_ref().map(|limit| limit.value),
            tolerate: for_each.tolerate,
            items,
        };
        self.steps[index].deed = Deed::Group(Box::new(Group { each: Some(each), ..Group::default() }));
        index
    }

    /// Returns the items, unless they are known only after a step.
    fn items(&mut self, for_each: &ForEach) -> Option<Vec<Value>> {
        let span = for_each.list.span;
        let items = match &for_each.list.value {
            List::Written(items) => items.clone(),
            List::Computed(list) if list.references.iter().all(|name| self.is_known(name)) => {
                match list.eval(&self.scope) {
                    Ok(Value::List(items)) => items,
                    Ok(other) => self.no_items(span, format!("this must be a list, but is {}", other.kind())),
                    Err(error) => self.fault(span, &error),
                }
            }
            List::Computed(_) => return None,
        };
        let limit = for_each.max_items.get() as usize;
        if items.len() > limit {
            return Some(self.no_items(span, format!("{} items, more than the {limit} of `max_items`", items.len())));
        }
        Some(items)
    }

    fn no_items(&mut self, span: Span, message: String) -> Vec<Value> {
        self.faults.push(Diagnostic::error(Code::BadItems, span, message));
        Vec::new()
    }

    /// Adds an instance for each item.
    fn instances(
        &mut self,
        at: usize,
        step: &'a playbook::Step,
        for_each: &'a ForEach,
        id: &str,
        place: &Place,
        items: Vec<Value>,
    ) -> Items {
        let name = Reference::Item(for_each.name.clone());
        let outer = self.scope.clone();
        let mut keys: BTreeMap<String, usize> = BTreeMap::new();
        let mut order = Vec::new();
        for (nth, item) in items.into_iter().enumerate() {
            self.scope.set(&name, item.clone());
            let Some(key) = self.key(for_each, &item) else { continue };
            if let Some(first) = keys.insert(key.clone(), nth) {
                let message = format!("items {} and {} have the same key `{key}`", first + 1, nth + 1);
                let help = "give them different keys with `key`, an expression over the item";
                self.faults.push(Diagnostic::error(Code::BadItems, for_each.list.span, message).help(help));
                continue;
            }
            self.single(at, step, plan::instance_id(id, &key), place);
            order.push(key);
        }
        self.scope = outer;
        Items::Known(order)
    }

    fn key(&mut self, for_each: &ForEach, item: &Value) -> Option<String> {
        let span = for_each.key.as_ref().map_or(for_each.list.span, |key| key.span);
        let value = match &for_each.key {
            Some(key) => match key.value.eval(&self.scope) {
                Ok(value) => value,
                Err(error) => {
                    self.fault::<()>(span, &error);
                    return None;
                }
            },
            None => item.clone(),
        };
        let key = plan::item_key(&value);
        if key.is_none() {
            let message = format!("the key of an item must be a text, a number or a boolean, but is {}", value.kind());
            let fault = Diagnostic::error(Code::BadItems, span, message);
            self.faults.push(fault.help("add `key`, an expression over the item"));
        }
        key
    }

    /// Makes what each item becomes when the list is known.
    fn template(
        &mut self,
        at: usize,
        step: &'a playbook::Step,
        for_each: &'a ForEach,
        id: &str,
        place: &Place,
    ) -> Items {
        let List::Computed(list) = &for_each.list.value else { return Items::Known(Vec::new()) };
        let outer = std::mem::take(&mut self.steps);
        let until = std::mem::take(&mut self.until);
        self.single(at, step, String::new(), &Place { group: None, ..place.clone() });
        self.resolve_until();
        let mut template = std::mem::replace(&mut self.steps, outer);
        self.until = until;
        plan::add_holds(&mut template);
        Items::Deferred {
            after: self.after(&list.references, Some(id)),
            list: self.bind(list),
            key: for_each.key.as_ref().map(|key| self.bind(&key.value)),
            max_items: for_each.max_items.get(),
            template,
        }
    }
}
