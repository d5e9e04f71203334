//! A run in which nothing went wrong, kept so that others can begin in its middle.
//!
//! Runs of one plan in one situation are the same until something goes wrong in one of them. So what comes before that
//! has to happen only once: the world is kept at *quiet* moments, at which no command is under way. A later run is
//! driven from its beginning, too, but until the last quiet moment before its first fault its commands are not executed: how
//! they ended is remembered, and what they did is in the world that is put back. Its journal has to be that of the
//! recorded run up to there, line by line, or the run is given up and played in full.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firedrill_run::injection::{Injection, Moment};
use firedrill_run::journal::Chain;
use firedrill_run::{CommandId, Exit};

use super::pretence::Took;
use super::snapshot::Snapshot;
use super::strikes::Strikes;
use crate::driver::DriveError;
use crate::journal;
use crate::store::RunDir;

/// A run without faults, and its world at its quiet moments.
#[derive(Debug)]
pub struct Recording {
    /// What is put back.
    root: PathBuf,
    /// When the run began, after the world was prepared.
    pub(super) began: Duration,
    /// What faults can strike, in order.
    strikable: Vec<Strikable>,
    ends: BTreeMap<CommandId, End>,
    quiet: Vec<Quiet>,
}

/// A command that was launched, or people who were asked.
#[derive(Debug)]
struct Strikable {
    id: CommandId,
    /// How many facts were recorded before.
    records: u64,
}

/// How a command ended, and how long it took.
#[derive(Clone, Debug)]
struct End {
    exit: Exit,
    length: Duration,
    milestones: Vec<(Duration, String)>,
}

/// A moment at which no command was under way.
#[derive(Debug)]
pub(super) struct Quiet {
    at: Duration,
    /// How many commands were launched before.
    launched: usize,
    /// The journal so far.
    chain: Chain,
    world: Snapshot,
}

impl Recording {
    /// Returns the last quiet moment before the first of these faults strikes.
    pub(super) fn before(&self, faults: &[Injection]) -> Option<&Quiet> {
        let mut strikes = Strikes::new(faults);
        let struck = self.strikable.iter().find(|it| strikes.at_start(&it.id).is_some());
        let is_before = |quiet: &Quiet| {
            let is_whole = |fault: &Injection| match fault.at {
                Moment::Start(_) => true,
                Moment::Record { number, .. } => quiet.chain.sequence() < number,
                Moment::Age(age) => quiet.at < age,
            };
            struck.is_none_or(|it| quiet.chain.sequence() <= it.records) && faults.iter().all(is_whole)
        };
        self.quiet.iter().rev().find(|quiet| is_before(quiet))
    }

    /// Puts the world back as it was at a quiet moment, and the journal as it is before a run.
    pub(super) fn put_back(&self, quiet: &Quiet, dir: &RunDir) -> Result<(), DriveError> {
        let failed = |error: io::Error| DriveError::Rehearsal(format!("{}: {error}", self.root.display()));
        quiet.world.restore(&self.root).map_err(failed)?;
        fs::remove_file(dir.journal()).map_err(failed)?;
        Ok(journal::create(&dir.journal(), 0)?)
    }
}

/// Records a run.
pub(super) struct Recorder {
    recording: Recording,
    launched: usize,
    /// Whether there can be no quiet moment any more.
    is_over: bool,
}

impl Recorder {
    pub(super) fn new(root: &Path, began: Duration) -> Recorder {
        let recording =
            Recording { root: root.to_owned(), began, strikable: Vec::new(), ends: BTreeMap::new(), quiet: Vec::new() };
        Recorder { recording, launched: 0, is_over: false }
    }

    /// Takes note of a moment at which no command is under way.
    pub(super) fn is_quiet(&mut self, at: Duration, chain: &Chain) {
        let before = self.recording.quiet.last().map(|quiet| &quiet.world);
        match Snapshot::take(&self.recording.root, before) {
            _ if self.is_over => {}
            Some(world) => {
                self.recording.quiet.push(Quiet { at, launched: self.launched, chain: chain.clone(), world });
            }
            None => self.is_over = true,
        }
    }

    /// Takes note that a command is launched.
    pub(super) fn launches(&mut self, id: &CommandId, records: u64) {
        self.asks(id, records);
        self.launched += 1;
    }

    /// Takes note that people are asked.
    pub(super) fn asks(&mut self, id: &CommandId, records: u64) {
        self.recording.strikable.push(Strikable { id: id.clone(), records });
    }

    /// Takes note of how a command has ended and when it reached its milestones.
    pub(super) fn ends(&mut self, id: &CommandId, exit: &Exit, took: Took) {
        let end = End { exit: exit.clone(), length: took.length, milestones: took.milestones };
        self.recording.ends.insert(id.clone(), end);
    }

