//! Named locks of steps: which a step takes, and what excludes what within one run.

use std::collections::BTreeSet;

use super::{Items, Plan, Step, is_inside};

impl Plan {
    /// Returns the names of the locks that a step takes, all at once and sorted: its own, and if it is a group with locks
    /// those of what is inside too. So nobody inside of it ever waits for a lock while the group holds one.
    #[must_use]
    pub fn locks_of(&self, step: usize) -> BTreeSet<&str> {
        let takes = !self.steps[step].locks.is_empty();
        let inside = (0..self.steps.len()).filter(|&at| at == step || is_inside(&self.steps, at, step));
        inside.filter(|_| takes).flat_map(|at| self.steps[at].all_locks()).collect()
    }

    /// Returns the names of the locks that any step may take.
    #[must_use]
    pub fn step_locks(&self) -> BTreeSet<&str> {
        self.steps.iter().flat_map(Step::all_locks).collect()
    }

    /// Returns for each step the steps that must do nothing at the same time, because they or groups around them share a
    /// lock; nothing at all if no step has one. A group does not exclude what is inside of it.
    #[must_use]
    pub fn exclusions(&self) -> Vec<Vec<usize>> {
        let lockers: Vec<usize> = (0..self.steps.len()).filter(|&at| !self.steps[at].locks.is_empty()).collect();
        if lockers.is_empty() {
            return Vec::new();
        }
        let names: Vec<BTreeSet<&str>> = lockers.iter().map(|&locker| self.locks_of(locker)).collect();
        let is_within = |step, group| step == group || is_inside(&self.steps, step, group);
        let mut exclusions = vec![BTreeSet::new(); self.steps.len()];
        for (a, &first) in lockers.iter().enumerate() {
            for (b, &second) in lockers.iter().enumerate() {
                let is_related = is_within(first, second) || is_within(second, first);
                if !is_related && !names[a].is_disjoint(&names[b]) {
                    let others = (0..self.steps.len()).filter(|&at| is_within(at, second));
                    let inside = (0..self.steps.len()).filter(|&at| is_within(at, first));
                    inside.for_each(|at| exclusions[at].extend(others.clone()));
                }
            }
        }
        exclusions.into_iter().map(|others| others.into_iter().collect()).collect()
    }
}

impl Step {
    /// Returns its locks, and those of the steps that each item of it will become while its items are not known.
    fn all_locks(&self) -> Vec<&str> {
        let template = match self.as_group().and_then(|group| group.each.as_ref()).map(|each| &each.items) {
            Some(Items::Deferred { template, .. }) => template.as_slice(),
            Some(Items::Known(_)) | None => &[],
        };
        self.locks.iter().map(String::as_str).chain(template.iter().flat_map(Step::all_locks)).collect()
    }
}
