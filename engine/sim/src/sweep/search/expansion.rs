//! What comes after a state: worked out for many states at once, by many threads, each state by itself.
//!
//! Nothing here depends on what becomes of another state of the same batch, so what a sweep finds does not depend on the
//! number of threads. What is new is entered afterwards, by one thread, in the order of the batch.

use std::sync::Arc;
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
    pub(super) source: Source,
}

/// Where the node of a state comes from.
pub(super) enum Source {
    /// It is there.
    Node(Box<Node>),
    /// It is made when it is its turn, by this one of the moves that wait.
    Fault(Arc<Origin>, usize),
}

/// A state from which faults lead to states that wait until all with fewer faults were visited: it is kept instead of them.
pub(super) struct Origin {
    node: Box<Node>,
    /// The moves that lead to states that wait.
    moves: Vec<Move>,
}

/// What was found in a state and comes after it.
pub(super) struct Expansion {
    pub(super) state: u32,
    /// How the run ends here, if nobody has said anything about it since.
    pub(super) end: Option<Verdict>,
    /// What goes against a rule, with the event that does, if one does.
    pub(super) breaches: Vec<(Option<Event>, Breach)>,
    pub(super) steps: Vec<Step>,
    /// The state itself, if a fault leads from it to a new one.
    pub(super) origin: Option<Arc<Origin>>,
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
    /// Another one, unless the same batch meets it, too; without its node after a fault.
    New(Fingerprint, Option<Box<Node>>),
}

impl Step {
    /// Returns whether it leads to a state that has to wait for its turn.
    fn waits(&self) -> bool {
        matches!(self.to, To::New(_, None))
    }
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
        Entry { state, source }: Entry,
        listed: &mut Vec<Move>,
        spare: &mut Spare,
    ) -> Result<Expansion, IllegalEvent> {
        let node = self.node(source, spare)?;
        let run = &node.run;
        let breaches = self.broken_properties(run);
        let mut expansion = Expansion { state, end: None, breaches, steps: Vec::new(), origin: None };
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
        self.take_all(&mut expansion, node, listed, spare)?;
        Ok(expansion)
    }

    /// Returns the node of a state whose turn it is.
    fn node(self, source: Source, spare: &mut Spare) -> Result<Box<Node>, IllegalEvent> {
        match source {
            Source::Node(node) => Ok(node),
            Source::Fault(origin, choice) => {
                let mut node = copied(&origin.node, spare);
                node.apply(self.moves, &origin.moves[choice])?;
                spare.extend(Arc::into_inner(origin).map(|origin| origin.node));
                Ok(node)
            }
        }
    }

    /// Makes every move from a state.
    fn take_all(
        self,
        expansion: &mut Expansion,
        node: Box<Node>,
        listed: &mut Vec<Move>,
        spare: &mut Spare,
    ) -> Result<(), IllegalEvent> {
        expansion.steps.reserve_exact(listed.len());
        let Some((last, others)) = listed.split_last() else {
            spare.push(node);
            return Ok(());
        };
        for entry in others {
            let copy = copied(&node, spare);
            self.take(expansion, copy, entry, spare)?;
        }
        if last.cost.faults() == 0 && !expansion.steps.iter().any(Step::waits) {
            return self.take(expansion, node, last, spare);
        }
        let copy = copied(&node, spare);
        self.take(expansion, copy, last, spare)?;
        if expansion.steps.iter().any(Step::waits) {
            let moves = listed.drain(..).zip(&expansion.steps).filter(|(_, step)| step.waits());
            let moves = moves.map(|(entry, _)| entry).collect();
            expansion.origin = Some(Arc::new(Origin { node, moves }));
        } else {
            spare.push(node);
        }
        Ok(())
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
            None if entry.cost.faults() > 0 => {
                spare.push(node);
                To::New(fingerprint, None)
            }
            None => To::New(fingerprint, Some(node)),
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
