//! The schemas of playbooks and rehearsals: fresh, and of one mind with the decoder.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures and write what is generated")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use firedrill_model::check;
use firedrill_model::diagnostic::{Code, Diagnostic};
use firedrill_model::rehearsal;
use firedrill_model::schema::{Draft, playbook_schema, rehearsal_schema};
use firedrill_model::source::Source;
use jsonschema::Validator;
use serde_json::Value;
use serde_saphyr::options::MergeKeyPolicy;

const DRAFTS: [(Draft, &str); 2] = [(Draft::Y2020, "schemas"), (Draft::D07, "schemas/draft-07")];

/// Faults that stand in the structure of a file, so that a schema can see them.
const STRUCTURAL: [Code; 7] = [
    Code::NotOfGroup,
    Code::UnknownKey,
    Code::MissingKey,
    Code::UnknownVersion,
    Code::UnknownChoice,
    Code::Exclusive,
    Code::NotAtTheEnd,
];

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[test]
fn the_schemas_are_fresh() {
    for (draft, folder) in DRAFTS {
        for (name, schema) in [("playbook", playbook_schema(draft)), ("rehearsal", rehearsal_schema(draft))] {
            let path = root(folder).join(format!("{name}.v1.json"));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(root(folder)).expect("the folder of the schemas");
                std::fs::write(&path, &schema).expect("the schema is written");
            }
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(written == schema, "{} is old: run the tests with UPDATE=1", path.display());
        }
    }
}

fn validators(schema: fn(Draft) -> String) -> [Validator; 2] {
    DRAFTS.map(|(draft, _)| {
        let schema: Value = serde_json::from_str(&schema(draft)).expect("a schema is JSON");
        assert!(jsonschema::meta::is_valid(&schema), "{draft:?}");
        jsonschema::validator_for(&schema).expect("a valid schema")
    })
}

/// Returns a YAML text as JSON, nothing if it is not YAML.
fn value(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        // Scenarios have much in common; each is short.
        budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false },
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

fn files(folder: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(root(folder)).expect("a folder").map(|file| file.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.map(|path| (name(&path), std::fs::read_to_string(&path).expect("a text"))).collect()
}

/// Returns why a schema does not accept a value.
fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect()
}

#[test]
fn sound_files_are_accepted() {
    let (playbooks, rehearsals) = (validators(playbook_schema), validators(rehearsal_schema));
    let mut all = files("playbooks");
    all.extend(files("engine/report/tests/plans"));
    all.extend(files("engine/model/tests/language"));
    assert!(all.len() >= 5, "{} files", all.len());
    for (name, text) in all {
        let validators = if name.ends_with(".rehearsal.yaml") { &rehearsals } else { &playbooks };
        let value = value(&text).unwrap_or_else(|| panic!("{name} is not YAML"));
        for validator in validators {
            assert_eq!(faults(validator, &value), [""; 0], "{name}");
        }
    }
}

#[test]
fn examples_are_accepted() {
    let playbooks = validators(playbook_schema);
    let rehearsals = validators(rehearsal_schema);
    for &code in Code::ALL {
        let blocks = code.explanation().split("```yaml\n").skip(1);
        let Some(right) = blocks.last().and_then(|block| block.split("```").next()) else { continue };
        let validators = if right.contains("\nrehearsal:") { &rehearsals } else { &playbooks };
        let value = value(right).unwrap_or_else(|| panic!("{code}: {right}"));
        for validator in validators {
            assert_eq!(faults(validator, &value), [""; 0], "{code}: {right}");
        }
    }
}

#[test]
fn what_is_broken_by_structure_is_refused() {
    let playbooks = validators(playbook_schema);
    let rehearsals = validators(rehearsal_schema);
    let of_playbook: fn(&Source) -> Vec<Diagnostic> = |source| check::load(source, None).1;
    let of_rehearsal: fn(&Source) -> Vec<Diagnostic> = |source| rehearsal::load(source, None).1;
    let broken = files("tests/fixtures/broken").into_iter().map(|file| (file, &playbooks, of_playbook));
    let rehearsed = files("engine/model/tests/language/rehearsals");
    let rehearsed = rehearsed.into_iter().map(|file| (file, &rehearsals, of_rehearsal));
    let mut refused = 0;
    for ((name, text), validators, findings) in broken.chain(rehearsed) {
        let Some(value) = value(&text) else { continue };
        let found = findings(&Source::new(name.clone(), text));
        let codes: BTreeSet<Code> = found.iter().map(|found| found.code).collect();
        if !STRUCTURAL.iter().any(|code| codes.contains(code)) {
            continue;
        }
        refused += 1;
        for validator in validators {
            assert!(!validator.is_valid(&value), "{name} is accepted in spite of {codes:?}");
        }
    }
    assert!(refused >= 12, "{refused} files were refused");
}
