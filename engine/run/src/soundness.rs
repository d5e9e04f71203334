//! Numbers and sets that the state keeps so that nobody need count: each equals what it counts.
//!
//! Held against one another after every event, in builds with debug assertions: every test and every sweep then looks for
//! a number that has gone astray, however little follows from it there.

use firedrill_model::plan::Signal;

use crate::machine::Run;
use crate::state::{Asking, Phase, Stage, StepState, Task};

impl Run {
    /// Returns what is kept and is not what it counts; nothing if all is well.
    pub(crate) fn miscount(&self) -> Option<String> {
        let state = &self.state;
        let count = |is_one: fn(&StepState) -> bool| state.steps.iter().filter(|step| is_one(step)).count();
        let unwound = count(|step| step.is_unwound);
        let numbers = [
            ("in_flight", state.in_flight as usize, self.commands_out()),
            ("doubts", state.doubts as usize, count(|step| step.stage.waits_for_word())),
            ("settled", state.settled, count(|step| step.stage.is_settled())),
            ("unwound", if state.phase == Phase::Unwinding { state.unwound } else { unwound }, unwound),
        ];
        let wrong = numbers.into_iter().find(|(_, kept, counted)| kept != counted);
        let wrong = wrong.map(|(name, kept, counted)| format!("{name} is {kept} and should be {counted}"));
        wrong.or_else(|| (0..state.steps.len()).find_map(|step| self.miscount_of(step)))
    }

    fn miscount_of(&self, step: usize) -> Option<String> {
        let state = &self.state.steps[step];
        let is_unwinding = self.phase_of(step) == Phase::Unwinding;
        let sets = [&self.state.ready, &self.state.busy, &self.state.polling].map(|set| set.contains(&step));
        let is_over =
            |at: usize| self.state.steps[at].stage.is_settled() || self.state.steps[at].stage.waits_for_word();
        let is_reachable = !is_over(step) && !self.plan.groups_of(step).any(is_over);
        let is_cleaning = matches!(state.stage, Stage::Cleaning(_));
        let wrong = [
            ("needs_left", is_reachable && state.needs_left as usize != self.needs_left(step)),
            ("members_left", state.members_left as usize != self.members_left(step)),
            ("until_left", state.until_left as usize != self.until_left(step)),
            ("unwind_left", is_unwinding && state.unwind_left as usize != self.unwind_left(step)),
            ("ready, busy or polling", self.places(step) != sets),
            ("effective", state.effective > state.attempts - state.voided),
            ("cleanup", is_cleaning && !state.debts.cleanup.is_under_way()),
        ];
        let wrong = wrong.into_iter().find(|(_, is_wrong)| *is_wrong);
        wrong.map(|(name, _)| format!("{name} of {} is wrong: {state:?}", self.shape.id(step)))
    }

    fn commands_out(&self) -> usize {
        let state = &self.state;
        let asked = state.guards.iter().chain(&state.invariants).filter(|asking| Asking::is_out(asking)).count();
        let last = state.finals.task.iter();
        let steps = state.steps.iter().flat_map(|step| {
            let debts = [&step.debts.cleanup, &step.debts.rollback, &step.debts.release];
            step.stage.task().into_iter().chain(debts.into_iter().filter_map(|debt| debt.task()))
        });
        asked + last.chain(steps).filter(|task| Task::is_out(task)).count()
    }

    fn needs_left(&self, step: usize) -> usize {
        let planned = self.planned(step);
        let is_open = |need: usize| {
            let before = &self.state.steps[need];
            if self.shape.heads(need).contains(&step) { before.stage != Stage::Inside } else { !before.is_passed_on }
        };
        let needs = planned.needs.iter().filter(|&&need| is_open(need)).count();
        needs + planned.after.iter().filter(|signal| self.is_awaited(signal)).count()
    }

    fn members_left(&self, group: usize) -> usize {
        self.shape.members(group).iter().filter(|&&member| !self.state.steps[member].stage.is_settled()).count()
    }

    fn until_left(&self, step: usize) -> usize {
        let Some(release) = &self.planned(step).release else { return 0 };
        let is_open = |&&until: &&usize| {
            let state = &self.state.steps[until];
            !state.stage.is_settled() && !state.is_passed_on
        };
        let until = release.until.iter().filter(is_open).count();
        until + release.until_reached.iter().filter(|signal| self.is_awaited(signal)).count()
    }

    /// Returns whether a milestone has not let anything happen. One that settled and is attempted again has.
    fn is_awaited(&self, signal: &Signal) -> bool {
        !self.has_reached(signal.step, signal.milestone) && !self.state.steps[signal.step].is_passed_on
    }

    fn unwind_left(&self, step: usize) -> usize {
        let scope = self.unwinding_scope(step);
        let is_meant = |&&after: &&usize| scope.is_none_or(|scope| self.shape.is_within(after, scope));
        let dependents = self.shape.begun_after(step).iter().filter(is_meant);
        dependents.filter(|&&after| !self.state.steps[after].is_unwound).count()
    }
}
