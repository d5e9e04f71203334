//! Visits states, fewest faults first, nearest first.

mod ends;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash as _};
use std::sync::Arc;

use firedrill_run::{CommandId, Event, IllegalEvent, Run, Verdict};

use super::advice::{advice_at_rest, advice_on};
use super::fingerprint::{ByFingerprint, Fingerprint, Wide};
use super::graph::{Verdicts, pass_back};
use super::moves::{Cost, Move, Moves, engine_started, run_started};
use super::node::Node;
use super::rule::{Rule, Weight};
use super::rules::{Breach, broken_at_rest, broken_by};
use super::story::story;
use super::{Counterexample, Extent, Orders, Sweep, Swept};

/// How a state was first come to.
#[derive(Clone, Copy, Debug)]
struct Visit {
    parent: u32,
    /// Which of the parent's moves.
    choice: u16,
    /// Faults on the way.
    depth: u32,
    /// Events on the way.
    length: u32,
}

/// What a fault point was found to lead to.
#[derive(Clone, Debug)]
struct Struck {
    /// The fewest faults of a history that ends with this one.
    depth: u32,
    /// The states that come right after it, if it is the last of that many faults.
    after: Vec<u32>,
}

/// States for which there is room before the table of known states grows.
const FIRST_ROOM: usize = 1 << 16;

pub(super) struct Search<'a> {
    sweep: &'a Sweep,
    moves: Moves,
    orders: Orders,
    known: ByFingerprint<u32>,
    visits: Vec<Visit>,
    reach: Vec<Verdicts>,
    /// States of the present depth, nearest first.
    open: VecDeque<(u32, Box<Node>)>,
    /// States of the next depth, nearest first.
    next: VecDeque<(u32, Box<Node>)>,
    /// Nodes whose memory can be used again.
    #[expect(clippy::vec_box, reason = "the boxes go to the queues and come back")]
    spare: Vec<Box<Node>>,
    members: Vec<u32>,
    edges: Vec<(u32, u32)>,
    struck: BTreeMap<usize, Struck>,
    states: usize,
    transitions: usize,
    verdicts: Vec<BTreeMap<Verdict, usize>>,
    examples: BTreeMap<Verdict, u32>,
    breaches: BTreeSet<Breach>,
    violations: Vec<Counterexample>,
    advice: Vec<Counterexample>,
}

