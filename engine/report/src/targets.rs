//! The list of targets, and the schema of their files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostics::Colour;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::text::table;

/// A target in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetRow {
    /// Its name.
    pub target: String,
    /// Whether a run must be confirmed.
    pub is_protected: bool,
    /// Its file.
    pub file: String,
    /// How many values of inputs it has.
    pub inputs: usize,
    /// How many environment variables it sets.
    pub env: usize,
    /// What it is.
    pub description: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    targets: &'a [TargetRow],
}

/// A target: the inputs and the environment of one foundation, for every playbook that is run on it.
#[derive(JsonSchema)]
#[schemars(title = "firedrill target, version 1", deny_unknown_fields, rename = "target")]
#[expect(dead_code, reason = "it stands for the form of a file; only its schema is used")]
struct TargetFile {
    /// Its name, that of its file without `.yaml`: lower-case letters, digits and `-`, a letter first.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]*$"))]
    target: String,
    /// What it is, for people.
    #[schemars(length(min = 1))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    /// Values of inputs by name. A playbook takes those that it declares; they win over its defaults. A text may hold
    /// `${{ env('NAME') }}`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9_]*$"}))]
    inputs: BTreeMap<String, serde_json::Value>,
    /// Environment variables of every command; those of the playbook win. A text may hold `${{ env('NAME') }}`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^(?!FIREDRILL_)[A-Za-z_][A-Za-z0-9_]*$"}))]
    env: BTreeMap<String, Variable>,
    /// Where the values of secrets come from, by the names of the inputs. A playbook takes those that it declares.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9_]*$"}))]
    secrets: BTreeMap<String, Source>,
    /// Whether a run needs `--confirm NAME`, a clean git tree, and no sandbox.
    #[serde(default)]
    protected: bool,
}

/// The value of a variable.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Variable {
    Text(String),
    Integer(i64),
}

/// Where the value of a secret comes from when a run starts.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Source {
    /// A variable of the environment in which firedrill is called.
    Env(#[schemars(regex(pattern = "^(?!FIREDRILL_)[A-Za-z_][A-Za-z0-9_]*$"))] String),
    /// A file, absolute or below the playbook's folder, without its last newline.
    File(#[schemars(length(min = 1))] String),
    /// What a program prints, without its last newline: the program and its arguments.
    Command(#[schemars(length(min = 1))] Vec<String>),
}

/// Returns the list as text, in the order given.
pub fn targets_text(rows: &[TargetRow], colour: Colour) -> String {
    let ink = Ink::new(colour);
    let head = ["TARGET", "", "INPUTS", "FILE", ""].map(str::to_owned).to_vec();
    let cells: Vec<Vec<String>> = [head].into_iter().chain(rows.iter().map(cells)).collect();
    let lines = table(&cells).into_iter().enumerate().map(|(at, cells)| {
        let line = cells.join("  ").trim_end().to_owned();
        if at == 0 { ink.paint(Tone::Quiet, &line) } else { line }
    });
    lines.map(|line| line + "\n").collect()
}

fn cells(row: &TargetRow) -> Vec<String> {
    let description = row.description.as_deref().unwrap_or_default();
    vec![
        row.target.clone(),
        if row.is_protected { "protected" } else { "" }.to_owned(),
        row.inputs.to_string(),
        harmless(&row.file),
        harmless(description.lines().next().unwrap_or_default()),
    ]
}

/// Returns the list as one JSON document.
pub fn targets_json(rows: &[TargetRow]) -> String {
    serde_json::to_string_pretty(&Document { version: 1, targets: rows }).expect("texts and numbers are always JSON")
}

/// Returns the JSON Schema of a target's file.
pub fn target_schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(TargetFile)).expect("a schema is JSON") + "\n"
}
