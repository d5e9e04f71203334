//! Obligations: cleanup, rollback and release. Journaled, tried again, and open when their tries are used up.

use std::collections::BTreeMap;

use firedrill_model::plan::{Condition, Hook, block_of};
use firedrill_model::value::Value;

use crate::command::StepId;
use crate::event::{Answer, DebtKind, Done};
use crate::machine::Run;
use crate::state::{Cancel, Debt, Debts, Doubt, Phase, Stage, Task, TaskAt, Tried};
use crate::task::{TaskEnd, begin};

impl Run {
    /// Begins the cleanup of the latest attempt.
    pub(crate) fn clean_up(&mut self, step: usize) {
        self.discharge(step, DebtKind::Cleanup);
    }

    /// Begins to discharge an obligation.
    pub(crate) fn discharge(&mut self, step: usize, kind: DebtKind) {
        let tried = self.state.steps[step].tried.of(kind);
        let task = self.hook(step, kind).map(|hook| Task::first_after(tried, &hook.command));
        *self.debt_mut(step, kind) = task.map_or(Debt::None, Debt::Discharging);
        self.place(step);
    }

    pub(crate) fn hook_over(&mut self, step: usize, kind: DebtKind, end: TaskEnd) {
        let Debt::Discharging(task) = *self.debt_mut(step, kind) else {
            return;
        };
        let hook = self.hook(step, kind).expect("what is being discharged has a hook");
        let tries = hook.retry.max_attempts.get();
        let debt = match end {
            TaskEnd::Met => Debt::Discharged,
            TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::NotSpawned
                if kind == DebtKind::Release && self.is_before_its_turn(step) =>
            {
                Debt::Owed
            }
            TaskEnd::Doubt(Doubt::Lost) if !self.is_too_late(kind) => Debt::Discharging(task.again(&hook.command)),
            TaskEnd::Texts => Debt::Open,
            TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::NotSpawned => {
                let failed = task.after_failure();
                if failed.failures < tries && !self.is_too_late(kind) { Debt::Discharging(failed) } else { Debt::Open }
            }
        };
        *self.state.steps[step].tried.of_mut(kind) = task.r#try;
        *self.debt_mut(step, kind) = debt;
        self.debt_moved(step, kind);
    }

    /// Returns whether what depends on the step is still to be taken back first.
    pub(crate) fn is_before_its_turn(&self, step: usize) -> bool {
        match self.phase_of(step) {
            Phase::Halting => true,
            Phase::Unwinding => self.state.steps[step].unwind_left > 0,
            Phase::New | Phase::Guarding | Phase::Working | Phase::Resting | Phase::AtRest => false,
        }
    }

    /// Returns whether rollbacks were called off.
    fn is_too_late(&self, kind: DebtKind) -> bool {
        kind == DebtKind::Rollback && self.state.cancel == Cancel::Twice
    }

    /// Goes on with whatever waited for this obligation.
    fn debt_moved(&mut self, step: usize, kind: DebtKind) {
        let debt = *self.debt_mut(step, kind);
        if debt.is_under_way() {
            return;
        }
        let is_cleaned = debt == Debt::Discharged;
        match (kind, &self.state.steps[step].stage) {
            (DebtKind::Cleanup, Stage::Cleaning(_)) => self.cleanup_over(step, is_cleaned),
            (DebtKind::Cleanup, Stage::Settled(_)) if is_cleaned => self.forget_rollback(step),
            (DebtKind::Cleanup | DebtKind::Rollback | DebtKind::Release, _) => {}
        }
        self.unwind(step);
        self.place(step);
        if let Some(block) = block_of(&self.plan.steps, step) {
            self.close_if_over(block);
        }
    }

    /// A cleanup that succeeded after the last attempt leaves nothing to roll back. What runs is left to end.
    fn forget_rollback(&mut self, step: usize) {
        let state = &mut self.state.steps[step];
        if state.has_failed() && !state.debts.rollback.is_under_way() {
            state.debts.rollback = Debt::None;
        }
    }

    pub(crate) fn hook_pause_over(&mut self, step: usize, kind: DebtKind) -> bool {
        let Some(at) = self.hook(step, kind).map(|hook| begin(&hook.command)) else {
            return false;
        };
        match self.debt_mut(step, kind) {
            Debt::Discharging(task) if task.at == TaskAt::Pausing => task.at = at,
            Debt::None
            | Debt::Owed
            | Debt::Deciding
            | Debt::Discharging(_)
            | Debt::Open
            | Debt::Discharged
            | Debt::Off => return false,
        }
        true
    }

    /// Begins a release whose hold has ended.
    pub(crate) fn release_if_due(&mut self, step: usize) {
        let Some(release) = &self.planned(step).release else {
            return;
        };
        let is_over = match (release.is_open_ended(), block_of(&self.plan.steps, step)) {
            (true, None) => self.state.settled == self.state.steps.len(),
            (true, Some(group)) => self.state.steps[group].members_left == 0,
            (false, _) => self.state.steps[step].until_left == 0,
        };
        let holds_doubt = release.hold.iter().any(|&held| self.state.steps[held].stage.waits_for_word());
        let is_settled = matches!(self.state.steps[step].stage, Stage::Settled(_));
        if is_over && is_settled && !holds_doubt && self.phase_of(step) == Phase::Working {
            self.release(step);
        }
    }

    /// Begins the releases that fell due while nothing could begin.
    pub(crate) fn release_all_due(&mut self) {
        for step in 0..self.state.steps.len() {
            self.release_if_due(step);
        }
    }

