//! Groups of a plan for people: blocks that are indented, what a used playbook is given, what is repeated over what.

use firedrill_model::plan::{Each, Group, Items, OnFailure, Step, Text, Tolerance, Used, path};

use super::command::{known_after, shown_text};
use super::{Page, shown};
use crate::words;

/// How much further the members of a group are indented.
const STEP_IN: usize = 2;
/// How many keys of a repetition are named.
const KEYS_SHOWN: usize = 8;

impl Page {
    /// Writes steps, the members of groups below them; `above` is the id of an instance whose template they are.
    pub(super) fn steps_of(&mut self, steps: &[Step], above: &str, on_failure: OnFailure) {
        let (margin, columns) = (self.margin, self.columns);
        for (at, step) in steps.iter().enumerate() {
            if at > 0 || !above.is_empty() {
                self.line("");
            }
            let depth = std::iter::successors(step.group, |&group| steps[group].group).count();
            self.margin = margin + depth * STEP_IN;
            self.columns = columns.saturating_sub(depth * STEP_IN);
            let around = step.group.map_or(on_failure, |group| inherited(steps[group].on_failure));
            let id = called(above, &step.id);
            self.step(steps, at, &id, around);
            self.template(step, &id);
        }
        (self.margin, self.columns) = (margin, columns);
    }

    /// Writes what each item becomes that is known only later.
    fn template(&mut self, step: &Step, id: &str) {
        let each = step.as_group().and_then(|group| group.each.as_ref());
        let Some(Items::Deferred { template, .. }) = each.map(|each| &each.items) else { return };
        let (margin, columns) = (self.margin, self.columns);
        self.margin += STEP_IN;
        self.columns = self.columns.saturating_sub(STEP_IN);
        self.steps_of(template, &format!("{id}[...]"), inherited(step.on_failure));
        (self.margin, self.columns) = (margin, columns);
    }

    /// Writes the facts about a group as such.
    pub(super) fn group(&mut self, group: &Group) {
        group.used.iter().for_each(|used| self.used(used));
        group.each.iter().for_each(|each| self.fact("for each", &repeated(each)));
        for (name, text) in &group.outputs {
            self.fact("output", &format!("{name} = {}", told(text)));
        }
    }

    fn used(&mut self, used: &Used) {
        let digest: String = used.text_sha256.chars().take(12).collect();
        self.fact("uses", &format!("{}, playbook {}, {digest}", used.path, used.playbook));
        for (name, value) in &used.inputs {
            self.fact("input", &format!("{name} = {}{}", shown(value), taken(used, name)));
        }
        for (name, late) in &used.late {
            self.fact("input", &format!("{name} = {}{}", told(&late.text), taken(used, name)));
        }
    }
}

/// Returns what a failure of a member does that says nothing itself.
fn inherited(on_failure: OnFailure) -> OnFailure {
    match on_failure {
        OnFailure::Continue => OnFailure::Rollback,
        OnFailure::Rollback | OnFailure::Stop | OnFailure::Ask => on_failure,
    }
}

fn called(above: &str, id: &str) -> String {
    match (above.is_empty(), id.is_empty()) {
        (true, _) => id.to_owned(),
        (false, true) => above.to_owned(),
        (false, false) => path(above, id),
    }
}

fn taken(used: &Used, name: &str) -> String {
    if used.taken.iter().any(|taken| taken == name) { format!(" (the caller's {name})") } else { String::new() }
}

fn told(text: &Text) -> String {
    let (text, later) = shown_text(text);
    later.map_or(text.clone(), |later| format!("{text} ({later})"))
}

fn repeated(each: &Each) -> String {
    let mut parts = vec![match &each.items {
        Items::Known(keys) => {
            let more = if keys.len() > KEYS_SHOWN { ", ..." } else { "" };
            let shown = keys[..keys.len().min(KEYS_SHOWN)].join(", ");
            format!("{} of {}: {shown}{more}", each.name, words::count(keys.len(), "item"))
        }
        Items::Deferred { list, after, max_items, .. } => {
            format!("{} of «{}», one per item, {}, at most {max_items}", each.name, list.source, known_after(after))
        }
    }];
    parts.extend(each.max_parallel.map(|limit| format!("at most {limit} at once")));
    parts.extend(each.tolerate.map(|tolerance| match tolerance {
        Tolerance::Count(count) => format!("{count} may fail"),
        Tolerance::Percent(percent) => format!("{percent}% may fail"),
    }));
    parts.join("; ")
}
