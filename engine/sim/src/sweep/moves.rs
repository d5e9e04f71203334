//! What can happen next: every answer that the world, the playbook's expressions and the people around can give.

use std::collections::{BTreeMap, HashMap};

use firedrill_model::judge::Judgement;
use firedrill_model::plan::{Command, Plan};
use firedrill_run::{
    Answer, CommandId, Debt, Effect, Event, Exit, Phase, Question, Rendered, Rendering, Role, Ruling, Run, Stage,
    StepId, Subject, Wait, Waiting,
};

use super::cost::Cost;
use super::fault::{FaultKind, FaultPoint, Nature, Site, can_be_unmet, fault_points, is_judged};
use super::fingerprint::Cheap;
use super::node::Node;
use super::orders::{Orders, is_asked_in_vain, is_behind_another, is_one_enough, is_playbook_probe};
use crate::people;
use crate::waits::{deadlines, waits};

/// One thing that can happen next.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) event: Event,
    pub(super) cost: Cost,
}

/// The moves of a plan, with its fault points.
#[derive(Debug)]
pub(super) struct Moves {
    pub(super) points: Vec<FaultPoint>,
    /// The points of each site, by kind.
    index: HashMap<Site, [Option<usize>; FaultKind::ALL.len()], Cheap>,
    orders: Orders,
    kinds: Vec<FaultKind>,
}

impl Moves {
    pub(super) fn new(plan: &Plan, orders: Orders, kinds: &[FaultKind]) -> Moves {
        let points = fault_points(plan);
        let mut index: HashMap<Site, [Option<usize>; FaultKind::ALL.len()], Cheap> = HashMap::default();
        for (at, point) in points.iter().enumerate() {
            index.entry(point.site.clone()).or_default()[point.kind as usize] = Some(at);
        }
        Moves { points, index, orders, kinds: kinds.to_vec() }
    }

    /// Lists everything that can happen next, with faults only if some are left.
    pub(super) fn list(&self, node: &Node, has_faults: bool, moves: &mut Vec<Move>) {
        moves.clear();
        let mut listing = Listing { all: self, node, has_faults, moves };
        listing.fill();
    }

    /// Returns the point of a kind of fault at a command.
    pub(super) fn point(&self, command: &CommandId, kind: FaultKind) -> Option<usize> {
        self.index.get(&Site::of(command)).and_then(|kinds| kinds[kind as usize])
    }

    fn question_point(&self, question: &Question) -> Option<usize> {
        self.index.get(&Site::Question(question.clone())).and_then(|kinds| kinds[FaultKind::NoValue as usize])
    }

    /// Keeps the dooms that can still strike.
    pub(super) fn prune(&self, node: &mut Node) {
        let Node { run, dooms, .. } = node;
        dooms.retain(|&point| self.can_strike(run, point));
    }

    fn can_strike(&self, run: &Run, point: usize) -> bool {
        let Some((step, role)) = self.doomed(run, point) else {
            return false;
        };
        let summary = run.summary(step);
        let debt = match role {
            Role::Cleanup => summary.cleanup,
            Role::Rollback => summary.rollback,
            Role::Release => summary.release,
            Role::Attempt | Role::Guard(_) | Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_) => {
                return !matches!(summary.stage, Stage::Settled(_));
            }
        };
        matches!(debt, Debt::Owed | Debt::Deciding | Debt::Discharging(_))
    }

    fn doomed<'a>(&'a self, run: &Run, point: usize) -> Option<(usize, &'a Role)> {
        let Site::Command { subject: Subject::Step(step), role } = &self.points[point].site else {
            return None;
        };
        Some((run.plan().step_index(step.as_str())?, role))
    }
}

/// The moves of one state being listed.
struct Listing<'a> {
    all: &'a Moves,
    node: &'a Node,
    has_faults: bool,
    moves: &'a mut Vec<Move>,
}

