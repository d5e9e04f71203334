//! People: what they were asked, who may answer, and what an answer does.
//!
//! A question is a command like any other: its intent is recorded, its end moves its step on. Nothing runs meanwhile, so it
//! takes no room, and a new engine need not find out what became of it: it is still asked.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_model::plan::{Command, Program, Starter};
use firedrill_model::value::Value;

use crate::command::{CommandId, Role, Subject};
use crate::effect::Pause;
use crate::event::{DebtKind, Response, Wait};
use crate::machine::Run;
use crate::state::{Debt, Phase, Stage, Task, TaskAt};
use crate::task::TaskEvent;

/// A question that waits for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The command that asks.
    pub command: CommandId,
    /// What is asked of them.
    pub ask: Ask,
    /// Who may answer; anybody if empty.
    pub by: Vec<String>,
    /// Who may not, because he started the run.
    pub excluded: Option<String>,
    /// How many must answer.
    pub min: u32,
    /// Who has approved already, in the order of their names.
    pub approved: Vec<String>,
}

/// What is asked of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// To do something and say whether it is done.
    Manual,
    /// To decide whether the run goes on.
    Approve,
}

/// Who has approved of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Approvals {
    shown: String,
    by: BTreeSet<String>,
}

impl Run {
    /// Returns what waits for people, in the order of the playbook.
    pub fn waiting_for(&self) -> Vec<Waiting> {
        if matches!(self.state.phase, Phase::Resting | Phase::AtRest) {
            return Vec::new();
        }
        self.questions().map(|(command, _)| self.waiting(command)).collect()
    }

    /// Iterates over the questions that people were asked.
    fn questions(&self) -> impl Iterator<Item = (CommandId, &Task)> {
        self.state.busy.iter().flat_map(|&step| self.questions_of(step))
    }

    fn questions_of(&self, step: usize) -> impl Iterator<Item = (CommandId, &Task)> {
        let state = &self.state.steps[step];
        let attempt = match &state.stage {
            Stage::Attempting(task) => Some((Role::Attempt, state.attempts, task)),
            _ => None,
        };
        let hooks = [
            (DebtKind::Cleanup, Role::Cleanup, state.attempts),
            (DebtKind::Rollback, Role::Rollback, 1),
            (DebtKind::Release, Role::Release, 1),
        ];
        let hooks = hooks.into_iter().filter_map(move |(kind, role, round)| match self.debt(step, kind) {
            Debt::Discharging(task) => Some((role, round, task)),
            Debt::None | Debt::Owed | Debt::Deciding | Debt::Open | Debt::Discharged | Debt::Off => None,
        });
        let asked = attempt.into_iter().chain(hooks).filter(|(_, _, task)| matches!(task.at, TaskAt::Asked(_)));
        asked.map(move |(role, round, task)| {
            let subject = Subject::Step(self.shape.id(step).clone());
            (CommandId { subject, role, round, r#try: task.r#try }, task)
        })
    }

    fn waiting(&self, command: CommandId) -> Waiting {
        let approved = self.state.approvals.get(&command).map(|approvals| approvals.by.iter().cloned().collect());
        let approved = approved.unwrap_or_default();
        match self.command(&command).map(|command| &command.program) {
            Some(Program::Approve { by, min, starter, .. }) => {
                let excluded = self.state.starter.clone().filter(|_| *starter == Starter::Excluded);
                Waiting { ask: Ask::Approve, by: by.clone(), excluded, min: min.get(), approved, command }
            }
            Some(Program::Argv(_) | Program::Script { .. } | Program::Manual { .. }) | None => {
                Waiting { ask: Ask::Manual, by: Vec::new(), excluded: None, min: 1, approved, command }
            }
        }
    }

    /// Returns whether a command asks people instead of starting anything.
    pub fn asks_people(&self, id: &CommandId) -> bool {
        self.command(id).is_some_and(|command| command.program.asks_people())
    }

    /// Returns whether a step is one that people decide.
    pub(crate) fn is_decision(&self, step: usize) -> bool {
        let program = self.planned(step).command().map(|command| &command.program);
        matches!(program, Some(Program::Approve { .. }))
    }

    /// Takes an answer, from whom and about what.
    pub(crate) fn answered(
        &mut self,
        id: &CommandId,
        response: Response,
        outputs: &BTreeMap<String, Value>,
        (by, shown): (&str, &str),
    ) -> Result<(), &'static str> {
        if matches!(self.state.phase, Phase::Resting | Phase::AtRest) {
            return Err("the run is at rest: nobody is asked");
        }
        if !matches!(self.task(id), Some(Task { at: TaskAt::Asked(_), .. })) {
            return Err("nobody is asked that");
        }
        let command = self.command(id).ok_or("the plan has no such command")?;
        fits(command, response, outputs)?;
        if matches!(command.program, Program::Approve { .. }) {
            self.may_decide(id, by)?;
        }
        if response == Response::Approved {
            self.approve(id, by, shown)?;
        }
        if id.role == Role::Attempt && !outputs.is_empty() {
            let step = id.step().and_then(|step| self.shape.index(step)).ok_or("the plan has no such step")?;
            self.state.outputs.entry(step).or_default().extend(outputs.clone());
        }
        self.question_event(id, TaskEvent::Answered(response))
    }

    /// Returns whether somebody is among those who may decide.
    fn may_decide(&self, id: &CommandId, by: &str) -> Result<(), &'static str> {
        let waiting = self.waiting(id.clone());
        if !waiting.by.is_empty() && !waiting.by.iter().any(|name| name == by) {
            return Err("the playbook names others who may decide that");
        }
        if waiting.excluded.as_deref() == Some(by) {
            return Err("whoever started the run may not decide that");
        }
        Ok(())
    }

