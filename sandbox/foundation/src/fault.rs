//! Faults that are set at points of the stand-ins.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::suggest::hint;
use crate::world::Part;

/// A place in a stand-in where a fault can be set: `PROGRAM.SUBCOMMAND`, or a phase of bbr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultPoint(&'static str);

impl FaultPoint {
    /// The lock script of bbr.
    pub const LOCK: FaultPoint = FaultPoint("bbr.lock");
    /// The backup script of bbr; of the director's job.
    pub const BACKUP: FaultPoint = FaultPoint("bbr.backup");
    /// The unlock script of bbr.
    pub const UNLOCK: FaultPoint = FaultPoint("bbr.unlock");
    /// The copy of the artifact to where bbr runs.
    pub const DRAIN: FaultPoint = FaultPoint("bbr.drain");
    /// The removal of bbr's directory on the VM.
    pub const CLEANUP: FaultPoint = FaultPoint("bbr.cleanup");
    /// The restore script of bbr; of the director's job.
    pub const RESTORE: FaultPoint = FaultPoint("bbr.restore");
    /// The export of the installation, after half of it was written.
    pub const EXPORT: FaultPoint = FaultPoint("om.export-installation");

    /// A step of a task with which the director changes something.
    pub const TASK: FaultPoint = FaultPoint("bosh.task-step");

    /// The script of an errand; its exit status is the errand's.
    pub const ERRAND: FaultPoint = FaultPoint("bosh.errand");

    /// The first lock script of bbr on a deployment.
    pub const DEPLOYMENT_LOCK: FaultPoint = FaultPoint("bbr.deployment.lock");
    /// The first backup script of bbr on a deployment.
    pub const DEPLOYMENT_BACKUP: FaultPoint = FaultPoint("bbr.deployment.backup-script");
    /// The first unlock script of bbr on a deployment.
    pub const DEPLOYMENT_UNLOCK: FaultPoint = FaultPoint("bbr.deployment.unlock");
    /// The copy of the first artifact of a deployment to where bbr runs.
    pub const DEPLOYMENT_DRAIN: FaultPoint = FaultPoint("bbr.deployment.drain");
    /// The removal of bbr's directory on the first VM of a deployment.
    pub const DEPLOYMENT_CLEANUP: FaultPoint = FaultPoint("bbr.deployment.cleanup");
    /// The first restore script of bbr on a deployment.
    pub const DEPLOYMENT_RESTORE: FaultPoint = FaultPoint("bbr.deployment.restore-script");

    /// The look at the nodes of the database cluster.
    pub const MYSQL_DIAG: FaultPoint = FaultPoint("mysql-diag.run");

    /// The upload of an app.
    pub const CF_PUSH: FaultPoint = FaultPoint("cf.push");

