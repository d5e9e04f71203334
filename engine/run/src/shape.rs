//! What the machine looks up in a plan, computed once: who depends on whom.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use firedrill_model::plan::{Plan, Step};

use crate::command::StepId;
use crate::future::{Weighed, most_at_once};

/// The look-up tables of a plan.
#[derive(Debug)]
pub(crate) struct Shape {
    index: HashMap<StepId, usize, BuildHasherDefault<Short>>,
    ids: Vec<StepId>,
    dependents: Vec<Vec<usize>>,
    heads: Vec<Vec<usize>>,
    inside: Vec<Vec<usize>>,
    scopes: Vec<Vec<usize>>,
    owners: Vec<usize>,
    members: Vec<Vec<usize>>,
    awaited_by: Vec<Vec<usize>>,
    listeners: Vec<Vec<Listener>>,
    begun_after: Vec<Vec<usize>>,
    open_ended: Vec<usize>,
    timed: Vec<usize>,
    lockers: Vec<usize>,
    locks: Vec<Vec<String>>,
    excluded: Vec<Vec<usize>>,
    /// The steps whose secrets others use, ascending.
    publishers: Vec<usize>,
    secret_users: Vec<Vec<usize>>,
    secrets_of: Vec<Vec<usize>>,
    weighed: Vec<Weighed>,
    /// Whether something that is due may have to wait for room, or for others with the same lock.
    pub(crate) is_cramped: bool,
}

impl Shape {
    pub(crate) fn new(plan: &Plan) -> Self {
        let ids: Vec<StepId> = plan.steps.iter().map(|step| StepId::from(step.id.as_str())).collect();
        let mut shape = Shape {
            index: ids.iter().cloned().enumerate().map(|(at, id)| (id, at)).collect(),
            ids,
            dependents: vec![Vec::new(); plan.steps.len()],
            heads: vec![Vec::new(); plan.steps.len()],
            inside: vec![Vec::new(); plan.steps.len()],
            scopes: (0..plan.steps.len()).map(|step| scopes(plan, step)).collect(),
            owners: (0..plan.steps.len()).filter(|&step| plan.goes_on_after(step)).collect(),
            members: vec![Vec::new(); plan.steps.len()],
            awaited_by: vec![Vec::new(); plan.steps.len()],
            listeners: vec![Vec::new(); plan.steps.len()],
            begun_after: vec![Vec::new(); plan.steps.len()],
            open_ended: Vec::new(),
            timed: (0..plan.steps.len()).filter(|&step| plan.steps[step].deadline.is_some()).collect(),
            lockers: (0..plan.steps.len()).filter(|&step| !plan.steps[step].locks.is_empty()).collect(),
            locks: Vec::new(),
            excluded: plan.exclusions(),
            publishers: Vec::new(),
            secret_users: vec![Vec::new(); plan.steps.len()],
            secrets_of: vec![Vec::new(); plan.steps.len()],
            weighed: Vec::new(),
            is_cramped: (plan.max_parallel.get() as usize) < most_at_once(plan),
        };
        for (at, step) in plan.steps.iter().enumerate() {
            step.group.into_iter().for_each(|group| shape.members[group].push(at));
            for group in plan.groups_of(at) {
                shape.inside[group].push(at);
            }
            for &need in &step.needs {
                shape.dependents[need].push(at);
                if plan.groups_of(at).any(|group| group == need) {
                    shape.heads[need].push(at);
                }
            }
            for signal in &step.after {
                shape.listeners[signal.step].push(Listener { milestone: signal.milestone, lets: Lets::Begin(at) });
            }
            for before in step.begun_before() {
                shape.begun_after[before].push(at);
            }
            shape.wait_for_release(at, step);
            shape.use_secrets(plan, at);
        }
        shape.take_locks(plan);
        let users = shape.secret_users.iter();
        shape.weighed =
            plan.steps.iter().zip(users).map(|(step, users)| Weighed::new(step, !users.is_empty())).collect();
        shape.publishers = (0..plan.steps.len()).filter(|&step| !shape.secret_users[step].is_empty()).collect();
        shape
    }

    fn take_locks(&mut self, plan: &Plan) {
        if self.has_locks() {
            let names = (0..plan.steps.len()).map(|step| plan.locks_of(step));
            self.locks = names.map(|names| names.into_iter().map(str::to_owned).collect()).collect();
        }
        self.is_cramped |= self.has_locks();
    }

    fn wait_for_release(&mut self, at: usize, step: &Step) {
        let Some(release) = &step.release else { return };
        if release.is_open_ended() {
            self.open_ended.push(at);
        }
        for &until in &release.until {
            self.awaited_by[until].push(at);
        }
        for signal in &release.until_reached {
            self.listeners[signal.step].push(Listener { milestone: signal.milestone, lets: Lets::Release(at) });
        }
    }

