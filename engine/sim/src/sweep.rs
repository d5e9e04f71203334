//! The sweep: every outcome of everything a plan does, up to a number of faults, in every order that matters.
//!
//! A fault is a command or probe that does not end as expected, a text or condition without a value, a crash of the engine,
//! or a cancel. States are visited by the number of faults that lead to them, so that a counter-example has as few faults
//! as possible and "complete to fault depth D" is meant as it is said. The engine's own records (intents, decisions,
//! renderings, judgements) come at once and in the order of [`Run::next`], as the drivers make them; what takes time (the
//! ends of commands, waits, what becomes of commands after a crash) is a *strand*, and the strands come in every order.
//!
//! # Why some orders need not be tried
//! Two reductions keep verdicts and violations as they are. [`Orders::All`] turns the second off, [`Orders::Exact`] both, and
//! the tests compare what is found.
//!
//! **States by their future.** Two states are one if [`Run::hash_future`] says so: they can do the same things and end
//! alike. So a step that succeeded at its second attempt is like one that succeeded at its first, and which of two steps
//! completed first is forgotten where there is room for everything that is due.
//!
//! **One strand at a time.** In some states only the events of the first strand are tried (a persistent set). That loses
//! nothing if, in every continuation, that strand's event could as well have come first: it changes only its own step and
//! counters of others, which add up alike in both orders, and no other strand can take it back or be affected by it.
//! What can break this is an event that reaches all strands: the failure of a step, a crash, a cancel. So one strand is
//! enough
//! - while the guards of the playbook are asked, and at rest while the invariants are: nothing begins until all have
//!   answered, whatever strikes meanwhile, and the answer of a probe that a crash finds running may be learned after it;
//! - while the run unwinds and no fault is left: steps have ended, and a hook waits only for the hooks of the
//!   same step and of those that need it, which come before it in every order;
//! - while steps run, no fault is left, and no step under way can fail: every order leads to the same end.
//!
//! While the run halts all strands are tried: of two steps that still end, the one that ends in doubt may be the first.
//! If steps have locks, all strands are tried all along: who has one keeps others from theirs.
//!
//! A guard of the playbook that is still being asked when nothing waits for its answer any more may outlive everything, so
//! then the other strands are tried beside it. Among themselves such guards are alike, and come one after the other. So are
//! probes of the playbook that a crash found running: what can become of the first is tried, the others are still running,
//! and then say what they would have said.
//!
//! What somebody can say about the failure of a step that asks is tried in every way, while other steps still run and when the
//! run is at rest; what follows is held against the same rules, within the same number of faults. It is no part of what a
//! fault leads to by itself, which ends with the question.
//!
//! The rules about one event (needs, licence, dependents first) read only what comes before that event in every order; the
//! rules about rest read states that every order leads to. A property of the author's about states that are not at rest
//! sees every order of what changes steps: the sweep then tries those too ([`Orders::Watched`]), and one strand is enough only
//! while guards or invariants of the playbook are asked, when no step changes. The runs have no circles without a crash (the sweep checks it), so no
//! strand is put off for ever.

mod advice;
mod condition;
mod cost;
mod fault;
mod fingerprint;
mod graph;
mod locks;
mod moves;
mod node;
mod orders;
mod property;
mod rule;
mod rules;
mod scopes;
mod search;
mod story;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::{Event, IllegalEvent, Verdict};

pub use condition::{Condition, StepStatus};
pub use fault::{FaultKind, FaultPoint, Site, fault_points};
pub use orders::Orders;
pub use property::{Property, PropertyError, Quantifier};
pub use rule::{Rule, States, Weight};
pub use story::story;

pub(crate) use fault::{Nature, can_be_unmet, can_run, is_judged};
pub(crate) use moves::bad;

#[cfg(doc)]
use firedrill_run::Run;

