//! Cloud check: what can be wrong with VMs and disks, and what can be done about it.

use serde::{Deserialize, Serialize};

use super::{Deployment, Disk, DiskCid, Foundation, Instance, InstanceId, JobState, Standing};

/// The kinds of problems that a scan finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemKind {
    UnresponsiveAgent,
    MissingVm,
    MissingDisk,
    InactiveDisk,
    MountInfoMismatch,
    /// It was recorded, and is no more.
    InvalidProblem,
}

impl ProblemKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProblemKind::UnresponsiveAgent => "unresponsive_agent",
            ProblemKind::MissingVm => "missing_vm",
            ProblemKind::MissingDisk => "missing_disk",
            ProblemKind::InactiveDisk => "inactive_disk",
            ProblemKind::MountInfoMismatch => "mount_info_mismatch",
            ProblemKind::InvalidProblem => "invalid_problem",
        }
    }

    /// Returns what can be done about it, in the order in which it is offered.
    pub(crate) fn resolutions(self) -> &'static [Resolution] {
        match self {
            ProblemKind::UnresponsiveAgent => &[
                Resolution::Ignore,
                Resolution::RebootVm,
                Resolution::RecreateVmWithoutWait,
                Resolution::RecreateVm,
                Resolution::DeleteVm,
                Resolution::DeleteVmReference,
            ],
            ProblemKind::MissingVm => &[
                Resolution::Ignore,
                Resolution::RecreateVmWithoutWait,
                Resolution::RecreateVm,
                Resolution::DeleteVmReference,
            ],
            ProblemKind::MissingDisk => &[Resolution::Ignore, Resolution::DeleteDiskReference],
            ProblemKind::InactiveDisk => &[Resolution::Ignore, Resolution::DeleteDisk, Resolution::ActivateDisk],
            ProblemKind::MountInfoMismatch => {
                &[Resolution::Ignore, Resolution::ReattachDisk, Resolution::ReattachDiskAndReboot]
            }
            ProblemKind::InvalidProblem => &[Resolution::Close],
        }
    }

    /// Returns what the director does about it when nobody chooses.
    pub(crate) fn usual(self) -> Resolution {
        match self {
            ProblemKind::MissingVm => Resolution::RecreateVmWithoutWait,
            ProblemKind::InvalidProblem => Resolution::Close,
            ProblemKind::UnresponsiveAgent
            | ProblemKind::MissingDisk
            | ProblemKind::InactiveDisk
            | ProblemKind::MountInfoMismatch => Resolution::Ignore,
        }
    }
}

/// What can be done about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resolution {
    Ignore,
    RebootVm,
    RecreateVmWithoutWait,
    RecreateVm,
    DeleteVm,
    DeleteVmReference,
    DeleteDiskReference,
    ActivateDisk,
    DeleteDisk,
    ReattachDisk,
    ReattachDiskAndReboot,
    Close,
}

impl Resolution {
    /// Returns the name by which `--resolution` chooses it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Resolution::Ignore => "ignore",
            Resolution::RebootVm => "reboot_vm",
            Resolution::RecreateVmWithoutWait => "recreate_vm_without_wait",
            Resolution::RecreateVm => "recreate_vm",
            Resolution::DeleteVm => "delete_vm",
            Resolution::DeleteVmReference => "delete_vm_reference",
            Resolution::DeleteDiskReference => "delete_disk_reference",
            Resolution::ActivateDisk => "activate_disk",
            Resolution::DeleteDisk => "delete_disk",
            Resolution::ReattachDisk => "reattach_disk",
            Resolution::ReattachDiskAndReboot => "reattach_disk_and_reboot",
            Resolution::Close => "close",
        }
    }

    /// Returns the words by which it is offered.
    pub(crate) fn plan(self) -> &'static str {
        match self {
            Resolution::Ignore => "Skip for now",
            Resolution::RebootVm => "Reboot VM",
            Resolution::RecreateVmWithoutWait => "Recreate VM without waiting for processes to start",
            Resolution::RecreateVm => "Recreate VM and wait for processes to start",
            Resolution::DeleteVm => "Delete VM",
            Resolution::DeleteVmReference => "Delete VM reference",
            Resolution::DeleteDiskReference => "Delete disk reference (DANGEROUS!)",
            Resolution::ActivateDisk => "Activate disk",
            Resolution::DeleteDisk => "Delete disk",
            Resolution::ReattachDisk => "Reattach disk to instance",
            Resolution::ReattachDiskAndReboot => "Reattach disk and reboot instance",
            Resolution::Close => "Close problem",
        }
    }
}

