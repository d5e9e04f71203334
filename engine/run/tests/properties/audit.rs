//! The promises, held against the events of a run one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::plan::{Condition, OnFailure, OnUnmet, Plan, Signal, Step};
use firedrill_run::{
    Answer, CommandId, DebtKind, Done, Event, Exit, Open, Phase, Question, Rendering, Role, Run, StepId, Verdict, Wait,
};

use crate::facts::{End, Facts, Round, Sort, judged, meaning};

/// What was broken, for the one who reads the failed test.
pub(crate) type Broken = Result<(), String>;

/// The events so far, as far as the promises are about them.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Audit {
    plan: Arc<Plan>,
    steps: Vec<Facts>,
    /// The latest answers of the playbook's guards, and whether each was asked a second time.
    guards: BTreeMap<String, (u32, End)>,
    invariants: BTreeMap<String, End>,
    finals: BTreeSet<String>,
    started: BTreeSet<CommandId>,
    running: BTreeSet<CommandId>,
    /// The hooks tried since the run was last taken up.
    tried: BTreeSet<(StepId, DebtKind)>,
    /// The latest look of each poll that was not met and is to be followed by another, by the name of its first look.
    unmet: BTreeMap<CommandId, (CommandId, End)>,
    /// Polls whose time is over, by the names of their first looks.
    timed_out: BTreeSet<CommandId>,
    /// Milestones that the latest attempts have reached: steps and names.
    reached: BTreeSet<(usize, String)>,
    cancels: u32,
    /// Requests to stop since the run last came to rest.
    fresh_cancels: u32,
    has_rolled_back: bool,
    has_attempted: bool,
    /// The intent of an attempt that changes something was recorded.
    has_changed: bool,
    is_at_rest: bool,
    /// A human has said something since the run came to rest.
    is_told: bool,
}

impl Audit {
    pub(crate) fn new(plan: Arc<Plan>) -> Audit {
        Audit {
            steps: vec![Facts::default(); plan.steps.len()],
            plan,
            guards: BTreeMap::new(),
            invariants: BTreeMap::new(),
            finals: BTreeSet::new(),
            started: BTreeSet::new(),
            running: BTreeSet::new(),
            tried: BTreeSet::new(),
            unmet: BTreeMap::new(),
            timed_out: BTreeSet::new(),
            reached: BTreeSet::new(),
            cancels: 0,
            fresh_cancels: 0,
            has_rolled_back: false,
            has_attempted: false,
            has_changed: false,
            is_at_rest: false,
            is_told: false,
        }
    }

    /// Takes the next event, which happened in this phase, and says which promise it breaks.
    pub(crate) fn take(&mut self, event: &Event, phase: Phase, run: &Run) -> Broken {
        match event {
            Event::Elapsed { wait: Wait::Within(first) } => drop(self.timed_out.insert(first.clone())),
            Event::Locked { step, .. } => self.may_go_in(step)?,
            Event::RunStarted { .. } | Event::Adopted { .. } | Event::Elapsed { .. } => {}
            Event::EngineStarted { .. } => self.engine(),
            // A run that only has to come to rest has nothing to stop.
            Event::CancelRequested if phase == Phase::Resting => {}
            Event::CancelRequested => {
                self.cancels += 1;
                self.fresh_cancels += 1;
            }
            Event::Decided { question, answer } => self.decided(question, answer),
            Event::Rendered { command, outcome } => {
                if let Rendering::Error(_) = outcome {
                    self.rendered_not(command, run);
                }
            }
            Event::Started { command } => {
                command.step().map_or(Ok(()), |step| self.may_go_in(step))?;
                self.started(command)?;
            }
            Event::NotStarted { command } => self.not_started(command),
            Event::Ended { command, exit, .. } => self.ended(command, exit, run)?,
            Event::Reached { command, milestone } => self.reached(command, milestone)?,
            Event::Judged { command, judgement } => self.over(command, judged(judgement), run),
            Event::Settled { step, debt, done, .. } => {
                self.is_told |= matches!(phase, Phase::Resting | Phase::AtRest);
                self.said(step, *debt, *done);
            }
            other => unreachable!("an event that this audit does not know: {other:?}"),
        }
        self.end_polls(run);
        Ok(())
    }

