//! One attempt of a step: its outcome, its doubt, its cleanup, and whether there is another.

use std::collections::BTreeMap;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::{Condition, InDoubt, Step};
use firedrill_model::value::Value;

use crate::command::{CommandId, Role};
use crate::event::{Answer, DebtKind, Exit};
use crate::machine::Run;
use crate::state::{Cancel, Cause, Conclusion, Debt, Debts, Doubt, Outcome, Phase, Stage, Task};
use crate::task::TaskEnd;

impl Run {
    /// Begins the next attempt.
    pub(crate) fn attempt(&mut self, step: usize) {
        let Some(task) = self.planned(step).command().map(Task::first) else { return };
        let state = &mut self.state.steps[step];
        state.attempts += 1;
        state.is_verified = false;
        state.stage = Stage::Attempting(task);
        self.want_recheck(step);
    }

    /// A command was begun: from the start of its first attempt a step owes its rollback and its release.
    pub(crate) fn started(&mut self, command: &CommandId) {
        self.state.in_flight += u32::from(!self.asks_people(command));
        let Some(step) = command.step().and_then(|id| self.shape.index(id)) else {
            return;
        };
        if command.role != Role::Attempt {
            return;
        }
        self.attempt_began(step);
        if command.r#try == 1 {
            let tried = &mut self.state.steps[step].tried;
            (tried.attempt, tried.verify, tried.cleanup) = (0, 0, 0);
        }
        if self.state.steps[step].is_effective() {
            return;
        }
        let owes_rollback = self.planned(step).rollback_hook().is_some();
        let owes_release = self.planned(step).release.is_some();
        let debts = &mut self.state.steps[step].debts;
        debts.rollback = if owes_rollback { Debt::Owed } else { Debt::None };
        debts.release = if owes_release { Debt::Owed } else { Debt::None };
    }

    /// A command turned out never to have been begun: its intent owes nothing.
    pub(crate) fn not_started(&mut self, command: &CommandId) {
        self.state.in_flight -= 1;
        let Some(step) = command.step().and_then(|id| self.shape.index(id)) else {
            return;
        };
        if command.role == Role::Attempt && !self.state.steps[step].is_effective() {
            self.state.steps[step].debts = Debts::NONE;
        }
        if self.phase_of(step) != Phase::Working {
            self.withdraw(step);
        }
        if self.is_overdue(step) {
            self.end_for_deadline(step);
        }
        if self.is_before_its_turn(step) {
            self.call_off(step, DebtKind::Release);
        }
        if self.state.cancel == Cancel::Twice {
            self.stop_rollbacks();
        }
        self.place(step);
    }

    /// Takes note of an exit before it is judged.
    pub(crate) fn note_exit(&mut self, command: &CommandId, exit: &Exit) {
        let Some(step) = command.step().and_then(|id| self.shape.index(id)) else {
            return;
        };
        if command.role != Role::Attempt {
            return;
        }
        let state = &mut self.state.steps[step];
        state.exit_code = if let Exit::Code(code) = exit { Some(*code) } else { None };
        match exit {
            Exit::NotSpawned(_) if !state.is_effective() => state.debts = Debts::NONE,
            Exit::NotSpawned(_) => {}
            Exit::Code(_) | Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled | Exit::Lost => {
                state.effective = (state.effective + 1).min(state.attempts - state.voided);
            }
        }
        self.attempt_ended();
    }

    pub(crate) fn attempt_over(&mut self, step: usize, end: TaskEnd) {
        let latest = self.state.steps[step].stage.task().map_or(1, |task| task.r#try);
        self.state.steps[step].tried.attempt = latest;
        if end != TaskEnd::Met {
            self.forget_milestones(step);
        }
        let end = match end {
            TaskEnd::Doubt(Doubt::Cancelled) if self.is_overdue(step) => TaskEnd::Doubt(Doubt::TimedOut),
            end => end,
        };
        match end {
            TaskEnd::Met => self.look(step, 0),
            TaskEnd::Unmet | TaskEnd::Unclear => self.conclude(step, Conclusion::Failed(Cause::Unexpected)),
            TaskEnd::Texts => self.settle(step, Outcome::Failed(Cause::Texts)),
            TaskEnd::NotSpawned => self.after_cleanup(step, Conclusion::Failed(Cause::NotSpawned), Licence::Granted),
            TaskEnd::Doubt(doubt) => match self.verify_task(step) {
                Some(task) => self.state.steps[step].stage = Stage::Verifying(task, Some(doubt)),
                None => self.doubt(step, doubt),
            },
        }
    }

    fn look(&mut self, step: usize, at: usize) {
        let task = self.planned(step).looks.get(at).map(|look| Task::first(&look.command));
        let verify = self.verify_task(step).filter(|_| !self.state.steps[step].is_verified);
        match (task, verify) {
            (Some(task), _) => self.state.steps[step].stage = Stage::Looking(at, task),
            (None, Some(task)) => self.state.steps[step].stage = Stage::Verifying(task, None),
            (None, None) => self.conclude(step, Conclusion::Succeeded),
        }
    }

    pub(crate) fn look_over(&mut self, step: usize, end: TaskEnd) {
        let Stage::Looking(at, task) = self.state.steps[step].stage else {
            return;
        };
        match end {
            TaskEnd::Met => self.look(step, at + 1),
            TaskEnd::Doubt(Doubt::Lost) => {
                let again = task.again(&self.planned(step).looks[at].command);
                self.state.steps[step].stage = Stage::Looking(at, again);
            }
            TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned => {
                self.conclude(step, Conclusion::Failed(Cause::Output));
            }
        }
    }

    fn verify_task(&self, step: usize) -> Option<Task> {
        let tried = self.state.steps[step].tried.verify;
        let command = &self.planned(step).verify.as_ref()?.command;
        let task = Task::first_after(tried, command);
        let has_time = self.phase_of(step) == Phase::Working && !self.is_overdue(step);
        Some(if has_time { task } else { task.hurried(command) })
    }

    pub(crate) fn verify_over(&mut self, step: usize, end: TaskEnd) {
        let Stage::Verifying(task, doubt) = self.state.steps[step].stage else {
            return;
        };
        self.state.steps[step].tried.verify = task.r#try;
        match (end, doubt) {
            (TaskEnd::Met, None) => self.conclude(step, Conclusion::Succeeded),
            (TaskEnd::Met, Some(doubt)) => self.salvage(step, doubt),
            (TaskEnd::Doubt(Doubt::Lost), doubt) => {
                let verify = self.planned(step).verify.as_ref().expect("a step that verifies has a verify");
                let again = task.again(&verify.command);
                self.state.steps[step].stage = Stage::Verifying(again, doubt);
            }
            (TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned, None) => {
                self.conclude(step, Conclusion::Failed(Cause::Verify));
            }
            (
                TaskEnd::Unmet | TaskEnd::Unclear | TaskEnd::Doubt(_) | TaskEnd::Texts | TaskEnd::NotSpawned,
                Some(doubt),
            ) => self.doubt(step, doubt),
        }
    }

    /// The effect is there although the attempt was in doubt: its outputs are read from what was captured.
    fn salvage(&mut self, step: usize, doubt: Doubt) {
        self.state.steps[step].is_verified = true;
        if self.planned(step).command().is_none_or(|command| command.outputs.is_empty()) {
            self.look(step, 0);
        } else {
            self.state.steps[step].stage = Stage::Salvaging(doubt);
        }
    }

    pub(crate) fn is_salvaging(&self, command: &CommandId) -> bool {
        let step = command.step().and_then(|id| self.shape.index(id));
        let stage = step.map(|step| &self.state.steps[step].stage);
        command.role == Role::Attempt && matches!(stage, Some(Stage::Salvaging(_)))
    }

    pub(crate) fn salvaged(&mut self, command: &CommandId, judgement: &Judgement) {
        let Some(step) = command.step().and_then(|id| self.shape.index(id)) else {
            return;
        };
        let Stage::Salvaging(doubt) = self.state.steps[step].stage else {
            return;
        };
        match judgement {
            Judgement::Met { .. } => self.look(step, 0),
            Judgement::Unmet { .. } | Judgement::Unclear { .. } => self.ask_human(step, doubt),
        }
        self.place(step);
    }

    /// Rule 3: what cannot be known is made harmless, or a human must say.
    fn doubt(&mut self, step: usize, doubt: Doubt) {
        let planned = self.planned(step);
        let is_harmless = planned.effect.read_only
            || planned.effect.idempotent
            || planned.cleanup.is_some()
            || planned.rollback_hook().is_some();
        if is_harmless || planned.conduct.in_doubt != InDoubt::Ask {
            self.conclude(step, Conclusion::Failed(Cause::Doubt(doubt)));
        } else {
            self.ask_human(step, doubt);
        }
    }

    fn ask_human(&mut self, step: usize, doubt: Doubt) {
        self.state.steps[step].stage = Stage::InDoubt(doubt);
        self.state.doubts += 1;
    }

    /// Returns to a step that is in doubt, now that a new engine may find out more.
    pub(crate) fn ask_again(&mut self, step: usize) {
        let Stage::InDoubt(doubt) = self.state.steps[step].stage else {
            return;
        };
        let Some(task) = self.verify_task(step) else { return };
        self.state.doubts -= 1;
        self.state.steps[step].stage = Stage::Verifying(task, Some(doubt));
        self.place(step);
    }

    /// Takes a human's word for what became of an attempt in doubt.
    pub(crate) fn attempt_said(&mut self, step: usize, is_done: bool, outputs: &BTreeMap<String, Value>) -> bool {
        let Stage::InDoubt(doubt) = self.state.steps[step].stage else {
            return false;
        };
        self.state.doubts -= 1;
        if is_done {
            self.state.outputs.entry(step).or_default().extend(outputs.clone());
            self.conclude(step, Conclusion::Succeeded);
        } else {
            self.void_attempt(step, doubt);
        }
        self.place(step);
        self.unwind(step);
        true
    }

    /// The attempt had no effect: it never was.
    fn void_attempt(&mut self, step: usize, doubt: Doubt) {
        let state = &mut self.state.steps[step];
        state.voided += 1;
        state.effective -= 1;
        if !state.is_effective() {
            state.debts = Debts::NONE;
        }
        if self.has_let_follow(step) {
            self.settle(step, Outcome::Failed(Cause::Doubt(doubt)));
            return;
        }
        self.state.steps[step].stage = Stage::Waiting;
        if self.phase_of(step) == Phase::Working {
            self.ask_guards_of(step);
        }
    }

    /// An attempt has ended this way: its cleanup comes first.
    fn conclude(&mut self, step: usize, conclusion: Conclusion) {
        if conclusion != Conclusion::Succeeded {
            self.forget_milestones(step);
        }
        self.owe_for_attempt(step);
        let when = self.planned(step).cleanup.as_ref().map(|hook| &hook.when);
        let is_failed = conclusion != Conclusion::Succeeded;
        let is_needed = match when {
            None => false,
            Some(None) => is_failed,
            Some(Some(Condition::Known(is_needed))) => *is_needed,
            Some(Some(Condition::Deferred { .. })) => {
                self.state.steps[step].stage = Stage::Concluding(conclusion);
                return;
            }
        };
        self.clean_if(step, conclusion, is_needed);
    }

    /// What an earlier attempt no longer owes, because it was cleaned up after, this one owes anew.
    pub(crate) fn owe_for_attempt(&mut self, step: usize) {
        let owes_rollback = self.planned(step).rollback_hook().is_some();
        let debts = &mut self.state.steps[step].debts;
        debts.cleanup = Debt::None;
        if owes_rollback && debts.rollback == Debt::None {
            debts.rollback = Debt::Owed;
        }
    }

    pub(crate) fn cleanup_decided(&mut self, step: usize, answer: &Answer) -> bool {
        let Stage::Concluding(conclusion) = self.state.steps[step].stage else {
            return false;
        };
        self.clean_if(step, conclusion, *answer != Answer::No);
        true
    }

    fn clean_if(&mut self, step: usize, conclusion: Conclusion, is_needed: bool) {
        if is_needed {
            self.state.steps[step].stage = Stage::Cleaning(conclusion);
            self.clean_up(step);
        } else {
            self.after_cleanup(step, conclusion, Licence::of(self.planned(step), conclusion));
        }
    }

    /// The cleanup of the latest attempt is over.
    pub(crate) fn cleanup_over(&mut self, step: usize, has_succeeded: bool) {
        let Stage::Cleaning(conclusion) = self.state.steps[step].stage else {
            return;
        };
        match (conclusion, has_succeeded) {
            (conclusion, true) => self.after_cleanup(step, conclusion, Licence::Cleaned),
            (Conclusion::Succeeded, false) => self.settle(step, Outcome::Failed(Cause::Cleanup)),
            (Conclusion::Failed(cause), false) => self.settle(step, Outcome::Failed(cause)),
        }
    }

    fn after_cleanup(&mut self, step: usize, conclusion: Conclusion, licence: Licence) {
        let Conclusion::Failed(cause) = conclusion else {
            self.settle(step, Outcome::Succeeded);
            return;
        };
        if licence == Licence::Cleaned {
            self.state.steps[step].debts.rollback = Debt::None;
        }
        let retry = &self.planned(step).retry;
        let state = &self.state.steps[step];
        let has_more = state.attempts - state.voided < retry.max_attempts.get();
        let is_final = licence == Licence::Refused || self.has_let_follow(step) || self.is_overdue(step);
        if !has_more || is_final || self.phase_of(step) != Phase::Working {
            self.settle(step, Outcome::Failed(cause));
        } else if retry.when.is_some() {
            self.state.steps[step].stage = Stage::Choosing(cause);
        } else {
            self.state.steps[step].stage = Stage::Pausing(cause);
        }
    }

    pub(crate) fn retry_decided(&mut self, step: usize, answer: &Answer) -> bool {
        let Stage::Choosing(cause) = self.state.steps[step].stage else {
            return false;
        };
        if *answer == Answer::Yes && self.phase_of(step) == Phase::Working {
            self.state.steps[step].stage = Stage::Pausing(cause);
        } else {
            self.settle(step, Outcome::Failed(cause));
        }
        true
    }

    pub(crate) fn pause_over(&mut self, step: usize) -> bool {
        let is_pausing = matches!(self.state.steps[step].stage, Stage::Pausing(_));
        if is_pausing {
            self.attempt(step);
        }
        is_pausing
    }
}

/// What allows an attempt to be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Licence {
    /// Nothing.
    Refused,
    /// The step may be repeated as it is, or nothing was started.
    Granted,
    /// A cleanup made the attempt harmless.
    Cleaned,
}

impl Licence {
    /// Returns what a step says of a repeat after an attempt that ended like this.
    fn of(step: &Step, conclusion: Conclusion) -> Licence {
        let is_doubt = matches!(conclusion, Conclusion::Failed(Cause::Doubt(_)));
        let reruns = is_doubt && step.conduct.in_doubt == InDoubt::Rerun;
        if step.effect.read_only || step.effect.idempotent || reruns { Licence::Granted } else { Licence::Refused }
    }
}