impl Listing<'_> {
    fn fill(&mut self) {
        let run = &self.node.run;
        if run.phase() == Phase::AtRest {
            self.rulings();
            if run.is_told() {
                self.push(engine_started(), Cost::Word);
            }
            return;
        }
        let (effects, flights) = run.next_and_in_flight();
        let own = effects.iter().find(|effect| !is_awaited(effect));
        if !flights.is_empty() || !run.waiting_for().is_empty() {
            self.strike(FaultKind::Crash, engine_started(), Cost::Global(FaultKind::Crash));
        }
        for step in run.secrets_needed() {
            self.strike(FaultKind::Crash, Event::SecretsLost { step: step.clone() }, Cost::Global(FaultKind::Crash));
        }
        if let Some(effect) = own {
            self.perform(effect);
            return;
        }
        self.strike(FaultKind::Cancel, Event::CancelRequested, Cost::Global(FaultKind::Cancel));
        self.deadlines();
        self.strands(&effects, &flights);
    }

    /// Lists the ends of deadlines: faults like that of a time limit.
    fn deadlines(&mut self) {
        for step in deadlines(&self.node.run) {
            let attempt = Site::Command { subject: Subject::Step(step.clone()), role: Role::Attempt };
            let point = self.all.index.get(&attempt).and_then(|kinds| kinds[FaultKind::TimesOut as usize]);
            self.strike(FaultKind::TimesOut, Event::Elapsed { wait: Wait::Deadline(step) }, Cost::Fault(point));
        }
    }

    /// Lists what the world can do: one strand after the other, or only the first if the others can wait.
    fn strands(&mut self, effects: &[Effect], flights: &[CommandId]) {
        let before = self.moves.len();
        let is_one_enough = is_one_enough(self.all.orders, self.node, self.has_faults)
            && !is_asked_in_vain(&self.node.run, effects, flights);
        let is_full = |listing: &Self| is_one_enough && listing.moves.len() > before;
        for effect in effects {
            match effect {
                _ if is_full(self) => break,
                Effect::Settle(command) if self.is_put_off(command, effects, flights) => {}
                Effect::Settle(command) => self.settle(command, flights),
                Effect::Lock(step) => self.push(Event::Locked { step: step.clone(), ms: 0 }, Cost::Free),
                _ => {}
            }
        }
        for command in flights {
            if !is_full(self) && !self.is_put_off(command, effects, flights) {
                let is_ended = effects.contains(&Effect::Terminate(command.clone()));
                self.reach(command);
                self.end(command, is_ended);
            }
        }
        for question in self.node.run.waiting_for() {
            if !is_full(self) {
                self.answer(&question);
            }
        }
        for wait in waits(&self.node.run) {
            if !is_full(self) || self.is_other_end(&wait) {
                self.push(Event::Elapsed { wait }, Cost::Free);
            }
        }
        self.rulings();
    }

    /// Lists what people can say about what the failures of steps mean. That something is tried again that fails for good
    /// leads back to the same question.
    fn rulings(&mut self) {
        for event in people::rulings(&self.node.run) {
            if !self.is_in_vain(&event) {
                self.push(event, Cost::Word);
            }
        }
    }

    fn is_in_vain(&self, event: &Event) -> bool {
        let Event::Ruled { step, ruling: Ruling::Retry, .. } = event else { return false };
        let attempt = Site::Command { subject: Subject::Step(step.clone()), role: Role::Attempt };
        let kinds = self.all.index.get(&attempt).filter(|_| !self.node.dooms.is_empty());
        kinds.and_then(|kinds| kinds[FaultKind::FailsForGood as usize]).is_some_and(|at| self.node.dooms.contains(&at))
    }

    /// Lists what people can answer, and that they do not.
    fn answer(&mut self, question: &Waiting) {
        let run = &self.node.run;
        self.push(people::yes(run, question), Cost::Free);
        self.fault(&question.command, FaultKind::Declined, people::no(question));
        if let Some(event) = people::silence(run, question) {
            self.fault(&question.command, FaultKind::Unanswered, event);
        }
    }

    /// Returns whether a wait is the end of the poll whose next look is the move before: a choice, not an order.
    fn is_other_end(&self, wait: &Wait) -> bool {
        let last = self.moves.last().map(|last| &last.event);
        matches!((wait, last), (Wait::Within(first), Some(Event::Elapsed { wait: Wait::Look(next) }))
            if CommandId { r#try: 1, ..next.clone() } == *first)
    }

    fn push(&mut self, event: Event, cost: Cost) {
        self.moves.push(Move { event, cost });
    }

    /// Lists a fault, if one is left and its kind is tried.
    fn strike(&mut self, kind: FaultKind, event: Event, cost: Cost) {
        if self.has_faults && self.all.kinds.contains(&kind) {
            self.push(event, cost);
        }
    }

    fn fault(&mut self, command: &CommandId, kind: FaultKind, event: Event) {
        self.strike(kind, event, Cost::Fault(self.all.point(command, kind)));
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Start(command) => self.push(Event::Started { command: command.clone() }, Cost::Free),
            Effect::Decide(question) => self.decide(question),
            Effect::Render(command) => self.render(command),
            Effect::Judge(command) => self.judge(command),
            other => unreachable!("an effect that the sweep does not know: {other:?}"),
        }
    }

    fn decide(&mut self, question: &Question) {
        let decided = |answer| Event::Decided { question: question.clone(), answer };
        self.push(decided(Answer::Yes), Cost::Free);
        self.push(decided(Answer::No), Cost::Free);
        let cost = Cost::Fault(self.all.question_point(question));
        self.strike(FaultKind::NoValue, decided(Answer::Error(String::new())), cost);
    }

    fn render(&mut self, command: &CommandId) {
        let rendered = |outcome| Event::Rendered { command: command.clone(), outcome };
        let text = Rendered { argv: Vec::new(), env: BTreeMap::new(), dir: None, stdin: None };
        self.push(rendered(Rendering::Text(text)), Cost::Free);
        self.fault(command, FaultKind::NoValue, rendered(Rendering::Error(String::new())));
    }

    fn judge(&mut self, command: &CommandId) {
        let judged = |judgement| Event::Judged { command: command.clone(), judgement };
        let met = Judgement::Met { outputs: BTreeMap::new() };
        let unmet = judged(Judgement::Unmet { reason: String::new() });
        if self.is_doomed(command) {
            self.push(unmet, Cost::Free);
            return;
        }
        self.push(judged(met), Cost::Free);
        if Nature::of(&command.role) == Nature::Probe {
            self.unmet(command, unmet);
            let unclear = judged(Judgement::Unclear { reason: String::new() });
            self.fault(command, FaultKind::CouldNotTell, unclear);
        } else {
            self.fault(command, FaultKind::WrongOutput, unmet);
        }
    }

    /// Lists that a probe does not hold: a fault, unless it is to settle a doubt, which has two natural answers.
    fn unmet(&mut self, command: &CommandId, event: Event) {
        if self.is_settling_doubt(command) {
            self.push(event, Cost::Free);
        } else {
            self.fault(command, FaultKind::DoesNotHold, event);
        }
    }

    fn is_settling_doubt(&self, command: &CommandId) -> bool {
        let step = command.step().and_then(|id| index(&self.node.run, id));
        command.role == Role::Verify
            && step.is_some_and(|step| matches!(self.node.run.summary(step).stage, Stage::Verifying(_, Some(_))))
    }

    /// Returns whether a guard of the playbook waits until another one has ended.
    fn is_put_off(&self, command: &CommandId, effects: &[Effect], flights: &[CommandId]) -> bool {
        self.all.orders.are_probes_alike() && is_behind_another(command, effects, flights)
    }

    /// Lists what a new engine can find out about a command of the one before.
    fn settle(&mut self, command: &CommandId, flights: &[CommandId]) {
        let is_one_of_many = self.all.orders.are_probes_alike() && flights.iter().any(is_playbook_probe);
        let adopted = Event::Adopted { command: command.clone(), ms: 0 };
        if is_one_of_many && is_playbook_probe(command) {
            self.push(adopted, Cost::Free);
            return;
        }
        self.push(Event::NotStarted { command: command.clone() }, Cost::Free);
        self.push(adopted, Cost::Free);
        self.push(ended(command, Exit::Lost), Cost::Free);
        self.end(command, false);
    }

    /// Lists the milestones that a running attempt can reach before it ends. Only while steps run they let anything happen.
    fn reach(&mut self, command: &CommandId) {
        let run = &self.node.run;
        for milestone in run.unreached(command).filter(|_| run.phase() == Phase::Working) {
            let event = Event::Reached { command: command.clone(), milestone: milestone.name.clone() };
            self.moves.push(Move { event, cost: Cost::Free });
        }
    }

    /// Lists how a command can end.
    fn end(&mut self, command: &CommandId, is_terminated: bool) {
        let node = self.node;
        let Some(planned) = node.run.command(command) else {
            return;
        };
        if is_terminated {
            self.push(ended(command, Exit::Cancelled), Cost::Free);
        }
        if Nature::of(&command.role) == Nature::Probe {
            self.end_of_probe(command, planned);
        } else {
            self.end_of_deed(command, planned);
        }
    }

    fn end_of_probe(&mut self, command: &CommandId, planned: &Command) {
        self.push(ended(command, Exit::Code(good(planned))), Cost::Free);
        if can_be_unmet(planned) && !is_judged(planned) {
            self.unmet(command, ended(command, Exit::Code(1)));
        }
        let unclear = ended(command, Exit::Code(bad(planned, 2)));
        self.fault(command, FaultKind::CouldNotTell, unclear);
    }

    fn end_of_deed(&mut self, command: &CommandId, planned: &Command) {
        let failed = ended(command, Exit::Code(bad(planned, 1)));
        if self.is_doomed(command) {
            self.push(failed, Cost::Free);
            return;
        }
        self.push(ended(command, Exit::Code(good(planned))), Cost::Free);
        if let Some(point) = self.all.point(command, FaultKind::FailsForGood) {
            self.strike(FaultKind::FailsForGood, failed.clone(), Cost::Doom(point));
        }
        self.fault(command, FaultKind::Fails, failed);
        if Nature::of(&command.role) == Nature::Attempt {
            self.fault(command, FaultKind::TimesOut, ended(command, Exit::TimedOut));
            let missing = ended(command, Exit::NotSpawned(String::new()));
            self.fault(command, FaultKind::NotStarted, missing);
        }
    }

    fn is_doomed(&self, command: &CommandId) -> bool {
        !self.node.dooms.is_empty()
            && self.all.point(command, FaultKind::FailsForGood).is_some_and(|point| self.node.dooms.contains(&point))
    }
}

/// Returns whether an effect is answered by the world in its own time.
fn is_awaited(effect: &Effect) -> bool {
    matches!(effect, Effect::Terminate(_) | Effect::Settle(_) | Effect::Lock(_))
}

fn ended(command: &CommandId, exit: Exit) -> Event {
    Event::Ended { command: command.clone(), exit, ms: 0 }
}

/// Returns an exit code that is as expected.
fn good(command: &Command) -> i32 {
    command.expect.exit.first().copied().unwrap_or(0)
}

/// Returns the first exit code from `least` that is not as expected.
pub(crate) fn bad(command: &Command, least: i32) -> i32 {
    let mut codes = least..=i32::MAX;
    codes.find(|code| !command.expect.exit.contains(code)).unwrap_or(least)
}

fn index(run: &Run, id: &StepId) -> Option<usize> {
    run.plan().step_index(id.as_str())
}

pub(super) fn run_started() -> Event {
    Event::RunStarted { run: "swept".into(), plan: String::new(), by: None, skips: BTreeMap::new() }
}

pub(super) fn engine_started() -> Event {
    Event::EngineStarted { boot: String::new(), engine: String::new() }
}
