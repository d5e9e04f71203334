//! What the guide shows and what is shipped can be read.

use std::path::PathBuf;

use firedrill_model::check::{self, Checked};
use firedrill_model::playbook::Playbook;
use firedrill_model::rehearsal;
use firedrill_model::source::Source;

const GUIDE: &str = include_str!("../../../../docs/rehearsals.md");

fn playbook(name: &str, text: &str) -> Checked<Playbook> {
    let (checked, diagnostics) = check::load(&Source::new(name, text), None);
    assert_eq!(diagnostics, [], "{name}");
    checked.expect("a sound playbook")
}

/// Reads a rehearsal and checks it against its playbook.
fn rehearse(name: &str, text: &str, playbook: &Playbook) {
    let (loaded, diagnostics) = rehearsal::load(&Source::new(name, text), None);
    assert_eq!(diagnostics, [], "{name}: {text}");
    assert_eq!(rehearsal::check(&loaded.expect("a sound rehearsal"), playbook), [], "{name}: {text}");
}

#[test]
fn the_examples_of_the_guide_can_be_read() {
    let blocks = GUIDE.split("```yaml\n").skip(1).map(|block| block.split("```").next().expect("a block"));
    let whole = blocks.filter(|block| block.starts_with("firedrill: 1"));
    let (rehearsals, playbooks): (Vec<&str>, Vec<&str>) = whole.partition(|block| block.contains("\nrehearsal:"));
    let [text] = playbooks.as_slice() else { panic!("{} playbooks", playbooks.len()) };
    let playbook = playbook("the guide's playbook", text);
    assert!(rehearsals.len() >= 5, "{} rehearsals", rehearsals.len());
    for text in rehearsals {
        rehearse("an example", text, &playbook);
    }
}

#[test]
fn the_guide_names_every_key() {
    let keys = "firedrill rehearsal sandbox inputs check scenarios sweep name given faults replies expect step hook guard \
                output invariant finally record side after nth times verdict within steps hold unmet invariants open \
                outputs world outcome attempts cleaned_up rolled_back released depth always never command exit stdout \
                stderr takes objectives phase typical answers answer by decisions decide settle";
    let missing: Vec<&str> = keys.split_whitespace().filter(|key| !GUIDE.contains(&format!("`{key}"))).collect();
    let kinds = rehearsal::SweptKind::ALL.map(rehearsal::SweptKind::word);
    let missing_kinds: Vec<&str> = kinds.into_iter().filter(|kind| !GUIDE.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty() && missing_kinds.is_empty(), "{missing:?} {missing_kinds:?}");
}

#[test]
fn shipped_rehearsals_can_be_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../playbooks");
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a text");
    let files = std::fs::read_dir(&folder).expect("the folder of the playbooks");
    let paths = files.map(|file| file.expect("an entry").path());
    let rehearsals: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(".rehearsal.yaml")).collect();
    assert!(!rehearsals.is_empty(), "no rehearsals are shipped");
    for path in rehearsals {
        let name = path.file_name().expect("a name").to_string_lossy().replace(".rehearsal.yaml", "");
        let playbook = playbook(&name, &read(&folder.join(format!("{name}.yaml"))));
        rehearse(&name, &read(&path), &playbook);
    }
}
