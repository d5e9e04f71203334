//! What the steps of the director's tasks do to the foundation.
//!
//! A deed is done as a whole when the time of its step has passed. One that fails says why, and leaves what it had done
//! by then.

mod repair;
mod update;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::world::{World, WorldError};

use super::errand::Errand;
use super::problem::{Problem, Resolution};
use super::{Content, DiskCid, Foundation, InstanceId, JobState, Orphan, Resurrection, Standing};

pub(crate) use update::{Drain, Fix, NewDisk, NewVm, Restart, Update};

/// The effect of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    /// It only takes time.
    Nothing,
    /// It yields the result of an errand.
    Run(Errand),
    /// It finds out what is wrong with a deployment, and numbers it.
    Scan(String),
    Resolve(Problem, Resolution),
    /// It converges an instance to what is wanted of it.
    Update(InstanceId, Update),
    /// A manifest becomes that of its deployment: instances are added, or taken away.
    Reshape {
        deployment: String,
        manifest: String,
    },
    AttachDisk(InstanceId, DiskCid),
    OrphanDisk(DiskCid),
    /// An orphaned disk is destroyed for good.
    DestroyDisk(DiskCid),
    Resurrection(Resurrection),
    Ignore(InstanceId, Ignored),
    /// It always fails, with these words.
    Fail(String),
}

/// Whether the director leaves an instance alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ignored {
    Yes,
    No,
}

/// What a deed came to: perhaps a line of output, or why it failed.
pub(crate) type Done = Result<Option<String>, String>;

impl Deed {
    /// Returns whether it has an effect that a fault can spare the foundation.
    pub(crate) fn is_change(&self) -> bool {
        !matches!(self, Deed::Nothing | Deed::Run(_) | Deed::Scan(_) | Deed::Fail(_))
    }

    /// Does it at a moment.
    pub(crate) fn carry_out(&self, world: &World, at: Moment) -> Result<Done, WorldError> {
        match self {
            Deed::Nothing => Ok(Ok(None)),
            Deed::Run(errand) => Ok(Ok(Some(errand.run(world)?.line()))),
            Deed::Fail(why) => Ok(Err(why.clone())),
            Deed::Update(id, update) => update.carry_out(world, id, at),
            Deed::Resolve(problem, resolution) => repair::resolve(world, problem, *resolution, at),
            Deed::DestroyDisk(cid) => destroy(world, cid),
            Deed::Scan(_)
            | Deed::Reshape { .. }
            | Deed::AttachDisk(..)
            | Deed::OrphanDisk(_)
            | Deed::Resurrection(_)
            | Deed::Ignore(..) => world.change_foundation(|foundation| self.record(foundation, at)),
        }
    }

    /// Does what changes records only.
    fn record(&self, foundation: &mut Foundation, at: Moment) -> Done {
        match self {
            Deed::Scan(deployment) => foundation.scan(deployment),
            Deed::Reshape { deployment, manifest } => return foundation.reshape(deployment, manifest, at),
            Deed::AttachDisk(id, cid) => return foundation.attach_disk(id, cid, at),
            Deed::OrphanDisk(cid) => return foundation.orphan_disk(cid, at),
            Deed::Resurrection(wanted) => foundation.resurrection = *wanted,
            Deed::Ignore(id, ignored) => {
                foundation.wanted_instance(id)?.is_ignored = *ignored == Ignored::Yes;
            }
            Deed::Nothing
            | Deed::Run(_)
            | Deed::Fail(_)
            | Deed::Update(..)
            | Deed::Resolve(..)
            | Deed::DestroyDisk(_) => {}
        }
        Ok(None)
    }
}

/// The director deletes a disk that is not orphaned by doing nothing.
fn destroy(world: &World, cid: &DiskCid) -> Result<Done, WorldError> {
    let is_orphan = world.foundation()?.disk(cid).is_some_and(|disk| disk.orphan().is_some());
    if is_orphan {
        world.change_foundation(|foundation| foundation.destroy(cid))?;
        world.remove_disk(cid)?;
    }
    Ok(Ok(None))
}