    /// Of steps that share a lock only one is at something.
    fn may_go_in(&self, id: &StepId) -> Broken {
        let locks = &self.plan.steps[self.index(id)].locks;
        let mut others = self.running.iter().filter_map(CommandId::step).filter(|other| *other != id);
        let other = others.find(|other| self.plan.steps[self.index(other)].locks.iter().any(|it| locks.contains(it)));
        holds(other.is_none(), || format!("`{id}` is at something while `{other:?}` is"))
    }

    fn engine(&mut self) {
        if self.is_at_rest {
            self.is_at_rest = false;
            self.is_told = false;
            self.fresh_cancels = self.fresh_cancels.min(1);
            self.tried.clear();
            self.invariants.clear();
            self.finals.clear();
        }
    }

    fn reached(&mut self, command: &CommandId, milestone: &str) -> Broken {
        holds(self.running.contains(command), || format!("`{command}` was not running"))?;
        let step = command.step().map(|id| self.index(id)).ok_or("a milestone is a step's")?;
        let is_first = self.reached.insert((step, milestone.to_owned()));
        holds(is_first, || format!("`{command}` has reached {milestone} twice"))
    }

    fn index(&self, id: &StepId) -> usize {
        self.plan.step_index(id.as_str()).expect("a step of the plan")
    }

    fn facts_of(&mut self, id: &StepId) -> &mut Facts {
        let at = self.index(id);
        &mut self.steps[at]
    }

    fn round_of(&mut self, id: &StepId) -> &mut Round {
        self.facts_of(id).rounds.last_mut().expect("an attempt was begun")
    }

    fn decided(&mut self, question: &Question, answer: &Answer) {
        match question {
            Question::When(id) => {
                let facts = self.facts_of(id);
                facts.is_skipped = *answer == Answer::No;
                facts.is_refused = matches!(answer, Answer::Error(_));
                facts.when = Some(answer.clone());
            }
            Question::CleanupWhen(id) => self.round_of(id).cleanup_when = Some(answer.clone()),
            Question::RetryWhen(id) => self.round_of(id).retry_when = Some(answer.clone()),
            Question::ReleaseWhen(id) => self.facts_of(id).is_released |= *answer == Answer::No,
            Question::Items(_) => {}
            Question::FinalWhen(id) => {
                if *answer != Answer::Yes {
                    self.finals.insert(id.clone());
                }
            }
        }
    }

    /// The texts of a command have no value.
    fn rendered_not(&mut self, command: &CommandId, run: &Run) {
        match (&command.role, command.step()) {
            (Role::Attempt, Some(id)) => {
                let id = id.clone();
                self.facts_of(&id).is_refused = true;
            }
            _ => self.over(command, End::Nothing, run),
        }
    }

    fn started(&mut self, command: &CommandId) -> Broken {
        if !self.started.insert(command.clone()) {
            return Err(format!("`{command}` was started twice"));
        }
        if self.running.len() >= self.plan.max_parallel.get() as usize {
            return Err(format!("`{command}` exceeds max_parallel"));
        }
        self.may_start(command).map_err(|why| format!("`{command}` was started although {why}"))?;
        self.running.insert(command.clone());
        let kind = DebtKind::ALL.into_iter().find(|kind| command.role.to_string() == kind.word());
        self.tried.extend(command.step().cloned().zip(kind));
        match (&command.role, command.step()) {
            (Role::Attempt, Some(id)) => {
                let number = command.round;
                self.has_changed |= !self.plan.steps[self.index(id)].effect.read_only;
                let at = self.index(id);
                let facts = &mut self.steps[at];
                if facts.rounds.last().is_none_or(|round| round.number != number) {
                    self.reached.retain(|(step, _)| *step != at);
                    facts.rounds.push(Round { number, ..Round::default() });
                }
            }
            (Role::Rollback, _) => self.has_rolled_back = true,
            _ => {}
        }
        Ok(())
    }

