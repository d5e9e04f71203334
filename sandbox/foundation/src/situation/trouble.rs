//! What goes wrong with one instance, or with a group of them: in the infrastructure, on its VM, or in the director's records.

mod absent;
mod script;

use std::fmt;

use crate::clock::Moment;
use crate::foundation::deed::{Drain, Fix, NewDisk, NewVm, Restart, Update};
use crate::foundation::{Agent, Deed, Foundation, Instance, InstanceId, ProcessState, Resurrection, Standing};
use crate::pace::{Pace, Phase};
use crate::tasks::{Claim, Order, Step, TaskBoard};
use crate::world::{World, WorldError};

use super::Wanted;

/// The user for whom the director creates VMs anew without being asked.
pub(crate) const RESURRECTOR: &str = "hm";

/// What can go wrong with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Its agent does not answer.
    AgentSilent,
    /// A script of a bbr that is dead runs on its VM, and does not end.
    BbrScript,
    /// Its persistent disk was deleted in the infrastructure, and the director does not know.
    DiskDeleted,
    /// Its persistent disk was detached from its VM in the infrastructure.
    DiskDetached,
    /// The director's record of its disk says that it is not in use, as after a migration that did not end.
    DiskInactive,
    /// The deployment has none of this group.
    GroupAbsent,
    /// Nothing more fits on its persistent disk.
    StoreFull,
    /// monit cannot keep its processes running.
    ProcessesFailing,
    /// Its VM was deleted in the infrastructure, and the director does not know.
    VmDeleted,
}

