//! The public form of groups.

use std::collections::BTreeMap;

use firedrill_model::plan::{self, Items, Tolerance};
use schemars::JsonSchema;
use serde::Serialize;

use super::command::{Text, moments};
use super::{Step, json};

/// A block of steps that begins, is skipped and is unwound together.
#[derive(Serialize, JsonSchema)]
pub(super) struct Block {
    /// What it publishes once it is over.
    outputs: BTreeMap<String, Text>,
    /// The playbook it was expanded from.
    used: Option<Used>,
    /// What its members are instances of.
    for_each: Option<Each>,
}

/// A playbook that another one uses.
#[derive(Serialize, JsonSchema)]
struct Used {
    /// Its name.
    playbook: String,
    /// Its file, relative to the folder of the playbook that is run.
    path: String,
    /// SHA-256 of its text, in hex.
    sha256: String,
    /// Its inputs that are known, by name.
    inputs: BTreeMap<String, serde_json::Value>,
    /// Its inputs that are known later, by name.
    late: BTreeMap<String, Text>,
    /// The inputs that are those of the using playbook.
    taken: Vec<String>,
}

/// The repetition of a step or group for each item of a list.
#[derive(Serialize, JsonSchema)]
struct Each {
    /// The name of the item in expressions.
    name: String,
    /// How many instances run at once at the most.
    max_parallel: Option<u32>,
    /// How many instances may fail: a number, or a percentage such as `20%`.
    tolerate: Option<String>,
    /// The keys of the items, if they are known.
    keys: Option<Vec<String>>,
    /// What yields the items, if they are known later.
    later: Option<Later>,
}

/// Items that are known later.
#[derive(Serialize, JsonSchema)]
struct Later {
    /// The expression that yields the list.
    list: String,
    /// The expression that yields the key of an item; the item itself if none.
    key: Option<String>,
    /// What must have happened first.
    after: Vec<String>,
    /// The most items there may be.
    max_items: u32,
    /// What each item becomes; ids are the paths below the instance.
    template: Vec<Step>,
}

impl Block {
    pub(super) fn of(group: &plan::Group) -> Block {
        Block {
            outputs: group.outputs.iter().map(|(name, text)| (name.clone(), Text::of(text))).collect(),
            used: group.used.as_ref().map(Used::of),
            for_each: group.each.as_ref().map(Each::of),
        }
    }
}

impl Used {
    fn of(used: &plan::Used) -> Used {
        Used {
            playbook: used.playbook.clone(),
            path: used.path.clone(),
            sha256: used.text_sha256.clone(),
            inputs: used.inputs.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
            late: used.late.iter().map(|(name, late)| (name.clone(), Text::of(&late.text))).collect(),
            taken: used.taken.clone(),
        }
    }
}

impl Each {
    fn of(each: &plan::Each) -> Each {
        let (keys, later) = match &each.items {
            Items::Known(keys) => (Some(keys.clone()), None),
            Items::Deferred { list, key, after, max_items, template } => {
                let template = template.iter().map(|step| Step::of(template, step)).collect();
                let key = key.as_ref().map(|key| key.source.clone());
                let later =
                    Later { list: list.source.clone(), key, after: moments(after), max_items: *max_items, template };
                (None, Some(later))
            }
        };
        let tolerate = each.tolerate.map(|tolerance| match tolerance {
            Tolerance::Count(count) => count.to_string(),
            Tolerance::Percent(percent) => format!("{percent}%"),
        });
        let max_parallel = each.max_parallel.map(std::num::NonZeroU32::get);
        Each { name: each.name.clone(), max_parallel, tolerate, keys, later }
    }
}
