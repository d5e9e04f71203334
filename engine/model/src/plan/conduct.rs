//! How attempts of a step are treated when something comes between.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How attempts of a step are treated when something comes between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conduct {
    /// What a cancel does to a running attempt.
    #[serde(default)]
    pub on_cancel: OnCancel,
    /// What becomes of an attempt in doubt that nothing makes harmless.
    #[serde(default)]
    pub in_doubt: InDoubt,
    /// What becomes of a running attempt whose engine is gone.
    #[serde(default)]
    pub on_engine_death: OnEngineDeath,
    /// How long an attempt that is to end has from TERM to KILL.
    #[serde(default = "usual_grace")]
    pub stop_grace: Duration,
}

/// What a cancel does to a running attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCancel {
    /// It is ended.
    #[default]
    Stop,
    /// It is waited for.
    Finish,
}

/// What becomes of an attempt of which nobody knows whether it had its effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InDoubt {
    /// A human must say.
    #[default]
    Ask,
    /// It has failed, and may be repeated.
    Rerun,
    /// It has failed.
    Fail,
}

/// What becomes of a running attempt whose engine is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEngineDeath {
    /// It goes on, and the next engine adopts it.
    #[default]
    Adopt,
    /// It is ended, and in doubt.
    Kill,
}

impl Conduct {
    /// Returns whether it is what a playbook that says nothing gets.
    pub fn is_usual(&self) -> bool {
        *self == Conduct::default()
    }
}

impl OnCancel {
    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            OnCancel::Stop => "stop",
            OnCancel::Finish => "finish",
        }
    }
}

impl InDoubt {
    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            InDoubt::Ask => "ask",
            InDoubt::Rerun => "rerun",
            InDoubt::Fail => "fail",
        }
    }
}

impl OnEngineDeath {
    /// Returns the word of the playbook language.
    pub fn word(self) -> &'static str {
        match self {
            OnEngineDeath::Adopt => "adopt",
            OnEngineDeath::Kill => "kill",
        }
    }
}

impl Default for Conduct {
    fn default() -> Conduct {
        Conduct {
            on_cancel: OnCancel::default(),
            in_doubt: InDoubt::default(),
            on_engine_death: OnEngineDeath::default(),
            stop_grace: usual_grace(),
        }
    }
}

const fn usual_grace() -> Duration {
    Duration::from_secs(10)
}
