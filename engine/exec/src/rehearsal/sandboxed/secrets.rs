//! The secrets of a rehearsal: made up, published by stand-ins, and lost with an engine that crashes.

use std::sync::Arc;

use super::Sandboxed;
use super::pretence;
use crate::driver::DriveError;
use crate::secrets::{Vault, rehearsed};
use crate::supervisor::Spawn;

impl Sandboxed<'_> {
    /// Takes the secrets of the run.
    pub(in crate::rehearsal) fn keep(&mut self, vault: Vault) {
        self.vault = Arc::new(vault);
        self.scene.keep(Arc::clone(&self.vault));
    }

    /// Forgets what was published, as an engine does that crashes. It is masked still.
    pub(super) fn forget_published(&mut self) {
        if !self.vault.is_unneeded() {
            let vault = self.vault.after(self.scene.vault());
            self.scene.keep(Arc::new(vault));
        }
    }

    /// Makes up what a command publishes that was answered and not executed, if it did well.
    pub(super) fn publish(&mut self, spawn: &Spawn, exit: i32) -> Result<(), DriveError> {
        if exit != 0 || spawn.publishes.is_empty() {
            return Ok(());
        }
        self.scene.learn(&rehearsed(spawn.publishes.values()));
        pretence::publish(spawn)
    }
}
