//! What the states visited lead from and to: histories, and what a fault point comes to.

use std::thread;

use firedrill_run::{Event, IllegalEvent, Run, Verdict};

use super::{Search, Struck, beginning};
use crate::place::named;
use crate::sweep::cost::Cost;
use crate::sweep::graph::Verdicts;
use crate::sweep::node::Node;
use crate::sweep::rules::is_left;
use crate::sweep::story::opens;
use crate::sweep::{PointVerdicts, Remains};

impl Search<'_> {
    /// Returns the events that first led to a state.
    pub(super) fn history(&self, state: u32) -> Result<Vec<Event>, IllegalEvent> {
        Ok(self.replay(state)?.0)
    }

    fn replay(&self, state: u32) -> Result<(Vec<Event>, Node), IllegalEvent> {
        let mut way = Vec::new();
        let mut at = state;
        while self.visits[at as usize].length > 0 {
            way.push(at);
            at = self.visits[at as usize].parent;
        }
        let mut node = self.root()?;
        let mut events = beginning().to_vec();
        let mut listed = Vec::new();
        for state in way.into_iter().rev() {
            let visit = self.visits[state as usize];
            self.moves.list(&node, self.has_faults(visit.parent), &mut listed);
            let entry = listed.swap_remove(usize::from(visit.choice));
            node.apply(&self.moves, &entry)?;
            events.push(entry.event);
        }
        Ok((events, node))
    }

    /// Returns what each fault point comes to, in the order of the points: each is looked into by itself, by many threads.
    pub(super) fn point_verdicts(&self) -> Result<Vec<PointVerdicts>, IllegalEvent> {
        let points: Vec<usize> = (0..self.moves.points.len()).collect();
        let size = points.len().div_ceil(self.sweep.threads.get()).max(1);
        thread::scope(|scope| {
            let verdicts_of =
                |part: &[usize]| part.iter().map(|&at| self.verdicts_at(at)).collect::<Result<Vec<_>, _>>();
            let parts: Vec<_> = points.chunks(size).map(|part| scope.spawn(move || verdicts_of(part))).collect();
            let mut verdicts = Vec::with_capacity(points.len());
            for part in parts {
                verdicts.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(verdicts)
        })
    }

    fn verdicts_at(&self, at: usize) -> Result<PointVerdicts, IllegalEvent> {
        let struck = self.struck.get(&at);
        let after = struck.iter().flat_map(|struck| &struck.after);
        let reached = after.fold(Verdicts::default(), |set, state| set.with(self.reach[*state as usize]));
        Ok(PointVerdicts {
            point: self.moves.points[at].clone(),
            faults: struck.map(|struck| struck.depth),
            verdicts: reached.iter().collect(),
            remains: struck.map_or(Ok(Vec::new()), |struck| self.remains(struck, reached))?,
        })
    }

    /// Returns what a human finds after a fault, by verdict.
    fn remains(&self, struck: &Struck, reached: Verdicts) -> Result<Vec<Remains>, IllegalEvent> {
        let mut remains = Vec::new();
        let leaves_something =
            |verdict: &Verdict| matches!(verdict, Verdict::Failed | Verdict::Cancelled | Verdict::Stuck);
        for verdict in reached.iter().filter(leaves_something) {
            let first = struck.after.iter().find(|&&state| self.reach[state as usize].contains(verdict));
            let Some(run) = first.map_or(Ok(None), |&state| self.descend(state, verdict))? else { continue };
            let left = left_by(&run, verdict);
            if !left.is_empty() {
                remains.push(Remains { verdict, left });
            }
        }
        Ok(remains)
    }

    /// Goes on from a state without a fault to a rest with a verdict that can be reached so.
    ///
    /// A state that is met again may stand for one that starts what is due in another order, and whose next states were
    /// not visited then. The way goes on from the one that was visited.
    fn descend(&self, mut state: u32, verdict: Verdict) -> Result<Option<Run>, IllegalEvent> {
        let (_, mut node) = self.replay(state)?;
        let mut is_visited = true;
        while node.run.verdict().is_none() {
            match self.towards(&node, state, verdict)? {
                Some((next, after)) => {
                    (state, node) = (next, after);
                    is_visited = false;
                }
                None if is_visited => return Ok(None),
                None => {
                    node = self.replay(state)?.1;
                    is_visited = true;
                }
            }
        }
        Ok(Some(node.run))
    }

    /// Returns the first state after this one, without a fault, from which a verdict can be reached.
    fn towards(&self, node: &Node, state: u32, verdict: Verdict) -> Result<Option<(u32, Node)>, IllegalEvent> {
        let mut listed = Vec::new();
        self.moves.list(node, self.has_faults(state), &mut listed);
        for entry in listed.iter().filter(|entry| entry.cost == Cost::Free) {
            let mut after = node.clone();
            after.apply(&self.moves, entry)?;
            let known = self.known.get(&after.fingerprint(self.orders)).copied();
            if let Some(known) = known.filter(|&known| self.reach[known as usize].contains(verdict)) {
                return Ok(Some((known, after)));
            }
        }
        Ok(None)
    }
}

fn left_by(run: &Run, verdict: Verdict) -> Vec<String> {
    if verdict == Verdict::Stuck {
        return opens(run);
    }
    let left = (0..run.plan().steps.len()).filter(|&step| is_left(run, step));
    left.map(|step| format!("what {} did is still there", named(run.plan(), step))).collect()
}
