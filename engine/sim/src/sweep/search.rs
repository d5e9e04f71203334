//! Visits states, fewest faults first, nearest first.

mod ends;
mod expansion;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use firedrill_run::{Event, IllegalEvent, Run, Verdict};

use self::expansion::{Entry, Expansion, Source, Spare, Step, To};
use super::cost::Cost;
use super::fingerprint::{ByFingerprint, Fingerprint};
use super::graph::{Verdicts, pass_back};
use super::moves::{Moves, engine_started, run_started};
use super::node::Node;
use super::rule::{Rule, Weight};
use super::rules::Breach;
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

/// States that are worked out at once at the most: what comes after them is held in memory.
const BATCH: usize = 1 << 12;

pub(super) struct Search<'a> {
    sweep: &'a Sweep,
    moves: Moves,
    orders: Orders,
    known: ByFingerprint<u32>,
    visits: Vec<Visit>,
    reach: Vec<Verdicts>,
    /// States of the present depth, nearest first.
    open: VecDeque<Entry>,
    /// States of the next depth, nearest first.
    next: VecDeque<Entry>,
    /// Nodes whose memory can be used again, by thread.
    spares: Vec<Spare>,
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
            spares: (0..sweep.threads.get()).map(|_| Spare::new()).collect(),
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
        let fingerprint = root.fingerprint(self.orders);
        self.meet(fingerprint, Source::Node(Box::new(root)), Visit::ROOT);
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
        loop {
            let batch = self.batch(&mut seeds, depth);
            let room = self.sweep.states - self.states;
            if batch.is_empty() {
                return Ok(true);
            }
            let is_enough = batch.len() <= room;
            let batch = batch.into_iter().take(room).collect();
            for expansion in self.expand(batch)? {
                self.enter(expansion)?;
            }
            if !is_enough {
                return Ok(false);
            }
        }
    }

    /// Takes the nearest states that are to be visited with this many faults, all equally near: what comes after them is
    /// farther away than each of them.
    fn batch(&mut self, seeds: &mut VecDeque<Entry>, depth: u32) -> Vec<Entry> {
        let mut batch = Vec::new();
        let mut nearest = None;
        while batch.len() < BATCH {
            // What was met again with fewer faults has been visited; it is no measure of how near the others are.
            while seeds.front().is_some_and(|entry| self.visits[entry.state as usize].depth < depth) {
                seeds.pop_front();
            }
            let length = |queue: &VecDeque<Entry>| {
                queue.front().map_or(u32::MAX, |entry| self.visits[entry.state as usize].length)
            };
            let (of_seeds, of_open) = (length(seeds), length(&self.open));
            if *nearest.get_or_insert(of_seeds.min(of_open)) < of_seeds.min(of_open) {
                break;
            }
            let popped = if of_seeds < of_open { seeds.pop_front() } else { self.open.pop_front() };
            let Some(entry) = popped else { break };
            batch.push(entry);
        }
        batch
    }

    /// Keeps the memory of a node that is not needed any more.
    fn recycle(&mut self, source: Source) {
        if let Source::Node(node) = source {
            let at = self.states % self.spares.len();
            self.spares[at].push(node);
        }
    }

    /// Enters what was found in a state and what comes after it.
    fn enter(&mut self, expansion: Expansion) -> Result<(), IllegalEvent> {
        let Expansion { state, end, breaches, steps, origin } = expansion;
        self.states += 1;
        self.transitions += steps.len();
        self.members.push(state);
        if let Some(verdict) = end {
            let counts = self.verdicts.last_mut().expect("a depth is being visited");
            *counts.entry(verdict).or_default() += 1;
            self.examples.entry(verdict).or_insert(state);
            self.reach[state as usize] = Verdicts::only(verdict);
        }
        for (event, breach) in breaches {
            self.report(state, event.as_ref(), breach)?;
        }
        let Visit { depth, length, .. } = self.visits[state as usize];
        let mut waiting = 0;
        for (choice, Step { cost, points, to }) in steps.into_iter().enumerate() {
            let choice = u16::try_from(choice).expect("a state has fewer than 65,536 moves");
            let visit = Visit { parent: state, choice, depth: depth + cost.faults(), length: length + 1 };
            let to = match to {
                To::Known(known) => known,
                To::New(fingerprint, Some(node)) => self.meet(fingerprint, Source::Node(node), visit),
                To::New(fingerprint, None) => {
                    let origin = Arc::clone(origin.as_ref().expect("a state is kept if a fault leads to a new one"));
                    waiting += 1;
                    self.meet(fingerprint, Source::Fault(origin, waiting - 1), visit)
                }
            };
            if cost == Cost::Free {
                self.edges.push((state, to));
            }
            for point in points {
                self.strike(point, visit.depth, to);
            }
        }
        Ok(())
    }

    /// Returns whether a fault is left to a history that has come to a state.
    fn has_faults(&self, state: u32) -> bool {
        self.visits[state as usize].depth < self.sweep.depth
    }

    /// Enters a state, unless it is known with as few faults. Returns its number.
    fn meet(&mut self, fingerprint: Fingerprint, source: Source, visit: Visit) -> u32 {
        let fresh = u32::try_from(self.visits.len()).expect("a sweep keeps fewer than 2^32 states");
        let state = *self.known.entry(fingerprint).or_insert(fresh);
        if state == fresh {
            self.visits.push(visit);
            self.reach.push(Verdicts::default());
        } else if visit.depth < self.visits[state as usize].depth {
            self.visits[state as usize] = visit;
        } else {
            self.recycle(source);
            return state;
        }
        let is_next = visit.depth as usize >= self.verdicts.len();
        let queue = if is_next { &mut self.next } else { &mut self.open };
        queue.push_back(Entry { state, source });
        state
    }

    fn strike(&mut self, point: usize, depth: u32, to: u32) {
        let struck = self.struck.entry(point).or_insert(Struck { depth, after: Vec::new() });
        if struck.depth == depth {
            struck.after.push(to);
        }
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
