//! Secrets of a plan: where each comes from and where it goes. Never what it is.

use serde::{Deserialize, Serialize};

/// Where the value of a secret comes from, each time an engine takes the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A variable of the environment in which the engine was called.
    Env(String),
    /// A file, absolute or below the playbook's folder; its last newline is no part of the value.
    File(String),
    /// What a program prints on standard output, without the last newline.
    Command(Vec<String>),
    /// Made up: nothing is real in a sandbox.
    MadeUp,
}

/// A secret of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretUse {
    /// Its name: of an input, or of an output of the step.
    pub secret: String,
    /// The step that publishes it, as it is named where it is used; none of an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How it reaches the command.
    pub into: SecretPlace,
}

impl SecretUse {
    /// Returns the secret as a playbook names it, without its root for an input.
    pub fn name(&self) -> String {
        match &self.step {
            Some(step) => format!("steps.{step}.outputs.{}", self.secret),
            None => self.secret.clone(),
        }
    }
}

/// How a secret reaches a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// The value of this environment variable.
    Env(String),
    /// This environment variable holds the path of a file in memory with the value.
    EnvFile(String),
    /// Its standard input.
    Stdin,
}

impl SecretPlace {
    /// Returns the name of the environment variable, if it is one.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Env(name) | Self::EnvFile(name) => Some(name),
            Self::Stdin => None,
        }
    }
}
