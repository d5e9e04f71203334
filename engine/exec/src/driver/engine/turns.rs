//! Locks of steps: taken when nobody else has one of them, and given back when the journal says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use firedrill_run::{Effect, Event, Run, StepId};

use super::super::{DriveError, Note};
use super::Driver;

/// How often a lock that another run has is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// The steps that wait for other runs, and the locks that are on their way back.
pub(super) struct Turns {
    waits: BTreeMap<StepId, Turn>,
    /// The locks that the run keeps by now.
    kept: BTreeSet<String>,
    /// Locks that the run keeps no more, each with the record that says so: they are given back when that is durable.
    leaving: VecDeque<(u64, String)>,
}

/// The wait of a step, in the world's time.
struct Turn {
    since: Duration,
    next_look: Duration,
    /// The lock and the run that has it, as was told.
    told: (String, String),
}

impl Turns {
    pub(super) fn new(run: &Run) -> Turns {
        Turns { waits: BTreeMap::new(), kept: kept(run), leaving: VecDeque::new() }
    }

    /// Returns whether a step waits before the next look at its locks.
    pub(super) fn is_waiting(&self, step: &StepId, now: Duration) -> bool {
        self.waits.get(step).is_some_and(|turn| now < turn.next_look)
    }

    /// Forgets the steps that no longer want their locks, and returns when one of the others has to look again.
    pub(super) fn next(&mut self, run: &Run) -> Option<Duration> {
        if !self.waits.is_empty() {
            let wanted = run.next();
            self.waits.retain(|step, _| wanted.contains(&Effect::Lock(step.clone())));
        }
        self.waits.values().map(|turn| turn.next_look).min()
    }

    /// Takes note of the locks that the run keeps no more after a record.
    pub(super) fn note(&mut self, run: &Run, sequence: u64) {
        let before = std::mem::replace(&mut self.kept, kept(run));
        let dropped = before.difference(&self.kept).cloned();
        self.leaving.extend(dropped.map(|name| (sequence, name)));
    }

    /// Returns the locks to give back now that the journal is durable up to a record. One that was taken again meanwhile
    /// stays.
    pub(super) fn given_back(&mut self, durable: u64) -> Vec<String> {
        let mut names = Vec::new();
        while let Some((_, name)) = self.leaving.pop_front_if(|(sequence, _)| *sequence <= durable) {
            if !self.kept.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

fn kept(run: &Run) -> BTreeSet<String> {
    run.locks().into_iter().map(str::to_owned).collect()
}

impl Driver<'_> {
    /// Takes the locks of a step and records that, or waits for a while if another run has one.
    pub(super) fn lock(&mut self, step: StepId) -> Result<(), DriveError> {
        let now = self.world.now();
        let Some(lock) = self.world.lock(self.run.locks_of(&step))? else {
            let waited = self.turns.waits.remove(&step).map_or(Duration::ZERO, |turn| now.saturating_sub(turn.since));
            let ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            return self.record(Event::Locked { step, ms });
        };
        let told = (lock.name.clone(), lock.run.clone());
        let next_look = now + BETWEEN_LOOKS;
        let before = self.turns.waits.get(&step);
        let is_news = before.is_none_or(|turn| turn.told != told);
        let since = before.map_or(now, |turn| turn.since);
        self.turns.waits.insert(step.clone(), Turn { since, next_look, told });
        if is_news {
            self.sink.note(&Note::AwaitingLock { step, lock });
        }
        Ok(())
    }
}
