//! What the machine looks up in a plan, computed once: who depends on whom.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use firedrill_model::plan::{Plan, Step};

use crate::command::StepId;
use crate::future::most_at_once;

/// The look-up tables of a plan.
#[derive(Debug)]
pub(crate) struct Shape {
    index: HashMap<StepId, usize, BuildHasherDefault<Short>>,
    ids: Vec<StepId>,
    dependents: Vec<Vec<usize>>,
    awaited_by: Vec<Vec<usize>>,
    followers: Vec<Vec<Follower>>,
    begun_after: Vec<Vec<usize>>,
    open_ended: Vec<usize>,
    /// Whether something that is due may have to wait for room.
    pub(crate) is_cramped: bool,
}

impl Shape {
    pub(crate) fn new(plan: &Plan) -> Self {
        let ids: Vec<StepId> = plan.steps.iter().map(|step| StepId::from(step.id.as_str())).collect();
        let mut shape = Shape {
            index: ids.iter().cloned().enumerate().map(|(at, id)| (id, at)).collect(),
            ids,
            dependents: vec![Vec::new(); plan.steps.len()],
            awaited_by: vec![Vec::new(); plan.steps.len()],
            followers: vec![Vec::new(); plan.steps.len()],
            begun_after: vec![Vec::new(); plan.steps.len()],
            open_ended: Vec::new(),
            is_cramped: (plan.max_parallel.get() as usize) < most_at_once(plan),
        };
        for (at, step) in plan.steps.iter().enumerate() {
            for &need in &step.needs {
                shape.dependents[need].push(at);
            }
            for signal in &step.after {
                shape.followers[signal.step].push(Follower { milestone: signal.milestone, what: Followed::Start(at) });
            }
            for before in step.begun_before() {
                shape.begun_after[before].push(at);
            }
            shape.wait_for_release(at, step);
        }
        shape
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
            self.followers[signal.step].push(Follower { milestone: signal.milestone, what: Followed::Release(at) });
        }
    }

    /// Returns the index of a step.
    pub(crate) fn index(&self, id: &StepId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Returns the id of a step.
    pub(crate) fn id(&self, step: usize) -> &StepId {
        &self.ids[step]
    }

    /// Returns the steps that need this one.
    pub(crate) fn dependents(&self, step: usize) -> &[usize] {
        &self.dependents[step]
    }

    /// Returns what waits for milestones of this step.
    pub(crate) fn followers(&self, step: usize) -> &[Follower] {
        &self.followers[step]
    }

    /// Returns the steps that begin after this one: they need it or wait for a milestone of it, and unwind before it.
    pub(crate) fn begun_after(&self, step: usize) -> &[usize] {
        &self.begun_after[step]
    }

    /// Returns the steps whose release waits for this one.
    pub(crate) fn awaited_by(&self, step: usize) -> &[usize] {
        &self.awaited_by[step]
    }

    /// Returns the steps whose release waits for the end of the playbook.
    pub(crate) fn open_ended(&self) -> &[usize] {
        &self.open_ended
    }
}

/// What waits for a milestone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follower {
    /// The index of the milestone among those of its step.
    pub(crate) milestone: usize,
    pub(crate) what: Followed,
}

/// What a milestone lets happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Followed {
    /// This step begins.
    Start(usize),
    /// The release of this step is due.
    Release(usize),
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
