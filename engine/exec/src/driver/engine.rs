//! The driver's loop: one owner of the run, from what is due to what has happened and back.

mod secrets;
mod turns;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Effect, Event, Exit, Pause, Phase, Rendering, Run, StepId, TaskAt, Verdict, Wait};

use self::turns::Turns;
use super::{DriveError, Note, Patience, Sink};
use crate::clock;
use crate::environment;
use crate::journal::Urgency;
use crate::milestones::Watch;
use crate::people::{self, Ear};
use crate::questions::Known;
use crate::signals::Signal;
use crate::store::{About, RunDir};
use crate::world::{Happening, Start, World};

/// What has been recorded and waits until it is durable.
#[derive(Default)]
struct Undurable {
    shows: VecDeque<Envelope>,
    starts: VecDeque<(u64, CommandId)>,
    ears: VecDeque<(u64, Ear)>,
    last: u64,
}

/// Drives a run in a world.
pub(crate) struct Driver<'a> {
    dir: &'a RunDir,
    about: About,
    started_at: String,
    run: Run,
    world: &'a mut dyn World,
    undurable: Undurable,
    /// How often somebody asked for the run to stop.
    stops: u32,
    /// Commands that were asked to end.
    ending: BTreeSet<CommandId>,
    /// Commands of an earlier engine whose fate was asked for and is not known.
    asked: BTreeSet<CommandId>,
    /// When the waits of the run are over, in the world's time.
    deadlines: BTreeMap<Wait, Duration>,
    lengths: BTreeMap<CommandId, u64>,
    turns: Turns,
    patience: Patience,
    sink: &'a mut dyn Sink,
}

impl<'a> Driver<'a> {
    /// Returns a driver that goes on where `past`, which `run` is the fold of, ends.
    pub(crate) fn new(
        dir: &'a RunDir,
        run: Run,
        past: &[Envelope],
        world: &'a mut dyn World,
        sink: &'a mut dyn Sink,
    ) -> Result<Self, DriveError> {
        let about = dir.about()?;
        let turns = Turns::new(&run);
        Ok(Driver {
            dir,
            started_at: clock::rfc3339(about.created_ms),
            about,
            run,
            world,
            undurable: Undurable { last: past.last().map_or(0, |last| last.sequence), ..Undurable::default() },
            stops: 0,
            ending: BTreeSet::new(),
            asked: BTreeSet::new(),
            deadlines: BTreeMap::new(),
            lengths: lengths(past),
            turns,
            patience: Patience::Wait,
            sink,
        })
    }

    /// Returns a driver that has this much patience with people.
    pub(crate) fn with(self, patience: Patience) -> Self {
        Driver { patience, ..self }
    }

    /// Records that this engine has the run.
    fn begin(&mut self) -> Result<(), DriveError> {
        if self.undurable.last == 0 {
            let plan = self.about.plan.clone();
            let by = self.about.by.clone();
            let skips = self.about.skips.iter().map(|(step, note)| (StepId::from(step.as_str()), note.clone()));
            let skips = skips.collect();
            self.record(Event::RunStarted { run: self.dir.id().to_owned(), plan, by, skips })?;
        }
        let engine_started = self.world.engine_started();
        self.record(engine_started)?;
        self.run.waiting_for().iter().for_each(|question| self.world.people_asked(question));
        Ok(())
    }

    /// Does what is due and waits for what happens, until the run is at rest and everything is durable and shown.
    ///
    /// Returns the verdict with what the run publishes if it succeeded.
    pub(crate) fn into_rest(mut self) -> Result<(Verdict, BTreeMap<String, String>), DriveError> {
        self.begin()?;
        loop {
            self.advance()?;
            if self.flush()? {
                continue;
            }
            if let Some(verdict) = self.run.verdict().filter(|_| self.undurable.shows.is_empty()) {
                self.world.dismiss()?;
                let is_done = verdict == Verdict::Succeeded;
                return Ok((verdict, if is_done { self.known().outputs() } else { BTreeMap::new() }));
            }
            if self.patience == Patience::Leave && self.awaits_people() {
                self.world.dismiss()?;
                return Err(DriveError::AwaitsPeople);
            }
            match self.wait()? {
                Some(happening) => self.take(happening)?,
                None => self.end_waits()?,
            }
            while let Some(happening) = self.world.take()? {
                self.take(happening)?;
            }
        }
    }

    /// Returns whether nothing can happen before people have answered.
    fn awaits_people(&self) -> bool {
        let is_answer = |pause: &Pause| matches!(pause.wait, Wait::Answer(_));
        let is_idle = self.run.in_flight().is_empty() && self.run.next().is_empty() && self.undurable.shows.is_empty();
        is_idle && !self.run.waiting_for().is_empty() && self.run.pauses().iter().all(is_answer)
    }

