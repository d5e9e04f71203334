//! A VM as bbr finds it: a real tree with scripts of jobs, stores of blobs and databases, locks and bbr's directory.

mod jobs;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::ledger;
use crate::world::{Settings, WorldError};

pub(crate) use jobs::{API_JOB, Content, DIRECTOR_JOB, Job, LOCK_JOB, Order};

/// bbr's directory on a VM.
pub(crate) const BACKUP_DIRECTORY: &str = "/var/vcap/store/bbr-backup";

/// Who holds the lock or bbr's directory, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    Ours(String),
    SecondOperator,
    Unknown,
}

impl Holder {
    const SECOND_OPERATOR: &'static str = "the second operator";
    const UNKNOWN: &'static str = "an unknown owner";

    /// Returns this process as holder, by its driver's name for it: process ids differ from run to run.
    pub(crate) fn this_process() -> Holder {
        let command = ledger::command().map(|command| format!("bbr of {command}"));
        Holder::Ours(command.unwrap_or_else(|| format!("bbr pid={}", std::process::id())))
    }

    fn read(path: &Path) -> Holder {
        Holder::named(fs::read_to_string(path).unwrap_or_default().trim())
    }

    /// Returns the holder of this name.
    pub(crate) fn named(name: &str) -> Holder {
        match name {
            "" | Holder::UNKNOWN => Holder::Unknown,
            Holder::SECOND_OPERATOR => Holder::SecondOperator,
            ours => Holder::Ours(ours.to_owned()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Holder::Ours(name) => name,
            Holder::SecondOperator => Holder::SECOND_OPERATOR,
            Holder::Unknown => Holder::UNKNOWN,
        }
    }
}

/// The tree of one VM.
#[derive(Debug, Clone)]
pub(crate) struct Vm {
    root: PathBuf,
}

impl Vm {
    pub(crate) fn at(root: PathBuf) -> Vm {
        Vm { root }
    }

    /// Makes the tree of a healthy VM.
    pub(crate) fn furnish(&self, settings: &Settings) -> Result<(), WorldError> {
        let share = settings.store_bytes / 12;
        for (index, name) in ["postgres/bosh.sql", "postgres/credhub.sql", "postgres/uaa.sql"].iter().enumerate() {
            generate(&self.store().join(name), settings.seed + index as u64, share)?;
        }
        for blob in 1..=3_u64 {
            generate(&self.store().join(format!("blobstore/blob-{blob}")), settings.seed + 7 * blob, share * 3)?;
        }
        for job in Job::ALL {
            self.install(job.name)?;
        }
        self.install(LOCK_JOB)
    }

    /// Puts the bbr scripts of a job in place, if it has any.
    pub(crate) fn install(&self, job: &str) -> Result<(), WorldError> {
        let folder = self.scripts_of(job);
        let scripts = jobs::scripts(job);
        if scripts.is_empty() {
            return Ok(());
        }
        attempt("create", &folder, fs::create_dir_all(&folder))?;
        for script in scripts {
            let path = folder.join(script);
            let text = format!("#!/bin/sh\n# {job}/{script}: bbr of the sandbox does its work\n");
            let mut options = OpenOptions::new();
            let open = options.write(true).create(true).truncate(true).mode(0o755).open(&path);
            attempt("write", &path, open.and_then(|mut file| file.write_all(text.as_bytes())))?;
        }
        Ok(())
    }

    /// Takes the bbr scripts of a job away.
    pub(crate) fn uninstall(&self, job: &str) -> Result<(), WorldError> {
        remove_tree(&self.scripts_of(job))
    }

    /// Returns `job/script` of every bbr script, in the order of `find`.
    pub(crate) fn scripts(&self) -> Result<Vec<String>, WorldError> {
        let mut found = Vec::new();
        for job in list(&self.var("jobs"))? {
            let folder = self.scripts_of(&job);
            let scripts = if folder.is_dir() { list(&folder)? } else { Vec::new() };
            found.extend(scripts.into_iter().map(|script| format!("{job}/{script}")));
        }
        Ok(found)
    }

    pub(crate) fn lock(&self, job: &str, holder: &Holder) -> Result<(), WorldError> {
        put_mark(&self.lock_file(job), holder)
    }

    pub(crate) fn unlock(&self, job: &str) -> Result<(), WorldError> {
        take_mark(&self.lock_file(job))
    }

    /// Returns who locked the director, which is so on its VM only.
    pub(crate) fn lock_holder(&self) -> Option<Holder> {
        self.lock_holder_of(LOCK_JOB)
    }

    /// Returns who locked a job.
    pub(crate) fn lock_holder_of(&self, job: &str) -> Option<Holder> {
        let file = self.lock_file(job);
        file.exists().then(|| Holder::read(&file))
    }

    /// Marks the content as that of two times, until [`Vm::end_restore`].
    pub(crate) fn begin_restore(&self, holder: &Holder) -> Result<(), WorldError> {
        put_mark(&self.restore_file(), holder)
    }

