//! The records of earlier runs of a playbook: what estimates and recovery points are drawn from.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::Verdict;
use firedrill_run::journal::Envelope;

use crate::journal;
use crate::store::{About, RunDir, Store, StoreError};
use crate::summary::summary;

/// What a run worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A real foundation, as a drill or in earnest; a target, if one was chosen.
    Real(Option<String>),
    /// The sandbox.
    Sandbox,
}

/// An earlier run as it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was fixed when it was created.
    pub about: About,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Its journal.
    pub envelopes: Vec<Envelope>,
}

/// Returns the newest runs of a playbook in one place, at most `limit` of them, the newest first.
///
/// Runs that cannot be read are left out: they must not keep others from being run. Nothing is replayed here.
pub fn history(store: &Store, playbook: &str, place: &Place, limit: usize) -> Result<Vec<Recorded>, StoreError> {
    let runs = store.readable_runs()?.into_iter();
    let wanted = runs.filter(|(_, about)| about.playbook == playbook && about.place() == *place);
    Ok(wanted.take(limit).filter_map(|(dir, about)| recorded(&dir, about)).collect())
}

/// Returns what the last run of a playbook in one place that succeeded has published; nothing if there is none.
pub fn last_outputs(
    store: &Store,
    playbook: &str,
    place: &Place,
) -> Result<Option<BTreeMap<String, String>>, StoreError> {
    let runs = store.readable_runs()?.into_iter();
    let wanted = runs.filter(|(_, about)| about.playbook == playbook && about.place() == *place);
    let mut ended = wanted.filter_map(|(dir, _)| summary(&dir));
    Ok(ended.find(|summary| summary.verdict == Verdict::Succeeded).map(|summary| summary.outputs))
}

fn recorded(dir: &RunDir, about: About) -> Option<Recorded> {
    let envelopes = journal::read(&dir.journal()).ok()?;
    Some(Recorded { about, plan: Arc::new(dir.plan().ok()?), envelopes })
}

impl About {
    /// Returns what the run worked on.
    pub fn place(&self) -> Place {
        if self.sandbox.is_some() { Place::Sandbox } else { Place::Real(self.target.clone()) }
    }
}
