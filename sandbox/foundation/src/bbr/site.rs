//! What bbr works on: the VM of a director or those of a deployment, and the jobs with scripts on them.

use std::rc::Rc;

use crate::director::Director;
use crate::fault::FaultPoint;
use crate::foundation::manifest::Manifest;
use crate::foundation::{Deployment, Instance};
use crate::pace::Phase;
use crate::scripts::Host;
use crate::vm::{DIRECTOR_JOB, LOCK_JOB, Order, Vm};
use crate::world::{World, WorldError};

use super::artifact::Slot;
use super::flags::{Access, DeploymentAccess};

/// What one run of bbr works on.
pub(super) enum Site<'a> {
    Director(&'a Access),
    Deployment(&'a DeploymentAccess, String),
}

/// The stages of a run whose scripts take time and may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Lock,
    Backup,
    Unlock,
    Drain,
    Cleanup,
    Restore,
}

impl Site<'_> {
    /// Returns where a fault of a stage is set.
    pub(super) fn point(&self, stage: Stage) -> FaultPoint {
        match (self, stage) {
            (Site::Director(_), Stage::Lock) => FaultPoint::LOCK,
            (Site::Director(_), Stage::Backup) => FaultPoint::BACKUP,
            (Site::Director(_), Stage::Unlock) => FaultPoint::UNLOCK,
            (Site::Director(_), Stage::Drain) => FaultPoint::DRAIN,
            (Site::Director(_), Stage::Cleanup) => FaultPoint::CLEANUP,
            (Site::Director(_), Stage::Restore) => FaultPoint::RESTORE,
            (Site::Deployment(..), Stage::Lock) => FaultPoint::DEPLOYMENT_LOCK,
            (Site::Deployment(..), Stage::Backup) => FaultPoint::DEPLOYMENT_BACKUP,
            (Site::Deployment(..), Stage::Unlock) => FaultPoint::DEPLOYMENT_UNLOCK,
            (Site::Deployment(..), Stage::Drain) => FaultPoint::DEPLOYMENT_DRAIN,
            (Site::Deployment(..), Stage::Cleanup) => FaultPoint::DEPLOYMENT_CLEANUP,
            (Site::Deployment(..), Stage::Restore) => FaultPoint::DEPLOYMENT_RESTORE,
        }
    }

    /// Returns how long a stage takes: for all of its scripts, or for each if they run one after another.
    pub(super) fn phase(&self, stage: Stage) -> Phase {
        match (self, stage) {
            (Site::Director(_), Stage::Lock) => Phase::LOCK,
            (Site::Director(_), Stage::Backup) => Phase::BACKUP,
            (Site::Director(_), Stage::Unlock) => Phase::UNLOCK,
            (Site::Director(_), Stage::Restore) => Phase::RESTORE,
            (Site::Deployment(..), Stage::Lock) => Phase::DEPLOYMENT_LOCK,
            (Site::Deployment(..), Stage::Backup) => Phase::DEPLOYMENT_BACKUP,
            (Site::Deployment(..), Stage::Unlock) => Phase::DEPLOYMENT_UNLOCK,
            (Site::Deployment(..), Stage::Restore) => Phase::DEPLOYMENT_RESTORE,
            (_, Stage::Drain) => Phase::DRAIN,
            (_, Stage::Cleanup) => Phase::CLEANUP,
        }
    }

    /// Returns the job that a fault of a stage befalls, `None` if that is the first one.
    pub(super) fn victim(&self, stage: Stage) -> Option<&'static str> {
        match (self, stage) {
            (Site::Director(_), Stage::Lock | Stage::Unlock) => Some(LOCK_JOB),
            (Site::Director(_), _) => Some(DIRECTOR_JOB),
            (Site::Deployment(..), _) => None,
        }
    }
}

/// A VM that bbr has found, and the scripts on it.
#[derive(Debug)]
pub(super) struct Machine {
    group: String,
    id: String,
    index: String,
    pub(super) vm: Vm,
    pub(super) host: Host,
    /// `job/script` of each, in the order of `find`.
    pub(super) scripts: Vec<String>,
}

impl Machine {
    /// Looks at the director's VM.
    pub(super) fn of_director(vm: Vm) -> Result<Machine, WorldError> {
        let scripts = vm.scripts()?;
        Ok(Machine { group: "bosh".into(), id: "0".into(), index: "0".into(), vm, host: Host::Director, scripts })
    }

    fn of_instance(world: &World, instance: &Instance) -> Result<Machine, WorldError> {
        let vm = Vm::at(world.enter(instance)?);
        let scripts = vm.scripts()?;
        Ok(Machine {
            group: instance.group.clone(),
            id: instance.id.to_string(),
            index: instance.index.to_string(),
            vm,
            host: Host::of(instance),
            scripts,
        })
    }

