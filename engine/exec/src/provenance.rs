//! Where a playbook came from: its file and the commit of its repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::files::PYTHON_CACHE;

/// The file of a playbook and the state of its repository when the run was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The file, absolute.
    pub path: PathBuf,
    /// The commit that was checked out, if the file lies in a git repository and git is there.
    pub commit: Option<String>,
    /// Whether the playbook, its rehearsal, its `bin/` or the target differ from that commit.
    pub is_dirty: bool,
}

/// What git says of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// They are as they were committed.
    Clean,
    /// These differ from what was committed, or never were; as git names them.
    Dirty(Vec<String>),
    /// They lie in no repository.
    NoRepository,
    /// They lie in a repository of which git says nothing.
    Untold,
}

impl Provenance {
    /// Asks git about a playbook's file, those that it uses, and a target's. Whatever git cannot say is left out.
    pub fn of(path: &Path, used: &[PathBuf], target: Option<&Path>) -> Provenance {
        let commit = git(folder(path), &["rev-parse", "HEAD"]).map(|commit| commit.trim().to_owned());
        let commit = commit.filter(|commit| !commit.is_empty());
        let is_dirty = matches!(committed(path, used, target), Committed::Dirty(_));
        Provenance { path: path.to_owned(), commit, is_dirty }
    }
}

/// Asks git whether a playbook, those that it uses, its rehearsal, its `bin/` and a target are as they were committed.
pub fn committed(path: &Path, used: &[PathBuf], target: Option<&Path>) -> Committed {
    let rehearsal = path.with_extension("rehearsal.yaml");
    let bin = folder(path).join("bin");
    let mut all = status(path, &[path, &rehearsal, &bin]);
    for other in used.iter().map(PathBuf::as_path).chain(target) {
        all = all.and(status(other, &[other]));
    }
    all
}

impl Committed {
    /// Returns what is to be said of both: what differs first, then what is not known.
    fn and(self, other: Committed) -> Committed {
        match (self, other) {
            (Committed::Dirty(mut files), Committed::Dirty(more)) => {
                files.extend(more);
                Committed::Dirty(files)
            }
            (Committed::Dirty(files), _) | (_, Committed::Dirty(files)) => Committed::Dirty(files),
            (Committed::Untold, _) | (_, Committed::Untold) => Committed::Untold,
            (Committed::NoRepository, _) | (_, Committed::NoRepository) => Committed::NoRepository,
            (Committed::Clean, Committed::Clean) => Committed::Clean,
        }
    }
}

/// Returns the state of files in the repository in which the first file lies. Ignored files count as not committed.
fn status(first: &Path, files: &[&Path]) -> Committed {
    /// Two letters of state and a blank stand before each name.
    const STATE: usize = 3;
    let folder = folder(first);
    let files = files.iter().filter_map(|file| file.to_str());
    let options = ["status", "--porcelain", "--ignored", "--untracked-files=all", "--"];
    let arguments: Vec<&str> = options.into_iter().chain(files).collect();
    match git(folder, &arguments) {
        Some(text) => {
            let names = text.lines().filter_map(|line| line.get(STATE..));
            let names: Vec<String> = names.filter(|name| !is_cache(name)).map(str::to_owned).collect();
            if names.is_empty() { Committed::Clean } else { Committed::Dirty(names) }
        }
        None if folder.ancestors().any(|folder| folder.join(".git").exists()) => Committed::Untold,
        None => Committed::NoRepository,
    }
}

fn is_cache(name: &str) -> bool {
    Path::new(name).components().any(|part| part.as_os_str() == PYTHON_CACHE)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    let output = git.arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    String::from_utf8(text).ok()
}
