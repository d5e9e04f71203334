//! The instances of a repetition whose items become known while a run goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::instance_id;
use super::order::add_holds;
use super::{Deed, Items, Plan, Step};
use crate::value::Value;

/// An item of a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// What tells it from the others.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// Returns made-up items, for those who have to imagine a run.
pub fn examples(count: u32) -> Vec<Item> {
    (1..=count).map(|nth| Item { key: nth.to_string(), value: Value::Int(nth.into()) }).collect()
}

impl Plan {
    /// Returns the plan with two made-up items for each repetition whose items are not known, or as many as it may have.
    #[must_use]
    pub fn exemplified(self: Arc<Plan>) -> Arc<Plan> {
        let deferred = self.steps.iter().enumerate().find_map(|(at, step)| {
            let each = step.as_group()?.each.as_ref()?;
            if let Items::Deferred { max_items, .. } = each.items { Some((at, max_items)) } else { None }
        });
        match deferred {
            Some((at, most)) => self.expanded(at, &examples(most.min(2))).exemplified(),
            None => self,
        }
    }

    /// Returns the plan with an instance of a repetition for each item, added at the end: no step changes its index.
    ///
    /// Nothing of it is a choice: it follows from the template in the plan and from the items. The plan itself, and its
    /// digest, stay as they were approved.
    #[must_use]
    pub fn expanded(&self, each: usize, items: &[Item]) -> Arc<Plan> {
        let mut plan = self.clone();
        let Some((name, template)) = take_template(&mut plan.steps[each], items) else { return Arc::new(plan) };
        let mut sinks = Vec::new();
        for item in items {
            let base = plan.steps.len();
            let id = instance_id(&plan.steps[each].id, &item.key);
            plan.steps.extend(template.iter().map(|step| instance(step, &id, each, base)));
            plan.steps[base].item = Some((name.clone(), item.value.clone()));
            sinks.extend(ends(&plan.steps, base));
        }
        let first = plan.steps.len() - template.len() * items.len();
        for at in (0..first).filter(|&at| !self.groups_of(at).any(|group| group == each)) {
            add_ends(&mut plan.steps[at].needs, each, &sinks);
            if let Some(release) = &mut plan.steps[at].release {
                add_ends(&mut release.until, each, &sinks);
            }
        }
        add_holds(&mut plan.steps);
        Arc::new(plan)
    }
}

fn take_template(each: &mut Step, items: &[Item]) -> Option<(String, Vec<Step>)> {
    let Deed::Group(group) = &mut each.deed else { return None };
    let each = group.each.as_mut()?;
    let keys = items.iter().map(|item| item.key.clone()).collect();
    match std::mem::replace(&mut each.items, Items::Known(keys)) {
        Items::Deferred { template, .. } => Some((each.name.clone(), template)),
        Items::Known(_) => None,
    }
}

/// Returns a step of a template as a step of an instance that begins at index `base`.
fn instance(step: &Step, id: &str, each: usize, base: usize) -> Step {
    let mut step = step.clone();
    step.id = if step.id.is_empty() { id.to_owned() } else { format!("{id}/{}", step.id) };
    step.needs.iter_mut().for_each(|need| *need += base);
    step.after.iter_mut().for_each(|signal| signal.step += base);
    step.group = Some(step.group.map_or(each, |group| group + base));
    if step.group == Some(each) {
        step.needs.insert(0, each);
    }
    if let Some(release) = &mut step.release {
        release.until.iter_mut().for_each(|until| *until += base);
        release.until_reached.iter_mut().for_each(|signal| signal.step += base);
    }
    step
}

/// Returns the steps of the instance at the end of the list that no other step of it needs.
fn ends(steps: &[Step], base: usize) -> Vec<usize> {
    let is_needed = |at: usize| steps[base..].iter().any(|step| step.needs.contains(&at));
    (base..steps.len()).filter(|&at| !is_needed(at)).collect()
}

fn add_ends(steps: &mut Vec<usize>, each: usize, ends: &[usize]) {
    if steps.contains(&each) {
        steps.extend(ends);
    }
}
