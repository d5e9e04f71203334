//! The blobstore: droplets, packages and buildpacks as files on the persistent disk of one VM, behind an nginx.

use std::fs;
use std::path::{Path, PathBuf};

use crate::foundation::{DiskCid, Foundation, Instance, Layout, Process, ProcessState};
use crate::inside::Owners;
use crate::vm::{generate, list};
use crate::world::{Settings, World, WorldError};

/// The job whose disk holds the blobs.
pub(crate) const BLOBSTORE_JOB: &str = "blobstore";

/// The process that serves the blobs of the disk which was mounted when it started.
pub(crate) const NGINX: &str = "blobstore_nginx";

/// The folder of all blobs on the disk.
const SHARED: &str = "shared";

/// Its folders into which the Cloud Controller writes.
const FOLDERS: [&str; 2] = ["cc-droplets", "cc-packages"];

/// The user as whom the job runs.
const USER: &str = "vcap";

/// How many bytes a blob has.
const BLOB_BYTES: u64 = 2 * 1024;

/// How many bytes each blob of the laboratory had.
const LABORATORY_BYTES: u64 = 500 * 1024;

/// What an nginx says of its blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blobs {
    Served,
    /// The disk was replaced under the running nginx, or is gone.
    Stale,
    /// Nothing answers.
    Down,
}

/// Does what the job does before it starts: an empty disk gets the folders of blobs, which belong to the job's user.
pub(crate) fn prepare_blobstore(world: &World, disk: &DiskCid) -> Result<(), WorldError> {
    let folder = world.disk_dir(disk);
    if !list(&folder)?.is_empty() {
        return Ok(());
    }
    for name in ["cc-buildpacks", "cc-droplets", "cc-packages", "cc-resources"] {
        let path = folder.join(SHARED).join(name);
        fs::create_dir_all(&path).map_err(|source| WorldError::io("create", &path, source))?;
    }
    Owners::of_disk(world, disk).set(&folder.join(SHARED), USER)
}

/// Puts what a platform stores in the beginning on the disk of its blobstore.
pub(crate) fn furnish_blobstore(world: &World, disk: &Path) -> Result<(), WorldError> {
    let settings: Settings = world.read()?;
    if settings.layout == Layout::Laboratory {
        for (index, folder) in ["cc-buildpacks", "cc-droplets", "cc-packages"].iter().enumerate() {
            generate(&disk.join("shared").join(folder).join("b1"), settings.seed + index as u64, LABORATORY_BYTES)?;
        }
        return Ok(());
    }
    for (index, buildpack) in ["java", "nodejs", "staticfile"].iter().enumerate() {
        let path = disk.join("shared/cc-buildpacks").join(format!("{buildpack}_buildpack"));
        generate(&path, settings.seed + index as u64, BLOB_BYTES)?;
    }
    for app in world.platform()?.catalog.apps {
        for (kind, guid) in [("cc-droplets", app.droplet), ("cc-packages", app.package)] {
            put(disk, kind, guid.as_deref())?;
        }
    }
    Ok(())
}

fn put(disk: &Path, kind: &str, guid: Option<&str>) -> Result<(), WorldError> {
    let Some(guid) = guid else { return Ok(()) };
    let seed = u64::from_str_radix(&guid[..8], 16).unwrap_or_default();
    generate(&blob(disk, kind, guid), seed, BLOB_BYTES)
}

/// Returns where a blob lies: below two folders of its first letters.
fn blob(disk: &Path, kind: &str, guid: &str) -> PathBuf {
    disk.join("shared").join(kind).join(&guid[..2]).join(&guid[2..4]).join(guid)
}

impl Foundation {
    /// Returns the instance that holds the blobs.
    pub(crate) fn blobstore(&self) -> Option<&Instance> {
        self.instances().map(|(_, instance)| instance).find(|one| one.jobs.iter().any(|job| job == BLOBSTORE_JOB))
    }

    /// Returns what the blobstore's nginx serves.
    pub(crate) fn blobs(&self) -> Blobs {
        let Some(instance) = self.blobstore().filter(|instance| instance.answers()) else { return Blobs::Down };
        let is_up = |process: &&Process| process.name == NGINX && process.state == ProcessState::Running;
        let Some(nginx) = instance.processes.iter().find(is_up) else { return Blobs::Down };
        match self.mounted_on(instance) {
            Some(disk) if nginx.holds.as_ref() == Some(&disk.cid) => Blobs::Served,
            _ => Blobs::Stale,
        }
    }
}

impl World {
    /// Returns whether the blobstore serves a droplet.
    pub(crate) fn serves_droplet(&self, guid: &str) -> Result<bool, WorldError> {
        self.serves("cc-droplets", guid)
    }

    /// Returns whether the blobstore serves a package.
    pub(crate) fn serves_package(&self, guid: &str) -> Result<bool, WorldError> {
        self.serves("cc-packages", guid)
    }

    fn serves(&self, kind: &str, guid: &str) -> Result<bool, WorldError> {
        let foundation = self.foundation()?;
        let disk = self.served_disk(&foundation)?;
        Ok(guid.len() > 4 && disk.is_some_and(|disk| blob(&disk, kind, guid).exists()))
    }

    /// Stores the droplet and the package of an app; returns whether the blobstore took them.
    pub(crate) fn store_app(&self, droplet: &str, package: &str) -> Result<bool, WorldError> {
        let foundation = self.foundation()?;
        let Some(disk) = self.writable_disk(&foundation)? else { return Ok(false) };
        put(&disk, "cc-packages", Some(package))?;
        put(&disk, "cc-droplets", Some(droplet))?;
        Ok(true)
    }

    /// Returns whether the blobstore takes and serves blobs.
    pub(crate) fn has_blobstore(&self) -> Result<bool, WorldError> {
        let foundation = self.foundation()?;
        Ok(self.writable_disk(&foundation)?.is_some())
    }

    /// Returns the disk whose blobs are served, if the job's user may write there.
    fn writable_disk(&self, foundation: &Foundation) -> Result<Option<PathBuf>, WorldError> {
        let Some(disk) = self.served_disk(foundation)? else { return Ok(None) };
        let mounted = foundation.blobstore().and_then(|instance| foundation.mounted_on(instance));
        let is_writable = mounted.is_some_and(|mounted| {
            let owners = Owners::of_disk(self, &mounted.cid);
            !mounted.is_full && FOLDERS.iter().all(|name| owners.owner(&disk.join(SHARED).join(name)) == USER)
        });
        Ok(Some(disk).filter(|_| is_writable))
    }

    /// Returns the disk whose blobs are served, in which all the first content lies.
    fn served_disk(&self, foundation: &Foundation) -> Result<Option<PathBuf>, WorldError> {
        let Some(instance) = foundation.blobstore().filter(|_| foundation.blobs() == Blobs::Served) else {
            return Ok(None);
        };
        self.enter(instance)?;
        Ok(foundation.mounted_on(instance).map(|disk| self.disk_dir(&disk.cid)))
    }
}
