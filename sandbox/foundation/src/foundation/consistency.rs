//! What cannot be: records and infrastructure that contradict themselves, whatever went wrong.

use std::collections::BTreeSet;

use super::{Content, Disk, Foundation, Instance, Standing, VmCid};

impl Foundation {
    /// Returns a sentence for each contradiction.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let disks = self.disks.iter().filter_map(|disk| self.contradiction_of(disk));
        let instances = self.instances().filter_map(|(_, instance)| self.contradiction_in(instance));
        disks.chain(instances).chain(self.twins()).collect()
    }

    /// A disk is active and referred to once, or inactive, orphaned or gone and not referred to.
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
        let is_gone = matches!(disk.standing, Standing::Destroyed(_));
        (is_gone && disk.exists_in_iaas).then(|| format!("disk {} is destroyed, and exists", disk.cid))
    }

    fn contradiction_in(&self, instance: &Instance) -> Option<String> {
        let disk = instance.disk.as_ref()?;
        self.disk(disk).is_none().then(|| format!("{} refers to disk {disk}, which never was", instance.name()))
    }

    /// Returns a sentence for each disk that was destroyed although it held what lay nowhere else.
    pub(crate) fn losses(&self) -> Vec<String> {
        let lost = self.disks.iter().filter_map(|disk| match &disk.standing {
            Standing::Destroyed(Content::Gone(owner)) => Some((disk, owner)),
            _ => None,
        });
        lost.map(|(disk, owner)| format!("disk {} was destroyed with the only content of {owner}", disk.cid)).collect()
    }

    /// A VM runs one instance.
    fn twins(&self) -> Vec<String> {
        let mut seen: BTreeSet<&VmCid> = BTreeSet::new();
        let vms = self.instances().filter_map(|(_, instance)| Some((instance, &instance.vm.as_ref()?.cid)));
        let twice = vms.filter(|(_, vm)| !seen.insert(vm));
        twice.map(|(instance, vm)| format!("{} is not the only one on {vm}", instance.name())).collect()
    }
}
