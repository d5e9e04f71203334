//! How long each phase of a stand-in takes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time;

use firedrill_model::units::Duration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock;
use crate::suggest::hint;
use crate::world::{Settings, World, WorldError};

/// The environment variable that overrides the world's pace in real time, in milliseconds per phase.
const PACE_VARIABLE: &str = "FIREDRILL_SANDBOX_PACE";

/// How much content the durations of phases are meant for that depend on it.
const USUAL_BYTES: u64 = Settings::DEFAULT_STORE_BYTES;

/// A phase of a stand-in that takes time: a word such as `bbr.backup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase(&'static str);

impl Phase {
    /// bbr's SSH session and its look for scripts.
    pub const CONNECT: Phase = Phase("bbr.connect");
    /// bbr's checks before a backup.
    pub const CHECK: Phase = Phase("bbr.pre-backup-check");
    /// The lock script.
    pub const LOCK: Phase = Phase("bbr.lock");
    /// The backup scripts of all jobs, which run at the same time.
    pub const BACKUP: Phase = Phase("bbr.backup");
    /// The unlock script.
    pub const UNLOCK: Phase = Phase("bbr.unlock");
    /// The copy of a store of the default size from the VM; another size takes more or less.
    pub const DRAIN: Phase = Phase("bbr.drain");
    /// The checksums of a store of the default size; another size takes more or less.
    pub const CHECKSUM: Phase = Phase("bbr.checksum");
    /// The removal of bbr's directory on the VM.
    pub const CLEANUP: Phase = Phase("bbr.cleanup");
    /// The copy of a store of the default size to the VM; another size takes more or less.
    pub const UPLOAD: Phase = Phase("bbr.upload");
    /// The restore script of one job; they run one after another.
    pub const RESTORE: Phase = Phase("bbr.restore");
    /// The lock scripts of a deployment that need not wait for each other.
    pub const DEPLOYMENT_LOCK: Phase = Phase("bbr.deployment.lock");
    /// The backup scripts of a deployment, which run at the same time.
    pub const DEPLOYMENT_BACKUP: Phase = Phase("bbr.deployment.backup");
    /// The unlock scripts of a deployment that need not wait for each other.
    pub const DEPLOYMENT_UNLOCK: Phase = Phase("bbr.deployment.unlock");
    /// The restore script of one job of a deployment; they run one after another.
    pub const DEPLOYMENT_RESTORE: Phase = Phase("bbr.deployment.restore");
    /// A question to the director.
    pub const BOSH_QUERY: Phase = Phase("bosh.query");
    /// A task of the director that the client waits for.
    pub const BOSH_TASK: Phase = Phase("bosh.task");
    /// Cloud check's look at every VM and disk.
    pub const BOSH_SCAN: Phase = Phase("bosh.scan");
    /// A change of a record, a disk or a VM that is not created anew.
    pub const BOSH_REPAIR: Phase = Phase("bosh.repair");
    /// The preparation of a deploy: manifest, packages, templates.
    pub const BOSH_PREPARE: Phase = Phase("bosh.prepare");
    /// The update of one instance, until its processes run.
    pub const BOSH_UPDATE: Phase = Phase("bosh.update-instance");
    /// The creation of a VM.
    pub const BOSH_RECREATE: Phase = Phase("bosh.recreate-vm");
    /// The copy of a persistent disk to another one.
    pub const BOSH_COPY_DISK: Phase = Phase("bosh.copy-disk");
    /// How long the director waits for drain scripts that do not end.
    pub const BOSH_DRAIN: Phase = Phase("bosh.drain");
    /// How long the director waits for an agent that does not answer.
    pub const BOSH_AGENT: Phase = Phase("bosh.agent");
    /// How long a task waits for the lock of its deployment.
    pub const BOSH_LOCK: Phase = Phase("bosh.lock");
    /// An errand.
    pub const BOSH_ERRAND: Phase = Phase("bosh.errand");
    /// The director's preparation of an SSH session, and its end.
    pub const BOSH_SSH: Phase = Phase("bosh.ssh");
    /// The copy of a file to or from a VM.
    pub const BOSH_COPY: Phase = Phase("bosh.scp");
    /// monit's start or stop of processes, until it is done.
    pub const MONIT: Phase = Phase("vm.monit");
    /// A question to the platform's API.
    pub const CF_QUERY: Phase = Phase("cf.query");
    /// The upload and the staging of an app.
    pub const CF_PUSH: Phase = Phase("cf.push");
    /// The start of an app.
    pub const CF_START: Phase = Phase("cf.start");
    /// A request over HTTP.
    pub const CURL: Phase = Phase("curl");
    /// A change of the load balancer.
    pub const BALANCER: Phase = Phase("lb");
    /// A look at every node of the database cluster.
    pub const MYSQL_DIAG: Phase = Phase("mysql-diag");
    /// Apply Changes for the director alone.
    pub const APPLY_DIRECTOR: Phase = Phase("om.apply-director");
    /// Apply Changes for one product.
    pub const APPLY_PRODUCT: Phase = Phase("om.apply-product");
    /// A question to Ops Manager.
    pub const OM_QUERY: Phase = Phase("om.query");
    /// The export of the installation.
    pub const EXPORT: Phase = Phase("om.export-installation");