    /// Returns `GROUP/ID`.
    pub(super) fn slug(&self) -> String {
        format!("{}/{}", self.group, self.id)
    }

    /// Returns `GROUP/INDEX`.
    pub(super) fn address(&self) -> String {
        format!("{}/{}", self.group, self.index)
    }

    /// Returns the jobs that have a script.
    pub(super) fn jobs(&self) -> Vec<&str> {
        let mut jobs: Vec<&str> = self.scripts.iter().filter_map(|script| Some(script.split_once('/')?.0)).collect();
        jobs.dedup();
        jobs
    }

    fn has(&self, job: &str, script: &str) -> bool {
        self.scripts.iter().any(|found| *found == format!("{job}/{script}"))
    }

    /// Returns what the metadata scripts of its jobs say of the order of locks.
    pub(super) fn orders(&self) -> Vec<(String, Order)> {
        let named = self.jobs().into_iter().filter(|job| self.has(job, "metadata"));
        named.filter_map(|job| Some((job.to_owned(), Order::of(job)?))).collect()
    }
}

/// A job on a VM.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) machine: Rc<Machine>,
    pub(super) job: String,
}

impl Placed {
    pub(super) fn slug(&self) -> String {
        self.machine.slug()
    }

    pub(super) fn vm(&self) -> &Vm {
        &self.machine.vm
    }

    /// Returns its place in an artifact.
    pub(super) fn slot(&self) -> Slot {
        Slot { group: self.machine.group.clone(), index: self.machine.index.clone(), job: self.job.clone() }
    }
}

/// Returns every job that has a script of this name, in the order in which they were found.
pub(super) fn jobs_with(machines: &[Rc<Machine>], script: &str) -> Vec<Placed> {
    let of = |machine: &Rc<Machine>| {
        let jobs = machine.jobs().into_iter().filter(|job| machine.has(job, script)).map(str::to_owned);
        jobs.map(|job| Placed { machine: Rc::clone(machine), job }).collect::<Vec<_>>()
    };
    machines.iter().flat_map(of).collect()
}

/// Returns the jobs in layers: those of a layer are locked when those of the layers before it are.
pub(super) fn layers(mut jobs: Vec<Placed>) -> Vec<Vec<Placed>> {
    let mut layers = Vec::new();
    while !jobs.is_empty() {
        let waited_for: Vec<&str> =
            jobs.iter().filter_map(|placed| Order::of(&placed.job)).map(|order| order.before).collect();
        let (later, now): (Vec<Placed>, Vec<Placed>) =
            jobs.iter().cloned().partition(|placed| waited_for.contains(&placed.job.as_str()));
        layers.push(now);
        jobs = later;
    }
    layers
}

/// Looks at the VMs of a deployment, in the order of its manifest. The error is bbr's own.
///
/// An instance whose VM the director does not remember is not looked for; if the first one of a group has no scripts,
/// neither are the others.
pub(super) fn find(world: &World, deployment: &Deployment) -> Result<Result<Vec<Machine>, String>, WorldError> {
    let mut machines: Vec<Machine> = Vec::new();
    for group in groups(deployment) {
        let members = deployment.group(&group).filter(|instance| instance.vm.is_some());
        let mut found = Vec::new();
        for instance in members {
            if !instance.answers() {
                return Ok(Err(format!("finding scripts failed on {}: {}", instance.name(), silence(instance))));
            }
            let machine = Machine::of_instance(world, instance)?;
            if found.is_empty() && machine.scripts.is_empty() {
                break;
            }
            found.push(machine);
        }
        machines.extend(found);
    }
    Ok(Ok(machines))
}

fn groups(deployment: &Deployment) -> Vec<String> {
    let manifest = Manifest::read(&deployment.manifest());
    let named = manifest.map(|manifest| manifest.instance_groups.into_iter().map(|group| group.name).collect());
    named.unwrap_or_else(|_| deployment.groups().into_iter().map(str::to_owned).collect())
}

fn silence(instance: &Instance) -> String {
    format!("ssh.Run failed: ssh.Stream failed: ssh.Dial failed: dial tcp {}:22: i/o timeout", instance.ip)
}

/// Returns whether a target means this director, which bbr calls by address only.
pub(super) fn is_target(target: &str, director: &Director) -> bool {
    let address = target.split_once("://").map_or(target, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = address.split_once(':').unwrap_or((address, "25555"));
    host == director.host && port.parse() == Ok(director.api_port) && director.is_reachable()
}
