//! Deadlines: how long the wait for its locks, the guards, attempts and verifies of a step and the waits between them may take in all; of a group,
//! its guards and all that is inside of it.
//!
//! The time is the driver's: a step waits for [`Wait::Deadline`] while its clock runs. What ended commands and waits took is
//! in the journal, so a new engine goes on from there; the clock stands still while there is no engine and nothing runs.
//!
//! Members of a group run beside one another, so what they took does not add up. Each keeps a mark: what the group's clock
//! was known to show when the member last began or ended something. A command that took a minute has moved the clock to a
//! minute after its member's mark at the least. Thus the clock is never ahead of what has really passed, and is exact for
//! members in a row.

use std::time::Duration;

use crate::command::{CommandId, StepId};
use crate::effect::Pause;
use crate::event::Wait;
use crate::machine::Run;
use crate::state::{Cause, Clock, Outcome, Stage, TaskAt};

/// What a step does, as far as a clock is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// What a deadline limits.
    Timed,
    /// Nothing, or what no deadline limits: people, hooks.
    Untimed,
    /// Nobody knows whether its command runs, and for how long it has.
    Unsure,
}

impl Run {
    /// Gathers the deadlines whose clocks run.
    pub(crate) fn deadline_pauses(&self, pauses: &mut Vec<Pause>) {
        for &step in self.shape.timed().iter().filter(|&&step| self.is_timed(step)) {
            let Clock { spent, adopted, .. } = self.clock(step);
            let deadline = self.planned(step).deadline.unwrap_or_default();
            let length = deadline.saturating_sub(spent).saturating_sub(adopted);
            pauses.push(Pause { wait: Wait::Deadline(self.shape.id(step).clone()), length });
        }
    }

    /// Returns what has passed of the deadline of a step.
    pub(crate) fn clock(&self, step: usize) -> Clock {
        self.state.clocks.get(&step).copied().unwrap_or_default()
    }

    fn clock_mut(&mut self, step: usize) -> &mut Clock {
        self.state.clocks.entry(step).or_default()
    }

    /// Returns whether the clock of a step's deadline runs.
    fn is_timed(&self, step: usize) -> bool {
        let is_running = match self.state.steps[step].stage {
            Stage::Inside => self.is_timed_inside(step),
            _ => self.pace(step) == Pace::Timed,
        };
        is_running && !self.clock(step).is_over && self.state.doubts == 0
    }

    /// Returns whether a group's clock runs: while something is done inside that is on the clock.
    fn is_timed_inside(&self, group: usize) -> bool {
        let mut paces = self.shape.inside(group).iter().map(|&step| self.pace(step));
        let is_sure = paces.clone().all(|pace| pace != Pace::Unsure);
        is_sure && paces.any(|pace| pace == Pace::Timed)
    }