    fn may_start(&self, command: &CommandId) -> Broken {
        let Some(at) = command.step().map(|id| self.index(id)) else {
            return Ok(());
        };
        match &command.role {
            Role::Guard(_) => self.may_begin(at),
            Role::Attempt if command.r#try > 1 => self.may_begin(at).and_then(|()| self.may_look_again(command)),
            Role::Attempt => self.may_begin(at).and_then(|()| self.may_attempt(at)),
            Role::Cleanup => self.may_clean_up(at, command.round),
            Role::Rollback => self.may_roll_back(at),
            Role::Release => self.may_release(at),
            Role::Look(_) | Role::Verify | Role::Invariant(_) | Role::Final(_) => Ok(()),
        }
    }

    /// Holds what may begin something new against the needs of its step and the state of the run.
    fn may_begin(&self, at: usize) -> Broken {
        let step = &self.plan.steps[at];
        for &need in &step.needs {
            let (needed, facts) = (&self.plan.steps[need], &self.steps[need]);
            let is_off = needed.when == Some(Condition::Known(false));
            holds(is_off || facts.is_skipped || facts.has_succeeded(needed), || {
                format!("`{}` has not settled well", needed.id)
            })?;
            holds(!self.is_working(need), || format!("`{}` is still at work", needed.id))?;
        }
        for signal in &step.after {
            let (other, facts) = (&self.plan.steps[signal.step], &self.steps[signal.step]);
            let name = &other.milestones[signal.milestone].name;
            let is_over = other.when == Some(Condition::Known(false)) || facts.is_skipped || facts.has_succeeded(other);
            let is_reached = is_over || self.reached.contains(&(signal.step, name.clone()));
            holds(is_reached, || format!("`{}` has not reached {name}", other.id))?;
        }
        holds(step.when != Some(Condition::Known(false)), || "its `when` is false".into())?;
        let is_wanted = !matches!(step.when, Some(Condition::Deferred { .. }));
        holds(is_wanted || self.steps[at].when == Some(Answer::Yes), || "its `when` did not hold".into())?;
        holds(self.cancels == 0, || "the run was cancelled".into())?;
        holds(!self.has_rolled_back, || "the run was unwinding".into())?;
        let failed = (0..self.steps.len()).find(|&other| other != at && self.has_failed_for_good(other));
        holds(failed.is_none(), || "a step had failed for good".into())?;
        let guards = self.plan.guards.iter().map(|guard| self.guards.get(&guard.id));
        let is_let_in = guards.into_iter().all(|answer| answer.is_some());
        holds(is_let_in, || "a guard of the playbook was not answered".into())
    }

    fn has_failed_for_good(&self, at: usize) -> bool {
        let (step, facts) = (&self.plan.steps[at], &self.steps[at]);
        let is_spent = facts.is_spent(step);
        let is_plain = step.cleanup.is_none() && step.verify.is_none() && step.looks.is_empty();
        facts.is_refused || (is_spent && is_plain && facts.has_failed(step) && !self.is_working(at))
    }

    fn may_attempt(&self, at: usize) -> Broken {
        let (step, facts) = (&self.plan.steps[at], &self.steps[at]);
        holds(!self.is_working(at), || "something of the step was running".into())?;
        let is_guarded = step.guards.iter().all(|guard| facts.guards.get(&guard.id) == Some(&End::Met));
        holds(is_guarded, || "a guard of the step did not hold".into())?;
        if let Some(last) = facts.last() {
            holds(last.licence(step).is_some(), || "nothing allowed a second attempt".into())?;
            holds(!self.has_let_follow(at), || "something had begun on its milestone".into())?;
        }
        holds(!facts.is_spent(step), || "its attempts were used up".into())?;
        holds(self.is_inside_holds(at), || "a hold that it needs was over".into())?;
        self.may_change(at)
    }

