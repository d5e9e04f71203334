//! What comes after a state: worked out for many states at once, by many threads, each state by itself.
//!
//! Nothing here depends on what becomes of another state of the same batch, so what a sweep finds does not depend on the
//! number of threads. What is new is entered afterwards, by one thread, in the order of the batch.

use std::thread;

use firedrill_run::{CommandId, Event, IllegalEvent, Run, Verdict};

use super::{Search, Visit};
use crate::sweep::Sweep;
use crate::sweep::advice::{advice_at_rest, advice_on};
use crate::sweep::cost::Cost;
use crate::sweep::fingerprint::{ByFingerprint, Fingerprint};
use crate::sweep::moves::{Move, Moves};
use crate::sweep::node::Node;
use crate::sweep::orders::Orders;
use crate::sweep::rule::Rule;
use crate::sweep::rules::{Breach, broken_at_rest, broken_by};

/// States that are worked out by one thread as fast as by several.
const FEW: usize = 64;

/// A state that is to be visited.
pub(super) struct Entry {
    pub(super) state: u32,
    pub(super) node: Box<Node>,
}

/// What was found in a state and comes after it.
pub(super) struct Expansion {
    pub(super) state: u32,
    /// How the run ends here, if nobody has said anything about it since.
    pub(super) end: Option<Verdict>,
    /// What goes against a rule, with the event that does, if one does.
    pub(super) breaches: Vec<(Option<Event>, Breach)>,
    pub(super) steps: Vec<Step>,
}

/// A move from a state.
pub(super) struct Step {
    pub(super) cost: Cost,
    /// The points of the plan at which the move is a fault.
    pub(super) points: Vec<usize>,
    pub(super) to: To,
}

/// The state to which a move leads.
pub(super) enum To {
    /// One that is known with as few faults.
    Known(u32),
    /// Another one, unless the same batch meets it, too.
    New(Fingerprint, Box<Node>),
}

/// Nodes whose memory can be used again.
pub(super) type Spare = Vec<Box<Node>>;

impl Search<'_> {
    /// Works out what comes after each state of a batch, in its order.
    pub(super) fn expand(&mut self, batch: Vec<Entry>) -> Result<Vec<Expansion>, IllegalEvent> {
        let Search { sweep, moves, orders, known, visits, spares, .. } = self;
        let expander = Expander { sweep, moves, orders: *orders, known, visits };
        let size = if batch.len() < FEW { batch.len() } else { batch.len().div_ceil(spares.len()) };
        let mut batch = batch.into_iter();
        thread::scope(|scope| {
            let (first, others) = spares.split_first_mut().expect("a sweep has at least one thread");
            let own: Vec<Entry> = batch.by_ref().take(size).collect();
            let others: Vec<_> = others
                .iter_mut()
                .map(|spare| (batch.by_ref().take(size).collect::<Vec<Entry>>(), spare))
                .filter(|(part, _)| !part.is_empty())
                .map(|(part, spare)| scope.spawn(move || expander.expand_all(part, spare)))
                .collect();
            let mut expansions = expander.expand_all(own, first)?;
            for other in others {
                let joined = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                expansions.extend(joined?);
            }
            Ok(expansions)
        })
    }
}

/// What is the same for all states of a batch.
#[derive(Clone, Copy)]
struct Expander<'a> {
    sweep: &'a Sweep,
    moves: &'a Moves,
    orders: Orders,
    known: &'a ByFingerprint<u32>,
    visits: &'a [Visit],
}

impl Expander<'_> {
    fn expand_all(self, entries: Vec<Entry>, spare: &mut Spare) -> Result<Vec<Expansion>, IllegalEvent> {
        let mut listed = Vec::new();
        entries.into_iter().map(|entry| self.expand(entry, &mut listed, spare)).collect()
    }

    fn expand(
        self,
        Entry { state, node }: Entry,
        listed: &mut Vec<Move>,
        spare: &mut Spare,
    ) -> Result<Expansion, IllegalEvent> {
        let run = &node.run;
        let mut expansion = Expansion { state, end: None, breaches: self.broken_properties(run), steps: Vec::new() };
        let mut broken = |breach| expansion.breaches.push((None, breach));
        self.moves.list(&node, self.visits[state as usize].depth < self.sweep.depth, listed);
        if let Some(verdict) = run.verdict() {
            if !run.is_told() {
                expansion.end = Some(verdict);
                let breaches = broken_at_rest(run, verdict).into_iter().chain(advice_at_rest(run, verdict));
                breaches.for_each(broken);
            }
        } else if !listed.iter().any(|entry| entry.cost == Cost::Free) {
            broken(Breach::new(Rule::ComesToRest, "nothing can happen any more and the run is not at rest"));
            listed.clear();
        }
        expansion.steps.reserve_exact(listed.len());
        let Some((last, others)) = listed.split_last() else {
            spare.push(node);
            return Ok(expansion);
        };
        for entry in others {
            let copy = copied(&node, spare);
            self.take(&mut expansion, copy, entry, spare)?;
        }
        self.take(&mut expansion, node, last, spare)?;
        Ok(expansion)
    }

    fn broken_properties(self, run: &Run) -> Vec<(Option<Event>, Breach)> {
        let broken = self.sweep.properties.iter().filter(|property| property.is_broken(run));
        broken.map(|property| (None, Breach::new(property.rule(), property.why(run)))).collect()
    }

    /// Makes one move from a state.
    fn take(
        self,
        expansion: &mut Expansion,
        mut node: Box<Node>,
        entry: &Move,
        spare: &mut Spare,
    ) -> Result<(), IllegalEvent> {
        let broken = broken_by(&node.run, &entry.event).filter(|breach| !node.excuses(breach, &entry.event));
        let breaches = broken.into_iter().chain(advice_on(&node.run, &entry.event));
        expansion.breaches.extend(breaches.map(|breach| (Some(entry.event.clone()), breach)));
        let points = self.points(&node.run, entry.cost);
        node.apply(self.moves, entry)?;
        let fingerprint = node.fingerprint(self.orders);
        let depth = self.visits[expansion.state as usize].depth + entry.cost.faults();
        let known = self.known.get(&fingerprint).copied();
        let to = match known.filter(|&known| self.visits[known as usize].depth <= depth) {
            Some(known) => {
                spare.push(node);
                To::Known(known)
            }
            None => To::New(fingerprint, node),
        };
        expansion.steps.push(Step { cost: entry.cost, points, to });
        Ok(())
    }

    /// Returns the points of the plan at which a move is a fault.
    fn points(self, run: &Run, cost: Cost) -> Vec<usize> {
        match cost {
            Cost::Free | Cost::Word | Cost::Fault(None) => Vec::new(),
            Cost::Fault(Some(point)) | Cost::Doom(point) => vec![point],
            Cost::Global(kind) => {
                let flights = run.in_flight();
                flights.iter().filter_map(|command: &CommandId| self.moves.point(command, kind)).collect()
            }
        }
    }
}

fn copied(node: &Node, spare: &mut Spare) -> Box<Node> {
    match spare.pop() {
        Some(mut copy) => {
            (*copy).clone_from(node);
            copy
        }
        None => Box::new(node.clone()),
    }
}
