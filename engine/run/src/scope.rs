//! Scopes that unwind by themselves: a step or group with `on_failure: continue`, or an instance of a repetition that
//! tolerates failures. What fails inside of it takes back the scope alone, and the rest of the playbook goes on.
//!
//! A scope of which something stays open, because a hook failed for good, is not made good: its failure is then one of
//! what surrounds it.

use crate::machine::{News, Run};
use crate::state::{Cancel, Cause, Debt, Outcome, Phase, Stage, Undoing};

/// How far a scope that unwinds by itself is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    /// Nothing inside has failed for good.
    Forth,
    /// Something has: attempts inside end, nothing new starts inside.
    Halting,
    /// What was done inside is taken back.
    Unwinding,
    /// It was taken back, and the rest goes on.
    Absorbed,
    /// It was taken back as far as possible, and the rest is taken back too.
    Spilled,
}

impl Run {
    /// Returns what the run is doing as far as a step is concerned: its scopes may unwind while the rest goes on.
    pub(crate) fn phase_of(&self, step: usize) -> Phase {
        if self.state.phase != Phase::Working {
            return self.state.phase;
        }
        let mut courses = self.shape.scopes(step).iter().map(|&scope| self.state.steps[scope].course);
        let phase = courses.find_map(|course| match course {
            Course::Halting => Some(Phase::Halting),
            Course::Unwinding => Some(Phase::Unwinding),
            Course::Forth | Course::Absorbed | Course::Spilled => None,
        });
        phase.unwrap_or(Phase::Working)
    }

    /// Returns the scope with which a step is being taken back; none if the whole run is.
    pub(crate) fn unwinding_scope(&self, step: usize) -> Option<usize> {
        let is_working = self.state.phase == Phase::Working;
        let mut scopes = self.shape.scopes(step).iter().filter(|_| is_working);
        scopes.find(|&&scope| self.state.steps[scope].course == Course::Unwinding).copied()
    }

    /// Returns the innermost scope that the failure of a step concerns; none if that is the whole run. A scope that could not be
    /// made good fails in what surrounds it.
    pub(crate) fn governing_scope(&self, step: usize) -> Option<usize> {
        let is_spilled = self.state.steps[step].course == Course::Spilled;
        self.shape.scopes(step).iter().rev().copied().find(|&scope| scope != step || !is_spilled)
    }

    /// Returns whether the failure of a step is one that a scope around it takes back, or has taken back.
    pub(crate) fn is_contained(&self, step: usize) -> bool {
        let is_containing = |scope: &usize| {
            matches!(self.state.steps[*scope].course, Course::Halting | Course::Unwinding | Course::Absorbed)
        };
        self.shape.scopes(step).iter().any(is_containing)
    }

    /// Returns whether somebody must say what the failure of a step means.
    pub(crate) fn must_ask(&self, step: usize) -> bool {
        self.planned(step).on_failure == firedrill_model::plan::OnFailure::Ask
            && self.state.cancel == Cancel::No
            && self.state.undoing == Undoing::Unsaid
            && self.phase_of(step) == Phase::Working
    }

    /// A step has failed for good: the innermost scope around it that unwinds by itself halts, or the run does.
    pub(crate) fn halt_around(&mut self, step: usize) {
        match self.shape.scopes(step).last() {
            Some(&scope) => self.halt_scope(scope),
            None => self.halt(),
        }
    }

    fn halt_scope(&mut self, scope: usize) {
        let was_working = self.phase_of(scope) == Phase::Working;
        let course = &mut self.state.steps[scope].course;
        if *course == Course::Forth {
            *course = Course::Halting;
        }
        if was_working {
            self.halt_steps(|run, step| run.shape.is_within(step, scope));
        }
    }

    /// Takes up again what was being taken back when the run came to rest.
    pub(crate) fn halt_scopes_again(&mut self) {
        for scope in 0..self.state.steps.len() {
            let course = self.state.steps[scope].course;
            if matches!(course, Course::Halting | Course::Unwinding) {
                self.state.steps[scope].course = Course::Halting;
            }
        }
    }

    /// Moves the scopes on that are being taken back. Returns whether one has moved.
    pub(crate) fn end_scopes(&mut self) -> bool {
        (0..self.shape.owners().len()).any(|at| {
            let scope = self.shape.owners()[at];
            match self.state.steps[scope].course {
                Course::Halting => self.end_halting_of(scope),
                Course::Unwinding => self.end_unwinding_of(scope),
                Course::Forth | Course::Absorbed | Course::Spilled => false,
            }
        })
    }

    fn end_halting_of(&mut self, scope: usize) -> bool {
        let is_active = |step: &usize| self.state.steps[*step].stage.is_under_way();
        if self.phase_of(scope) != Phase::Halting || self.within(scope).any(|step| is_active(&step)) {
            return false;
        }
        self.state.steps[scope].course = Course::Unwinding;
        let steps: Vec<usize> = self.within(scope).collect();
        self.unwind_all(steps.into_iter(), |run, step| run.shape.is_within(step, scope));
        true
    }

    fn end_unwinding_of(&mut self, scope: usize) -> bool {
        if !self.within(scope).all(|step| self.state.steps[step].is_unwound) {
            return false;
        }
        let is_open = |step: usize| self.leaves_open(step);
        if self.within(scope).any(is_open) {
            self.spill(scope);
        } else {
            self.absorb(scope);
        }
        true
    }

    /// Returns whether a step that was taken back still owes something.
    fn leaves_open(&self, step: usize) -> bool {
        let debts = &self.state.steps[step].debts;
        self.owes_rollback(step) || debts.cleanup.is_open() || matches!(debts.release, Debt::Owed | Debt::Open)
    }

    /// The scope cannot be made good: what surrounds it has failed.
    fn spill(&mut self, scope: usize) {
        self.state.steps[scope].course = Course::Spilled;
        if !matches!(self.state.steps[scope].stage, Stage::Settled(_)) {
            self.mark_settled(scope, Outcome::Failed(Cause::Members));
        }
        match self.shape.scopes(scope).iter().rev().nth(1) {
            Some(&around) => self.halt_scope(around),
            None => self.halt(),
        }
    }

    /// The scope was taken back: it has failed as a whole, and what waits for it goes on.
    fn absorb(&mut self, scope: usize) {
        self.state.steps[scope].course = Course::Absorbed;
        self.state.undoing = Undoing::Unsaid;
        self.news.push(News::Absorbed(scope));
        let steps: Vec<usize> = self.within(scope).collect();
        for &step in steps.iter().rev() {
            let course = &mut self.state.steps[step].course;
            if matches!(course, Course::Halting | Course::Unwinding) {
                *course = Course::Absorbed;
            }
            let stage = self.state.steps[step].stage;
            if stage == Stage::Inside {
                self.mark_settled(step, Outcome::Failed(Cause::Members));
            } else if !matches!(stage, Stage::Settled(_)) {
                self.mark_settled(step, Outcome::Unreached);
            }
        }
    }

    /// Lets the steps outside of a scope that was taken back go on.
    pub(crate) fn pass_on_absorbed(&mut self, scope: usize) {
        let steps: Vec<usize> = self.within(scope).collect();
        for step in steps {
            self.pass_on(step);
        }
    }

    fn within(&self, scope: usize) -> impl Iterator<Item = usize> + Clone {
        std::iter::once(scope).chain(self.shape.inside(scope).iter().copied())
    }
}
