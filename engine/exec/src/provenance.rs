//! Where a playbook came from: its file and the commit of its repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// The file of a playbook and the state of its repository when the run was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The file, absolute.
    pub path: PathBuf,
    /// The commit that was checked out, if the file lies in a git repository and git is there.
    pub commit: Option<String>,
    /// Whether the file or its `bin/` differ from that commit.
    pub is_dirty: bool,
}

impl Provenance {
    /// Asks git about a playbook's file. Whatever git cannot say is left out.
    pub fn of(path: &Path) -> Provenance {
        let commit = git(path, &["rev-parse", "HEAD"]).filter(|commit| !commit.is_empty());
        let status = commit.as_ref().and_then(|_| {
            let file = path.file_name()?.to_str()?;
            git(path, &["status", "--porcelain", "--", file, "bin"])
        });
        Provenance { path: path.to_owned(), commit, is_dirty: status.is_some_and(|status| !status.is_empty()) }
    }
}

fn git(path: &Path, arguments: &[&str]) -> Option<String> {
    let dir = path.parent()?;
    let output = Command::new("git").arg("-C").arg(dir).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}