/// Something that is wrong with a VM or a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    /// 0 until it was recorded.
    pub(crate) id: u32,
    pub(crate) kind: ProblemKind,
    pub(crate) deployment: String,
    pub(crate) group: String,
    pub(crate) instance: InstanceId,
    pub(crate) disk: Option<DiskCid>,
    pub(crate) description: String,
}

impl Problem {
    /// Returns whether both are the same thing that is wrong, perhaps in other words.
    pub(crate) fn is_same(&self, other: &Problem) -> bool {
        (self.kind, &self.instance, &self.disk) == (other.kind, &other.instance, &other.disk)
    }
}

/// How the VMs of a deployment were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) scanned: usize,
    pub(crate) silent: usize,
    pub(crate) missing: usize,
}

impl Foundation {
    /// Finds out what is wrong with a deployment; a problem keeps its number for as long as it lasts.
    pub(crate) fn scan(&mut self, deployment: &str) {
        let found: Vec<Problem> = self.problems_of(deployment).collect();
        let known = std::mem::take(&mut self.problems);
        let (known, mut others): (Vec<Problem>, Vec<Problem>) =
            known.into_iter().partition(|problem| problem.deployment == deployment);
        for problem in found {
            let earlier = known.iter().find(|earlier| earlier.is_same(&problem));
            let id = earlier.map_or_else(|| self.number_problem(), |earlier| earlier.id);
            others.push(Problem { id, ..problem });
        }
        others.sort_by_key(|problem| problem.id);
        self.problems = others;
    }

    fn number_problem(&mut self) -> u32 {
        self.next_problem += 1;
        self.next_problem - 1
    }

    /// Returns what the last scan of a deployment found.
    pub(crate) fn recorded_problems(&self, deployment: &str) -> Vec<Problem> {
        self.problems.iter().filter(|problem| problem.deployment == deployment).cloned().collect()
    }

    /// Returns how a scan finds the VMs of a deployment.
    pub(crate) fn tally(&self, deployment: &str) -> Tally {
        let vms = self.scanned(deployment).filter(|(_, instance)| instance.vm.is_some());
        vms.fold(Tally::default(), |tally, (_, instance)| match wrong_vm(instance) {
            Some(ProblemKind::MissingVm) => Tally { scanned: tally.scanned + 1, missing: tally.missing + 1, ..tally },
            Some(_) => Tally { scanned: tally.scanned + 1, silent: tally.silent + 1, ..tally },
            None => Tally { scanned: tally.scanned + 1, ..tally },
        })
    }

    /// Returns what is wrong with a deployment: disks first, as the director numbers them.
    pub(crate) fn problems_of<'f>(&'f self, deployment: &'f str) -> impl Iterator<Item = Problem> + 'f {
        let disks = self.scanned(deployment).flat_map(|(deployment, instance)| self.wrong_disks(deployment, instance));
        let vms = self.scanned(deployment).filter_map(|(deployment, instance)| {
            let kind = wrong_vm(instance)?;
            let description = describe_vm(kind, instance);
            Some(Problem::new(kind, deployment, instance, None, description))
        });
        disks.chain(vms)
    }

