//! The run store: one private directory a run, readable with ordinary tools.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use firedrill_model::plan::Plan;
use firedrill_run::{CommandId, StepId, Verdict};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::files::{FOLDER, copy_of};
use crate::journal::{self, JournalFileError};
use crate::locks::{self, Lock, Locks};
use crate::private::copy_private;
use crate::provenance::Provenance;
use crate::rehearsal::while_nothing_starts;

pub(crate) use crate::private::{Durability, io_error, private_dir, read_json, write_json, write_private};

/// Where runs are kept.
#[derive(Clone, Debug)]
pub struct Store {
    home: PathBuf,
}

/// The directory of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    id: String,
}

/// What is fixed when a run is created, apart from its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of this form.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The playbook's name.
    pub playbook: String,
    /// The plan's digest.
    pub plan: String,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// The playbook's folder, where commands run unless they say otherwise.
    pub dir: PathBuf,
    /// The file and the state of its repository.
    pub provenance: Provenance,
    /// The environment that every command starts from.
    pub env: BTreeMap<String, String>,
    /// The world of the sandbox, if the run is against one.
    pub sandbox: Option<PathBuf>,
    /// Whether the run is a drill on a real foundation.
    #[serde(default)]
    pub drill: bool,
    /// The target's name, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The steps that whoever started it left out, with why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skips: BTreeMap<String, String>,
    /// Who started it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What `runs` shows of a run without reading its journal; rebuilt from the journal if it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The verdict.
    pub verdict: Verdict,
    /// When the run began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it came to rest, in milliseconds since 1970.
    pub rested_ms: u64,
    /// What it published, if it succeeded.
    pub outputs: BTreeMap<String, String>,
}

/// The proof that nobody else drives the run: gone when this is dropped, or with its process.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// What goes wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory of the store cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the store is not what it should be.
    #[error("{path}: {source}")]
    Json {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// There is no such run.
    #[error("there is no run `{id}` in {home}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// Where.
        home: PathBuf,
    },
    /// There is such a run already.
    #[error("there is a run `{id}` already")]
    Exists {
        /// Its id.
        id: String,
    },
    /// A name that cannot be a run's id.
    #[error("`{id}` cannot be a run's id: letters, digits, `-`, `_` and `.`, at most 100, the first a letter or digit")]
    BadId {
        /// The name.
        id: String,
    },
    /// Another engine drives the run.
    #[error("run `{id}` is being driven by another engine (process {owner})")]
    Busy {
        /// The run.
        id: String,
        /// The other engine's process, as it wrote it down.
        owner: String,
    },
    /// Another run has a lock that is wanted.
    #[error("{0}")]
    Locked(Box<Lock>),
    /// Others may change the store.
    #[error("{path} belongs to somebody else or others may write to it: a run store is private")]
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the plan is no longer what was planned.
    #[error("{path} is not the file that was planned")]
    Unplanned {
        /// The file.
        path: PathBuf,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
}

impl Store {
    /// Opens the store in `home`, creating it, private, if it is not there.
    pub fn open(home: &Path) -> Result<Store, StoreError> {
        let runs = home.join("runs");
        private_dir(&runs)?;
        for dir in [home, &runs] {
            let metadata = fs::metadata(dir).map_err(|source| io_error(dir, source))?;
            if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.permissions().mode() & 0o022 != 0 {
                return Err(StoreError::NotPrivate { path: dir.to_owned() });
            }
        }
        Ok(Store { home: home.to_owned() })
    }

    /// Opens the store in `home` for reading if there is one; creates nothing.
    pub fn existing(home: &Path) -> Option<Store> {
        home.join("runs").is_dir().then(|| Store { home: home.to_owned() })
    }

