//! One try of a command: the one mechanism behind attempts, probes, looks and hooks.

use firedrill_model::judge::Judgement;
use firedrill_model::plan::{Command, Program};

use crate::event::{Exit, Rendering, Response};
use crate::state::{Doubt, Polling, Task, TaskAt};

/// How a command is held against what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was to do something: attempts, looks, hooks, commands of the end.
    Deed,
    /// It was to answer a question.
    Probe,
}

/// What happened to a try.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskEvent<'a> {
    Rendered(&'a Rendering),
    Started,
    NotStarted,
    Adopted,
    Ended(&'a Exit),
    Judged(&'a Judgement),
    Answered(Response),
    /// Nobody answered in time.
    Overdue,
    /// Nobody need answer any more.
    CalledOff,
}

/// How a try came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TaskEnd {
    /// As expected; the probe holds.
    Met,
    /// Not as expected; the probe does not hold.
    Unmet,
    /// The probe could not tell.
    Unclear,
    /// Ended by us, or lost.
    Doubt(Doubt),
    /// Its texts could not be had: nothing was started.
    Texts,
    /// Its program could not be started.
    NotSpawned,
}

/// What a try does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskStep {
    /// It goes on from here.
    On(TaskAt),
    /// It is over.
    End(TaskEnd),
}

impl Task {
    /// Returns the first try of a command.
    pub(crate) fn first(command: &Command) -> Task {
        let (poll, waits) = match &command.poll {
            Some(poll) => (Polling::Open, !poll.after.is_zero()),
            None => (Polling::Over, false),
        };
        let at = if waits { TaskAt::Pausing } else { begin(command) };
        Task { r#try: 1, failures: 0, at, poll, seen: None }
    }

    /// Returns the first try of a command that was tried before, up to the number given.
    pub(crate) fn first_after(tried: u32, command: &Command) -> Task {
        Task { r#try: tried + 1, ..Task::first(command) }
    }

    /// Returns the try after this one, which failed.
    pub(crate) fn after_failure(self) -> Task {
        Task { r#try: self.r#try + 1, failures: self.failures + 1, at: TaskAt::Pausing, ..self }
    }

    /// Returns the try after this one, which was lost and may simply be made again.
    pub(crate) fn again(self, command: &Command) -> Task {
        Task { r#try: self.r#try + 1, at: begin(command), ..self }
    }

    /// Returns what an event does to the try, or `None` if it cannot happen to it.
    pub(crate) fn step(self, event: TaskEvent<'_>, kind: Kind, command: &Command) -> Option<TaskStep> {
        match (self.at, event) {
            (TaskAt::Rendering, TaskEvent::Rendered(Rendering::Error(_))) => Some(TaskStep::End(TaskEnd::Texts)),
            (TaskAt::Due, TaskEvent::Started) | (TaskAt::Unsure, TaskEvent::Adopted) => {
                Some(TaskStep::On(TaskAt::InFlight))
            }
            (TaskAt::Rendering, TaskEvent::Rendered(Rendering::Text(_))) => Some(TaskStep::On(due(command))),
            (TaskAt::Unsure, TaskEvent::NotStarted) => Some(TaskStep::On(TaskAt::Due)),
            (TaskAt::Unasked, TaskEvent::Started) => Some(TaskStep::On(TaskAt::Asked(0))),
            (TaskAt::Asked(approved), event) => asked(approved, event, &command.program),
            (TaskAt::InFlight | TaskAt::Unsure, TaskEvent::Ended(exit)) => Some(ended(exit, kind, command)),
            (TaskAt::Judging(_), TaskEvent::Judged(judgement)) => Some(TaskStep::End(judged(judgement))),
            (
                TaskAt::Rendering
                | TaskAt::Due
                | TaskAt::InFlight
                | TaskAt::Unsure
                | TaskAt::Judging(_)
                | TaskAt::Pausing
                | TaskAt::Unasked,
                _,
            ) => None,
        }
    }
}

/// Returns where the next try of a command begins.
pub(crate) fn begin(command: &Command) -> TaskAt {
    if command.is_known() { due(command) } else { TaskAt::Rendering }
}

fn due(command: &Command) -> TaskAt {
    if command.program.asks_people() { TaskAt::Unasked } else { TaskAt::Due }
}

/// Returns what happens to a question. What was asked of people may have been begun; what was to be decided has no effect.
fn asked(approved: u32, event: TaskEvent<'_>, program: &Program) -> Option<TaskStep> {
    let end = match (program, event) {
        (Program::Approve { min, .. }, TaskEvent::Answered(Response::Approved)) if approved + 1 < min.get() => {
            return Some(TaskStep::On(TaskAt::Asked(approved + 1)));
        }
        (Program::Approve { .. }, TaskEvent::Answered(Response::Approved))
        | (Program::Manual { .. }, TaskEvent::Answered(Response::Done)) => TaskEnd::Met,
        (Program::Approve { .. }, TaskEvent::Answered(Response::Declined))
        | (Program::Manual { .. }, TaskEvent::Answered(Response::Failed))
        | (Program::Approve { .. }, TaskEvent::Overdue | TaskEvent::CalledOff) => TaskEnd::Unmet,
        (Program::Manual { .. }, TaskEvent::Overdue) => TaskEnd::Doubt(Doubt::TimedOut),
        (Program::Manual { .. }, TaskEvent::CalledOff) => TaskEnd::Doubt(Doubt::Cancelled),
        (Program::Argv(_) | Program::Script { .. } | Program::Manual { .. } | Program::Approve { .. }, _) => {
            return None;
        }
    };
    Some(TaskStep::End(end))
}

fn ended(exit: &Exit, kind: Kind, command: &Command) -> TaskStep {
    match exit {
        Exit::Code(code) => ended_with(*code, kind, command),
        Exit::Signal(_) => TaskStep::End(match kind {
            Kind::Deed => TaskEnd::Unmet,
            Kind::Probe => TaskEnd::Unclear,
        }),
        Exit::TimedOut => TaskStep::End(TaskEnd::Doubt(Doubt::TimedOut)),
        Exit::Cancelled => TaskStep::End(TaskEnd::Doubt(Doubt::Cancelled)),
        Exit::Lost => TaskStep::End(TaskEnd::Doubt(Doubt::Lost)),
        Exit::NotSpawned(_) => TaskStep::End(TaskEnd::NotSpawned),
    }
}

/// An end whose meaning follows from the exit code alone is not a question for the driver.
fn ended_with(code: i32, kind: Kind, command: &Command) -> TaskStep {
    let expect = &command.expect;
    let is_expected = expect.exit.contains(&code);
    let asks_content = !expect.is_by_exit() || !command.outputs.is_empty();
    match (kind, is_expected) {
        (Kind::Deed | Kind::Probe, true) if asks_content => TaskStep::On(TaskAt::Judging(code)),
        (Kind::Deed | Kind::Probe, true) => TaskStep::End(TaskEnd::Met),
        (Kind::Deed, false) => TaskStep::End(TaskEnd::Unmet),
        (Kind::Probe, false) if expect.is_by_exit() && code == 1 => TaskStep::End(TaskEnd::Unmet),
        (Kind::Probe, false) => TaskStep::End(TaskEnd::Unclear),
    }
}

fn judged(judgement: &Judgement) -> TaskEnd {
    match judgement {
        Judgement::Met { .. } => TaskEnd::Met,
        Judgement::Unmet { .. } => TaskEnd::Unmet,
        Judgement::Unclear { .. } => TaskEnd::Unclear,
    }
}
