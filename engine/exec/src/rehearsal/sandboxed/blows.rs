//! What strikes a command while it runs or when its work is over, and the run as a whole.

use std::time::Duration;

use firedrill_model::rehearsal::FaultKind;
use firedrill_run::{CommandId, Exit};

use super::super::pretence::{self, Took};
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

    /// Takes the end of a command's work, which is the end of the command unless a fault strikes.
    pub(super) fn over(&mut self, id: &CommandId, exit: Exit, took: Took) -> Result<(), DriveError> {
        self.hold(id, exit, took);
        let Some(played) = self.commands.get_mut(id) else {
            return Ok(());
        };
        let Some(held) = &mut played.held else { return Ok(()) };
        match played.fault.take() {
            Some(FaultKind::LateFailure(code)) if succeeded(&held.exit, &played.expected) => {
                pretence::say(
                    &played.spawn.stderr,
                    &format!("firedrill: injected: exits with {code} after its work\n"),
                )?;
                held.exit = Exit::Code(code);
            }
            Some(FaultKind::WrongOutput(text)) => pretence::replace_output(&played.spawn, &text)?,
            Some(FaultKind::Timeout) => held.until = None,
            Some(FaultKind::Killed) => held.exit = Exit::Signal(9),
            Some(FaultKind::Crash) => self.is_crashing = true,
            Some(FaultKind::LostSupervisor) => {
                self.is_crashing = true;
                played.is_lost = true;
            }
            Some(FaultKind::Cancel) => self.happenings.push_back(Happening::Signal(Signal::Stop)),
            Some(
                FaultKind::LateFailure(_)
                | FaultKind::Exit(_)
                | FaultKind::NotStarted
                | FaultKind::DoesNotHold
                | FaultKind::CouldNotTell
                | FaultKind::NoAnswer
                | FaultKind::Declined,
            )
            | None => {}
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

fn succeeded(exit: &Exit, expected: &[i32]) -> bool {
    matches!(exit, Exit::Code(code) if expected.contains(code))
}