    /// Every phase, sorted by program and then in the order of their work, with how many seconds it takes.
    const TABLE: [(Phase, u64); 39] = [
        (Phase::CONNECT, 2),
        (Phase::CHECK, 6),
        (Phase::LOCK, 20),
        (Phase::BACKUP, 6 * 60),
        (Phase::UNLOCK, 15),
        (Phase::DRAIN, 4 * 60),
        (Phase::CHECKSUM, 30),
        (Phase::CLEANUP, 10),
        (Phase::UPLOAD, 4 * 60),
        (Phase::RESTORE, 3 * 60),
        (Phase::DEPLOYMENT_LOCK, 15),
        (Phase::DEPLOYMENT_BACKUP, 8 * 60),
        (Phase::DEPLOYMENT_UNLOCK, 90),
        (Phase::DEPLOYMENT_RESTORE, 2 * 60),
        (Phase::BOSH_QUERY, 1),
        (Phase::BOSH_TASK, 2),
        (Phase::BOSH_SCAN, 30),
        (Phase::BOSH_REPAIR, 60),
        (Phase::BOSH_PREPARE, 60),
        (Phase::BOSH_UPDATE, 120),
        (Phase::BOSH_RECREATE, 240),
        (Phase::BOSH_COPY_DISK, 480),
        (Phase::BOSH_DRAIN, 1200),
        (Phase::BOSH_AGENT, 45),
        (Phase::BOSH_LOCK, 300),
        (Phase::BOSH_ERRAND, 180),
        (Phase::BOSH_SSH, 3),
        (Phase::BOSH_COPY, 5),
        (Phase::CF_QUERY, 1),
        (Phase::CF_PUSH, 75),
        (Phase::CF_START, 30),
        (Phase::CURL, 1),
        (Phase::BALANCER, 5),
        (Phase::MYSQL_DIAG, 5),
        (Phase::APPLY_DIRECTOR, 10 * 60),
        (Phase::APPLY_PRODUCT, 45 * 60),
        (Phase::OM_QUERY, 2),
        (Phase::EXPORT, 3 * 60),
        (Phase::MONIT, 20),
    ];

    /// Returns every phase.
    pub fn all() -> impl Iterator<Item = Phase> {
        Phase::TABLE.into_iter().map(|(phase, _)| phase)
    }

    /// Returns the phase's name.
    pub fn name(self) -> &'static str {
        self.0
    }

    fn usual(self) -> Duration {
        let usual = Phase::TABLE.into_iter().find(|(phase, _)| *phase == self);
        Duration::from_secs(usual.expect("every phase is in the table").1)
    }
}

/// A name that is no phase.
#[derive(Debug, thiserror::Error)]
#[error("no phase is called `{name}`{}; the phases are {}", hint(name, names()), names().collect::<Vec<_>>().join(", "))]
pub struct UnknownPhase {
    name: String,
}

fn names() -> impl Iterator<Item = &'static str> {
    Phase::all().map(Phase::name)
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(name: &str) -> Result<Phase, UnknownPhase> {
        Phase::all().find(|phase| phase.0 == name).ok_or_else(|| UnknownPhase { name: name.to_owned() })
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Phase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Phase, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How long the phases of a world take in virtual time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Durations(BTreeMap<Phase, Duration>);

impl Durations {
    /// Sets how long a phase takes.
    pub fn set(&mut self, phase: Phase, takes: Duration) {
        self.0.insert(phase, takes);
    }

    /// Returns how long a phase takes: what was set, or what it usually takes.
    pub fn of(&self, phase: Phase) -> Duration {
        self.0.get(&phase).copied().unwrap_or_else(|| phase.usual())
    }
}

/// How fast the stand-ins of a world are, in the time that they live in.
#[derive(Debug, Clone)]
pub(crate) enum Pace {
    /// Real time: every phase takes as long as any other.
    Even(time::Duration),
    /// Virtual time.
    Realistic(Durations),
}

impl Pace {
    pub(crate) fn of(world: &World) -> Result<Pace, WorldError> {
        let settings: Settings = world.read()?;
        if clock::is_virtual() {
            return Ok(Pace::Realistic(settings.durations));
        }
        let wished = std::env::var(PACE_VARIABLE).ok().and_then(|text| text.parse().ok());
        Ok(Pace::Even(time::Duration::from_millis(wished.unwrap_or(settings.pace_ms))))
    }

    /// Lets the time of a phase pass. Nobody may hold the world's lock meanwhile.
    pub(crate) fn pass(&self, phase: Phase) {
        self.pass_for(phase, USUAL_BYTES);
    }

    /// Returns how long a phase takes.
    pub(crate) fn takes(&self, phase: Phase) -> time::Duration {
        match self {
            Pace::Even(each) => *each,
            Pace::Realistic(durations) => durations.of(phase).as_std(),
        }
    }

    /// Lets the time of a phase pass that depends on how many bytes are read.
    pub(crate) fn pass_for(&self, phase: Phase, bytes: u64) {
        let nanos = self.takes(phase).as_nanos() * u128::from(bytes) / u128::from(USUAL_BYTES);
        clock::pause(time::Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
    }
}
