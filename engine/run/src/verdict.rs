//! How a run ended, and what is still owed.

use std::fmt;

use firedrill_model::plan::{OnUnmet, Rollback};
use serde::{Deserialize, Serialize};

use crate::command::StepId;
use crate::event::DebtKind;
use crate::machine::Run;
use crate::state::{Answered, Asking, Cancel, Cause, Debt, Doubt, Outcome, Phase, Stage, StepState};

/// How a run ended: the worst that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Verdict {
    /// Everything was done.
    Succeeded,
    /// Nothing had to be done.
    Skipped,
    /// A guard was unmet before anything started.
    Refused,
    /// A step failed, and nothing of what was started is left.
    RolledBack,
    /// A step failed, and something of what was started is left.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A human is needed.
    Stuck,
}

/// Something a human must see to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// Nobody knows whether the step had its effect.
    InDoubt {
        /// The step.
        step: StepId,
        /// Why nobody knows.
        doubt: Doubt,
    },
    /// The step has failed, and a human must say what that means.
    Undecided {
        /// The step.
        step: StepId,
    },
    /// An obligation of a step is not discharged.
    Owed {
        /// The step.
        step: StepId,
        /// Which of its obligations.
        debt: DebtKind,
    },
    /// An invariant does not hold or could not tell.
    Invariant {
        /// Its id.
        id: String,
        /// What it said.
        answer: Answered,
    },
}

/// What one step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    /// What it is doing or how it ended.
    pub stage: &'a Stage,
    /// Attempts begun.
    pub attempts: u32,
    /// Whether an attempt was really started.
    pub is_effective: bool,
    /// The exit code of its latest attempt, if it ended by itself.
    pub exit_code: Option<i32>,
    /// Its cleanup.
    pub cleanup: &'a Debt,
    /// Its rollback.
    pub rollback: &'a Debt,
    /// Its release.
    pub release: &'a Debt,
}

impl Run {
    /// Returns the verdict, once the run is at rest.
    pub fn verdict(&self) -> Option<Verdict> {
        (self.state.phase == Phase::AtRest).then(|| self.verdict_so_far())
    }

    /// Returns the verdict as it stands: what the commands of the very end are told.
    pub fn verdict_so_far(&self) -> Verdict {
        let is_taken_back = self.is_taken_back();
        if !self.open().is_empty() || self.state.is_told {
            Verdict::Stuck
        } else if self.state.cancel != Cancel::No {
            Verdict::Cancelled
        } else if let Some(refusal) = self.refused() {
            refusal
        } else if is_taken_back && self.state.steps.iter().enumerate().any(|(at, step)| self.is_left_behind(at, step)) {
            Verdict::Failed
        } else if is_taken_back {
            Verdict::RolledBack
        } else if self.is_all_skipped() {
            Verdict::Skipped
        } else {
            Verdict::Succeeded
        }
    }

    /// Returns whether the run may still change something in the world, or has not given back what it took: what it has
    /// locked is not free before.
    pub fn owes(&self) -> bool {
        if self.state.phase == Phase::AtRest && !self.state.is_told {
            return !self.open().is_empty();
        }
        let has_changed = |(at, step): (usize, &StepState)| step.is_effective() && !self.planned(at).effect.read_only;
        !self.in_flight().is_empty() || self.state.steps.iter().enumerate().any(has_changed)
    }

    /// Returns whether the run is at rest for good: a new engine finds nothing to do.
    pub fn is_over(&self) -> bool {
        self.verdict().is_some_and(|verdict| verdict != Verdict::Stuck)
    }

    /// Returns whether somebody has said something about the run since it came to rest: a new engine goes on with that.
    pub fn is_told(&self) -> bool {
        self.state.is_told
    }

    /// Returns the steps that have failed and about which somebody must decide what that means.
    pub fn undecided(&self) -> impl Iterator<Item = &StepId> {
        let steps = self.state.steps.iter().enumerate().filter(|_| self.state.doubts > 0);
        steps.filter(|(_, state)| matches!(state.stage, Stage::Undecided(_))).map(|(at, _)| self.shape.id(at))
    }

