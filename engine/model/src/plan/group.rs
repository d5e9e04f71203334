//! What a plan says of a group: a block of steps, a used playbook, or the instances of a `for_each`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{After, OnFailure, Plan, Step, Text};
use crate::expression::Expression;
use crate::value::{Type, Value};

/// A block of steps that begins, is skipped and is unwound together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What it publishes once it is over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Text>,
    /// The playbook it was expanded from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// What its members are instances of, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Each>,
}

/// A playbook that another one uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Its name.
    pub playbook: String,
    /// Its file, relative to the folder of the playbook that is run.
    pub path: String,
    /// SHA-256 of its text, in hex.
    pub text_sha256: String,
    /// Its inputs: those that are known, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
    /// Its inputs whose values are known only when it is reached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<String, Late>,
    /// Its variables: those that are known, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, Value>,
    /// Its variables whose values are known only when it is reached; they name its inputs and variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late_vars: BTreeMap<String, Text>,
    /// The names of the inputs that it took from the caller's input of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
}

/// The value of an input that is known only when its playbook is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// What yields it; it names what the group that uses the playbook may name.
    pub text: Text,
    /// The type that it must have.
    pub r#type: Type,
}

/// The repetition of a step or group for each item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// The name of the item in expressions.
    pub name: String,
    /// How many instances run at once at the most; as many as there is room for if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<NonZeroU32>,
    /// How many instances may fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerate: Option<Tolerance>,
    /// The items.
    pub items: Items,
}

/// The items of a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// The instances are steps of the plan; the keys in their order.
    Known(Vec<String>),
    /// The instances come to be when the list is known.
    Deferred {
        /// What yields the list.
        list: Expression,
        /// What yields the key of an item; the item itself if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Expression>,
        /// What must have happened first.
        after: Vec<After>,
        /// The most items there may be.
        max_items: u32,
        /// What each item becomes: a step, or a group before its members. Ids are the paths below the instance, indices
        /// count within this list; what names the item is deferred.
        template: Vec<Step>,
    },
}

/// How many instances of a repetition may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// So many.
    Count(u32),
    /// So many per cent of them, rounded down.
    Percent(u32),
}

/// Returns the key that a value makes for an item, if it makes one.
pub fn item_key(value: &Value) -> Option<String> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            value.text().map(std::borrow::Cow::into_owned)
        }
        Value::None | Value::List(_) | Value::Map(_) => None,
    }
}

impl Group {
    /// Returns whether it is a repetition whose items are not known yet.
    pub fn is_deferred(&self) -> bool {
        matches!(self.each, Some(Each { items: Items::Deferred { .. }, .. }))
    }
}

impl Tolerance {
    /// Returns how many of `instances` may fail.
    pub fn of(self, instances: u32) -> u32 {
        match self {
            Tolerance::Count(count) => count,
            Tolerance::Percent(percent) => {
                u32::try_from(u64::from(instances) * u64::from(percent) / 100).unwrap_or(u32::MAX)
            }
        }
    }
}

impl Plan {
    /// Returns every playbook that the plan was expanded from, besides its own.
    pub fn used(&self) -> Vec<&Used> {
        used(&self.steps)
    }

    /// Iterates over the groups around a step, the innermost first.
    pub fn groups_of(&self, step: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.steps[step].group, |&group| self.steps[group].group)
    }

    /// Returns whether the rest of the playbook goes on when a step has failed for good and was taken back: it says
    /// `continue`, or it is an instance of a repetition that tolerates failures.
    pub fn goes_on_after(&self, step: usize) -> bool {
        let repeated = self.steps[step].group.and_then(|group| self.steps[group].as_group()?.each.as_ref());
        self.steps[step].on_failure == OnFailure::Continue || repeated.is_some_and(|each| each.tolerate.is_some())
    }

    /// Iterates over the steps that belong to a group itself, without the members of its groups, in the plan's order.
    pub fn members(&self, group: usize) -> impl Iterator<Item = usize> {
        let members = self.steps.iter().enumerate().skip(group + 1);
        members.filter(move |(_, step)| step.group == Some(group)).map(|(at, _)| at)
    }
}

fn used(steps: &[Step]) -> Vec<&Used> {
    let groups = steps.iter().filter_map(Step::as_group);
    let parts = groups.map(|group| (group.used.as_ref(), group.each.as_ref().map(|each| &each.items)));
    parts
        .flat_map(|(own, items)| {
            let inside = match items {
                Some(Items::Deferred { template, .. }) => used(template),
                Some(Items::Known(_)) | None => Vec::new(),
            };
            own.into_iter().chain(inside)
        })
        .collect()
}