    /// Returns where the store is.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Creates a run: its directory, its plan, its empty journal, and a copy of the playbook's `bin/`; and takes its locks.
    ///
    /// Fails with [`StoreError::Locked`] if another run has one of them, and nothing has happened then.
    pub fn create(&self, about: &About, plan: &Plan) -> Result<(RunDir, RunLock), StoreError> {
        let locks = Locks::of(self)?;
        let names = locks::names(about, plan);
        locks.check(&about.run, &names)?;
        let created = self.create_unlocked(about, plan)?;
        locks.take(&about.run, &names)?;
        Ok(created)
    }

    fn create_unlocked(&self, about: &About, plan: &Plan) -> Result<(RunDir, RunLock), StoreError> {
        let run = self.place(&about.run)?;
        let created = DirBuilder::new().mode(0o700).create(&run.path);
        created.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists { id: about.run.clone() },
            _ => io_error(&run.path, source),
        })?;
        let lock = run.lock()?;
        if let Err(error) = run.furnish(about, plan, Durability::Synced) {
            // The run does not exist yet, and its id shall be free.
            let _left = fs::remove_dir_all(&run.path);
            return Err(error);
        }
        journal::create(&run.journal(), reserve(plan))?;
        Ok((run, lock))
    }

    /// Returns a run by its id.
    pub fn run(&self, id: &str) -> Result<RunDir, StoreError> {
        let run = self.place(id)?;
        if run.path.join("run.json").is_file() {
            Ok(run)
        } else {
            Err(StoreError::Unknown { id: id.to_owned(), home: self.home.clone() })
        }
    }

    /// Returns every run, the newest first.
    pub fn runs(&self) -> Result<Vec<(RunDir, About)>, StoreError> {
        let runs = self.dirs()?.map(|run| Ok((run.clone(), run.about()?)));
        Ok(newest_first(runs.collect::<Result<_, StoreError>>()?))
    }

    /// Returns every run whose description can be read, the newest first.
    pub(crate) fn readable_runs(&self) -> Result<Vec<(RunDir, About)>, StoreError> {
        Ok(newest_first(self.dirs()?.filter_map(|run| Some((run.clone(), run.about().ok()?))).collect()))
    }

    fn dirs(&self) -> Result<impl Iterator<Item = RunDir>, StoreError> {
        let dir = self.home.join("runs");
        let entries = fs::read_dir(&dir).map_err(|source| io_error(&dir, source))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| self.run(&name).ok()))
    }

    fn place(&self, id: &str) -> Result<RunDir, StoreError> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let begins_well = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !begins_well || id.len() > 100 || !id.bytes().all(is_safe) {
            return Err(StoreError::BadId { id: id.to_owned() });
        }
        Ok(RunDir { path: self.home.join("runs").join(id), id: id.to_owned() })
    }
}

impl RunDir {
    /// Creates the directory of a rehearsal's run at `path`, which is not there yet and belongs to no store.
    pub fn for_rehearsal(path: &Path, about: &About, plan: &Plan) -> Result<RunDir, StoreError> {
        private_dir(path)?;
        let run = RunDir { path: path.to_owned(), id: about.run.clone() };
        while_nothing_starts(|| run.furnish(about, plan, Durability::Volatile))?;
        journal::create(&run.journal(), 0)?;
        Ok(run)
    }

    /// Fills a new directory with everything but the journal.
    fn furnish(&self, about: &About, plan: &Plan, durability: Durability) -> Result<(), StoreError> {
        for dir in [self.outputs(), self.work(), self.bin(), self.files()] {
            private_dir(&dir)?;
        }
        for file in &plan.files {
            copy_private(&about.dir.join(file.place()), &copy_of(&self.path, &file.path), file)?;
        }
        write_json(&self.path.join("plan.json"), plan, durability)?;
        write_json(&self.path.join("run.json"), about, durability)
    }

    /// Returns the store in which the run is.
    pub(crate) fn store(&self) -> Store {
        let home = self.path.ancestors().nth(2).unwrap_or(&self.path);
        Store { home: home.to_owned() }
    }

