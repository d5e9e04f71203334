//! What has changed about a playbook since a rehearsal: files, and steps of the playbook itself.

use std::collections::BTreeMap;
use std::ops::Range;

use firedrill_model::decode;
use firedrill_model::playbook::{Playbook, Step};
use firedrill_model::source::Source;
use serde::Serialize;

use super::Rehearsed;

/// Files that have changed, by their path below the playbook's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// There then and now, with another content.
    pub changed: Vec<String>,
    /// There now.
    pub appeared: Vec<String>,
    /// There then.
    pub vanished: Vec<String>,
    /// What has changed in the playbook, if it is among them and can be read.
    pub steps: Option<StepChanges>,
}

/// Steps of a playbook whose text has changed, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepChanges {
    /// There then and now, with another text.
    pub changed: Vec<String>,
    /// There now.
    pub appeared: Vec<String>,
    /// There then.
    pub vanished: Vec<String>,
}

impl Changes {
    /// Returns what has changed, if anything has.
    pub(super) fn between(then: Rehearsed<'_>, now: Rehearsed<'_>) -> Option<Changes> {
        let [changed, appeared, vanished] = compared(then.digests, now.digests);
        if changed.is_empty() && appeared.is_empty() && vanished.is_empty() {
            return None;
        }
        let steps = (then.text != now.text).then(|| StepChanges::between(then.text, now.text)).flatten();
        Some(Changes { changed, appeared, vanished, steps })
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let files = [
            ("changed since", &self.changed),
            ("not there then", &self.appeared),
            ("there then, not any more", &self.vanished),
        ];
        let files = files.into_iter().filter(|(_, files)| !files.is_empty());
        let files = files.map(|(what, files)| format!("{what}: {}", files.join(", ")));
        files.chain(self.steps.as_ref().map(StepChanges::words)).collect()
    }
}

impl StepChanges {
    /// Compares the texts of the steps; nothing if a text is no playbook.
    fn between(then: &str, now: &str) -> Option<StepChanges> {
        let [changed, appeared, vanished] = compared(&steps(then)?, &steps(now)?);
        Some(StepChanges { changed, appeared, vanished })
    }

    fn words(&self) -> String {
        let steps = [("changed", &self.changed), ("new", &self.appeared), ("gone", &self.vanished)];
        let steps = steps.into_iter().filter(|(_, steps)| !steps.is_empty());
        let steps: Vec<String> = steps.map(|(what, steps)| format!("steps {what}: {}", steps.join(", "))).collect();
        if steps.is_empty() {
            "no step of the playbook has changed, something else in it has".into()
        } else {
            steps.join("; ")
        }
    }
}

/// Returns the text of each step, by id.
fn steps(text: &str) -> Option<BTreeMap<String, String>> {
    let source = Source::from_bytes("playbook", text.as_bytes().to_vec()).ok()?;
    let (playbook, _) = decode::parse(&source);
    let playbook = playbook?;
    let steps = playbook.steps.iter().chain(&playbook.finally);
    let text = |step: &Step| source.text[own_span(&playbook, step)].trim_end().to_owned();
    Some(steps.map(|step| (playbook.path(step), text(step))).collect())
}

/// Returns where a step stands; of a group what stands above its members.
fn own_span(playbook: &Playbook, step: &Step) -> Range<usize> {
    let is_member = |member: &&Step| playbook.around(member).any(|group| group.span == step.span);
    let first = playbook.steps.iter().find(is_member);
    let Range { start, end } = step.span.range();
    start..first.map_or(end, |member| member.span.range().start)
}

/// Returns the keys that are in both with another value, in the second only, in the first only.
fn compared(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> [Vec<String>; 3] {
    let missing = |from: &BTreeMap<String, String>, of: &BTreeMap<String, String>| -> Vec<String> {
        of.keys().filter(|key| !from.contains_key(*key)).cloned().collect()
    };
    let changed = now.iter().filter(|(key, value)| then.get(*key).is_some_and(|then| then != *value));
    [changed.map(|(key, _)| key.clone()).collect(), missing(then, now), missing(now, then)]
}
