//! The load balancer in front of the platform: whom it lets through.

use serde::{Deserialize, Serialize};

use crate::world::{World, WorldError};

/// Where a request to the platform comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// A client of the platform.
    Outside,
    /// A VM of the platform that calls the platform's public address.
    Inside,
}

/// Whom the load balancer lets through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LoadBalancer {
    #[default]
    Open,
    /// Only the platform's own VMs get through.
    ClientsBlocked,
    /// Nobody gets through, which makes the platform's own checks of its public address fail.
    AllBlocked,
}

impl LoadBalancer {
    pub(crate) fn lets_through(self, from: From) -> bool {
        match self {
            LoadBalancer::Open => true,
            LoadBalancer::ClientsBlocked => from == From::Inside,
            LoadBalancer::AllBlocked => false,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            LoadBalancer::Open => "open",
            LoadBalancer::ClientsBlocked => "clients blocked",
            LoadBalancer::AllBlocked => "all blocked",
        }
    }
}

/// Sets whom the load balancer lets through.
pub(crate) fn set(world: &World, balancer: LoadBalancer) -> Result<(), WorldError> {
    world.change_platform(|platform| platform.balancer = balancer)
}
