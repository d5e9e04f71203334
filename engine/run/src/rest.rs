//! What belongs to the playbook as a whole: its guards, its phases, its coming to rest.

use std::sync::Arc;

use firedrill_model::plan::{Condition, OnUnmet, Plan};

use crate::command::Role;
use crate::event::Answer;
use crate::machine::Run;
use crate::state::{
    Answered, Asking, Cancel, Cause, Debt, Doubt, Finals, Outcome, Phase, Recheck, Stage, StepState, Task, TaskAt,
    Undoing,
};
use crate::task::TaskEnd;

impl Run {
    pub(crate) fn start(&mut self) {
        self.state.phase = Phase::Guarding;
        self.ask_guards();
    }

    fn ask_guards(&mut self) {
        self.state.asked += 1;
        let plan = Arc::clone(&self.plan);
        for (asking, guard) in self.state.guards.iter_mut().zip(&plan.guards) {
            *asking = Asking::Asked(Task::first(&guard.probe.command));
        }
    }

    pub(crate) fn playbook_guard_over(&mut self, name: &str, end: TaskEnd) {
        let plan = Arc::clone(&self.plan);
        let Some(at) = plan.guards.iter().position(|guard| guard.id == name) else {
            return;
        };
        self.state.guards[at] = self.state.guards[at].answered(end, &plan.guards[at].probe.command);
    }

    pub(crate) fn invariant_over(&mut self, name: &str, end: TaskEnd) {
        let plan = Arc::clone(&self.plan);
        let Some(at) = plan.invariants.iter().position(|invariant| invariant.id == name) else {
            return;
        };
        self.state.invariants[at] = self.state.invariants[at].answered(end, &plan.invariants[at].probe.command);
    }

    /// Asks the playbook's guards again before the first change, if anything has passed since they were asked.
    pub(crate) fn want_recheck(&mut self, step: usize) {
        let is_open = matches!(self.state.recheck, Recheck::Idle | Recheck::Fresh);
        if !is_open || self.planned(step).effect.read_only {
            return;
        }
        let is_begun = |step: &StepState| step.is_effective() || step.stage.task().is_some_and(Task::is_out);
        let has_begun = self.state.asked > 1 || self.state.steps.iter().any(is_begun);
        if has_begun && !self.plan.guards.is_empty() {
            self.recheck();
        } else {
            self.state.recheck = Recheck::Fresh;
        }
    }

    fn recheck(&mut self) {
        self.state.recheck = Recheck::Asking;
        self.ask_guards();
    }

    /// An attempt has begun: the first change ends the asking.
    pub(crate) fn attempt_began(&mut self, step: usize) {
        if self.state.recheck == Recheck::Fresh && !self.planned(step).effect.read_only {
            self.state.recheck = Recheck::Passed;
        }
    }

    /// An attempt has ended: a change that waits for room must not rely on what was asked before.
    pub(crate) fn attempt_ended(&mut self) {
        if self.state.recheck == Recheck::Fresh {
            self.waiting_change().into_iter().for_each(|step| self.want_recheck(step));
        }
    }

    /// Returns the first change that is due and has not begun.
    fn waiting_change(&self) -> Option<usize> {
        let is_change = |&step: &usize| {
            matches!(self.state.steps[step].stage, Stage::Attempting(_)) && !self.planned(step).effect.read_only
        };
        self.state.ready.union(&self.state.busy).copied().find(is_change)
    }

    /// Returns how often the playbook's guards are being asked, for the names of their commands.
    pub(crate) fn guard_round(&self) -> u32 {
        self.state.asked
    }

    pub(crate) fn playbook_task(&self, role: &Role) -> Option<(&Task, u32)> {
        let (asking, round) = match role {
            Role::Guard(name) => {
                (position(&self.plan, role, name).map(|at| &self.state.guards[at]), self.guard_round())
            }
            Role::Invariant(name) => {
                (position(&self.plan, role, name).map(|at| &self.state.invariants[at]), self.state.rests)
            }
            Role::Final(name) => {
                let last = self.plan.finally.get(self.state.finals.at)?;
                return (last.id == **name).then_some((self.state.finals.task.as_ref()?, self.state.rests));
            }
            Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => {
                return None;
            }
        };
        match asking? {
            Asking::Asked(task) => Some((task, round)),
            Asking::Idle | Asking::Answered(_) => None,
        }
    }

    pub(crate) fn playbook_task_mut(&mut self, role: &Role) -> Option<&mut Task> {
        let asking = match role {
            Role::Guard(name) => position(&self.plan, role, name).map(|at| &mut self.state.guards[at]),
            Role::Invariant(name) => position(&self.plan, role, name).map(|at| &mut self.state.invariants[at]),
            Role::Final(_) => return self.state.finals.task.as_mut(),
            Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => None,
        };
        match asking? {
            Asking::Asked(task) => Some(task),
            Asking::Idle | Asking::Answered(_) => None,
        }
    }

