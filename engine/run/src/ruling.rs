//! What a human decides about a run: what a failure means, and that everything is to be undone.

use std::collections::BTreeMap;

use firedrill_model::value::Value;

use crate::command::StepId;
use crate::event::Ruling;
use crate::machine::Run;
use crate::state::{Cancel, Debt, Outcome, Phase, Stage, Undoing};

impl Run {
    /// Takes a human's word for what the failure of a step means.
    pub(crate) fn ruled(
        &mut self,
        id: &StepId,
        ruling: Ruling,
        outputs: &BTreeMap<String, Value>,
    ) -> Result<(), &'static str> {
        let step = self.shape.index(id).ok_or("the plan has no such step")?;
        let Stage::Undecided(cause) = self.state.steps[step].stage else {
            return Err("nobody is asked what the failure of this step means");
        };
        if ruling == Ruling::Done && self.is_decision(step) {
            return Err("nobody can say in the place of others that they have approved");
        }
        if ruling == Ruling::Retry && self.has_opened(step) {
            return Err("members of the group have begun: it cannot be tried again as a whole");
        }
        self.state.is_told |= matches!(self.state.phase, Phase::Resting | Phase::AtRest);
        self.state.doubts -= 1;
        match ruling {
            Ruling::Retry => self.begin_anew(step),
            Ruling::Done => {
                self.state.outputs.entry(step).or_default().extend(outputs.clone());
                self.owe_for_attempt(step);
                self.settle(step, Outcome::Succeeded);
                self.skip_members(step);
            }
            Ruling::Rollback => {
                self.state.undoing = Undoing::Wanted;
                self.settle(step, Outcome::Failed(cause));
            }
            Ruling::Stop => {
                self.state.undoing = Undoing::Unwanted;
                self.settle(step, Outcome::Failed(cause));
            }
        }
        self.place(step);
        Ok(())
    }

    /// Returns to a step that failed, as if its needs had just settled.
    fn begin_anew(&mut self, step: usize) {
        self.state.steps[step].stage = Stage::Waiting;
        self.begin_if_ready(step);
    }

    /// Everything that the run did is to be undone: a run at rest is opened again for it.
    pub(crate) fn reverse(&mut self) -> Result<(), &'static str> {
        if self.state.doubts > 0 {
            return Err("a step is in doubt or undecided: that must be settled first");
        }
        if self.state.rests == 0 {
            return Err("the run has done nothing that could be undone");
        }
        self.state.undoing = Undoing::Reversal;
        self.state.cancel = Cancel::No;
        for step in 0..self.state.steps.len() {
            self.owe_again(step);
            let rollback = &mut self.state.steps[step].debts.rollback;
            if *rollback == Debt::Off {
                *rollback = Debt::Owed;
            }
        }
        match self.state.phase {
            Phase::Working | Phase::AtRest => {
                self.state.phase = Phase::Working;
                self.halt();
            }
            Phase::New | Phase::Guarding | Phase::Halting | Phase::Unwinding | Phase::Resting => {}
        }
        Ok(())
    }
}
