//! What is known when a plan is made, and what the rest waits for.

use super::Resolver;
use crate::expression::{Expression, Reference, RunField};
use crate::plan::{self, After};
use crate::value::Value;

impl Resolver<'_> {
    /// Returns whether a name is known when the plan is made.
    pub(super) fn is_known(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Input(_) | Reference::Var(_) => !self.late.waits.contains_key(reference),
            Reference::Last(_) | Reference::Target(_) => true,
            Reference::Item(_) => self.scope.get(reference).is_some(),
            Reference::StepOutput { .. }
            | Reference::StepFile { .. }
            | Reference::StepOutcome(_)
            | Reference::StepExitCode(_)
            | Reference::GuardOutput { .. }
            | Reference::Run(_)
            | Reference::Attempt(_)
            | Reference::Sandbox(_) => false,
        }
    }

    /// Returns the value of a name that nobody knows any more when the run is on: it is written out in what waits.
    pub(super) fn bound(&self, reference: &Reference) -> Option<Value> {
        let is_bound = match reference {
            Reference::Item(_) => true,
            Reference::Input(_) | Reference::Var(_) | Reference::Last(_) => self.used_at.is_some(),
            _ => false,
        };
        is_bound.then(|| self.scope.get(reference).cloned()).flatten()
    }

    /// Writes out in an expression what nobody knows when the run is on.
    pub(super) fn bind(&self, expression: &Expression) -> Expression {
        expression.bind(|name| self.bound(name))
    }

    /// Returns what these names wait for; `own` is the step that names them.
    pub(super) fn after(&self, references: &[Reference], own: Option<&str>) -> Vec<After> {
        let late = references.iter().filter_map(|reference| self.late.waits.get(reference)).flatten().cloned();
        let waits = references.iter().filter_map(|reference| match reference {
            Reference::Input(_)
            | Reference::Var(_)
            | Reference::Last(_)
            | Reference::Target(_)
            | Reference::Sandbox(_)
            | Reference::Item(_) => None,
            Reference::GuardOutput { guard, .. } => Some(After::Guard(guard.clone())),
            Reference::StepOutput { step, .. }
            | Reference::StepFile { step, .. }
            | Reference::StepOutcome(step)
            | Reference::StepExitCode(step) => Some(After::Step(self.full_id(step, own))),
            Reference::Run(RunField::Verdict) => Some(After::Rest),
            Reference::Run(_) => Some(After::Start),
            Reference::Attempt(_) => own.map(|step| After::Step(step.to_owned())),
        });
        let mut waits: Vec<After> = waits.chain(late).collect();
        waits.sort();
        waits.dedup();
        waits
    }

    /// Returns the id in the plan of the step that a name means here.
    fn full_id(&self, name: &str, own: Option<&str>) -> String {
        if let Some(own) = own.filter(|own| plan::own_name(own) == name) {
            return own.to_owned();
        }
        let block = self.blocks.last().and_then(|(block, _)| *block);
        let parent = self.names.find(block, name).and_then(|found| self.names.parent(found.step));
        let around = self.blocks.iter().rev().find(|(block, _)| *block == parent);
        around.map_or_else(|| name.to_owned(), |(_, id)| plan::path(id, name))
    }
}
