//! Patterns and jq filters of one file: each text is compiled once.

use std::collections::HashMap;

use crate::jq::{Filter, JqFault};
use crate::pattern::Pattern;

/// What was found about each text, nothing if it compiles.
#[derive(Default)]
pub(super) struct Compiled {
    patterns: HashMap<String, Option<String>>,
    filters: HashMap<String, Option<JqFault>>,
}

impl Compiled {
    /// Returns what is wrong with a pattern.
    pub(super) fn pattern(&mut self, text: &str) -> Option<String> {
        let compile = |text: &str| Pattern::compile(text).err().map(|fault| fault.message);
        self.patterns.entry(text.to_owned()).or_insert_with_key(|text| compile(text)).clone()
    }

    /// Returns what is wrong with a jq filter.
    pub(super) fn filter(&mut self, text: &str) -> Option<JqFault> {
        self.filters.entry(text.to_owned()).or_insert_with_key(|text| Filter::compile(text).err()).clone()
    }
}
