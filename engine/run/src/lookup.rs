//! From the name of a command to what the plan says of it and to the try under way.

use firedrill_model::plan::{Command, Conduct, Plan, Probe};

use crate::command::{CommandId, Role, Subject};
use crate::machine::Run;
use crate::state::{Debt, Stage, StepState, Task, TaskAt};
use crate::task::Kind;

impl Run {
    /// Returns the plan's command behind an id.
    pub fn command(&self, id: &CommandId) -> Option<&Command> {
        self.look_up(&self.plan, id).map(|(command, _)| command)
    }

    /// Returns the probe behind an id, if it is one.
    pub fn probe(&self, id: &CommandId) -> Option<&Probe> {
        let step = id.step().map(|step| self.shape.index(step)).map(|index| index.map(|at| &self.plan.steps[at]));
        match (&id.role, step) {
            (Role::Guard(name), None) => find(&self.plan.guards, |guard| &guard.id, name).map(|guard| &guard.probe),
            (Role::Guard(name), Some(step)) => find(&step?.guards, |guard| &guard.id, name).map(|guard| &guard.probe),
            (Role::Verify, Some(step)) => step?.verify.as_ref(),
            (Role::Invariant(name), None) => find(&self.plan.invariants, |probe| &probe.id, name).map(|i| &i.probe),
            (
                Role::Attempt
                | Role::Look(_)
                | Role::Verify
                | Role::Cleanup
                | Role::Rollback
                | Role::Release
                | Role::Invariant(_)
                | Role::Final(_),
                _,
            ) => None,
        }
    }

    /// Returns how an attempt is treated when something comes between, if the command is one.
    pub fn conduct(&self, id: &CommandId) -> Option<Conduct> {
        let step = id.step().filter(|_| id.role == Role::Attempt).and_then(|step| self.shape.index(step))?;
        Some(self.plan.steps[step].conduct)
    }

    pub(crate) fn look_up<'a>(&self, plan: &'a Plan, id: &CommandId) -> Option<(&'a Command, Kind)> {
        let step = match &id.subject {
            Subject::Playbook => None,
            Subject::Step(step) => Some(&plan.steps[self.shape.index(step)?]),
        };
        match (&id.role, step) {
            (Role::Guard(name), None) => find(&plan.guards, |guard| &guard.id, name).map(|guard| probed(&guard.probe)),
            (Role::Guard(name), Some(step)) => {
                find(&step.guards, |guard| &guard.id, name).map(|guard| probed(&guard.probe))
            }
            (Role::Verify, Some(step)) => step.verify.as_ref().map(probed),
            (Role::Invariant(name), None) => {
                find(&plan.invariants, |invariant| &invariant.id, name).map(|invariant| probed(&invariant.probe))
            }
            (Role::Attempt, Some(step)) => deed(step.command()),
            (Role::Look(name), Some(step)) => {
                deed(find(&step.looks, |look| &look.name, name).map(|look| &look.command))
            }
            (Role::Cleanup, Some(step)) => deed(step.cleanup.as_ref().map(|hook| &hook.command)),
            (Role::Rollback, Some(step)) => deed(step.rollback_hook().map(|hook| &hook.command)),
            (Role::Release, Some(step)) => deed(step.release.as_ref().map(|release| &release.hook.command)),
            (Role::Final(name), None) => deed(find(&plan.finally, |last| &last.id, name).map(|last| &last.command)),
            (Role::Invariant(_) | Role::Final(_), Some(_))
            | (Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release, None) => {
                None
            }
        }
    }

    /// Returns the try of a command, if exactly that try is under way.
    pub fn task(&self, id: &CommandId) -> Option<&Task> {
        self.latest_try(id).filter(|task| task.r#try == id.r#try)
    }

    /// Returns the try under way of a command, whichever it is.
    pub(crate) fn latest_try(&self, id: &CommandId) -> Option<&Task> {
        let (task, round) = match &id.subject {
            Subject::Playbook => self.playbook_task(&id.role)?,
            Subject::Step(step) => self.step_task(self.shape.index(step)?, &id.role)?,
        };
        (round == id.round).then_some(task)
    }

    /// Returns whether exactly this try is known to be running.
    pub(crate) fn in_flight_now(&self, id: &CommandId) -> bool {
        self.task(id).is_some_and(|task| task.at == TaskAt::InFlight)
    }

    pub(crate) fn task_mut(&mut self, id: &CommandId) -> Option<&mut Task> {
        self.task(id)?;
        match &id.subject {
            Subject::Playbook => self.playbook_task_mut(&id.role),
            Subject::Step(step) => {
                let step = self.shape.index(step)?;
                self.state.steps[step].task_mut(&id.role)
            }
        }
    }

    fn step_task(&self, step: usize, role: &Role) -> Option<(&Task, u32)> {
        let state = &self.state.steps[step];
        let planned = &self.plan.steps[step];
        let (task, round) = match (role, &state.stage) {
            (Role::Guard(name), Stage::Guarding(at, task)) if planned.guards[*at].id == **name => (task, state.asked),
            (Role::Look(name), Stage::Looking(at, task)) if planned.looks[*at].name == **name => (task, state.attempts),
            (Role::Attempt, Stage::Attempting(task)) | (Role::Verify, Stage::Verifying(task, _)) => {
                (task, state.attempts)
            }
            (Role::Cleanup, _) => (state.debts.cleanup.task()?, state.attempts),
            (Role::Rollback, _) => (state.debts.rollback.task()?, 1),
            (Role::Release, _) => (state.debts.release.task()?, 1),
            (
                Role::Guard(_) | Role::Attempt | Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_),
                _,
            ) => {
                return None;
            }
        };
        Some((task, round))
    }
}

impl StepState {
    fn task_mut(&mut self, role: &Role) -> Option<&mut Task> {
        match role {
            Role::Cleanup => self.debts.cleanup.task_mut(),
            Role::Rollback => self.debts.rollback.task_mut(),
            Role::Release => self.debts.release.task_mut(),
            Role::Guard(_) | Role::Attempt | Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_) => {
                self.stage.task_mut()
            }
        }
    }
}

impl Debt {
    pub(crate) fn task(&self) -> Option<&Task> {
        if let Debt::Discharging(task) = self { Some(task) } else { None }
    }

    fn task_mut(&mut self) -> Option<&mut Task> {
        if let Debt::Discharging(task) = self { Some(task) } else { None }
    }
}

fn probed(probe: &Probe) -> (&Command, Kind) {
    (&probe.command, Kind::Probe)
}

fn deed(command: Option<&Command>) -> Option<(&Command, Kind)> {
    command.map(|command| (command, Kind::Deed))
}

fn find<'a, T>(list: &'a [T], id: impl Fn(&T) -> &String, name: &str) -> Option<&'a T> {
    list.iter().find(|member| id(member) == name)
}
