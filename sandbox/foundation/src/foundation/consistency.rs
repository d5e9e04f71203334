//! What cannot be: records and infrastructure that contradict themselves, whatever went wrong.

use std::collections::BTreeSet;

use super::{Disk, Foundation, Instance, Standing, VmCid};

impl Foundation {
    /// Returns a sentence for each contradiction.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let disks = self.disks.iter().filter_map(|disk| self.contradiction_of(disk));
        let instances = self.instances().filter_map(|(_, instance)| self.contradiction_in(instance));
        disks.chain(instances).chain(self.twins()).collect()
    }

    /// A disk is active and referred to once, or inactive, orphaned, unknown or gone and not referred to.
    fn contradiction_of(&self, disk: &Disk) -> Option<String> {
        let referring = self.instances().filter(|(_, instance)| instance.disk.as_ref() == Some(&disk.cid)).count();
        let expected = usize::from(disk.standing == Standing::Active);
        if referring != expected {
            return Some(format!(
                "disk {} is {}, and {referring} instances refer to it",
                disk.cid,
                disk.standing.name()
            ));
        }
        if disk.attached_to.is_some() && !disk.exists_in_iaas {
            return Some(format!("disk {} does not exist, and is attached", disk.cid));
        }
        let is_gone = disk.standing == Standing::Destroyed;
        (is_gone && disk.exists_in_iaas).then(|| format!("disk {} is destroyed, and exists", disk.cid))
    }

    fn contradiction_in(&self, instance: &Instance) -> Option<String> {
        let disk = instance.disk.as_ref()?;
        self.disk(disk).is_none().then(|| format!("{} refers to disk {disk}, which never was", instance.name()))
    }

    /// A VM runs one instance.
    fn twins(&self) -> Vec<String> {
        let mut seen: BTreeSet<&VmCid> = BTreeSet::new();
        let vms = self.instances().filter_map(|(_, instance)| Some((instance, &instance.vm.as_ref()?.cid)));
        let twice = vms.filter(|(_, vm)| !seen.insert(vm));
        twice.map(|(instance, vm)| format!("{} is not the only one on {vm}", instance.name())).collect()
    }
}
