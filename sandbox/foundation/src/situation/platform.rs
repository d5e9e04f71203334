//! Situations of the platform on top of the foundation.

use crate::clock::Moment;
use crate::foundation::{Foundation, InstanceId, ProcessState};
use crate::platform::balancer::LoadBalancer;
use crate::platform::catalog::{Catalog, Operation, OperationState, Verb};
use crate::platform::cluster::{self, Quorum};
use crate::platform::health::Canary;
use crate::platform::locks::is_controller;
use crate::platform::services::stamp;
use crate::platform::{BLOBSTORE_JOB, Platform};
use crate::vm::{API_JOB, Holder, Vm};
use crate::world::{World, WorldError};

use super::{Place, Trouble, Wanted};

/// The instance group whose jobs dump the databases.
const BACKUP_GROUP: &str = "backup_restore";

/// What may be wrong with a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unrest {
    /// The deployment has no instance with the jobs that dump databases.
    BackupRestoreMissing,
    /// Healthwatch's canary fails for a reason of its own.
    CanaryRed,
    /// bbr's directory lies on the VM of the blobstore, and nobody knows whose it is.
    Leftover,
    /// bbr was killed: the API is locked, and bbr's directory lies on the VM of the blobstore.
    LeftoverLock,
    /// A second operator's backup is running: their lock, their directory.
    SecondOperator,
    /// The load balancer lets no client through.
    BalancerBlocked,
    /// The load balancer lets nobody through, the platform's own VMs included.
    BalancerBlocksInside,
    /// One node of the database cluster is down.
    DatabaseDegraded,
    /// The database cluster has no quorum.
    QuorumLost,
    /// A service instance is being created.
    ServiceOperation,
}

impl Unrest {
    /// Every one by its name.
    pub(super) const ALL: [(&'static str, Unrest); 10] = [
        ("backup-restore-missing", Unrest::BackupRestoreMissing),
        ("canary-red", Unrest::CanaryRed),
        ("lb-blocked", Unrest::BalancerBlocked),
        ("lb-blocks-inside", Unrest::BalancerBlocksInside),
        ("leftover-lock", Unrest::LeftoverLock),
        ("mysql-degraded", Unrest::DatabaseDegraded),
        ("mysql-without-quorum", Unrest::QuorumLost),
        ("platform-leftover", Unrest::Leftover),
        ("platform-second-operator", Unrest::SecondOperator),
        ("service-operation", Unrest::ServiceOperation),
    ];

    pub(super) fn change(self, world: &World, wanted: Wanted) -> Result<(), WorldError> {
        let is_broken = wanted == Wanted::Broken;
        match self {
            Unrest::BackupRestoreMissing => {
                let place = Place::parse(BACKUP_GROUP).expect("a group is a place");
                Trouble::GroupAbsent.change(world, &place, wanted)
            }
            Unrest::Leftover => leave_directory(world, is_broken, &Holder::Unknown),
            Unrest::LeftoverLock => leave_lock(world, is_broken, &Holder::Unknown),
            Unrest::SecondOperator => leave_lock(world, is_broken, &Holder::SecondOperator),
            Unrest::DatabaseDegraded => stop_nodes(world, is_broken, 1),
            Unrest::QuorumLost => lose_quorum(world, is_broken),
            Unrest::CanaryRed | Unrest::BalancerBlocked | Unrest::BalancerBlocksInside | Unrest::ServiceOperation => {
                world.change_platform(|platform| self.record(platform, is_broken))
            }
        }
    }

    fn record(self, platform: &mut Platform, is_broken: bool) {
        let balancer = match self {
            Unrest::CanaryRed => {
                platform.canary = if is_broken { Canary::Red } else { Canary::Honest };
                return;
            }
            Unrest::ServiceOperation => return operate(&mut platform.catalog, is_broken),
            Unrest::BalancerBlocked => LoadBalancer::ClientsBlocked,
            Unrest::BalancerBlocksInside => LoadBalancer::AllBlocked,
            Unrest::BackupRestoreMissing
            | Unrest::Leftover
            | Unrest::LeftoverLock
            | Unrest::SecondOperator
            | Unrest::DatabaseDegraded
            | Unrest::QuorumLost => {
                return;
            }
        };
        platform.balancer = if is_broken { balancer } else { LoadBalancer::Open };
    }
}

/// Begins the creation of a service instance that does not end by itself, or ends it well.
fn operate(catalog: &mut Catalog, is_broken: bool) {
    let now = stamp(Moment::now());
    if !is_broken {
        for service in catalog.services.iter_mut().filter(|one| one.operation.is_in_progress()) {
            service.operation.end(OperationState::Succeeded, &now);
        }
        return;
    }
    let Some((space, offering)) = catalog.services.first().map(|one| (one.space.clone(), one.offering.clone())) else {
        return;
    };
    catalog.add_service(&space, "orders-db", &offering, Operation::begun(Verb::Create, None, &now));
}

/// Leaves the lock and the directory of a backup that was at work, or takes them away.
fn leave_lock(world: &World, is_broken: bool, holder: &Holder) -> Result<(), WorldError> {
    let foundation = world.foundation()?;
    for instance in foundation.instances().map(|(_, instance)| instance).filter(|one| is_controller(one)) {
        let vm = Vm::at(world.enter(instance)?);
        if is_broken {
            vm.lock(API_JOB, holder)?;
        } else {
            vm.unlock(API_JOB)?;
        }
    }
    leave_directory(world, is_broken, holder)
}

fn leave_directory(world: &World, is_broken: bool, holder: &Holder) -> Result<(), WorldError> {
    let foundation = world.foundation()?;
    let Some(blobstore) = foundation.blobstore() else { return Ok(()) };
    let vm = Vm::at(world.enter(blobstore)?);
    if is_broken { vm.begin_job(BLOBSTORE_JOB, holder) } else { vm.remove_backup_directory() }
}

fn lose_quorum(world: &World, is_broken: bool) -> Result<(), WorldError> {
    stop_nodes(world, is_broken, usize::MAX)?;
    let foundation = world.foundation()?;
    world.change_platform(|platform| {
        if is_broken {
            platform.cluster.quorum = Quorum::Lost;
            platform.cluster.diverge(&foundation);
        } else {
            platform.cluster.converge();
        }
    })
}

/// Stops the databases of the last nodes, so many of them, or starts them all.
fn stop_nodes(world: &World, is_broken: bool, count: usize) -> Result<(), WorldError> {
    world.change_foundation(|foundation| {
        let nodes: Vec<InstanceId> = cluster::nodes(foundation).map(|node| node.id.clone()).collect();
        for id in nodes.iter().rev().take(count) {
            set_database(foundation, id, if is_broken { ProcessState::Failing } else { ProcessState::Running });
        }
    })
}

fn set_database(foundation: &mut Foundation, node: &InstanceId, state: ProcessState) {
    let processes = foundation.instance_mut(node).map(|node| &mut node.processes).into_iter().flatten();
    for database in processes.filter(|process| process.name == cluster::DATABASE) {
        database.state = state;
    }
}
