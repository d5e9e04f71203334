//! What a plan says of one command: its texts, its surroundings, how often it is tried.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SecretUse;
use crate::expression::Expression;
use crate::judge::{Expect, OutputRule};
use crate::template::Template;

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
    /// A guard, by its id.
    Guard(String),
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
    /// The secrets that reach it, ordered by how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretUse>,
    /// Time limit of one try; of a question, of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Duration>,
    /// How it is looked at again until it ends as expected; one look if none. Only what changes nothing has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// What its end must look like.
    pub expect: Expect,
    /// What is read out of what it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputRule>,
}

/// How often and how long something is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The wait between two looks, above zero.
    pub every: Duration,
    /// From the beginning of the poll, `after` included; no new look begins later. Longer than `after`.
    pub within: Duration,
    /// The wait before the first look.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub after: Duration,
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
    /// A human does it and says whether it is done. What he is asked for are the outputs of the command.
    Manual {
        /// What to do.
        instructions: Text,
        /// What is asked when it should be done; a plain question if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirm: Option<Text>,
    },
    /// People decide whether the run goes on. It changes nothing.
    Approve {
        /// What they decide.
        prompt: Text,
        /// Who may decide; anybody if empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<String>,
        /// How many must approve, each once.
        min: NonZeroU32,
        /// Whether whoever started the run may decide.
        starter: Starter,
    },
}

/// Whether whoever started a run may decide in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Starter {
    /// Like anybody.
    Allowed,
    /// No: somebody else must.
    Excluded,
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

impl Program {
    /// Iterates over every text of the program: its arguments, its script, or what people are told.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let (arguments, text, more) = match self {
            Program::Argv(arguments) => (arguments.as_slice(), None, None),
            Program::Script { script, .. } => (&[][..], Some(script), None),
            Program::Manual { instructions, confirm } => (&[][..], Some(instructions), confirm.as_ref()),
            Program::Approve { prompt, .. } => (&[][..], Some(prompt), None),
        };
        arguments.iter().chain(text).chain(more)
    }

    /// Returns whether people are asked instead of anything being started.
    pub fn asks_people(&self) -> bool {
        matches!(self, Program::Manual { .. } | Program::Approve { .. })
    }
}

impl Command {
    /// Iterates over every text of the command.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.program.texts().chain(self.env.values()).chain(&self.dir).chain(&self.stdin)
    }

    /// Returns whether every text of the command is known.
    pub fn is_known(&self) -> bool {
        self.texts().all(|text| matches!(text, Text::Known(_)))
    }
}
