//! The world on disk: one JSON file per part, the director's VM as a real tree, keys, and the ledger.
//!
//! Stand-ins run at the same time, so a part is changed only under an exclusive lock of the world, and replaced by a
//! rename: a killed stand-in leaves the old part or the new one.

mod copy;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::STAND_INS;
use crate::artifacts::Artifacts;
use crate::director::Director;
use crate::fault::{Fault, FaultPoint, Faults};
use crate::foundation::Layout;
use crate::later::Agenda;
use crate::opsman::OpsManager;
use crate::pace::Durations;
use crate::platform;
use crate::scripts::Scripts;
use crate::situation::Situations;
use crate::tasks::TaskBoard;
use crate::vm::Vm;

const LEDGER: &str = "ledger";

/// The file whose lock is held while a part changes.
const LOCK: &str = "lock";

/// A world that cannot be made, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file of the world could not be used.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// Why it went wrong.
        source: io::Error,
    },
    /// A part of the world does not hold what it should.
    #[error("{} does not hold a part of a world: {source}", path.display())]
    Part {
        /// The file of the part.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// The folder holds no world.
    #[error("{} holds no world: make one with `firedrill sandbox`", path.display())]
    Missing {
        /// The folder that was named.
        path: PathBuf,
    },
    /// The world has no such instance.
    #[error("no instance is called `{name}`")]
    NoInstance {
        /// The name that was given.
        name: String,
    },
    /// bbr runs nothing on an instance.
    #[error("no instance that is called `{name}` has a script of bbr")]
    NoScript {
        /// The name that was given.
        name: String,
    },
    /// A new world would overwrite one.
    #[error("{} holds a world already", path.display())]
    Exists {
        /// The folder that was named.
        path: PathBuf,
    },
}

impl WorldError {
    pub(crate) fn io(verb: &'static str, path: &Path, source: io::Error) -> WorldError {
        WorldError::Io { verb, path: path.to_path_buf(), source }
    }
}

/// What is fixed when a world is created, or set for a whole rehearsal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The seed of all generated content.
    pub seed: u64,
    /// How many bytes the director stores (blobs and databases).
    pub store_bytes: u64,
    /// How long each phase of a stand-in takes in real time, in milliseconds.
    pub pace_ms: u64,
    /// How long the phases of the stand-ins take in virtual time.
    #[serde(default)]
    pub durations: Durations,
    /// How many bytes of artifacts there is room for; `None` is as many as the disk has.
    pub artifact_space: Option<u64>,
    /// Which deployments it begins with.
    #[serde(default)]
    pub layout: Layout,
}

impl Settings {
    pub(crate) const DEFAULT_STORE_BYTES: u64 = 200 * 1024;
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 1,
            store_bytes: Settings::DEFAULT_STORE_BYTES,
            pace_ms: 0,
            durations: Durations::default(),
            artifact_space: None,
            layout: Layout::default(),
        }
    }
}

/// A part of the world that is one JSON file.
pub(crate) trait Part: Serialize + DeserializeOwned {
    const FILE: &'static str;
}

impl Part for Settings {
    const FILE: &'static str = "settings.json";
}

/// A stand-in foundation on disk.
///
/// ```
/// use firedrill_foundation::World;
/// let dir = tempfile::tempdir().unwrap();
/// let world = World::create(&dir.path().join("world"), "/usr/bin/firedrill".as_ref()).unwrap();
/// assert!(world.key().is_file());
/// ```
#[derive(Debug, Clone)]
pub struct World {
    root: PathBuf,
}

impl World {
    /// Makes a healthy world at `dir`, whose `bin` folder calls `executable` by the stand-ins' names.
    ///
    /// Refuses a folder that holds a world already.
    pub fn create(dir: &Path, executable: &Path) -> Result<World, WorldError> {
        World::create_with(dir, executable, &Settings::default())
    }

    /// Makes a healthy world of a given size, seed and pace.
    pub fn create_with(dir: &Path, executable: &Path, settings: &Settings) -> Result<World, WorldError> {
        let world = World::vacant(dir)?;
        crate::install(&world.bin(), executable, &STAND_INS)?;
        create_dir(&dir.join("keys"))?;
        create_dir(&world.artifacts())?;
        write_private(&world.key(), &fake_key("the sandbox's director"))?;
        write_private(&world.wrong_key(), &fake_key("somebody else's director"))?;
        world.vm().furnish(settings)?;
        world.write(&Director::default())?;
        world.write(&TaskBoard::default())?;
        world.write(&OpsManager::default())?;
        world.write(&Faults::default())?;
        world.write(&Artifacts::default())?;
        world.write(&Situations::default())?;
        world.write(&Agenda::default())?;
        world.write(&Scripts::default())?;
        world.write(settings)?;
        Ok(world)
    }

    /// Opens the world at `dir`.
    pub fn open(dir: &Path) -> Result<World, WorldError> {
        let world = World::at(dir)?;
        if !world.part::<Settings>().exists() {
            return Err(WorldError::Missing { path: dir.to_path_buf() });
        }
        Ok(world)
    }

    /// Returns the world that can be made at `dir`.
    fn vacant(dir: &Path) -> Result<World, WorldError> {
        let world = World::at(dir)?;
        if world.part::<Settings>().exists() {
            return Err(WorldError::Exists { path: dir.to_path_buf() });
        }
        Ok(world)
    }

    fn at(dir: &Path) -> Result<World, WorldError> {
        let root = std::path::absolute(dir).map_err(|source| WorldError::io("find", dir, source))?;
        Ok(World { root })
    }

