//! The names that a playbook declares.

use std::cell::Cell;
use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Playbook, Step};
use crate::source::Spanned;
use crate::suggest;

/// How many unknown names of one file get a suggestion: each is compared with all that are known.
const MAX_SUGGESTIONS: usize = 10;

/// What is declared under which name.
pub(super) struct Names<'p> {
    pub(super) inputs: HashMap<&'p str, usize>,
    pub(super) vars: HashMap<&'p str, usize>,
    pub(super) steps: HashMap<&'p str, usize>,
    pub(super) finally: HashMap<&'p str, usize>,
    suggestions: Cell<usize>,
}

impl<'p> Names<'p> {
    /// Returns the names of a playbook; of two equal ones the first.
    pub(super) fn of(playbook: &'p Playbook) -> Self {
        Self {
            inputs: index(playbook.inputs.iter().map(|input| &input.name)),
            vars: index(playbook.vars.iter().map(|var| &var.name)),
            steps: index(playbook.steps.iter().map(|step| &step.id)),
            finally: index(playbook.finally.iter().map(|step| &step.id)),
            suggestions: Cell::new(MAX_SUGGESTIONS),
        }
    }

    /// Returns a suggestion for an unknown name, or else the few that there are.
    pub(super) fn suggest(&self, name: &str, known: &HashMap<&str, usize>, what: &str) -> Option<String> {
        let left = self.suggestions.get().checked_sub(1)?;
        self.suggestions.set(left);
        let mut candidates: Vec<&str> = known.keys().copied().filter(|name| !name.is_empty()).collect();
        candidates.sort_unstable();
        let near = suggest::did_you_mean(name, candidates.iter().copied());
        near.or_else(|| listing(&candidates, what))
    }
}

fn listing(candidates: &[&str], what: &str) -> Option<String> {
    match candidates {
        [] => Some(format!("there are no {what}")),
        few if few.len() <= 5 => Some(format!("there are: {}", few.join(", "))),
        _ => None,
    }
}

/// Returns the names with their numbers; of two equal ones the first.
pub(super) fn index<'p>(names: impl Iterator<Item = &'p Spanned<String>>) -> HashMap<&'p str, usize> {
    let mut index = HashMap::new();
    for (at, name) in names.enumerate() {
        index.entry(name.value.as_str()).or_insert(at);
    }
    index
}

/// Reports ids that are there twice among those that share a namespace.
pub(super) fn duplicates<'p>(ids: impl Iterator<Item = &'p Spanned<String>>, what: &str) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &Spanned<String>> = HashMap::new();
    let mut diagnostics = Vec::new();
    for id in ids.filter(|id| !id.value.is_empty()) {
        let Some(earlier) = first.get(id.value.as_str()) else {
            first.insert(&id.value, id);
            continue;
        };
        let message = format!("two {what} are called `{}`", id.value);
        diagnostics.push(Diagnostic::error(Code::DuplicateId, id.span, message).note(earlier.span, "the first one"));
    }
    diagnostics
}

/// Reports all ids of a playbook that are there twice.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let steps = playbook.steps.iter().chain(&playbook.finally);
    let mut diagnostics = duplicates(steps.map(|step| &step.id), "steps");
    diagnostics.extend(duplicates(playbook.guards.iter().map(|guard| &guard.id), "guards"));
    diagnostics.extend(duplicates(playbook.invariants.iter().map(|invariant| &invariant.id), "invariants"));
    diagnostics.extend(playbook.steps.iter().flat_map(guards));
    diagnostics
}

fn guards(step: &Step) -> Vec<Diagnostic> {
    duplicates(step.guards.iter().map(|guard| &guard.id), "guards of the step")
}
