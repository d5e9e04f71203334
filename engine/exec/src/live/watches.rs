//! The output of running attempts, watched for milestones: the kernel tells when a file has grown.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use firedrill_run::CommandId;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use crate::driver::DriveError;
use crate::milestones::Watch;

/// The watches of running attempts.
pub(super) struct Watches {
    growth: OwnedFd,
    /// Watches of attempts that are about to run.
    prepared: BTreeMap<CommandId, Watch>,
    running: BTreeMap<CommandId, Growing>,
}

/// A watch with its files as the kernel knows them.
struct Growing {
    watch: Watch,
    files: Vec<i32>,
}

impl Watches {
    pub(super) fn new() -> Result<Watches, DriveError> {
        let growth = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(wait_error)?;
        Ok(Watches { growth, prepared: BTreeMap::new(), running: BTreeMap::new() })
    }

    /// Returns what becomes readable when a watched file has grown.
    pub(super) fn growth(&self) -> BorrowedFd<'_> {
        self.growth.as_fd()
    }

    /// Keeps a watch until it is known that the attempt runs.
    pub(super) fn prepare(&mut self, command: CommandId, watch: Watch) {
        self.prepared.insert(command, watch);
    }

    /// Watches what a running attempt prints, and has printed; its files are there. Returns what it has reached already.
    pub(super) fn begin(&mut self, command: &CommandId) -> Result<Vec<(CommandId, String)>, DriveError> {
        let Some(watch) = self.prepared.remove(command) else { return Ok(Vec::new()) };
        let files = watch.files().map(|file| inotify::add_watch(&self.growth, file, WatchFlags::MODIFY));
        let files = files.collect::<Result<_, _>>().map_err(wait_error)?;
        self.running.insert(command.clone(), Growing { watch, files });
        self.look_at(command)
    }

    /// Stops watching an attempt.
    pub(super) fn end(&mut self, command: &CommandId) {
        self.prepared.remove(command);
        for file in self.running.remove(command).into_iter().flat_map(|growing| growing.files) {
            // The kernel has forgotten files that are gone.
            let _gone = inotify::remove_watch(&self.growth, file);
        }
    }

    /// Returns the milestones that were reached since the last look, in the order of the commands.
    pub(super) fn look(&mut self) -> Result<Vec<(CommandId, String)>, DriveError> {
        self.drain()?;
        let commands: Vec<CommandId> = self.running.keys().cloned().collect();
        let mut reached = Vec::new();
        for command in commands {
            reached.extend(self.look_at(&command)?);
        }
        Ok(reached)
    }

    fn look_at(&mut self, command: &CommandId) -> Result<Vec<(CommandId, String)>, DriveError> {
        let Some(Growing { watch, .. }) = self.running.get_mut(command) else { return Ok(Vec::new()) };
        let found = watch.look().map_err(DriveError::Wait)?;
        if watch.is_over() {
            self.end(command);
        }
        Ok(found.into_iter().map(|name| (command.clone(), name)).collect())
    }

    /// Takes note of all growth so far: which file it was is found by a look at all.
    fn drain(&self) -> Result<(), DriveError> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.growth, &mut buffer);
        loop {
            match events.next() {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(wait_error(error)),
            }
        }
    }
}

fn wait_error(error: Errno) -> DriveError {
    DriveError::Wait(error.into())
}
