//! Persistent disks: as the infrastructure has them, and as the director remembers them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;

use super::instance::{InstanceId, VmCid};

/// The cloud id of a disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DiskCid(pub(crate) String);

impl fmt::Display for DiskCid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A persistent disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Disk {
    pub(crate) cid: DiskCid,
    pub(crate) size_mb: u64,
    /// Whether the infrastructure has it.
    pub(crate) exists_in_iaas: bool,
    /// The VM to which the infrastructure has attached it.
    pub(crate) attached_to: Option<VmCid>,
    pub(crate) standing: Standing,
    /// Whether nothing more fits on it.
    #[serde(default)]
    pub(crate) is_full: bool,
}

/// What the director remembers of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// An instance refers to it.
    Active,
    /// An instance had it before a migration that was not finished.
    Inactive(InstanceId),
    /// It was detached, and is kept for five days.
    Orphaned(Orphan),
    /// The director has destroyed it.
    Destroyed(Content),
}

impl Standing {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Inactive(_) => "inactive",
            Standing::Orphaned(_) => "orphaned",
            Standing::Destroyed(_) => "destroyed",
        }
    }
}

/// Where an orphaned disk came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orphan {
    pub(crate) deployment: String,
    /// `GROUP/ID`.
    pub(crate) instance: String,
    pub(crate) az: String,
    /// Since when, in milliseconds since 1970.
    pub(crate) since_ms: i64,
    /// Whether what lay on it was copied to the disk that came after it.
    #[serde(default)]
    pub(crate) is_copied: bool,
}

/// What became of that which lay on a destroyed disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    /// It lies elsewhere, or had been lost before.
    Kept,
    /// It was the only one, of this instance.
    Gone(String),
}

/// How long the director remembers an orphan before it destroys it.
const KEPT: Duration = Duration::from_hours(5 * 24);

impl Orphan {
    pub(crate) fn since(&self) -> Moment {
        Moment::from_millis(self.since_ms)
    }

    /// Returns whether it has been one for longer than the director keeps them.
    pub(crate) fn is_expired(&self, now: Moment) -> bool {
        now.since(self.since()) > KEPT
    }
}

impl Disk {
    /// Returns what the director remembers of it as an orphan.
    pub(crate) fn orphan(&self) -> Option<&Orphan> {
        match &self.standing {
            Standing::Orphaned(orphan) => Some(orphan),
            Standing::Active | Standing::Inactive(_) | Standing::Destroyed(_) => None,
        }
    }
}
