//! The plan: a playbook resolved with inputs. Immutable, ordered, without secrets; the execution is left no meaningful
//! choice. What cannot be known before a step has run is [`Text::Deferred`] and says what it waits for.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::expression::Expression;
use crate::judge::{Expect, OutputRule};
use crate::template::Template;
use crate::value::Value;

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
    /// SHA-256 of the playbook's text, in hex.
    pub text_sha256: String,
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

/// A text of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// Exactly this.
    Known(String),
    /// Known once what it names has happened.
    Deferred {
        /// The text with every part that is known already filled in.
        template: Template,
        /// What must have happened first.
        after: Vec<After>,
    },
}

/// What a deferred text waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The start of the run: its id, its folder.
    Start,
    /// A step, by its id.
    Step(String),
    /// The end of the run: its verdict.
    Rest,
}

/// A condition of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Decided by inputs and vars alone.
    Known(bool),
    /// Decided when what it names has happened.
    Deferred {
        /// The expression as written.
        expression: Expression,
        /// What must have happened first.
        after: Vec<After>,
    },
}

/// Something that is executed: an attempt, a probe, a hook, a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What is started.
    pub program: Program,
    /// Environment beyond the engine's own, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Text>,
    /// Working directory; the playbook's folder if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<Text>,
    /// Text on standard input; closed if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Text>,
    /// Time limit of one try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Duration>,
    /// What its end must look like.
    pub expect: Expect,
    /// What is read out of what it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputRule>,
}

/// What a command starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A program and its arguments. A deferred element that yields a list is spliced.
    Argv(Vec<Text>),
    /// A script for a shell.
    Script {
        /// The shell with its options; the script becomes its last argument.
        shell: Vec<String>,
        /// The script.
        script: Text,
    },
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
    /// Indices of the steps it needs, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
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

/// What is said about a step's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "three independent keys of the language")]
pub struct StepEffect {
    /// Changes nothing.
    pub read_only: bool,
    /// May be repeated without harm.
    pub idempotent: bool,
    /// The point of no return.
    pub irreversible: bool,
}

/// How often and how soon something is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries in all, the first included.
    pub max_attempts: NonZeroU32,
    /// Wait before the second try.
    pub delay: Duration,
    /// How the wait grows.
    pub backoff: Backoff,
    /// The wait never exceeds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Duration>,
    /// How the wait is spread.
    pub jitter: Jitter,
    /// Tried again only if this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
}

/// How the wait between tries grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Always the same.
    Constant,
    /// Multiplied by `percent`/100 each time.
    Exponential {
        /// The factor in hundredths.
        percent: u32,
    },
}

/// How the wait between tries is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Exactly the computed wait.
    None,
    /// Between nothing and the computed wait.
    Full,
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
    Hook(Hook),
}

/// What gives back what a step took, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The hook.
    pub hook: Hook,
    /// Due when all of these steps have settled; when every step has, if empty. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<usize>,
    /// The steps that run inside the hold, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<usize>,
}

impl Plan {
    /// Returns the SHA-256 of everything that decides what will be executed, in hex.
    ///
    /// Covers the playbook's text, inputs, every resolved text, the files of `bin/` and the format's version. Where the
    /// inputs came from and the engine's version do not count.
    pub fn digest(&self) -> String {
        let bare = Plan {
            origins: BTreeMap::new(),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&bare).expect("a plan holds no map with keys that are not strings");
        hex(&Sha256::digest(bytes))
    }

    /// Returns the index of a step by its id.
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }
}

impl Command {
    /// Iterates over every text of the command.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let (arguments, script) = match &self.program {
            Program::Argv(arguments) => (arguments.as_slice(), None),
            Program::Script { script, .. } => (&[][..], Some(script)),
        };
        arguments
            .iter()
            .chain(script)
            .chain(self.env.values())
            .chain(&self.dir)
            .chain(&self.stdin)
    }

    /// Returns whether every text of the command is known.
    pub fn is_known(&self) -> bool {
        self.texts().all(|text| matches!(text, Text::Known(_)))
    }
}

impl Step {
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
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String succeeds");
            text
        })
}

/// Returns the steps inside the hold of a step's release, ascending: what depends on the step and comes no later than
/// `until`; everything that depends on it, if `until` is empty.
pub fn hold(steps: &[Step], owner: usize, until: &[usize]) -> Vec<usize> {
    let mut inside = vec![false; steps.len()];
    inside[owner] = true;
    for at in topological(steps) {
        inside[at] = inside[at] || steps[at].needs.iter().any(|&need| inside[need]);
    }
    inside[owner] = false;
    let mut is_before = vec![until.is_empty(); steps.len()];
    let mut queue = until.to_vec();
    while let Some(at) = queue.pop() {
        if !is_before[at] {
            is_before[at] = true;
            queue.extend(&steps[at].needs);
        }
    }
    (0..steps.len()).filter(|&at| inside[at] && is_before[at]).collect()
}

/// Returns the steps in an order in which every step comes after those it needs.
pub fn topological(steps: &[Step]) -> Vec<usize> {
    let mut left: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.needs.iter().for_each(|&need| dependents[need].push(at));
    }
    let mut order: Vec<usize> = (0..steps.len()).filter(|&at| left[at] == 0).collect();
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        for &dependent in &dependents[at] {
            left[dependent] -= 1;
            if left[dependent] == 0 {
                order.push(dependent);
            }
        }
    }
    order
}