    fn use_secrets(&mut self, plan: &Plan, at: usize) {
        let used = plan.steps[at].commands().flat_map(|command| &command.secrets);
        let mut publishers: Vec<usize> = used
            .filter_map(|used| plan.named(used.step.as_deref()?, at))
            .filter(|&publisher| publisher != at)
            .collect();
        publishers.sort_unstable();
        publishers.dedup();
        for &publisher in &publishers {
            self.secret_users[publisher].push(at);
        }
        self.secrets_of[at] = publishers;
    }

    /// Returns the steps whose secrets others use, ascending.
    pub(crate) fn publishers(&self) -> &[usize] {
        &self.publishers
    }

    /// Returns what decides which numbers of each step count for what can still happen.
    pub(crate) fn weighed(&self) -> &[Weighed] {
        &self.weighed
    }

    /// Returns the steps that use secrets of this one, ascending.
    pub(crate) fn secret_users(&self, step: usize) -> &[usize] {
        &self.secret_users[step]
    }

    /// Returns the steps of which this one uses secrets, ascending.
    pub(crate) fn secrets_of(&self, step: usize) -> &[usize] {
        &self.secrets_of[step]
    }

    /// Returns the index of a step.
    pub(crate) fn index(&self, id: &StepId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Returns the id of a step.
    pub(crate) fn id(&self, step: usize) -> &StepId {
        &self.ids[step]
    }

    /// Returns what waits for milestones of this step.
    pub(crate) fn listeners(&self, step: usize) -> &[Listener] {
        &self.listeners[step]
    }

    /// Returns the steps that begin after this one: they need it or wait for a milestone of it, and unwind before it.
    pub(crate) fn begun_after(&self, step: usize) -> &[usize] {
        &self.begun_after[step]
    }

    /// Returns the members of a group, directly or not, that wait for nothing but its beginning.
    pub(crate) fn heads(&self, group: usize) -> &[usize] {
        &self.heads[group]
    }

    /// Iterates over the steps that need this one to be over: its dependents without the members of a group.
    pub(crate) fn followers(&self, step: usize) -> impl Iterator<Item = usize> {
        self.dependents[step].iter().copied().filter(move |dependent| !self.heads[step].contains(dependent))
    }

    /// Returns the steps inside a group, directly or not, ascending.
    pub(crate) fn inside(&self, group: usize) -> &[usize] {
        &self.inside[group]
    }

    /// Returns the members of a group itself, ascending.
    pub(crate) fn members(&self, group: usize) -> &[usize] {
        &self.members[group]
    }

    /// Returns whether a step is this one or lies inside of it.
    pub(crate) fn is_within(&self, step: usize, scope: usize) -> bool {
        step == scope || self.inside[scope].binary_search(&step).is_ok()
    }

    /// Returns the scopes around a step that unwind by themselves, the outermost first, the step itself included.
    pub(crate) fn scopes(&self, step: usize) -> &[usize] {
        &self.scopes[step]
    }

    /// Returns the steps and groups that unwind by themselves, ascending.
    pub(crate) fn owners(&self) -> &[usize] {
        &self.owners
    }

    /// Returns the steps that have a deadline.
    pub(crate) fn timed(&self) -> &[usize] {
        &self.timed
    }

    /// Returns whether any step takes locks.
    pub(crate) fn has_locks(&self) -> bool {
        !self.lockers.is_empty()
    }

    /// Returns the steps that take locks.
    pub(crate) fn lockers(&self) -> &[usize] {
        &self.lockers
    }

    /// Returns the names of the locks that a step takes, sorted.
    pub(crate) fn locks(&self, step: usize) -> &[String] {
        self.locks.get(step).map_or(&[], Vec::as_slice)
    }

    /// Returns the steps that must do nothing while this one is at something.
    pub(crate) fn excluded(&self, step: usize) -> &[usize] {
        self.excluded.get(step).map_or(&[], Vec::as_slice)
    }

    /// Returns the steps whose release waits for this one.
    pub(crate) fn awaited_by(&self, step: usize) -> &[usize] {
        &self.awaited_by[step]
    }

    /// Returns the steps whose release waits for the end of their block.
    pub(crate) fn open_ended(&self) -> &[usize] {
        &self.open_ended
    }
}

/// What waits for a milestone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    /// The index of the milestone among those of its step.
    pub(crate) milestone: usize,
    pub(crate) lets: Lets,
}

/// What a milestone lets happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lets {
    /// This step begins.
    Begin(usize),
    /// The release of this step is due.
    Release(usize),
}

fn scopes(plan: &Plan, step: usize) -> Vec<usize> {
    let around = std::iter::once(step).chain(plan.groups_of(step));
    let mut scopes: Vec<usize> = around.filter(|&scope| plan.goes_on_after(scope)).collect();
    scopes.reverse();
    scopes
}

/// Hashes the few ids of a plan (FNV-1a): every event of a run looks some of them up, and nobody gains by a collision.
struct Short(u64);

impl Default for Short {
    fn default() -> Short {
        Short(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Short {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
