//! Situations in which a foundation may be found, which can be broken into a world and mended again.

mod platform;
mod trouble;

use std::fmt;
use std::fs;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::director::{Director, Reachability};
use crate::opsman::{Change, Installation, OpsManager};
use crate::suggest::hint;
use crate::tasks::{TaskBoard, TaskState};
use crate::vm::{DIRECTOR_JOB, Holder, Job, LOCK_JOB};
use crate::world::{Part, Settings, World, WorldError};

pub use platform::Unrest;
pub(crate) use trouble::RESURRECTOR;
pub use trouble::{Place, Trouble};

/// How many bytes of artifacts fit on a disk that is full.
const FULL_DISK: u64 = 4 * 1024;

/// Somebody else who uses the director.
pub(crate) const FOREIGN_USER: &str = "healthwatch";

/// The task on whose behalf somebody else locks a deployment.
const FOREIGN_LOCKER: &str = "99";

/// A situation of the foundation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Situation {
    /// A product was changed in Ops Manager and not applied.
    PendingChanges,
    /// Ops Manager is applying changes.
    ApplyChangesRunning,
    /// The director works on somebody else's task.
    ForeignTask,
    /// A deployment is locked by somebody else.
    ForeignLock,
    /// bbr's directory lies on the director's VM, and nobody knows whose it is.
    Leftover,
    /// A second operator's backup is running: their lock, their directory.
    SecondOperator,
    /// There is hardly any room for artifacts.
    DiskFull,
    /// Nothing answers at the director's address.
    Unreachable,
    /// The disk of artifacts changes what is written to it, after bbr has looked at it.
    BadDisk,
    /// The named job has no bbr scripts.
    MissingJob(String),
    /// Something is wrong with an instance, or with all of a group.
    Of(Trouble, Place),
    /// Something is wrong with the platform.
    Platform(Unrest),
}

impl Situation {
    const PLAIN: [(&'static str, Situation); 9] = [
        ("apply-changes-running", Situation::ApplyChangesRunning),
        ("bad-disk", Situation::BadDisk),
        ("disk-full", Situation::DiskFull),
        ("foreign-lock", Situation::ForeignLock),
        ("foreign-task", Situation::ForeignTask),
        ("leftover", Situation::Leftover),
        ("pending-changes", Situation::PendingChanges),
        ("second-operator", Situation::SecondOperator),
        ("unreachable", Situation::Unreachable),
    ];

    /// Returns the names of all situations; `missing-job` is followed by a job, a trouble by a place.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let troubles = Trouble::ALL.iter().map(|(name, _)| *name);
        Situation::PLAIN
            .iter()
            .map(|(name, _)| *name)
            .chain(["missing-job"])
            .chain(troubles)
            .chain(Unrest::ALL.iter().map(|(name, _)| *name))
    }

    /// Brings the situation about; breaking twice is breaking once.
    pub fn bring_about(&self, world: &World) -> Result<(), WorldError> {
        if world.read::<Situations>()?.holds(self) {
            return Ok(());
        }
        self.change(world, Wanted::Broken)?;
        world.update(|situations: &mut Situations| situations.0.push(self.clone()))
    }

    /// Undoes the situation.
    pub fn mend(&self, world: &World) -> Result<(), WorldError> {
        self.change(world, Wanted::Mended)?;
        world.update(|situations: &mut Situations| situations.0.retain(|held| held != self))
    }

    /// Returns whether it befell deployments, and is gone when they are made anew.
    pub(crate) fn is_of_deployments(&self) -> bool {
        matches!(self, Situation::Of(..) | Situation::Platform(_))
    }

