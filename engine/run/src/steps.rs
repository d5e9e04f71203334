//! The life of a step, from the settling of its needs to its own.

use firedrill_model::plan::{Condition, OnUnmet, Step};

use crate::command::StepId;
use crate::event::{Answer, DebtKind};
use crate::machine::{News, Run};
use crate::state::{Cancel, Cause, Doubt, Outcome, Phase, Stage, Task, TaskAt, Wish};
use crate::task::TaskEnd;

impl Run {
    /// Begins a step whose needs have settled well.
    pub(crate) fn begin(&mut self, step: usize) {
        match self.planned(step).when {
            _ if self.state.steps[step].wish == Wish::LeaveOut => self.settle(step, Outcome::Skipped),
            None | Some(Condition::Known(true)) => self.enter(step),
            Some(Condition::Known(false)) => self.settle(step, Outcome::Skipped),
            // What is tried once more was decided when it began: skipped now, nothing would tell of what it has left.
            Some(Condition::Deferred { .. }) if self.state.steps[step].is_effective() => self.enter(step),
            Some(Condition::Deferred { .. }) => self.state.steps[step].stage = Stage::Deciding,
        }
        self.place(step);
    }

    /// Takes note of the steps that count as skipped when their turn comes.
    pub(crate) fn leave_out<'s>(&mut self, mut steps: impl Iterator<Item = &'s StepId>) -> Result<(), &'static str> {
        steps.try_for_each(|id| {
            let step = self.shape.index(id).ok_or("the plan has no such step")?;
            self.state.steps[step].wish = Wish::LeaveOut;
            Ok(())
        })
    }

    pub(crate) fn when_decided(&mut self, step: usize, answer: &Answer) -> bool {
        if self.state.steps[step].stage != Stage::Deciding {
            return false;
        }
        match answer {
            Answer::Yes => self.enter(step),
            Answer::No => self.settle(step, Outcome::Skipped),
            Answer::Items(_) | Answer::Error(_) => self.settle(step, Outcome::Failed(Cause::When)),
        }
        true
    }

    fn enter(&mut self, step: usize) {
        if self.phase_of(step) != Phase::Working {
            self.state.steps[step].stage = Stage::Waiting;
            return;
        }
        self.want_locks(step);
    }

    /// Asks the guards of a step, from the first on.
    pub(crate) fn ask_guards_of(&mut self, step: usize) {
        self.state.steps[step].asked += 1;
        self.ask_guard(step, 0);
    }

    fn ask_guard(&mut self, step: usize, at: usize) {
        if self.is_overdue(step) {
            self.settle(step, Outcome::Failed(Cause::Deadline));
            return;
        }
        let planned = self.planned(step);
        let task = planned.guards.get(at).map(|guard| Task::first(&guard.probe.command));
        match (task, planned.as_group()) {
            (Some(task), _) => self.state.steps[step].stage = Stage::Guarding(at, task),
            (None, Some(group)) if group.is_deferred() => self.state.steps[step].stage = Stage::Expanding,
            (None, Some(_)) => self.open_group(step),
            (None, None) => self.attempt(step),
        }
    }

    pub(crate) fn guard_over(&mut self, step: usize, end: TaskEnd) {
        let Stage::Guarding(at, task) = self.state.steps[step].stage else {
            return;
        };
        if self.phase_of(step) != Phase::Working {
            self.state.steps[step].stage = Stage::Waiting;
            return;
        }
        if self.is_overdue(step) {
            self.settle(step, Outcome::Failed(Cause::Deadline));
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
        match outcome {
            Outcome::Failed(cause) if self.must_ask(step) => {
                self.state.steps[step].stage = Stage::Undecided(cause);
                self.state.doubts += 1;
                self.place(step);
            }
            Outcome::Failed(_) => {
                self.mark_settled(step, outcome);
                self.halt_around(step);
            }
            Outcome::Skipped => {
                self.mark_settled(step, outcome);
                self.skip_members(step);
            }
            Outcome::Succeeded | Outcome::Unreached => self.mark_settled(step, outcome),
        }
    }

    /// Writes down how a step ended, whatever follows from it.
    pub(crate) fn mark_settled(&mut self, step: usize, outcome: Outcome) {
        self.state.steps[step].stage = Stage::Settled(outcome);
        self.state.settled += 1;
        if self.state.steps[step].attempts > 0 {
            self.state.completed += 1;
            self.state.steps[step].completed = self.state.completed;
        }
        self.place(step);
        self.news.push(News::Settled(step));
    }

    /// Tells the steps that wait for this one.
    pub(crate) fn pass_on_settled(&mut self, step: usize) {
        let shape = std::sync::Arc::clone(&self.shape);
        let is_again = self.state.steps[step].is_passed_on;
        if matches!(self.state.steps[step].stage, Stage::Settled(Outcome::Succeeded | Outcome::Skipped)) {
            self.pass_on(step);
        }
        if !is_again {
            self.pass_on_milestones(step);
            self.release_if_due(step);
            for &owner in shape.awaited_by(step) {
                self.state.steps[owner].until_left -= 1;
                self.release_if_due(owner);
            }
        }
        self.member_settled(step);
        if self.state.settled == self.state.steps.len() {
            self.release_at_end_of(None);
        }
        self.unwind(step);
    }

    /// Lets the steps begin that need this one and nothing else.
    pub(crate) fn pass_on(&mut self, step: usize) {
        let shape = std::sync::Arc::clone(&self.shape);
        if std::mem::replace(&mut self.state.steps[step].is_passed_on, true) {
            return;
        }
        for follower in shape.followers(step) {
            self.state.steps[follower].needs_left -= 1;
            self.begin_if_ready(follower);
        }
    }

    pub(crate) fn begin_if_ready(&mut self, step: usize) {
        let state = &self.state.steps[step];
        let is_ready = state.needs_left == 0 && state.stage == Stage::Waiting;
        if is_ready && self.phase_of(step) == Phase::Working && self.has_room_for(step) {
            self.begin(step);
        }
    }

    /// Begins every step whose needs have settled: the run starts, or goes on after a rest.
    pub(crate) fn begin_ready_steps(&mut self) {
        for step in 0..self.state.steps.len() {
            self.begin_if_ready(step);
            self.close_if_over(step);
        }
    }

    /// Nothing new starts from here on: attempts under way end, waits end at once.
    pub(crate) fn halt(&mut self) {
        if self.state.phase != Phase::Working {
            return;
        }
        self.state.phase = Phase::Halting;
        self.halt_steps(|_, _| true);
    }

    /// Ends what waits and takes back what has not begun, of the steps that are meant.
    pub(crate) fn halt_steps(&mut self, is_meant: impl Fn(&Run, usize) -> bool) {
        let is_still = |step: &usize| matches!(self.state.steps[*step].stage, Stage::Undecided(_));
        let undecided = (0..self.state.steps.len()).filter(|_| self.state.doubts > 0).filter(is_still);
        let active = self.state.ready.union(&self.state.busy).copied().chain(undecided);
        let steps: Vec<usize> = active.filter(|&step| is_meant(self, step)).collect();
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
            Stage::Deciding | Stage::Locking | Stage::Expanding | Stage::Guarding(..) if !is_begun => {
                self.state.steps[step].stage = Stage::Waiting;
            }
            Stage::Attempting(Task { seen, r#try, .. }) if !is_begun && r#try > 1 => {
                self.attempt_last_seen(step, seen.unwrap_or(TaskEnd::Doubt(Doubt::Lost)));
            }
            Stage::Attempting(_) if !is_begun => self.withdraw_attempt(step),
            Stage::Attempting(Task { at: TaskAt::Asked(_), .. }) => self.call_off_question(step),
            Stage::Pausing(cause) | Stage::Choosing(cause) => self.settle(step, Outcome::Failed(cause)),
            Stage::Undecided(cause) => {
                self.state.doubts -= 1;
                self.settle(step, Outcome::Failed(cause));
            }
            Stage::Waiting
            | Stage::Inside
            | Stage::Deciding
            | Stage::Locking
            | Stage::Expanding
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
        if state.is_passed_on {
            self.settle(step, Outcome::Succeeded);
        } else if state.attempts == state.voided {
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
