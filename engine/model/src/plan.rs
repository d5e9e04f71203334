//! The plan: a playbook resolved with inputs. Immutable, ordered, without secrets; the execution is left no meaningful
//! choice. What cannot be known before a step has run is [`Text::Deferred`] and says what it waits for.

mod command;
mod conduct;
mod expand;
mod group;
mod lock;
mod milestone;
mod names;
mod order;
mod people;
mod secret;
mod step;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::value::Value;

pub use command::{After, Backoff, Command, Condition, Jitter, Poll, Program, Retry, Starter, Text};
pub use conduct::{Conduct, InDoubt, OnCancel, OnEngineDeath};
pub use expand::{Item, examples};
pub use group::{Each, Group, Items, Late, Tolerance, Used, item_key};
pub use milestone::{MAX_MILESTONES, Milestone, Signal, signal_name};
pub(crate) use names::named_in;
pub use names::{instance_id, instance_key, own_name, path};
pub(crate) use order::{add_holds, sinks};
pub use order::{block_of, hold, is_inside, topological};
pub use secret::{SecretPlace, SecretSource, SecretUse, secret_key};
pub use step::{Deed, Guard, Hook, Look, OnUnmet, Probe, Release, Rollback, Step, StepEffect};

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
    /// Every secret input with where its value comes from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// What the playbook reads of the outputs of the last run that succeeded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last: BTreeMap<String, Value>,
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
    /// Where it lies if not there: in the `bin/` of a used playbook, relative to the playbook's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl FileDigest {
    /// Returns where it lies, relative to the playbook's folder.
    pub fn place(&self) -> &str {
        self.from.as_deref().unwrap_or(&self.path)
    }
}

/// What a failure that is final does to what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Cleanups, rollbacks and releases, in reverse order of completion.
    Rollback,
    /// Cleanups and releases only: what is done stays done.
    Stop,
    /// A human decides; until then everything that was taken is kept.
    Ask,
    /// The step or group is taken back by itself and has failed; the rest goes on. Never of a whole playbook.
    Continue,
}

impl OnFailure {
    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            OnFailure::Rollback => "rollback",
            OnFailure::Stop => "stop",
            OnFailure::Ask => "ask",
            OnFailure::Continue => "continue",
        }
    }
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

    /// Returns a milestone as the playbook names it: `backup.copying`.
    pub fn signal_name(&self, signal: Signal) -> String {
        signal_name(&self.steps, signal)
    }

    /// Returns whether a step publishes secrets.
    pub fn publishes_secrets(&self) -> bool {
        self.steps.iter().any(|step| step.secrets().next().is_some())
    }

    /// Returns the index of a step by its id.
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
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
