//! Who has to be asked before what cannot be undone.

use super::{Condition, OnFailure, OnUnmet, Plan, Program};

impl Plan {
    /// Returns whether a step can begin only after people have approved: it needs a decision, directly or through others,
    /// that is never skipped and after whose failure nothing goes on.
    pub fn is_approved_before(&self, step: usize) -> bool {
        self.needed_by(step).into_iter().any(|decision| self.is_binding(decision, step))
    }

    /// Returns the steps that lie between a decision and the next ones: those that it lets begin.
    pub fn approved_by(&self, decision: usize) -> Vec<usize> {
        let is_covered = |step: &usize| {
            let needed = self.needed_by(*step);
            let is_later = |other: &usize| self.is_decision(*other) && self.needed_by(*other).contains(&decision);
            needed.contains(&decision) && !needed.iter().any(is_later)
        };
        (0..self.steps.len()).filter(is_covered).collect()
    }

    fn is_decision(&self, step: usize) -> bool {
        matches!(self.steps[step].command().map(|command| &command.program), Some(Program::Approve { .. }))
    }

    /// Returns whether a decision always comes before a step that needs it.
    fn is_binding(&self, decision: usize, step: usize) -> bool {
        let around: Vec<usize> = self.groups_of(step).collect();
        let own = self.groups_of(decision).filter(|group| !around.contains(group)).chain([decision]);
        let mut scopes = own.collect::<Vec<_>>().into_iter();
        self.is_decision(decision) && scopes.all(|scope| !self.may_be_passed(scope))
    }

    /// Returns whether what needs a step may begin although the step was not done.
    fn may_be_passed(&self, step: usize) -> bool {
        let planned = &self.steps[step];
        let is_conditional = !matches!(planned.when, None | Some(Condition::Known(true)));
        let may_skip = planned.guards.iter().any(|guard| guard.on_unmet == OnUnmet::Skip);
        let is_repeated = planned.as_group().is_some_and(|group| group.each.is_some());
        is_conditional
            || may_skip
            || is_repeated
            || planned.on_failure == OnFailure::Continue
            || self.goes_on_after(step)
    }

    /// Returns everything that a step needs, directly or through others.
    fn needed_by(&self, step: usize) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut queue = self.steps[step].needs.clone();
        while let Some(need) = queue.pop() {
            if !found.contains(&need) {
                found.push(need);
                queue.extend(&self.steps[need].needs);
            }
        }
        found.sort_unstable();
        found
    }
}