    /// Makes what was recorded durable; returns whether that has happened already. While nothing runs there is nothing
    /// else to do meanwhile.
    fn flush(&mut self) -> Result<bool, DriveError> {
        let runs = self.undurable.starts.len() < self.run.in_flight().len();
        let urgency = if runs { Urgency::Beside } else { Urgency::Now };
        let Some(sequence) = self.world.flush(urgency)? else {
            return Ok(false);
        };
        self.durable(sequence)?;
        Ok(true)
    }

    /// Performs effects until only what takes time is left.
    fn advance(&mut self) -> Result<(), DriveError> {
        while let Some(effect) = self.due()? {
            self.perform(effect)?;
        }
        Ok(())
    }

    /// Returns whether an effect was begun and its end is awaited.
    fn is_under_way(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Settle(command) => self.asked.contains(command),
            Effect::Terminate(command) => self.ending.contains(command),
            Effect::Lock(step) => self.turns.is_waiting(step, self.world.now()),
            _ => false,
        }
    }

    fn perform(&mut self, effect: Effect) -> Result<(), DriveError> {
        match effect {
            Effect::Decide(question) => {
                let answer = self.known().decide(&question);
                self.record(Event::Decided { question, answer })
            }
            Effect::Render(command) => {
                let outcome = self.rendered(&command);
                self.record(Event::Rendered { command, outcome })
            }
            Effect::Judge(command) => {
                let judgement = self.known().judge(&command);
                self.record(Event::Judged { command, judgement })
            }
            Effect::Start(command) => {
                self.record(Event::Started { command: command.clone() })?;
                self.undurable.starts.push_back((self.undurable.last, command));
                Ok(())
            }
            Effect::Lock(step) => self.lock(step),
            Effect::Settle(command) => {
                let limit = self.run.command(&command).and_then(|command| command.time_limit);
                self.asked.insert(command.clone());
                self.watch(&command);
                self.world.ask(command, limit)
            }
            Effect::Terminate(command) => {
                self.world.terminate(&command)?;
                self.ending.insert(command);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Works out the texts of a command. What was approved and has become another is not executed.
    fn rendered(&self, command: &CommandId) -> Rendering {
        match self.known().render(command) {
            Rendering::Text(text) => match people::differs(&self.run, self.dir, command, &text) {
                Some(why) => Rendering::Error(why),
                None => Rendering::Text(text),
            },
            Rendering::Error(why) => Rendering::Error(why),
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            run: &self.run,
            dir: self.dir,
            started_at: &self.started_at,
            lengths: &self.lengths,
            vault: self.world.vault(),
        }
    }

    /// Applies a fact and puts it on its way to the disk; it is shown when it is there.
    fn record(&mut self, event: Event) -> Result<(), DriveError> {
        self.run.apply(&event)?;
        let envelope = self.world.append(event)?;
        self.undurable.last = envelope.sequence;
        self.undurable.shows.push_back(envelope);
        self.turns.note(&self.run, self.undurable.last);
        Ok(())
    }

    /// Waits for something to happen; `None` when a wait of the run is over first.
    fn wait(&mut self) -> Result<Option<Happening>, DriveError> {
        let now = self.world.now();
        let pauses = self.run.pauses();
        self.deadlines.retain(|wait, _| pauses.iter().any(|pause| pause.wait == *wait));
        for pause in pauses {
            self.deadlines.entry(pause.wait).or_insert(now + pause.length);
        }
        let turn = self.turns.next(&self.run);
        let first = self.deadlines.values().copied().chain(turn).min();
        self.world.wait(first)
    }

    fn end_waits(&mut self) -> Result<(), DriveError> {
        let now = self.world.now();
        let over: Vec<Wait> =
            self.deadlines.iter().filter(|(_, end)| **end <= now).map(|(wait, _)| wait.clone()).collect();
        for wait in over {
            self.deadlines.remove(&wait);
            // The end of one wait may have called off the next.
            if self.run.pauses().iter().any(|pause| pause.wait == wait) {
                self.record(Event::Elapsed { wait })?;
            }
        }
        Ok(())
    }

    fn take(&mut self, happening: Happening) -> Result<(), DriveError> {
        match happening {
            Happening::Durable(durable) => self.durable(durable?),
            Happening::Ended { command, exit, ms } => self.ended(command, exit, ms),
            Happening::Reached { command, milestone } => self.reached(command, milestone),
            Happening::NotStarted(command) => {
                self.asked.remove(&command);
                self.record(Event::NotStarted { command })
            }
            Happening::Running { command, ms } => {
                self.asked.remove(&command);
                self.record(Event::Adopted { command, ms })
            }
            Happening::Survives(command) => {
                self.sink.note(&Note::AwaitingSurvivor(command));
                Ok(())
            }
            Happening::SupervisorGone => self.supervise_again(),
            Happening::Word(word) => self.word(word),
            Happening::Signal(signal) => self.signal(signal),
        }
    }

    /// Shows and starts what was waiting for the journal, and gives locks back.
    fn durable(&mut self, sequence: u64) -> Result<(), DriveError> {
        while let Some(envelope) = self.undurable.shows.pop_front_if(|envelope| envelope.sequence <= sequence) {
            self.sink.event(&envelope, &self.run);
        }
        while let Some((_, ear)) = self.undurable.ears.pop_front_if(|(word, _)| *word <= sequence) {
            ear.tell(Ok(()));
        }
        while let Some((_, command)) = self.undurable.starts.pop_front_if(|(intent, _)| *intent <= sequence) {
            self.spawn(command)?;
        }
        let given_back = self.turns.given_back(sequence);
        given_back.iter().try_for_each(|name| self.world.unlock(name))
    }

    fn spawn(&mut self, id: CommandId) -> Result<(), DriveError> {
        if self.run.asks_people(&id) {
            let asked = self.run.waiting_for().into_iter().find(|question| question.command == id);
            if let Some(question) = asked {
                self.world.people_asked(&question);
            }
            return Ok(());
        }
        self.watch(&id);
        let (Some(command), Some(text)) = (self.run.command(&id), self.known().texts(&id)) else {
            return self.ended(id, Exit::NotSpawned("its texts are not known".to_owned()), 0);
        };
        let spawn = environment::spawn(self.dir, &self.about, &id, command, text);
        let spawn = environment::with_secrets(spawn, self.run.plan(), &id);
        let spawn = match self.run.conduct(&id) {
            Some(conduct) => environment::attempt(spawn, conduct),
            None => spawn,
        };
        self.world.start(Start { id, command, spawn })
    }

    /// Has an attempt watched for the milestones that it has not reached.
    fn watch(&mut self, id: &CommandId) {
        let (stdout, stderr) = (self.dir.stdout(id), self.dir.stderr(id));
        if let Some(watch) = Watch::over(&stdout, &stderr, self.run.unreached(id)) {
            self.world.watch(id, watch);
        }
    }

    fn reached(&mut self, command: CommandId, milestone: String) -> Result<(), DriveError> {
        let is_running = self.run.task(&command).is_some_and(|task| task.at == TaskAt::InFlight);
        if is_running && self.run.unreached(&command).any(|unreached| unreached.name == milestone) {
            return self.record(Event::Reached { command, milestone });
        }
        Ok(())
    }

    fn ended(&mut self, command: CommandId, exit: Exit, ms: u64) -> Result<(), DriveError> {
        self.asked.remove(&command);
        if self.run.task(&command).is_none_or(|task| !task.is_out()) {
            return Ok(());
        }
        self.lengths.insert(command.clone(), ms);
        self.record(Event::Ended { command, exit, ms })
    }

    fn supervise_again(&mut self) -> Result<(), DriveError> {
        self.sink.note(&Note::SupervisorLost);
        self.world.supervise_again()?;
        self.undurable.starts.clear();
        self.ending.clear();
        self.asked.clear();
        let engine_started = self.world.engine_started();
        self.record(engine_started)
    }

    fn signal(&mut self, signal: Signal) -> Result<(), DriveError> {
        self.stops += u32::from(signal == Signal::Stop);
        let note = match (signal, self.stops) {
            (Signal::HangUp, _) => Note::HungUp,
            (Signal::Stop, 1) => Note::Stopping,
            (Signal::Stop, 2) => Note::StoppingRollbacks,
            (Signal::Stop, _) => Note::Leaving,
        };
        self.sink.note(&note);
        match note {
            Note::Leaving => Err(DriveError::Interrupted),
            Note::Stopping | Note::StoppingRollbacks if self.run.phase() != Phase::AtRest => {
                self.record(Event::CancelRequested)
            }
            _ => Ok(()),
        }
    }
}

/// Returns how long the attempts of a journal took.
pub(crate) fn lengths(envelopes: &[Envelope]) -> BTreeMap<CommandId, u64> {
    let ends = envelopes.iter().filter_map(|envelope| match &envelope.event {
        Event::Ended { command, ms, .. } => Some((command.clone(), *ms)),
        _ => None,
    });
    ends.collect()
}
