//! Which artifacts the backups of a world left, wherever they were told to.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::world::Part;

/// The folders of all artifacts, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Artifacts(Vec<PathBuf>);

impl Part for Artifacts {
    const FILE: &'static str = "artifacts.json";
}

impl Artifacts {
    pub(crate) fn record(&mut self, folder: PathBuf) {
        self.0.push(folder);
    }

    /// Returns each folder with what became of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, Fate)> {
        self.0.iter().map(|folder| (folder.as_path(), Fate::of(folder)))
    }
}

/// What became of an artifact, as its metadata tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Complete,
    /// The backup ended, and left fewer jobs than it found or none.
    Failed,
    /// The backup runs, or was killed.
    Unfinished,
    Gone,
}

impl Fate {
    fn of(folder: &Path) -> Fate {
        let Ok(metadata) = fs::read_to_string(folder.join("metadata")) else {
            return Fate::Gone;
        };
        let named = metadata.lines().filter(|line| line.starts_with("  - name: ")).count();
        let tars = fs::read_dir(folder).map_or(0, |entries| entries.filter_map(Result::ok).filter(is_tar).count());
        match (metadata.contains("finish_time: "), named) {
            (false, _) => Fate::Unfinished,
            (true, named) if named > 0 && named == tars => Fate::Complete,
            (true, _) => Fate::Failed,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fate::Complete => "complete",
            Fate::Failed => "of a failed backup",
            Fate::Unfinished => "unfinished",
            Fate::Gone => "gone",
        }
    }
}

fn is_tar(entry: &fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|extension| extension == "tar")
}
