//! A state with what the sweep adds to it.

use std::collections::BTreeMap;
use std::hash::Hash as _;

use firedrill_run::{Event, IllegalEvent, Ruling, Run, StepId};

use super::cost::Cost;
use super::fingerprint::{Fingerprint, Wide};
use super::moves::{Move, Moves};
use super::orders::Orders;
use super::rule::Rule;
use super::rules::Breach;

/// The commands that fail from here on, by their points, ascending.
pub(super) type Dooms = Vec<usize>;

/// A state with what the sweep adds to it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) run: Run,
    pub(super) dooms: Dooms,
    /// The attempts that somebody has said are to be made, by their steps.
    licences: BTreeMap<StepId, u32>,
}

impl Node {
    pub(super) fn new(run: Run) -> Node {
        Node { run, dooms: Dooms::new(), licences: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, moves: &Moves, entry: &Move) -> Result<(), IllegalEvent> {
        if let Event::Ruled { step, ruling: Ruling::Retry, .. } = &entry.event {
            self.licences.insert(step.clone(), self.attempts(step) + 1);
        }
        self.run.apply(&entry.event)?;
        if let Cost::Doom(point) = entry.cost {
            let place = self.dooms.partition_point(|&other| other < point);
            self.dooms.insert(place, point);
        }
        if !self.dooms.is_empty() {
            moves.prune(self);
        }
        Ok(())
    }

    fn attempts(&self, step: &StepId) -> u32 {
        let index = self.run.plan().step_index(step.as_str());
        index.map_or(0, |index| self.run.summary(index).attempts)
    }

    /// Returns whether an attempt goes against a rule because somebody wants it.
    pub(super) fn excuses(&self, breach: &Breach, event: &Event) -> bool {
        let Event::Started { command } = event else { return false };
        let licensed = command.step().and_then(|step| self.licences.get(step));
        breach.rule == Rule::RepeatsAreLicensed && licensed == Some(&command.round)
    }

    /// Returns what makes a state one with others.
    pub(super) fn fingerprint(&self, orders: Orders) -> Fingerprint {
        let mut hasher = Wide::new();
        match orders {
            Orders::Distinct | Orders::Watched | Orders::All => self.run.hash_future(&mut hasher),
            Orders::Exact => self.run.state().hash(&mut hasher),
        }
        self.dooms.hash(&mut hasher);
        let is_left = |(step, attempt): &(&StepId, &u32)| self.attempts(step) <= **attempt;
        self.licences.iter().filter(is_left).for_each(|(step, _)| step.hash(&mut hasher));
        hasher.fingerprint()
    }
}

impl Clone for Node {
    fn clone(&self) -> Node {
        Node { run: self.run.clone(), dooms: self.dooms.clone(), licences: self.licences.clone() }
    }

    fn clone_from(&mut self, source: &Node) {
        self.run.clone_from(&source.run);
        self.dooms.clone_from(&source.dooms);
        self.licences.clone_from(&source.licences);
    }
}