    /// Takes the mark of a restore away.
    pub(crate) fn end_restore(&self) -> Result<(), WorldError> {
        take_mark(&self.restore_file())
    }

    /// Returns who began a restore that is half done.
    pub(crate) fn restore_holder(&self) -> Option<Holder> {
        self.restore_file().exists().then(|| Holder::read(&self.restore_file()))
    }

    /// Returns whose backup directory lies on the VM.
    pub(crate) fn directory_holder(&self) -> Option<Holder> {
        self.backup_directory().exists().then(|| Holder::read(&self.backup_directory().join(".holder")))
    }

    /// Makes bbr's directory for one job; a second backup at the same time shares it, as with the real client.
    pub(crate) fn begin_job(&self, job: &str, holder: &Holder) -> Result<(), WorldError> {
        let directory = self.backup_directory();
        if !directory.exists() {
            let fresh = directory.with_extension(std::process::id().to_string());
            attempt("create", &fresh, fs::create_dir_all(&fresh))?;
            attempt("write", &fresh, fs::write(fresh.join(".holder"), holder.name()))?;
            if fs::rename(&fresh, &directory).is_err() {
                remove_tree(&fresh)?;
            }
        }
        let folder = self.artifact_of(job);
        attempt("create", &folder, fs::create_dir_all(&folder))
    }

    /// Does what the backup script of a job does: copies what is stored into bbr's directory, which must be there.
    pub(crate) fn back_up(&self, job: &str, stored: &str, member: &str) -> io::Result<()> {
        fs::metadata(self.artifact_of(job))?;
        copy_tree(&self.store().join(stored), &self.artifact_of(job).join(member))
    }

    /// Does what the restore script of a job does: replaces what is stored by that in bbr's directory.
    pub(crate) fn restore(&self, job: &str, stored: &str, member: &str) -> io::Result<()> {
        let stored = self.store().join(stored);
        let fresh = stored.with_extension("restored");
        copy_tree(&self.artifact_of(job).join(member), &fresh)?;
        if stored.is_dir() {
            fs::remove_dir_all(&stored)?;
        }
        fs::rename(&fresh, &stored)
    }

    pub(crate) fn remove_backup_directory(&self) -> Result<(), WorldError> {
        remove_tree(&self.backup_directory())
    }

    pub(crate) fn artifact_of(&self, job: &str) -> PathBuf {
        self.backup_directory().join(job)
    }

    pub(crate) fn backup_directory(&self) -> PathBuf {
        self.store().join("bbr-backup")
    }

    fn lock_file(&self, job: &str) -> PathBuf {
        self.var("data").join(job).join("locked")
    }

    fn restore_file(&self) -> PathBuf {
        self.var("data/restore/half-done")
    }

    fn scripts_of(&self, job: &str) -> PathBuf {
        self.var("jobs").join(job).join("bin/bbr")
    }

    fn store(&self) -> PathBuf {
        self.var("store")
    }

    fn var(&self, below: &str) -> PathBuf {
        self.root.join("var/vcap").join(below)
    }
}

/// Names a holder in a file, which is renamed into place: a killed process leaves a name, or no file.
fn put_mark(path: &Path, holder: &Holder) -> Result<(), WorldError> {
    let folder = path.parent().expect("a mark lies in a folder");
    attempt("create", folder, fs::create_dir_all(folder))?;
    let fresh = path.with_extension(std::process::id().to_string());
    attempt("write", &fresh, fs::write(&fresh, holder.name()))?;
    attempt("create", path, fs::rename(&fresh, path))
}

fn take_mark(path: &Path) -> Result<(), WorldError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WorldError::io("remove", path, error)),
        _ => Ok(()),
    }
}

pub(crate) fn generate(path: &Path, seed: u64, bytes: u64) -> Result<(), WorldError> {
    let folder = path.parent().expect("content lies in a folder");
    attempt("create", folder, fs::create_dir_all(folder))?;
    attempt("write", path, fs::write(path, content(seed, bytes)))
}

/// Returns `bytes` of printable text that depends on the seed only (splitmix64).
fn content(seed: u64, bytes: u64) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut state = seed;
    let mut text = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default() + 17);
    while (text.len() as u64) < bytes {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        for byte in word.to_be_bytes() {
            text.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        }
        text.push(b'\n');
    }
    text.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    text
}

/// Returns the sorted names in a folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>, WorldError> {
    let names = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    };
    attempt("list", folder, names())
}

pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn remove_tree(path: &Path) -> Result<(), WorldError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WorldError::io("remove", path, error)),
        _ => Ok(()),
    }
}

fn attempt<T>(verb: &'static str, path: &Path, result: io::Result<T>) -> Result<T, WorldError> {
    result.map_err(|source| WorldError::io(verb, path, source))
}