impl<'a> Search<'a> {
    pub(super) fn new(sweep: &'a Sweep) -> Search<'a> {
        let orders = sweep.orders_needed();
        Search {
            sweep,
            moves: Moves::new(&sweep.plan, orders, &sweep.kinds),
            orders,
            known: ByFingerprint::with_capacity_and_hasher(FIRST_ROOM.min(sweep.states), BuildHasherDefault::default()),
            visits: Vec::new(),
            reach: Vec::new(),
            open: VecDeque::new(),
            next: VecDeque::new(),
            spare: Vec::new(),
            members: Vec::new(),
            edges: Vec::new(),
            struck: BTreeMap::new(),
            states: 0,
            transitions: 0,
            verdicts: Vec::new(),
            examples: BTreeMap::new(),
            breaches: BTreeSet::new(),
            violations: Vec::new(),
            advice: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Swept, IllegalEvent> {
        let root = self.root()?;
        let fingerprint = self.fingerprint(&root);
        self.meet(fingerprint, Box::new(root), Visit::ROOT);
        let mut extent = Extent::Complete { depth: self.sweep.depth };
        for depth in 0..=self.sweep.depth {
            self.verdicts.push(BTreeMap::new());
            let is_complete = self.layer(depth)?;
            self.close_layer()?;
            if !is_complete {
                extent = Extent::Stopped { within: depth };
                break;
            }
        }
        self.finish(extent)
    }

    fn root(&self) -> Result<Node, IllegalEvent> {
        let run = Run::replay(Arc::clone(&self.sweep.plan), &beginning())?;
        Ok(Node::new(run))
    }

    /// Visits the states with this many faults. Returns whether the budget was enough for all of them.
    fn layer(&mut self, depth: u32) -> Result<bool, IllegalEvent> {
        let mut seeds = std::mem::take(&mut self.next);
        let mut listed = Vec::new();
        while let Some((state, node)) = self.nearest(&mut seeds) {
            if self.visits[state as usize].depth < depth {
                continue;
            }
            if self.states == self.sweep.states {
                return Ok(false);
            }
            self.visit(state, node, &mut listed)?;
        }
        Ok(true)
    }

    fn nearest(&mut self, seeds: &mut VecDeque<(u32, Box<Node>)>) -> Option<(u32, Box<Node>)> {
        let length =
            |entry: Option<&(u32, Box<Node>)>| entry.map_or(u32::MAX, |(state, _)| self.visits[*state as usize].length);
        if length(seeds.front()) < length(self.open.front()) { seeds.pop_front() } else { self.open.pop_front() }
    }

    fn visit(&mut self, state: u32, node: Box<Node>, listed: &mut Vec<Move>) -> Result<(), IllegalEvent> {
        self.states += 1;
        self.members.push(state);
        self.hold_against_properties(state, &node.run)?;
        self.moves.list(&node, self.has_faults(state), listed);
        if let Some(verdict) = node.run.verdict() {
            if !node.run.is_told() {
                self.rest(state, &node.run, verdict)?;
            }
            if listed.is_empty() {
                self.spare.push(node);
                return Ok(());
            }
        } else if !listed.iter().any(|entry| entry.cost == Cost::Free) {
            let why = "nothing can happen any more and the run is not at rest";
            return self.report(state, None, Breach::new(Rule::ComesToRest, why));
        }
        self.transitions += listed.len();
        self.expand(state, node, listed)
    }

    /// Returns whether a fault is left to a history that has come to a state.
    fn has_faults(&self, state: u32) -> bool {
        self.visits[state as usize].depth < self.sweep.depth
    }

    fn expand(&mut self, state: u32, node: Box<Node>, listed: &[Move]) -> Result<(), IllegalEvent> {
        let last = listed.len() - 1;
        for (choice, entry) in listed[..last].iter().enumerate() {
            let copy = self.copied(&node);
            self.take(state, copy, choice, entry)?;
        }
        self.take(state, node, last, &listed[last])
    }

    fn copied(&mut self, node: &Node) -> Box<Node> {
        match self.spare.pop() {
            Some(mut copy) => {
                (*copy).clone_from(node);
                copy
            }
            None => Box::new(node.clone()),
        }
    }

    /// Makes one move from a state.
    fn take(&mut self, from: u32, mut node: Box<Node>, choice: usize, entry: &Move) -> Result<(), IllegalEvent> {
        let broken = broken_by(&node.run, &entry.event).filter(|breach| !node.excuses(breach, &entry.event));
        for breach in broken.into_iter().chain(advice_on(&node.run, &entry.event)) {
            self.report(from, Some(&entry.event), breach)?;
        }
        let points = self.points(&node.run, entry.cost);
        node.apply(&self.moves, entry)?;
        let Visit { depth, length, .. } = self.visits[from as usize];
        let is_fault = !matches!(entry.cost, Cost::Free | Cost::Word);
        let visit = Visit {
            parent: from,
            choice: u16::try_from(choice).expect("a state has fewer than 65,536 moves"),
            depth: depth + u32::from(is_fault),
            length: length + 1,
        };
        let fingerprint = self.fingerprint(&node);
        let to = self.meet(fingerprint, node, visit);
        if entry.cost == Cost::Free {
            self.edges.push((from, to));
        }
        for point in points {
            self.strike(point, visit.depth, to);
        }
        Ok(())
    }

    /// Enters a state, unless it is known with as few faults. Returns its number.
    fn meet(&mut self, fingerprint: Fingerprint, node: Box<Node>, visit: Visit) -> u32 {
        let fresh = u32::try_from(self.visits.len()).expect("a sweep keeps fewer than 2^32 states");
        let state = *self.known.entry(fingerprint).or_insert(fresh);
        if state == fresh {
            self.visits.push(visit);
            self.reach.push(Verdicts::default());
        } else if visit.depth < self.visits[state as usize].depth {
            self.visits[state as usize] = visit;
        } else {
            self.spare.push(node);
            return state;
        }
        let is_next = visit.depth as usize >= self.verdicts.len();
        let queue = if is_next { &mut self.next } else { &mut self.open };
        queue.push_back((state, node));
        state
    }

    /// Returns the points of the plan at which a move is a fault.
    fn points(&self, run: &Run, cost: Cost) -> Vec<usize> {
        match cost {
            Cost::Free | Cost::Word | Cost::Fault(None) => Vec::new(),
            Cost::Fault(Some(point)) | Cost::Doom(point) => vec![point],
            Cost::Global(kind) => {
                let flights = run.in_flight();
                flights.iter().filter_map(|command: &CommandId| self.moves.point(command, kind)).collect()
            }
        }
    }

    fn strike(&mut self, point: usize, depth: u32, to: u32) {
        let struck = self.struck.entry(point).or_insert(Struck { depth, after: Vec::new() });
        if struck.depth == depth {
            struck.after.push(to);
        }
    }

    fn rest(&mut self, state: u32, run: &Run, verdict: Verdict) -> Result<(), IllegalEvent> {
        let counts = self.verdicts.last_mut().expect("a depth is being visited");
        *counts.entry(verdict).or_default() += 1;
        self.examples.entry(verdict).or_insert(state);
        self.reach[state as usize] = Verdicts::only(verdict);
        for breach in broken_at_rest(run, verdict).into_iter().chain(advice_at_rest(run, verdict)) {
            self.report(state, None, breach)?;
        }
        Ok(())
    }

    fn hold_against_properties(&mut self, state: u32, run: &Run) -> Result<(), IllegalEvent> {
        let sweep = self.sweep;
        for property in sweep.properties.iter().filter(|property| property.is_broken(run)) {
            let breach = Breach::new(property.rule(), property.why(run));
            self.report(state, None, breach)?;
        }
        Ok(())
    }

    /// Keeps the first history that leads to each breach.
    fn report(&mut self, state: u32, event: Option<&Event>, breach: Breach) -> Result<(), IllegalEvent> {
        if !self.breaches.insert(breach.kind()) {
            return Ok(());
        }
        let mut events = self.history(state)?;
        events.extend(event.cloned());
        let mut told = story(&self.sweep.plan, &events);
        told.push(breach.to_string());
        let list = match breach.rule.weight() {
            Weight::Violation => &mut self.violations,
            Weight::Advice => &mut self.advice,
        };
        list.push(Counterexample {
            rule: breach.rule,
            why: breach.why,
            faults: self.visits[state as usize].depth,
            events,
            story: told,
        });
        Ok(())
    }

    fn close_layer(&mut self) -> Result<(), IllegalEvent> {
        let members = std::mem::take(&mut self.members);
        let edges = std::mem::take(&mut self.edges);
        match pass_back(&members, &edges, &mut self.reach) {
            None => Ok(()),
            Some(state) => {
                let why = "the run can go on for ever without coming to rest";
                self.report(state, None, Breach::new(Rule::ComesToRest, why))
            }
        }
    }

    fn fingerprint(&self, node: &Node) -> Fingerprint {
        let mut hasher = Wide::new();
        match self.orders {
            Orders::Distinct | Orders::Watched | Orders::All => node.run.hash_future(&mut hasher),
            Orders::Exact => node.run.state().hash(&mut hasher),
        }
        node.hash_extras(&mut hasher);
        hasher.fingerprint()
    }

    fn finish(self, extent: Extent) -> Result<Swept, IllegalEvent> {
        let examples = self.examples.iter();
        let examples = examples.map(|(verdict, state)| Ok((*verdict, self.history(*state)?)));
        Ok(Swept {
            states: self.states,
            met: self.visits.len(),
            transitions: self.transitions,
            extent,
            examples: examples.collect::<Result<_, IllegalEvent>>()?,
            points: self.point_verdicts()?,
            verdicts: self.verdicts,
            violations: self.violations,
            advice: self.advice,
        })
    }
}

impl Visit {
    const ROOT: Visit = Visit { parent: 0, choice: 0, depth: 0, length: 0 };
}

/// Returns what every history begins with.
fn beginning() -> [Event; 2] {
    [run_started(), engine_started()]
}