    /// Moves the run as a whole on, if its present phase is over. Returns whether it moved.
    pub(crate) fn next_phase(&mut self) -> bool {
        match self.state.phase {
            Phase::New | Phase::AtRest => false,
            Phase::Guarding => self.end_guarding(),
            Phase::Working => self.end_recheck() || self.end_scopes() || self.end_working(),
            Phase::Halting => self.end_halting(),
            Phase::Unwinding => self.end_unwinding(),
            Phase::Resting => self.end_resting(),
        }
    }

    fn end_guarding(&mut self) -> bool {
        if self.state.guards.iter().any(|asking| asking.answer().is_none()) {
            return false;
        }
        if self.refusal().is_some() || self.state.cancel != Cancel::No {
            self.state.phase = Phase::AtRest;
        } else {
            self.state.phase = Phase::Working;
            self.begin_ready_steps();
        }
        true
    }

    /// Returns what the first asking of the playbook's guards says against the run.
    pub(crate) fn refusal(&self) -> Option<OnUnmet> {
        let pairs = self.plan.guards.iter().zip(&self.state.guards);
        let unmet = pairs.filter_map(|(guard, asking)| match (asking.answer()?, guard.on_unmet) {
            (Answered::Holds, _) => None,
            (Answered::DoesNotHold, OnUnmet::Skip) => Some(OnUnmet::Skip),
            (Answered::DoesNotHold | Answered::CouldNotTell, OnUnmet::Abort)
            | (Answered::CouldNotTell, OnUnmet::Skip) => Some(OnUnmet::Abort),
        });
        unmet.min_by_key(|kind| *kind != OnUnmet::Abort)
    }

    fn end_recheck(&mut self) -> bool {
        if self.state.recheck != Recheck::Asking || self.state.guards.iter().any(|asking| asking.answer().is_none()) {
            return false;
        }
        let has_changed = self
            .plan
            .guards
            .iter()
            .zip(&self.state.guards)
            .any(|(guard, asking)| guard.on_unmet == OnUnmet::Abort && asking.answer() != Some(Answered::Holds));
        self.state.recheck = if has_changed { Recheck::Idle } else { Recheck::Passed };
        if has_changed {
            self.fail_first_change();
        }
        true
    }

    /// A guard of the playbook no longer holds: the change that was about to begin fails before it did anything. For the
    /// next one, if its failure is not that of the run, they are asked once more.
    fn fail_first_change(&mut self) {
        if let Some(step) = self.waiting_change() {
            self.state.steps[step].attempts = 0;
            self.settle(step, Outcome::Failed(Cause::Guard));
        }
        if self.waiting_change().is_some() {
            self.recheck();
        }
    }

    fn end_working(&mut self) -> bool {
        let is_done =
            self.state.settled == self.state.steps.len() && self.state.busy.is_empty() && self.state.in_flight == 0;
        let is_paused = self.state.doubts > 0 && self.is_quiet();
        if is_done || is_paused {
            self.begin_rest();
        }
        is_done || is_paused
    }

    /// Returns whether nothing can happen until a human has settled a doubt.
    fn is_quiet(&self) -> bool {
        let waits = |&step: &usize| {
            let state = &self.state.steps[step];
            let is_still = matches!(
                state.stage,
                Stage::Pausing(_) | Stage::Settled(_) | Stage::Waiting | Stage::Locking | Stage::Inside
            ) || state.stage.waits_for_word();
            (is_still || state.stage.waits_to_look() || state.stage.waits_for_people()) && self.waits_with_hooks(step)
        };
        let is_held_back =
            |&step: &usize| matches!(self.state.steps[step].stage, Stage::Guarding(..) | Stage::Attempting(_));
        self.state.in_flight == 0 && self.state.busy.iter().all(waits) && self.state.ready.iter().all(is_held_back)
    }

    fn end_halting(&mut self) -> bool {
        let mut active = self.state.ready.union(&self.state.busy);
        let is_over = !active.any(|&step| self.state.steps[step].stage.is_under_way());
        let is_asking = self.state.recheck == Recheck::Asking && self.state.guards.iter().any(Asking::is_out);
        if is_over && !is_asking {
            self.begin_unwinding();
        }
        is_over && !is_asking
    }

    fn end_unwinding(&mut self) -> bool {
        let is_over = self.state.unwound == self.state.steps.len() || (self.state.doubts > 0 && self.is_quiet());
        if is_over {
            self.begin_rest();
        }
        is_over
    }

    fn begin_rest(&mut self) {
        let plan = Arc::clone(&self.plan);
        self.call_off_waiting_hooks();
        self.state.phase = Phase::Resting;
        self.state.rests += 1;
        for (asking, invariant) in self.state.invariants.iter_mut().zip(&plan.invariants) {
            *asking = Asking::Asked(Task::first(&invariant.probe.command));
        }
        self.state.finals = Finals { at: 0, task: None };
    }

