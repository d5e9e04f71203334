//! The course of a run: its view, and what only shows while the events pass by.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Debt, DebtKind, Event, Exit, IllegalEvent, Rendering, Role};

use super::Told;
use crate::view::{Execution, View};

/// A run, folded once.
pub(super) struct Course {
    /// The run as it ended.
    pub(super) view: View,
    /// When the obligations of each step were first discharged, in the order of [`DebtKind::ALL`].
    discharged_ms: Vec<[Option<u64>; 3]>,
    /// Why the texts of commands could not be had.
    unrendered: BTreeMap<CommandId, String>,
}

impl Course {
    pub(super) fn of(told: &Told) -> Result<Course, IllegalEvent> {
        let view = View::new(Arc::clone(&told.plan));
        let mut course = Course { view, discharged_ms: Vec::new(), unrendered: BTreeMap::new() };
        told.envelopes.iter().try_for_each(|envelope| course.apply(envelope))?;
        Ok(course)
    }

    fn apply(&mut self, envelope: &Envelope) -> Result<(), IllegalEvent> {
        self.view.apply(envelope)?;
        if let Event::Rendered { command, outcome: Rendering::Error(why) } = &envelope.event {
            self.unrendered.insert(command.clone(), why.clone());
        }
        self.discharged_ms.resize(self.view.plan().steps.len(), [None; 3]);
        for (step, seen) in self.discharged_ms.iter_mut().enumerate() {
            let summary = self.view.run().summary(step);
            let debts = [summary.cleanup, summary.rollback, summary.release];
            for (seen, debt) in seen.iter_mut().zip(debts) {
                if *debt == Debt::Discharged {
                    seen.get_or_insert(envelope.at_ms);
                }
            }
        }
        Ok(())
    }

    /// Returns when an obligation of a step was first discharged.
    pub(super) fn discharged_ms(&self, step: usize, kind: DebtKind) -> Option<u64> {
        let at = DebtKind::ALL.iter().position(|it| *it == kind)?;
        self.discharged_ms[step][at]
    }

    /// Iterates over the attempts of a step that were really begun.
    pub(super) fn attempts(&self, step: usize) -> impl Iterator<Item = &Execution> {
        let is_begun = |it: &&Execution| it.exit.is_some() || self.view.run().in_flight().contains(&it.command);
        let executions = self.view.executions_of(&self.view.plan().steps[step].id);
        executions.filter(|it| it.command.role == Role::Attempt).filter(is_begun)
    }

    /// Returns when a step took what it holds: at the start of its first attempt that had a process.
    pub(super) fn taken_ms(&self, step: usize) -> Option<u64> {
        let mut attempts = self.attempts(step);
        attempts.find(|it| !matches!(it.exit, Some(Exit::NotSpawned(_)))).map(|it| it.started_ms)
    }

    /// Returns the step whose commands, of those that count, ran the longest between two moments, and for how many
    /// milliseconds.
    pub(super) fn longest(&self, from_ms: u64, to_ms: u64, counts: impl Fn(usize) -> bool) -> Option<(usize, u64)> {
        let steps = 0..self.view.plan().steps.len();
        let length = |step: usize| {
            let executions = self.view.executions_of(&self.view.plan().steps[step].id);
            let spans = executions.map(|it| (it.started_ms, it.started_ms.saturating_add(it.ms.unwrap_or(0))));
            spans.map(|(start, end)| end.min(to_ms).saturating_sub(start.max(from_ms))).sum::<u64>()
        };
        let lengths = steps.filter(|&step| counts(step)).map(|step| (step, length(step)));
        lengths.rev().max_by_key(|(_, length)| *length).filter(|(_, length)| *length > 0)
    }

    /// Returns why the latest texts of a step's command could not be had.
    pub(super) fn unrendered(&self, step: &str, role: &Role) -> Option<&str> {
        let is_it = |id: &CommandId| id.role == *role && id.step().is_some_and(|it| it.as_str() == step);
        self.unrendered.iter().rev().find(|(id, _)| is_it(id)).map(|(_, why)| why.as_str())
    }
}

/// Returns the role of the commands that discharge an obligation.
pub(in crate::rehearsal) fn role_of(kind: DebtKind) -> Role {
    match kind {
        DebtKind::Cleanup => Role::Cleanup,
        DebtKind::Rollback => Role::Rollback,
        DebtKind::Release => Role::Release,
    }
}
