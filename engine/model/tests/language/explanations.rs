//! Each code's explanation holds a playbook with the fault and one without, and stands in the reference.

use std::fmt::Write;
use std::path::PathBuf;

use firedrill_model::check;
use firedrill_model::diagnostic::Code;
use firedrill_model::source::Source;

/// Codes whose faults no readable example can show.
const WITHOUT_EXAMPLES: [Code; 6] = [
    Code::NotUtf8,
    Code::ControlCharacter,
    Code::FileTooLarge,
    Code::TooDeep,
    Code::TooMany,
    Code::TooComplex,
];

/// Returns the codes that are found in an example, which stands in `example.yaml`.
fn found(example: &str) -> Vec<Code> {
    let source = Source::new("example.yaml", example);
    let (checked, diagnostics) = check::load(&source, Some("example"));
    let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert!(
        checked.is_some() || !codes.is_empty(),
        "no playbook and no fault: {example}"
    );
    codes
}

fn examples(code: Code) -> Vec<&'static str> {
    let blocks = code.explanation().split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().expect("a block"))
        .collect()
}

#[test]
fn examples_have_their_fault_and_no_other() {
    for &code in Code::ALL {
        match examples(code).as_slice() {
            [] => assert!(WITHOUT_EXAMPLES.contains(&code), "{code} has no examples"),
            [wrong, right] => {
                assert_eq!(found(wrong), [code], "{code}: {wrong}");
                assert_eq!(found(right), [], "{code}: {right}");
            }
            other => panic!("{code} has {} examples", other.len()),
        }
    }
}

fn reference() -> String {
    let mut text = "# Diagnostics\n\nWhat `firedrill validate` can find in a playbook. A code never changes its meaning. \
                    `FD00xx` text and YAML, `FD01xx` keys and\nvalues, `FD02xx` templates, expressions and quoting, `FD03xx` names, \
                    references and order, `FD04xx` the meaning of steps,\n`FD05xx` inputs, `FD09xx` what is not yet supported.\n"
        .to_owned();
    for code in Code::ALL {
        write!(text, "\n## {code}: {}\n\n{}", code.title(), code.explanation()).expect("a text takes everything");
    }
    text
}

#[test]
fn the_reference_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/diagnostics.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of the reference");
        std::fs::write(&path, reference()).expect("the reference is written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/reference/diagnostics.md is stale: run the tests with UPDATE=1"
    );
}