    /// Returns the world's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder that goes first in PATH.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Returns the file that every stand-in appends to.
    pub fn ledger(&self) -> PathBuf {
        self.root.join(LEDGER)
    }

    /// Returns the folder in which rehearsals keep artifacts.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// Returns the private key that the director's VM accepts.
    pub fn key(&self) -> PathBuf {
        self.root.join("keys/bbr_key")
    }

    /// Returns a private key that no VM accepts.
    pub fn wrong_key(&self) -> PathBuf {
        self.root.join("keys/wrong_key")
    }

    /// Returns the environment that a rehearsal gives to its commands: the world and how its clients reach it.
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>, WorldError> {
        let director: Director = self.read()?;
        let opsman: OpsManager = self.read()?;
        Ok(vec![
            (crate::WORLD_VARIABLE, self.root.display().to_string()),
            ("BOSH_ENVIRONMENT", director.url()),
            ("BOSH_CLIENT", director.client),
            ("BOSH_CLIENT_SECRET", director.client_secret),
            ("OM_TARGET", opsman.target),
            ("OM_USERNAME", opsman.username),
            ("OM_PASSWORD", opsman.password),
            ("CF_API", platform::URL.into()),
            ("CF_USERNAME", platform::USER.into()),
            ("CF_PASSWORD", platform::PASSWORD.into()),
        ])
    }

    /// Returns the host by which bbr reaches the director's VM.
    pub fn director_host(&self) -> Result<String, WorldError> {
        Ok(self.read::<Director>()?.host)
    }

    /// Sets a fault; an earlier one of the same point is replaced.
    pub fn set_fault(&self, fault: Fault) -> Result<(), WorldError> {
        self.update(|faults: &mut Faults| faults.set(fault))
    }

    pub(crate) fn vm(&self) -> Vm {
        Vm::at(self.root.join("vm/bosh-0"))
    }

    /// Returns whether a fault would strike at `point`.
    pub(crate) fn awaits(&self, point: FaultPoint) -> Result<bool, WorldError> {
        Ok(!self.read::<Faults>()?.is_quiet(point))
    }

    /// Returns the fault that strikes at `point`, and counts that it did.
    pub(crate) fn strike(&self, point: FaultPoint) -> Result<Option<Fault>, WorldError> {
        if !self.awaits(point)? {
            return Ok(None);
        }
        self.update(|faults: &mut Faults| faults.strike(point))
    }

    pub(crate) fn read<T: Part>(&self) -> Result<T, WorldError> {
        let path = self.part::<T>();
        let text = fs::read(&path).map_err(|source| WorldError::io("read", &path, source))?;
        serde_json::from_slice(&text).map_err(|source| WorldError::Part { path, source })
    }

    /// Takes the lock of a file of the world, and holds it for as long as the file is open.
    pub(crate) fn alone_in(&self, name: &str) -> Result<File, WorldError> {
        let path = self.root.join(name);
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(|source| WorldError::io("open", &path, source))?;
        file.lock().map_err(|source| WorldError::io("lock", &path, source))?;
        Ok(file)
    }

    /// Begins anew with other deployments: what was done to those of before, and is to be done, is forgotten.
    pub(crate) fn lay_out(&self, layout: Layout) -> Result<(), WorldError> {
        let broken: Situations = self.read()?;
        broken.iter().filter(|one| !one.is_of_deployments()).try_for_each(|situation| situation.mend(self))?;
        self.write(&Situations::default())?;
        self.write(&Agenda::default())?;
        self.write(&Scripts::default())?;
        self.write(&TaskBoard::default())?;
        self.update(|settings: &mut Settings| settings.layout = layout)?;
        self.forget_foundation()
    }

    /// Returns whether a part was written.
    pub(crate) fn has<T: Part>(&self) -> bool {
        self.part::<T>().exists()
    }

    /// Reads, changes and replaces a part while nobody else does.
    pub(crate) fn update<T: Part, R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, WorldError> {
        self.replace(|| self.read(), change)
    }

    /// Does the same with a part that is only written when it differs from what it began as.
    pub(crate) fn update_or<T: Part, R>(
        &self,
        first: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WorldError> {
        self.replace(|| if self.has::<T>() { self.read() } else { Ok(first()) }, change)
    }

    fn replace<T: Part, R>(
        &self,
        before: impl FnOnce() -> Result<T, WorldError>,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WorldError> {
        let _alone = self.alone_in(LOCK)?;
        let mut part = before()?;
        let result = change(&mut part);
        self.write(&part)?;
        Ok(result)
    }

    fn write<T: Part>(&self, part: &T) -> Result<(), WorldError> {
        let path = self.part::<T>();
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let text = serde_json::to_vec_pretty(part).expect("a part has string keys and plain values");
        fs::write(&fresh, text).map_err(|source| WorldError::io("write", &fresh, source))?;
        fs::rename(&fresh, &path).map_err(|source| WorldError::io("replace", &path, source))
    }

    fn part<T: Part>(&self) -> PathBuf {
        self.root.join(T::FILE)
    }
}

fn create_dir(path: &Path) -> Result<(), WorldError> {
    fs::create_dir_all(path).map_err(|source| WorldError::io("create", path, source))
}

fn write_private(path: &Path, text: &str) -> Result<(), WorldError> {
    let write = || -> io::Result<()> {
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    };
    write().map_err(|source| WorldError::io("write", path, source))
}

fn fake_key(of: &str) -> String {
    format!("-----BEGIN RSA PRIVATE KEY-----\nthis opens nothing but {of}\n-----END RSA PRIVATE KEY-----\n")
}
