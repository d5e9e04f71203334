//! How long a run of a plan will take.
//!
//! The method is the critical path: a step begins when the last step it needs has settled, and the run is over when the
//! last step is. Guards, invariants, `finally`, locks and `max_parallel` are left out.
//!
//! From history: every earlier run that succeeded and tells how long each step of this plan took gives one critical path,
//! with the steps' times as they were *in that run*, failed attempts and waits included. P50 and P95 are quantiles of
//! these, by nearest rank, so that times of steps that depend on one another stay together. Fewer than
//! three such runs say too little; then each step takes its `typical`.

use std::collections::BTreeMap;

use firedrill_model::plan::{Condition, OnUnmet, Plan, Step, topological};
use firedrill_run::Verdict;

use crate::past::{PastRun, PastStep};
use crate::words;

/// How many earlier runs make a history.
const FEWEST_RUNS: usize = 3;

/// How long a run will take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// As likely longer as shorter, in milliseconds.
    pub p50_ms: u64,
    /// What it is drawn from.
    pub basis: Basis,
    /// The steps of the longest path, in order, without those that take no time.
    pub path: Vec<String>,
    /// How long each step with a release holds what it took, in milliseconds.
    pub holds: BTreeMap<String, u64>,
}

/// What an estimate is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Earlier runs.
    History {
        /// How many.
        runs: usize,
        /// One run in twenty takes longer, in milliseconds.
        p95_ms: u64,
    },
    /// What the playbook calls typical.
    Typical {
        /// Steps of which it says nothing; they count as taking no time.
        without: Vec<String>,
    },
}

/// Estimates a run from earlier ones, or from what the playbook says; nothing if neither says anything.
pub fn estimate(plan: &Plan, past: &[PastRun]) -> Option<Estimate> {
    let succeeded = past.iter().filter(|run| run.verdict == Verdict::Succeeded);
    let schedules: Vec<Schedule> = succeeded.filter_map(|run| Schedule::of(plan, &past_lengths(plan, run)?)).collect();
    if schedules.len() >= FEWEST_RUNS { from_history(plan, schedules) } else { from_typical(plan) }
}

fn from_history(plan: &Plan, mut schedules: Vec<Schedule>) -> Option<Estimate> {
    schedules.sort_by_key(Schedule::length);
    let median = &schedules[rank(schedules.len(), 50)];
    let holds = held(plan).map(|at| {
        let mut lengths: Vec<u64> = schedules.iter().map(|schedule| schedule.hold(plan, at)).collect();
        lengths.sort_unstable();
        (plan.steps[at].id.clone(), lengths[rank(lengths.len(), 50)])
    });
    let estimate = Estimate {
        p50_ms: median.length(),
        basis: Basis::History { runs: schedules.len(), p95_ms: schedules[rank(schedules.len(), 95)].length() },
        path: median.longest_path(plan),
        holds: holds.collect(),
    };
    (estimate.p50_ms > 0).then_some(estimate)
}

fn from_typical(plan: &Plan) -> Option<Estimate> {
    let length = |step: &Step| step.typical.filter(|_| !is_skipped(step)).map_or(0, words::milliseconds);
    let lengths: Vec<u64> = plan.steps.iter().map(length).collect();
    let schedule = Schedule::of(plan, &lengths).filter(|schedule| schedule.length() > 0)?;
    let without =
        plan.steps.iter().filter(|step| step.command().is_some() && step.typical.is_none() && !is_skipped(step));
    Some(Estimate {
        p50_ms: schedule.length(),
        basis: Basis::Typical { without: without.map(|step| step.id.clone()).collect() },
        path: schedule.longest_path(plan),
        holds: held(plan).map(|at| (plan.steps[at].id.clone(), schedule.hold(plan, at))).collect(),
    })
}

