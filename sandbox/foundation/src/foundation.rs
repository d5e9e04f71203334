//! What the director deployed, and the infrastructure underneath: deployments with instances, their VMs, and disks.
//!
//! It is one part of the world, and comes into being when it is first changed: until then it is what the layout of the
//! settings says, which costs a new world nothing.

mod consistency;
pub(crate) mod deed;
pub(crate) mod disk;
pub(crate) mod errand;
pub(crate) mod instance;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod problem;
pub(crate) mod tree;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::world::{Part, Settings, World, WorldError};

pub(crate) use deed::Deed;
pub(crate) use disk::{Content, Disk, DiskCid, Orphan, Standing};
pub(crate) use instance::{Agent, Instance, InstanceId, JobState, Process, ProcessState, Vm, VmCid};
pub use layout::Layout;
pub(crate) use problem::Problem;

/// Everything that was deployed, and every disk that the infrastructure ever held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Foundation {
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) disks: Vec<Disk>,
    /// Whether the director recreates VMs whose agents are silent, by itself.
    pub(crate) resurrection: Resurrection,
    problems: Vec<Problem>,
    next_problem: u32,
    seed: u64,
    next_cid: u64,
}

/// Whether the director recreates VMs whose agents are silent, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resurrection {
    On,
    Off,
}

/// What one manifest describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployment {
    pub(crate) name: String,
    /// Name and version of each, separated by a slash.
    pub(crate) releases: Vec<String>,
    /// Name and version of each, separated by a slash.
    pub(crate) stemcells: Vec<String>,
    /// In the order of the manifest, and in each group by index.
    pub(crate) instances: Vec<Instance>,
    pub(crate) errands: Vec<String>,
    /// The text that was deployed last; `None` is what the layout says.
    pub(crate) manifest: Option<String>,
}

impl Deployment {
    /// Returns the instance that `GROUP/ID`, `GROUP/INDEX` or the name of a group of one means.
    pub(crate) fn instance(&self, slug: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.is_meant_by(slug))
    }

    /// Returns the instances of a group, by index.
    pub(crate) fn group<'d>(&'d self, name: &'d str) -> impl Iterator<Item = &'d Instance> {
        self.instances.iter().filter(move |instance| instance.group == name)
    }
}

impl Part for Foundation {
    const FILE: &'static str = "foundation.json";
}

impl Foundation {
    /// Returns what is there without deployments.
    pub(crate) fn bare(seed: u64) -> Foundation {
        Foundation {
            deployments: Vec::new(),
            disks: Vec::new(),
            resurrection: Resurrection::Off,
            problems: Vec::new(),
            next_problem: 3,
            seed,
            next_cid: 1,
        }
    }

    pub(crate) fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.name == name)
    }

    /// Returns every instance with its deployment.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&Deployment, &Instance)> {
        self.deployments.iter().flat_map(|deployment| deployment.instances.iter().map(move |one| (deployment, one)))
    }

    pub(crate) fn instance_mut(&mut self, id: &InstanceId) -> Option<&mut Instance> {
        let mut all = self.deployments.iter_mut().flat_map(|deployment| &mut deployment.instances);
        all.find(|instance| instance.id == *id)
    }

    /// Returns the instance that runs on a VM.
    pub(crate) fn instance_on(&self, vm: &VmCid) -> Option<&Instance> {
        let mut all = self.instances().map(|(_, instance)| instance);
        all.find(|instance| instance.vm.as_ref().is_some_and(|own| own.cid == *vm))
    }

    pub(crate) fn disk(&self, cid: &DiskCid) -> Option<&Disk> {
        self.disks.iter().find(|disk| disk.cid == *cid)
    }

    pub(crate) fn disk_mut(&mut self, cid: &DiskCid) -> Option<&mut Disk> {
        self.disks.iter_mut().find(|disk| disk.cid == *cid)
    }

    /// Returns the disk that the infrastructure has attached to the VM of an instance.
    pub(crate) fn mounted_on(&self, instance: &Instance) -> Option<&Disk> {
        let vm = instance.vm.as_ref()?;
        self.disks.iter().find(|disk| disk.exists_in_iaas && disk.attached_to.as_ref() == Some(&vm.cid))
    }

    /// Returns an id that nothing in this world has had, the same in every run.
    pub(crate) fn fresh_id(&mut self) -> String {
        let id = uuid(&format!("{}/{}", self.seed, self.next_cid));
        self.next_cid += 1;
        id
    }
}

/// Returns a UUID that depends on the text only.
pub(crate) fn uuid(of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

impl World {
    /// Returns the foundation as it is.
    pub(crate) fn foundation(&self) -> Result<Foundation, WorldError> {
        if self.has::<Foundation>() {
            return self.read();
        }
        let settings: Settings = self.read()?;
        Ok(settings.layout.build(settings.seed))
    }

    /// Changes the foundation while nobody else does.
    pub(crate) fn change_foundation<R>(&self, change: impl FnOnce(&mut Foundation) -> R) -> Result<R, WorldError> {
        let settings: Settings = self.read()?;
        self.update_or(|| settings.layout.build(settings.seed), change)
    }
}
