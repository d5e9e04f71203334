//! Named locks between runs, on this machine.
//!
//! A file in `locks/` of the home, called by the hash of the lock's name, holds the id of the run that has taken the lock, and
//! the name. Whether that run still holds it is not written
//! anywhere: it follows from the run itself. A run holds its locks while an engine drives it, and for as long as it owes
//! something: a stuck run keeps refusing others until it is resumed or settled, and a run whose engine died before it
//! changed anything loses its locks by itself. Locks of steps are kept in the same way, for as long as the run needs them
//! ([`Run::locks`]): while an engine drives the run the file is enough, for it takes the file away when it gives one back.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use firedrill_model::plan::Plan;
use firedrill_model::resolve::sha256;
use firedrill_run::{Event, Open, Run};
use rustix::fs::{FlockOperation, flock};

use crate::journal;
use crate::store::{About, RunDir, RunLock, Store, StoreError, io_error, private_dir};

/// Held while locks are looked at or taken.
const GATE: &str = ".gate";
/// How much of the hash of a lock's name its file is called by.
const HASH_CHARACTERS: usize = 32;

/// The locks of a store, while nobody else looks at them or takes one.
pub struct Locks<'a> {
    store: &'a Store,
    dir: PathBuf,
    _gate: File,
}

/// A lock that a run holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its name.
    pub name: String,
    /// The run that holds it.
    pub run: String,
    /// That run's playbook, if its records can be read.
    pub playbook: Option<String>,
    /// Since when it holds it, in milliseconds since 1970, if that is known.
    pub since_ms: Option<u64>,
    /// Why it holds it.
    pub holding: Holding,
}

/// Why a run holds its locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// An engine drives it.
    Driven,
    /// Its engine is gone, and it has begun to change something.
    Interrupted,
    /// It is at rest and owes this.
    Owes(Vec<Open>),
    /// Nobody can tell, because its records cannot be read.
    Unreadable,
}

/// Returns the names of the locks that a run wants. What happens in a sandbox excludes nothing outside of it.
pub(crate) fn names(about: &About, plan: &Plan) -> Vec<String> {
    plan.locks.iter().map(|name| known_as(about, name)).collect()
}

/// Returns what a lock of a run is called in the store.
fn known_as(about: &About, name: &str) -> String {
    match &about.sandbox {
        Some(world) => format!("sandbox {}: {name}", world.display()),
        None => name.to_owned(),
    }
}

/// Returns the names of the locks that a run keeps for its steps.
fn kept(about: &About, run: &Run) -> BTreeSet<String> {
    run.locks().into_iter().map(|name| known_as(about, name)).collect()
}

impl<'a> Locks<'a> {
    /// Waits until nobody else looks at the locks of a store.
    pub fn of(store: &'a Store) -> Result<Locks<'a>, StoreError> {
        let dir = store.home().join("locks");
        private_dir(&dir)?;
        let path = dir.join(GATE);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let gate = opened.map_err(|source| io_error(&path, source))?;
        flock(&gate, FlockOperation::LockExclusive).map_err(|error| io_error(&path, error.into()))?;
        Ok(Locks { store, dir, _gate: gate })
    }

    /// Returns every lock that is held, by name.
    pub fn held(&self) -> Result<Vec<Lock>, StoreError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| io_error(&self.dir, source))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let paths =
            paths.filter(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
        let mut held: Vec<Lock> = paths.filter_map(|path| self.lock_at(&path).transpose()).collect::<Result<_, _>>()?;
        held.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(held)
    }

    /// Takes the locks of a run that is about to be driven again, those of its steps included; it may have lost them
    /// meanwhile. `said` is what is about to be recorded of it before that.
    pub fn take_again(&self, dir: &RunDir, _lock: &RunLock, said: Option<&Event>) -> Result<(), StoreError> {
        let (about, plan) = (dir.about()?, dir.plan()?);
        let run = replayed(dir).and_then(|mut run| said.map_or(Ok(()), |said| run.apply(said)).ok().map(|()| run));
        let kept = run.map(|run| kept(&about, &run)).unwrap_or_default();
        let names: Vec<String> = names(&about, &plan).into_iter().chain(kept).collect();
        self.check(dir.id(), &names)?;
        self.take(dir.id(), &names)?;
        let left = plan.step_locks().into_iter().map(|name| known_as(&about, name));
        left.filter(|name| !names.contains(name)).try_for_each(|name| self.free(dir.id(), &name))
    }

    /// Gives back the locks of a run unless it owes something; those of others are left alone.
    pub fn give_back(&self, dir: &RunDir, _lock: &RunLock) -> Result<(), StoreError> {
        if replayed(dir).is_none_or(|run| run.owes()) {
            return Ok(());
        }
        let (about, plan) = (dir.about()?, dir.plan()?);
        let steps = plan.step_locks().into_iter().map(|name| known_as(&about, name));
        names(&about, &plan).into_iter().chain(steps).try_for_each(|name| self.free(dir.id(), &name))
    }

