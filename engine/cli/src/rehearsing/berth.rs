//! One world after the other at one place, all beginning alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use firedrill_exec::rehearsal::{Recording, record, rehearse_again};
use firedrill_run::injection::Injection;

use super::case::{Set, Unseen};
use super::{Case, Manner, Played, Rehearsing};
use crate::failure::Failure;

/// A place at which one run after the other takes place, all in the same situation and with different faults.
///
/// What they have in common happens once if that is wanted: the first thing that is played is the run without faults, and
/// it is recorded.
pub(crate) struct Berth<'a> {
    rehearsing: &'a Rehearsing,
    case: Case<'a>,
    root: PathBuf,
    manner: Manner<'a>,
    known: Known<'a>,
}

/// What is known of the run without faults.
enum Known<'a> {
    /// Nothing yet.
    Open,
    /// All of it.
    Recorded(Box<(Set<'a>, Recording)>),
    /// It is not wanted.
    Unwanted,
}

impl<'a> Berth<'a> {
    /// Returns a place at `root`, a folder that is not there yet; `is_shared` says whether the runs share what they have in
    /// common.
    pub(crate) fn new(
        rehearsing: &'a Rehearsing,
        case: Case<'a>,
        root: PathBuf,
        manner: Manner<'a>,
        is_shared: bool,
    ) -> Berth<'a> {
        let known = if is_shared { Known::Open } else { Known::Unwanted };
        Berth { rehearsing, case, root, manner, known }
    }

    /// Plays the run with these faults.
    pub(crate) fn play(&mut self, faults: &[Injection]) -> Result<Played, Failure> {
        if matches!(self.known, Known::Open) {
            self.known = Known::Recorded(Box::new(self.record()?));
        }
        if let Known::Recorded(known) = &self.known {
            let began = Instant::now();
            let (set, recording) = known.as_ref();
            let staging = set.staging(faults, &self.manner);
            if let Some(rehearsed) = rehearse_again(recording, &set.dir, &staging, &mut Unseen)? {
                return Ok(set.played(rehearsed, began));
            }
        }
        self.clear()?;
        let case = Case { faults: faults.to_vec(), ..self.case.clone() };
        self.rehearsing.play(&case, &self.root, &self.manner)
    }

    /// Returns the folder in which the worlds are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn record(&self) -> Result<(Set<'a>, Recording), Failure> {
        let set = self.rehearsing.set(&self.case, &self.root)?;
        let recording = record(&set.dir, &self.root, &set.staging(&[], &self.manner))?;
        Ok((set, recording))
    }

    fn clear(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::failed(format!("{}: {error}", self.root.display())))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Berth<'_> {
    fn drop(&mut self) {
        // What cannot be removed now goes with the folder of all worlds.
        let _later = self.clear();
    }
}
