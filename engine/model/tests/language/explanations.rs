//! Each code's explanation holds a playbook with the fault and one without, and stands in the reference.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use firedrill_model::check::{self, Library};
use firedrill_model::diagnostic::{Code, Diagnostic};
use firedrill_model::plan::Origin;
use firedrill_model::rehearsal;
use firedrill_model::resolve::{Facts, Given, GivenValue, resolve};
use firedrill_model::source::Source;

/// Codes whose faults no readable example can show.
const WITHOUT_EXAMPLES: [Code; 6] =
    [Code::NotUtf8, Code::ControlCharacter, Code::FileTooLarge, Code::TooDeep, Code::TooMany, Code::TooComplex];

/// Codes of faults that are not in the file but in what was given with it: `plan` and `run` find them.
const OF_GIVEN_INPUTS: [Code; 7] = [
    Code::UnknownGiven,
    Code::MissingInput,
    Code::InvalidInput,
    Code::NoValue,
    Code::BadItems,
    Code::SecretGiven,
    Code::NoSecret,
];

/// Codes of what is probably not meant; the examples of all others are as short as they can be.
const OF_LINTS: &str = "FD06";

/// Returns the codes that are found in an example, which stands in `example.yaml`.
fn found(code: Code, example: &str) -> Vec<Code> {
    let source = Source::new("example.yaml", example);
    let read = if code.id().starts_with(OF_LINTS) { check::review_with } else { check::load_with };
    let (checked, mut diagnostics) = read(&source, Some("example"), &library(code, &source));
    if let Some(checked) = checked.as_ref().filter(|_| OF_GIVEN_INPUTS.contains(&code)) {
        diagnostics.extend(resolve(&source, checked, &BTreeMap::new(), Facts::default()).err().into_iter().flatten());
    }
    let codes = codes(&diagnostics);
    assert!(checked.is_some() || !codes.is_empty(), "no playbook and no fault: {example}");
    codes
}

/// Returns what a playbook uses: the blocks of the explanation that say in their first line in which file they stand.
fn library(code: Code, source: &Source) -> Library {
    let mut library = Library::default();
    for path in library.missing(source) {
        library.add(path, Err("it is not there".to_owned()));
    }
    for block in blocks(code).into_iter().filter(|block| is_used(block)) {
        let (path, text) = block["# ".len()..].split_once('\n').expect("a file has a name");
        library.add(path.to_owned(), Ok(Source::new(path, text)));
    }
    library
}

/// Returns the codes that are found in a rehearsal of a playbook, `example.rehearsal.yaml` beside `example.yaml`.
fn found_in_rehearsal(playbook: &str, example: &str) -> Vec<Code> {
    let (checked, _) = check::load(&Source::new("example.yaml", playbook), Some("example"));
    let source = Source::new("example.rehearsal.yaml", example);
    let (loaded, mut diagnostics) = rehearsal::load(&source, Some("example"));
    let loaded = loaded.unwrap_or_else(|| panic!("no rehearsal: {example}"));
    diagnostics.extend(rehearsal::check(&loaded, &checked.expect("a sound playbook")));
    codes(&diagnostics)
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<Code> {
    diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn blocks(code: Code) -> Vec<&'static str> {
    let blocks = code.explanation().split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("a block")).collect()
}

/// Returns whether a block is a file that an example uses.
fn is_used(block: &str) -> bool {
    block.lines().next().is_some_and(|line| {
        line.starts_with("# ") && Path::new(line).extension().is_some_and(|extension| extension == "yaml")
    })
}

fn examples(code: Code) -> Vec<&'static str> {
    blocks(code).into_iter().filter(|block| !is_used(block)).collect()
}

#[test]
fn examples_have_their_fault_and_no_other() {
    for &code in Code::ALL {
        match examples(code).as_slice() {
            [] => {
                let is_known = WITHOUT_EXAMPLES.contains(&code) || OF_GIVEN_INPUTS.contains(&code);
                assert!(is_known, "{code} has no examples");
            }
            [wrong, right] => {
                assert_eq!(found(code, wrong), [code], "{code}: {wrong}");
                assert_eq!(found(code, right), [], "{code}: {right}");
            }
            [playbook, wrong, right] => {
                assert_eq!(found(code, playbook), [], "{code}: {playbook}");
                assert_eq!(found_in_rehearsal(playbook, wrong), [code], "{code}: {wrong}");
                assert_eq!(found_in_rehearsal(playbook, right), [], "{code}: {right}");
            }
            other => panic!("{code} has {} examples", other.len()),
        }
    }
}

/// Returns the codes of the faults with which a playbook with one input refuses what was given for it.
fn refused(input: &str, used: &str, given: &[(&str, &str)]) -> Vec<Code> {
    let text = format!(
        "firedrill: 1\nplaybook: example\ninputs: {{n: {input}}}\nsteps:\n  - {{id: one, argv: [echo, \"{used}\"]}}\n"
    );
    let source = Source::new("example.yaml", text);
    let (checked, diagnostics) = check::load(&source, Some("example"));
    assert_eq!(diagnostics, [], "the playbook itself is sound");
    let given = given.iter().map(|(name, text)| {
        let value = GivenValue::Text((*text).to_owned());
        ((*name).to_owned(), Given { value, origin: Origin::Flag })
    });
    let plan = resolve(&source, &checked.expect("a sound playbook"), &given.collect(), Facts::default());
    plan.map_or_else(|faults| faults.iter().map(|fault| fault.code).collect(), |_| Vec::new())
}

#[test]
fn what_was_given_is_held_against_the_declarations() {
    let number = "{type: integer, max: 3, required: false}";
    assert_eq!(refused(number, "${{ inputs.n or 0 }}", &[]), []);
    assert_eq!(refused(number, "${{ inputs.n }}", &[("n", "2")]), []);
    assert_eq!(refused(number, "${{ inputs.n or 0 }}", &[("m", "2")]), [Code::UnknownGiven]);
    assert_eq!(refused(number, "${{ inputs.n or 0 }}", &[("n", "7")]), [Code::InvalidInput]);
    assert_eq!(refused(number, "${{ inputs.n or 0 }}", &[("n", "many")]), [Code::InvalidInput]);
    assert_eq!(refused(number, "${{ inputs.n }}", &[]), [Code::NoValue]);
    assert_eq!(refused("{type: integer}", "${{ inputs.n }}", &[]), [Code::MissingInput]);
}

fn reference() -> String {
    let mut text = "# Diagnostics\n\nWhat `firedrill validate` can find in a playbook, and `firedrill rehearse` in a rehearsal. A \
                    code never\nchanges its meaning. `FD00xx` text and YAML, `FD01xx` keys and values, `FD02xx` templates, \
                    expressions and quoting,\n`FD03xx` names, references and order, `FD04xx` the meaning of steps, \
                    `FD05xx` inputs and `FD06xx` warnings of what is probably not\nmeant.\n"
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
    assert!(written == reference(), "docs/reference/diagnostics.md is stale: run the tests with UPDATE=1");
}
