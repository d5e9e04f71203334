//! Earlier runs, reduced to what estimates and recovery points need.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_model::value::Value;
use firedrill_run::journal::Envelope;
use firedrill_run::{IllegalEvent, Outcome, Stage, Verdict};

use crate::measure::{Measures, Timeline, VerifiedArtifact};

/// An earlier run that has come to rest.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    /// Its id.
    pub run: String,
    /// How it ended.
    pub verdict: Verdict,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// Whether it was a drill.
    pub is_drill: bool,
    /// The inputs of its plan.
    pub inputs: BTreeMap<String, Value>,
    /// Its steps by id; without those that failed or were not reached.
    pub steps: BTreeMap<String, PastStep>,
    /// The newest verified artifact that it has made.
    pub artifact: Option<VerifiedArtifact>,
}

/// What became of a step of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastStep {
    /// It took so many milliseconds, all its attempts and what lay between them included.
    Took(u64),
    /// It was skipped.
    Skipped,
}

impl PastRun {
    /// Returns what a run came to; nothing of one that is not at rest.
    ///
    /// Fails if the events are not a history of the plan.
    pub fn of(plan: &Arc<Plan>, envelopes: &[Envelope], is_drill: bool) -> Result<Option<PastRun>, IllegalEvent> {
        let timeline = Timeline::of(plan, envelopes)?;
        let Some(verdict) = timeline.run.verdict() else { return Ok(None) };
        Ok(Some(PastRun {
            run: timeline.id.clone(),
            verdict,
            started_ms: timeline.started_ms,
            is_drill,
            inputs: plan.inputs.clone(),
            steps: steps(&timeline),
            artifact: Measures::of(&timeline, None).artifact,
        }))
    }
}

fn steps(timeline: &Timeline) -> BTreeMap<String, PastStep> {
    let times: BTreeMap<usize, u64> = timeline.step_times().collect();
    let ends = timeline.run.plan().steps.iter().enumerate().filter_map(|(at, step)| {
        let end = match timeline.run.summary(at).stage {
            Stage::Settled(Outcome::Succeeded) => PastStep::Took(*times.get(&at)?),
            Stage::Settled(Outcome::Skipped) => PastStep::Skipped,
            _ => return None,
        };
        Some((step.id.clone(), end))
    });
    ends.collect()
}

/// Returns the newest verified artifact that earlier runs have made of the same thing: with the same inputs.
///
/// An artifact of another foundation must not stand for one of this, and only the inputs tell them apart. Artifacts of
/// drills count: data can be restored from them.
pub fn newest_artifact<'a>(plan: &Plan, past: &'a [PastRun]) -> Option<&'a VerifiedArtifact> {
    let same = past.iter().filter(|run| run.inputs == plan.inputs);
    same.filter_map(|run| run.artifact.as_ref()).max_by_key(|artifact| artifact.made_ms)
}
