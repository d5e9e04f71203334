//! Each broken playbook says beside its faults, in comments, what must be found where: no more and no less.

use std::collections::BTreeSet;
use std::path::PathBuf;

use firedrill_model::check;
use firedrill_model::source::Source;

/// What a comment expects: code, line and column.
type Finding = (String, usize, usize);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/broken")
}

/// Returns the broken playbooks by the stems of their names.
fn playbooks() -> Vec<(String, Source)> {
    let files = std::fs::read_dir(folder()).expect("the folder of broken playbooks");
    let mut playbooks: Vec<(String, Source)> = files
        .map(|file| {
            let path = file.expect("an entry").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a text");
            (stem.clone(), Source::new(format!("{stem}.yaml"), text))
        })
        .collect();
    playbooks.sort_by(|one, other| one.0.cmp(&other.0));
    playbooks
}

fn expected(source: &Source) -> BTreeSet<Finding> {
    let comments = source.text.lines().filter_map(|line| line.split_once("# expect ")).map(|(_, comment)| comment);
    let finding = |comment: &str| {
        let (code, place) = comment.trim().split_once(' ')?;
        let (line, column) = place.split_once(':')?;
        Some((code.to_owned(), line.parse().ok()?, column.parse().ok()?))
    };
    comments.map(|comment| finding(comment).unwrap_or_else(|| panic!("{}: {comment}", source.name))).collect()
}

fn found(source: &Source, stem: &str) -> BTreeSet<Finding> {
    let (_, diagnostics) = check::load(source, Some(stem));
    let finding = |diagnostic: &firedrill_model::diagnostic::Diagnostic| {
        let (line, column) = source.line_column(diagnostic.span.start);
        (diagnostic.code.id().to_owned(), line, column)
    };
    diagnostics.iter().map(finding).collect()
}

#[test]
fn broken_playbooks_have_exactly_the_faults_that_are_written_beside_them() {
    let playbooks = playbooks();
    assert!(playbooks.len() >= 40, "{} broken playbooks", playbooks.len());
    let mut differences = Vec::new();
    for (stem, source) in &playbooks {
        let (expected, found) = (expected(source), found(source, stem));
        assert!(!expected.is_empty(), "{stem} expects nothing");
        differences.extend(expected.difference(&found).map(|missing| format!("{stem}: missing {missing:?}")));
        differences.extend(found.difference(&expected).map(|extra| format!("{stem}: extra {extra:?}")));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
