//! What a run keeps of its outputs, and what a driver needs to know of it to answer its questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::value::Value;

use crate::command::{CommandId, Role, StepId, Subject};
use crate::event::Rendered;
use crate::machine::Run;
use crate::state::{Phase, Task, TaskAt};

impl Run {
    /// Keeps what a guard has seen. What the playbook's guards saw first counts for the whole run, so that all who read
    /// it read the same; a step that begins anew reads what its guards see then.
    fn keep_seen(&mut self, subject: &Subject, guard: &Arc<str>, outputs: &BTreeMap<String, Value>) {
        let key = (subject.clone(), Arc::clone(guard));
        let is_kept = *subject == Subject::Playbook && self.state.seen.contains_key(&key);
        if !is_kept && !outputs.is_empty() {
            self.state.seen.insert(key, outputs.clone());
        }
    }

    pub(crate) fn keep_outputs(&mut self, command: &CommandId, judgement: &Judgement) {
        let Judgement::Met { outputs } = judgement else { return };
        if let Role::Guard(guard) = &command.role {
            self.keep_seen(&command.subject, guard, outputs);
            return;
        }
        let Some(step) = command.step().and_then(|id| self.shape.index(id)) else {
            return;
        };
        if matches!(command.role, Role::Attempt | Role::Look(_)) && !outputs.is_empty() {
            self.state.outputs.entry(step).or_default().extend(outputs.clone());
        }
    }

    /// Returns what the run as a whole is doing.
    pub fn phase(&self) -> Phase {
        self.state.phase
    }

    /// Returns an output of a step, if it has one.
    pub fn output(&self, step: &StepId, name: &str) -> Option<&Value> {
        self.state.outputs.get(&self.shape.index(step)?)?.get(name)
    }

    /// Iterates over all outputs: step, name, value.
    pub fn outputs(&self) -> impl Iterator<Item = (&StepId, &str, &Value)> {
        let steps = self.state.outputs.iter();
        steps.flat_map(|(step, values)| values.iter().map(|(name, value)| (self.shape.id(*step), name.as_str(), value)))
    }

    /// Returns what a guard of a step, or of the playbook, has seen when it held.
    pub fn seen(&self, step: Option<&StepId>, guard: &str, name: &str) -> Option<&Value> {
        let subject = step.map_or(Subject::Playbook, |step| Subject::Step(step.clone()));
        self.state.seen.get(&(subject, Arc::from(guard)))?.get(name)
    }

    /// Returns the texts of a command that were deferred and are known.
    pub fn rendered(&self, command: &CommandId) -> Option<&Rendered> {
        self.state.rendered.get(command)
    }

    /// Returns the code with which a command that is being judged has exited; `None` for an attempt whose outputs are
    /// read although it was in doubt.
    pub fn exit_of(&self, command: &CommandId) -> Option<i32> {
        match self.task(command)? {
            Task { at: TaskAt::Judging(code), .. } => Some(*code),
            Task { .. } => None,
        }
    }
}
