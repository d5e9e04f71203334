//! What is kept of a run for others that begin like it, and what is known from such a run.

use std::path::Path;
use std::time::Duration;

use firedrill_run::{CommandId, Exit};

use super::super::pretence::Took;
use super::super::recording::{Differs, Known, Quiet, Recorder, Recording};
use super::Sandboxed;
use crate::driver::DriveError;
use crate::supervisor::Spawn;

/// What a world knows of runs that begin like its own.
pub(super) enum Past<'a> {
    /// Nothing, and nothing is kept.
    Unknown,
    /// This run is recorded.
    Recorded(Recorder),
    /// It begins as a recorded one did.
    Known(Known<'a>),
}

impl<'a> Sandboxed<'a> {
    /// Records what happens from here on, as far as it leaves something behind in the folder `root`.
    pub(in crate::rehearsal) fn begin_recording(&mut self, root: &Path) {
        self.past = Past::Recorded(Recorder::new(root, self.scene.now()));
    }

    /// Returns what was recorded: nothing if that was never begun.
    pub(in crate::rehearsal) fn end_recording(&mut self, root: &Path) -> Recording {
        match std::mem::replace(&mut self.past, Past::Unknown) {
            Past::Recorded(recorder) => recorder.into_recording(),
            Past::Unknown | Past::Known(_) => Recorder::new(root, self.scene.now()).into_recording(),
        }
    }

    /// Begins as a recorded run did.
    pub(in crate::rehearsal) fn begin_like(&mut self, recording: &'a Recording, quiet: &'a Quiet) {
        self.scene.let_pass(recording.began);
        self.past = Past::Known(Known::until(recording, quiet));
    }
}

impl Sandboxed<'_> {
    /// Takes note that a command is launched, or returns how it ends if that is known.
    pub(super) fn remember(&mut self, id: &CommandId, spawn: &Spawn) -> Result<Option<(Exit, Took)>, DriveError> {
        let is_quiet = self.is_quiet();
        match &mut self.past {
            Past::Unknown => Ok(None),
            Past::Known(known) => Ok(known.launch(id)?),
            Past::Recorded(recorder) => {
                if is_quiet {
                    recorder.is_quiet(self.scene.now(), &self.chain);
                }
                recorder.launches(id, self.chain.sequence());
                if !spawn.publishes.is_empty() {
                    recorder.stop();
                }
                Ok(None)
            }
        }
    }

    /// Takes note that people are asked.
    pub(super) fn remember_question(&mut self, id: &CommandId) {
        if let Past::Recorded(recorder) = &mut self.past {
            recorder.asks(id, self.chain.sequence());
        }
    }

    /// Takes note of how a command ended.
    pub(super) fn remember_end(&mut self, id: &CommandId, exit: &Exit, length: Duration) {
        if let Past::Recorded(recorder) = &mut self.past {
            let milestones = self.reached.remove(id).unwrap_or_default();
            recorder.ends(id, exit, Took { length, milestones });
        }
    }

    /// Takes note that a command has reached a milestone.
    pub(super) fn remember_milestone(&mut self, id: &CommandId, milestone: &str) {
        if let (Past::Recorded(_), Some(played)) = (&self.past, self.commands.get(id)) {
            let after = self.scene.now().saturating_sub(played.began);
            self.reached.entry(id.clone()).or_default().push((after, milestone.to_owned()));
        }
    }

    /// Holds what was recorded against what is known.
    pub(super) fn compare(&self) -> Result<(), DriveError> {
        if let Past::Known(known) = &self.past {
            known.compare(&self.chain)?;
        }
        Ok(())
    }

    /// Returns whether no command but the one to be launched now, and others that are to be launched, is under way.
    fn is_quiet(&self) -> bool {
        self.scene.is_empty() && self.commands.len() == self.starts.len() + 1
    }
}

impl From<Differs> for DriveError {
    fn from(_: Differs) -> DriveError {
        DriveError::Differs
    }
}
