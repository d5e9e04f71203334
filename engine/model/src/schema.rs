//! The forms of playbooks and rehearsals as JSON Schemas, for editors and other programs.
//!
//! The keys are those that the decoder knows; what each of them is stands in one table. A schema accepts all that the
//! decoder accepts, and refuses what is wrong by its structure; the meaning is `check`'s.

mod form;
mod keys;
mod rehearsal;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::decode::Block;
use form::Form;

/// A draft of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// 2020-12, the newest.
    Y2020,
    /// Draft 7, which many editors read.
    D07,
}

/// What a key is.
struct Key {
    name: &'static str,
    form: Form,
    about: &'static str,
}

const fn key(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, form, about }
}

/// Returns the schema of playbooks.
pub fn playbook_schema(draft: Draft) -> String {
    written("playbook", "A playbook of firedrill, version 1", Block::Playbook, draft)
}

/// Returns the schema of rehearsals.
pub fn rehearsal_schema(draft: Draft) -> String {
    written("rehearsal", "A rehearsal of a playbook of firedrill, version 1", Block::Rehearsal, draft)
}

fn written(name: &str, title: &str, root: Block, draft: Draft) -> String {
    let (dialect, folder, definitions) = match draft {
        Draft::Y2020 => ("https://json-schema.org/draft/2020-12/schema", "", "$defs"),
        Draft::D07 => ("http://json-schema.org/draft-07/schema#", "draft-07/", "definitions"),
    };
    let mut schema = block(root, definitions);
    let mut defined = Map::new();
    for inner in reachable(root).into_iter().filter(|&inner| inner != root) {
        defined.insert(definition(inner), block(inner, definitions));
    }
    let head = [
        ("$schema", json!(dialect)),
        ("$id", json!(format!("{folder}{name}.v1.json"))),
        ("title", json!(title)),
        (definitions, Value::Object(defined)),
    ];
    schema.as_object_mut().expect("a block is an object").extend(head.map(|(key, value)| (key.to_owned(), value)));
    let text = serde_json::to_string_pretty(&schema).expect("a schema has only text keys");
    text + "\n"
}

/// Returns every kind of map in a file, the root first.
fn reachable(root: Block) -> Vec<Block> {
    let mut found = vec![root];
    let mut seen = BTreeSet::from([definition(root)]);
    let mut next = 0;
    while let Some(&block) = found.get(next) {
        next += 1;
        let inner = described(block).flat_map(|key| key.form.blocks());
        found.extend(inner.filter(|&inner| seen.insert(definition(inner))));
    }
    found
}

/// Returns what is known about each key that the decoder accepts in a kind of map.
fn described(block: Block) -> impl Iterator<Item = &'static Key> {
    block.keys().filter_map(move |name| {
        let own = keys::of(block).iter().chain(rehearsal::of(block)).find(|key| key.name == name);
        own.or_else(|| keys::INVOCATION.iter().find(|key| key.name == name))
    })
}

fn block(block: Block, definitions: &str) -> Value {
    let properties: Map<String, Value> = described(block)
        .map(|key| {
            let mut schema = key.form.schema(definitions);
            schema.as_object_mut().expect("a form is an object").insert("description".to_owned(), json!(key.about));
            (key.name.to_owned(), schema)
        })
        .collect();
    let mut schema = json!({"type": "object", "additionalProperties": false, "properties": properties});
    let parts = schema.as_object_mut().expect("it is an object");
    let required = keys::required(block);
    if !required.is_empty() {
        parts.insert("required".to_owned(), json!(required));
    }
    if block == Block::Output {
        parts.insert("allOf".to_owned(), output_rules());
    } else if block.is_invocation() {
        let kinds = ["argv", "run", "manual", "approve"].into_iter().filter(|kind| block.has(kind));
        parts.insert("oneOf".to_owned(), kinds.map(|kind| json!({"required": [kind]})).collect());
    }
    schema
}

/// Returns which keys of an output go with which.
fn output_rules() -> Value {
    let apart =
        [["argv", "run"], ["from", "argv"], ["from", "run"], ["regex", "jq"], ["regex", "line"], ["jq", "line"]];
    let mut rules: Vec<Value> = apart.iter().map(|keys| json!({"not": {"required": keys}})).collect();
    let of_file = json!({"properties": {"from": {"const": "file"}}, "required": ["from"]});
    rules.push(json!({"if": of_file, "then": {"required": ["path"]}}));
    Value::Array(rules)
}

/// Returns the name under which a kind of map is defined.
fn definition(block: Block) -> String {
    format!("{block:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_decoder_is_described_and_no_other() {
        let blocks = reachable(Block::Playbook).into_iter().chain(reachable(Block::Rehearsal));
        for block in blocks {
            let described: BTreeSet<&str> = described(block).map(|key| key.name).collect();
            assert_eq!(block.keys().collect::<BTreeSet<_>>(), described, "{}", block.name());
            let table = keys::of(block).iter().chain(rehearsal::of(block));
            for key in table {
                assert!(block.has(key.name), "`{}` is no key of {}", key.name, block.name());
                assert!(key.about.ends_with('.'), "{}", key.about);
            }
            assert!(keys::required(block).iter().all(|key| block.has(key)), "{}", block.name());
        }
    }

    #[test]
    fn every_kind_of_map_is_reached() {
        let blocks = reachable(Block::Playbook).len() + reachable(Block::Rehearsal).len();
        assert_eq!(blocks, 34, "a kind of map is missing");
    }
}
