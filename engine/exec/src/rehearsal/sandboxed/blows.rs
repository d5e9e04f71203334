//! What strikes a command while it runs, and the run as a whole.

use std::time::Duration;

use firedrill_model::rehearsal::FaultKind;
use firedrill_run::CommandId;

use super::{LONG_WAIT, Sandboxed};
use crate::driver::DriveError;
use crate::signals::Signal;
use crate::supervisor::CommandKey;
use crate::world::Happening;

impl Sandboxed<'_> {
    /// A command waits for time to pass: what strikes a running command strikes it there.
    pub(super) fn waited(
        &mut self,
        id: &CommandId,
        key: &CommandKey,
        nth: u32,
        length: Duration,
    ) -> Result<(), DriveError> {
        self.waits.insert(id.clone(), nth);
        self.look(id)?;
        let Some(played) = self.commands.get_mut(id) else {
            return Ok(());
        };
        if !played.wait.map_or(length >= LONG_WAIT, |wait| wait == nth) {
            return Ok(());
        }
        match played.fault.take() {
            Some(FaultKind::Timeout) => self.scene.freeze(key),
            Some(FaultKind::Killed) => self.scene.kill(key)?,
            Some(FaultKind::Crash) => self.is_crashing = true,
            Some(FaultKind::LostSupervisor) => {
                self.is_crashing = true;
                played.is_lost = true;
            }
            Some(FaultKind::Cancel) => self.happenings.push_back(Happening::Signal(Signal::Stop)),
            fault => played.fault = fault,
        }
        Ok(())
    }

    pub(super) fn strike_at_age(&mut self) -> Result<(), DriveError> {
        match self.strikes.at_age(self.scene.now()) {
            Some(FaultKind::Cancel) => self.happenings.push_back(Happening::Signal(Signal::Stop)),
            Some(FaultKind::LostSupervisor) => {
                self.commands.values_mut().for_each(|played| played.is_lost = true);
                return Err(DriveError::Crashed);
            }
            Some(_) => return Err(DriveError::Crashed),
            None => {}
        }
        Ok(())
    }
}