    /// Returns what a human must see to, in the order of the playbook.
    pub fn open(&self) -> Vec<Open> {
        let mut open: Vec<Open> = Vec::new();
        for (at, state) in self.state.steps.iter().enumerate() {
            let step = || self.shape.id(at).clone();
            if let Stage::InDoubt(doubt) = state.stage {
                open.push(Open::InDoubt { step: step(), doubt });
            }
            if matches!(state.stage, Stage::Undecided(_)) {
                open.push(Open::Undecided { step: step() });
            }
            let owed = DebtKind::ALL.into_iter().filter(|kind| self.is_owed(at, *kind));
            open.extend(owed.map(|debt| Open::Owed { step: step(), debt }));
        }
        for (invariant, asking) in self.plan.invariants.iter().zip(&self.state.invariants) {
            if let Asking::Answered(answer @ (Answered::DoesNotHold | Answered::CouldNotTell)) = asking {
                open.push(Open::Invariant { id: invariant.id.clone(), answer: *answer });
            }
        }
        open
    }

    /// A rollback is owed to nobody as long as nothing has failed.
    fn is_owed(&self, step: usize, kind: DebtKind) -> bool {
        match (kind, self.debt(step, kind)) {
            (DebtKind::Rollback, _) => {
                (self.is_taken_back() || self.state.cancel != Cancel::No) && self.owes_rollback(step)
            }
            (_, Debt::Owed | Debt::Open | Debt::Deciding | Debt::Discharging(_)) => true,
            (_, Debt::None | Debt::Discharged | Debt::Off) => false,
        }
    }

    /// Returns the verdict of a run that did nothing because a guard said so.
    fn refused(&self) -> Option<Verdict> {
        if self.state.rests == 0 {
            return self.refusal().map(|kind| match kind {
                OnUnmet::Abort => Verdict::Refused,
                OnUnmet::Skip => Verdict::Skipped,
            });
        }
        let is_untouched = !self.state.steps.iter().any(StepState::is_effective);
        let is_guarded = |step: &StepState| step.stage == Stage::Settled(Outcome::Failed(Cause::Guard));
        (is_untouched && self.has_failed() && self.state.steps.iter().any(is_guarded)).then_some(Verdict::Refused)
    }

    fn is_all_skipped(&self) -> bool {
        let mut steps = self.state.steps.iter();
        !self.state.steps.is_empty() && steps.all(|step| step.stage == Stage::Settled(Outcome::Skipped))
    }

    /// Returns whether something of what a step did is still there.
    fn is_left_behind(&self, at: usize, state: &StepState) -> bool {
        let planned = self.planned(at);
        let is_undone = state.debts.rollback == Debt::Discharged;
        let is_cleaned = state.has_failed() && state.debts.cleanup == Debt::Discharged;
        let is_given_back = planned.rollback == Rollback::Unsaid && state.debts.release == Debt::Discharged;
        let is_nothing = planned.effect.read_only || planned.rollback == Rollback::Nothing;
        state.is_effective() && !is_undone && !is_cleaned && !is_given_back && !is_nothing
    }

    /// Returns what a step came to.
    pub fn summary(&self, step: usize) -> Summary<'_> {
        let state = &self.state.steps[step];
        Summary {
            stage: &state.stage,
            attempts: state.attempts,
            is_effective: state.is_effective(),
            exit_code: state.exit_code,
            cleanup: &state.debts.cleanup,
            rollback: &state.debts.rollback,
            release: &state.debts.release,
        }
    }
}

impl Verdict {
    /// Returns the verdict in the words of the glossary.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Succeeded => "succeeded",
            Verdict::Skipped => "skipped",
            Verdict::Refused => "refused",
            Verdict::RolledBack => "rolled back",
            Verdict::Failed => "failed",
            Verdict::Cancelled => "cancelled",
            Verdict::Stuck => "stuck",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
