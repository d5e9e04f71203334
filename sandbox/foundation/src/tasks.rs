//! The director's tasks and locks.
//!
//! A task that changes something is ordered as a whole: its steps, and how long each takes. The director goes on with it
//! whether or not its client lives, which here means that whoever looks next carries out what has become due.

mod event;
mod progress;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::foundation::Deed;
use crate::world::Part;

pub(crate) use event::{Event, EventState};
pub(crate) use progress::{advance, advance_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskState {
    Queued,
    Processing,
    Cancelling,
    Done,
    Cancelled,
    Error,
}

impl TaskState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            TaskState::Queued => "queued",
            TaskState::Processing => "processing",
            TaskState::Cancelling => "cancelling",
            TaskState::Done => "done",
            TaskState::Cancelled => "cancelled",
            TaskState::Error => "error",
        }
    }

    /// Returns whether the director has not finished with it.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, TaskState::Queued | TaskState::Processing | TaskState::Cancelling)
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
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    /// What it yields beside its effects, one JSON document per line.
    #[serde(default)]
    pub(crate) output: Vec<String>,
    /// What went wrong so far in steps that did not end it.
    #[serde(default)]
    errors: Vec<String>,
    /// What is left to be done; the first step is being worked on.
    #[serde(default)]
    steps: Vec<Step>,
    /// When its step ends or, while it is queued, its patience; in milliseconds since 1970.
    #[serde(default)]
    due_ms: Option<i64>,
}

/// A part of a task that takes time, with its effect at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The stage of the events that tell of it.
    pub(crate) stage: String,
    /// What the events call it.
    pub(crate) name: String,
    takes: Takes,
    pub(crate) deed: Deed,
    #[serde(default)]
    failing: Failing,
}

/// What becomes of a task when one of its steps fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failing {
    /// It ends there.
    #[default]
    Ends,
    /// It fails at its end.
    GoesOn,
}

/// How long something takes, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Takes(u64);

impl Step {
    pub(crate) fn new(stage: &str, name: impl Into<String>, takes: Duration, deed: Deed) -> Step {
        let takes = Takes(u64::try_from(takes.as_millis()).unwrap_or(u64::MAX));
        Step { stage: stage.into(), name: name.into(), takes, deed, failing: Failing::Ends }
    }

    /// Returns the same step, whose failure does not keep the task from the others.
    #[must_use]
    pub(crate) fn going_on(self) -> Step {
        Step { failing: Failing::GoesOn, ..self }
    }
}

/// What the director is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) user: String,
    pub(crate) deployment: String,
    pub(crate) description: String,
    /// What the task's result is if it succeeds.
    pub(crate) result: String,
    pub(crate) claim: Claim,
    pub(crate) steps: Vec<Step>,
}

/// Whether a task needs its deployment for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    None,
    /// It waits so long for the lock.
    Deployment(Duration),
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
    /// Adds a task without steps that began at a moment and returns its id.
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
            events: Vec::new(),
            output: Vec::new(),
            errors: Vec::new(),
            steps: Vec::new(),
            due_ms: None,
        });
        id
    }

    /// Adds a task that the director begins now, or when the lock of its deployment is free.
    pub(crate) fn order(&mut self, order: Order, at: Moment) -> u32 {
        let id = self.begin(&order.user, &order.deployment, &order.description, at);
        let is_locked = self.lock_of(&order.deployment).is_some();
        let task = self.tasks.last_mut().expect("it has just been added");
        task.result = order.result;
        task.steps = order.steps;
        match order.claim {
            Claim::None => task.start(at),
            Claim::Deployment(patience) if is_locked => {
                task.state = TaskState::Queued;
                task.due_ms = Some(at.after(patience).millis());
            }
            Claim::Deployment(_) => {
                task.start(at);
                self.lock(&order.deployment, &id.to_string(), at);
            }
        }
        id
    }

    /// Ends a task at a moment, and begins those that waited for its lock.
    pub(crate) fn finish(&mut self, id: u32, state: TaskState, at: Moment) {
        for task in self.tasks.iter_mut().filter(|task| task.id == id) {
            task.state = state;
            task.finished_at = Some(at.unix_date());
            task.steps.clear();
            task.due_ms = None;
            if state != TaskState::Done {
                task.result = String::new();
            }
        }
        self.locks.retain(|lock| lock.task_id != id.to_string());
        self.promote(at);
    }

    /// Begins the queued tasks whose deployments are free.
    pub(crate) fn promote(&mut self, at: Moment) {
        while let Some(index) = self.next_promoted() {
            let task = &mut self.tasks[index];
            task.start(at);
            let (deployment, id) = (task.deployment.clone(), task.id.to_string());
            self.lock(&deployment, &id, at);
        }
    }

    fn next_promoted(&self) -> Option<usize> {
        let is_free = |task: &Task| self.lock_of(&task.deployment).is_none();
        self.tasks.iter().position(|task| task.state == TaskState::Queued && is_free(task))
    }

    pub(crate) fn task(&self, id: u32) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    pub(crate) fn task_mut(&mut self, id: u32) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.state.is_active())
    }

    /// Returns the lock of a deployment.
    pub(crate) fn lock_of(&self, deployment: &str) -> Option<&Lock> {
        self.locks.iter().find(|lock| lock.resource == deployment)
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

impl Task {
    fn start(&mut self, at: Moment) {
        self.state = TaskState::Processing;
        self.begin_step(at);
    }

    /// Tells of the first step that is left, which ends when its time has passed.
    fn begin_step(&mut self, at: Moment) {
        let Some(step) = self.steps.first() else {
            self.due_ms = Some(at.millis());
            return;
        };
        self.events.extend(Event::of(step, EventState::Started, at));
        self.due_ms = Some(at.millis() + i64::try_from(step.takes.0).unwrap_or(i64::MAX / 2));
    }

    /// Returns when something will happen to it.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.due_ms.map(Moment::from_millis)
    }
}
