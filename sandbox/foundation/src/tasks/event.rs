//! What a task tells of its progress.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Moment;

use super::Step;

/// A line of a task's event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// In seconds since 1970.
    pub(crate) time: i64,
    pub(crate) stage: String,
    pub(crate) task: String,
    pub(crate) state: EventState,
}

/// How far the stage of an event has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventState {
    Started,
    Finished,
    Failed(String),
    /// The whole task has failed.
    Error(String),
}

impl Event {
    /// Returns what is told of a step; nothing of one without a name.
    pub(super) fn of(step: &Step, state: EventState, at: Moment) -> Option<Event> {
        let event = || Event { time: at.seconds(), stage: step.stage.clone(), task: step.name.clone(), state };
        (!step.stage.is_empty()).then(event)
    }

    pub(super) fn error(message: &str, at: Moment) -> Event {
        let state = EventState::Error(message.to_owned());
        Event { time: at.seconds(), stage: String::new(), task: String::new(), state }
    }

    /// Returns whether both tell of the same step.
    pub(crate) fn is_same(&self, other: &Event) -> bool {
        !self.stage.is_empty() && (&self.stage, &self.task) == (&other.stage, &other.task)
    }

    /// Returns the event as the director's log has it.
    pub(crate) fn line(&self) -> String {
        let Event { time, stage, task, state } = self;
        let of = |state: &str, progress: u32| {
            json!({
                "time": time, "stage": stage, "tags": [], "total": 1, "task": task, "index": 1, "state": state,
                "progress": progress,
            })
        };
        let line = match state {
            EventState::Started => of("started", 0),
            EventState::Finished => of("finished", 100),
            EventState::Failed(error) => {
                let mut line = of("failed", 100);
                line["data"] = json!({ "error": error });
                line
            }
            EventState::Error(message) => json!({ "time": time, "error": { "code": 100, "message": message } }),
        };
        line.to_string()
    }
}
