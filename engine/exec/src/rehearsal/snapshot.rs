//! Folders as they were at a moment, kept in memory.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::quiet::while_nothing_starts;

/// The most that is kept of one moment, in bytes.
const LARGEST: u64 = 64 << 20;

/// A folder with everything in it but its sockets: files, folders and links with their modes and times of change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// What there was, by its path in the folder; a folder comes before what is in it.
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Folder { mode: u32, changed: SystemTime },
    File { mode: u32, changed: SystemTime, bytes: Arc<[u8]> },
    Link { to: PathBuf },
}

impl Snapshot {
    /// Returns the folder as it is, or `None` if it cannot be put back as it was: it is too large, cannot be read, or holds
    /// files with two names or what is neither file, folder nor link.
    ///
    /// Files that are as they were `before` share its memory.
    pub(super) fn take(root: &Path, before: Option<&Snapshot>) -> Option<Snapshot> {
        let mut snapshot = Snapshot::default();
        let mut budget = LARGEST;
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for found in fs::read_dir(root.join(&folder)).ok()? {
                let path = folder.join(found.ok()?.file_name());
                let metadata = fs::symlink_metadata(root.join(&path)).ok()?;
                if is_socket(&metadata) {
                    continue;
                }
                budget = budget.checked_sub(metadata.len())?;
                let entry = Entry::of(&root.join(&path), &metadata, before.and_then(|it| it.entries.get(&path)))?;
                if matches!(entry, Entry::Folder { .. }) {
                    folders.push(path.clone());
                }
                snapshot.entries.insert(path, entry);
            }
        }
        Some(snapshot)
    }

    /// Puts the folder back as it was; what is as it was is left alone.
    pub(super) fn restore(&self, root: &Path) -> io::Result<()> {
        self.remove_others(root, Path::new(""))?;
        let missing: Vec<_> = self.entries.iter().filter(|(path, entry)| !entry.is_at(&root.join(path))).collect();
        let (programs, others): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(_, entry)| entry.is_program());
        others.into_iter().try_for_each(|(path, entry)| entry.make(&root.join(path)))?;
        if !programs.is_empty() {
            while_nothing_starts(|| programs.into_iter().try_for_each(|(path, entry)| entry.make(&root.join(path))))?;
        }
        // Whatever is made in a folder changes it.
        self.entries.iter().rev().try_for_each(|(path, entry)| entry.set_back(&root.join(path)))
    }

    /// Removes what was not there or was something else.
    fn remove_others(&self, root: &Path, folder: &Path) -> io::Result<()> {
        for found in fs::read_dir(root.join(folder))? {
            let found = found?;
            let path = folder.join(found.file_name());
            let kind = found.file_type()?;
            match self.entries.get(&path) {
                Some(Entry::Folder { .. }) if kind.is_dir() => self.remove_others(root, &path)?,
                Some(Entry::File { .. }) if kind.is_file() => {}
                Some(Entry::Link { to }) if kind.is_symlink() && fs::read_link(found.path())? == *to => {}
                _ if kind.is_dir() => fs::remove_dir_all(found.path())?,
                _ => fs::remove_file(found.path())?,
            }
        }
        Ok(())
    }
}

impl Entry {
    fn of(path: &Path, metadata: &Metadata, before: Option<&Entry>) -> Option<Entry> {
        let (mode, changed) = (metadata.mode() & 0o7777, metadata.modified().ok()?);
        if metadata.is_dir() {
            return Some(Entry::Folder { mode, changed });
        }
        if metadata.is_symlink() {
            return Some(Entry::Link { to: fs::read_link(path).ok()? });
        }
        if !metadata.is_file() || metadata.nlink() != 1 {
            return None;
        }
        let read = fs::read(path).ok()?;
        let bytes = match before {
            Some(Entry::File { bytes, .. }) if **bytes == *read => Arc::clone(bytes),
            _ => read.into(),
        };
        Some(Entry::File { mode, changed, bytes })
    }

    fn is_program(&self) -> bool {
        matches!(self, Entry::File { mode, .. } if mode & 0o111 != 0)
    }

    /// Returns whether nothing is to be made, modes and times aside; what is something else has been removed.
    fn is_at(&self, path: &Path) -> bool {
        match self {
            Entry::Folder { .. } | Entry::Link { .. } => fs::symlink_metadata(path).is_ok(),
            Entry::File { bytes, .. } => fs::read(path).is_ok_and(|found| *found == **bytes),
        }
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        match self {
            Entry::Folder { .. } => fs::create_dir(path),
            Entry::Link { to } => symlink(to, path),
            Entry::File { bytes, .. } => fs::write(path, bytes),
        }
    }

    fn set_back(&self, path: &Path) -> io::Result<()> {
        let (Entry::Folder { mode, changed } | Entry::File { mode, changed, .. }) = self else { return Ok(()) };
        let metadata = fs::symlink_metadata(path)?;
        if metadata.mode() & 0o7777 != *mode {
            fs::set_permissions(path, Permissions::from_mode(*mode))?;
        }
        if metadata.modified()? == *changed {
            return Ok(());
        }
        File::open(path)?.set_times(FileTimes::new().set_modified(*changed))
    }
}

fn is_socket(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Returns a folder with one of everything.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("world/deep")).unwrap();
        fs::write(path("world/deep/state.json"), "{}").unwrap();
        fs::write(path("world/program"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(path("world/program"), Permissions::from_mode(0o755)).unwrap();
        symlink("deep/state.json", path("world/link")).unwrap();
        dir
    }

    #[test]
    fn everything_is_as_it_was() {
        let dir = folder();
        let path = |name: &str| dir.path().join(name);
        let before = Snapshot::take(dir.path(), None).unwrap();
        fs::write(path("world/deep/state.json"), "{\"locked\": true}").unwrap();
        fs::set_permissions(path("world/program"), Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(path("world/link")).unwrap();
        fs::create_dir(path("world/link")).unwrap();
        fs::write(path("world/link/new"), "").unwrap();
        let _clock = UnixListener::bind(path("clock")).unwrap();
        assert_ne!(Snapshot::take(dir.path(), None).unwrap(), before);
        before.restore(dir.path()).unwrap();
        assert_eq!(Snapshot::take(dir.path(), None).unwrap(), before);
        assert_eq!(fs::read_link(path("world/link")).unwrap(), Path::new("deep/state.json"));
        assert!(!path("clock").exists(), "a socket is of its moment");
    }

    #[test]
    fn what_has_gone_is_there_again() {
        let dir = folder();
        let before = Snapshot::take(dir.path(), None).unwrap();
        fs::remove_dir_all(dir.path().join("world")).unwrap();
        before.restore(dir.path()).unwrap();
        assert_eq!(Snapshot::take(dir.path(), None).unwrap(), before);
    }

    #[test]
    fn what_has_not_changed_is_kept_once() {
        let dir = folder();
        let before = Snapshot::take(dir.path(), None).unwrap();
        let after = Snapshot::take(dir.path(), Some(&before)).unwrap();
        let bytes = |snapshot: &Snapshot| match &snapshot.entries[Path::new("world/program")] {
            Entry::File { bytes, .. } => Arc::clone(bytes),
            other => panic!("{other:?} is no file"),
        };
        assert!(Arc::ptr_eq(&bytes(&before), &bytes(&after)));
    }

    #[test]
    fn what_cannot_be_put_back_is_not_taken() {
        let dir = folder();
        fs::hard_link(dir.path().join("world/program"), dir.path().join("twin")).unwrap();
        assert_eq!(Snapshot::take(dir.path(), None), None);
    }
}
