//! The items of a repetition whose list became known.

use std::collections::BTreeSet;

use firedrill_model::expression::Expression;
use firedrill_model::plan::{Each, Item, Items, item_key};
use firedrill_model::value::Value;
use firedrill_run::StepId;

use super::Known;

impl Known<'_> {
    /// Works out for which items a step is repeated, or says why that cannot be told.
    pub(super) fn items(&self, step: &StepId) -> Result<Vec<Item>, String> {
        let at = self.run.plan().step_index(step.as_str()).ok_or("the plan has no such step")?;
        let each = self.run.plan().steps[at].as_group().and_then(|group| group.each.as_ref());
        let Some(Each { name, items: Items::Deferred { list, key, max_items, .. }, .. }) = each else {
            return Err("the step is not repeated".to_owned());
        };
        let value = list.eval(&self.scope(&list.references, Some(step))).map_err(|error| error.to_string())?;
        let Value::List(values) = value else {
            return Err(format!("`for_each` must be a list, but is {}", value.kind()));
        };
        if values.len() > *max_items as usize {
            return Err(format!("there are {} items, more than the {max_items} of `max_items`", values.len()));
        }
        let mut keys = BTreeSet::new();
        let mut items = Vec::new();
        for value in values {
            let key = self.key(key.as_ref(), name, &value, step)?;
            if !keys.insert(key.clone()) {
                return Err(format!("two items have the same key `{key}`"));
            }
            items.push(Item { key, value });
        }
        Ok(items)
    }

    fn key(&self, key: Option<&Expression>, name: &str, item: &Value, step: &StepId) -> Result<String, String> {
        let value = match key {
            None => item.clone(),
            Some(key) => {
                let scope = self.scope(&key.references, Some(step)).with_item(name, item.clone());
                key.eval(&scope).map_err(|error| error.to_string())?
            }
        };
        item_key(&value).ok_or_else(|| {
            format!("the key of an item must be a text, a number or a boolean, but is {}: add `key`", value.kind())
        })
    }
}
