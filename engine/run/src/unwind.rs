//! Unwinding: cleanups, rollbacks and releases, step by step, dependents first.

use std::sync::Arc;

use firedrill_model::plan::OnFailure;

use crate::event::DebtKind;
use crate::machine::{News, Run, count};
use crate::scope::Course;
use crate::state::{Block, Cancel, Debt, Outcome, Phase, Stage, StepState, Undoing};

impl Run {
    /// Begins the unwinding of the run once every attempt has ended.
    pub(crate) fn begin_unwinding(&mut self) {
        self.state.phase = Phase::Unwinding;
        self.state.unwound = 0;
        self.unwind_all(0..self.state.steps.len(), |_, _| true);
    }

    /// Takes steps back; only what depends on them and is taken back with them must be gone before.
    pub(crate) fn unwind_all(
        &mut self,
        steps: impl Iterator<Item = usize> + Clone,
        is_meant: impl Fn(&Run, usize) -> bool,
    ) {
        for step in steps.clone() {
            let dependents = self.shape.begun_after(step).iter();
            let left = count(dependents.filter(|&&dependent| is_meant(self, dependent)).count());
            let state = &mut self.state.steps[step];
            state.unwind_left = left;
            state.is_unwound = false;
            state.block = Block::None;
        }
        steps.for_each(|step| self.unwind(step));
    }

    /// Takes a step as far back as it goes for the moment.
    pub(crate) fn unwind(&mut self, step: usize) {
        if !self.may_unwind(step) {
            return;
        }
        if self.state.steps[step].debts.cleanup == Debt::Owed {
            self.discharge(step, DebtKind::Cleanup);
            return;
        }
        self.roll_back(step);
        if !self.state.steps[step].debts.are_under_way() {
            self.release(step);
        }
        if !self.state.steps[step].debts.are_under_way() {
            self.state.steps[step].is_unwound = true;
            self.state.unwound += 1;
            self.news.push(News::Unwound(step));
        }
    }

    fn may_unwind(&self, step: usize) -> bool {
        let state = &self.state.steps[step];
        state.unwind_left == 0
            && !state.is_unwound
            && !state.debts.are_under_way()
            && !state.stage.waits_for_word()
            && !state.stage.is_under_way()
            && self.phase_of(step) == Phase::Unwinding
    }

    fn roll_back(&mut self, step: usize) {
        let block = self.block_of_dependents(step);
        self.state.steps[step].block = block;
        if self.state.steps[step].debts.rollback != Debt::Owed {
            return;
        }
        if !self.undoes(step) || block == Block::Irreversible {
            self.state.steps[step].debts.rollback = Debt::Off;
        } else if block == Block::None && self.state.cancel != Cancel::Twice {
            self.discharge(step, DebtKind::Rollback);
        }
    }

    /// Returns what the steps that began after this one forbid.
    fn block_of_dependents(&self, step: usize) -> Block {
        let dependents = self.shape.begun_after(step).iter();
        dependents.map(|&dependent| self.block_passed_on(dependent)).max().unwrap_or(Block::None)
    }

    fn block_passed_on(&self, step: usize) -> Block {
        let state = &self.state.steps[step];
        let own = if state.debts.rollback.is_open() {
            Block::Rollback
        } else if state.is_effective() && self.planned(step).effect.irreversible {
            Block::Irreversible
        } else {
            Block::None
        };
        own.max(state.block)
    }

    /// Tells the steps after which this one began.
    pub(crate) fn pass_on_unwound(&mut self, step: usize) {
        let plan = Arc::clone(&self.plan);
        let scope = self.unwinding_scope(step);
        for before in plan.steps[step].begun_before() {
            if scope.is_none_or(|scope| self.shape.is_within(before, scope)) {
                self.state.steps[before].unwind_left -= 1;
                self.unwind(before);
            }
        }
    }

    /// Returns whether what a step did is to be undone when what it is taken back with unwinds.
    fn undoes(&self, step: usize) -> bool {
        self.undoes_in(self.unwinding_scope(step))
    }

    /// Returns whether what was done in a scope, or in the run, is undone when it unwinds: every failure in it says so. What is
    /// left as it is can be undone later; what is undone is gone.
    fn undoes_in(&self, scope: Option<usize>) -> bool {
        let has_failed = |&step: &usize| self.state.steps[step].has_failed() && self.governing_scope(step) == scope;
        let mut failed = (0..self.state.steps.len()).filter(has_failed).peekable();
        match (self.state.undoing, failed.peek()) {
            (Undoing::Reversal, _) => true,
            (_, None) => scope.is_some() || self.is_undone_by(self.plan.on_failure),
            (_, Some(_)) => failed.all(|step| self.is_undone_by(self.failure_word(step))),
        }
    }

    /// Returns whether the run undoes what was done when it unwinds now.
    pub fn undoes_what_was_done(&self) -> bool {
        self.undoes_in(None)
    }

    fn is_undone_by(&self, word: OnFailure) -> bool {
        match word {
            OnFailure::Rollback | OnFailure::Continue => true,
            OnFailure::Ask => self.state.undoing == Undoing::Wanted,
            OnFailure::Stop => false,
        }
    }

    /// Returns what the failure of a step means: of a scope that could not be made good, what it means around it.
    fn failure_word(&self, step: usize) -> OnFailure {
        if self.state.steps[step].course != Course::Spilled {
            return self.planned(step).on_failure;
        }
        self.planned(step).group.map_or(self.plan.on_failure, |group| self.planned(group).on_failure)
    }

    /// Returns whether a rollback is wanted that has not been made.
    pub(crate) fn owes_rollback(&self, step: usize) -> bool {
        match self.debt(step, DebtKind::Rollback) {
            Debt::Open | Debt::Deciding | Debt::Discharging(_) => true,
            Debt::Owed => self.undoes(step),
            Debt::None | Debt::Discharged | Debt::Off => false,
        }
    }
}

impl StepState {
    /// Returns whether the step may have had an effect.
    pub(crate) fn is_effective(&self) -> bool {
        self.effective > 0
    }

    /// Returns whether the step failed for good.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Settled(Outcome::Failed(_)))
    }
}
