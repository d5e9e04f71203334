//! Every state a run can reach: all outcomes of all commands in all orders, and a crash of the engine after every
//! record. States are told apart by themselves alone, which is why the machine's state holds no time.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_run::{Answer, Effect, Event, Exit, IllegalEvent, Rendered, Rendering, Run, Verdict};

use crate::waits::waits;

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many commands may end badly in one history.
    pub faults: u32,
    /// How often the engine may crash in one history.
    pub crashes: u32,
    /// States to visit at the most.
    pub states: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states visited.
    pub states: usize,
    /// Events applied.
    pub transitions: usize,
    /// How often each verdict was reached.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// Whether every state within the limits was visited.
    pub is_complete: bool,
    /// The first state found unsound, by a shortest history.
    pub violation: Option<Violation>,
}

/// A state that should not be, and how it comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong with it.
    pub why: String,
    /// A shortest history that leads to it.
    pub events: Vec<Event>,
}

/// A state with what its history has used up.
#[derive(Clone)]
struct Node {
    run: Run,
    faults: u32,
    crashes: u32,
    /// Its place among the histories.
    history: usize,
}

/// Every history visited: an event and the place of what came before it.
struct Histories(Vec<(usize, Event)>);

/// Visits every state that the plan can reach within the limits, nearest first, and holds each against `unsound`, which
/// says what is wrong with a state. Ends at the first that is.
pub fn explore(
    plan: Arc<Plan>,
    limits: Limits,
    unsound: impl Fn(&Run) -> Option<String>,
) -> Result<Explored, IllegalEvent> {
    let mut explored = Explored::default();
    let mut seen = HashSet::new();
    let mut histories = Histories(vec![(0, run_started()), (0, engine_started())]);
    let run = Run::replay(plan, [&run_started(), &engine_started()])?;
    let mut open = VecDeque::from([Node { run, faults: 0, crashes: 0, history: 1 }]);
    while let Some(node) = open.pop_front() {
        if !seen.insert(key(&node)) {
            continue;
        }
        explored.states += 1;
        if let Some(why) = unsound(&node.run) {
            explored.violation = Some(Violation { why, events: histories.of(node.history) });
            return Ok(explored);
        }
        if explored.states == limits.states {
            return Ok(explored);
        }
        if let Some(verdict) = node.run.verdict() {
            *explored.verdicts.entry(verdict).or_default() += 1;
        }
        for (event, cost) in successors(&node, limits) {
            explored.transitions += 1;
            open.push_back(node.after(event, cost, &mut histories)?);
        }
    }
    explored.is_complete = true;
    Ok(explored)
}

impl Node {
    fn after(&self, event: Event, cost: Cost, histories: &mut Histories) -> Result<Node, IllegalEvent> {
        let mut run = self.run.clone();
        run.apply(&event)?;
        histories.0.push((self.history, event));
        Ok(Node {
            run,
            faults: self.faults + cost.faults,
            crashes: self.crashes + cost.crashes,
            history: histories.0.len() - 1,
        })
    }
}

impl Histories {
    fn of(&self, mut at: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while at != 0 {
            let (before, event) = &self.0[at];
            events.push(event.clone());
            at = *before;
        }
        events.push(self.0[0].1.clone());
        events.reverse();
        events
    }
}

fn run_started() -> Event {
    Event::RunStarted { run: "explored".into(), plan: String::new() }
}

fn engine_started() -> Event {
    Event::EngineStarted { boot: String::new(), engine: String::new() }
}

fn key(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.run.state().hash(&mut hasher);
    (node.faults, node.crashes).hash(&mut hasher);
    hasher.finish()
}

/// What an event uses up.
#[derive(Clone, Copy, Default)]
struct Cost {
    faults: u32,
    crashes: u32,
}

fn successors(node: &Node, limits: Limits) -> Vec<(Event, Cost)> {
    let mut events = Vec::new();
    if node.run.verdict().is_none() && node.crashes < limits.crashes {
        events.push((engine_started(), Cost { crashes: 1, ..Cost::default() }));
    }
    let may_fail = node.faults < limits.faults;
    let effect = node.run.next().into_iter().find(|effect| !matches!(effect, Effect::Terminate(_)));
    if let Some(effect) = effect {
        perform(effect, may_fail, &mut events);
        return events;
    }
    for command in node.run.in_flight() {
        ends(may_fail, |exit| Event::Ended { command: command.clone(), exit, ms: 0 }, &mut events);
    }
    events.extend(waits(&node.run).into_iter().map(|wait| (Event::Elapsed { wait }, Cost::default())));
    events
}

fn perform(effect: Effect, may_fail: bool, events: &mut Vec<(Event, Cost)>) {
    let free = Cost::default();
    match effect {
        Effect::Start(command) => events.push((Event::Started { command }, free)),
        Effect::Decide(question) => {
            let answers = [Answer::Yes, Answer::No];
            events.extend(answers.map(|answer| (Event::Decided { question: question.clone(), answer }, free)));
        }
        Effect::Render(command) => {
            let text = Rendered { argv: Vec::new(), env: BTreeMap::new(), dir: None, stdin: None };
            events.push((Event::Rendered { command, outcome: Rendering::Text(text) }, free));
        }
        Effect::Judge(command) => {
            let met = Judgement::Met { outputs: BTreeMap::new() };
            events.push((Event::Judged { command: command.clone(), judgement: met }, free));
            if may_fail {
                let judgement = Judgement::Unmet { reason: String::new() };
                events.push((Event::Judged { command, judgement }, Cost { faults: 1, ..free }));
            }
        }
        Effect::Settle(command) => {
            events.push((Event::NotStarted { command: command.clone() }, free));
            events.push((Event::Adopted { command: command.clone() }, free));
            events.push((Event::Ended { command: command.clone(), exit: Exit::Lost, ms: 0 }, free));
            ends(may_fail, |exit| Event::Ended { command: command.clone(), exit, ms: 0 }, events);
        }
        other => unreachable!("an effect that the exploration does not know: {other:?}"),
    }
}

fn ends(may_fail: bool, event: impl Fn(Exit) -> Event, events: &mut Vec<(Event, Cost)>) {
    events.push((event(Exit::Code(0)), Cost::default()));
    if may_fail {
        let bad = [Exit::Code(1), Exit::TimedOut];
        events.extend(bad.map(|exit| (event(exit), Cost { faults: 1, ..Cost::default() })));
    }
}
