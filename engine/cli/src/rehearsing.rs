//! Rehearsals: from the file beside a playbook to what became of its scenarios.

mod case;
mod pool;
mod scratch;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use firedrill_model::diagnostic::{Diagnostic, Severity};
use firedrill_model::plan::FileDigest;
use firedrill_model::rehearsal::{self, Rehearsal};
use firedrill_model::source::Source;

use crate::failure::{Failure, Status};
use crate::playbook::{self, Loaded};
use crate::terminal::Terminal;

pub(crate) use case::{Case, Manner, Played};
pub(crate) use pool::{in_parallel, jobs};
pub(crate) use scratch::Scratch;
pub(crate) use verdict::{tail_of, told, virtual_time};

/// The end of the name of a rehearsal's file.
const SUFFIX: &str = ".rehearsal.yaml";

/// A playbook and the file that says how it is rehearsed, both without faults.
pub(crate) struct Rehearsing {
    pub(crate) playbook: Loaded,
    pub(crate) rehearsal: Rehearsal,
    /// The rehearsal's file, as it was typed.
    pub(crate) path: PathBuf,
    /// The files of the playbook's `bin/`.
    files: Vec<FileDigest>,
}

impl Rehearsing {
    /// Loads a playbook with its rehearsal, given the file of either; findings are told.
    pub(crate) fn load(file: &Path, terminal: &Terminal) -> Result<Rehearsing, Failure> {
        let (playbook_path, path) = pair(file);
        let playbook = playbook::load(&playbook_path, terminal)?;
        let text = fs::read(&path).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            Failure::invalid(message).help("a playbook is rehearsed as NAME.rehearsal.yaml beside it says")
        })?;
        let source = Source::from_bytes(path.display().to_string(), text).map_err(|diagnostic| {
            Failure::invalid(format!("{}: {}", path.display(), diagnostic.message))
        })?;
        let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        let (rehearsal, mut findings) = rehearsal::load(&source, stem);
        findings.extend(rehearsal.iter().flat_map(|rehearsal| rehearsal::check(rehearsal, playbook.checked())));
        playbook::tell(&source, &findings, terminal);
        let rehearsal = rehearsal.filter(|_| !findings.iter().any(is_error));
        let rehearsal = rehearsal.ok_or(Failure::Told(Status::Invalid))?;
        let files = playbook.files()?;
        Ok(Rehearsing { playbook, rehearsal, path, files })
    }
}

fn is_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error
}

/// Returns the files of the playbook and of its rehearsal, given either.
pub(crate) fn pair(file: &Path) -> (PathBuf, PathBuf) {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.strip_suffix(SUFFIX) {
        Some(stem) => (file.with_file_name(format!("{stem}.yaml")), file.to_owned()),
        None => (file.to_owned(), file.with_extension("rehearsal.yaml")),
    }
}
