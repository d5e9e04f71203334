//! The machine: a plan, a state, and the one function through which every change of the state goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;

use crate::command::{CommandId, Role};
use crate::event::{Answer, Event, Exit, Question, Wait};
use crate::scope::Course;
use crate::shape::Shape;
use crate::state::{
    Asking, Block, Cancel, Debts, Finals, Phase, Reached, Recheck, Stage, State, StepState, Task, TaskAt, Tried,
    Undoing, Wish,
};
use crate::task::{TaskEvent, TaskStep};

/// A plan being executed: the fold of its events.
///
/// [`Run::apply`] is the only way to change it and [`Run::next`] says what is due. A crash is survived by folding the
/// same events again; there is no other way back.
#[derive(Debug)]
pub struct Run {
    pub(crate) plan: Arc<Plan>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) state: State,
    /// Steps whose settling or unwinding has not been passed on yet. Empty between two events.
    pub(crate) news: Vec<News>,
}

/// Something that other steps wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A group has begun.
    Opened(usize),
    Settled(usize),
    Unwound(usize),
    /// A scope was taken back by itself, and the rest goes on.
    Absorbed(usize),
}

/// An event that cannot happen in this state: the journal is not one of this plan's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen here: {why}")]
pub struct IllegalEvent {
    /// The event, as printed in a journal.
    pub event: String,
    /// What stands against it.
    pub why: &'static str,
}

impl Run {
    /// Returns a run of which nothing has happened yet.
    pub fn new(plan: Arc<Plan>) -> Run {
        let shape = Arc::new(Shape::new(&plan));
        let state = State::new(&plan);
        Run { plan, shape, state, news: Vec::new() }
    }

