//! What is due: a pure query over the state.

use std::time::Duration;

use firedrill_model::plan::OnCancel;

use crate::command::{CommandId, Role, StepId, Subject};
use crate::delay;
use crate::effect::{Effect, Pause};
use crate::event::{DebtKind, Question, Wait};
use crate::machine::Run;
use crate::state::{Asking, Cancel, Debt, Phase, Recheck, Stage, Task, TaskAt};

impl Run {
    /// Returns what is due now, most urgent first. The same state always yields the same effects.
    ///
    /// An effect may make others of the same answer obsolete: a driver performs the first ones and asks again.
    pub fn next(&self) -> Vec<Effect> {
        self.next_and_in_flight().0
    }

    /// Returns what [`Run::next`] and [`Run::in_flight`] return, with one look at the state.
    pub fn next_and_in_flight(&self) -> (Vec<Effect>, Vec<CommandId>) {
        let mut due = self.gather();
        if matches!(self.state.phase, Phase::New | Phase::AtRest) {
            return (Vec::new(), due.flights);
        }
        due.starts.retain(|(_, command)| !self.awaits_publisher(command));
        let room = self.plan.max_parallel.get().saturating_sub(self.state.in_flight) as usize;
        let missing = room.saturating_sub(due.starts.len());
        let ready = self.state.ready.iter().filter(|_| !self.is_resting());
        let held = ready.filter(|&&step| self.may_start(step) && !self.lacks_publisher(step)).take(missing);
        held.for_each(|&step| self.stage_effects(step, &mut due));
        due.starts.sort_by_key(|(completed, _)| std::cmp::Reverse(*completed));
        due.effects.extend(due.starts.into_iter().take(room).map(|(_, command)| Effect::Start(command)));
        (due.effects, due.flights)
    }

    /// Returns the commands that are running, as far as this engine knows.
    pub fn in_flight(&self) -> Vec<CommandId> {
        self.gather().flights
    }

    /// Gathers everything but the first starts of steps that wait for room.
    fn gather(&self) -> Due {
        let is_cancelled = self.state.cancel != Cancel::No;
        let mut due = Due { effects: Vec::new(), starts: Vec::new(), flights: Vec::new(), is_cancelled };
        self.playbook_effects(&mut due);
        for &step in self.state.busy.iter().filter(|_| !self.is_resting()) {
            if self.state.steps[step].stage.task().is_none_or(|task| task.at != TaskAt::Unasked) || self.may_start(step)
            {
                self.stage_effects(step, &mut due);
            }
            self.debt_effects(step, &mut due);
        }
        due
    }

