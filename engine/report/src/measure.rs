//! What a run came to against its objectives: recovery time, by phase and apart from people, and recovery point.
//!
//! *Recovery time* runs from the start of the run to its rest. What people took is measured apart: the time in which nothing
//! was under way but a question to them, and the time at rest before an engine went on with a stuck run. All else is the machine's, also the time until somebody resumed an interrupted run,
//! because commands go on without an engine. The objective is held against the machine's time.
//!
//! *Recovery point* is the age of the newest verified artifact when the run came to rest: see [`VerifiedArtifact`].
//!
//! Times are those of the records; a clock that was set back shortens a span to nothing, never to less.

mod artifact;
mod spans;
mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::IllegalEvent;
use firedrill_run::journal::Envelope;
use serde::Serialize;

pub use artifact::VerifiedArtifact;
pub(crate) use timeline::Timeline;

use self::spans::covered;
use crate::words;

/// The phase of steps that the playbook gives none.
const OTHER: &str = "other";

/// What a run came to, in milliseconds. Of a run that is not at rest: until its latest event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// The recovery time without what people took.
    pub machine_ms: u64,
    /// How long the run waited for people.
    pub people_ms: u64,
    /// How long something of each phase was under way, in the plan's order; steps without a phase are `other`.
    pub phases: Vec<PhaseTime>,
    /// How long each step took that was attempted, in the plan's order.
    pub steps: Vec<StepTime>,
    /// The newest verified artifact, of this run or of an earlier one.
    pub artifact: Option<VerifiedArtifact>,
    /// The recovery point; unknown without a verified artifact.
    pub recovery_point_ms: Option<u64>,
    /// The objective for the recovery time, if the playbook has one.
    pub rto: Option<Objective>,
    /// The objective for the recovery point, if the playbook has one.
    pub rpo: Option<Objective>,
}

/// How long something of a phase was under way: steps, and hooks that ran later. Parallel ones count once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: String,
    /// How long, in milliseconds.
    pub ms: u64,
}

/// How long a step took from the start of its first attempt until it settled, without what people took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepTime {
    /// The step.
    pub step: String,
    /// How long, in milliseconds.
    pub ms: u64,
}

/// An objective held against what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Objective {
    /// What must not be exceeded, in milliseconds.
    pub limit_ms: u64,
    /// Whether it was met. A value that is not known does not meet it.
    pub is_met: bool,
}

/// Measures a run. `previous` is the newest verified artifact of earlier runs; it counts if this run has made none.
///
/// Fails if the events are not a history of the plan.
pub fn measure(
    plan: &Arc<Plan>,
    envelopes: &[Envelope],
    previous: Option<&VerifiedArtifact>,
) -> Result<Measures, IllegalEvent> {
    Ok(Measures::of(&Timeline::of(plan, envelopes)?, previous))
}

impl Measures {
    pub(crate) fn of(timeline: &Timeline, previous: Option<&VerifiedArtifact>) -> Measures {
        let plan = timeline.run.plan();
        let objectives = plan.objectives.unwrap_or_default();
        let people_ms = covered(timeline.people.clone(), &[]);
        let machine_ms = timeline.rested_ms.saturating_sub(timeline.started_ms).saturating_sub(people_ms);
        let artifact = artifact::newest(timeline).or_else(|| previous.cloned());
        let recovery_point_ms = artifact.as_ref().map(|artifact| timeline.rested_ms.saturating_sub(artifact.made_ms));
        Measures {
            machine_ms,
            people_ms,
            phases: phases(timeline),
            steps: timeline.step_times().map(|(at, ms)| StepTime { step: plan.steps[at].id.clone(), ms }).collect(),
            artifact,
            recovery_point_ms,
            rto: objectives.rto.map(|limit| Objective::of(limit, Some(machine_ms))),
            rpo: objectives.rpo.map(|limit| Objective::of(limit, recovery_point_ms)),
        }
    }

    /// Returns whether no objective of the playbook was missed.
    pub fn is_met(&self) -> bool {
        [self.rto, self.rpo].into_iter().flatten().all(|objective| objective.is_met)
    }

    /// Returns what was missed, in words; nothing of objectives that were met.
    pub fn missed(&self) -> Vec<String> {
        let rto = self.rto.filter(|objective| !objective.is_met).map(|objective| {
            let over = words::took(self.machine_ms.saturating_sub(objective.limit_ms));
            format!("the recovery time is {over} over its objective of {}", words::objective(objective.limit_ms))
        });
        let rpo = self.rpo.filter(|objective| !objective.is_met).map(|objective| {
            let limit = words::objective(objective.limit_ms);
            match self.recovery_point_ms {
                Some(age) => {
                    let over = words::took(age.saturating_sub(objective.limit_ms));
                    format!("the newest verified artifact is {over} older than its objective of {limit}")
                }
                None => format!("no verified artifact is known, so the recovery point of {limit} counts as missed"),
            }
        });
        rto.into_iter().chain(rpo).collect()
    }
}

impl Objective {
    fn of(limit: std::time::Duration, value_ms: Option<u64>) -> Objective {
        let limit_ms = words::milliseconds(limit);
        Objective { limit_ms, is_met: value_ms.is_some_and(|value| value <= limit_ms) }
    }
}

fn phases(timeline: &Timeline) -> Vec<PhaseTime> {
    let plan = timeline.run.plan();
    let mut spans: BTreeMap<&str, Vec<spans::TimeSpan>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (step, times) in plan.steps.iter().zip(&timeline.steps) {
        let phase = step.phase.as_deref().unwrap_or(OTHER);
        if !order.contains(&phase) {
            order.push(phase);
        }
        let spans = spans.entry(phase).or_default();
        spans.extend(times.span(timeline.rested_ms));
        spans.extend(&times.hooks);
    }
    // Steps of no phase stand last, wherever the first of them is.
    order.sort_by_key(|phase| *phase == OTHER);
    let mut measured = |phase: &&str| {
        let ms = covered(spans.remove(*phase)?, &timeline.people);
        Some(PhaseTime { phase: (*phase).to_owned(), ms })
    };
    order.iter().filter_map(&mut measured).filter(|phase| phase.ms > 0).collect()
}
