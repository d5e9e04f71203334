//! What the broker of on-demand services does: it has the director work, and the Cloud Controller asks it how that went.

use crate::clock::Moment;
use crate::foundation::Deed;
use crate::pace::{Pace, Phase};
use crate::tasks::{Claim, Order, Step, TaskBoard, TaskState};
use crate::world::{World, WorldError};

use super::api::{Api, api};
use super::balancer::From;
use super::catalog::{OperationState, ServiceInstance, Verb};
use super::{Catalog, Platform};

/// The user for whom the director works on service instances.
pub(crate) const BROKER: &str = "dedicated-mysql-broker";

/// What the name of the deployment begins with whose instance is the broker.
const BROKER_DEPLOYMENT: &str = "pivotal-mysql";

/// Returns a time as the API prints it.
pub(crate) fn stamp(moment: Moment) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ")
}

/// Returns whether the broker answers.
pub(crate) fn has_broker(world: &World) -> Result<bool, WorldError> {
    let foundation = world.foundation()?;
    let mut brokers = foundation.instances().filter(|(one, _)| one.name.starts_with(BROKER_DEPLOYMENT));
    Ok(brokers.any(|(_, instance)| instance.process_state() == "running"))
}

/// Lets the director create or delete the deployment of a service instance, and returns the task.
pub(crate) fn order(world: &World, service: &str, verb: Verb) -> Result<u32, WorldError> {
    let pace = Pace::of(world)?;
    let step = |stage: &str, phase| Step::new(stage, stage, pace.takes(phase), Deed::Nothing);
    let steps = match verb {
        Verb::Create => vec![
            step("Preparing deployment", Phase::BOSH_PREPARE),
            step("Creating missing vms", Phase::BOSH_RECREATE),
            step("Updating instance", Phase::BOSH_UPDATE),
        ],
        Verb::Delete => {
            vec![step("Deleting instances", Phase::BOSH_UPDATE), step("Deleting properties", Phase::BOSH_TASK)]
        }
    };
    let deployment = format!("service-instance_{service}");
    let order = Order {
        user: BROKER.into(),
        result: format!("/deployments/{deployment}"),
        deployment,
        description: format!("{} deployment", verb.name()),
        claim: Claim::Deployment(pace.takes(Phase::BOSH_LOCK)),
        steps,
    };
    let now = Moment::now();
    world.update(|board: &mut TaskBoard| board.order(order, now))
}

/// Ends the operations whose tasks have ended; a Cloud Controller that does not answer does not ask either.
pub(crate) fn settle(world: &World) -> Result<(), WorldError> {
    if !world.has::<Platform>() || !waits(&world.platform()?.catalog) || api(world, From::Inside)? != Api::Answers {
        return Ok(());
    }
    let board: TaskBoard = world.read()?;
    let state = |service: &ServiceInstance| {
        let task = board.task(service.operation.task?);
        match task.map(|task| task.state) {
            Some(state) if state.is_active() => None,
            Some(TaskState::Done) => Some(OperationState::Succeeded),
            _ => Some(OperationState::Failed),
        }
    };
    let at = stamp(Moment::now());
    world.change_platform(|platform| {
        let services = &mut platform.catalog.services;
        services.retain_mut(|service| {
            let Some(state) = state(service) else { return true };
            service.operation.end(state, &at);
            (service.operation.verb, state) != (Verb::Delete, OperationState::Succeeded)
        });
    })
}

fn waits(catalog: &Catalog) -> bool {
    catalog.services.iter().any(|service| service.operation.task.is_some())
}