    /// Returns the run that these events lead to.
    pub fn replay<'a>(plan: Arc<Plan>, events: impl IntoIterator<Item = &'a Event>) -> Result<Run, IllegalEvent> {
        let mut run = Run::new(plan);
        events.into_iter().try_for_each(|event| run.apply(event))?;
        Ok(run)
    }

    /// Takes a fact into the state.
    ///
    /// Fails, leaving the state as it was or half changed, if the fact cannot happen here; a run of which an event was
    /// refused must not be used any more.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        self.take(event).map_err(|why| IllegalEvent { event: describe(event), why })?;
        self.cascade();
        #[cfg(debug_assertions)]
        assert_eq!(self.miscount(), None, "after {}", describe(event));
        Ok(())
    }

    fn take(&mut self, event: &Event) -> Result<(), &'static str> {
        if (self.state.phase == Phase::New) != matches!(event, Event::RunStarted { .. }) {
            return Err("a journal begins with the start of the run, once");
        }
        match event {
            Event::RunStarted { by, skips, .. } => {
                self.leave_out(skips.keys())?;
                self.state.starter.clone_from(by);
                self.start();
            }
            Event::EngineStarted { .. } => self.reopen(),
            Event::Decided { question, answer } => self.decided(question, answer)?,
            Event::Locked { step, ms } => self.locked(step, *ms)?,
            Event::Rendered { command, outcome } => {
                self.task_event(command, TaskEvent::Rendered(outcome))?;
                self.keep_rendering(command, outcome);
            }
            Event::Started { command } => {
                self.task_event(command, TaskEvent::Started)?;
                self.mark_start(command);
                self.started(command);
            }
            Event::NotStarted { command } => {
                self.task_event(command, TaskEvent::NotStarted)?;
                self.not_started(command);
            }
            Event::Adopted { command, ms } => {
                self.task_event(command, TaskEvent::Adopted)?;
                self.note_age(command, *ms);
            }
            Event::Reached { command, milestone } => self.reached(command, milestone)?,
            Event::Ended { command, exit, ms } => self.ended(command, exit, *ms)?,
            Event::Judged { command, judgement } => self.judged(command, judgement)?,
            Event::Elapsed { wait } => self.elapsed(wait)?,
            Event::Answered { command, response, outputs, by, shown, .. } => {
                self.answered(command, *response, outputs, (by, shown))?;
            }
            Event::SecretsLost { step } => self.publish_again(step)?,
            Event::CancelRequested => self.cancel(),
            Event::RollbackRequested { .. } => self.reverse()?,
            Event::Ruled { step, ruling, outputs, .. } => self.ruled(step, *ruling, outputs)?,
            Event::Settled { step, debt, done, outputs, .. } => self.said(step, *debt, *done, outputs)?,
        }
        Ok(())
    }

    /// Passes on what an event has settled, until nothing follows from it any more.
    fn cascade(&mut self) {
        loop {
            match self.news.pop() {
                Some(News::Opened(group)) => self.pass_on_opened(group),
                Some(News::Settled(step)) => self.pass_on_settled(step),
                Some(News::Unwound(step)) => self.pass_on_unwound(step),
                Some(News::Absorbed(scope)) => self.pass_on_absorbed(scope),
                None if self.next_phase() => {}
                None => return,
            }
        }
    }

    fn ended(&mut self, command: &CommandId, exit: &Exit, ms: u64) -> Result<(), &'static str> {
        if !self.task(command).is_some_and(Task::is_out) {
            return Err("the command is not running");
        }
        self.state.in_flight -= 1;
        self.state.rendered.remove(command);
        self.note_exit(command, exit);
        self.spend(command, ms);
        self.task_event(command, TaskEvent::Ended(exit))
    }

    fn judged(&mut self, command: &CommandId, judgement: &Judgement) -> Result<(), &'static str> {
        if self.is_salvaging(command) {
            self.keep_outputs(command, judgement);
            self.salvaged(command, judgement);
            return Ok(());
        }
        if !matches!(self.task(command), Some(Task { at: TaskAt::Judging(_), .. })) {
            return Err("the command has not ended, or its exit code says everything");
        }
        self.keep_outputs(command, judgement);
        self.task_event(command, TaskEvent::Judged(judgement))
    }

    /// Moves one try on and hands its end to whom it belongs.
    pub(crate) fn task_event(&mut self, id: &CommandId, event: TaskEvent<'_>) -> Result<(), &'static str> {
        let plan = Arc::clone(&self.plan);
        let (command, kind) = self.look_up(&plan, id).ok_or("the plan has no such command")?;
        let task = self.task_mut(id).ok_or("no such try is under way")?;
        match task.step(event, kind, command).ok_or("the try is not at that point")? {
            TaskStep::On(at) => task.at = at,
            TaskStep::End(end) => self.task_over(id, end),
        }
        self.place_of(id);
        Ok(())
    }

    pub(crate) fn task_over(&mut self, id: &CommandId, end: crate::task::TaskEnd) {
        if self.looks_again(id, end) {
            return;
        }
        let step = id.step().and_then(|step| self.shape.index(step));
        match (&id.role, step) {
            (Role::Guard(_), Some(step)) => self.guard_over(step, end),
            (Role::Attempt, Some(step)) => self.attempt_over(step, end),
            (Role::Look(_), Some(step)) => self.look_over(step, end),
            (Role::Verify, Some(step)) => self.verify_over(step, end),
            (Role::Cleanup, Some(step)) => self.hook_over(step, crate::event::DebtKind::Cleanup, end),
            (Role::Rollback, Some(step)) => self.hook_over(step, crate::event::DebtKind::Rollback, end),
            (Role::Release, Some(step)) => self.hook_over(step, crate::event::DebtKind::Release, end),
            (Role::Guard(name), None) => self.playbook_guard_over(name, end),
            (Role::Invariant(name), _) => self.invariant_over(name, end),
            (Role::Final(_), _) => self.final_over(),
            (Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release, None) => {}
        }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Returns the state, for comparing and hashing.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn keep_rendering(&mut self, command: &CommandId, outcome: &crate::event::Rendering) {
        if let crate::event::Rendering::Text(text) = outcome {
            self.state.rendered.insert(command.clone(), text.clone());
        }
    }

    fn decided(&mut self, question: &Question, answer: &Answer) -> Result<(), &'static str> {
        let is_asked = match question {
            Question::When(id) => self.answer_step(id, |run, step| run.when_decided(step, answer)),
            Question::CleanupWhen(id) => self.answer_step(id, |run, step| run.cleanup_decided(step, answer)),
            Question::RetryWhen(id) => self.answer_step(id, |run, step| run.retry_decided(step, answer)),
            Question::ReleaseWhen(id) => self.answer_step(id, |run, step| run.release_decided(step, answer)),
            Question::FinalWhen(id) => self.final_decided(id, answer),
            Question::Items(id) => self.answer_step(id, |run, step| run.items_decided(step, answer)),
        };
        if is_asked { Ok(()) } else { Err("nobody asked that") }
    }

    fn answer_step(&mut self, id: &crate::command::StepId, answer: impl FnOnce(&mut Run, usize) -> bool) -> bool {
        let Some(step) = self.shape.index(id) else { return false };
        let is_asked = answer(self, step);
        self.place(step);
        is_asked
    }

    fn elapsed(&mut self, wait: &Wait) -> Result<(), &'static str> {
        self.spend_wait(wait);
        let has_waited = match wait {
            Wait::Deadline(id) => self.answer_step(id, Run::deadline_over),
            Wait::Attempt(id) => self.answer_step(id, Run::pause_over),
            Wait::Hook(id, kind) => self.answer_step(id, |run, step| run.hook_pause_over(step, *kind)),
            Wait::Look(id) => self.look_due(id),
            Wait::Within(id) => self.within_over(id),
            Wait::Answer(id) => self.answer_overdue(id),
        };
        if has_waited { Ok(()) } else { Err("nothing waits for that") }
    }

    /// Sorts a step into the sets that [`Run::next`] walks. Called after every change of a step.
    pub(crate) fn place(&mut self, step: usize) {
        let [is_due, is_busy, is_polling] = self.places(step);
        set(&mut self.state.ready, step, is_due);
        set(&mut self.state.busy, step, is_busy);
        set(&mut self.state.polling, step, is_polling);
    }

    /// Returns whether a step is ready, busy and polling.
    pub(crate) fn places(&self, step: usize) -> [bool; 3] {
        let state = &self.state.steps[step];
        let is_due = matches!(state.stage.task(), Some(Task { at: TaskAt::Due, .. }));
        let is_busy = (state.stage.is_under_way() && !is_due) || state.debts.are_under_way();
        [is_due, is_busy, self.polled(step).is_some()]
    }

    pub(crate) fn place_of(&mut self, id: &CommandId) {
        if let Some(step) = id.step().and_then(|step| self.shape.index(step)) {
            self.place(step);
        }
    }
}

