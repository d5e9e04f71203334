//! Deployments without one of their groups, such as TAS without its `backup_restore` VM.

use crate::foundation::{Deployment, Foundation};
use crate::world::{Settings, World, WorldError};

use super::{Place, Wanted};

/// Takes a group out of its deployment with its disks, or puts it back as it was in the beginning.
pub(super) fn change(world: &World, place: &Place, wanted: Wanted) -> Result<(), WorldError> {
    let settings: Settings = world.read()?;
    let beginning = settings.layout.build(settings.seed);
    let group = place.instances(&beginning)?[0].group.clone();
    let owner =
        beginning.instances().find(|(_, instance)| instance.group == group && place.is_in(instance, &beginning));
    let Some(owner) = owner.map(|(deployment, _)| deployment.name.clone()) else { return Ok(()) };
    world.change_foundation(|foundation| {
        take_out(foundation, &owner, &group);
        if wanted == Wanted::Mended {
            put_back(foundation, &beginning, &owner, &group);
        }
    })
}

fn deployment_mut<'f>(foundation: &'f mut Foundation, name: &str) -> Option<&'f mut Deployment> {
    foundation.deployments.iter_mut().find(|deployment| deployment.name == name)
}

fn take_out(foundation: &mut Foundation, owner: &str, group: &str) {
    let Some(deployment) = deployment_mut(foundation, owner) else { return };
    let taken: Vec<_> = deployment.group(group).filter_map(|instance| instance.disk.clone()).collect();
    deployment.instances.retain(|instance| instance.group != group);
    foundation.disks.retain(|disk| !taken.contains(&disk.cid));
}

fn put_back(foundation: &mut Foundation, beginning: &Foundation, owner: &str, group: &str) {
    let Some(before) = beginning.deployment(owner) else { return };
    let known: Vec<_> = before.group(group).cloned().collect();
    let cids: Vec<_> = known.iter().filter_map(|instance| instance.disk.clone()).collect();
    foundation.disks.retain(|disk| !cids.contains(&disk.cid));
    foundation.disks.extend(beginning.disks.iter().filter(|disk| cids.contains(&disk.cid)).cloned());
    let order: Vec<&str> = before.groups();
    if let Some(deployment) = deployment_mut(foundation, owner) {
        deployment.instances.extend(known);
        deployment.instances.sort_by_key(|instance| order.iter().position(|group| *group == instance.group));
    }
}