    fn pace(&self, step: usize) -> Pace {
        let state = &self.state.steps[step];
        if state.stage.task().is_some_and(|task| task.at == TaskAt::Unsure) {
            return Pace::Unsure;
        }
        match state.stage {
            Stage::Attempting(_) if self.asks_people_at(step) => Pace::Untimed,
            Stage::Locking
            | Stage::Guarding(..)
            | Stage::Attempting(_)
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_) => Pace::Timed,
            Stage::Waiting
            | Stage::Deciding
            | Stage::Expanding
            | Stage::Inside
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => Pace::Untimed,
        }
    }

    /// The deadline of a step is over: what runs is ended, what waits has failed. Returns whether its clock ran.
    pub(crate) fn deadline_over(&mut self, step: usize) -> bool {
        if self.planned(step).deadline.is_none() || !self.is_timed(step) {
            return false;
        }
        self.clock_mut(step).is_over = true;
        let shape = std::sync::Arc::clone(&self.shape);
        for &member in shape.inside(step) {
            self.end_for_deadline(member);
            self.place(member);
        }
        self.end_for_deadline(step);
        true
    }

    fn asks_people_at(&self, step: usize) -> bool {
        self.planned(step).command().is_some_and(|command| command.program.asks_people())
    }

    /// Ends what of a step waits or has not begun.
    pub(crate) fn end_for_deadline(&mut self, step: usize) {
        self.end_poll_of(step);
        match self.state.steps[step].stage {
            Stage::Locking => self.settle(step, Outcome::Failed(Cause::Deadline)),
            Stage::Guarding(_, task) if task.is_unbegun() => self.settle(step, Outcome::Failed(Cause::Deadline)),
            Stage::Attempting(task) if task.is_unbegun() && !self.asks_people_at(step) => {
                self.state.steps[step].attempts -= u32::from(task.r#try == 1);
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
    }

    /// Returns the step or group around it whose deadline is over: it makes no further attempt.
    pub fn overdue(&self, step: usize) -> Option<usize> {
        self.around(step).find(|&at| self.clock(at).is_over)
    }

    pub(crate) fn is_overdue(&self, step: usize) -> bool {
        self.overdue(step).is_some()
    }

    /// Takes note that a command began.
    pub(crate) fn mark_start(&mut self, command: &CommandId) {
        self.pass(command.step(), None);
    }

    /// Takes from deadlines what an ended command took.
    pub(crate) fn spend(&mut self, command: &CommandId, ms: u64) {
        let took = Duration::from_millis(ms);
        let is_timed = !command.is_hook() && !self.asks_people(command);
        self.pass(command.step(), Some(took).filter(|_| is_timed));
        if let Some(clock) = self.clock_of(command) {
            clock.spent += took;
            clock.adopted = Duration::ZERO;
        }
    }

    /// Takes from deadlines what a step waited for its locks.
    pub(crate) fn spend_on_locks(&mut self, step: usize, waited: Duration) {
        let id = self.shape.id(step).clone();
        self.pass(Some(&id), Some(waited));
        if self.planned(step).deadline.is_some() {
            self.clock_mut(step).spent += waited;
        }
    }

    /// Takes note of how long a command had been running that this engine has found.
    pub(crate) fn note_age(&mut self, command: &CommandId, ms: u64) {
        let age = Duration::from_millis(ms);
        let step = command.step().filter(|_| !command.is_hook()).and_then(|id| self.shape.index(id));
        if let Some(step) = step {
            self.advance(step, age);
        }
        if let Some(clock) = self.clock_of(command) {
            clock.adopted = age;
        }
    }

    /// Takes from deadlines what a wait takes, before the wait is over.
    pub(crate) fn spend_wait(&mut self, wait: &Wait) {
        let (step, is_timed) = match wait {
            Wait::Attempt(id) => (Some(id), true),
            Wait::Look(command) => (command.step(), !command.is_hook()),
            Wait::Hook(id, _) => (Some(id), false),
            Wait::Within(_) | Wait::Deadline(_) | Wait::Answer(_) => (None, false),
        };
        let Some(at) = step.and_then(|id| self.shape.index(id)) else { return };
        if !self.around(at).any(|around| self.planned(around).deadline.is_some()) {
            return;
        }
        let pause = self.pauses().into_iter().find(|pause| pause.wait == *wait && is_timed);
        let took = pause.map(|pause| pause.length);
        self.pass(step, took);
        if self.planned(at).deadline.is_some() {
            self.clock_mut(at).spent += took.unwrap_or_default();
        }
    }

    /// Moves the clocks of the groups around a step by what it did, if that was on the clock, and marks where they are.
    fn pass(&mut self, step: Option<&StepId>, took: Option<Duration>) {
        let Some(step) = step.and_then(|id| self.shape.index(id)) else { return };
        if let Some(took) = took {
            self.advance(step, took);
        }
        for group in self.timed_groups_of(step) {
            let shown = self.clock(group).spent;
            self.state.marks.insert((group, step), shown);
        }
    }

    /// Moves the clocks of the groups around a step to the least that they can show, by how long it has been at something.
    fn advance(&mut self, step: usize, took: Duration) {
        for group in self.timed_groups_of(step) {
            let mark = self.state.marks.get(&(group, step)).copied().unwrap_or_default();
            let clock = self.clock_mut(group);
            clock.spent = clock.spent.max(mark + took);
        }
    }

    fn timed_groups_of(&self, step: usize) -> Vec<usize> {
        self.plan.groups_of(step).filter(|&group| self.planned(group).deadline.is_some()).collect()
    }

    fn around(&self, step: usize) -> impl Iterator<Item = usize> {
        std::iter::once(step).chain(self.plan.groups_of(step))
    }

    fn clock_of(&mut self, command: &CommandId) -> Option<&mut Clock> {
        let step = command.step().filter(|_| !command.is_hook()).and_then(|id| self.shape.index(id))?;
        self.planned(step).deadline?;
        Some(self.clock_mut(step))
    }
}