    /// Every point, sorted. Exit statuses given to the phases of bbr are those of a script on the VM, and bbr's own
    /// follows its bits; anywhere else they are the program's.
    pub const ALL: [FaultPoint; 120] = [
        FaultPoint::BACKUP,
        FaultPoint("bbr.backup-cleanup"),
        FaultPoint::CLEANUP,
        FaultPoint("bbr.deployment"),
        FaultPoint("bbr.deployment.backup"),
        FaultPoint("bbr.deployment.backup-cleanup"),
        FaultPoint::DEPLOYMENT_BACKUP,
        FaultPoint::DEPLOYMENT_CLEANUP,
        FaultPoint::DEPLOYMENT_DRAIN,
        FaultPoint::DEPLOYMENT_LOCK,
        FaultPoint("bbr.deployment.pre-backup-check"),
        FaultPoint("bbr.deployment.restore"),
        FaultPoint("bbr.deployment.restore-cleanup"),
        FaultPoint::DEPLOYMENT_RESTORE,
        FaultPoint::DEPLOYMENT_UNLOCK,
        FaultPoint::DRAIN,
        FaultPoint("bbr.help"),
        FaultPoint::LOCK,
        FaultPoint("bbr.pre-backup-check"),
        FaultPoint::RESTORE,
        FaultPoint("bbr.restore-cleanup"),
        FaultPoint::UNLOCK,
        FaultPoint("bbr.version"),
        FaultPoint("bosh.attach-disk"),
        FaultPoint("bosh.cancel-task"),
        FaultPoint("bosh.clean-up"),
        FaultPoint("bosh.cloud-check"),
        FaultPoint("bosh.configs"),
        FaultPoint("bosh.create-recovery-plan"),
        FaultPoint("bosh.delete-disk"),
        FaultPoint("bosh.deploy"),
        FaultPoint("bosh.deployments"),
        FaultPoint("bosh.disks"),
        FaultPoint("bosh.env"),
        FaultPoint::ERRAND,
        FaultPoint("bosh.errands"),
        FaultPoint("bosh.events"),
        FaultPoint("bosh.ignore"),
        FaultPoint("bosh.instances"),
        FaultPoint("bosh.locks"),
        FaultPoint("bosh.manifest"),
        FaultPoint("bosh.orphan-disk"),
        FaultPoint("bosh.recover"),
        FaultPoint("bosh.recreate"),
        FaultPoint("bosh.releases"),
        FaultPoint("bosh.restart"),
        FaultPoint("bosh.run-errand"),
        FaultPoint("bosh.scp"),
        FaultPoint("bosh.ssh"),
        FaultPoint("bosh.start"),
        FaultPoint("bosh.stemcells"),
        FaultPoint("bosh.stop"),
        FaultPoint("bosh.task"),
        FaultPoint::TASK,
        FaultPoint("bosh.tasks"),
        FaultPoint("bosh.unignore"),
        FaultPoint("bosh.update-resurrection"),
        FaultPoint("bosh.version"),
        FaultPoint("bosh.vms"),
        FaultPoint("cf.api"),
        FaultPoint("cf.app"),
        FaultPoint("cf.apps"),
        FaultPoint("cf.auth"),
        FaultPoint("cf.create-isolation-segment"),
        FaultPoint("cf.create-service"),
        FaultPoint("cf.create-service-broker"),
        FaultPoint("cf.curl"),
        FaultPoint("cf.delete"),
        FaultPoint("cf.delete-isolation-segment"),
        FaultPoint("cf.delete-service"),
        FaultPoint("cf.delete-service-broker"),
        FaultPoint("cf.disable-feature-flag"),
        FaultPoint("cf.disable-org-isolation"),
        FaultPoint("cf.disable-service-access"),
        FaultPoint("cf.enable-feature-flag"),
        FaultPoint("cf.enable-org-isolation"),
        FaultPoint("cf.enable-service-access"),
        FaultPoint("cf.feature-flag"),
        FaultPoint("cf.feature-flags"),
        FaultPoint("cf.isolation-segments"),
        FaultPoint("cf.login"),
        FaultPoint("cf.logout"),
        FaultPoint("cf.orgs"),
        FaultPoint("cf.purge-service-instance"),
        FaultPoint::CF_PUSH,
        FaultPoint("cf.reset-org-default-isolation-segment"),
        FaultPoint("cf.reset-space-isolation-segment"),
        FaultPoint("cf.restage"),
        FaultPoint("cf.restart"),
        FaultPoint("cf.scale"),
        FaultPoint("cf.service"),
        FaultPoint("cf.service-access"),
        FaultPoint("cf.service-brokers"),
        FaultPoint("cf.services"),
        FaultPoint("cf.set-org-default-isolation-segment"),
        FaultPoint("cf.set-space-isolation-segment"),
        FaultPoint("cf.spaces"),
        FaultPoint("cf.start"),
        FaultPoint("cf.stop"),
        FaultPoint("cf.target"),
        FaultPoint("cf.update-service-broker"),
        FaultPoint("curl.request"),
        FaultPoint("lb.allow"),
        FaultPoint("lb.block"),
        FaultPoint("lb.status"),
        FaultPoint::MYSQL_DIAG,
        FaultPoint("om.apply-changes"),
        FaultPoint("om.bosh-diff"),
        FaultPoint("om.bosh-env"),
        FaultPoint("om.credentials"),
        FaultPoint("om.curl"),
        FaultPoint("om.deployed-manifest"),
        FaultPoint("om.deployed-products"),
        FaultPoint::EXPORT,
        FaultPoint("om.installations"),
        FaultPoint("om.pending-changes"),
        FaultPoint("om.products"),
        FaultPoint("om.staged-manifest"),
        FaultPoint("om.staged-products"),
        FaultPoint("om.version"),
    ];

