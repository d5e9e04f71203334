//! Whose the files of a VM are: its users exist in the world only, so the world remembers.
//!
//! What was never given to anybody belongs to the owner of the folder that it lies in, and the root of the tree to root.
//! What lies on a persistent disk is remembered with the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::foundation::{DiskCid, Instance};
use crate::world::{World, WorldError};

use super::User;

/// Others may write.
const OTHERS_WRITE: u32 = 0o002;

/// Whose the files of one VM are.
pub(crate) struct Owners {
    /// The folders that remember their own: the tree of the VM, and the disk that is mounted there.
    places: Vec<Place>,
}

struct Place {
    folder: PathBuf,
    record: PathBuf,
}

type Record = BTreeMap<PathBuf, String>;

impl Owners {
    pub(crate) fn of(world: &World, instance: &Instance) -> Owners {
        let tree = world.vm_tree(instance);
        let mut places = vec![Place { record: tree.with_extension("owners.json"), folder: tree.clone() }];
        let store = tree.join("var/vcap/store");
        if let Ok(disk) = fs::read_link(&store) {
            let name = disk.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let disks = world.root().join("disks");
            let record = disks.join(format!("{name}.owners.json"));
            // A program that was started in a folder of the disk knows it by its real name.
            places.insert(0, Place { folder: disks.join(name), record: record.clone() });
            places.insert(0, Place { folder: store, record });
        }
        Owners { places }
    }

    /// Returns whose the files of a disk are, by their real names.
    pub(crate) fn of_disk(world: &World, disk: &DiskCid) -> Owners {
        let folder = world.disk_dir(disk);
        let record = world.root().join("disks").join(format!("{disk}.owners.json"));
        Owners { places: vec![Place { folder, record }] }
    }

    /// Returns the owner of a path of the tree.
    pub(crate) fn owner(&self, path: &Path) -> String {
        let Some((place, below)) = self.place(path) else { return User::ROOT.into() };
        let record = place.read();
        let owned = below.ancestors().find_map(|ancestor| record.get(ancestor));
        owned.cloned().unwrap_or_else(|| User::ROOT.into())
    }

    /// Gives a path of the tree, and everything in it, to a user.
    pub(crate) fn set(&self, path: &Path, owner: &str) -> Result<(), WorldError> {
        let Some((place, below)) = self.place(path) else { return Ok(()) };
        let mut record = place.read();
        record.retain(|known, _| !known.starts_with(&below));
        record.insert(below, owner.to_owned());
        place.write(&record)
    }

    /// Forgets whose a path was, which is no more.
    pub(crate) fn forget(&self, path: &Path) -> Result<(), WorldError> {
        let Some((place, below)) = self.place(path) else { return Ok(()) };
        let mut record = place.read();
        let before = record.len();
        record.retain(|known, _| below.as_os_str().is_empty() || !known.starts_with(&below));
        if record.len() == before { Ok(()) } else { place.write(&record) }
    }

    /// Returns whether a user may write a file, or create it where it is not.
    pub(crate) fn may_write(&self, path: &Path, user: &User) -> bool {
        if user.is_root() || self.place(path).is_none() {
            return true;
        }
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
        self.owner(existing) == user.0 || mode(existing) & OTHERS_WRITE != 0
    }

    fn place(&self, path: &Path) -> Option<(&Place, PathBuf)> {
        self.places.iter().find_map(|place| Some((place, path.strip_prefix(&place.folder).ok()?.to_owned())))
    }
}

impl Place {
    fn read(&self) -> Record {
        fs::read(&self.record).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn write(&self, record: &Record) -> Result<(), WorldError> {
        let text = serde_json::to_vec(record).expect("paths of the world are text");
        let fresh = self.record.with_extension(std::process::id().to_string());
        let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &self.record));
        written.map_err(|source| WorldError::io("write", &self.record, source))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode())
}
