//! A plan in a file of its own: made by `plan --out`, approved by people, run by `run --plan` exactly as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_model::plan::{FORMAT, FileDigest, Plan};
use firedrill_model::resolve::sha256;
use serde::{Deserialize, Serialize};

use crate::files::{bins, is_of_bin};
use crate::provenance::Provenance;
use crate::store::{Durability, StoreError, io_error, write_private};

/// The version of the form of a plan's file.
const VERSION: u32 = 1;

/// A plan with everything that a run of it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The version of this form.
    pub version: u32,
    /// The version of the engine that made it, for people.
    pub engine: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// The playbook's file and the state of its repository when the plan was made.
    pub provenance: Provenance,
    /// The target's file, absolute.
    pub target: Option<PathBuf>,
    /// The world of the sandbox, if the plan is for one.
    pub sandbox: Option<PathBuf>,
    /// Whether the plan is for a drill.
    pub drill: bool,
    /// The plan.
    pub plan: Plan,
}

/// The file as it lies on the disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// SHA-256 of the compact JSON of `approved`, in hex.
    sha256: String,
    approved: PlanFile,
}

/// The part of the file that every version has.
#[derive(Deserialize)]
struct Outline {
    approved: OutlineOfPlan,
}

#[derive(Deserialize)]
struct OutlineOfPlan {
    version: u32,
    plan: OutlineOfFormat,
}

#[derive(Deserialize)]
struct OutlineOfFormat {
    format: u32,
}

/// A plan's file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not a plan's file.
    #[error("{path} is not the file of a plan: {source}")]
    NoPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another engine made it.
    #[error("{path} was written by another engine: plan format {found}, this engine runs format {known}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version and that of its plan.
        found: String,
        /// The version and format of this engine.
        known: String,
    },
    /// It is not as it was written.
    #[error("{path} was changed since it was written")]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl PlanFile {
    /// Returns the file of a plan.
    pub fn new(engine: &str, created_ms: u64, provenance: Provenance, plan: Plan) -> PlanFile {
        let engine = engine.to_owned();
        PlanFile { version: VERSION, engine, created_ms, provenance, target: None, sandbox: None, drill: false, plan }
    }

    /// Writes it, for its owner only, in one piece.
    pub fn write(&self, path: &Path) -> Result<(), PlanFileError> {
        Ok(write_private(path, &self.sealed(), Durability::Synced)?)
    }

    /// Reads it; every byte has to be as it was written.
    pub fn read(path: &Path) -> Result<PlanFile, PlanFileError> {
        let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
        let no_plan = |source| PlanFileError::NoPlan { path: path.to_owned(), source };
        let Outline { approved: outline } = serde_json::from_slice(&bytes).map_err(no_plan)?;
        let versions = |file: u32, plan: u32| format!("{file}.{plan}");
        let (found, known) = (versions(outline.version, outline.plan.format), versions(VERSION, FORMAT));
        if found != known {
            return Err(PlanFileError::Format { path: path.to_owned(), found, known });
        }
        let sealed: Sealed = serde_json::from_slice(&bytes).map_err(no_plan)?;
        if sealed.approved.sealed() != bytes {
            return Err(PlanFileError::Changed { path: path.to_owned() });
        }
        Ok(sealed.approved)
    }

    /// Returns what differs from the plan by now, in words; nothing if the plan can be run.
    pub fn differences(&self) -> Vec<String> {
        let plan = &self.plan;
        let playbook = &self.provenance.path;
        let mut differences = Vec::new();
        differences.extend(changed("the playbook", playbook, &plan.text_sha256));
        for used in plan.used() {
            differences.extend(changed("the used playbook", &self.dir().join(&used.path), &used.text_sha256));
        }
        differences.dedup();
        if let (Some(target), Some(path)) = (&plan.target, &self.target) {
            differences.extend(changed("the target", path, &target.text_sha256));
        }
        match bins(self.dir(), &self.folders()) {
            Ok(files) => differences.extend(compared(&self.files(is_of_bin), &files)),
            Err(error) => differences.push(format!("{}: {error}", self.dir().join("bin").display())),
        }
        for file in self.files(|path| !is_of_bin(path)) {
            differences.extend(changed("the file", &self.dir().join(&file.path), &file.sha256));
        }
        differences
    }

    /// Returns the files of the playbooks that the playbook uses, and those that it lists.
    pub fn used(&self) -> Vec<PathBuf> {
        let used = self.plan.used().into_iter().map(|used| self.dir().join(&used.path));
        let apart = self.plan.files.iter().filter(|file| file.from.is_some() || !is_of_bin(&file.path));
        let listed = apart.map(|file| self.dir().join(file.place()));
        used.chain(listed).collect()
    }

    /// Returns the folders of used playbooks, relative to the playbook's, without that.
    fn folders(&self) -> BTreeSet<String> {
        let used = self.plan.used();
        used.iter().filter_map(|used| used.path.rsplit_once('/')).map(|(folder, _)| folder.to_owned()).collect()
    }

    fn files(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<FileDigest> {
        self.plan.files.iter().filter(|file| is_wanted(&file.path)).cloned().collect()
    }

    /// Returns the playbook's folder.
    pub fn dir(&self) -> &Path {
        self.provenance.path.parent().unwrap_or(Path::new("/"))
    }

    fn sealed(&self) -> Vec<u8> {
        const JSON: &str = "a plan holds no map with keys that are not strings";
        let sha256 = sha256(&serde_json::to_vec(self).expect(JSON));
        let sealed = Sealed { sha256, approved: self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&sealed).expect(JSON);
        bytes.push(b'\n');
        bytes
    }
}

fn changed(what: &str, path: &Path, expected: &str) -> Option<String> {
    let found: io::Result<String> = fs::read(path).map(|bytes| sha256(&bytes));
    match found {
        Ok(found) if found == expected => None,
        Ok(_) => Some(format!("{what} {} was changed", path.display())),
        Err(error) => Some(format!("{what} {}: {error}", path.display())),
    }
}

fn compared(approved: &[FileDigest], found: &[FileDigest]) -> Vec<String> {
    let by_path = |files: &[FileDigest]| -> BTreeMap<String, String> {
        files.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect()
    };
    let (approved, found) = (by_path(approved), by_path(found));
    let mut differences = Vec::new();
    for (path, sha256) in &approved {
        match found.get(path) {
            None => differences.push(format!("{path} is gone")),
            Some(other) if other != sha256 => differences.push(format!("{path} was changed")),
            Some(_) => {}
        }
    }
    differences.extend(found.keys().filter(|path| !approved.contains_key(*path)).map(|path| format!("{path} is new")));
    differences
}
