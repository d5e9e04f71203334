//! The sandboxed world as the driver sees it.

use std::time::Duration;

use firedrill_model::rehearsal::Side;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, Exit, Waiting};

use super::super::clock::EPOCH_MS;
use super::super::pretence;
use super::{Passed, Played, Sandboxed, key};
use crate::driver::DriveError;
use crate::journal::Urgency;
use crate::locks::Lock;
use crate::milestones::Watch;
use crate::secrets::Vault;
use crate::world::{Happening, Start, World};

impl World for Sandboxed<'_> {
    fn now(&self) -> Duration {
        self.scene.now()
    }

    fn engine_started(&self) -> Event {
        Event::EngineStarted { boot: "virtual".to_owned(), engine: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn append(&mut self, event: Event) -> Result<Envelope, DriveError> {
        let sequence = self.chain.sequence() + 1;
        if self.strikes.at_record(sequence, Side::Before) {
            return Err(DriveError::Crashed);
        }
        let at_ms = EPOCH_MS + u64::try_from(self.scene.now().as_millis()).unwrap_or(u64::MAX - EPOCH_MS);
        self.chain.append(at_ms, &event, &mut self.lines);
        if let Event::Ended { command, .. } = &event {
            self.ends.remove(command);
        }
        let envelope = Envelope { sequence, at_ms, event };
        self.journal.push(envelope.clone());
        self.compare()?;
        if self.strikes.at_record(sequence, Side::After) {
            return Err(DriveError::Crashed);
        }
        Ok(envelope)
    }

    fn flush(&mut self, _urgency: Urgency) -> Result<Option<u64>, DriveError> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        self.write_journal().map_err(|error| DriveError::Rehearsal(error.to_string()))?;
        Ok(Some(self.chain.sequence()))
    }

    fn watch(&mut self, command: &CommandId, watch: Watch) {
        self.watches.insert(command.clone(), watch);
    }

    fn start(&mut self, Start { id, command, spawn }: Start<'_>) -> Result<(), DriveError> {
        let (fault, wait) = self.strikes.at_start(&id).unzip();
        let fault = fault.map(|fault| pretence::concrete(fault, &command.expect));
        let played = Played {
            spawn: spawn.clone(),
            began: self.scene.now(),
            expected: command.expect.exit.clone(),
            fault,
            wait: wait.flatten(),
            is_lost: false,
            held: None,
        };
        self.commands.insert(id.clone(), played);
        self.starts.push_back((id, spawn));
        Ok(())
    }

    fn people_asked(&mut self, question: &Waiting) {
        self.put(question);
    }

    /// Nothing outside of a rehearsal concerns it.
    fn lock(&mut self, _names: &[String]) -> Result<Option<Box<Lock>>, DriveError> {
        Ok(None)
    }

    fn unlock(&mut self, _name: &str) -> Result<(), DriveError> {
        Ok(())
    }

    fn terminate(&mut self, command: &CommandId) -> Result<(), DriveError> {
        if let Some(at) = self.starts.iter().position(|(id, _)| id == command) {
            // What was asked for first happens first: it runs until it waits, and is ended there.
            self.starts.remove(at).map_or(Ok(()), |(id, spawn)| self.launch(id, spawn))?;
        }
        if self.commands.get(command).is_some_and(|played| played.held.is_some()) {
            if let Some(Played { began, .. }) = self.commands.remove(command) {
                self.end(command.clone(), Exit::Cancelled, began);
            }
            return Ok(());
        }
        Ok(self.scene.terminate(&key(command))?)
    }

    fn ask(&mut self, command: CommandId, _limit: Option<Duration>) -> Result<(), DriveError> {
        let is_started =
            self.commands.get(&command).is_some_and(|played| played.held.is_some() || self.scene.runs(&key(&command)));
        let happening = match (self.ends.get(&command).cloned(), self.commands.get(&command)) {
            (Some((exit, ms)), _) => Happening::Ended { command, exit, ms },
            (None, Some(played)) if is_started && played.is_lost => Happening::Survives(command),
            (None, Some(played)) if is_started => Happening::Running { ms: self.ms_since(played.began), command },
            (None, _) => {
                self.commands.remove(&command);
                Happening::NotStarted(command)
            }
        };
        let running = if let Happening::Running { command, .. } = &happening { Some(command.clone()) } else { None };
        self.happenings.push_back(happening);
        let Some(running) = running else { return Ok(()) };
        self.tell_again(&running);
        self.look(&running)
    }

    fn take(&mut self) -> Result<Option<Happening>, DriveError> {
        Ok(None)
    }

    fn wait(&mut self, until: Option<Duration>) -> Result<Option<Happening>, DriveError> {
        loop {
            if self.is_crashing {
                return Err(DriveError::Crashed);
            }
            if let Some(happening) = self.happenings.pop_front() {
                return Ok(Some(happening));
            }
            if let Some((id, spawn)) = self.starts.pop_front() {
                self.launch(id, spawn)?;
                continue;
            }
            match self.pass(until)? {
                Passed::Something => {}
                Passed::Time => return Ok(None),
                Passed::Nothing => return Err(DriveError::StoodStill(self.standing())),
            }
        }
    }

    fn supervise_again(&mut self) -> Result<(), DriveError> {
        Ok(())
    }

    fn vault(&self) -> &Vault {
        self.scene.vault()
    }

    fn dismiss(&mut self) -> Result<(), DriveError> {
        Ok(())
    }
}
