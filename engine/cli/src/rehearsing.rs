//! Rehearsals: from the file beside a playbook to what became of its scenarios.

mod answers;
mod berth;
mod case;
mod pool;
mod scratch;
mod verdict;

use std::path::{Path, PathBuf};

use firedrill_model::plan::FileDigest;
use firedrill_model::rehearsal::Rehearsal;

use crate::failure::Failure;
use crate::playbook::{self, Loaded};
use crate::rehearsal;
use crate::terminal::Terminal;

pub(crate) use berth::Berth;
pub(crate) use case::{Case, Manner, Played};
pub(crate) use pool::{cores, in_parallel, in_parallel_at, jobs};
pub(crate) use scratch::Scratch;
pub(crate) use verdict::{tail_of, told, virtual_time};

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
        let (playbook, path) = rehearsal::pair(file);
        let playbook = playbook::load(&playbook, terminal)?;
        let rehearsal = rehearsal::load(&path, playbook.checked(), terminal)?.rehearsal;
        let files = playbook.files()?;
        Ok(Rehearsing { playbook, rehearsal, path, files })
    }
}