    fn may_look_again(&self, command: &CommandId) -> Broken {
        let first = CommandId { r#try: 1, ..command.clone() };
        holds(!self.timed_out.contains(&first), || "the time of its poll was over".into())
    }

    /// Returns whether something has begun that waited for a milestone of a step.
    fn has_let_follow(&self, at: usize) -> bool {
        let is_from = |signal: &Signal| signal.step == at;
        self.plan.steps.iter().any(|other| {
            let is_begun = |command: &CommandId| {
                matches!(command.role, Role::Attempt | Role::Guard(_))
                    && command.step().is_some_and(|id| id.as_str() == other.id)
            };
            let waits = other.after.iter().any(is_from) && self.started.iter().any(is_begun);
            let until = other.release.iter().flat_map(|release| &release.until_reached).any(is_from);
            waits || (until && self.has_begun(other, &Role::Release))
        })
    }

    /// Returns whether every hold around a step still lasts.
    fn is_inside_holds(&self, at: usize) -> bool {
        let owners = self.plan.steps.iter().zip(&self.steps);
        let mut holds =
            owners.filter(|(owner, _)| owner.release.as_ref().is_some_and(|release| release.hold.contains(&at)));
        holds.all(|(owner, facts)| !facts.is_effective() || !self.has_begun(owner, &Role::Release))
    }

    fn has_begun(&self, step: &Step, role: &Role) -> bool {
        self.started
            .iter()
            .any(|command| command.role == *role && command.step().is_some_and(|id| id.as_str() == step.id))
    }

    /// Before the first change the guards of the playbook hold, asked again if an attempt has ended since.
    fn may_change(&self, at: usize) -> Broken {
        let step = &self.plan.steps[at];
        if step.effect.read_only || self.has_changed {
            return Ok(());
        }
        let round = if self.has_attempted { 2 } else { 1 };
        for guard in &self.plan.guards {
            let (asked, end) = self.guards.get(&guard.id).copied().unwrap_or((0, End::Unclear));
            holds(asked >= round, || format!("`{}` was not asked again", guard.id))?;
            let is_met = end == End::Met || guard.on_unmet == OnUnmet::Skip && asked == 2;
            holds(is_met, || format!("`{}` does not hold", guard.id))?;
        }
        Ok(())
    }

    fn may_clean_up(&self, at: usize, number: u32) -> Broken {
        let facts = &self.steps[at];
        let round = facts.rounds.iter().find(|round| round.number == number);
        let is_due = round.is_some_and(|round| round.is_effective() && round.cleanup != Some(End::Met));
        holds(is_due, || "that attempt owes no cleanup".into())?;
        holds(!self.is_working(at), || "something of the step was running".into())
    }

    fn may_roll_back(&self, at: usize) -> Broken {
        let (step, facts) = (&self.plan.steps[at], &self.steps[at]);
        holds(facts.owes_rollback(step), || "it owes no rollback".into())?;
        holds(self.plan.on_failure == OnFailure::Rollback, || "the playbook stops instead".into())?;
        holds(self.fresh_cancels < 2, || "the run was cancelled twice".into())?;
        for other in self.dependents(at) {
            let (dependent, facts) = (&self.plan.steps[other], &self.steps[other]);
            let name = &dependent.id;
            holds(!self.is_working(other), || format!("`{name}` was at work"))?;
            holds(!facts.owes_rollback(dependent), || format!("`{name}` was not rolled back"))?;
            holds(!facts.is_in_doubt(dependent), || format!("`{name}` is in doubt"))?;
            let is_final = dependent.effect.irreversible && facts.is_effective();
            holds(!is_final, || format!("`{name}` is irreversible"))?;
        }
        Ok(())
    }

    fn may_release(&self, at: usize) -> Broken {
        let (step, facts) = (&self.plan.steps[at], &self.steps[at]);
        holds(facts.owes_release(step), || "it owes no release".into())?;
        let release = step.release.as_ref().ok_or("it has no release")?;
        let ended = self.needed_by(&release.until);
        let is_ended = |held: &&usize| release.is_open_ended() || ended.contains(held);
        for &held in release.hold.iter().filter(is_ended) {
            let name = &self.plan.steps[held].id;
            holds(!self.is_working(held), || format!("`{name}` inside the hold was at work"))?;
            let is_in_doubt = self.steps[held].is_in_doubt(&self.plan.steps[held]);
            holds(!is_in_doubt, || format!("`{name}` inside the hold is in doubt"))?;
        }
        Ok(())
    }

    /// Returns these steps and everything that they need.
    fn needed_by(&self, steps: &[usize]) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut queue = steps.to_vec();
        while let Some(at) = queue.pop() {
            if needed.insert(at) {
                queue.extend(&self.plan.steps[at].needs);
            }
        }
        needed
    }

