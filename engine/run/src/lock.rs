//! Locks of steps: when one may be taken, and what the run keeps.
//!
//! Two things are told apart. *Within the run* steps that share a lock do nothing at the same time: one that is between
//! taking its locks and settling, or whose hook is running, keeps the others from taking theirs and from starting hooks. What
//! is only owed keeps nobody of the same run waiting: it may be owed until the very step that waits has settled.
//! *Against other runs* a name is kept until its step has settled and owes nothing, the rollback included that may still
//! become due: nobody else sees what may yet be taken back, and no hook has to wait for another run.
//!
//! All names of a step are taken at once, those inside of a group with it, so that nobody of a run waits for a lock on which
//! somebody waits who has what he wants.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::command::StepId;
use crate::event::DebtKind;
use crate::machine::Run;
use crate::state::{Cancel, Cause, Debt, Outcome, Phase, Stage, Task, TaskAt};

impl Run {
    /// Returns the names of the locks that the run keeps for its steps: nobody else may have them.
    ///
    /// Those that the run has for itself are not among them: it keeps these until it owes nothing at all.
    pub fn locks(&self) -> BTreeSet<&str> {
        if self.shape.lockers().is_empty() || self.is_over() {
            return BTreeSet::new();
        }
        let keepers = self.shape.lockers().iter().filter(|&&step| self.keeps_locks(step));
        let names = keepers.flat_map(|&step| self.shape.locks(step)).map(String::as_str);
        names.filter(|name| !self.plan.locks.iter().any(|own| own == name)).collect()
    }

    /// Returns the names of the locks that a step takes, sorted.
    pub fn locks_of(&self, id: &StepId) -> &[String] {
        self.shape.index(id).map_or(&[], |step| self.shape.locks(step))
    }

    fn keeps_locks(&self, step: usize) -> bool {
        let has_taken = |at: usize| self.is_past_locks(at) || self.may_owe(at);
        has_taken(step) || self.shape.inside(step).iter().any(|&member| has_taken(member))
    }

    /// Returns whether a step has taken its locks and has not settled. A group that is being taken back lives on only in
    /// what its members owe.
    fn is_past_locks(&self, step: usize) -> bool {
        match self.state.steps[step].stage {
            Stage::Waiting | Stage::Deciding | Stage::Locking | Stage::Settled(_) => false,
            Stage::Inside => !self.is_left(step),
            Stage::Guarding(..)
            | Stage::Expanding
            | Stage::Attempting(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_) => true,
        }
    }

    /// Returns whether nothing begins inside a group any more: what was done in it is taken back.
    fn is_left(&self, group: usize) -> bool {
        match self.phase_of(group) {
            Phase::Unwinding => true,
            Phase::Resting | Phase::AtRest => self.state.cancel != Cancel::No || self.is_taken_back(),
            Phase::New | Phase::Guarding | Phase::Working | Phase::Halting => false,
        }
    }

    /// Returns whether a step owes something, or may have to: until the run is over a rollback may become due.
    fn may_owe(&self, step: usize) -> bool {
        DebtKind::ALL.into_iter().any(|kind| match self.debt(step, kind) {
            Debt::None | Debt::Discharged | Debt::Off => false,
            Debt::Owed | Debt::Deciding | Debt::Discharging(_) | Debt::Open => true,
        })
    }

    /// Returns whether a step that waits for its locks may have them, as far as this run is concerned.
    pub(crate) fn may_lock(&self, step: usize) -> bool {
        self.state.doubts == 0 && self.phase_of(step) == Phase::Working && !self.is_locked_out(step)
    }

    /// Returns whether another step with a lock of this one, or of a group around it, is at something.
    fn is_locked_out(&self, step: usize) -> bool {
        self.shape.excluded(step).iter().any(|&other| self.is_past_locks(other) || self.has_hook_out(other))
    }

    fn has_hook_out(&self, step: usize) -> bool {
        let is_begun = |task: &Task| task.failures > 0 || !task.is_unbegun();
        DebtKind::ALL.into_iter().any(|kind| self.debt(step, kind).task().is_some_and(is_begun))
    }

    /// Returns whether a hook that could be started must wait, because others have a lock of its step.
    pub(crate) fn is_kept_waiting(&self, step: usize, hook: &Task) -> bool {
        let is_first = matches!(hook.at, TaskAt::Due | TaskAt::Unasked) && hook.failures == 0;
        is_first && self.is_locked_out(step)
    }

    /// Returns whether all hooks of a step that are due wait for others.
    pub(crate) fn waits_with_hooks(&self, step: usize) -> bool {
        DebtKind::ALL.into_iter().all(|kind| match self.debt(step, kind) {
            Debt::Discharging(task) => self.is_kept_waiting(step, task),
            Debt::Deciding => false,
            Debt::None | Debt::Owed | Debt::Open | Debt::Discharged | Debt::Off => true,
        })
    }

    /// Owes again what waits for the locks of a step that only a human can move on.
    pub(crate) fn call_off_waiting_hooks(&mut self) {
        let waiting: Vec<usize> = self.state.busy.iter().copied().filter(|_| self.shape.has_locks()).collect();
        for step in waiting {
            for kind in DebtKind::ALL {
                self.call_off(step, kind);
            }
            self.place(step);
        }
    }

    /// Begins to wait for the locks of a step, or goes on at once if it has none.
    pub(crate) fn want_locks(&mut self, step: usize) {
        if self.planned(step).locks.is_empty() {
            self.ask_guards_of(step);
        } else if self.is_overdue(step) {
            self.settle(step, Outcome::Failed(Cause::Deadline));
        } else {
            self.state.steps[step].stage = Stage::Locking;
        }
    }

    /// A step has its locks.
    pub(crate) fn locked(&mut self, id: &StepId, ms: u64) -> Result<(), &'static str> {
        let step = self.shape.index(id).ok_or("the plan has no such step")?;
        if self.state.steps[step].stage != Stage::Locking {
            return Err("the step does not wait for its locks");
        }
        if !self.may_lock(step) {
            return Err("another step of the run has a lock of this one");
        }
        self.spend_on_locks(step, Duration::from_millis(ms));
        self.ask_guards_of(step);
        self.place(step);
        Ok(())
    }
}