/// Destroys the orphans that nobody has wanted for five days, as the director does by itself.
pub(crate) fn destroy_expired(world: &World) -> Result<(), WorldError> {
    let (foundation, now) = (world.foundation()?, Moment::now());
    let expired = foundation.disks.iter().filter(|disk| disk.orphan().is_some_and(|orphan| orphan.is_expired(now)));
    expired.map(|disk| &disk.cid).try_for_each(|cid| destroy(world, cid).map(drop))
}

impl Foundation {
    fn wanted_instance(&mut self, id: &InstanceId) -> Result<&mut super::Instance, String> {
        self.instance_mut(id).ok_or_else(|| format!("Instance '{id}' doesn't exist"))
    }

    /// Remembers a disk as an orphan of the instance that had it, detached from whatever it was attached to.
    pub(crate) fn forsake(&mut self, id: &InstanceId, cid: &DiskCid, at: Moment) {
        let owner = self.instances().find(|(_, instance)| instance.id == *id);
        let Some((deployment, instance)) = owner else { return };
        let orphan = Orphan {
            deployment: deployment.name.clone(),
            instance: instance.name(),
            az: instance.az.clone(),
            since_ms: at.millis(),
            is_copied: false,
        };
        if let Some(disk) = self.disk_mut(cid) {
            disk.attached_to = None;
            disk.standing = Standing::Orphaned(orphan);
        }
    }

    /// Destroys a disk, and remembers whether that lost anything.
    fn destroy(&mut self, cid: &DiskCid) {
        let Some(disk) = self.disk(cid) else { return };
        let owner = self.instances().map(|(_, instance)| instance).find(|instance| match &disk.standing {
            Standing::Orphaned(orphan) => orphan.instance == instance.name() && !orphan.is_copied,
            Standing::Inactive(id) => instance.id == *id && instance.disk.is_none(),
            _ => false,
        });
        let lost = owner.filter(|_| disk.exists_in_iaas).map(super::Instance::name);
        let content = lost.map_or(Content::Kept, Content::Gone);
        let disk = self.disk_mut(cid).expect("it was found before");
        disk.standing = Standing::Destroyed(content);
        disk.exists_in_iaas = false;
        disk.attached_to = None;
    }

    /// `bosh attach-disk`: the instance must not run, and what it had becomes an orphan.
    fn attach_disk(&mut self, id: &InstanceId, cid: &DiskCid, at: Moment) -> Done {
        let instance = self.wanted_instance(id)?;
        let (name, vm) = (instance.name(), instance.vm.as_ref().map(|vm| vm.cid.clone()));
        if instance.state == JobState::Started {
            return Err(format!(
                "Instance '{name}' in state 'started' must be in 'bosh stopped' state to attach disks"
            ));
        }
        if instance.disk_mb.is_none() {
            return Err(format!("Instance '{name}' does not have a persistent disk"));
        }
        if !self.disk(cid).is_some_and(|disk| disk.exists_in_iaas) {
            return Err(update::not_found(cid));
        }
        if let Some((_, other)) = self.instances().find(|(_, one)| one.id != *id && one.disk.as_ref() == Some(cid)) {
            return Err(format!("Disk '{cid}' is in use by '{}'", other.name()));
        }
        let before = self.wanted_instance(id)?.disk.replace(cid.clone());
        if let Some(before) = before.filter(|before| before != cid) {
            self.forsake(id, &before, at);
        }
        if let Some(disk) = self.disk_mut(cid) {
            disk.standing = Standing::Active;
            disk.attached_to = vm;
        }
        Ok(None)
    }

    /// `bosh orphan-disk`: the instance that has the disk is left without one.
    fn orphan_disk(&mut self, cid: &DiskCid, at: Moment) -> Done {
        let owner = self.instances().find(|(_, instance)| instance.disk.as_ref() == Some(cid));
        let Some(id) = owner.map(|(_, instance)| instance.id.clone()) else {
            return Err(format!("disk {cid} does not exist"));
        };
        self.wanted_instance(&id)?.disk = None;
        self.forsake(&id, cid, at);
        Ok(None)
    }
}
