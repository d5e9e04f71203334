//! The life of a step, from the settling of its needs to its own.

use firedrill_model::plan::{Condition, OnUnmet, Step};

use crate::event::{Answer, DebtKind};
use crate::machine::{News, Run};
use crate::state::{Cancel, Cause, Doubt, Outcome, Phase, Stage, Task};
use crate::task::TaskEnd;

impl Run {
    /// Begins a step whose needs have settled well.
    pub(crate) fn begin(&mut self, step: usize) {
        match self.planned(step).when {
            None | Some(Condition::Known(true)) => self.enter(step),
            Some(Condition::Known(false)) => self.settle(step, Outcome::Skipped),
            Some(Condition::Deferred { .. }) => self.state.steps[step].stage = Stage::Deciding,
        }
        self.place(step);
    }

    pub(crate) fn when_decided(&mut self, step: usize, answer: &Answer) -> bool {
        if self.state.steps[step].stage != Stage::Deciding {
            return false;
        }
        match answer {
            Answer::Yes => self.enter(step),
            Answer::No => self.settle(step, Outcome::Skipped),
            Answer::Error(_) => self.settle(step, Outcome::Failed(Cause::When)),
        }
        true
    }

    fn enter(&mut self, step: usize) {
        if self.state.phase != Phase::Working {
            self.state.steps[step].stage = Stage::Waiting;
            return;
        }
        self.ask_guard(step, 0);
    }

    pub(crate) fn ask_guard(&mut self, step: usize, at: usize) {
        let task = self.planned(step).guards.get(at).map(|guard| Task::first(&guard.probe.command));
        match task {
            Some(task) => self.state.steps[step].stage = Stage::Guarding(at, task),
            None => self.attempt(step),
        }
    }

    pub(crate) fn guard_over(&mut self, step: usize, end: TaskEnd) {
        let Stage::Guarding(at, task) = self.state.steps[step].stage else {
            return;
        };
        if self.state.phase != Phase::Working {
            self.state.steps[step].stage = Stage::Waiting;
            return;
        }
        let guard = &self.planned(step).guards[at];
        match (end, guard.on_unmet) {
            (TaskEnd::Met, _) => self.ask_guard(step, at + 1),
            (TaskEnd::Doubt(Doubt::Lost), _) => {
                let again = task.again(&guard.probe.command);
                self.state.steps[step].stage = Stage::Guarding(at, again);
            }
            (TaskEnd::Unmet, OnUnmet::Skip) => self.settle(step, Outcome::Skipped),
            (
                TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned,
                OnUnmet::Abort | OnUnmet::Skip,
            ) => self.settle(step, Outcome::Failed(Cause::Guard)),
        }
    }

    pub(crate) fn settle(&mut self, step: usize, outcome: Outcome) {
        self.state.steps[step].stage = Stage::Settled(outcome);
        self.state.settled += 1;
        if self.state.steps[step].attempts > 0 {
            self.state.completed += 1;
            self.state.steps[step].completed = self.state.completed;
        }
        if matches!(outcome, Outcome::Failed(_)) {
            self.halt();
        }
        self.place(step);
        self.news.push(News::Settled(step));
    }

    /// Tells the steps that wait for this one.
    pub(crate) fn pass_on_settled(&mut self, step: usize) {
        let shape = std::sync::Arc::clone(&self.shape);
        if !matches!(self.state.steps[step].stage, Stage::Settled(Outcome::Failed(_))) {
            for &dependent in shape.dependents(step) {
                self.state.steps[dependent].needs_left -= 1;
                self.begin_if_ready(dependent);
            }
        }
        self.pass_on_milestones(step);
        self.release_if_due(step);
        for &owner in shape.awaited_by(step) {
            self.state.steps[owner].until_left -= 1;
            self.release_if_due(owner);
        }
        if self.state.settled == self.state.steps.len() {
            shape.open_ended().iter().for_each(|&owner| self.release_if_due(owner));
        }
        self.unwind(step);
    }

    pub(crate) fn begin_if_ready(&mut self, step: usize) {
        let state = &self.state.steps[step];
        if state.needs_left == 0 && state.stage == Stage::Waiting && self.state.phase == Phase::Working {
            self.begin(step);
        }
    }

    /// Begins every step whose needs have settled: the run starts, or goes on after a rest.
    pub(crate) fn begin_ready_steps(&mut self) {
        for step in 0..self.state.steps.len() {
            self.begin_if_ready(step);
        }
    }

    /// Nothing new starts from here on: attempts under way end, waits end at once.
    pub(crate) fn halt(&mut self) {
        if self.state.phase != Phase::Working {
            return;
        }
        self.state.phase = Phase::Halting;
        let steps: Vec<usize> = self.state.ready.union(&self.state.busy).copied().collect();
        for step in steps {
            self.end_poll_of(step);
            self.withdraw(step);
            self.call_off(step, DebtKind::Release);
            self.place(step);
        }
    }

    /// Takes back what a step has not begun.
    pub(crate) fn withdraw(&mut self, step: usize) {
        let state = &self.state.steps[step];
        let is_begun = state.stage.task().is_some_and(|task| !task.is_unbegun());
        match state.stage {
            Stage::Deciding | Stage::Guarding(..) if !is_begun => self.state.steps[step].stage = Stage::Waiting,
            Stage::Attempting(Task { seen: Some(end), .. }) if !is_begun => self.attempt_last_seen(step, end),
            Stage::Attempting(_) if !is_begun => self.withdraw_attempt(step),
            Stage::Pausing(cause) | Stage::Choosing(cause) => self.settle(step, Outcome::Failed(cause)),
            Stage::Waiting
            | Stage::Deciding
            | Stage::Guarding(..)
            | Stage::Attempting(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::InDoubt(_)
            | Stage::Settled(_) => {}
        }
    }

    fn withdraw_attempt(&mut self, step: usize) {
        let state = &mut self.state.steps[step];
        state.attempts -= 1;
        if state.attempts == state.voided {
            state.stage = Stage::Waiting;
        } else {
            self.settle(step, Outcome::Failed(Cause::Unexpected));
        }
    }

    pub(crate) fn planned(&self, step: usize) -> &Step {
        &self.plan.steps[step]
    }

    /// Somebody asked for the run to stop. A run that only has to come to rest has nothing to stop.
    pub(crate) fn cancel(&mut self) {
        if matches!(self.state.phase, Phase::Resting | Phase::AtRest) {
            return;
        }
        self.state.cancel = match self.state.cancel {
            Cancel::No => Cancel::Once,
            Cancel::Once | Cancel::Twice => Cancel::Twice,
        };
        self.halt();
        self.end_guard_polls();
        if self.state.cancel == Cancel::Twice {
            self.stop_rollbacks();
        }
    }
}