    fn scanned<'f>(&'f self, deployment: &'f str) -> impl Iterator<Item = (&'f Deployment, &'f Instance)> {
        self.instances().filter(move |(owner, instance)| owner.name == deployment && !instance.is_ignored)
    }

    fn wrong_disks(&self, deployment: &Deployment, instance: &Instance) -> Vec<Problem> {
        let active = instance.disk.as_ref().and_then(|cid| self.disk(cid));
        let active = active.and_then(|disk| Some((self.wrong_disk(disk, instance)?, disk)));
        let inactive = self.disks.iter().filter(|disk| disk.standing == Standing::Inactive(instance.id.clone()));
        let all = active.into_iter().chain(inactive.map(|disk| (ProblemKind::InactiveDisk, disk)));
        all.map(|(kind, disk)| {
            let description = self.describe_disk(kind, disk, instance);
            Problem::new(kind, deployment, instance, Some(disk.cid.clone()), description)
        })
        .collect()
    }

    fn wrong_disk(&self, disk: &Disk, instance: &Instance) -> Option<ProblemKind> {
        if !disk.exists_in_iaas {
            return Some(ProblemKind::MissingDisk);
        }
        // Only an agent can tell what is mounted.
        (instance.answers() && self.has_lost_mount(instance)).then_some(ProblemKind::MountInfoMismatch)
    }

    fn describe_disk(&self, kind: ProblemKind, disk: &Disk, instance: &Instance) -> String {
        let Disk { cid, size_mb, .. } = disk;
        let name = instance.name();
        match kind {
            ProblemKind::InactiveDisk => format!("Disk '{cid}' ({name}, {size_mb}M) is inactive"),
            ProblemKind::MountInfoMismatch => {
                let vm = instance.vm.as_ref().map_or("", |vm| &vm.cid.0);
                let other = disk.attached_to.as_ref().and_then(|cid| self.instance_on(cid)).map(Instance::name);
                let found = other.map_or("\tNot mounted in any VM".to_owned(), |other| format!("\tMounted in {other}"));
                format!(
                    "Inconsistent mount information:\nRecord shows that disk '{cid}' should be mounted on {vm}.\nHowever it is currently :\n{found}"
                )
            }
            _ => format!("Disk '{cid}' ({name}, {size_mb}M) is missing"),
        }
    }
}

impl Problem {
    fn new(
        kind: ProblemKind,
        deployment: &Deployment,
        instance: &Instance,
        disk: Option<DiskCid>,
        description: String,
    ) -> Problem {
        let (deployment, group) = (deployment.name.clone(), instance.group.clone());
        Problem { id: 0, kind, deployment, group, instance: instance.id.clone(), disk, description }
    }
}

/// Returns what is wrong with the VM that the records have.
fn wrong_vm(instance: &Instance) -> Option<ProblemKind> {
    let vm = instance.vm.as_ref().filter(|_| instance.state != JobState::Detached)?;
    if vm.answers() {
        None
    } else if vm.exists_in_iaas {
        Some(ProblemKind::UnresponsiveAgent)
    } else {
        Some(ProblemKind::MissingVm)
    }
}

fn describe_vm(kind: ProblemKind, instance: &Instance) -> String {
    let (name, index) = (instance.name(), instance.index);
    let cid = instance.vm.as_ref().map_or("", |vm| &vm.cid.0);
    let is = if kind == ProblemKind::MissingVm { "missing." } else { "is not responding." };
    format!("VM for '{name} ({index})' with cloud ID '{cid}' {is}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_offers_what_it_usually_does() {
        use ProblemKind as Kind;
        for (kind, offered, usual) in [
            (
                Kind::UnresponsiveAgent,
                "ignore reboot_vm recreate_vm_without_wait recreate_vm delete_vm delete_vm_reference",
                "ignore",
            ),
            (
                Kind::MissingVm,
                "ignore recreate_vm_without_wait recreate_vm delete_vm_reference",
                "recreate_vm_without_wait",
            ),
            (Kind::MissingDisk, "ignore delete_disk_reference", "ignore"),
            (Kind::InactiveDisk, "ignore delete_disk activate_disk", "ignore"),
            (Kind::MountInfoMismatch, "ignore reattach_disk reattach_disk_and_reboot", "ignore"),
            (Kind::InvalidProblem, "close", "close"),
        ] {
            let names: Vec<&str> = kind.resolutions().iter().map(|resolution| resolution.name()).collect();
            assert_eq!((names.join(" ").as_str(), kind.usual().name()), (offered, usual), "{}", kind.name());
        }
    }
}
