//! The schema of targets takes what the engine takes.

use firedrill_model::source::Source;
use firedrill_model::target;
use firedrill_report::target_schema;

const GUIDE: &str = include_str!("../../../docs/language/targets.md");

/// Targets, and whether they are sound.
const TARGETS: [(&str, bool); 16] = [
    ("target: prod", true),
    ("target: prod\nenv: {A: '1', B: 2}\ninputs: {a: [1, {b: null}]}\nprotected: false", true),
    ("target: Prod", false),
    ("inputs: {}", false),
    ("target: prod\nenv: {A: 1.10}", false),
    ("target: prod\nenv: {A: [b]}", false),
    ("target: prod\nenv: {A: true}", false),
    ("target: prod\nenv: {1A: b}", false),
    ("target: prod\nenv: {FIREDRILL_HOME: b}", false),
    ("target: prod\ninputs: {Host: a}", false),
    ("target: prod\nprotected: 'true'", false),
    ("target: prod\nsecrets: {a: {env: B}, b: {file: c}, d: {command: [e, f]}}", true),
    ("target: prod\nsecrets: {a: {env: B, file: c}}", false),
    ("target: prod\nsecrets: {a: {command: []}}", false),
    ("target: prod\nsecrets: {a: {}}", false),
    ("target: prod\nsecrets: {a: hunter2}", false),
];

#[test]
fn the_schema_is_as_strict_as_the_engine() {
    let schema: serde_json::Value = serde_json::from_str(&target_schema()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let example = GUIDE.split("```yaml\n").nth(1).and_then(|block| block.split("```").next()).expect("an example");
    for (text, is_sound) in TARGETS.into_iter().chain([(example, true)]) {
        let (target, diagnostics) = target::load(&Source::new("x", text), None);
        assert_eq!(target.is_some(), is_sound, "{text}: {diagnostics:?}");
        let document: serde_json::Value = serde_saphyr::from_str(text).expect("YAML");
        assert_eq!(validator.is_valid(&document), is_sound, "{text}");
    }
}
