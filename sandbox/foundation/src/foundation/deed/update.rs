//! Converging one instance: its VM, its disk, its processes.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::foundation::{
    Agent, Disk, DiskCid, Foundation, Instance, InstanceId, JobState, ProcessState, Standing, Vm, VmCid,
};
use crate::world::{World, WorldError};

use super::Done;

/// What is wanted of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    pub(crate) vm: NewVm,
    pub(crate) disk: NewDisk,
    pub(crate) fix: Fix,
    pub(crate) drain: Drain,
    pub(crate) state: JobState,
    pub(crate) restart: Restart,
}

/// Whether its VM is replaced by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewVm {
    /// Only if it has none.
    IfNone,
    Always,
}

/// Whether its disk is replaced by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewDisk {
    /// Whatever there is.
    Never,
    /// Only if the director knows of none; it is empty then.
    IfNone,
    /// The content is copied, and the old one becomes an orphan.
    Always,
}

/// What becomes of a VM whose agent does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fix {
    Recreate,
    Fail,
}

/// Whether the drain scripts run before processes are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Drain {
    Run,
    Skip,
}

/// Whether processes are restarted on a VM that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Restart {
    Yes,
    /// Only those that are not running.
    No,
}

/// What happens to the folders of the world besides.
#[derive(Debug, Default)]
struct Moves {
    /// The VM whose file system is lost.
    lost: Option<Instance>,
    made: Option<DiskCid>,
    /// The disk whose content goes to the one that was made, and whose it is.
    copied: Option<(Instance, DiskCid)>,
}

impl Update {
    pub(super) fn carry_out(self, world: &World, id: &InstanceId, at: Moment) -> Result<Done, WorldError> {
        let mut moves = Moves::default();
        let done = world.change_foundation(|foundation| self.converge(foundation, id, at, &mut moves))?;
        moves.carry_out(world)?;
        Ok(done.map(|()| None))
    }

    /// Returns whether its processes would be stopped by way of their drain scripts.
    pub(crate) fn drains(self, instance: &Instance) -> bool {
        let is_stopped = self.vm == NewVm::Always
            || self.disk == NewDisk::Always
            || self.restart == Restart::Yes
            || self.state != JobState::Started
            || (self.disk == NewDisk::IfNone && instance.disk.is_none() && instance.disk_mb.is_some());
        is_stopped && self.drain == Drain::Run && instance.answers() && instance.state == JobState::Started
    }

    fn converge(
        self,
        foundation: &mut Foundation,
        id: &InstanceId,
        at: Moment,
        moves: &mut Moves,
    ) -> Result<(), String> {
        let before = foundation.wanted_instance(id)?.clone();
        if self.fix == Fix::Fail
            && let Some(vm) = before.vm.as_ref().filter(|vm| !vm.answers())
        {
            let (name, agent) = (before.name(), &vm.agent_id);
            return Err(format!(
                "Timed out sending 'get_state' to instance: '{name}', agent-id: '{agent}' after 45 seconds"
            ));
        }
        if self.drains(&before) && foundation.has_lost_mount(&before) {
            return Err(format!("Action Failed get_task: drain scripts of '{}' did not end", before.name()));
        }
        foundation.wanted_instance(id)?.state = self.state;
        if self.state == JobState::Detached {
            return foundation.delete_vm(id, moves);
        }
        let is_recreated = self.vm == NewVm::Always || !before.answers();
        if is_recreated {
            foundation.delete_vm(id, moves)?;
            foundation.create_vm(id)?;
        }
        let is_new_disk = self.provide_disk(foundation, id, at, is_recreated, moves)?;
        self.settle(foundation, id, is_recreated || (is_new_disk && self.drain == Drain::Run))
    }

    /// Gives an instance the disk that it should have; returns whether it is another one than before.
    fn provide_disk(
        self,
        foundation: &mut Foundation,
        id: &InstanceId,
        at: Moment,
        is_recreated: bool,
        moves: &mut Moves,
    ) -> Result<bool, String> {
        let instance = foundation.wanted_instance(id)?.clone();
        let Some(size_mb) = instance.disk_mb else { return Ok(false) };
        if let Some(old) = &instance.disk
            && (is_recreated || self.disk == NewDisk::Always)
        {
            foundation.attach(id, old)?;
        }
        if self.disk == NewDisk::Never || (instance.disk.is_some() && self.disk == NewDisk::IfNone) {
            return Ok(false);
        }
        let new = foundation.create_disk(id, size_mb)?;
        if let Some(old) = instance.disk.clone() {
            foundation.forsake(id, &old, at);
            foundation.note_copy(&old);
            moves.copied = Some((instance, old));
        }
        moves.made = Some(new);
        Ok(true)
    }