    /// Returns whether what a human said of a step waits for the next engine.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.state.phase, Phase::Resting | Phase::AtRest)
    }

    /// Returns the waits of the run with their lengths.
    pub fn pauses(&self) -> Vec<Pause> {
        let mut pauses = Vec::new();
        if !self.is_resting() {
            self.retry_pauses(&mut pauses);
            self.answer_pauses(&mut pauses);
            self.deadline_pauses(&mut pauses);
        }
        self.poll_pauses(&mut pauses);
        pauses
    }

    fn retry_pauses(&self, pauses: &mut Vec<Pause>) {
        for &step in &self.state.busy {
            let id = self.shape.id(step);
            if matches!(self.state.steps[step].stage, Stage::Pausing(_)) && self.state.doubts == 0 {
                let length = delay::before(&self.planned(step).retry, id, self.state.steps[step].attempts);
                pauses.push(Pause { wait: Wait::Attempt(id.clone()), length });
            }
            pauses.extend(DebtKind::ALL.into_iter().filter_map(|kind| self.hook_pause(step, id, kind)));
        }
    }

    fn hook_pause(&self, step: usize, id: &StepId, kind: DebtKind) -> Option<Pause> {
        let Debt::Discharging(Task { at: TaskAt::Pausing, failures, .. }) = self.debt(step, kind) else {
            return None;
        };
        let length = self.hook(step, kind).map_or(Duration::ZERO, |hook| delay::before(&hook.retry, id, *failures));
        Some(Pause { wait: Wait::Hook(id.clone(), kind), length })
    }

    fn playbook_effects(&self, due: &mut Due) {
        let phase = self.state.phase;
        let is_asking = phase == Phase::Guarding || self.state.recheck == Recheck::Asking;
        if is_asking && matches!(phase, Phase::Guarding | Phase::Working | Phase::Halting) {
            let round = self.guard_round();
            let asked = self.plan.guards.iter().zip(&self.state.guards);
            for (guard, asking) in asked.filter(|(_, asking)| phase != Phase::Halting || asking.is_out()) {
                due.asking(asking, Role::Guard(guard.id.as_str().into()), round, true);
            }
        }
        if self.state.phase != Phase::Resting {
            return;
        }
        let mut is_probing = false;
        for (invariant, asking) in self.plan.invariants.iter().zip(&self.state.invariants) {
            is_probing |= asking.answer().is_none();
            due.asking(asking, Role::Invariant(invariant.id.as_str().into()), self.state.rests, false);
        }
        let Some(last) = self.plan.finally.get(self.state.finals.at).filter(|_| !is_probing) else {
            return;
        };
        match &self.state.finals.task {
            Some(task) => {
                let role = Role::Final(last.id.as_str().into());
                due.task(
                    task,
                    CommandId { subject: Subject::Playbook, role, round: self.state.rests, r#try: task.r#try },
                    0,
                );
            }
            None => due.effects.push(Effect::Decide(Question::FinalWhen(last.id.clone()))),
        }
    }

    /// Returns whether a step whose command is due may start it: nothing new starts while a doubt waits for a human, and
    /// no change begins before the playbook's guards were asked again.
    fn may_start(&self, step: usize) -> bool {
        match self.state.steps[step].stage {
            Stage::Guarding(..) => self.state.doubts == 0,
            Stage::Attempting(_) => {
                self.state.doubts == 0
                    && (self.planned(step).effect.read_only
                        || matches!(self.state.recheck, Recheck::Fresh | Recheck::Passed))
            }
            Stage::Waiting
            | Stage::Deciding
            | Stage::Locking
            | Stage::Expanding
            | Stage::Inside
            | Stage::Looking(..)
            | Stage::Verifying(..)
            | Stage::Salvaging(_)
            | Stage::Concluding(_)
            | Stage::Cleaning(_)
            | Stage::Choosing(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => true,
        }
    }

    fn stage_effects(&self, step: usize, due: &mut Due) {
        let state = &self.state.steps[step];
        let id = self.shape.id(step);
        let name =
            |role, round, task: &Task| CommandId { subject: Subject::Step(id.clone()), role, round, r#try: task.r#try };
        let is_overdue = self.is_overdue(step);
        match &state.stage {
            Stage::Deciding => due.effects.push(Effect::Decide(Question::When(id.clone()))),
            Stage::Locking if self.may_lock(step) => due.effects.push(Effect::Lock(id.clone())),
            Stage::Expanding => due.effects.push(Effect::Decide(Question::Items(id.clone()))),
            Stage::Guarding(at, task) => {
                let role = Role::Guard(self.planned(step).guards[*at].id.as_str().into());
                due.attempt(task, name(role, state.asked, task), is_overdue);
            }
            Stage::Attempting(task) => {
                let command = name(Role::Attempt, state.attempts, task);
                match self.planned(step).conduct.on_cancel {
                    OnCancel::Finish if !is_overdue => due.task(task, command, 0),
                    OnCancel::Stop | OnCancel::Finish => due.attempt(task, command, is_overdue),
                }
            }
            Stage::Looking(at, task) => {
                let role = Role::Look(self.planned(step).looks[*at].name.as_str().into());
                due.task(task, name(role, state.attempts, task), 0);
            }
            Stage::Verifying(task, _) => due.task(task, name(Role::Verify, state.attempts, task), 0),
            Stage::Salvaging(_) => due.effects.push(Effect::Judge(self.attempt_id(step))),
            Stage::Concluding(_) => due.effects.push(Effect::Decide(Question::CleanupWhen(id.clone()))),
            Stage::Choosing(_) => due.effects.push(Effect::Decide(Question::RetryWhen(id.clone()))),
            Stage::Waiting
            | Stage::Locking
            | Stage::Inside
            | Stage::Cleaning(_)
            | Stage::Pausing(_)
            | Stage::InDoubt(_)
            | Stage::Undecided(_)
            | Stage::Settled(_) => {}
        }
    }

    /// Returns the name of a step's latest attempt: of its last look, if it polls.
    pub fn attempt_id(&self, step: usize) -> CommandId {
        let state = &self.state.steps[step];
        CommandId {
            subject: Subject::Step(self.shape.id(step).clone()),
            role: Role::Attempt,
            round: state.attempts,
            r#try: state.tried.attempt.max(1),
        }
    }

    fn debt_effects(&self, step: usize, due: &mut Due) {
        let state = &self.state.steps[step];
        let id = self.shape.id(step);
        for (kind, role, round) in [
            (DebtKind::Cleanup, Role::Cleanup, state.attempts),
            (DebtKind::Rollback, Role::Rollback, 1),
            (DebtKind::Release, Role::Release, 1),
        ] {
            match self.debt(step, kind) {
                Debt::Deciding => due.effects.push(Effect::Decide(Question::ReleaseWhen(id.clone()))),
                Debt::Discharging(task) if self.is_kept_waiting(step, task) => {}
                Debt::Discharging(task) => {
                    let command = CommandId { subject: Subject::Step(id.clone()), role, round, r#try: task.r#try };
                    due.task(task, command, state.completed);
                }
                Debt::None | Debt::Owed | Debt::Open | Debt::Discharged | Debt::Off => {}
            }
        }
    }
}

/// Effects being gathered. Starts are kept apart: there may be more of them than room.
struct Due {
    effects: Vec<Effect>,
    starts: Vec<(u32, CommandId)>,
    flights: Vec<CommandId>,
    is_cancelled: bool,
}

impl Due {
    fn asking(&mut self, asking: &Asking, role: Role, round: u32, is_ended_by_cancel: bool) {
        let Asking::Asked(task) = asking else { return };
        let command = CommandId { subject: Subject::Playbook, role, round, r#try: task.r#try };
        if is_ended_by_cancel { self.attempt(task, command, false) } else { self.task(task, command, 0) }
    }

    /// Gathers what is due of a try that a cancel ends, or the end of a deadline.
    fn attempt(&mut self, task: &Task, command: CommandId, is_overdue: bool) {
        if (self.is_cancelled || is_overdue) && task.at == TaskAt::InFlight {
            self.effects.push(Effect::Terminate(command.clone()));
        }
        self.task(task, command, 0);
    }

    fn task(&mut self, task: &Task, command: CommandId, completed: u32) {
        match task.at {
            TaskAt::Rendering => self.effects.push(Effect::Render(command)),
            TaskAt::Due => self.starts.push((completed, command)),
            TaskAt::Unsure => self.effects.push(Effect::Settle(command)),
            TaskAt::Judging(_) => self.effects.push(Effect::Judge(command)),
            TaskAt::InFlight => self.flights.push(command),
            TaskAt::Unasked => self.effects.push(Effect::Start(command)),
            TaskAt::Pausing | TaskAt::Asked(_) => {}
        }
    }
}