    /// Returns everything that depends on a step.
    fn dependents(&self, at: usize) -> Vec<usize> {
        let mut inside = BTreeSet::from([at]);
        for other in firedrill_model::plan::topological(&self.plan.steps) {
            if self.plan.steps[other].begun_before().any(|before| inside.contains(&before)) {
                inside.insert(other);
            }
        }
        inside.into_iter().filter(|&other| other != at).collect()
    }

    /// Returns whether a command of a step other than its release runs.
    fn is_working(&self, at: usize) -> bool {
        let id = &self.plan.steps[at].id;
        let mut commands = self.running.iter();
        commands.any(|command| command.role != Role::Release && command.step().is_some_and(|step| step.as_str() == id))
    }

    fn not_started(&mut self, command: &CommandId) {
        self.started.remove(command);
        self.running.remove(command);
        if let (Role::Attempt, Some(id)) = (&command.role, command.step()) {
            let id = id.clone();
            self.facts_of(&id).rounds.pop();
        }
    }

    fn ended(&mut self, command: &CommandId, exit: &Exit, run: &Run) -> Broken {
        if !self.running.remove(command) {
            return Err(format!("`{command}` ended without having been started"));
        }
        let (what, sort) = self.command(command);
        if let Some(end) = meaning(what, sort, exit) {
            self.over(command, end, run);
        }
        if let (Role::Attempt, false) = (&command.role, matches!(exit, Exit::NotSpawned(_))) {
            self.has_attempted = true;
        }
        Ok(())
    }

    fn command(&self, id: &CommandId) -> (&firedrill_model::plan::Command, Sort) {
        let step = id.step().map(|step| &self.plan.steps[self.index(step)]);
        let plan = &self.plan;
        match (&id.role, step) {
            (Role::Guard(name), None) => (&find(&plan.guards, |g| &g.id, name).probe.command, Sort::Probe),
            (Role::Guard(name), Some(step)) => (&find(&step.guards, |g| &g.id, name).probe.command, Sort::Probe),
            (Role::Invariant(name), _) => (&find(&plan.invariants, |i| &i.id, name).probe.command, Sort::Probe),
            (Role::Final(name), _) => (&find(&plan.finally, |f| &f.id, name).command, Sort::Deed),
            (Role::Look(name), Some(step)) => (&find(&step.looks, |l| &l.name, name).command, Sort::Deed),
            (Role::Verify, Some(step)) => (&step.verify.as_ref().expect("a verify").command, Sort::Probe),
            (Role::Cleanup, Some(step)) => (&step.cleanup.as_ref().expect("a cleanup").command, Sort::Deed),
            (Role::Rollback, Some(step)) => (&step.rollback_hook().expect("a rollback").command, Sort::Deed),
            (Role::Release, Some(step)) => (&step.release.as_ref().expect("a release").hook.command, Sort::Deed),
            (Role::Attempt, Some(step)) => (step.command().expect("an attempt has a command"), Sort::Deed),
            (_, None) => panic!("`{id}` belongs to no step"),
        }
    }