    /// Has no more quiet moments: what happens from here on cannot be had again.
    pub(super) fn stop(&mut self) {
        self.is_over = true;
    }

    pub(super) fn into_recording(self) -> Recording {
        self.recording
    }
}

/// What is known of a run that begins as a recorded one did.
pub(super) struct Known<'a> {
    recording: &'a Recording,
    quiet: &'a Quiet,
    launched: usize,
}

/// The run does not begin as the recorded one did.
#[derive(Debug)]
pub(super) struct Differs;

impl<'a> Known<'a> {
    pub(super) fn until(recording: &'a Recording, quiet: &'a Quiet) -> Known<'a> {
        Known { recording, quiet, launched: 0 }
    }

    /// Returns how the next command ends, or `None` if that is not known: it is to be executed.
    pub(super) fn launch(&mut self, id: &CommandId) -> Result<Option<(Exit, Took)>, Differs> {
        if self.launched == self.quiet.launched {
            return Ok(None);
        }
        self.launched += 1;
        let end = self.recording.ends.get(id).ok_or(Differs)?.clone();
        Ok(Some((end.exit, Took { length: end.length, milestones: end.milestones })))
    }

    /// Holds the journal against the recorded one where both have come to the quiet moment.
    pub(super) fn compare(&self, chain: &Chain) -> Result<(), Differs> {
        let is_there = chain.sequence() == self.quiet.chain.sequence();
        if is_there && *chain != self.quiet.chain { Err(Differs) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use firedrill_run::Event;

    use super::*;

    /// Returns a recording of three commands, with a quiet moment before the first and the last, a record before each
    /// command, and people who are asked before the last one.
    fn recording(root: &Path) -> Recording {
        let mut chain = Chain::new();
        let mut recorder = Recorder::new(root, Duration::ZERO);
        for (at, name) in
            ["copy.attempt.1.1", "copy.verify.1.1", "approve.attempt.1.1", "drop.attempt.1.1"].iter().enumerate()
        {
            let (id, now) = (name.parse().unwrap(), Duration::from_secs(at as u64));
            chain.append(0, &Event::CancelRequested, &mut Vec::new());
            match at {
                2 => recorder.asks(&id, chain.sequence()),
                1 => recorder.launches(&id, chain.sequence()),
                _ => {
                    recorder.is_quiet(now, &chain);
                    recorder.launches(&id, chain.sequence());
                }
            }
        }
        recorder.into_recording()
    }

    /// Returns how many commands a run with these faults does not execute.
    fn skipped(faults: &[&str]) -> Option<usize> {
        let dir = tempfile::tempdir().unwrap();
        let faults: Vec<Injection> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        recording(dir.path()).before(&faults).map(|quiet| quiet.launched)
    }

    #[test]
    fn runs_begin_before_their_first_fault() {
        assert_eq!(skipped(&["drop.attempt:exit=1"]), Some(2));
        assert_eq!(skipped(&["copy.verify:exit=1"]), Some(0));
        assert_eq!(skipped(&["drop.attempt:exit=1", "copy.attempt:timeout"]), Some(0));
        assert_eq!(skipped(&["copy.attempt:exit=1#2"]), Some(2), "it is started once");
        assert_eq!(skipped(&["drop.rollback:exit=1"]), Some(2), "nobody rolls back");
        assert_eq!(skipped(&["approve.attempt:no_answer"]), Some(0), "people are asked before the last moment");
    }

    #[test]
    fn crashes_and_ages_are_faults_of_their_moments() {
        assert_eq!(skipped(&["record=1:crash_after"]), None);
        assert_eq!(skipped(&["record=2:crash_before"]), Some(0));
        assert_eq!(skipped(&["record=4:crash_before"]), Some(0));
        assert_eq!(skipped(&["record=5:crash_before"]), Some(2));
        assert_eq!(skipped(&["age=3s:cancel"]), Some(0));
        assert_eq!(skipped(&["age=3001ms:cancel"]), Some(2));
    }

    #[test]
    fn a_journal_that_differs_is_noticed_where_both_have_come_to_the_moment() {
        let dir = tempfile::tempdir().unwrap();
        let recording = recording(dir.path());
        let known = Known::until(&recording, &recording.quiet[1]);
        let mut same = Chain::new();
        let mut other = Chain::new();
        for at in 0..4 {
            assert!(known.compare(&same).is_ok() && known.compare(&other).is_ok(), "{at} records");
            same.append(0, &Event::CancelRequested, &mut Vec::new());
            other.append(u64::from(at == 1), &Event::CancelRequested, &mut Vec::new());
        }
        assert!(known.compare(&same).is_ok());
        assert!(known.compare(&other).is_err());
    }
}
