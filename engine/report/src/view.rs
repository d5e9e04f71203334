//! The view: the one fold of a run's events that everything shown is printed from.

mod change;
mod people;
mod step;
mod word;

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_run::journal::Envelope;
use firedrill_run::{
    Answer, CommandId, Event, Exit, IllegalEvent, Question, Rendering, Role, Run, StepId, Subject, TaskAt, Verdict,
    Wait,
};
use serde::Serialize;

pub use change::Change;
use change::Glance;
pub use people::{Reply, Told};
pub use step::{DebtStatus, Status, StepView};
pub use word::{Said, Word};

use crate::words;

/// A run as it is shown.
#[derive(Clone, Debug)]
pub struct View {
    run: Run,
    /// What was told of the run so far.
    glance: Glance,
    id: String,
    digest: String,
    engines: u32,
    cancels: u32,
    started_ms: u64,
    last_ms: u64,
    executions: BTreeMap<CommandId, Execution>,
    /// Names of the executions of each step in the order in which they started.
    by_step: BTreeMap<StepId, Vec<CommandId>>,
    /// Names of the executions in the order in which they started.
    order: Vec<CommandId>,
    reasons: BTreeMap<StepId, String>,
    /// The steps that were left out from the start, with why.
    skips: BTreeMap<StepId, String>,
    words: Vec<Word>,
    /// Questions that people were asked and that are not over.
    questions: Vec<CommandId>,
    replies: Vec<Reply>,
}

/// One try of a command as it was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// Its name.
    pub command: CommandId,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// How long it ran, in milliseconds, once it has ended.
    pub ms: Option<u64>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// What its end means.
    pub finish: Option<Finish>,
}

/// What the end of a command means, with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It did what it is for; the probe holds.
    Well,
    /// It did not; the probe does not hold.
    Bad(String),
    /// The probe could not tell.
    Unclear(String),
    /// Nobody knows whether it had its effect.
    InDoubt(String),
}