    /// Brings the processes into the state that is wanted.
    fn settle(self, foundation: &mut Foundation, id: &InstanceId, is_restarted: bool) -> Result<(), String> {
        let instance = foundation.wanted_instance(id)?;
        if self.state == JobState::Stopped {
            instance.set_processes(ProcessState::Stopped);
            return Ok(());
        }
        if is_restarted || self.restart == Restart::Yes {
            instance.set_processes(ProcessState::Stopped);
        }
        foundation.start_processes(id)
    }
}

impl Moves {
    fn carry_out(self, world: &World) -> Result<(), WorldError> {
        if let Some(lost) = &self.lost {
            world.remove_vm(lost)?;
        }
        let Some(made) = &self.made else { return Ok(()) };
        match &self.copied {
            Some((instance, from)) => world.copy_disk(instance, from, made),
            None => world.make_disk(made),
        }
    }
}

impl Foundation {
    /// Returns whether an instance has a disk by the records, and none by its VM.
    pub(crate) fn has_lost_mount(&self, instance: &Instance) -> bool {
        let vm = instance.vm.as_ref().map(|vm| &vm.cid);
        let disk = instance.disk.as_ref().and_then(|cid| self.disk(cid));
        disk.is_some_and(|disk| !disk.exists_in_iaas || disk.attached_to.as_ref() != vm)
    }

    /// Deletes the VM of an instance, if it has one; its disk is detached.
    fn delete_vm(&mut self, id: &InstanceId, moves: &mut Moves) -> Result<(), String> {
        let instance = self.wanted_instance(id)?;
        instance.set_processes(ProcessState::Stopped);
        let before = instance.clone();
        instance.vm = None;
        if let Some(vm) = &before.vm {
            self.detach_all(&vm.cid);
            moves.lost = Some(before);
        }
        Ok(())
    }

    /// Notes that what lay on an orphan lies elsewhere.
    fn note_copy(&mut self, cid: &DiskCid) {
        if let Some(Standing::Orphaned(orphan)) = self.disk_mut(cid).map(|disk| &mut disk.standing) {
            orphan.is_copied = true;
        }
    }

    pub(crate) fn detach_all(&mut self, vm: &VmCid) {
        for disk in self.disks.iter_mut().filter(|disk| disk.attached_to.as_ref() == Some(vm)) {
            disk.attached_to = None;
        }
    }

    pub(super) fn create_vm(&mut self, id: &InstanceId) -> Result<(), String> {
        let cid = VmCid(format!("vm-{}", self.fresh_id()));
        let agent_id = self.fresh_id();
        let vm = Vm { cid, agent_id, agent: Agent::Responsive, exists_in_iaas: true };
        self.wanted_instance(id)?.vm = Some(vm);
        Ok(())
    }

    /// Attaches a disk to the VM of an instance; the infrastructure detaches it from any other.
    pub(super) fn attach(&mut self, id: &InstanceId, cid: &DiskCid) -> Result<(), String> {
        let vm = self.wanted_instance(id)?.vm.as_ref().map(|vm| vm.cid.clone());
        match self.disk_mut(cid).filter(|disk| disk.exists_in_iaas) {
            Some(disk) => {
                disk.attached_to = vm;
                Ok(())
            }
            None => Err(not_found(cid)),
        }
    }

    /// Creates an empty disk of an instance, and attaches it.
    fn create_disk(&mut self, id: &InstanceId, size_mb: u64) -> Result<DiskCid, String> {
        let cid = DiskCid(format!("disk-{}", self.fresh_id()));
        let instance = self.wanted_instance(id)?;
        instance.disk = Some(cid.clone());
        let attached_to = instance.vm.as_ref().map(|vm| vm.cid.clone());
        self.disks.push(Disk {
            cid: cid.clone(),
            size_mb,
            exists_in_iaas: true,
            attached_to,
            standing: Standing::Active,
            is_full: false,
        });
        Ok(cid)
    }

    /// Starts the processes of an instance that do not run; they hold the disk that is mounted.
    pub(crate) fn start_processes(&mut self, id: &InstanceId) -> Result<(), String> {
        let mounted = self.wanted_instance(id)?.clone();
        let mounted = self.mounted_on(&mounted).map(|disk| disk.cid.clone());
        for process in &mut self.wanted_instance(id)?.processes {
            if process.state != ProcessState::Running {
                process.start(mounted.clone());
            }
        }
        Ok(())
    }
}

/// Returns what the CPI says of a disk that the infrastructure does not have.
pub(super) fn not_found(cid: &DiskCid) -> String {
    format!(
        "Unknown CPI error 'Bosh::Clouds::DiskNotFound' with message 'Could not find disk with id '{cid}'' in 'attach_disk' CPI method"
    )
}
