//! The plan: a playbook resolved with inputs. Immutable, ordered, without secrets; the execution is left no meaningful
//! choice. What cannot be known before a step has run is [`Text::Deferred`] and says what it waits for.

mod command;
mod order;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::value::Value;

pub use command::{After, Backoff, Command, Condition, Jitter, Poll, Program, Retry, Text};
pub use order::{hold, topological};

/// The version of the stored form of a plan.
pub const FORMAT: u32 = 1;

/// A playbook resolved with inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Plan {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The playbook's name.
    pub playbook: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Markdown for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Times that a run must not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// SHA-256 of the playbook's text, in hex.
    pub text_sha256: String,
    /// The target, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Every input with its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
    /// Where each input's value came from. Not part of the digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, Origin>,
    /// Every variable with its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, Value>,
    /// The files of `bin/`, sorted by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileDigest>,
    /// The names of the locks that a run holds until it owes nothing, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    /// What happens when a step has failed for good.
    pub on_failure: OnFailure,
    /// How many commands run at once at the most.
    pub max_parallel: NonZeroU32,
    /// Asked before the first step, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// The steps in the playbook's order. Indices into this list are how steps refer to one another.
    pub steps: Vec<Step>,
    /// Probes that must hold whenever the run has come to rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<Invariant>,
    /// Commands at the very end, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Final>,
    /// What the run publishes when it has succeeded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Text>,
}

/// Times that must not be exceeded, none of them zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Recovery time: from the start of a run to its rest, without the time that people took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Duration>,
    /// Recovery point: the age of the newest verified artifact when a run has come to rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Duration>,
}

/// Where the value of an input came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The playbook's default.
    Default,
    /// A file of inputs, by the name it was given.
    File(String),
    /// `--input` on the command line.
    Flag,
    /// The sandbox's description beside the playbook.
    Sandbox,
    /// A target, by its name.
    Target(String),
}

/// The foundation for which a plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// SHA-256 of the text of its file, in hex.
    pub text_sha256: String,
    /// Whether a run must be confirmed, and nothing may differ from what was committed.
    pub is_protected: bool,
    /// What it adds to the environment of every command; it is in the commands already.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// A file that is part of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Path below the playbook's folder.
    pub path: String,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
}

/// What a failure does to the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Cleanups, rollbacks and releases, in reverse order of completion.
    Rollback,
    /// Cleanups and releases only: what is done stays done.
    Stop,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The step's id.
    pub id: String,
    /// Line of the playbook on which the step begins, from 1.
    pub line: u32,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why the step is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to be careful about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    /// The part of the work to which it belongs, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How long one attempt usually takes, above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<Duration>,
    /// Indices of the steps it needs, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// Milestones that must have been reached before, ascending; of steps that it does not need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Signal>,
    /// What its attempts tell while they run, at most [`MAX_MILESTONES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<Milestone>,
    /// Runs only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Asked one after the other just before the first attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// The attempt itself.
    pub command: Command,
    /// How often it is tried.
    pub retry: Retry,
    /// What its changes are like.
    pub effect: StepEffect,
    /// Read-only commands whose output is an output of the step, run in order after a successful attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// Asked after a successful attempt and to settle a doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Probe>,
    /// Makes a failed attempt harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Hook>,
    /// Undoes the effect.
    pub rollback: Rollback,
    /// Gives back what was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

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

/// What is said about a step's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEffect {
    /// Changes nothing.
    pub read_only: bool,
    /// May be repeated without harm.
    pub idempotent: bool,
    /// The point of no return.
    pub irreversible: bool,
}

/// A probe: a read-only look with three answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The look.
    pub command: Command,
}

/// A condition that must hold before doing anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// The guard's id.
    pub id: String,
    /// Line of the playbook, from 1.
    pub line: u32,
    /// How it is asked.
    pub probe: Probe,
    /// What the operator is told when it is unmet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happens when it is unmet.
    pub on_unmet: OnUnmet,
}

/// What an unmet guard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmet {
    /// The step fails before it did anything; the run is refused.
    Abort,
    /// The step, or the run, is skipped.
    Skip,
}

/// A probe that must hold when the run has come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invariant {
    /// The invariant's id.
    pub id: String,
    /// Line of the playbook, from 1.
    pub line: u32,
    /// How it is asked.
    pub probe: Probe,
    /// What the operator is told when it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A read-only command whose output is an output of its step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The output's name.
    pub name: String,
    /// The command; its one output rule bears the same name.
    pub command: Command,
}

/// A command of the very end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Final {
    /// Its id.
    pub id: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Runs only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The command.
    pub command: Command,
}

/// A command that is owed: cleanup, rollback or release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The command.
    pub command: Command,
    /// Needed only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// How often it is tried before its obligation stays open.
    pub retry: Retry,
}

/// What undoes a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// The playbook does not say.
    Unsaid,
    /// There is nothing to undo, said on purpose.
    Nothing,
    /// This hook.
    Hook(Box<Hook>),
}

/// What gives back what a step took, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The hook.
    pub hook: Hook,
    /// Due when all of these steps have settled. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<usize>,
    /// And when these milestones have been reached. Ascending. If there is neither, due when every step has settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until_reached: Vec<Signal>,
    /// The steps that run inside the hold, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<usize>,
}

impl Plan {
    /// Returns the SHA-256 of everything that decides what will be executed, in hex.
    ///
    /// Covers the playbook's text, the target, inputs, every resolved text, the files of `bin/` and the format's version. Where the
    /// inputs came from and the engine's version do not count.
    pub fn digest(&self) -> String {
        let bare = Plan { origins: BTreeMap::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&bare).expect("a plan holds no map with keys that are not strings");
        hex(&Sha256::digest(bytes))
    }

    /// Returns the index of a step by its id.
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }
}

impl Release {
    /// Returns whether it is due only when every step has settled.
    pub fn is_open_ended(&self) -> bool {
        self.until.is_empty() && self.until_reached.is_empty()
    }
}

impl Step {
    /// Iterates over the steps that begin before this one: those it needs, and those whose milestones it waits for.
    pub fn begun_before(&self) -> impl Iterator<Item = usize> {
        let mut last = None;
        let signals =
            self.after.iter().map(|signal| signal.step).filter(move |step| last.replace(*step) != Some(*step));
        self.needs.iter().copied().chain(signals)
    }

    /// Returns the rollback's hook, if there is one.
    pub fn rollback_hook(&self) -> Option<&Hook> {
        match &self.rollback {
            Rollback::Hook(hook) => Some(hook),
            Rollback::Unsaid | Rollback::Nothing => None,
        }
    }
}

/// Returns bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String succeeds");
        text
    })
}
