//! The director's tasks and locks.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::world::Part;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskState {
    Processing,
    Done,
    Cancelled,
}

impl TaskState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            TaskState::Processing => "processing",
            TaskState::Done => "done",
            TaskState::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    pub(crate) id: u32,
    pub(crate) state: TaskState,
    pub(crate) user: String,
    pub(crate) deployment: String,
    pub(crate) description: String,
    pub(crate) result: String,
    pub(crate) started_at: String,
    pub(crate) finished_at: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) task_id: String,
    pub(crate) expires_at: String,
}

/// What the director works on, and what it worked on before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskBoard {
    next_id: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) locks: Vec<Lock>,
}

impl Part for TaskBoard {
    const FILE: &'static str = "tasks.json";
}

impl Default for TaskBoard {
    fn default() -> TaskBoard {
        TaskBoard { next_id: 101, tasks: Vec::new(), locks: Vec::new() }
    }
}

impl TaskBoard {
    /// Adds a task that began at a moment and returns its id.
    pub(crate) fn begin(&mut self, user: &str, deployment: &str, description: &str, at: Moment) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.tasks.push(Task {
            id,
            state: TaskState::Processing,
            user: user.into(),
            deployment: deployment.into(),
            description: description.into(),
            result: String::new(),
            started_at: at.unix_date(),
            finished_at: None,
        });
        id
    }

    pub(crate) fn finish(&mut self, id: u32, state: TaskState, at: Moment) {
        for task in self.tasks.iter_mut().filter(|task| task.id == id) {
            task.state = state;
            task.finished_at = Some(at.unix_date());
        }
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.state == TaskState::Processing)
    }

    /// Locks a deployment for fifteen minutes from a moment on, on behalf of a task.
    pub(crate) fn lock(&mut self, deployment: &str, task_id: &str, at: Moment) {
        self.locks.push(Lock {
            kind: "deployment".into(),
            resource: deployment.into(),
            task_id: task_id.into(),
            expires_at: at.later(900).unix_date(),
        });
    }
}