    /// Begins the release of a step, if it owes one.
    pub(crate) fn release(&mut self, step: usize) {
        if self.state.steps[step].debts.release != Debt::Owed {
            return;
        }
        let when = self.hook(step, DebtKind::Release).and_then(|hook| hook.when.as_ref());
        match when {
            None | Some(Condition::Known(true)) => self.discharge(step, DebtKind::Release),
            Some(Condition::Known(false)) => self.state.steps[step].debts.release = Debt::Discharged,
            Some(Condition::Deferred { .. }) => self.state.steps[step].debts.release = Debt::Deciding,
        }
        self.place(step);
    }

    pub(crate) fn release_decided(&mut self, step: usize, answer: &Answer) -> bool {
        if self.state.steps[step].debts.release != Debt::Deciding {
            return false;
        }
        if *answer == Answer::No {
            self.state.steps[step].debts.release = Debt::Discharged;
            self.debt_moved(step, DebtKind::Release);
        } else {
            self.discharge(step, DebtKind::Release);
        }
        true
    }

    /// Leaves every rollback that is not running as it is.
    pub(crate) fn stop_rollbacks(&mut self) {
        let steps: Vec<usize> = self.state.busy.iter().copied().collect();
        for step in steps {
            if self.call_off(step, DebtKind::Rollback) {
                self.state.steps[step].debts.rollback = Debt::Open;
                self.debt_moved(step, DebtKind::Rollback);
            }
        }
    }

    /// Owes again what was due and is not running. Returns whether there was anything.
    pub(crate) fn call_off(&mut self, step: usize, kind: DebtKind) -> bool {
        let is_off = match *self.debt(step, kind) {
            Debt::Deciding => true,
            Debt::Discharging(task) if task.is_unbegun() || task.at == TaskAt::Pausing => {
                *self.state.steps[step].tried.of_mut(kind) = task.r#try - 1;
                true
            }
            Debt::Discharging(task) if kind == DebtKind::Rollback && matches!(task.at, TaskAt::Asked(_)) => {
                *self.state.steps[step].tried.of_mut(kind) = task.r#try;
                true
            }
            Debt::Discharging(_) | Debt::None | Debt::Owed | Debt::Open | Debt::Discharged | Debt::Off => false,
        };
        if is_off {
            *self.debt_mut(step, kind) = Debt::Owed;
        }
        is_off
    }

    /// Owes again what was left open: a new engine tries again.
    pub(crate) fn owe_again(&mut self, step: usize) {
        let debts = &mut self.state.steps[step].debts;
        for debt in [&mut debts.cleanup, &mut debts.rollback, &mut debts.release] {
            if *debt == Debt::Open {
                *debt = Debt::Owed;
            }
        }
    }

    /// Takes a human's word.
    pub(crate) fn said(
        &mut self,
        id: &StepId,
        debt: Option<DebtKind>,
        done: Done,
        outputs: &BTreeMap<String, Value>,
    ) -> Result<(), &'static str> {
        let step = self.shape.index(id).ok_or("the plan has no such step")?;
        self.state.is_told |= matches!(self.state.phase, Phase::Resting | Phase::AtRest);
        let Some(kind) = debt else {
            let was_in_doubt = self.attempt_said(step, done == Done::Done, outputs);
            return if was_in_doubt { Ok(()) } else { Err("the step is not in doubt") };
        };
        if self.state.steps[step].stage.is_under_way() {
            return Err("the step is not over: resume the run first");
        }
        if !self.debt_mut(step, kind).is_open() {
            return Err("the step does not owe that");
        }
        if done == Done::Done {
            *self.debt_mut(step, kind) = Debt::Discharged;
            self.debt_moved(step, kind);
        }
        Ok(())
    }

    pub(crate) fn hook(&self, step: usize, kind: DebtKind) -> Option<&Hook> {
        let planned = self.planned(step);
        match kind {
            DebtKind::Cleanup => planned.cleanup.as_ref(),
            DebtKind::Rollback => planned.rollback_hook(),
            DebtKind::Release => planned.release.as_ref().map(|release| &release.hook),
        }
    }

    pub(crate) fn debt(&self, step: usize, kind: DebtKind) -> &Debt {
        let debts = &self.state.steps[step].debts;
        match kind {
            DebtKind::Cleanup => &debts.cleanup,
            DebtKind::Rollback => &debts.rollback,
            DebtKind::Release => &debts.release,
        }
    }

    pub(crate) fn debt_mut(&mut self, step: usize, kind: DebtKind) -> &mut Debt {
        let debts = &mut self.state.steps[step].debts;
        match kind {
            DebtKind::Cleanup => &mut debts.cleanup,
            DebtKind::Rollback => &mut debts.rollback,
            DebtKind::Release => &mut debts.release,
        }
    }
}

impl Tried {
    fn of(mut self, kind: DebtKind) -> u32 {
        *self.of_mut(kind)
    }

    fn of_mut(&mut self, kind: DebtKind) -> &mut u32 {
        match kind {
            DebtKind::Cleanup => &mut self.cleanup,
            DebtKind::Rollback => &mut self.rollback,
            DebtKind::Release => &mut self.release,
        }
    }
}

impl Debts {
    pub(crate) fn are_under_way(&self) -> bool {
        self.cleanup.is_under_way() || self.rollback.is_under_way() || self.release.is_under_way()
    }
}

impl Debt {
    /// Returns whether something is being done about it.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Debt::Deciding | Debt::Discharging(_))
    }

    /// Returns whether it is owed and nothing is being done about it.
    pub fn is_open(&self) -> bool {
        matches!(self, Debt::Owed | Debt::Open)
    }
}