    /// Counts an approval. Those who approved of something else have not approved of this.
    fn approve(&mut self, id: &CommandId, by: &str, shown: &str) -> Result<(), &'static str> {
        let approvals = self.state.approvals.entry(id.clone()).or_default();
        if approvals.shown != shown {
            *approvals = Approvals { shown: shown.to_owned(), by: BTreeSet::new() };
        }
        let approved = crate::machine::count(approvals.by.len());
        if !approvals.by.insert(by.to_owned()) {
            return Err("this name has approved already");
        }
        if let Some(task) = self.task_mut(id) {
            task.at = TaskAt::Asked(approved);
        }
        Ok(())
    }

    /// The time for an answer is over. Returns whether one was waited for.
    pub(crate) fn answer_overdue(&mut self, id: &CommandId) -> bool {
        self.question_event(id, TaskEvent::Overdue).is_ok()
    }

    /// Nobody need answer any more what a step asked: nothing new starts.
    pub(crate) fn call_off_question(&mut self, step: usize) {
        let asked = self.questions_of(step).map(|(id, _)| id).find(|id| id.role == Role::Attempt);
        if let Some(id) = asked {
            self.question_event(&id, TaskEvent::CalledOff).expect("the question is out");
        }
    }

    /// Moves a question on; one that is over is an attempt that has ended.
    fn question_event(&mut self, id: &CommandId, event: TaskEvent<'_>) -> Result<(), &'static str> {
        let asked = self.task(id).filter(|task| matches!(task.at, TaskAt::Asked(_))).copied();
        let (asked, command) = asked.zip(self.command(id)).ok_or("nobody is asked that")?;
        let is_over =
            matches!(asked.step(event, crate::task::Kind::Deed, command), Some(crate::task::TaskStep::End(_)));
        if is_over {
            self.state.rendered.remove(id);
            self.state.approvals.remove(id);
            self.note_answer(id);
        }
        self.task_event(id, event)
    }

    /// Takes note that people are not asked any more: from now on what they may have done counts.
    fn note_answer(&mut self, command: &CommandId) {
        let step = command.step().and_then(|id| self.shape.index(id));
        let Some(step) = step.filter(|_| command.role == Role::Attempt) else { return };
        let state = &mut self.state.steps[step];
        state.exit_code = None;
        state.effective = (state.effective + 1).min(state.attempts - state.voided);
        self.attempt_ended();
    }

    /// Gathers the time limits of the answers that are waited for.
    pub(crate) fn answer_pauses(&self, pauses: &mut Vec<Pause>) {
        if self.is_resting() {
            return;
        }
        for (id, _) in self.questions() {
            if let Some(length) = self.command(&id).and_then(|command| command.time_limit) {
                pauses.push(Pause { wait: Wait::Answer(id), length });
            }
        }
    }
}

/// Returns whether an answer is one to this question, with every value that is asked for.
fn fits(command: &Command, response: Response, outputs: &BTreeMap<String, Value>) -> Result<(), &'static str> {
    let is_kind = match &command.program {
        Program::Manual { .. } => matches!(response, Response::Done | Response::Failed),
        Program::Approve { .. } => matches!(response, Response::Approved | Response::Declined),
        Program::Argv(_) | Program::Script { .. } => false,
    };
    if !is_kind {
        return Err("that is no answer to this question");
    }
    if outputs.keys().any(|name| command.outputs.iter().all(|rule| rule.name != *name)) {
        return Err("a value is given that nobody asked for");
    }
    let is_other = |(name, value): (&String, &Value)| {
        let rule = command.outputs.iter().find(|rule| rule.name == *name);
        *value != Value::None && rule.is_some_and(|rule| rule.r#type.check(value).is_err())
    };
    if outputs.iter().any(is_other) {
        return Err("a value is not of the type that is asked for");
    }
    let is_missing = |name: &String| !outputs.contains_key(name);
    if response == Response::Done && command.outputs.iter().any(|rule| !rule.optional && is_missing(&rule.name)) {
        return Err("a value that is asked for is missing");
    }
    Ok(())
}