/// A plan to be swept, and how far.
#[derive(Clone, Debug)]
pub struct Sweep {
    plan: Arc<Plan>,
    depth: u32,
    states: usize,
    kinds: Vec<FaultKind>,
    properties: Vec<Property>,
    orders: Orders,
    threads: NonZeroUsize,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Swept {
    /// Different states visited.
    pub states: usize,
    /// Different states met, visited or not.
    pub met: usize,
    /// Events applied.
    pub transitions: usize,
    /// How far the sweep came.
    pub extent: Extent,
    /// How many states at rest have each verdict, by the fewest faults that lead to them.
    pub verdicts: Vec<BTreeMap<Verdict, usize>>,
    /// The shortest history to each verdict.
    pub examples: BTreeMap<Verdict, Vec<Event>>,
    /// Every fault point of the plan, in its order, with what it leads to.
    pub points: Vec<PointVerdicts>,
    /// Every rule gone against, with the shortest history of the fewest faults.
    pub violations: Vec<Counterexample>,
    /// Everything that may be meant and is worth a look, told in the same way.
    pub advice: Vec<Counterexample>,
}

/// How far a sweep came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything up to this many faults was visited.
    Complete {
        /// The number of faults.
        depth: u32,
    },
    /// The budget ended among the states with this many faults; everything with fewer was visited.
    Stopped {
        /// The number of faults.
        within: u32,
    },
}

/// What a fault point leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointVerdicts {
    /// The point.
    pub point: FaultPoint,
    /// The fewest faults of a history that ends with this one: 1 if it can be the only one, more if another must come
    /// first, such as a failure before a rollback can fail; none if the sweep did not come to it.
    pub faults: Option<u32>,
    /// The verdicts that histories of that many faults come to, best first.
    pub verdicts: Vec<Verdict>,
    /// What is found then, for each verdict after which something is left: failed and stuck.
    pub remains: Vec<Remains>,
}

/// What a history leaves for a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Its verdict.
    pub verdict: Verdict,
    /// What is left or owed, each as a sentence; of the first history found, others may leave something else.
    pub left: Vec<String>,
}

/// A history that goes against a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The rule.
    pub rule: Rule,
    /// What is wrong, in an operator's words.
    pub why: String,
    /// Faults in the history.
    pub faults: u32,
    /// The history.
    pub events: Vec<Event>,
    /// The history as sentences, the last of which says what is wrong.
    pub story: Vec<String>,
}

impl Sweep {
    /// Faults in one history, unless said otherwise.
    pub const DEPTH: u32 = 1;
    /// States visited at the most, unless said otherwise.
    pub const STATES: usize = 2_000_000;

    /// Returns a sweep of a plan with the usual limits. Repetitions whose items are not known have two of them.
    pub fn new(plan: Arc<Plan>) -> Sweep {
        Sweep {
            plan: plan.exemplified(),
            depth: Self::DEPTH,
            states: Self::STATES,
            kinds: FaultKind::ALL.to_vec(),
            properties: Vec::new(),
            orders: Orders::Distinct,
            threads: NonZeroUsize::MIN,
        }
    }

    /// Says how many faults one history may have.
    #[must_use]
    pub fn depth(self, depth: u32) -> Sweep {
        Sweep { depth, ..self }
    }

    /// Says how many states may be visited.
    #[must_use]
    pub fn budget(self, states: usize) -> Sweep {
        Sweep { states, ..self }
    }

    /// Says which kinds of faults are tried; all, unless said otherwise.
    #[must_use]
    pub fn faults(self, kinds: Vec<FaultKind>) -> Sweep {
        Sweep { kinds, ..self }
    }

    /// Says which orders are tried.
    #[must_use]
    pub fn orders(self, orders: Orders) -> Sweep {
        Sweep { orders, ..self }
    }

    /// Says how many threads work at once; one, unless said otherwise. What is found does not depend on it.
    #[must_use]
    pub fn threads(self, threads: NonZeroUsize) -> Sweep {
        Sweep { threads, ..self }
    }

    /// Adds a property that must hold.
    #[must_use]
    pub fn property(mut self, property: Property) -> Sweep {
        self.properties.push(property);
        self
    }

    /// Sweeps the plan. The same sweep always finds the same.
    ///
    /// Fails if the machine refuses an event that it asked for, which is a fault of the engine.
    pub fn run(&self) -> Result<Swept, IllegalEvent> {
        search::Search::new(self).run()
    }

    fn orders_needed(&self) -> Orders {
        match self.orders {
            Orders::Distinct if self.properties.iter().any(|property| property.states() == States::All) => {
                Orders::Watched
            }
            orders => orders,
        }
    }
}

impl Swept {
    /// Returns the verdicts that were reached.
    pub fn reached(&self) -> impl Iterator<Item = Verdict> {
        self.examples.keys().copied()
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.extent {
            Extent::Complete { depth } => {
                write!(f, "explored {} states, complete to fault depth {depth}", self.states)
            }
            Extent::Stopped { within } => {
                write!(f, "stopped at {} of at least {} states within fault depth {within}", self.states, self.met)
            }
        }
    }
}
