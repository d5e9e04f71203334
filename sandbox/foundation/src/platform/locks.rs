//! Locks of bbr on the VMs of a deployment, and what they take away from the platform.

use crate::foundation::{Foundation, Instance};
use crate::vm::{API_JOB, Holder, Vm, list};
use crate::world::{World, WorldError};

/// A lock, or a directory of bbr, that was found on the VM of an instance.
pub(crate) struct Held {
    /// `GROUP/ID`.
    pub(crate) instance: String,
    pub(crate) deployment: String,
    pub(crate) holder: Holder,
}

impl World {
    /// Returns who locked the API of the platform.
    pub(crate) fn api_lock(&self, foundation: &Foundation) -> Option<Holder> {
        let mut controllers = foundation.instances().map(|(_, instance)| instance).filter(|one| is_controller(one));
        controllers.find_map(|one| Vm::at(self.vm_tree(one)).lock_holder_of(API_JOB))
    }

    /// Returns every lock that bbr left on the VMs of deployments.
    pub(crate) fn locks_held(&self) -> Result<Vec<Held>, WorldError> {
        self.held(|vm, instance| instance.jobs.iter().find_map(|job| vm.lock_holder_of(job)))
    }

    /// Returns every directory that bbr left on the VMs of deployments.
    pub(crate) fn directories_held(&self) -> Result<Vec<Held>, WorldError> {
        self.held(|vm, _| vm.directory_holder())
    }

    /// Returns what stands for a deployment where a restore of it is marked as half done.
    pub(crate) fn restore_mark(&self, deployment: &str) -> Vm {
        Vm::at(self.root().join("restores").join(deployment))
    }

    /// Returns the deployments whose restore is half done, and who began it.
    pub(crate) fn restores_half_done(&self) -> Result<Vec<(String, Holder)>, WorldError> {
        let folder = self.root().join("restores");
        let names = if folder.is_dir() { list(&folder)? } else { Vec::new() };
        let half_done = names.into_iter().filter_map(|name| {
            let holder = self.restore_mark(&name).restore_holder()?;
            Some((name, holder))
        });
        Ok(half_done.collect())
    }

    fn held(&self, find: impl Fn(&Vm, &Instance) -> Option<Holder>) -> Result<Vec<Held>, WorldError> {
        if !self.root().join("vms").exists() {
            return Ok(Vec::new());
        }
        let foundation = self.foundation()?;
        let held = foundation.instances().filter_map(|(deployment, instance)| {
            let holder = find(&Vm::at(self.vm_tree(instance)), instance)?;
            Some(Held { instance: instance.name(), deployment: deployment.name.clone(), holder })
        });
        Ok(held.collect())
    }
}

/// Returns whether an instance runs the Cloud Controller's API.
pub(crate) fn is_controller(instance: &Instance) -> bool {
    instance.jobs.iter().any(|job| job == API_JOB)
}
