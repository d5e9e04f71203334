//! What is due. Effects are derived from the state and never stored.

use std::time::Duration;

use crate::command::{CommandId, StepId};
use crate::event::{Question, Wait};

/// What a driver must do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub enum Effect {
    /// Answer a question of the playbook and record the answer.
    Decide(Question),
    /// Work out the deferred texts of a command and record them.
    Render(CommandId),
    /// Record the intent, make it durable, then start the command.
    Start(CommandId),
    /// Hold what an ended command printed against what was expected, and record the judgement.
    Judge(CommandId),
    /// Find out what became of a command of an earlier engine, and record it.
    Settle(CommandId),
    /// Take the locks of a step, all of them or none, and record that. Asked for until they have been taken: others may have
    /// one of them.
    Lock(StepId),
    /// End a running command. Level-triggered: asked for until the command has ended.
    Terminate(CommandId),
}

/// A wait of the run: when it is over the driver records [`crate::event::Event::Elapsed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What waits.
    pub wait: Wait,
    /// How long, from the moment at which the pause first appeared.
    pub length: Duration,
}