    /// A try is over and this is what it came to, unless it is a look that another one follows.
    fn over(&mut self, command: &CommandId, end: End, run: &Run) {
        let first = CommandId { r#try: 1, ..command.clone() };
        self.unmet.remove(&first);
        if run.looks_on(command) {
            self.unmet.insert(first, (command.clone(), end));
            if let (Role::Attempt, Some(id)) = (&command.role, command.step()) {
                self.round_of(id).has_looked |= end != End::Nothing;
            }
            return;
        }
        let is_made_again = end == End::Lost && command.role == Role::Attempt && run.is_under_way(command);
        if !is_made_again {
            self.came_to(command, end);
        }
    }

    /// The last answer of a poll counts once no other look follows.
    fn end_polls(&mut self, run: &Run) {
        let (going_on, over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.unmet).into_iter().partition(|(_, (look, _))| run.looks_on(look));
        self.unmet = going_on;
        for (look, end) in over.into_values() {
            self.came_to(&look, end);
        }
    }

    fn came_to(&mut self, command: &CommandId, end: End) {
        let Some(at) = command.step().map(|id| self.index(id)) else {
            self.over_in_playbook(command, end);
            return;
        };
        let plan = Arc::clone(&self.plan);
        let facts = &mut self.steps[at];
        match &command.role {
            Role::Guard(name) => {
                let guard = find(&plan.steps[at].guards, |guard| &guard.id, name);
                let is_lost = end == End::Lost;
                facts.is_skipped |= end == End::Unmet && guard.on_unmet == OnUnmet::Skip;
                facts.guards.insert(name.to_string(), end);
                facts.is_refused |= !is_lost && end != End::Met && !facts.is_skipped;
            }
            Role::Rollback => facts.is_rolled_back |= end == End::Met,
            Role::Release => facts.is_released |= end == End::Met,
            role => {
                let round = facts.rounds.last_mut().expect("an attempt was begun");
                match role {
                    Role::Attempt if round.attempt == Some(End::Doubt) => round.salvage = Some(end),
                    Role::Attempt if end == End::Lost => round.attempt = Some(End::Doubt),
                    Role::Attempt => round.attempt = Some(end),
                    Role::Look(name) => drop(round.looks.insert(name.to_string(), end)),
                    Role::Verify => round.verify = Some(end),
                    _ => {
                        round.cleanup_failures += u32::from(!matches!(end, End::Met | End::Lost));
                        round.cleanup = Some(end);
                    }
                }
            }
        }
    }

    fn over_in_playbook(&mut self, command: &CommandId, end: End) {
        match &command.role {
            Role::Guard(name) => drop(self.guards.insert(name.to_string(), (command.round, end))),
            Role::Invariant(name) => drop(self.invariants.insert(name.to_string(), end)),
            Role::Final(name) => drop(self.finals.insert(name.to_string())),
            role => panic!("the playbook has no {role}"),
        }
    }

    fn said(&mut self, id: &StepId, debt: Option<DebtKind>, done: Done) {
        let facts = self.facts_of(id);
        match (debt, done) {
            (None, done) => {
                facts.rounds.last_mut().expect("an attempt is in doubt").said = Some(done);
                facts.is_released &= facts.is_effective();
                facts.is_rolled_back &= facts.is_effective();
            }
            (Some(_), Done::NotDone) => {}
            (Some(DebtKind::Rollback), Done::Done) => facts.is_rolled_back = true,
            (Some(DebtKind::Release), Done::Done) => facts.is_released = true,
            (Some(DebtKind::Cleanup), Done::Done) => {
                facts.rounds.last_mut().expect("an attempt was begun").cleanup = Some(End::Met);
            }
        }
    }

    /// Holds a run that has come to rest against what it must have done and against its verdict.
    pub(crate) fn rest(&mut self, run: &Run) -> Broken {
        self.is_at_rest = true;
        for (step, facts) in self.plan.steps.iter().zip(&mut self.steps) {
            facts.is_released |= is_never_released(step);
        }
        holds(self.running.is_empty(), || format!("at rest while {:?} run", self.running))?;
        holds(run.next().is_empty(), || format!("at rest, and {:?} is due", run.next()))?;
        holds(run.in_flight().is_empty(), || "at rest, and something is in flight".into())?;
        let (open, expected) = (run.open(), self.open());
        let surplus: Vec<&Open> = open.iter().filter(|open| !expected.contains(open) && !self.is_off(open)).collect();
        holds(surplus.is_empty(), || format!("open although it is not owed: {surplus:?}"))?;
        let missing: Vec<&Open> = expected.iter().filter(|owed| !open.contains(owed) && !self.is_off(owed)).collect();
        holds(missing.is_empty(), || format!("owed and not named: {missing:?}"))?;
        self.has_tried(&open)?;
        let verdict = self.verdict(!open.is_empty());
        let given = run.verdict();
        // A guard that was answered after a step had failed counts for nothing.
        let is_either =
            given == Some(Verdict::RolledBack) && verdict == Verdict::Refused && self.has_failed_unguarded();
        holds(given == Some(verdict) || is_either, || format!("the verdict is {given:?} and should be {verdict:?}"))?;
        self.has_ended_well(verdict)?;
        self.has_looked_back()
    }

    /// What is left open was tried since the run was last taken up, or something stands in its way.
    fn has_tried(&self, open: &[Open]) -> Broken {
        let mut steps = self.plan.steps.iter().zip(&self.steps);
        if self.is_told || steps.any(|(step, facts)| facts.is_in_doubt(step)) {
            return Ok(());
        }
        let untried = open.iter().find(|open| match open {
            Open::Owed { step, debt } => {
                !self.tried.contains(&(step.clone(), *debt)) && !self.is_off(open) && !self.is_blocked(step, *debt)
            }
            Open::InDoubt { .. } | Open::Undecided { .. } | Open::Invariant { .. } => false,
        });
        holds(untried.is_none(), || format!("left open and never tried: {untried:?}"))
    }

    /// Returns whether a rollback was called off, or waits for one that is still owed.
    fn is_blocked(&self, step: &StepId, debt: DebtKind) -> bool {
        let mut dependents = self.dependents(self.index(step)).into_iter();
        let is_behind = dependents.any(|other| self.steps[other].owes_rollback(&self.plan.steps[other]));
        debt == DebtKind::Rollback && (self.fresh_cancels >= 2 || is_behind)
    }

    fn open(&self) -> Vec<Open> {
        let mut open = Vec::new();
        let is_undoing = self.plan.on_failure == OnFailure::Rollback && (self.cancels > 0 || self.has_failed());
        for (step, facts) in self.plan.steps.iter().zip(&self.steps) {
            let id = || StepId::from(step.id.as_str());
            let debts = [
                (DebtKind::Cleanup, facts.owes_cleanup(step)),
                (DebtKind::Rollback, is_undoing && facts.owes_rollback(step)),
                (DebtKind::Release, facts.owes_release(step)),
            ];
            let owed = debts.into_iter().filter(|(_, is_owed)| *is_owed);
            open.extend(owed.map(|(debt, _)| Open::Owed { step: id(), debt }));
        }
        open
    }

    /// Returns whether something open need not be: a rollback that an irreversible step may have turned off, a release
    /// that does nothing. Doubts and invariants are held against the events right here.
    fn is_off(&self, open: &Open) -> bool {
        match open {
            Open::Owed { step, debt: DebtKind::Rollback } => {
                let at = self.index(step);
                let mut dependents = self.dependents(at).into_iter();
                dependents.any(|other| self.plan.steps[other].effect.irreversible && self.steps[other].is_effective())
            }
            Open::Owed { step, debt: DebtKind::Release } => is_never_released(&self.plan.steps[self.index(step)]),
            Open::Owed { .. } | Open::Undecided { .. } => false,
            Open::InDoubt { step, .. } => {
                let at = self.index(step);
                self.steps[at].is_in_doubt(&self.plan.steps[at])
            }
            Open::Invariant { id, .. } => self.invariants.get(id).is_some_and(|end| *end != End::Met),
        }
    }

    /// Returns whether a step has failed, one that only waits for its next attempt not counted.
    fn has_failed(&self) -> bool {
        let steps = self.plan.steps.iter().zip(&self.steps).enumerate();
        let mut failed = steps.filter(|(_, (step, facts))| facts.has_failed(step));
        failed.any(|(at, (step, facts))| !facts.may_try_again(step) || self.has_let_follow(at))
            || self.has_guards_turned()
    }

    fn has_failed_unguarded(&self) -> bool {
        let mut steps = self.plan.steps.iter().zip(&self.steps);
        steps.any(|(step, facts)| facts.has_failed(step) && !is_stopped_by_guard(step, facts))
    }

    /// Returns whether a guard of the playbook did not hold when it was asked again.
    fn has_guards_turned(&self) -> bool {
        let mut guards = self.plan.guards.iter().filter(|guard| guard.on_unmet == OnUnmet::Abort);
        guards.any(|guard| self.guards.get(&guard.id).is_some_and(|(round, end)| *round == 2 && *end != End::Met))
            && self.guards.values().all(|(round, _)| *round == 2)
    }

    fn verdict(&self, is_open: bool) -> Verdict {
        let steps = || self.plan.steps.iter().zip(&self.steps);
        let is_doubtful = steps().any(|(step, facts)| facts.is_in_doubt(step));
        let is_unsound = self.invariants.values().any(|end| *end != End::Met);
        if is_open || is_doubtful || is_unsound || self.is_told {
            return Verdict::Stuck;
        }
        if self.cancels > 0 {
            return Verdict::Cancelled;
        }
        if let Some(verdict) = self.refusal() {
            return verdict;
        }
        let is_untouched = !steps().any(|(_, facts)| facts.is_effective());
        let is_guarded = steps().any(|(step, facts)| is_stopped_by_guard(step, facts)) || self.has_guards_turned();
        match (self.has_failed(), is_untouched && is_guarded) {
            (true, true) => Verdict::Refused,
            (true, false) if steps().any(|(step, facts)| facts.is_left_behind(step)) => Verdict::Failed,
            (true, false) => Verdict::RolledBack,
            (false, _) if steps().all(|(step, facts)| is_skipped(step, facts)) => Verdict::Skipped,
            (false, _) => Verdict::Succeeded,
        }
    }

    /// Returns what the playbook's guards said against the run before anything began.
    fn refusal(&self) -> Option<Verdict> {
        let mut worst = None;
        for guard in &self.plan.guards {
            match (self.guards.get(&guard.id).copied(), guard.on_unmet) {
                (Some((1, End::Unmet)), OnUnmet::Skip) => worst = worst.or(Some(Verdict::Skipped)),
                (Some((1, End::Unmet | End::Unclear | End::Doubt | End::Lost | End::Nothing)), _) => {
                    worst = Some(Verdict::Refused);
                }
                (Some(_) | None, _) => {}
            }
        }
        worst
    }

    /// A run that says it has succeeded has done everything.
    fn has_ended_well(&self, verdict: Verdict) -> Broken {
        if verdict != Verdict::Succeeded {
            return Ok(());
        }
        for (step, facts) in self.plan.steps.iter().zip(&self.steps) {
            let is_over = facts.has_succeeded(step) || is_skipped(step, facts);
            holds(is_over, || format!("the run has succeeded without `{}`", step.id))?;
        }
        Ok(())
    }

    /// Every rest but that of a run which never began asks every invariant and runs every command of the end.
    fn has_looked_back(&self) -> Broken {
        let has_begun = self.started.iter().any(|command| command.step().is_some());
        if !has_begun && (self.refusal().is_some() || self.cancels > 0) {
            return Ok(());
        }
        let is_asked = self.plan.invariants.iter().all(|invariant| self.invariants.contains_key(&invariant.id));
        holds(is_asked, || "an invariant was not asked".into())?;
        let is_run = self.plan.finally.iter().all(|last| self.finals.contains(&last.id));
        holds(is_run, || "a command of the very end did not run".into())
    }
}

fn is_never_released(step: &Step) -> bool {
    let when = step.release.as_ref().map(|release| &release.hook.when);
    when == Some(&Some(Condition::Known(false)))
}

fn is_skipped(step: &Step, facts: &Facts) -> bool {
    facts.is_skipped || step.when == Some(Condition::Known(false))
}

fn is_stopped_by_guard(step: &Step, facts: &Facts) -> bool {
    let mut guards = step.guards.iter();
    facts.is_refused && guards.any(|guard| facts.guards.get(&guard.id).is_some_and(|end| *end != End::Met))
}

fn holds(is_so: bool, otherwise: impl FnOnce() -> String) -> Broken {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

fn find<'a, T>(list: &'a [T], id: impl Fn(&T) -> &String, name: &str) -> &'a T {
    list.iter().find(|member| id(member) == name).expect("a member of the plan")
}
