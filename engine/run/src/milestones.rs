//! Milestones: what a running attempt lets happen before it has ended.
//!
//! A milestone counts as reached from the signal of the present attempt, and at the latest when its step settles. What
//! began on a signal makes a failure of the attempt final; as long as nothing has, a failed attempt takes its signals back.

use std::sync::Arc;

use firedrill_model::plan::Milestone;

use crate::command::{CommandId, Role};
use crate::machine::Run;
use crate::shape::Lets;
use crate::state::{Debt, Reached, Recheck, Stage, Task};

impl Run {
    /// Returns whether a milestone of a step counts as reached.
    pub fn has_reached(&self, step: usize, milestone: usize) -> bool {
        let state = &self.state.steps[step];
        state.stage.is_settled() || state.reached.contains(milestone)
    }

    /// Iterates over the milestones that a running attempt has not reached; there are none of anything else.
    pub fn unreached<'r>(&'r self, command: &CommandId) -> impl Iterator<Item = &'r Milestone> + use<'r> {
        let is_attempt = command.role == Role::Attempt;
        let step = command.step().filter(|_| is_attempt).and_then(|id| self.shape.index(id));
        let milestones = step.into_iter().flat_map(|step| self.planned(step).milestones.iter().enumerate());
        let reached = step.map_or(Reached::default(), |step| self.state.steps[step].reached);
        milestones.filter(move |(at, _)| !reached.contains(*at)).map(|(_, milestone)| milestone)
    }

    /// Takes a signal of a running attempt.
    pub(crate) fn reached(&mut self, command: &CommandId, name: &str) -> Result<(), &'static str> {
        let step = command.step().and_then(|id| self.shape.index(id)).ok_or("the plan has no such step")?;
        let milestones = &self.planned(step).milestones;
        let milestone = milestones.iter().position(|milestone| milestone.name == name);
        let milestone = milestone.ok_or("the step has no such milestone")?;
        if command.role != Role::Attempt || !self.in_flight_now(command) {
            return Err("no such attempt is running");
        }
        if self.state.steps[step].reached.contains(milestone) {
            return Err("the milestone was reached before");
        }
        self.state.steps[step].reached.insert(milestone);
        self.let_follow(step, |reached| reached == milestone);
        Ok(())
    }

    /// Lets happen what waits for milestones of a settled step that it never signalled.
    pub(crate) fn pass_on_milestones(&mut self, step: usize) {
        let signalled = self.state.steps[step].reached;
        self.let_follow(step, |milestone| !signalled.contains(milestone));
    }

    fn let_follow(&mut self, step: usize, is_news: impl Fn(usize) -> bool) {
        let shape = Arc::clone(&self.shape);
        for listener in shape.listeners(step).iter().filter(|listener| is_news(listener.milestone)) {
            match listener.lets {
                Lets::Begin(dependent) => {
                    self.state.steps[dependent].needs_left -= 1;
                    self.begin_if_ready(dependent);
                }
                Lets::Release(owner) => {
                    self.state.steps[owner].until_left -= 1;
                    self.release_if_due(owner);
                }
            }
        }
    }

    /// Takes back the signals of an attempt that has failed, unless something has begun on them.
    pub(crate) fn forget_milestones(&mut self, step: usize) {
        if self.has_let_follow(step) {
            return;
        }
        let signalled = std::mem::take(&mut self.state.steps[step].reached);
        let shape = Arc::clone(&self.shape);
        for listener in shape.listeners(step).iter().filter(|listener| signalled.contains(listener.milestone)) {
            match listener.lets {
                Lets::Begin(dependent) => {
                    self.state.steps[dependent].needs_left += 1;
                    self.withdraw(dependent);
                    self.place(dependent);
                }
                Lets::Release(owner) => self.state.steps[owner].until_left += 1,
            }
        }
    }

    /// Returns whether something has begun on a milestone of a step that has not settled: its failure is final then.
    pub(crate) fn has_let_follow(&self, step: usize) -> bool {
        let signalled = self.state.steps[step].reached;
        let has_begun = |lets| match lets {
            Lets::Begin(dependent) => self.has_begun(dependent),
            Lets::Release(owner) => !matches!(self.state.steps[owner].debts.release, Debt::None | Debt::Owed),
        };
        let mut listeners = self.shape.listeners(step).iter();
        listeners.any(|listener| signalled.contains(listener.milestone) && has_begun(listener.lets))
    }

    /// Returns whether anything of a step was started, or cannot be taken back without a trace.
    fn has_begun(&self, step: usize) -> bool {
        let state = &self.state.steps[step];
        let is_first = |task: &Task| task.is_unbegun() && task.r#try == 1;
        match &state.stage {
            Stage::Waiting | Stage::Deciding | Stage::Locking => false,
            Stage::Guarding(0, task) => !is_first(task),
            Stage::Attempting(task) => {
                let is_untouched = state.attempts == 1 && self.planned(step).guards.is_empty();
                !(is_untouched && is_first(task)) || self.state.recheck == Recheck::Asking
            }
            Stage::Guarding(..)
            | Stage::Expanding
            | Stage::Inside
            | Stage::Undecided(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Settled(_) => true,
        }
    }
}

impl Reached {
    pub(crate) fn contains(self, milestone: usize) -> bool {
        self.0 >> milestone & 1 == 1
    }

    fn insert(&mut self, milestone: usize) {
        self.0 |= 1 << milestone;
    }
}