impl Trouble {
    /// Every trouble by its name.
    pub(super) const ALL: [(&'static str, Trouble); 9] = [
        ("agent-silent", Trouble::AgentSilent),
        ("bbr-script", Trouble::BbrScript),
        ("disk-deleted", Trouble::DiskDeleted),
        ("disk-detached", Trouble::DiskDetached),
        ("disk-inactive", Trouble::DiskInactive),
        ("group-absent", Trouble::GroupAbsent),
        ("processes-failing", Trouble::ProcessesFailing),
        ("store-full", Trouble::StoreFull),
        ("vm-deleted", Trouble::VmDeleted),
    ];

    pub(super) fn change(self, world: &World, place: &Place, wanted: Wanted) -> Result<(), WorldError> {
        match self {
            Trouble::GroupAbsent => return absent::change(world, place, wanted),
            Trouble::BbrScript => return script::change(world, place, wanted),
            _ => {}
        }
        let foundation = world.foundation()?;
        let meant: Vec<InstanceId> = place.instances(&foundation)?.into_iter().map(|one| one.id.clone()).collect();
        world.change_foundation(|foundation| {
            for id in &meant {
                self.befall(foundation, id, wanted);
            }
        })?;
        let is_noticed = matches!(self, Trouble::AgentSilent | Trouble::VmDeleted) && wanted == Wanted::Broken;
        if is_noticed && foundation.resurrection == Resurrection::On {
            return resurrect(world, &meant);
        }
        Ok(())
    }

    fn befall(self, foundation: &mut Foundation, id: &InstanceId, wanted: Wanted) {
        let is_broken = wanted == Wanted::Broken;
        match self {
            Trouble::AgentSilent => with_vm(foundation, id, |vm| {
                vm.agent = if is_broken { Agent::Silent } else { Agent::Responsive };
            }),
            Trouble::VmDeleted => with_vm(foundation, id, |vm| vm.exists_in_iaas = !is_broken),
            Trouble::ProcessesFailing => {
                let state = if is_broken { ProcessState::Failing } else { ProcessState::Running };
                foundation.instance_mut(id).expect("it was found").set_processes(state);
            }
            Trouble::BbrScript | Trouble::GroupAbsent => {}
            Trouble::DiskDeleted => delete_disk(foundation, id, is_broken),
            Trouble::DiskDetached => detach_disk(foundation, id, is_broken),
            Trouble::DiskInactive => deactivate_disk(foundation, id, is_broken),
            Trouble::StoreFull => {
                let disk = foundation.instance_mut(id).and_then(|instance| instance.disk.clone());
                if let Some(disk) = disk.and_then(|disk| foundation.disk_mut(&disk)) {
                    disk.is_full = is_broken;
                }
            }
        }
    }
}

fn with_vm(foundation: &mut Foundation, id: &InstanceId, change: impl FnOnce(&mut crate::foundation::Vm)) {
    if let Some(vm) = foundation.instance_mut(id).and_then(|instance| instance.vm.as_mut()) {
        change(vm);
    }
}

/// A disk that comes back is the one that its instance had, whatever the director has done since.
fn delete_disk(foundation: &mut Foundation, id: &InstanceId, is_broken: bool) {
    let instance = foundation.instance_mut(id).expect("it was found").clone();
    let (name, vm) = (instance.name(), instance.vm.as_ref().map(|vm| vm.cid.clone()));
    for disk in &mut foundation.disks {
        let is_own = instance.disk.as_ref() == Some(&disk.cid);
        let was_own = disk.orphan().is_some_and(|orphan| orphan.instance == name);
        if is_broken && is_own {
            disk.exists_in_iaas = false;
            disk.attached_to = None;
        } else if !is_broken && !disk.exists_in_iaas && (is_own || was_own) {
            disk.exists_in_iaas = true;
            disk.attached_to = vm.clone().filter(|_| is_own);
        }
    }
}

fn detach_disk(foundation: &mut Foundation, id: &InstanceId, is_broken: bool) {
    let instance = foundation.instance_mut(id).expect("it was found").clone();
    let vm = instance.vm.map(|vm| vm.cid);
    if let Some(disk) = instance.disk.and_then(|cid| foundation.disk_mut(&cid)) {
        disk.attached_to = if is_broken { None } else { vm };
    }
}

fn deactivate_disk(foundation: &mut Foundation, id: &InstanceId, is_broken: bool) {
    let own = foundation.instance_mut(id).expect("it was found").disk.clone();
    let inactive = foundation.disks.iter().find(|disk| disk.standing == Standing::Inactive(id.clone()));
    let inactive = inactive.map(|disk| disk.cid.clone());
    let (cid, standing, record) = match (is_broken, own, inactive) {
        (true, Some(own), _) => (own, Standing::Inactive(id.clone()), None),
        (false, None, Some(inactive)) => (inactive.clone(), Standing::Active, Some(inactive)),
        _ => return,
    };
    foundation.disk_mut(&cid).expect("records name disks that are known").standing = standing;
    foundation.instance_mut(id).expect("it was found").disk = record;
}

/// The health monitor has noticed, and lets the director create the VMs anew.
fn resurrect(world: &World, meant: &[InstanceId]) -> Result<(), WorldError> {
    let (foundation, pace) = (world.foundation()?, Pace::of(world)?);
    let update = |instance: &Instance| Update {
        vm: NewVm::Always,
        disk: NewDisk::IfNone,
        fix: Fix::Recreate,
        drain: Drain::Skip,
        state: instance.state,
        restart: Restart::Yes,
    };
    let found = foundation.instances().filter(|(_, instance)| meant.contains(&instance.id));
    let found: Vec<(String, Step)> = found
        .map(|(deployment, instance)| {
            let deed = Deed::Update(instance.id.clone(), update(instance));
            let name = format!("{} ({})", instance.name(), instance.index);
            (deployment.name.clone(), Step::new("Scanning and fixing", name, pace.takes(Phase::BOSH_RECREATE), deed))
        })
        .collect();
    let Some((deployment, _)) = found.first() else { return Ok(()) };
    let order = Order {
        user: RESURRECTOR.into(),
        deployment: deployment.clone(),
        description: "scan and fix".into(),
        result: "scan and fix complete".into(),
        claim: Claim::Deployment(pace.takes(Phase::BOSH_LOCK)),
        steps: found.into_iter().map(|(_, step)| step).collect(),
    };
    let now = Moment::now();
    world.update(|board: &mut TaskBoard| board.order(order, now)).map(drop)
}

/// Where a trouble strikes: `[DEPLOYMENT:]GROUP[/INDEX or /ID]`; without a deployment, in the first that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    deployment: Option<String>,
    slug: String,
}

impl Place {
    /// Reads a place; `None` if there is nothing to read.
    pub(crate) fn parse(text: &str) -> Option<Place> {
        let (deployment, slug) = match text.split_once(':') {
            Some((deployment, slug)) => (Some(deployment.to_owned()), slug),
            None => (None, text),
        };
        (!slug.is_empty()).then(|| Place { deployment, slug: slug.to_owned() })
    }

    /// Returns whether an instance is one of those that are meant.
    fn is_in(&self, instance: &Instance, foundation: &Foundation) -> bool {
        self.instances(foundation).is_ok_and(|meant| meant.iter().any(|one| one.id == instance.id))
    }

    /// Returns the instances that are meant, of which there is one at least.
    pub(crate) fn instances<'f>(&self, foundation: &'f Foundation) -> Result<Vec<&'f Instance>, WorldError> {
        let is_wanted = |name: &str| self.deployment.as_ref().is_none_or(|wanted| wanted == name);
        let searched = foundation.deployments.iter().filter(|deployment| is_wanted(&deployment.name));
        let meant = searched.map(|deployment| {
            deployment.instances.iter().filter(|instance| instance.is_meant_by(&self.slug)).collect::<Vec<_>>()
        });
        let found = meant.into_iter().find(|meant| !meant.is_empty());
        found.ok_or_else(|| WorldError::NoInstance { name: self.to_string() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deployment {
            Some(deployment) => write!(f, "{deployment}:{}", self.slug),
            None => f.write_str(&self.slug),
        }
    }
}