    fn change(&self, world: &World, wanted: Wanted) -> Result<(), WorldError> {
        match self {
            Situation::PendingChanges => stage(world, wanted),
            Situation::ApplyChangesRunning => install(world, wanted),
            Situation::ForeignTask => occupy(world, wanted),
            Situation::ForeignLock => lock(world, wanted),
            Situation::Leftover => leave_over(world, wanted),
            Situation::SecondOperator => invade(world, wanted),
            Situation::DiskFull => fill(world, wanted),
            Situation::Unreachable => cut_off(world, wanted),
            // bbr asks whether it holds.
            Situation::BadDisk => Ok(()),
            Situation::MissingJob(job) => match wanted {
                Wanted::Broken => world.vm().uninstall(job),
                Wanted::Mended => world.vm().install(job),
            },
            Situation::Of(trouble, place) => trouble.change(world, place, wanted),
            Situation::Platform(unrest) => unrest.change(world, wanted),
        }
    }
}

/// The two ways in which a situation changes a world.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Broken,
    Mended,
}

fn stage(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let change = if wanted == Wanted::Broken { Change::Update } else { Change::Unchanged };
    world.update(|opsman: &mut OpsManager| opsman.stage(change))
}

fn install(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let now = Moment::now().format("%Y-%m-%dT%H:%M:%S.%3fZ");
    world.update(|opsman: &mut OpsManager| match wanted {
        Wanted::Broken => opsman.installations.insert(0, running(opsman.installations.len(), now)),
        Wanted::Mended => {
            for installation in opsman.installations.iter_mut().filter(|one| one.status == "running") {
                installation.status = "succeeded".into();
                installation.finished_at = Some(now.clone());
            }
        }
    })
}

fn running(earlier: usize, started_at: String) -> Installation {
    let id = u32::try_from(earlier + 1).expect("few installations were recorded");
    Installation { id, user: "admin".into(), status: "running".into(), started_at, finished_at: None }
}

fn occupy(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let now = Moment::now();
    world.update(|board: &mut TaskBoard| match wanted {
        Wanted::Broken => drop(board.begin(FOREIGN_USER, "bosh-health", "create deployment", now)),
        Wanted::Mended => finish_foreign(board, now),
    })
}

fn lock(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let now = Moment::now();
    let foundation = world.foundation()?;
    let deployment = foundation.deployments.first().map_or("cf", |deployment| deployment.name.as_str());
    world.update(|board: &mut TaskBoard| match wanted {
        Wanted::Broken => board.lock(deployment, FOREIGN_LOCKER, now),
        Wanted::Mended => {
            board.locks.retain(|lock| lock.task_id != FOREIGN_LOCKER);
            board.promote(now);
        }
    })
}

fn finish_foreign(board: &mut TaskBoard, now: Moment) {
    let foreign: Vec<u32> = board.active().filter(|task| task.user == FOREIGN_USER).map(|task| task.id).collect();
    for id in foreign {
        board.finish(id, TaskState::Done, now);
    }
}

fn leave_over(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let vm = world.vm();
    match wanted {
        Wanted::Broken => vm.begin_job(DIRECTOR_JOB, &Holder::Unknown),
        Wanted::Mended => vm.remove_backup_directory(),
    }
}

fn invade(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let vm = world.vm();
    match wanted {
        Wanted::Broken => {
            vm.begin_job(DIRECTOR_JOB, &Holder::SecondOperator)?;
            let copied = vm.back_up(DIRECTOR_JOB, "postgres/bosh.sql", "bosh-director-artifact-file");
            copied.map_err(|source| WorldError::io("copy to", &vm.backup_directory(), source))?;
            let marker = second_operator_marker(world);
            fs::write(&marker, "my backup is running\n").map_err(|source| WorldError::io("write", &marker, source))?;
            vm.lock(LOCK_JOB, &Holder::SecondOperator)
        }
        Wanted::Mended => {
            vm.remove_backup_directory()?;
            vm.unlock(LOCK_JOB)
        }
    }
}

/// Returns the file by which a test sees whether the second operator's backup was left alone.
pub(crate) fn second_operator_marker(world: &World) -> std::path::PathBuf {
    world.vm().backup_directory().join("second-operator-was-here")
}

