//! That a bbr lives, which others can see: it holds the lock of a file until its process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

use crate::clock::Moment;
use crate::world::{World, WorldError};

/// The life of a run of bbr in this process.
#[derive(Debug)]
pub(crate) struct Life {
    name: String,
    path: PathBuf,
    _held: File,
}

impl Life {
    /// Begins to live; a process may have one for each site.
    pub(crate) fn begin(world: &World, site: &str) -> Result<Life, WorldError> {
        // A process id may come again.
        let name = format!("{}-{}-{site}.life", std::process::id(), Moment::now().millis());
        let held = world.alone_in(&name)?;
        Ok(Life { path: world.root().join(&name), name, _held: held })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // A file that stays is one that nobody holds.
        drop(fs::remove_file(&self.path));
    }
}

/// Returns whether the process still lives that began this life.
pub(super) fn lasts(world: &World, name: &str) -> bool {
    let opened = File::open(world.root().join(name));
    opened.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
