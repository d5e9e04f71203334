//! The files of `bin/` as they were planned: what was changed since is not executed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firedrill_model::plan::{FileDigest, Plan};
use firedrill_model::resolve::sha256;

use crate::files::{FOLDER, copy_of};
use crate::store::{About, RunDir};
use crate::supervisor::Spawn;

/// How long ago a file must have been changed for the system's time of change to tell a later change from it.
const COARSE: Duration = Duration::from_millis(100);

/// A file of `bin/` that is not as it was planned.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is not the file that was planned: it was changed after the plan was made")]
pub(crate) struct Unplanned {
    path: String,
}

/// The files of a plan, in the run's copy and beside the playbook.
#[derive(Debug)]
pub(crate) struct Planned {
    files: Vec<FileDigest>,
    copy: PathBuf,
    beside: PathBuf,
    /// The files of the copy that were read and found to be as planned.
    seen: BTreeMap<PathBuf, Stamp>,
}

/// What changes with every change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: Duration,
}

impl Planned {
    pub(crate) fn new(dir: &RunDir, about: &About, plan: &Plan) -> Planned {
        let (copy, beside) = (dir.path().to_owned(), about.dir.clone());
        Planned { files: plan.files.clone(), copy, beside, seen: BTreeMap::new() }
    }

    /// Refuses to start a command while a file of the run's copy is not as planned: any command may use it. Beside the
    /// playbook, where people may be at work, and of files that are in no plan, only the command's own program counts.
    pub(crate) fn check(&mut self, spawn: &Spawn) -> Result<(), Unplanned> {
        for file in &self.files {
            let path = copy_of(&self.copy, &file.path);
            if !is_as_planned(&path, file, &mut self.seen) {
                return Err(Unplanned { path: file.path.clone() });
            }
        }
        match spawn.argv.first() {
            Some(program) if !self.may_start(Path::new(program)) => Err(Unplanned { path: program.clone() }),
            _ => Ok(()),
        }
    }

    fn may_start(&self, program: &Path) -> bool {
        let places = [self.copy.join(FOLDER), self.copy.clone(), self.beside.clone()];
        let Some(below) = places.iter().find_map(|place| program.strip_prefix(place).ok()) else {
            return true;
        };
        let planned = self.files.iter().find(|file| Path::new(&file.path) == below);
        match planned {
            Some(file) => fs::read(program).is_ok_and(|content| sha256(&content) == file.sha256),
            None => !below.starts_with("bin"),
        }
    }
}

/// Returns whether a file is as planned; one that has not changed since it was read is not read again.
fn is_as_planned(path: &Path, file: &FileDigest, seen: &mut BTreeMap<PathBuf, Stamp>) -> bool {
    let Ok(stamp) = Stamp::of(path) else { return false };
    if seen.get(path) == Some(&stamp) {
        return true;
    }
    let is_same = fs::read(path).is_ok_and(|content| sha256(&content) == file.sha256);
    if is_same && stamp.is_old() {
        seen.insert(path.to_owned(), stamp);
    }
    is_same
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let metadata = fs::metadata(path)?;
        let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
        Ok(Stamp { inode: metadata.ino(), size: metadata.size(), changed: Duration::new(seconds, nanoseconds) })
    }

    /// Returns whether a change from now on is sure to have another time of change.
    fn is_old(self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(self.changed).is_some_and(|age| age > COARSE)
    }
}