fn fill(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let space = (wanted == Wanted::Broken).then_some(FULL_DISK);
    world.update(|settings: &mut Settings| settings.artifact_space = space)
}

fn cut_off(world: &World, wanted: Wanted) -> Result<(), WorldError> {
    let reachability = match wanted {
        Wanted::Broken => Reachability::Unreachable,
        Wanted::Mended => Reachability::Reachable,
    };
    world.update(|director: &mut Director| director.reachability = reachability)
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Situation::MissingJob(job) => return write!(f, "missing-job {job}"),
            Situation::Of(trouble, place) => {
                let named = Trouble::ALL.iter().find(|(_, known)| known == trouble);
                return write!(f, "{} {place}", named.expect("every trouble is in the table").0);
            }
            Situation::Platform(unrest) => {
                let named = Unrest::ALL.iter().find(|(_, known)| known == unrest);
                return f.write_str(named.expect("every unrest is in the table").0);
            }
            _ => {}
        }
        let named = Situation::PLAIN.iter().find(|(_, situation)| situation == self);
        f.write_str(named.expect("every situation without data is in the table").0)
    }
}

/// A name that is no situation.
#[derive(Debug, thiserror::Error)]
pub enum UnknownSituation {
    /// No situation has this name.
    #[error("no situation is called `{name}`{}; the situations are {}", hint(name, Situation::names()), known())]
    Name {
        /// The name that was given.
        name: String,
    },
    /// `missing-job` needs the name of a job that bbr backs up.
    #[error("no job is called `{name}`{}", hint(name, jobs()))]
    Job {
        /// The name that was given.
        name: String,
    },
    /// A trouble needs the instance that it befalls.
    #[error("`{trouble}` needs an instance: GROUP/INDEX, GROUP/ID, GROUP, or DEPLOYMENT:GROUP/INDEX")]
    Place {
        /// The name of the trouble.
        trouble: &'static str,
    },
}

fn known() -> String {
    Situation::names().collect::<Vec<_>>().join(", ")
}

fn jobs() -> impl Iterator<Item = &'static str> {
    Job::ALL.into_iter().map(|job| job.name)
}

impl FromStr for Situation {
    type Err = UnknownSituation;

    fn from_str(text: &str) -> Result<Situation, UnknownSituation> {
        if let Some(job) = text.strip_prefix("missing-job") {
            let job = job.trim().to_owned();
            return if Job::named(&job).is_some() {
                Ok(Situation::MissingJob(job))
            } else {
                Err(UnknownSituation::Job { name: job })
            };
        }
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        if let Some((name, trouble)) = Trouble::ALL.into_iter().find(|(known, _)| *known == name) {
            let place = Place::parse(rest.trim()).ok_or(UnknownSituation::Place { trouble: name })?;
            return Ok(Situation::Of(trouble, place));
        }
        if let Some((_, unrest)) = Unrest::ALL.into_iter().find(|(known, _)| *known == text) {
            return Ok(Situation::Platform(unrest));
        }
        let named = Situation::PLAIN.into_iter().find(|(name, _)| *name == text);
        named.map(|(_, situation)| situation).ok_or_else(|| UnknownSituation::Name { name: text.to_owned() })
    }
}

impl TryFrom<String> for Situation {
    type Error = UnknownSituation;

    fn try_from(text: String) -> Result<Situation, UnknownSituation> {
        text.parse()
    }
}

impl From<Situation> for String {
    fn from(situation: Situation) -> String {
        situation.to_string()
    }
}

/// The situations that were brought about and not mended.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Situations(Vec<Situation>);

impl Part for Situations {
    const FILE: &'static str = "situations.json";
}

impl Situations {
    pub(crate) fn holds(&self, situation: &Situation) -> bool {
        self.0.contains(situation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Situation> {
        self.0.iter()
    }
}