impl Clone for Run {
    fn clone(&self) -> Run {
        Run {
            plan: Arc::clone(&self.plan),
            shape: Arc::clone(&self.shape),
            state: self.state.clone(),
            news: self.news.clone(),
        }
    }

    /// Becomes a copy without asking for memory anew: an exploration makes millions of them.
    fn clone_from(&mut self, source: &Run) {
        let Run { plan, shape, state, news } = source;
        self.plan.clone_from(plan);
        self.shape.clone_from(shape);
        self.state.clone_from(state);
        self.news.clone_from(news);
    }
}

impl State {
    fn new(plan: &Plan) -> State {
        State {
            phase: Phase::New,
            cancel: Cancel::No,
            is_told: false,
            rests: 0,
            guards: vec![Asking::Idle; plan.guards.len()],
            recheck: Recheck::Idle,
            asked: 0,
            steps: (0..plan.steps.len()).map(|step| StepState::new(plan, step)).collect(),
            invariants: vec![Asking::Idle; plan.invariants.len()],
            finals: Finals { at: 0, task: None },
            ready: BTreeSet::new(),
            busy: BTreeSet::new(),
            polling: BTreeSet::new(),
            in_flight: 0,
            settled: 0,
            unwound: 0,
            doubts: 0,
            undoing: Undoing::Unsaid,
            completed: 0,
            rendered: BTreeMap::new(),
            outputs: BTreeMap::new(),
            approvals: BTreeMap::new(),
            starter: None,
            seen: BTreeMap::new(),
            clocks: BTreeMap::new(),
            marks: BTreeMap::new(),
        }
    }
}

impl StepState {
    pub(crate) fn new(plan: &Plan, at: usize) -> StepState {
        let step = &plan.steps[at];
        let until = step.release.as_ref().map_or(0, |release| release.until.len() + release.until_reached.len());
        StepState {
            stage: Stage::Waiting,
            attempts: 0,
            voided: 0,
            effective: 0,
            tried: Tried::default(),
            is_verified: false,
            exit_code: None,
            debts: Debts::NONE,
            asked: 0,
            course: Course::Forth,
            wish: Wish::Run,
            reached: Reached::default(),
            needs_left: count(step.needs.len() + step.after.len()),
            members_left: step.as_group().map_or(0, |_| count(plan.members(at).count())),
            is_passed_on: false,
            until_left: count(until),
            unwind_left: 0,
            is_unwound: false,
            block: Block::None,
            completed: 0,
        }
    }
}

/// Returns the event as a journal prints it, for messages.
fn describe(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_else(|error| error.to_string())
}

fn set(members: &mut BTreeSet<usize>, step: usize, is_in: bool) {
    if is_in {
        members.insert(step);
    } else {
        members.remove(&step);
    }
}

/// Returns a length as the machine counts it.
pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a playbook has fewer than 2^32 steps")
}
