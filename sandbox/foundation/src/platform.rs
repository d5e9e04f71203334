//! The platform on top of the foundation: what the Cloud Controller knows, its blobs, its databases, and who may reach it.
//!
//! Like the foundation it is one part of the world that comes into being when it is first changed.

pub(crate) mod api;
pub(crate) mod balancer;
pub(crate) mod blobstore;
pub(crate) mod catalog;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod health;
pub(crate) mod locks;
pub(crate) mod placement;
pub(crate) mod rest;
pub(crate) mod services;

use serde::{Deserialize, Serialize};

use crate::foundation::Layout;
use crate::world::{Part, Settings, World, WorldError};

pub(crate) use blobstore::{BLOBSTORE_JOB, furnish_blobstore, prepare_blobstore};
pub(crate) use catalog::Catalog;

use balancer::LoadBalancer;
use cluster::Cluster;
use health::Canary;

/// The address of the platform's API.
pub(crate) const URL: &str = "https://api.sys.sandbox";

/// The platform's administrator.
pub(crate) const USER: &str = "admin";

/// The administrator's password.
pub(crate) const PASSWORD: &str = "sandbox";

/// Everything above the foundation that is not a file on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Platform {
    /// What the Cloud Controller's database holds.
    pub(crate) catalog: Catalog,
    pub(crate) balancer: LoadBalancer,
    pub(crate) cluster: Cluster,
    pub(crate) canary: Canary,
}

impl Part for Platform {
    const FILE: &'static str = "platform.json";
}

impl Platform {
    fn first(settings: &Settings) -> Platform {
        let catalog = match settings.layout {
            Layout::Laboratory => Catalog::bare(settings.seed),
            Layout::Standard | Layout::SmallFootprint => Catalog::furnished(settings.seed),
        };
        Platform { catalog, balancer: LoadBalancer::default(), cluster: Cluster::default(), canary: Canary::default() }
    }
}

impl World {
    /// Returns the platform as it is.
    pub(crate) fn platform(&self) -> Result<Platform, WorldError> {
        if self.has::<Platform>() {
            return self.read();
        }
        Ok(Platform::first(&self.read()?))
    }

    /// Changes the platform while nobody else does.
    pub(crate) fn change_platform<R>(&self, change: impl FnOnce(&mut Platform) -> R) -> Result<R, WorldError> {
        let settings: Settings = self.read()?;
        self.update_or(|| Platform::first(&settings), change)
    }
}