/// Returns how long each step took in an earlier run; nothing if that run does not tell of every step that will run.
fn past_lengths(plan: &Plan, run: &PastRun) -> Option<Vec<u64>> {
    let length = |step: &Step| match run.steps.get(&step.id) {
        // A group takes as long as its members, which are counted themselves.
        _ if is_skipped(step) || step.command().is_none() => Some(0),
        Some(PastStep::Took(ms)) => Some(*ms),
        Some(PastStep::Skipped) if may_be_skipped(step) => Some(0),
        Some(PastStep::Skipped) | None => None,
    };
    plan.steps.iter().map(length).collect()
}

fn may_be_skipped(step: &Step) -> bool {
    let skips = step.guards.iter().any(|guard| guard.on_unmet == OnUnmet::Skip);
    skips || matches!(step.when, Some(Condition::Deferred { .. }))
}

fn is_skipped(step: &Step) -> bool {
    matches!(step.when, Some(Condition::Known(false)))
}

/// Iterates over the steps that hold something.
fn held(plan: &Plan) -> impl Iterator<Item = usize> {
    (0..plan.steps.len()).filter(|&at| plan.steps[at].release.is_some() && !is_skipped(&plan.steps[at]))
}

/// Returns the index of a quantile among so many sorted values, by nearest rank.
fn rank(values: usize, percent: usize) -> usize {
    (values * percent).div_ceil(100).saturating_sub(1)
}

/// When each step begins and ends if nothing but the steps it needs keeps it waiting, in milliseconds from the start.
struct Schedule {
    spans: Vec<(u64, u64)>,
}

impl Schedule {
    /// Returns the schedule of steps of these lengths; nothing of a plan without steps.
    fn of(plan: &Plan, lengths: &[u64]) -> Option<Schedule> {
        let mut spans = vec![(0, 0); plan.steps.len()];
        for at in topological(&plan.steps) {
            let settled = plan.steps[at].needs.iter().map(|&need| spans[need].1);
            // When a milestone is reached is not known: at the start of its step at the earliest.
            let reached = plan.steps[at].after.iter().map(|signal| spans[signal.step].0);
            let begin: u64 = settled.chain(reached).max().unwrap_or(0);
            spans[at] = (begin, begin.saturating_add(lengths[at]));
        }
        (!spans.is_empty()).then_some(Schedule { spans })
    }

    fn length(&self) -> u64 {
        self.spans.iter().map(|(_, end)| *end).max().unwrap_or(0)
    }

    /// Returns how long a step holds what it took at the most: from its start until everything in its `until` has settled.
    fn hold(&self, plan: &Plan, at: usize) -> u64 {
        let release = plan.steps[at].release.iter();
        let ends = release.flat_map(|release| {
            release.until.iter().copied().chain(release.until_reached.iter().map(|signal| signal.step))
        });
        let end = ends.map(|end| self.spans[end].1).max().unwrap_or_else(|| self.length());
        end.saturating_sub(self.spans[at].0)
    }

    fn longest_path(&self, plan: &Plan) -> Vec<String> {
        let latest = |steps: &mut dyn Iterator<Item = usize>| steps.max_by_key(|&at| self.spans[at].1);
        let mut path = Vec::new();
        let mut next = latest(&mut (0..self.spans.len()));
        while let Some(at) = next {
            if self.spans[at].1 > self.spans[at].0 {
                path.push(plan.steps[at].id.clone());
            }
            next = latest(&mut plan.steps[at].needs.iter().copied());
        }
        path.reverse();
        path
    }
}

impl Estimate {
    /// Returns the estimate in one sentence.
    pub(crate) fn words(&self) -> String {
        let about = words::about(self.p50_ms);
        let path = self.path.join(", ");
        match &self.basis {
            Basis::History { runs, p95_ms } => {
                let (p95, runs) = (words::about(*p95_ms), words::count(*runs, "run"));
                format!("about {about} (P50), {p95} (P95), from {runs}; longest path: {path}")
            }
            Basis::Typical { without } if without.is_empty() => {
                format!("about {about}, as the playbook says (typical); longest path: {path}")
            }
            Basis::Typical { without } => {
                let silent = words::count(without.len(), "step");
                format!("at least {about}, as the playbook says (typical, not of {silent}); longest path: {path}")
            }
        }
    }
}
