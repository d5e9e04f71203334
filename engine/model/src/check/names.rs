//! The names that a playbook declares.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Playbook, Step};
use crate::source::Spanned;
use crate::suggest;

/// How many unknown names of one file get a suggestion: each is compared with all that are known.
const MAX_SUGGESTIONS: usize = 10;

/// What is declared under which name.
pub(crate) struct Names<'p> {
    pub(super) inputs: HashMap<&'p str, usize>,
    pub(super) vars: HashMap<&'p str, usize>,
    /// The steps that belong to no group.
    pub(super) steps: HashMap<&'p str, usize>,
    /// The members of each group, by the group's number and their own name.
    members: HashMap<(usize, &'p str), usize>,
    inner: HashSet<&'p str>,
    blocks: HashMap<Option<usize>, Vec<usize>>,
    /// The group of each step.
    parents: Vec<Option<usize>>,
    pub(super) finally: HashMap<&'p str, usize>,
    suggestions: Cell<usize>,
}

impl<'p> Names<'p> {
    /// Returns the names of a playbook; of two equal ones the first.
    pub(crate) fn of(playbook: &'p Playbook) -> Self {
        Self {
            inputs: index(playbook.inputs.iter().map(|input| &input.name)),
            vars: index(playbook.vars.iter().map(|var| &var.name)),
            steps: outermost(playbook),
            members: members(playbook),
            inner: inner(playbook).map(|step| step.id.value.as_str()).collect(),
            blocks: blocks(playbook),
            parents: playbook.steps.iter().map(|step| step.parent).collect(),
            finally: index(playbook.finally.iter().map(|step| &step.id)),
            suggestions: Cell::new(MAX_SUGGESTIONS),
        }
    }

    /// Returns what a name means in a block: one of its steps, or one of a block around it.
    pub(crate) fn find(&self, block: Option<usize>, name: &str) -> Option<Found> {
        let mut found = Found { step: 0, around: None };
        let mut block = block;
        loop {
            let here = match block {
                Some(group) => self.members.get(&(group, name)),
                None => self.steps.get(name),
            };
            match (here, block) {
                (Some(&step), _) => return Some(Found { step, ..found }),
                (None, None) => return None,
                (None, Some(group)) => {
                    found.around = Some(group);
                    block = self.parents[group];
                }
            }
        }
    }

    /// Returns a suggestion for an unknown name among the steps of a block.
    pub(super) fn suggest_step(&self, name: &str, block: Option<usize>) -> Option<String> {
        let Some(block) = block.filter(|_| self.suggestions.get() > 0) else {
            return self.suggest(name, &self.steps, "steps");
        };
        let members = self.members.iter().filter(|((group, _), _)| *group == block);
        self.suggest(name, &members.map(|(&(_, name), &at)| (name, at)).collect(), "steps")
    }

    /// Returns the group in which a step stands.
    pub(crate) fn parent(&self, step: usize) -> Option<usize> {
        self.parents[step]
    }

    /// Returns whether a member of any group has this name.
    pub(super) fn is_member(&self, name: &str) -> bool {
        self.inner.contains(name)
    }

    /// Returns the numbers of the steps of a block, in the order of the text.
    pub(crate) fn block(&self, group: Option<usize>) -> &[usize] {
        self.blocks.get(&group).map_or(&[], Vec::as_slice)
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

/// What a name means.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// The step.
    pub(crate) step: usize,
    /// The group beside it in which the name was used; none if it was used in the step's own block.
    pub(crate) around: Option<usize>,
}

fn outermost(playbook: &Playbook) -> HashMap<&str, usize> {
    let mut index = HashMap::new();
    for (at, step) in playbook.steps.iter().enumerate().filter(|(_, step)| step.parent.is_none()) {
        index.entry(step.id.value.as_str()).or_insert(at);
    }
    index
}

fn blocks(playbook: &Playbook) -> HashMap<Option<usize>, Vec<usize>> {
    let mut blocks: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (at, step) in playbook.steps.iter().enumerate() {
        blocks.entry(step.parent).or_default().push(at);
    }
    blocks
}

/// Iterates over the members of groups.
fn inner(playbook: &Playbook) -> impl Iterator<Item = &Step> {
    playbook.steps.iter().filter(|step| step.parent.is_some())
}

fn members(playbook: &Playbook) -> HashMap<(usize, &str), usize> {
    let mut index = HashMap::new();
    for (at, step) in playbook.steps.iter().enumerate() {
        if let Some(parent) = step.parent {
            index.entry((parent, step.id.value.as_str())).or_insert(at);
        }
    }
    index
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
    let names = Names::of(playbook);
    let steps = playbook.steps.iter().filter(|step| step.parent.is_none()).chain(&playbook.finally);
    let mut diagnostics = duplicates(steps.map(|step| &step.id), "steps");
    let mut groups: BTreeMap<usize, Vec<&Spanned<String>>> = BTreeMap::new();
    for step in &playbook.steps {
        step.parent.into_iter().for_each(|group| groups.entry(group).or_default().push(&step.id));
    }
    diagnostics.extend(groups.into_values().flat_map(|members| duplicates(members.into_iter(), "steps")));
    diagnostics.extend(playbook.steps.iter().filter_map(|step| shadowing(playbook, &names, step)));
    diagnostics.extend(duplicates(playbook.guards.iter().map(|guard| &guard.id), "guards"));
    diagnostics.extend(duplicates(playbook.invariants.iter().map(|invariant| &invariant.id), "invariants"));
    diagnostics.extend(playbook.steps.iter().flat_map(guards));
    diagnostics.extend(super::guards::shadowing(playbook));
    diagnostics
}

/// Reports a member that has the name of a step that can be named beside it.
fn shadowing(playbook: &Playbook, names: &Names<'_>, step: &Step) -> Option<Diagnostic> {
    let id = &step.id.value;
    let outer = names.find(names.parent(step.parent?), id).map(|found| &playbook.steps[found.step]);
    let outer = outer.or_else(|| names.finally.get(id.as_str()).map(|&at| &playbook.finally[at]))?;
    let message = format!("`{id}` is the name of another step that can be named here");
    let diagnostic = Diagnostic::error(Code::DuplicateId, step.id.span, message).note(outer.id.span, "the other one");
    Some(diagnostic.help("members of different groups may have the same name, but not one inside of the other"))
}

fn guards(step: &Step) -> Vec<Diagnostic> {
    duplicates(step.guards.iter().map(|guard| &guard.id), "guards of the step")
}
