//! Letting whoever can run do so: listening, looking, and taking ends, in real time.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{WaitOptions, waitpid};

use super::super::actor::{Actor, Course, Main, Rest, Why};
use super::super::interruption;
use super::super::look::{Look, Signalled, Stillness};
use super::{Scene, SceneError, Turn};
use crate::supervisor::CommandKey;

/// How long a command without a parked process is left alone before its processes are looked at: it may wait for a lock.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// How soon two looks follow one another when a process of the command is parked.
const NEXT_LOOK: Duration = Duration::from_micros(200);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_millis(50);
/// How long, in real time, a command may wait for nobody knows what before it counts as waiting for ever.
const PATIENCE: Duration = Duration::from_millis(500);

impl Scene {
    /// Lets whoever can run do so until every command has ended or waits.
    pub(super) fn settle(&mut self) -> Result<(), SceneError> {
        let began = Instant::now();
        self.stir()?;
        let has_company = self.actors.values().any(|actor| actor.is_busy() && actor.has_company);
        let mut pause = if has_company { NEXT_LOOK } else { FIRST_LOOK };
        loop {
            self.take_ends()?;
            self.pump()?;
            let Some(busy) = self.busy() else {
                if self.stir()? {
                    continue;
                }
                return Ok(());
            };
            if interruption::is_interrupted() {
                return Err(SceneError::Interrupted);
            }
            if began.elapsed() > self.watchdog {
                return Err(SceneError::Hung { command: busy, seconds: self.watchdog.as_secs() });
            }
            let has_news = self.listen(pause)?;
            let has_parked = self.clock.hear()?;
            if has_parked {
                pause = NEXT_LOOK;
            }
            if has_parked || !has_news {
                self.look(began)?;
                pause = (pause * 2).min(LAST_LOOK);
            }
        }
    }

    /// Writes what has been printed since the last time.
    fn pump(&mut self) -> io::Result<()> {
        let mut failed = Ok(());
        for actor in self.actors.values_mut() {
            actor.captured.pump(|error| failed = Err(io::Error::new(error.kind(), error.to_string())));
        }
        failed
    }

    /// Finds out which of the commands that waited for something else than the clock have got it; returns whether any has.
    fn stir(&mut self) -> io::Result<bool> {
        let is_blocked = |actor: &Actor| matches!(actor.stillness, Some(Stillness::Locked | Stillness::Waiting));
        let blocked = self.actors.iter().filter(|(_, actor)| is_blocked(actor)).map(|(command, _)| command.clone());
        let mut has_stirred = false;
        for command in blocked.collect::<Vec<_>>() {
            let look = self.look_at(&command, &self.parked())?;
            if self.actors.get(&command).is_some_and(|actor| actor.look != look) {
                self.unsettle(&command);
                has_stirred = true;
            }
        }
        Ok(has_stirred)
    }

    fn parked(&self) -> BTreeSet<i32> {
        self.clock.parked().map(|parked| parked.pid).collect()
    }

    /// Returns a command that may be running.
    fn busy(&self) -> Option<CommandKey> {
        let busy = self.actors.iter().find(|(_, actor)| actor.is_busy());
        busy.map(|(command, _)| command.clone())
    }

    /// Waits until a process asks for the time or ends; returns false when the pause is over first.
    fn listen(&self, pause: Duration) -> io::Result<bool> {
        let mains = self.actors.values().filter(|actor| matches!(actor.main, Main::Runs));
        let ears = self.clock.descriptors().chain(mains.map(|actor| actor.handle.as_fd()));
        let mut ears: Vec<PollFd> = ears.map(|ear| PollFd::from_borrowed_fd(ear, PollFlags::IN)).collect();
        let pause = Timespec::try_from(pause).expect("a pause is short");
        match poll(&mut ears, Some(&pause)) {
            Ok(heard) => Ok(heard > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks at every command that may be running.
    fn look(&mut self, began: Instant) -> io::Result<()> {
        let parked = self.parked();
        let busy = self.actors.iter().filter(|(_, actor)| actor.is_busy()).map(|(command, _)| command.clone());
        for command in busy.collect::<Vec<_>>() {
            let look = self.look_at(&command, &parked)?;
            let Some(actor) = self.actors.get_mut(&command) else { continue };
            let stillness = match look.stillness(&actor.look) {
                Stillness::Waiting if began.elapsed() < PATIENCE => Stillness::Busy,
                stillness => stillness,
            };
            actor.has_company = look.has_company();
            actor.look = look;
            actor.stillness = Some(stillness);
            if stillness == Stillness::Parked {
                actor.waits += 1;
                let nth = actor.waits;
                let length = self.first_wake(&command).saturating_sub(self.now());
                self.turns.push_back(Turn::Waits { nth, length, command });
            }
        }
        Ok(())
    }

    fn look_at(&self, command: &CommandKey, parked: &BTreeSet<i32>) -> io::Result<Look> {
        let signalled = self.actors.get(command).map_or(Signalled::No, |actor| actor.signalled);
        Ok(Look::at(&self.processes(command)?, parked, signalled))
    }

    /// Takes the ends of main processes, and of commands that are being ended with all their processes.
    fn take_ends(&mut self) -> io::Result<()> {
        let commands: Vec<CommandKey> = self.actors.keys().cloned().collect();
        for command in commands {
            self.take_end(&command)?;
        }
        Ok(())
    }

    fn take_end(&mut self, command: &CommandKey) -> io::Result<()> {
        let Some(actor) = self.actors.get_mut(command) else {
            return Ok(());
        };
        if matches!(actor.main, Main::Runs) {
            let Some((_, status)) = waitpid(Some(actor.pid), WaitOptions::NOHANG)? else {
                return Ok(());
            };
            actor.main_left(status);
        }
        let is_alone = self.processes(command)?.is_empty();
        let Some(actor) = self.actors.get_mut(command) else {
            return Ok(());
        };
        let exit = match actor.rest(is_alone) {
            Rest::Tell(exit) => exit,
            Rest::End => return self.ask(command, Why::Failed),
            Rest::Wait => {
                if is_alone && matches!(actor.main, Main::Told) {
                    self.actors.remove(command);
                }
                return Ok(());
            }
        };
        actor.main = Main::Told;
        let mut captured = std::mem::take(&mut actor.captured);
        actor.course = Course::Free { limit: None };
        let ms = u64::try_from(self.clock.now().saturating_sub(actor.began).as_millis()).unwrap_or(u64::MAX);
        if is_alone {
            self.actors.remove(command);
        } else {
            actor.stillness = None;
        }
        let published = captured.secrets()?;
        self.learn(&published);
        captured.follow(self.starter.vault());
        // What outlives it prints for nobody.
        let _outliving = captured.finish()?;
        self.turns.push_back(Turn::Ended { command: command.clone(), exit, ms });
        Ok(())
    }
}
