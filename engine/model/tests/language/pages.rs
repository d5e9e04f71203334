//! The pages about the language: their examples are sound and give no warning, and every key is told of.

use std::path::PathBuf;

use firedrill_model::check::{self, Library};
use firedrill_model::source::Source;

fn pages() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/language");
    let files = std::fs::read_dir(folder).expect("the pages").map(|file| file.expect("an entry").path());
    files.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a text"))).collect()
}

/// Returns the playbooks of a page that say in their first line in which file they stand.
fn library(text: &str) -> Library {
    let mut library = Library::default();
    for block in text.split("```yaml\n# ").skip(1) {
        if let Some((name, _)) = block.split_once('\n').filter(|(name, _)| name.contains(".yaml")) {
            let playbook = block.split("```").next().expect("a block");
            library.add(name.to_owned(), Ok(Source::new(name, format!("# {playbook}"))));
        }
    }
    library
}

#[test]
fn every_page_has_an_example_that_gives_no_warning() {
    let pages = pages();
    assert!(pages.len() >= 12, "{} pages", pages.len());
    for (name, text) in pages {
        let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().expect("a block"));
        let examples: Vec<&str> = blocks.filter(|block| block.starts_with("firedrill: 1")).collect();
        // The example of targets is no playbook; the tests of the command line read it.
        let has_none = name.ends_with("README.md") || name.ends_with("targets.md");
        assert!(!examples.is_empty() || has_none, "{name} has no example");
        let library = library(&text);
        for example in examples {
            let source = Source::new(name.clone(), example);
            let (checked, found) = check::review_with(&source, Some("example"), &library);
            assert_eq!(found, [], "{name}: {example}");
            assert!(checked.is_some(), "{name}");
        }
    }
}

#[test]
fn the_pages_name_every_key_of_a_step() {
    let text: String = pages().into_iter().map(|(_, text)| text).collect();
    let keys = "id title why caution phase typical needs when guards retry expect outputs verify cleanup rollback release \
                read_only idempotent irreversible argv run env dir shell stdin timeout on_failure max_parallel finally \
                invariants inputs vars defaults on_unmet until for_each use with early_guards tolerate max_items max_attempts \
                backoff jitter exit stdout stderr jq regex line manual approve instructions confirm prompt by min starter";
    let is_named = |key: &&str| text.contains(&format!("`{key}")) || text.contains(&format!("{key}:"));
    let missing: Vec<&str> = keys.split_whitespace().filter(|key| !is_named(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_first_page_leads_to_every_other() {
    let pages = pages();
    let (_, first) = pages.iter().find(|(name, _)| name.ends_with("README.md")).expect("a first page");
    for (name, _) in pages.iter().filter(|(name, _)| !name.ends_with("README.md")) {
        let file = name.rsplit('/').next().expect("a name");
        assert!(first.contains(&format!("({file})")), "nothing leads to {file}");
    }
}
