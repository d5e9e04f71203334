//! What earlier runs tell of a plan, and what a run came to.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_exec::{About, Place, Recorded, RunDir, Store, history, journal, last_outputs};
use firedrill_model::check::names_of_last;
use firedrill_model::plan::Plan;
use firedrill_model::value::Value;
use firedrill_report::Purpose;
use firedrill_report::estimate::{Estimate, estimate};
use firedrill_report::measure::{Measures, measure};
use firedrill_report::past::{PastRun, newest_artifact};

use crate::failure::Failure;
use crate::home::Home;
use crate::playbook::Loaded;

/// How many earlier runs are looked at.
const NEWEST: usize = 50;

/// Returns what a run is for.
pub(crate) fn purpose(about: &About) -> Purpose {
    if about.drill { Purpose::Drill } else { Purpose::Work }
}

/// Estimates a plan from earlier runs in the same kind of place and for the same purpose.
///
/// A store that cannot be read tells nothing; a plan is shown all the same.
pub(crate) fn estimated(plan: &Plan, place: &Place, purpose: Purpose, home: Option<&Home>) -> Option<Estimate> {
    let store = home.and_then(|home| Store::existing(home.path()));
    let runs = store.and_then(|store| history(&store, &plan.playbook, place, NEWEST).ok()).unwrap_or_default();
    let wanted = runs.iter().filter(|recorded| self::purpose(&recorded.about) == purpose);
    estimate(plan, &wanted.filter_map(past).collect::<Vec<_>>())
}

/// Returns what the last run of a playbook in a place that succeeded has published, if the playbook reads any of it.
pub(crate) fn last(
    playbook: &Loaded,
    place: &Place,
    home: impl Fn() -> Result<Home, Failure>,
) -> Result<BTreeMap<String, Value>, Failure> {
    if names_of_last(playbook.checked()).is_empty() {
        return Ok(BTreeMap::new());
    }
    let Some(store) = Store::existing(home()?.path()) else {
        return Ok(BTreeMap::new());
    };
    let outputs = last_outputs(&store, playbook.name(), place)?.unwrap_or_default();
    Ok(outputs.into_iter().map(|(name, text)| (name, Value::from(text))).collect())
}

/// Measures a run; nothing if its journal cannot be read.
///
/// Earlier runs are looked at only if the run has made no verified artifact and the playbook wants one.
pub(crate) fn measures(dir: &RunDir, about: &About, plan: &Arc<Plan>, store: &Store) -> Option<Measures> {
    let envelopes = journal::read(&dir.journal()).ok()?;
    let measures = measure(plan, &envelopes, None).ok()?;
    if measures.artifact.is_some() || measures.rpo.is_none() {
        return Some(measures);
    }
    let runs = history(store, &about.playbook, &about.place(), NEWEST).ok()?;
    let earlier = runs.iter().filter(|recorded| recorded.about.created_ms < about.created_ms);
    let past: Vec<PastRun> = earlier.filter_map(past).collect();
    measure(plan, &envelopes, newest_artifact(plan, &past)).ok()
}

fn past(recorded: &Recorded) -> Option<PastRun> {
    PastRun::of(&recorded.plan, &recorded.envelopes, recorded.about.drill).ok()?
}
