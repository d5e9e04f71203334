//! What people say of a run, in which a secret may have slipped.

use firedrill_model::plan::Plan;
use firedrill_model::value::Value;
use firedrill_run::Event;

use super::{Vault, fetch};
use crate::store::{RunDir, StoreError};

/// Masks what somebody said while no engine has the run, as far as its secrets can be had: whoever says something must not
/// have to wait for them.
pub(crate) fn unspoken(event: &mut Event, plan: &Plan, dir: &RunDir) -> Result<(), StoreError> {
    let vault = fetch(plan, &dir.about()?.dir).unwrap_or_default();
    mask_word(event, &vault);
    Ok(())
}

/// Masks what somebody said.
pub(crate) fn mask_word(event: &mut Event, vault: &Vault) {
    let (by, note, outputs) = match event {
        Event::Settled { by, note, outputs, .. }
        | Event::Ruled { by, note, outputs, .. }
        | Event::Answered { by, note, outputs, .. } => (by, note, Some(outputs)),
        Event::RollbackRequested { by, note } => (by, note, None),
        _ => return,
    };
    *by = vault.masked(by);
    *note = vault.masked(note);
    for value in outputs.into_iter().flat_map(|outputs| outputs.values_mut()) {
        if let Value::String(text) = value {
            *text = vault.masked(text);
        }
    }
}