    fn end_resting(&mut self) -> bool {
        if self.state.invariants.iter().any(|asking| asking.answer().is_none()) || self.state.finals.task.is_some() {
            return false;
        }
        let plan = Arc::clone(&self.plan);
        let Some(last) = plan.finally.get(self.state.finals.at) else {
            self.state.phase = Phase::AtRest;
            return true;
        };
        match last.when {
            None | Some(Condition::Known(true)) => self.state.finals.task = Some(Task::first(&last.command)),
            Some(Condition::Known(false)) => self.state.finals.at += 1,
            Some(Condition::Deferred { .. }) => {}
        }
        !matches!(last.when, Some(Condition::Deferred { .. }))
    }

    pub(crate) fn final_decided(&mut self, id: &str, answer: &Answer) -> bool {
        let plan = Arc::clone(&self.plan);
        let present = plan.finally.get(self.state.finals.at);
        let Some(last) = present.filter(|last| last.id == id && self.state.finals.task.is_none()) else {
            return false;
        };
        if *answer == Answer::Yes {
            self.state.finals.task = Some(Task::first(&last.command));
        } else {
            self.state.finals.at += 1;
        }
        true
    }

    pub(crate) fn final_over(&mut self) {
        self.state.finals = Finals { at: self.state.finals.at + 1, task: None };
    }

    /// A new engine has the run: what is in flight becomes unsure, and what was left open is tried again.
    pub(crate) fn reopen(&mut self) {
        self.doubt_flights();
        if self.state.phase != Phase::AtRest || self.is_over() {
            return;
        }
        self.state.is_told = false;
        self.state.cancel = self.state.cancel.min(Cancel::Once);
        let is_taken_back = self.state.cancel != Cancel::No || self.is_taken_back();
        self.state.phase = Phase::Working;
        for step in 0..self.state.steps.len() {
            self.owe_again(step);
            self.ask_again(step);
        }
        if is_taken_back {
            self.halt();
        } else {
            self.halt_scopes_again();
            self.begin_ready_steps();
            self.release_all_due();
        }
    }

    fn doubt_flights(&mut self) {
        let asked = self.state.guards.iter_mut().chain(&mut self.state.invariants);
        for asking in asked {
            if let Asking::Asked(task) = asking {
                task.doubt();
            }
        }
        self.state.finals.task.iter_mut().for_each(Task::doubt);
        let steps: Vec<usize> = self.state.busy.iter().copied().collect();
        for step in steps {
            self.state.steps[step].doubt_flights();
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        (0..self.state.steps.len()).any(|step| self.state.steps[step].has_failed() && !self.is_contained(step))
    }

    /// Returns whether what the run did is to be taken back.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.state.undoing == Undoing::Reversal || self.has_failed()
    }
}

impl Asking {
    fn answered(self, end: TaskEnd, command: &firedrill_model::plan::Command) -> Asking {
        let Asking::Asked(task) = self else { return self };
        match end {
            TaskEnd::Met => Asking::Answered(Answered::Holds),
            TaskEnd::Unmet => Asking::Answered(Answered::DoesNotHold),
            TaskEnd::Doubt(Doubt::Lost) => Asking::Asked(task.again(command)),
            TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned => {
                Asking::Answered(Answered::CouldNotTell)
            }
        }
    }

    pub(crate) fn answer(&self) -> Option<Answered> {
        if let Asking::Answered(answer) = self { Some(*answer) } else { None }
    }

    pub(crate) fn is_out(&self) -> bool {
        matches!(self, Asking::Asked(task) if task.is_out())
    }
}

impl Task {
    pub(crate) fn doubt(&mut self) {
        if self.at == TaskAt::InFlight {
            self.at = TaskAt::Unsure;
        }
    }

    /// Returns whether nothing of the command has been started.
    pub(crate) fn is_unbegun(&self) -> bool {
        matches!(self.at, TaskAt::Rendering | TaskAt::Due | TaskAt::Unasked)
    }
}

impl StepState {
    fn doubt_flights(&mut self) {
        for debt in [&mut self.debts.cleanup, &mut self.debts.rollback, &mut self.debts.release] {
            if let Debt::Discharging(task) = debt {
                task.doubt();
            }
        }
        self.stage.task_mut().into_iter().for_each(Task::doubt);
    }
}

fn position(plan: &Plan, role: &Role, name: &str) -> Option<usize> {
    match role {
        Role::Guard(_) => plan.guards.iter().position(|guard| guard.id == name),
        Role::Invariant(_) => plan.invariants.iter().position(|invariant| invariant.id == name),
        Role::Attempt
        | Role::Look(_)
        | Role::Verify
        | Role::Cleanup
        | Role::Rollback
        | Role::Release
        | Role::Final(_) => None,
    }
}
