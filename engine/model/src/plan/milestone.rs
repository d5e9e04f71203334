//! Signals from inside running steps.

use serde::{Deserialize, Serialize};

use super::Step;

/// The most milestones that a step may have.
pub const MAX_MILESTONES: usize = 32;

/// A signal from inside a running step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    /// Its name.
    pub name: String,
    /// It is reached as soon as this regex matches a line of what an attempt prints.
    pub pattern: String,
}

/// A milestone of a step, as others name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The index of the step.
    pub step: usize,
    /// The index of the milestone among those of the step.
    pub milestone: usize,
}

/// Returns a milestone of one of these steps as the playbook names it: `backup.copying`.
pub fn signal_name(steps: &[Step], signal: Signal) -> String {
    let step = &steps[signal.step];
    format!("{}.{}", step.id, step.milestones[signal.milestone].name)
}
