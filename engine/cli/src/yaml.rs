//! YAML files other than playbooks: small, flat, read strictly. The only module that knows the YAML library.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use crate::failure::Failure;

/// Reads a file. Keys that stand twice, merge keys and words such as `yes` for a boolean are not taken.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?;
    parse(&text).map_err(|why| Failure::invalid(format!("{}: {why}", path.display())))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use firedrill_model::value::Value;

    use super::*;

    #[test]
    fn scalars_follow_yaml_1_2() {
        let text = "a: no\nb: 0755\nc: true\nd: 12\ne: [x, 1.5]\nf: 2026-11-22\ng: 1_000\nh: ''\n";
        let values: BTreeMap<String, Value> = parse(text).expect("a map");
        let shown: Vec<String> = values.values().map(Value::to_json).collect();
        assert_eq!(
            shown,
            [
                "\"no\"",
                "\"0755\"",
                "true",
                "12",
                "[\"x\",1.5]",
                "\"2026-11-22\"",
                "\"1_000\"",
                "\"\""
            ]
        );
    }

    #[test]
    fn faults_have_their_place() {
        for text in ["a: 1\na: 2\n", "a: 1\nb: [1\n", "base: &b {x: 1}\na:\n  <<: *b\n"] {
            let why = parse::<BTreeMap<String, Value>>(text).expect_err(text);
            assert!(why.contains("line "), "{why}");
        }
    }
}
