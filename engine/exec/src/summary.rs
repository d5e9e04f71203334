//! The summary of a run whose file is missing, from its journal.

use std::sync::Arc;

use firedrill_run::Run;

use crate::journal;
use crate::store::{RunDir, Summary};

/// Returns the summary of a run that has come to rest: the file, or what the journal says if a full disk or a crash kept the
/// file from being written. What the run published stands in the file only.
pub fn summary(dir: &RunDir) -> Option<Summary> {
    dir.summary().or_else(|| from_journal(dir))
}

fn from_journal(dir: &RunDir) -> Option<Summary> {
    let envelopes = journal::read(&dir.journal()).ok()?;
    let run = Run::replay(Arc::new(dir.plan().ok()?), envelopes.iter().map(|envelope| &envelope.event)).ok()?;
    Some(Summary {
        verdict: run.verdict()?,
        started_ms: dir.about().ok()?.created_ms,
        rested_ms: envelopes.last()?.at_ms,
        outputs: std::collections::BTreeMap::new(),
    })
}
