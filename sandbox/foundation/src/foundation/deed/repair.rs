//! What the resolutions of cloud check do.

use crate::clock::Moment;
use crate::foundation::problem::{Problem, ProblemKind, Resolution};
use crate::foundation::{Agent, DiskCid, Foundation, InstanceId, JobState, ProcessState, Standing};
use crate::world::{World, WorldError};

use super::update::not_found;
use super::{Done, Drain, Fix, NewDisk, NewVm, Restart, Update};

/// Applies a resolution to a problem, unless the problem is no more.
pub(super) fn resolve(
    world: &World,
    problem: &Problem,
    resolution: Resolution,
    at: Moment,
) -> Result<Done, WorldError> {
    let foundation = world.foundation()?;
    if !foundation.has_problem(problem) {
        return Ok(Ok(None));
    }
    match resolution {
        Resolution::RecreateVm | Resolution::RecreateVmWithoutWait => {
            recreate(&foundation, problem).carry_out(world, &problem.instance, at)
        }
        Resolution::DeleteVm => delete_vm(world, problem),
        Resolution::DeleteDisk => delete_disk(world, problem),
        Resolution::Ignore
        | Resolution::Close
        | Resolution::RebootVm
        | Resolution::DeleteVmReference
        | Resolution::DeleteDiskReference
        | Resolution::ActivateDisk
        | Resolution::ReattachDisk
        | Resolution::ReattachDiskAndReboot => {
            world.change_foundation(|foundation| foundation.repair(problem, resolution, at))
        }
    }
}

fn recreate(foundation: &Foundation, problem: &Problem) -> Update {
    let owner = foundation.instances().find(|(_, instance)| instance.id == problem.instance);
    let state = owner.map_or(JobState::Started, |(_, instance)| instance.state);
    Update {
        vm: NewVm::Always,
        disk: NewDisk::IfNone,
        fix: Fix::Recreate,
        drain: Drain::Skip,
        state,
        restart: Restart::Yes,
    }
}

fn delete_vm(world: &World, problem: &Problem) -> Result<Done, WorldError> {
    let before = world.change_foundation(|foundation| {
        let instance = foundation.instance_mut(&problem.instance)?;
        let before = instance.clone();
        let vm = instance.vm.take()?;
        instance.set_processes(ProcessState::Stopped);
        foundation.detach_all(&vm.cid);
        Some(before)
    })?;
    before.map_or(Ok(()), |instance| world.remove_vm(&instance))?;
    Ok(Ok(None))
}

fn delete_disk(world: &World, problem: &Problem) -> Result<Done, WorldError> {
    let Some(cid) = problem.disk.clone() else { return Ok(Ok(None)) };
    world.change_foundation(|foundation| foundation.destroy(&cid))?;
    world.remove_disk(&cid)?;
    Ok(Ok(None))
}

impl Foundation {
    /// Applies a resolution that changes no folder.
    fn repair(&mut self, problem: &Problem, resolution: Resolution, at: Moment) -> Done {
        let id = &problem.instance;
        match (resolution, &problem.disk) {
            (Resolution::RebootVm, _) => self.reboot(id)?,
            (Resolution::DeleteVmReference, _) => {
                let instance = self.wanted_instance(id)?;
                instance.vm = None;
                instance.set_processes(ProcessState::Stopped);
            }
            (Resolution::DeleteDiskReference, Some(cid)) => {
                self.wanted_instance(id)?.disk = None;
                self.forsake(id, cid, at);
            }
            (Resolution::ActivateDisk, Some(cid)) => self.activate(id, cid, at)?,
            (Resolution::ReattachDisk, Some(cid)) => self.attach(id, cid)?,
            (Resolution::ReattachDiskAndReboot, Some(cid)) => {
                self.attach(id, cid)?;
                self.reboot(id)?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// A VM that starts again has an agent that answers, and processes that hold the disk that is mounted.
    fn reboot(&mut self, id: &InstanceId) -> Result<(), String> {
        let instance = self.wanted_instance(id)?;
        let name = instance.name();
        let vm = instance.vm.as_mut().filter(|vm| vm.exists_in_iaas);
        vm.ok_or_else(|| format!("VM of '{name}' not found"))?.agent = Agent::Responsive;
        if instance.state == JobState::Started {
            instance.set_processes(ProcessState::Stopped);
            self.start_processes(id)?;
        }
        Ok(())
    }

    fn activate(&mut self, id: &InstanceId, cid: &DiskCid, at: Moment) -> Result<(), String> {
        let before = self.wanted_instance(id)?.disk.replace(cid.clone());
        if let Some(before) = before.filter(|before| before != cid) {
            self.forsake(id, &before, at);
        }
        let disk = self.disk_mut(cid).filter(|disk| disk.exists_in_iaas).ok_or_else(|| not_found(cid))?;
        disk.standing = Standing::Active;
        Ok(())
    }

    /// Returns whether a scan would find the same problem.
    fn has_problem(&self, problem: &Problem) -> bool {
        problem.kind != ProblemKind::InvalidProblem
            && self.problems_of(&problem.deployment).any(|found| found.is_same(problem))
    }
}