    /// Frees a lock if this run has it.
    fn free(&self, run: &str, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        if read(&path)?.is_some_and(|(holder, _)| holder == run) {
            fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
        }
        Ok(())
    }

    /// Fails if one of these locks is held by another run.
    pub(crate) fn check(&self, run: &str, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            if let Some(lock) = self.lock(name)?.filter(|lock| lock.run != run) {
                return Err(StoreError::Locked(Box::new(lock)));
            }
        }
        Ok(())
    }

    /// Writes down that a run has these locks.
    pub(crate) fn take(&self, run: &str, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            let path = self.path(name);
            write(&path, run, name).map_err(|source| io_error(&path, source))?;
        }
        Ok(())
    }

    /// Returns who holds a lock, if anybody does.
    fn lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        self.lock_at(&self.path(name))
    }

    fn lock_at(&self, path: &Path) -> Result<Option<Lock>, StoreError> {
        let Some((run, name)) = read(path)? else {
            return Ok(None);
        };
        let (holding, playbook) = match self.store.run(&run) {
            Ok(dir) => (holding(&dir, &name), dir.about().ok().map(|about| about.playbook)),
            Err(StoreError::Unknown { .. } | StoreError::BadId { .. }) => (None, None),
            Err(_) => (Some(Holding::Unreadable), None),
        };
        let since_ms = taken_ms(path);
        Ok(holding.map(|holding| Lock { name, run, playbook, since_ms, holding }))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(&sha256(name.as_bytes())[..HASH_CHARACTERS])
    }
}

/// The locks that the engine of one run takes and gives back for its steps.
pub(crate) struct RunLocks {
    store: Store,
    about: About,
}

impl RunLocks {
    pub(crate) fn new(dir: &RunDir, about: About) -> RunLocks {
        RunLocks { store: dir.store(), about }
    }

    /// Takes all of these locks, or none of them if another run has one: that one is returned.
    pub(crate) fn take(&self, names: &[String]) -> Result<Option<Box<Lock>>, StoreError> {
        let names: Vec<String> = names.iter().map(|name| known_as(&self.about, name)).collect();
        let locks = Locks::of(&self.store)?;
        match locks.check(&self.about.run, &names) {
            Ok(()) => locks.take(&self.about.run, &names).map(|()| None),
            Err(StoreError::Locked(lock)) => Ok(Some(lock)),
            Err(other) => Err(other),
        }
    }

    /// Gives a lock back.
    pub(crate) fn give_back(&self, name: &str) -> Result<(), StoreError> {
        Locks::of(&self.store)?.free(&self.about.run, &known_as(&self.about, name))
    }
}

/// Returns why a run holds a lock, if it does.
fn holding(dir: &RunDir, name: &str) -> Option<Holding> {
    if dir.is_driven() {
        return Some(Holding::Driven);
    }
    let (Some(run), Ok(about)) = (replayed(dir), dir.about()) else {
        return Some(Holding::Unreadable);
    };
    let is_kept = names(&about, run.plan()).iter().any(|own| own == name) || kept(&about, &run).contains(name);
    match is_kept && run.owes() {
        false => None,
        true if run.verdict().is_some() => Some(Holding::Owes(run.open())),
        true => Some(Holding::Interrupted),
    }
}

fn replayed(dir: &RunDir) -> Option<Run> {
    let past = journal::read(&dir.journal()).ok()?;
    Run::replay(Arc::new(dir.plan().ok()?), past.iter().map(|envelope| &envelope.event)).ok()
}

/// Reads the run that has taken a lock, and the lock's name.
fn read(path: &Path) -> Result<Option<(String, String)>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.split_once('\n').map(|(run, name)| (run.to_owned(), name.trim_end().to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, error)),
    }
}

/// Returns when a lock was taken.
fn taken_ms(path: &Path) -> Option<u64> {
    let taken = fs::metadata(path).ok()?.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(taken.as_millis()).ok()
}

/// Replaces a file in one piece and makes it survive the machine.
fn write(path: &Path, run: &str, name: &str) -> io::Result<()> {
    let draft = path.with_file_name(".draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{run}\n{name}")?;
    file.sync_data()?;
    fs::rename(&draft, path)
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lock `{}` is held by run `{}`, {}", self.name, self.run, self.holding)
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holding::Driven => f.write_str("which is running"),
            Holding::Interrupted => f.write_str("which was interrupted after it had begun to change something"),
            Holding::Unreadable => f.write_str("whose records cannot be read"),
            Holding::Owes(open) => {
                let open: Vec<String> = open.iter().map(owed).collect();
                write!(f, "which is stuck: {}", open.join(", "))
            }
        }
    }
}

fn owed(open: &Open) -> String {
    match open {
        Open::InDoubt { step, .. } => format!("`{step}` is in doubt"),
        Open::Undecided { step } => format!("`{step}` has failed and nobody has decided"),
        Open::Owed { step, debt } => format!("the {} of `{step}` is owed", debt.word()),
        Open::Invariant { id, .. } => format!("the invariant `{id}` does not hold or could not tell"),
    }
}
