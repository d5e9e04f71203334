//! What people decide when a run has stopped because it needs them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::source::Spanned;
use crate::value::Value;

/// What people say, once, about a run at rest, or about a step that has failed or is in doubt: then it is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What they say.
    pub says: DecisionWord,
    /// The outputs of a step that is done; each placed at its name.
    pub outputs: BTreeMap<String, Spanned<Value>>,
    /// How long they take, from the moment at which the run came to rest.
    pub after: Duration,
    /// Who says so.
    pub by: Option<String>,
}

/// What people say about a run at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionWord {
    /// What the failure of a step means (`on_failure: ask`).
    Decide {
        /// The step, by its path.
        step: Spanned<String>,
        /// What they decide.
        meaning: Meaning,
    },
    /// Whether something was done: the step that is in doubt, or what it owes.
    Settle {
        /// The step, by its path.
        step: Spanned<String>,
        /// What the step owes; the step itself if none.
        hook: Option<Spanned<OwedHook>>,
        /// Whether it was done.
        is_done: bool,
    },
    /// That everything that the run did is undone.
    RollBack,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The step is tried again.
    Retry,
    /// Somebody has done what it was to do.
    Done,
    /// Everything is undone.
    Rollback,
    /// Everything stays as it is.
    Stop,
}

/// A hook that a step can owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwedHook {
    /// Its cleanup.
    Cleanup,
    /// Its rollback.
    Rollback,
    /// Its release.
    Release,
}

impl OwedHook {
    /// All of them.
    pub const ALL: [OwedHook; 3] = [OwedHook::Cleanup, OwedHook::Rollback, OwedHook::Release];

    /// Returns the key of the hook.
    pub fn word(self) -> &'static str {
        match self {
            OwedHook::Cleanup => "cleanup",
            OwedHook::Rollback => "rollback",
            OwedHook::Release => "release",
        }
    }
}

impl Meaning {
    /// All of them.
    pub const ALL: [Meaning; 4] = [Meaning::Retry, Meaning::Done, Meaning::Rollback, Meaning::Stop];

    /// Returns how it is written.
    pub fn word(self) -> &'static str {
        match self {
            Meaning::Retry => "retry",
            Meaning::Done => "done",
            Meaning::Rollback => "rollback",
            Meaning::Stop => "stop",
        }
    }
}

impl Decision {
    /// Returns it in one line, as it is written.
    pub fn line(&self) -> String {
        match &self.says {
            DecisionWord::Decide { step, meaning } => format!("step: {}, decide: {}", step.value, meaning.word()),
            DecisionWord::Settle { step, hook, is_done } => {
                let hook = hook.map_or_else(String::new, |hook| format!("hook: {}, ", hook.value.word()));
                format!("step: {}, {hook}settle: {}", step.value, if *is_done { "done" } else { "not_done" })
            }
            DecisionWord::RollBack => "rollback: run".to_owned(),
        }
    }
}
