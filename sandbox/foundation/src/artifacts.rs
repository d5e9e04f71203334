//! Which artifacts the backups of a world left, wherever they were told to, and what became of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bbr::{Artifact, Slot};
use crate::foundation::Instance;
use crate::vm::Job;
use crate::world::{Part, Settings, World, WorldError};

/// The end of a folder's name that says of everything in it that it is not whole.
const MARK: &str = ".incomplete";

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

    /// Moves what was recorded below one folder to another one.
    pub(crate) fn relocate(&mut self, from: &Path, to: &Path) {
        for folder in &mut self.0 {
            if let Ok(below) = folder.strip_prefix(from) {
                *folder = to.join(below);
            }
        }
    }
}

/// What became of an artifact, as its metadata and its files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Complete,
    /// A file is not what the metadata says.
    Damaged,
    /// The backup ended, and left fewer jobs than it found or none.
    Failed,
    /// The backup runs, or was killed.
    Unfinished,
    Gone,
}

impl Fate {
    fn of(folder: &Path) -> Fate {
        let Ok(artifact) = Artifact::open(&folder.to_string_lossy()) else {
            return Fate::Gone;
        };
        let tars = fs::read_dir(folder).map_or(0, |entries| entries.filter_map(Result::ok).filter(is_tar).count());
        let named = artifact.jobs().count();
        match artifact.damaged_job() {
            _ if !artifact.is_finished() => Fate::Unfinished,
            Some(_) => Fate::Damaged,
            None if named > 0 && named == tars => Fate::Complete,
            None => Fate::Failed,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fate::Complete => "complete",
            Fate::Damaged => "damaged",
            Fate::Failed => "of a failed backup",
            Fate::Unfinished => "unfinished",
            Fate::Gone => "gone",
        }
    }
}

fn is_tar(entry: &fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|extension| extension == "tar")
}

/// An artifact that lies somewhere.
pub(crate) struct Found {
    folder: PathBuf,
    fate: Fate,
    missing: Option<String>,
    place: Place,
}

/// What the place of an artifact says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It lies where bbr left it.
    AsLeft,
    /// Somebody has put it here.
    Kept,
    /// It is marked as not whole.
    Marked,
}

impl Found {
    /// Returns whether it has every job of what was backed up, and is not marked.
    pub(crate) fn is_whole(&self) -> bool {
        self.fate == Fate::Complete && self.missing.is_none() && self.place != Place::Marked
    }

    /// Returns in words why it is not what it claims to be. What bbr itself left unfinished claims nothing.
    pub(crate) fn lie(&self) -> Option<String> {
        let flaw = match (self.place, self.fate, &self.missing) {
            (Place::Marked, ..) => return None,
            (_, Fate::Damaged, _) => "damaged".to_owned(),
            (Place::AsLeft, ..) | (Place::Kept, Fate::Complete | Fate::Gone, None) => return None,
            (Place::Kept, Fate::Complete, Some(job)) => format!("without {job}"),
            (Place::Kept, fate, _) => fate.name().to_owned(),
        };
        Some(format!("the artifact {} claims to be whole and is {flaw}", self.folder.display()))
    }
}

/// Returns the artifacts that were recorded or lie in the world's own folder of artifacts.
pub(crate) fn found(world: &World) -> Result<Vec<Found>, WorldError> {
    let left: BTreeSet<PathBuf> = world.read::<Artifacts>()?.0.into_iter().collect();
    let mut folders: BTreeSet<PathBuf> =
        left.iter().filter(|folder| folder.join("metadata").is_file()).cloned().collect();
    let mut pending = vec![world.artifacts()];
    while let Some(folder) = pending.pop() {
        if folder.join("metadata").is_file() {
            folders.insert(folder);
        } else {
            pending.extend(folders_in(&folder)?);
        }
    }
    let deployed = deployed_slots(&world.read()?);
    Ok(folders.into_iter().map(|folder| look(folder, &left, &deployed)).collect())
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, WorldError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|source| WorldError::io("list", folder, source))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn look(folder: PathBuf, left: &BTreeSet<PathBuf>, deployed: &[Slot]) -> Found {
    let is_marked = folder.iter().any(|name| name.to_string_lossy().ends_with(MARK));
    let place = match left.contains(&folder) {
        _ if is_marked => Place::Marked,
        true => Place::AsLeft,
        false => Place::Kept,
    };
    let artifact = Artifact::open(&folder.to_string_lossy()).ok();
    let missing = artifact.as_ref().map_or_else(|| Some(Job::ALL[0].name.to_owned()), |found| missing(found, deployed));
    Found { fate: Fate::of(&folder), missing, place, folder }
}

/// Returns the first job that an artifact should have and has not: those of the director, or of the platform in the
/// beginning.
fn missing(artifact: &Artifact, deployed: &[Slot]) -> Option<String> {
    let is_of_deployment = artifact.slots().any(|slot| deployed.iter().any(|known| known.group == slot.group));
    if is_of_deployment {
        let lacks = |slot: &&Slot| !artifact.slots().any(|found| found == *slot);
        return deployed.iter().find(lacks).map(|slot| slot.job.clone());
    }
    Job::ALL.into_iter().find(|job| !artifact.jobs().any(|name| name == job.name)).map(|job| job.name.to_owned())
}

/// Returns what an artifact of the platform holds that is whole.
fn deployed_slots(settings: &Settings) -> Vec<Slot> {
    let foundation = settings.layout.build(settings.seed);
    let jobs = |instance: &Instance| {
        let backed_up = instance.jobs.iter().filter(|job| Job::deployed(job).is_some());
        let slot =
            |job: &String| Slot { group: instance.group.clone(), index: instance.index.to_string(), job: job.clone() };
        backed_up.map(slot).collect::<Vec<_>>()
    };
    foundation.instances().flat_map(|(_, instance)| jobs(instance)).collect()
}