    /// Returns the point's name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Returns the point that stands for a whole subcommand, `None` where a fault strikes a phase within.
    pub(crate) fn of_subcommand(key: &str) -> Option<FaultPoint> {
        let phases = [FaultPoint::BACKUP, FaultPoint::RESTORE, FaultPoint::EXPORT, FaultPoint::CF_PUSH];
        FaultPoint::ALL.into_iter().find(|point| point.0 == key && !phases.contains(point))
    }
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A name that is no fault point.
#[derive(Debug, thiserror::Error)]
#[error("no fault point is called `{name}`{}; the points are {}", hint(name, names()), names().collect::<Vec<_>>().join(", "))]
pub struct UnknownPoint {
    name: String,
}

fn names() -> impl Iterator<Item = &'static str> {
    FaultPoint::ALL.into_iter().map(FaultPoint::name)
}

impl FromStr for FaultPoint {
    type Err = UnknownPoint;

    fn from_str(name: &str) -> Result<FaultPoint, UnknownPoint> {
        let found = FaultPoint::ALL.into_iter().find(|point| point.0 == name);
        found.ok_or_else(|| UnknownPoint { name: name.to_owned() })
    }
}

impl Serialize for FaultPoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for FaultPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FaultPoint, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A fault at a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Where it strikes.
    pub point: FaultPoint,
    /// The exit status that it causes.
    pub exit: u8,
    /// How often it strikes; `None` is always.
    pub times: Option<u32>,
    /// What is said on standard error.
    pub text: Option<String>,
    /// How often it struck.
    #[serde(default)]
    pub struck: u32,
}

impl Fault {
    /// Returns a fault that always strikes.
    pub fn new(point: FaultPoint, exit: u8) -> Fault {
        Fault { point, exit, times: None, text: None, struck: 0 }
    }

    /// Returns the same fault, which strikes only so often.
    #[must_use]
    pub fn times(self, times: u32) -> Fault {
        Fault { times: Some(times), ..self }
    }

    /// Returns what the fault says; `at` names the place if it was given no text.
    pub(crate) fn said(&self, at: &str) -> String {
        self.text.clone().unwrap_or_else(|| format!("injected fault in {at}"))
    }

    /// Returns how often it will still strike; `None` is always.
    pub fn left(&self) -> Option<u32> {
        self.times.map(|times| times.saturating_sub(self.struck))
    }

    /// Returns whether it struck less often than it was set to.
    pub fn is_half_used(&self) -> bool {
        self.struck > 0 && self.left().is_some_and(|left| left > 0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} exits {}", self.point, self.exit)?;
        match self.times {
            Some(times) => write!(f, ", struck {} of {times} times", self.struck)?,
            None => write!(f, " every time, struck {} times so far", self.struck)?,
        }
        self.text.as_ref().map_or(Ok(()), |text| write!(f, ": {text}"))
    }
}

/// All faults of a world, at most one per point.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Faults(Vec<Fault>);

impl Part for Faults {
    const FILE: &'static str = "faults.json";
}

impl Faults {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    pub(crate) fn set(&mut self, fault: Fault) {
        self.clear(fault.point);
        self.0.push(fault);
        self.0.sort_by_key(|fault| fault.point);
    }

    pub(crate) fn clear(&mut self, point: FaultPoint) {
        self.0.retain(|fault| fault.point != point);
    }

    pub(crate) fn is_quiet(&self, point: FaultPoint) -> bool {
        !self.0.iter().any(|fault| fault.point == point && fault.left() != Some(0))
    }

    pub(crate) fn strike(&mut self, point: FaultPoint) -> Option<Fault> {
        let fault = self.0.iter_mut().find(|fault| fault.point == point && fault.left() != Some(0))?;
        fault.struck += 1;
        Some(fault.clone())
    }
}