impl View {
    /// Returns the view of a run of which nothing has happened yet.
    pub fn new(plan: Arc<Plan>) -> View {
        let run = Run::new(plan);
        View {
            glance: Glance::of(&run),
            run,
            id: String::new(),
            digest: String::new(),
            engines: 0,
            cancels: 0,
            started_ms: 0,
            last_ms: 0,
            executions: BTreeMap::new(),
            by_step: BTreeMap::new(),
            order: Vec::new(),
            reasons: BTreeMap::new(),
            skips: BTreeMap::new(),
            words: Vec::new(),
            questions: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Returns the view of a journal.
    pub fn fold(plan: Arc<Plan>, envelopes: &[Envelope]) -> Result<View, IllegalEvent> {
        let mut view = View::new(plan);
        for envelope in envelopes {
            view.apply(envelope)?;
        }
        Ok(view)
    }

    /// Takes an event and returns what it changed, in the order in which it is told.
    pub fn apply(&mut self, envelope: &Envelope) -> Result<Vec<Change>, IllegalEvent> {
        self.run.apply(&envelope.event)?;
        self.last_ms = envelope.at_ms;
        let mut changes: Vec<Change> = self.fact(envelope).into_iter().collect();
        changes.extend(self.closed_questions(envelope));
        changes.extend(self.glance.look_again(&self.run));
        Ok(changes)
    }

    /// Takes what an event says itself.
    fn fact(&mut self, envelope: &Envelope) -> Option<Change> {
        match &envelope.event {
            Event::RunStarted { run, plan, skips, .. } => {
                self.skips.clone_from(skips);
                (self.id, self.digest, self.started_ms) = (run.clone(), plan.clone(), envelope.at_ms);
                Some(Change::Opened)
            }
            Event::EngineStarted { .. } => {
                self.engines += 1;
                (self.engines > 1).then_some(Change::TakenOver)
            }
            Event::Decided { question, answer } => self.decided(question, answer),
            Event::Rendered { command, outcome: Rendering::Error(why) } => Some(self.unrendered(command, why)),
            Event::Started { command } => Some(self.started(command, envelope.at_ms)),
            Event::NotStarted { command } => Some(Change::NotStarted(command.clone())),
            Event::Adopted { command, .. } => Some(Change::Adopted(command.clone())),
            Event::Reached { command, milestone } => Some(Change::Reached(command.clone(), milestone.clone())),
            Event::Ended { command, exit, ms } => self.ended(command, exit, *ms),
            Event::Judged { command, judgement } => self.finished(command, judged(judgement)),
            Event::Answered { .. } => self.replied(envelope),
            Event::Elapsed { wait: Wait::Within(first) } => self.last_look(first),
            Event::Elapsed { wait: Wait::Deadline(step) } => Some(self.overdue(step)),
            Event::CancelRequested => {
                self.cancels += 1;
                Some(Change::CancelRequested(self.cancels))
            }
            Event::Settled { .. } | Event::Ruled { .. } | Event::RollbackRequested { .. } => {
                let word = Word::of(envelope)?;
                self.words.push(word.clone());
                Some(Change::Said(word))
            }
            _ => None,
        }
    }

    fn overdue(&mut self, step: &StepId) -> Change {
        let at = self.plan().step_index(step.as_str());
        let plan = Arc::clone(self.plan());
        let inside = (0..plan.steps.len()).filter(|&inside| plan.groups_of(inside).any(|group| Some(group) == at));
        for inside in inside {
            let why = self.deadline_of(inside).unwrap_or_default();
            self.reasons.entry(StepId::from(plan.steps[inside].id.as_str())).or_insert(why);
        }
        let why = at.and_then(|at| self.deadline_of(at)).unwrap_or_default();
        self.reasons.insert(step.clone(), why.clone());
        Change::Remarked(Some(step.clone()), why)
    }

    /// Returns that a deadline of a step is over, its own or that of a group around it.
    fn deadline_of(&self, step: usize) -> Option<String> {
        let over = self.run.overdue(step)?;
        let planned = &self.plan().steps[over];
        let deadline = planned.deadline.map(words::length).unwrap_or_default();
        Some(if over == step {
            format!("its deadline of {deadline} is over")
        } else {
            format!("the deadline of {deadline} of {} is over", planned.id)
        })
    }

    /// Returns that a poll is over, if its time ended between two looks.
    fn last_look(&self, first: &CommandId) -> Option<Change> {
        let is_look = |command: &&CommandId| CommandId { r#try: 1, ..(*command).clone() } == *first;
        let last = self.order.iter().rev().find(is_look).filter(|_| !self.run.is_under_way(first));
        last.map(|last| Change::Finished(last.clone()))
    }

    fn decided(&mut self, question: &Question, answer: &Answer) -> Option<Change> {
        let Answer::Error(why) = answer else { return None };
        let (subject, what) = match question {
            Question::When(step) => (Some(step), "its `when` has no value"),
            Question::CleanupWhen(step) => (Some(step), "the `when` of its cleanup has no value, so it is needed"),
            Question::RetryWhen(step) => (Some(step), "the `when` of its retry has no value, so there is none"),
            Question::ReleaseWhen(step) => (Some(step), "the `when` of its release has no value, so it is needed"),
            Question::Items(step) => (Some(step), "its items are not to be had"),
            Question::FinalWhen(_) => (None, "its `when` has no value, so it is left out"),
        };
        let why = format!("{what}: {why}");
        if let Question::When(step) | Question::Items(step) = question {
            self.reasons.insert(step.clone(), why.clone());
        }
        Some(Change::Remarked(subject.cloned(), why))
    }

    fn unrendered(&mut self, command: &CommandId, why: &str) -> Change {
        let why = format!("its texts are not to be had: {why}");
        self.explain(command, &why);
        Change::Remarked(command.step().cloned(), format!("{}: {why}", command.role))
    }

    fn started(&mut self, command: &CommandId, at_ms: u64) -> Change {
        let execution = Execution { command: command.clone(), started_ms: at_ms, ms: None, exit: None, finish: None };
        if self.executions.insert(command.clone(), execution).is_none() {
            self.order.push(command.clone());
            if let Some(step) = command.step() {
                self.by_step.entry(step.clone()).or_default().push(command.clone());
            }
        }
        if self.run.asks_people(command) {
            self.questions.push(command.clone());
        }
        Change::Started(command.clone())
    }

    fn ended(&mut self, command: &CommandId, exit: &Exit, ms: u64) -> Option<Change> {
        let execution = self.executions.get_mut(command)?;
        (execution.ms, execution.exit) = (Some(ms), Some(exit.clone()));
        let is_judging = matches!(self.run.task(command).map(|task| task.at), Some(TaskAt::Judging(_)));
        if is_judging { None } else { self.finished(command, self.meaning(command, exit)) }
    }

    /// Returns what an end means that needs no judgement of what was printed.
    fn meaning(&self, id: &CommandId, exit: &Exit) -> Finish {
        let Some(command) = self.run.command(id) else {
            return Finish::Unclear("not in the plan".to_owned());
        };
        let overdue = id.step().and_then(|step| self.deadline_of(self.plan().step_index(step.as_str())?));
        let why = match overdue.filter(|_| *exit == Exit::Cancelled) {
            Some(overdue) => format!("ended because {overdue}"),
            None => words::exit(exit, command.time_limit),
        };
        let is_probe = self.run.probe(id).is_some();
        match exit {
            Exit::Code(code) if command.expect.exit.contains(code) => Finish::Well,
            Exit::Code(1) if is_probe && command.expect.is_by_exit() => Finish::Bad(why),
            _ if is_probe => Finish::Unclear(why),
            Exit::Code(_) | Exit::Signal(_) | Exit::NotSpawned(_) => Finish::Bad(why),
            Exit::TimedOut | Exit::Cancelled | Exit::Lost => Finish::InDoubt(why),
        }
    }

    fn finished(&mut self, command: &CommandId, finish: Finish) -> Option<Change> {
        if let Some(why) = finish.why() {
            let why = explained(command, why);
            self.explain(command, &why);
        }
        self.executions.get_mut(command)?.finish = Some(finish);
        Some(Change::Finished(command.clone()))
    }

    fn explain(&mut self, command: &CommandId, why: &str) {
        let is_hook = command.is_hook();
        if let (Subject::Step(step), false) = (&command.subject, is_hook) {
            self.reasons.insert(step.clone(), why.to_owned());
        }
    }

    /// Returns the run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the digest of the run's plan, as the journal has it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the run as it stands.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<Plan> {
        self.run.plan()
    }

    /// Returns the verdict, once the run is at rest.
    pub fn verdict(&self) -> Option<Verdict> {
        self.run.verdict()
    }

    /// Returns when the run started, in milliseconds since 1970.
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// Returns how long the run has been going until its latest event, in milliseconds.
    pub fn took_ms(&self) -> u64 {
        self.last_ms.saturating_sub(self.started_ms)
    }

    /// Returns a command's execution, if it was started.
    pub fn execution(&self, command: &CommandId) -> Option<&Execution> {
        self.executions.get(command)
    }

    /// Iterates over what was started for a step, in the order in which it was.
    pub(crate) fn executions_of(&self, step: &str) -> impl Iterator<Item = &Execution> {
        let commands = self.by_step.get(&StepId::from(step)).into_iter().flatten();
        commands.filter_map(|command| self.executions.get(command))
    }

    /// Iterates over everything that was started, in order.
    pub fn executions(&self) -> impl DoubleEndedIterator<Item = &Execution> {
        self.order.iter().filter_map(|command| self.executions.get(command))
    }

    /// Returns the latest execution of a step's command with this role.
    pub fn latest(&self, step: &str, role: &Role) -> Option<&Execution> {
        let is_it = |command: &CommandId| command.role == *role && command.step().is_some_and(|id| id.as_str() == step);
        self.executions().rev().find(|execution| is_it(&execution.command))
    }

    /// Returns what people have said of doubts and obligations, in order.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Returns why a step was left out from the start, if it was.
    pub fn left_out(&self, step: &str) -> Option<&str> {
        self.skips.get(&StepId::from(step)).map(String::as_str)
    }

    /// Returns why a step is not well.
    pub fn reason(&self, step: &str) -> Option<&str> {
        self.reasons.get(&StepId::from(step)).map(String::as_str)
    }
}

impl Finish {
    /// Returns the reason, unless it went well.
    pub fn why(&self) -> Option<&str> {
        match self {
            Finish::Well => None,
            Finish::Bad(why) | Finish::Unclear(why) | Finish::InDoubt(why) => Some(why),
        }
    }
}

fn judged(judgement: &Judgement) -> Finish {
    match judgement {
        Judgement::Met { .. } => Finish::Well,
        Judgement::Unmet { reason } => Finish::Bad(reason.clone()),
        Judgement::Unclear { reason } => Finish::Unclear(reason.clone()),
    }
}

/// Returns why a command of a step did not go well, as a reason of the step.
fn explained(command: &CommandId, why: &str) -> String {
    match &command.role {
        Role::Guard(id) => format!("guard {id} is unmet: {why}"),
        Role::Look(name) => format!("output {name}: {why}"),
        Role::Verify => format!("verify does not hold: {why}"),
        _ => why.to_owned(),
    }
}
