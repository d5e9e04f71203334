//! Which fault strikes when.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill_model::rehearsal::{FaultKind, Side};
use firedrill_run::injection::{Injection, Moment};
use firedrill_run::{CommandId, Role, Subject};

/// The faults of a rehearsal, and how often each has struck.
pub(super) struct Strikes {
    faults: Vec<(Injection, u32)>,
    starts: BTreeMap<(Subject, Role), u32>,
}

impl Strikes {
    pub(super) fn new(injections: &[Injection]) -> Strikes {
        let faults = injections.iter().map(|injection| (injection.clone(), 0)).collect();
        Strikes { faults, starts: BTreeMap::new() }
    }

    /// Counts a start of a command and returns what strikes it, and at which of its waits if that is said.
    pub(super) fn at_start(&mut self, command: &CommandId) -> Option<(FaultKind, Option<u32>)> {
        let count = self.starts.entry((command.subject.clone(), command.role.clone())).or_default();
        *count += 1;
        let is_struck = |injection: &Injection| match &injection.at {
            Moment::Start(starts) => starts.strike(command, *count),
            Moment::Record { .. } | Moment::Age(_) => false,
        };
        let (injection, struck) = self.faults.iter_mut().find(|(injection, _)| is_struck(injection))?;
        *struck += 1;
        let wait = if let Moment::Start(starts) = &injection.at { starts.wait } else { None };
        Some((injection.kind.clone(), wait))
    }

    /// Returns whether the engine crashes on this side of a record. It does so once.
    pub(super) fn at_record(&mut self, record: u64, side: Side) -> bool {
        let moment = Moment::Record { number: record, side };
        let fault = self.faults.iter_mut().find(|(injection, struck)| *struck == 0 && injection.at == moment);
        fault.is_some_and(|(_, struck)| {
            *struck += 1;
            true
        })
    }

    /// Returns the age at which the next fault strikes the run as a whole.
    pub(super) fn next_age(&self) -> Option<Duration> {
        self.ages().map(|(_, age)| age).min()
    }

    /// Returns what strikes the run at this age, once.
    pub(super) fn at_age(&mut self, now: Duration) -> Option<FaultKind> {
        let (index, _) = self.ages().filter(|(_, age)| *age <= now).min_by_key(|(_, age)| *age)?;
        let (injection, struck) = &mut self.faults[index];
        *struck += 1;
        Some(injection.kind.clone())
    }

    fn ages(&self) -> impl Iterator<Item = (usize, Duration)> {
        let faults = self.faults.iter().enumerate().filter(|(_, (_, struck))| *struck == 0);
        faults.filter_map(|(index, (injection, _))| match injection.at {
            Moment::Age(age) => Some((index, age)),
            Moment::Start(_) | Moment::Record { .. } => None,
        })
    }

    /// Returns the faults that have never struck.
    pub(super) fn unused(&self) -> Vec<Injection> {
        self.faults.iter().filter(|(_, struck)| *struck == 0).map(|(injection, _)| injection.clone()).collect()
    }
}