    /// Returns the run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the journal's path.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Returns where captured output lies.
    pub fn outputs(&self) -> PathBuf {
        self.path.join("out")
    }

    /// Returns `run.dir`: the folder for what the run makes.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Returns `run.files`: the folder with the copies of the files that the playbook lists.
    pub fn files(&self) -> PathBuf {
        self.path.join(FOLDER)
    }

    /// Returns the run's copy of the playbook's `bin/`.
    pub fn bin(&self) -> PathBuf {
        self.path.join("bin")
    }

    /// Returns the file of a command, by its name; members of groups lie beside the others, with `~` for `/`.
    pub(crate) fn captured(&self, name: &str, kind: &str) -> PathBuf {
        self.outputs().join(format!("{}.{kind}", name.replace('/', "~")))
    }

    /// Returns where a command's standard output was captured.
    pub fn stdout(&self, command: &CommandId) -> PathBuf {
        self.captured(&command.to_string(), "stdout")
    }

    /// Returns where a command's standard error was captured.
    pub fn stderr(&self, command: &CommandId) -> PathBuf {
        self.captured(&command.to_string(), "stderr")
    }

    /// Returns the file that a command finds in `$FIREDRILL_OUTPUT`.
    pub fn published(&self, command: &CommandId) -> PathBuf {
        self.captured(&command.to_string(), "outputs")
    }

    /// Returns the file in which an output of a step is kept.
    pub(crate) fn output_file(&self, step: &StepId, name: &str) -> PathBuf {
        self.captured(step.as_str(), &format!("output-{name}"))
    }

    /// Reads what was fixed when the run was created.
    pub fn about(&self) -> Result<About, StoreError> {
        read_json(&self.path.join("run.json"))
    }

    /// Reads the plan.
    pub fn plan(&self) -> Result<Plan, StoreError> {
        read_json(&self.path.join("plan.json"))
    }

    /// Reads the summary, if the run has come to rest.
    pub fn summary(&self) -> Option<Summary> {
        read_json(&self.path.join("summary.json")).ok()
    }

    /// Removes the summary: the run is no longer as it says.
    pub(crate) fn forget_summary(&self) {
        let _absent = fs::remove_file(self.path.join("summary.json"));
    }

    pub(crate) fn write_summary(&self, summary: &Summary) -> Result<(), StoreError> {
        write_json(&self.path.join("summary.json"), summary, Durability::Synced)
    }

    /// Takes the run, or says who has it.
    pub fn lock(&self) -> Result<RunLock, StoreError> {
        let path = self.path.join("lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(|source| io_error(&path, source))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let owner = fs::read_to_string(&path).unwrap_or_default();
            return Err(StoreError::Busy { id: self.id.clone(), owner: owner.trim().to_owned() });
        }
        let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(|source| io_error(&path, source))?;
        Ok(RunLock { _file: file })
    }

    /// Returns whether an engine drives the run now.
    pub fn is_driven(&self) -> bool {
        matches!(self.lock_probe(), Ok(false))
    }

    /// Tries the lock without taking it for longer than the look.
    fn lock_probe(&self) -> io::Result<bool> {
        let file = File::open(self.path.join("lock"))?;
        Ok(flock(&file, FlockOperation::NonBlockingLockShared).is_ok())
    }
}

fn newest_first(mut runs: Vec<(RunDir, About)>) -> Vec<(RunDir, About)> {
    runs.sort_by(|(_, a), (_, b)| b.created_ms.cmp(&a.created_ms).then_with(|| b.run.cmp(&a.run)));
    runs
}

/// Returns how many bytes of journal the plan may need: every command with every try of its hooks, twice over.
fn reserve(plan: &Plan) -> u64 {
    const BYTES_A_STEP: u64 = 8 * 1024;
    const BYTES_A_RUN: u64 = 64 * 1024;
    BYTES_A_RUN + BYTES_A_STEP * plan.steps.len() as u64
}
