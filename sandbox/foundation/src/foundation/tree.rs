//! The file systems of VMs and disks: folders of the world that are made when something first looks into them.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::platform;
use crate::vm::{Vm, copy_tree};
use crate::world::{World, WorldError};

use super::disk::DiskCid;
use super::instance::Instance;

/// Where a VM mounts its persistent disk, below its root.
const STORE: &str = "var/vcap/store";

/// What every VM has, below its root.
const FOLDERS: [&str; 8] =
    ["etc", "home", "root", "tmp", "var/vcap/bosh/bin", "var/vcap/data/tmp", "var/vcap/jobs", "var/vcap/sys/log"];

/// Where everybody may write.
const FOR_ALL: [&str; 2] = ["tmp", "var/vcap/data/tmp"];

impl World {
    /// Returns the root of the file system of an instance's VM, which [`World::enter`] makes.
    ///
    /// It is another one after the VM was recreated. An instance without a VM has a root that never exists.
    pub(crate) fn vm_tree(&self, instance: &Instance) -> PathBuf {
        let name = instance.vm.as_ref().map_or_else(|| format!("no-vm-{}", instance.id), |vm| vm.cid.to_string());
        self.root().join("vms").join(name)
    }

    /// Returns the folder of what lies on a disk, which is `/var/vcap/store` of the VM that mounts it.
    pub(crate) fn disk_dir(&self, disk: &DiskCid) -> PathBuf {
        self.root().join("disks").join(&disk.0)
    }

    /// Returns the root of a VM's file system with everything in place: its folders, its jobs, and the disk that is
    /// attached.
    pub(crate) fn enter(&self, instance: &Instance) -> Result<PathBuf, WorldError> {
        let _alone = self.alone_in("trees.lock")?;
        let root = self.vm_tree(instance);
        if !root.exists() {
            // Who is killed meanwhile leaves no half of a tree in its place.
            let fresh = root.with_extension("new");
            unlink(&fresh)?;
            grow(instance, &fresh)?;
            fs::rename(&fresh, &root).map_err(|source| WorldError::io("replace", &root, source))?;
        }
        self.mount(instance, &root)?;
        Ok(root)
    }

    /// Takes away what was made of deployments, VMs and disks.
    pub(crate) fn forget_foundation(&self) -> Result<(), WorldError> {
        let made = ["foundation.json", "platform.json", "databases", "disks", "restores", "vms"];
        made.into_iter().try_for_each(|name| unlink(&self.root().join(name)))
    }

    /// Makes an empty disk.
    pub(crate) fn make_disk(&self, disk: &DiskCid) -> Result<(), WorldError> {
        create(&self.disk_dir(disk))
    }

    /// Makes a disk with the content of another one, which belonged to an instance.
    pub(crate) fn copy_disk(&self, instance: &Instance, from: &DiskCid, to: &DiskCid) -> Result<(), WorldError> {
        self.furnish_disk(instance, from)?;
        let (from, to) = (self.disk_dir(from), self.disk_dir(to));
        copy_tree(&from, &to).map_err(|source| WorldError::io("copy", &from, source))
    }

    /// Takes away what lies on a disk.
    pub(crate) fn remove_disk(&self, disk: &DiskCid) -> Result<(), WorldError> {
        unlink(&self.root().join("disks").join(format!("{disk}.owners.json")))?;
        unlink(&self.disk_dir(disk))
    }

    /// Takes away the file system of an instance's VM.
    pub(crate) fn remove_vm(&self, instance: &Instance) -> Result<(), WorldError> {
        let root = self.vm_tree(instance);
        unlink(&root.with_extension("owners.json"))?;
        unlink(&root)
    }

    /// Puts on a disk what its instance had there in the beginning, unless somebody has looked into it before: a disk that
    /// came later has its folder from then on.
    fn furnish_disk(&self, instance: &Instance, disk: &DiskCid) -> Result<(), WorldError> {
        let folder = self.disk_dir(disk);
        let is_new = !folder.exists();
        create(&folder)?;
        if instance.jobs.iter().any(|job| job == platform::BLOBSTORE_JOB) {
            platform::prepare_blobstore(self, disk)?;
            if is_new {
                platform::furnish_blobstore(self, &folder)?;
            }
        }
        Ok(())
    }

    /// Makes `/var/vcap/store` that of the disk which the infrastructure has attached to the VM, or an empty folder.
    fn mount(&self, instance: &Instance, root: &Path) -> Result<(), WorldError> {
        let foundation = self.foundation()?;
        let cid = instance.vm.as_ref().map(|vm| &vm.cid);
        let attached = foundation
            .disks
            .iter()
            .find(|disk| disk.exists_in_iaas && cid.is_some() && disk.attached_to.as_ref() == cid);
        let store = root.join(STORE);
        match attached {
            None if store.is_dir() && !store.is_symlink() => Ok(()),
            None => {
                unlink(&store)?;
                create(&store)
            }
            Some(disk) => {
                self.furnish_disk(instance, &disk.cid)?;
                relink(&store, &Path::new("../../../../disks").join(&disk.cid.0))
            }
        }
    }
}

/// Makes the file system of an instance's VM: its folders and its jobs.
fn grow(instance: &Instance, root: &Path) -> Result<(), WorldError> {
    for folder in FOLDERS {
        create(&root.join(folder))?;
    }
    for folder in FOR_ALL {
        let open = fs::set_permissions(root.join(folder), fs::Permissions::from_mode(0o1777));
        open.map_err(|source| WorldError::io("open", &root.join(folder), source))?;
    }
    for job in &instance.jobs {
        create(&root.join("var/vcap/jobs").join(job).join("bin"))?;
        Vm::at(root.to_path_buf()).install(job)?;
    }
    Ok(())
}

fn relink(link: &Path, target: &Path) -> Result<(), WorldError> {
    if fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    unlink(link)?;
    symlink(target, link).map_err(|source| WorldError::io("link", link, source))
}

/// Removes a file, a link or a folder, if it is there.
fn unlink(path: &Path) -> Result<(), WorldError> {
    let removed = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WorldError::io("remove", path, error)),
        _ => Ok(()),
    }
}

fn create(path: &Path) -> Result<(), WorldError> {
    fs::create_dir_all(path).map_err(|source| WorldError::io("create", path, source))
}
