//! The driver's loop: one owner of the run, from what is due to what has happened and back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Effect, Event, Exit, Phase, Run, Verdict, Wait};

use super::mail::{Happening, Mailbox};
use super::session::{self, Session};
use super::{DriveError, Note, Sink};
use crate::clock;
use crate::environment;
use crate::journal::{Recorder, Urgency};
use crate::questions::Known;
use crate::signals::{self, Signal};
use crate::store::{About, RunDir, Summary};
use crate::supervisor::{ClientError, CommandState, Reply};

/// How often a supervisor may die under one engine.
const SUPERVISORS: u32 = 5;

/// What has been recorded and waits until it is durable.
#[derive(Default)]
struct Undurable {
    shows: VecDeque<Envelope>,
    starts: VecDeque<(u64, CommandId)>,
    last: u64,
}

pub(super) struct Driver<'a> {
    dir: &'a RunDir,
    about: About,
    started_at: String,
    run: Run,
    recorder: Recorder,
    session: Session,
    mailbox: Mailbox,
    undurable: Undurable,
    /// How often somebody asked for the run to stop.
    stops: u32,
    /// Commands that were asked to end.
    ending: BTreeSet<CommandId>,
    deadlines: BTreeMap<Wait, Instant>,
    lengths: BTreeMap<CommandId, u64>,
    sink: &'a mut dyn Sink,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        dir: &'a RunDir,
        run: Run,
        recorder: Recorder,
        envelopes: &[Envelope],
        mailbox: Mailbox,
        sink: &'a mut dyn Sink,
    ) -> Result<Self, DriveError> {
        let post = mailbox.post();
        signals::listen(move |signal| post.send(Happening::Signal(signal))).map_err(DriveError::Signals)?;
        let about = dir.about()?;
        let session = Session::start(dir, 1, mailbox.post())?;
        Ok(Driver {
            dir,
            started_at: clock::rfc3339(about.created_ms),
            about,
            run,
            recorder,
            session,
            mailbox,
            undurable: Undurable { last: envelopes.last().map_or(0, |last| last.sequence), ..Undurable::default() },
            stops: 0,
            ending: BTreeSet::new(),
            deadlines: BTreeMap::new(),
            lengths: lengths(envelopes),
            sink,
        })
    }

    /// Records that this engine has the run.
    pub(super) fn begin(&mut self, events: &[Event]) -> Result<(), DriveError> {
        self.session.was_same_boot = session::was_same_boot(events);
        if events.is_empty() {
            let plan = self.about.plan.clone();
            self.record(Event::RunStarted { run: self.dir.id().to_owned(), plan })?;
        }
        self.dir.forget_summary();
        self.record(session::engine_started())
    }

    /// Does what is due and waits for what happens, until the run is at rest and everything is durable and shown.
    pub(super) fn into_rest(mut self) -> Result<Verdict, DriveError> {
        loop {
            self.advance()?;
            if self.flush()? {
                continue;
            }
            if let Some(verdict) = self.run.verdict().filter(|_| self.undurable.shows.is_empty()) {
                self.finish(verdict)?;
                return Ok(verdict);
            }
            match self.wait()? {
                Some(happening) => self.take(happening)?,
                None => self.end_waits()?,
            }
            while let Some(happening) = self.mailbox.take() {
                self.take(happening)?;
            }
        }
    }

    /// Makes what was recorded durable; returns whether that has happened already. While nothing runs there is nothing
    /// else to do meanwhile.
    fn flush(&mut self) -> Result<bool, DriveError> {
        let runs = self.undurable.starts.len() < self.run.in_flight().len();
        let urgency = if runs { Urgency::Beside } else { Urgency::Now };
        let Some(sequence) = self.recorder.flush(urgency)? else {
            return Ok(false);
        };
        self.durable(sequence)?;
        Ok(true)
    }

    /// Performs effects until only what takes time is left.
    fn advance(&mut self) -> Result<(), DriveError> {
        while let Some(effect) = self.run.next().into_iter().find(|effect| !self.is_under_way(effect)) {
            self.perform(effect)?;
        }
        Ok(())
    }

    /// Returns whether an effect was begun and its end is awaited.
    fn is_under_way(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Settle(command) => self.session.asked.contains(command),
            Effect::Terminate(command) => self.ending.contains(command),
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
                let outcome = self.known().render(&command);
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
            Effect::Settle(command) => Ok(self.session.ask(command)?),
            Effect::Terminate(command) => {
                self.session.terminate(&command)?;
                self.ending.insert(command);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn known(&self) -> Known<'_> {
        Known { run: &self.run, dir: self.dir, started_at: &self.started_at, lengths: &self.lengths }
    }

    /// Applies a fact and puts it on its way to the disk; it is shown when it is there.
    fn record(&mut self, event: Event) -> Result<(), DriveError> {
        self.run.apply(&event)?;
        let envelope = self.recorder.append(clock::now_ms(), event);
        self.undurable.last = envelope.sequence;
        self.undurable.shows.push_back(envelope);
        Ok(())
    }

    /// Waits for something to happen; `None` when a wait of the run is over first.
    fn wait(&mut self) -> Result<Option<Happening>, DriveError> {
        let now = Instant::now();
        let pauses = self.run.pauses();
        self.deadlines.retain(|wait, _| pauses.iter().any(|pause| pause.wait == *wait));
        for pause in pauses {
            self.deadlines.entry(pause.wait).or_insert(now + pause.length);
        }
        let first = self.deadlines.values().min().map(|first| first.saturating_duration_since(now));
        self.mailbox.wait(&mut self.session, first)
    }

    fn end_waits(&mut self) -> Result<(), DriveError> {
        let now = Instant::now();
        let over: Vec<Wait> =
            self.deadlines.iter().filter(|(_, end)| **end <= now).map(|(wait, _)| wait.clone()).collect();
        for wait in over {
            self.deadlines.remove(&wait);
            self.record(Event::Elapsed { wait })?;
        }
        Ok(())
    }

    fn take(&mut self, happening: Happening) -> Result<(), DriveError> {
        match happening {
            Happening::Durable(durable) => self.durable(durable?),
            Happening::Reply(reply) => self.reply(reply),
            Happening::SupervisorGone => self.supervise_again(),
            Happening::Signal(signal) => self.signal(signal),
            Happening::Gone(command) => self.ended(command, Exit::Lost, 0),
        }
    }

    /// Shows and starts what was waiting for the journal.
    fn durable(&mut self, sequence: u64) -> Result<(), DriveError> {
        self.recorder.is_durable(sequence);
        while let Some(envelope) = self.undurable.shows.pop_front_if(|envelope| envelope.sequence <= sequence) {
            self.sink.event(&envelope, &self.run);
        }
        while let Some((_, command)) = self.undurable.starts.pop_front_if(|(intent, _)| *intent <= sequence) {
            self.spawn(command)?;
        }
        Ok(())
    }

    fn spawn(&mut self, id: CommandId) -> Result<(), DriveError> {
        let (Some(command), Some(text)) = (self.run.command(&id), self.known().texts(&id)) else {
            return self.ended(id, Exit::NotSpawned("its texts are not known".to_owned()), 0);
        };
        match environment::spawn(self.dir, &self.about, &id, command, text) {
            Ok(spawn) => Ok(self.session.spawn(spawn)?),
            Err(missing) => self.ended(id, Exit::NotSpawned(missing.to_string()), 0),
        }
    }

    fn reply(&mut self, reply: Reply) -> Result<(), DriveError> {
        match reply {
            Reply::Ended(end) => self.ended(session::command(&end.command)?, session::exit(end.exit), end.ms),
            Reply::Status { command, state } => self.status(session::command(&command)?, state),
            Reply::Refused(refusal) => Err(ClientError::from(refusal).into()),
            Reply::Welcome { .. } | Reply::Spawned { .. } => Ok(()),
        }
    }

    fn ended(&mut self, command: CommandId, exit: Exit, ms: u64) -> Result<(), DriveError> {
        self.session.asked.remove(&command);
        if self.run.task(&command).is_none_or(|task| !task.is_out()) {
            return Ok(());
        }
        self.lengths.insert(command.clone(), ms);
        self.record(Event::Ended { command, exit, ms })
    }

    /// Takes what became of a command of an earlier engine.
    fn status(&mut self, command: CommandId, state: CommandState) -> Result<(), DriveError> {
        match state {
            CommandState::NeverStarted if self.session.was_same_boot => {
                self.session.asked.remove(&command);
                self.record(Event::NotStarted { command })
            }
            CommandState::NeverStarted => self.ended(command, Exit::Lost, 0),
            CommandState::Running { .. } => {
                self.session.asked.remove(&command);
                self.record(Event::Adopted { command })
            }
            CommandState::Ended(end) => self.ended(command, session::exit(end.exit), end.ms),
            CommandState::Lost { .. } => {
                let limit = self.run.command(&command).and_then(|command| command.time_limit);
                if self.session.await_survivors(&command, limit) {
                    self.sink.note(&Note::AwaitingSurvivor(command));
                }
                Ok(())
            }
        }
    }

    fn supervise_again(&mut self) -> Result<(), DriveError> {
        if self.session.number >= SUPERVISORS {
            return Err(DriveError::Unsupervised(SUPERVISORS));
        }
        self.sink.note(&Note::SupervisorLost);
        self.session = Session::start(self.dir, self.session.number + 1, self.mailbox.post())?;
        self.undurable.starts.clear();
        self.ending.clear();
        self.record(session::engine_started())
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
                self.session.end_survivors();
                self.record(Event::CancelRequested)
            }
            _ => Ok(()),
        }
    }

    fn finish(self, verdict: Verdict) -> Result<(), DriveError> {
        let outputs = if verdict == Verdict::Succeeded { self.known().outputs() } else { BTreeMap::new() };
        let summary = Summary { verdict, started_ms: self.about.created_ms, rested_ms: clock::now_ms(), outputs };
        // What the summary says is in the journal, too: a full disk must not stand between the verdict and the operator.
        let _unwritten = self.dir.write_summary(&summary);
        Ok(self.session.dismiss()?)
    }
}

/// Returns how long the attempts of a journal took.
fn lengths(envelopes: &[Envelope]) -> BTreeMap<CommandId, u64> {
    let ends = envelopes.iter().filter_map(|envelope| match &envelope.event {
        Event::Ended { command, ms, .. } => Some((command.clone(), *ms)),
        _ => None,
    });
    ends.collect()
}
