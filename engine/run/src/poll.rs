//! Polling: what is not met is looked at again until it is, or until its time is over; then the last answer counts.
//!
//! The time is the driver's: a poll waits for [`Wait::Within`] all along and for [`Wait::Look`] between two looks. Both
//! begin anew with a new engine, like every wait.

use std::sync::Arc;

use firedrill_model::plan::Command;

use crate::command::{CommandId, Role, Subject};
use crate::effect::Pause;
use crate::event::Wait;
use crate::machine::Run;
use crate::state::{Asking, Doubt, Phase, Polling, Recheck, Stage, Task, TaskAt};
use crate::task::{TaskEnd, begin};

impl Run {
    /// Goes on polling after a look, if there is to be another. Returns whether there is.
    pub(crate) fn looks_again(&mut self, id: &CommandId, end: TaskEnd) -> bool {
        let plan = Arc::clone(&self.plan);
        let Some((command, _)) = self.look_up(&plan, id) else { return false };
        let Some(task) = self.task_mut(id).filter(|task| task.poll == Polling::Open) else { return false };
        match end {
            TaskEnd::Met | TaskEnd::Texts | TaskEnd::Doubt(Doubt::Cancelled) => return false,
            TaskEnd::Doubt(Doubt::Lost) => *task = task.again(command),
            TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(Doubt::TimedOut) | TaskEnd::NotSpawned => {
                *task = Task { r#try: task.r#try + 1, at: TaskAt::Pausing, seen: Some(end), ..*task };
            }
        }
        true
    }

    /// The wait before a look is over. Returns whether there was one.
    pub(crate) fn look_due(&mut self, id: &CommandId) -> bool {
        let plan = Arc::clone(&self.plan);
        let Some((command, _)) = self.look_up(&plan, id) else { return false };
        let waiting = self.task_mut(id).filter(|task| task.poll == Polling::Open && task.at == TaskAt::Pausing);
        let Some(task) = waiting else { return false };
        task.at = begin(command);
        self.place_of(id);
        true
    }

    /// The time of a poll is over. Returns whether there was a poll.
    pub(crate) fn within_over(&mut self, id: &CommandId) -> bool {
        let Some(task) = self.latest_try(id).filter(|task| task.poll == Polling::Open) else { return false };
        let id = CommandId { r#try: task.r#try, ..id.clone() };
        self.end_poll(&id);
        true
    }

    /// No look is waited for any more: the last answer counts, and where there is none the first look is made at once.
    fn end_poll(&mut self, id: &CommandId) {
        let plan = Arc::clone(&self.plan);
        let Some((command, _)) = self.look_up(&plan, id) else { return };
        let Some(task) = self.task_mut(id) else { return };
        match (task.at, task.seen) {
            (TaskAt::Pausing | TaskAt::Rendering | TaskAt::Due, Some(end)) => {
                *task = task.unmade();
                let last = CommandId { r#try: task.r#try, ..id.clone() };
                self.task_over(&last, end);
            }
            (TaskAt::Pausing, None) => *task = task.hurried(command),
            (
                TaskAt::Rendering
                | TaskAt::Due
                | TaskAt::InFlight
                | TaskAt::Unsure
                | TaskAt::Judging(_)
                | TaskAt::Unasked
                | TaskAt::Asked(_),
                _,
            ) => task.poll = Polling::Over,
        }
        self.place_of(id);
    }

    /// Ends the poll of a step, if it has one.
    pub(crate) fn end_poll_of(&mut self, step: usize) {
        if let Some((id, _)) = self.polled(step) {
            self.end_poll(&id);
        }
    }

    /// Ends the polls of the playbook's guards while they are asked for the first time.
    pub(crate) fn end_guard_polls(&mut self) {
        if self.state.phase != Phase::Guarding {
            return;
        }
        for at in 0..self.state.guards.len() {
            if let Some((id, _)) = self.polled_guard(at) {
                self.end_poll(&id);
            }
        }
    }

    /// The next look of an attempt is called off before it was begun: its last answer counts.
    pub(crate) fn attempt_last_seen(&mut self, step: usize, end: TaskEnd) {
        if let Stage::Attempting(task) = self.state.steps[step].stage {
            self.state.steps[step].stage = Stage::Attempting(task.unmade());
            self.attempt_over(step, end);
        }
    }

    /// Gathers the waits of everything that polls.
    pub(crate) fn poll_pauses(&self, pauses: &mut Vec<Pause>) {
        for &step in self.state.polling.iter().filter(|_| !self.is_resting()) {
            let is_held_back = self.state.doubts > 0 && !matches!(self.state.steps[step].stage, Stage::Verifying(..));
            let polled = self.polled(step).filter(|_| !is_held_back);
            if let Some((id, task)) = polled {
                self.poll_pause(&id, task, pauses);
            }
        }
        let is_asking = self.state.phase == Phase::Guarding
            || (self.state.phase == Phase::Working && self.state.recheck == Recheck::Asking);
        let guards = (0..self.state.guards.len()).filter(|_| is_asking).filter_map(|at| self.polled_guard(at));
        guards.for_each(|(id, task)| self.poll_pause(&id, task, pauses));
        let invariants = (0..self.state.invariants.len()).filter(|_| self.is_resting());
        let invariants = invariants.filter_map(|at| self.polled_invariant(at));
        invariants.for_each(|(id, task)| self.poll_pause(&id, task, pauses));
    }

    fn poll_pause(&self, id: &CommandId, task: &Task, pauses: &mut Vec<Pause>) {
        let Some(poll) = self.command(id).and_then(|command| command.poll) else { return };
        if task.at == TaskAt::Pausing {
            let length = if task.seen.is_some() { poll.every } else { poll.after };
            pauses.push(Pause { wait: Wait::Look(id.clone()), length });
        }
        let first = CommandId { r#try: 1, ..id.clone() };
        pauses.push(Pause { wait: Wait::Within(first), length: poll.within });
    }

    /// Returns the poll of a step whose time is not over, if it has one.
    pub(crate) fn polled(&self, step: usize) -> Option<(CommandId, &Task)> {
        let state = &self.state.steps[step];
        let task = state.stage.task().filter(|task| task.poll == Polling::Open)?;
        let (role, round) = match state.stage {
            Stage::Guarding(at, _) => (Role::Guard(self.planned(step).guards[at].id.as_str().into()), state.asked),
            Stage::Attempting(_) => (Role::Attempt, state.attempts),
            Stage::Verifying(..) => (Role::Verify, state.attempts),
            Stage::Waiting
            | Stage::Deciding
            | Stage::Locking
            | Stage::Expanding
            | Stage::Inside
            | Stage::Looking(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => return None,
        };
        Some((CommandId { subject: Subject::Step(self.shape.id(step).clone()), role, round, r#try: task.r#try }, task))
    }

    fn polled_guard(&self, at: usize) -> Option<(CommandId, &Task)> {
        let role = Role::Guard(self.plan.guards[at].id.as_str().into());
        of_playbook(&self.state.guards[at], role, self.guard_round())
    }

    fn polled_invariant(&self, at: usize) -> Option<(CommandId, &Task)> {
        let role = Role::Invariant(self.plan.invariants[at].id.as_str().into());
        of_playbook(&self.state.invariants[at], role, self.state.rests)
    }
}

impl Run {
    /// Returns whether a look that has ended is followed by another.
    pub fn looks_on(&self, id: &CommandId) -> bool {
        self.latest_try(id).is_some_and(|task| task.was_unmet() && task.r#try > id.r#try)
    }

    /// Returns whether any try of a command is under way.
    pub fn is_under_way(&self, id: &CommandId) -> bool {
        self.latest_try(id).is_some()
    }
}

impl Task {
    /// Returns whether a look of its poll was not met.
    pub fn was_unmet(&self) -> bool {
        self.seen.is_some()
    }

    /// Returns the try as one that is made at once and followed by no other.
    pub(crate) fn hurried(self, command: &Command) -> Task {
        Task { at: begin(command), poll: Polling::Over, ..self }
    }

    /// Returns the try before this one, which will not be made.
    fn unmade(self) -> Task {
        Task { r#try: self.r#try - 1, poll: Polling::Over, ..self }
    }
}

fn of_playbook(asking: &Asking, role: Role, round: u32) -> Option<(CommandId, &Task)> {
    match asking {
        Asking::Asked(task) if task.poll == Polling::Open => {
            Some((CommandId { subject: Subject::Playbook, role, round, r#try: task.r#try }, task))
        }
        Asking::Asked(_) | Asking::Idle | Asking::Answered(_) => None,
    }
}
