//! Copies of worlds at rest.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::artifacts::Artifacts;

use super::{LEDGER, LOCK, World, WorldError};

/// What a copy begins without: its own history, and nobody at work.
const LEFT_OUT: [&str; 2] = [LEDGER, LOCK];

impl World {
    /// Makes a world at `to` that is like this one, which must be at rest; its ledger is empty.
    ///
    /// Artifacts inside of this world's folder are copied, others are not. Refuses a folder that holds a world already.
    pub fn copy(&self, to: &Path) -> Result<World, WorldError> {
        let copy = World::vacant(to)?;
        copy_folder(&self.root, &copy.root)?;
        let mut artifacts: Artifacts = self.read()?;
        artifacts.relocate(&self.root, &copy.root);
        copy.write(&artifacts)?;
        Ok(copy)
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), WorldError> {
    super::create_dir(to)?;
    let list = |source| WorldError::io("list", from, source);
    for entry in fs::read_dir(from).map_err(list)? {
        let entry = entry.map_err(list)?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(list)?;
        if kind.is_dir() {
            copy_folder(&from, &to)?;
        } else if kind.is_symlink() {
            let copied = fs::read_link(&from).and_then(|target| symlink(target, &to));
            copied.map_err(|source| WorldError::io("link", &to, source))?;
        } else if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            fs::copy(&from, &to).map_err(|source| WorldError::io("copy", &from, source))?;
        }
    }
    Ok(())
}
