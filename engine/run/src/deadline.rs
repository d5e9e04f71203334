//! Deadlines: how long the guards, attempts and verifies of a step and the waits between them may take in all.
//!
//! The time is the driver's: a step waits for [`Wait::Deadline`] while its clock runs. What ended commands and waits took is
//! in the journal, so a new engine goes on from there; the clock stands still while there is no engine and nothing runs.

use std::time::Duration;

use crate::command::CommandId;
use crate::effect::Pause;
use crate::event::Wait;
use crate::machine::Run;
use crate::state::{Cause, Clock, Outcome, Stage, TaskAt};

impl Run {
    /// Gathers the deadlines whose clocks run.
    pub(crate) fn deadline_pauses(&self, pauses: &mut Vec<Pause>) {
        for &step in self.shape.timed().iter().filter(|&&step| self.is_timed(step)) {
            let Clock { spent, adopted, .. } = self.state.steps[step].clock;
            let deadline = self.planned(step).deadline.unwrap_or_default();
            let length = deadline.saturating_sub(spent).saturating_sub(adopted);
            pauses.push(Pause { wait: Wait::Deadline(self.shape.id(step).clone()), length });
        }
    }

    /// Returns whether the clock of a step's deadline runs. Hooks and people are not on the clock.
    fn is_timed(&self, step: usize) -> bool {
        let state = &self.state.steps[step];
        let asks_people = self.planned(step).command().is_some_and(|command| command.program.asks_people());
        let is_on_clock = match state.stage {
            Stage::Attempting(_) if asks_people => false,
            Stage::Guarding(..)
            | Stage::Attempting(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_) => true,
            Stage::Waiting
            | Stage::Deciding
            | Stage::Expanding
            | Stage::Inside
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => false,
        };
        // As long as nobody knows whether a command runs, nobody knows for how long it has.
        let is_unsure = state.stage.task().is_some_and(|task| task.at == TaskAt::Unsure);
        is_on_clock && !is_unsure && !state.clock.is_over && self.state.doubts == 0
    }

    /// The deadline of a step is over: what runs is ended, what waits has failed. Returns whether its clock ran.
    pub(crate) fn deadline_over(&mut self, step: usize) -> bool {
        if self.planned(step).deadline.is_none() || !self.is_timed(step) {
            return false;
        }
        self.state.steps[step].clock.is_over = true;
        self.end_poll_of(step);
        match self.state.steps[step].stage {
            Stage::Guarding(_, task) if task.is_unbegun() => self.settle(step, Outcome::Failed(Cause::Deadline)),
            Stage::Attempting(task) if task.is_unbegun() => {
                self.state.steps[step].attempts -= 1;
                self.settle(step, Outcome::Failed(Cause::Deadline));
            }
            Stage::Pausing(cause) | Stage::Choosing(cause) => self.settle(step, Outcome::Failed(cause)),
            Stage::Waiting
            | Stage::Deciding
            | Stage::Expanding
            | Stage::Inside
            | Stage::Guarding(..)
            | Stage::Attempting(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => {}
        }
        true
    }

    /// Returns whether a step has a deadline that is over: it makes no further attempt.
    pub(crate) fn is_overdue(&self, step: usize) -> bool {
        self.state.steps[step].clock.is_over
    }

    /// Takes from a step's deadline what an ended command took.
    pub(crate) fn spend(&mut self, command: &CommandId, ms: u64) {
        if let Some(clock) = self.clock_of(command) {
            clock.spent += Duration::from_millis(ms);
            clock.adopted = Duration::ZERO;
        }
    }

    /// Takes note of how long a command had been running that this engine has found.
    pub(crate) fn note_age(&mut self, command: &CommandId, ms: u64) {
        if let Some(clock) = self.clock_of(command) {
            clock.adopted = Duration::from_millis(ms);
        }
    }

    /// Takes from a step's deadline what a wait of it takes, before the wait is over.
    pub(crate) fn spend_wait(&mut self, wait: &Wait) {
        let step = match wait {
            Wait::Attempt(id) => Some(id),
            Wait::Look(command) => command.step(),
            Wait::Hook(..) | Wait::Within(_) | Wait::Deadline(_) | Wait::Answer(_) => None,
        };
        let step = step.and_then(|id| self.shape.index(id)).filter(|&step| self.planned(step).deadline.is_some());
        let Some(step) = step else { return };
        let pause = self.pauses().into_iter().find(|pause| pause.wait == *wait);
        self.state.steps[step].clock.spent += pause.map_or(Duration::ZERO, |pause| pause.length);
    }

    fn clock_of(&mut self, command: &CommandId) -> Option<&mut Clock> {
        let step = command.step().filter(|_| !command.is_hook()).and_then(|id| self.shape.index(id))?;
        self.planned(step).deadline?;
        Some(&mut self.state.steps[step].clock)
    }
}
