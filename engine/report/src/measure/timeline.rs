//! When the steps of a run began and settled: the fold that measures are drawn from.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, IllegalEvent, Pause, Phase, Role, Run, Stage, Wait};

use super::spans::{TimeSpan, covered};

/// When what happened in a run, in milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) run: Run,
    /// The run's id.
    pub(crate) id: String,
    pub(crate) started_ms: u64,
    /// When it last came to rest, or its latest event if it has not.
    pub(crate) rested_ms: u64,
    /// When people were waited for: at rest before an engine went on, and while nothing else was under way.
    pub(crate) people: Vec<TimeSpan>,
    /// Since when nothing but people is waited for.
    asked_ms: Option<u64>,
    /// By the index of the step in the plan.
    pub(crate) steps: Vec<StepTimes>,
    /// Steps that were attempted and have not settled.
    open: Vec<usize>,
    /// Hooks under way, with when they began.
    hooks: BTreeMap<CommandId, u64>,
}

/// When a step was attempted and settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepTimes {
    /// The start of each attempt.
    attempts: Vec<(CommandId, u64)>,
    settled_ms: Option<u64>,
    /// Whether it settled by what somebody said.
    pub(super) is_told: bool,
    /// When its cleanup, rollback and release ran.
    pub(super) hooks: Vec<TimeSpan>,
}

impl StepTimes {
    /// Returns the span from the first attempt until the step settled, or until now if it has not.
    pub(super) fn span(&self, now_ms: u64) -> Option<TimeSpan> {
        let (_, begin) = self.attempts.first()?;
        Some(TimeSpan::new(*begin, self.settled_ms.unwrap_or(now_ms)))
    }

    /// Returns when the latest attempt began.
    pub(super) fn latest_ms(&self) -> Option<u64> {
        self.attempts.last().map(|(_, at_ms)| *at_ms)
    }
}

impl Timeline {
    pub(crate) fn of(plan: &Arc<Plan>, envelopes: &[Envelope]) -> Result<Timeline, IllegalEvent> {
        let mut timeline = Timeline {
            run: Run::new(Arc::clone(plan)),
            id: String::new(),
            started_ms: 0,
            rested_ms: 0,
            people: Vec::new(),
            asked_ms: None,
            steps: vec![StepTimes::default(); plan.steps.len()],
            open: Vec::new(),
            hooks: BTreeMap::new(),
        };
        envelopes.iter().try_for_each(|envelope| timeline.apply(envelope))?;
        Ok(timeline)
    }

    fn apply(&mut self, envelope: &Envelope) -> Result<(), IllegalEvent> {
        let was_at_rest = self.run.phase() == Phase::AtRest;
        self.run.apply(&envelope.event)?;
        self.steps.resize(self.run.plan().steps.len(), StepTimes::default());
        self.take(&envelope.event, envelope.at_ms);
        self.settle(&envelope.event, envelope.at_ms);
        let is_at_rest = self.run.phase() == Phase::AtRest;
        if was_at_rest && !is_at_rest {
            self.people.push(TimeSpan::new(self.rested_ms, envelope.at_ms));
        }
        self.wait_for_people(envelope.at_ms);
        if !(was_at_rest && is_at_rest) {
            self.rested_ms = envelope.at_ms;
        }
        Ok(())
    }

    /// Takes note of the time in which nothing runs or waits but people.
    fn wait_for_people(&mut self, at_ms: u64) {
        let is_answer = |pause: &Pause| matches!(pause.wait, Wait::Answer(_));
        let is_idle = self.run.in_flight().is_empty() && self.run.pauses().iter().all(is_answer);
        if is_idle && !self.run.waiting_for().is_empty() {
            self.asked_ms.get_or_insert(at_ms);
        } else if let Some(since) = self.asked_ms.take() {
            self.people.push(TimeSpan::new(since, at_ms));
        }
    }

    fn take(&mut self, event: &Event, at_ms: u64) {
        match event {
            Event::RunStarted { run, .. } => (self.id, self.started_ms) = (run.clone(), at_ms),
            Event::Started { command } => self.started(command, at_ms),
            Event::NotStarted { command } => self.not_started(command),
            Event::Ended { command, .. } => self.ended(command, at_ms),
            _ => {}
        }
    }

    fn started(&mut self, command: &CommandId, at_ms: u64) {
        let Some(step) = self.step(command) else { return };
        if command.is_hook() {
            self.hooks.insert(command.clone(), at_ms);
        } else if command.role == Role::Attempt {
            self.steps[step].attempts.push((command.clone(), at_ms));
            if !self.open.contains(&step) {
                self.open.push(step);
            }
        }
    }

    fn not_started(&mut self, command: &CommandId) {
        self.hooks.remove(command);
        if let Some(step) = self.step(command) {
            self.steps[step].attempts.retain(|(attempt, _)| attempt != command);
        }
    }

    fn ended(&mut self, command: &CommandId, at_ms: u64) {
        let (Some(step), Some(begin)) = (self.step(command), self.hooks.remove(command)) else { return };
        self.steps[step].hooks.push(TimeSpan::new(begin, at_ms));
    }

    /// Takes note of the steps that an event has settled; only those that were attempted have times.
    fn settle(&mut self, event: &Event, at_ms: u64) {
        let (run, steps) = (&self.run, &mut self.steps);
        self.open.retain(|&step| {
            let is_settled = matches!(run.summary(step).stage, Stage::Settled(_));
            if is_settled {
                steps[step].settled_ms = Some(at_ms);
                steps[step].is_told = matches!(event, Event::Settled { .. } | Event::Ruled { .. });
            }
            !is_settled
        });
    }

    fn step(&self, command: &CommandId) -> Option<usize> {
        self.run.plan().step_index(command.step()?.as_str())
    }

    /// Iterates over the steps that were attempted: index, and how long each took without what people took.
    pub(crate) fn step_times(&self) -> impl Iterator<Item = (usize, u64)> {
        let spans = self.steps.iter().enumerate().filter_map(|(at, times)| Some((at, times.span(self.rested_ms)?)));
        spans.map(|(at, span)| (at, covered(vec![span], &self.people)))
    }
}
