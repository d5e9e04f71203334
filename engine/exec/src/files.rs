//! The files that a run takes along: those of `bin/`, and those that the playbook lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_model::plan::FileDigest;
use firedrill_model::resolve::sha256;

/// The folder of a run's copies of the files that the playbook lists.
pub(crate) const FOLDER: &str = "files";

/// What Python keeps beside the modules it has loaded: made anew in the run's copy, from what was planned.
pub(crate) const PYTHON_CACHE: &str = "__pycache__";

/// Returns the files of `bin/` in a folder with their hashes, sorted by path; Python's caches are left out.
pub fn bin(dir: &Path) -> io::Result<Vec<FileDigest>> {
    below(dir, "bin")
}

/// Returns the files of `bin/` in a folder together with those of the `bin/` of used playbooks, which lie in `folders`
/// relative to it: a run has all of them in one place.
pub fn bins(dir: &Path, folders: &BTreeSet<String>) -> io::Result<Vec<FileDigest>> {
    let mut files: BTreeMap<String, FileDigest> = bin(dir)?.into_iter().map(|file| (file.path.clone(), file)).collect();
    for folder in folders {
        for file in bin(&dir.join(folder))? {
            let from = Some(format!("{folder}/{}", file.path));
            match files.get(&file.path) {
                Some(known) if known.sha256 != file.sha256 => {
                    let message =
                        format!("{} and {folder}/{} are different files of one name", known.place(), file.path);
                    return Err(io::Error::other(message));
                }
                Some(_) => {}
                None => drop(files.insert(file.path.clone(), FileDigest { from, ..file })),
            }
        }
    }
    Ok(files.into_values().collect())
}

/// Returns the files below a folder of a folder as [`bin`] does.
pub(crate) fn below(dir: &Path, folder: &str) -> io::Result<Vec<FileDigest>> {
    let mut files = Vec::new();
    let mut queue = vec![PathBuf::from(folder)];
    while let Some(path) = queue.pop() {
        let place = dir.join(&path);
        if place.is_dir() {
            let entries: io::Result<Vec<_>> = fs::read_dir(&place)?.collect();
            let names = entries?.into_iter().map(|entry| entry.file_name());
            queue.extend(names.filter(|name| name != PYTHON_CACHE).map(|name| path.join(name)));
        } else if place.is_file() {
            let name = path.to_str().ok_or_else(|| io::Error::other(format!("{} is not UTF-8", path.display())))?;
            files.push(digest(name, &place)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Returns a file that a playbook lists; `dir` is the playbook's folder, outside of which nothing is taken.
pub fn listed(dir: &Path, path: &str) -> io::Result<FileDigest> {
    let place = dir.join(path);
    if !place.canonicalize()?.starts_with(dir.canonicalize()?) {
        return Err(io::Error::other("it lies outside of the playbook's folder"));
    }
    if place.is_dir() {
        return Err(io::Error::other("it is a folder: list its files"));
    }
    digest(path, &place)
}

fn digest(path: &str, place: &Path) -> io::Result<FileDigest> {
    Ok(FileDigest { path: path.to_owned(), sha256: sha256(&fs::read(place)?), from: None })
}

/// Returns where a run has its copy of a file: what the playbook lists lies apart from what belongs to the run.
pub(crate) fn copy_of(run: &Path, path: &str) -> PathBuf {
    if is_of_bin(path) { run.join(path) } else { run.join(FOLDER).join(path) }
}

/// Returns whether a file is there because it lies in `bin/`.
pub(crate) fn is_of_bin(path: &str) -> bool {
    Path::new(path).starts_with("bin")
}
