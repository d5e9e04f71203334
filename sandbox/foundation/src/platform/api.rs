//! Whether the platform's API answers, and whom.

use crate::foundation::{Foundation, ProcessState};
use crate::vm::API_JOB;
use crate::world::{World, WorldError};

use super::balancer::From;
use super::cluster;
use super::locks::is_controller;

/// The domain of the platform's own hosts.
pub(crate) const SYSTEM_DOMAIN: &str = "sys.sandbox";

/// How the platform's API meets a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Answers,
    /// The load balancer lets nobody of the caller's kind through.
    Blocked,
    /// bbr holds the lock: a page of maintenance.
    Locked,
    /// No Cloud Controller runs.
    Down,
    /// The Cloud Controller runs, and its database does not.
    NoDatabase,
}

/// Returns how a request from somewhere is met.
pub(crate) fn api(world: &World, from: From) -> Result<Api, WorldError> {
    if !world.platform()?.balancer.lets_through(from) {
        return Ok(Api::Blocked);
    }
    let foundation = world.foundation()?;
    if world.api_lock(&foundation).is_some() {
        return Ok(Api::Locked);
    }
    if !runs(&foundation) {
        return Ok(Api::Down);
    }
    Ok(if cluster::has_database(world, &foundation)? { Api::Answers } else { Api::NoDatabase })
}

/// Returns whether a Cloud Controller runs.
fn runs(foundation: &Foundation) -> bool {
    foundation.instances().map(|(_, instance)| instance).filter(|one| is_controller(one) && one.answers()).any(|one| {
        one.processes.iter().any(|process| process.name == API_JOB && process.state == ProcessState::Running)
    })
}
