//! The facts of a run. Only what cannot be derived is a fact: what is due follows from the state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Item;
use firedrill_model::value::Value;
use serde::{Deserialize, Serialize};

use crate::command::{CommandId, StepId};

/// A fact of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Event {
    /// The run exists.
    RunStarted {
        /// The run's id.
        run: String,
        /// The digest of its plan.
        plan: String,
        /// Who started it, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The steps that whoever started it left out, with why: they count as skipped.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        skips: BTreeMap<StepId, String>,
    },
    /// An engine has taken the run; every command in flight becomes unsure.
    EngineStarted {
        /// The boot of the machine, so that a reboot is seen.
        boot: String,
        /// The engine's version.
        engine: String,
    },
    /// A question of the playbook was answered.
    Decided {
        /// The question.
        question: Question,
        /// Its answer, or why there is none.
        answer: Answer,
    },
    /// The deferred texts of a command became known.
    Rendered {
        /// The command.
        command: CommandId,
        /// Its texts, or why they cannot be had.
        outcome: Rendering,
    },
    /// A command is about to be started: the intent.
    Started {
        /// The command.
        command: CommandId,
    },
    /// An unsure command turned out never to have been started.
    NotStarted {
        /// The command.
        command: CommandId,
    },
    /// An unsure command turned out to be still running.
    Adopted {
        /// The command.
        command: CommandId,
        /// How long it had been running by then, in milliseconds.
        #[serde(default, skip_serializing_if = "is_zero")]
        ms: u64,
    },
    /// A running attempt has reached a milestone of its step, for the first time.
    Reached {
        /// The attempt.
        command: CommandId,
        /// The milestone's name.
        milestone: String,
    },
    /// A command has ended.
    Ended {
        /// The command.
        command: CommandId,
        /// How.
        exit: Exit,
        /// How long it ran, in milliseconds.
        ms: u64,
    },
    /// What an ended command printed was held against what was expected.
    Judged {
        /// The command.
        command: CommandId,
        /// The judgement with the outputs found.
        judgement: Judgement,
    },
    /// The wait between two tries, or the time of a poll, is over.
    Elapsed {
        /// What waited.
        wait: Wait,
    },
    /// Somebody answered what people were asked.
    Answered {
        /// The command that asked.
        command: CommandId,
        /// The answer.
        response: Response,
        /// The values that were asked for.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
        /// Who answered.
        by: String,
        /// What they remarked.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
        /// SHA-256 of what whoever decided was shown, in hex. Decisions about something else do not add up.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        shown: String,
    },
    /// The secrets that a step published, and that are needed, died with the engine that had them.
    SecretsLost {
        /// The step, which is executed again.
        step: StepId,
    },
    /// Somebody asked for the run to stop.
    CancelRequested,
    /// Somebody asked for everything that the run did to be undone.
    RollbackRequested {
        /// Who asked.
        by: String,
        /// Why.
        note: String,
    },
    /// Somebody said what the failure of a step means.
    Ruled {
        /// The step.
        step: StepId,
        /// What it means.
        ruling: Ruling,
        /// Outputs of the step, as said.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
        /// Who said it.
        by: String,
        /// Why.
        note: String,
    },
    /// Somebody said what became of a doubt or an obligation.
    Settled {
        /// The step.
        step: StepId,
        /// Its obligation; the attempt in doubt if none.
        debt: Option<DebtKind>,
        /// Whether it is done.
        done: Done,
        /// Outputs of the step, as said.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
        /// Who said it.
        by: String,
        /// Why.
        note: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// It exceeded its time limit and was ended.
    TimedOut,
    /// It was ended because the run was cancelled.
    Cancelled,
    /// Nobody knows: its supervisor is gone.
    Lost,
    /// It could not be started.
    NotSpawned(String),
}

/// A question whose answer needs an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Does the step run?
    When(StepId),
    /// Does the ended attempt need its cleanup?
    CleanupWhen(StepId),
    /// Is the failed attempt worth another?
    RetryWhen(StepId),
    /// Is the release needed?
    ReleaseWhen(StepId),
    /// Does the command of the very end run?
    FinalWhen(String),
    /// For which items is the step repeated?
    Items(StepId),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// These items, with different keys.
    Items(Vec<Item>),
    /// The expression has no value.
    Error(String),
}

/// What people answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    Done,
    /// It could not be done.
    Failed,
    /// The run may go on.
    Approved,
    /// It may not.
    Declined,
}

/// The texts of a command, or why they cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rendering {
    /// What will be started.
    Text(Rendered),
    /// An expression has no value.
    Error(String),
}

/// A command with all its texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rendered {
    /// The program and its arguments; of a question, what people are told.
    pub argv: Vec<String>,
    /// Environment beyond the engine's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Working directory; the playbook's folder if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Text on standard input; closed if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
}

/// What waits for time to pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A step, before its next attempt.
    Attempt(StepId),
    /// A hook, before its next try.
    Hook(StepId, DebtKind),
    /// A poll, before the look of this name.
    Look(CommandId),
    /// A step, for its end at the latest.
    Deadline(StepId),
    /// A poll, for its last answer at the latest; it bears the name of try 1.
    Within(CommandId),
    /// A question, for its answer at the latest.
    Answer(CommandId),
}

/// The three obligations of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DebtKind {
    /// Makes a failed attempt harmless.
    Cleanup,
    /// Undoes the effect.
    Rollback,
    /// Gives back what was taken.
    Release,
}

/// What somebody says of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The step is attempted again.
    Retry,
    /// What the step is for was done by other means.
    Done,
    /// What was done is undone.
    Rollback,
    /// What is done stays; what was taken is given back.
    Stop,
}

impl Ruling {
    /// Returns the word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Ruling::Retry => "retry",
            Ruling::Done => "done",
            Ruling::Rollback => "rollback",
            Ruling::Stop => "stop",
        }
    }
}

/// What somebody says of a doubt or an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It is done.
    Done,
    /// It is not.
    NotDone,
}

impl Response {
    /// Returns the answer in the words of the glossary.
    pub fn words(self) -> &'static str {
        match self {
            Response::Done => "done",
            Response::Failed => "failed",
            Response::Approved => "approved",
            Response::Declined => "declined",
        }
    }
}

impl DebtKind {
    /// The three kinds in the order in which they are discharged.
    pub const ALL: [DebtKind; 3] = [DebtKind::Cleanup, DebtKind::Rollback, DebtKind::Release];

    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            DebtKind::Cleanup => "cleanup",
            DebtKind::Rollback => "rollback",
            DebtKind::Release => "release",
        }
    }
}
