//! Real processes in virtual time.
//!
//! At one virtual instant processes run one at a time: whoever was started or woken runs until it has ended or waits,
//! and only then does the next one run. When nobody can run, time passes until the next moment at which somebody can: a
//! parked process wakes, a time limit or a grace is over. So the same commands always meet in the same order.

mod settling;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, waitpid};

use super::actor::{Actor, Course, Main, Why};
use super::clock::{Clock, Parked};
use super::look::{self, Look, Signalled, Stillness};
use super::quiet::starting;
use crate::secrets::{Published, Vault};
use crate::supervisor::Spawn;
use crate::supervisor::process::Process;
use crate::supervisor::start::{Begun, Starter};
use crate::supervisor::{CommandKey, Exit};

/// How long a killed process takes to be gone, about.
const DEATH: Duration = Duration::from_micros(200);

/// The processes of a world.
pub(super) struct Scene {
    /// What marks them.
    mark: String,
    clock: Clock,
    starter: Starter,
    actors: BTreeMap<CommandKey, Actor>,
    started: u64,
    turns: VecDeque<Turn>,
    watchdog: Duration,
}

/// Something that happened in the scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A command was parked, for the `nth` time, and will be woken first after `length`.
    Waits { command: CommandKey, nth: u32, length: Duration },
    /// A command has ended after `ms` milliseconds.
    Ended { command: CommandKey, exit: Exit, ms: u64 },
}

/// Why a scene cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SceneError {
    /// A command neither ends nor waits for the clock.
    #[error("{command} neither ended nor waited on the virtual clock for {seconds} s of real time")]
    Hung {
        /// Which one.
        command: CommandKey,
        /// How long.
        seconds: u64,
    },
    /// Somebody asked this process to end.
    #[error("the rehearsal was interrupted")]
    Interrupted,
    /// The system does not let the scene see or start its processes.
    #[error("the processes of the rehearsal: {0}")]
    Io(#[from] io::Error),
}

/// What is due at a moment, in the order in which it comes at the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Wake { number: u64, client: u64, command: CommandKey },
    Limit { number: u64, command: CommandKey },
    Grace { number: u64, command: CommandKey },
}

impl Scene {
    /// Returns an empty scene.
    pub(super) fn new(mark: String, clock: Clock, watchdog: Duration) -> io::Result<Scene> {
        let starter = Starter::beside_others()?;
        Ok(Scene { mark, clock, starter, actors: BTreeMap::new(), started: 0, turns: VecDeque::new(), watchdog })
    }

    /// Takes the secrets of the run.
    pub(super) fn keep(&mut self, vault: Arc<Vault>) {
        self.starter.keep(vault);
    }

    /// Returns the secrets of the run.
    pub(super) fn vault(&self) -> &Arc<Vault> {
        self.starter.vault()
    }

    /// Adds what a command has published to the secrets of the run.
    pub(super) fn learn(&mut self, published: &Published) {
        if published.is_empty() {
            return;
        }
        self.starter.learn(published);
        let vault = self.starter.vault();
        self.actors.values_mut().for_each(|actor| actor.captured.follow(vault));
    }

    /// Returns the virtual time since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Lets time pass in which nothing happens.
    pub(super) fn let_pass(&mut self, until: Duration) {
        self.clock.advance(until);
    }

    /// Starts a command and lets it run until it has ended or waits, or says why it never ran.
    pub(super) fn start(&mut self, mut spawn: Spawn) -> Result<Result<(), Exit>, SceneError> {
        spawn.env.push(("FIREDRILL_CLOCK".to_owned(), self.clock.path().display().to_string()));
        let Begun { pid, captured } = match starting(|| self.starter.start(&spawn, &self.mark)) {
            Ok(begun) => begun,
            Err(exit) => return Ok(Err(exit)),
        };
        let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from)?;
        self.started += 1;
        let now = self.now();
        let limit = spawn.time_limit_ms.map(|ms| now + Duration::from_millis(ms));
        let actor = Actor {
            number: self.started,
            pid,
            captured,
            handle,
            began: now,
            grace: Duration::from_millis(spawn.grace_ms),
            main: Main::Runs,
            course: Course::Free { limit },
            stillness: None,
            look: Look::default(),
            signalled: Signalled::No,
            has_company: false,
            waits: 0,
            is_frozen: false,
        };
        self.actors.insert(spawn.command.clone(), actor);
        self.settle()?;
        Ok(Ok(()))
    }

    /// Returns whether a command has not been told to have ended.
    pub(super) fn runs(&self, command: &CommandKey) -> bool {
        self.actors.get(command).is_some_and(|actor| !matches!(actor.main, Main::Told))
    }

    /// Returns whether no command has a living process.
    pub(super) fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    /// Never wakes a command again.
    pub(super) fn freeze(&mut self, command: &CommandKey) {
        if let Some(actor) = self.actors.get_mut(command) {
            actor.is_frozen = true;
        }
    }

    /// Sends TERM to a command with all its processes, and KILL when its grace is over. Without effect on one that has
    /// ended or is being ended.
    pub(super) fn terminate(&mut self, command: &CommandKey) -> Result<(), SceneError> {
        if self.actors.get(command).is_some_and(|actor| matches!(actor.course, Course::Free { .. })) {
            self.ask(command, Why::Terminated)?;
        }
        self.settle()
    }

    /// Kills a command with all its processes, as if somebody else did.
    pub(super) fn kill(&mut self, command: &CommandKey) -> Result<(), SceneError> {
        self.signal(command, Signal::KILL)?;
        self.settle()
    }

    /// Lets time pass until something happens, and returns it; `None` at the moment `until`, or when nothing can ever
    /// happen.
    pub(super) fn next(&mut self, until: Option<Duration>) -> Result<Option<Turn>, SceneError> {
        loop {
            if let Some(turn) = self.turns.pop_front() {
                return Ok(Some(turn));
            }
            let due = self.due().filter(|(at, _)| until.is_none_or(|until| *at <= until));
            let Some((at, due)) = due else {
                self.clock.advance(until.unwrap_or_default());
                return Ok(None);
            };
            self.clock.advance(at);
            self.perform(due)?;
        }
    }

    /// Kills everything that is left.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        let commands: Vec<CommandKey> = self.actors.keys().cloned().collect();
        for command in commands {
            self.signal(&command, Signal::KILL)?;
            if let Some(actor) = self.actors.remove(&command).filter(|actor| matches!(actor.main, Main::Runs)) {
                // Somebody else may have waited for it; it is gone either way.
                let _gone = waitpid(Some(actor.pid), WaitOptions::empty());
            }
            self.await_strays(&command)?;
        }
        Ok(())
    }

    /// Waits until nothing is left of a command that was killed: another run may have the same mark.
    fn await_strays(&self, command: &CommandKey) -> io::Result<()> {
        let began = Instant::now();
        while !look::processes_of(None, &self.mark, command.as_str())?.is_empty() && began.elapsed() < self.watchdog {
            thread::sleep(DEATH);
        }
        Ok(())
    }

    /// Says of every living command where it stands, in words.
    pub(super) fn standing(&self) -> Vec<String> {
        let living = self.actors.iter().filter(|(_, actor)| !matches!(actor.main, Main::Told));
        living
            .map(|(command, actor)| match (actor.is_frozen, actor.stillness) {
                (true, _) => format!("{command} hangs and has no time limit"),
                (false, Some(Stillness::Locked)) => format!("{command} waits for a lock that nobody will give back"),
                (false, _) => format!("{command} waits for something that never comes, and has no time limit"),
            })
            .collect()
    }

    fn due(&self) -> Option<(Duration, Due)> {
        let wakes = self.clock.parked().filter_map(|parked| {
            let (command, actor) = self.owner(parked)?;
            let due = Due::Wake { number: actor.number, client: parked.client, command: command.clone() };
            (!actor.is_frozen).then_some((parked.wakes, due))
        });
        let limits = self.actors.iter().filter_map(|(command, actor)| {
            let (number, command) = (actor.number, command.clone());
            match actor.course {
                Course::Free { limit } if matches!(actor.main, Main::Runs) => {
                    Some((limit?, Due::Limit { number, command }))
                }
                Course::Asked { until, .. } => Some((until, Due::Grace { number, command })),
                Course::Free { .. } | Course::Forced { .. } => None,
            }
        });
        wakes.chain(limits).min()
    }

    fn perform(&mut self, due: Due) -> Result<(), SceneError> {
        match due {
            Due::Wake { client, command, .. } => {
                self.clock.wake(client);
                self.unsettle(&command);
            }
            Due::Limit { command, .. } => self.ask(&command, Why::TimedOut)?,
            Due::Grace { command, .. } => {
                if let Some(actor) = self.actors.get_mut(&command) {
                    let Course::Asked { why, .. } = actor.course else { return Ok(()) };
                    actor.course = Course::Forced { why };
                }
                self.signal(&command, Signal::KILL)?;
            }
        }
        self.settle()
    }

    /// Returns the command to which a parked process belongs: the one that it descends from, or whose mark it bears.
    fn owner(&self, parked: Parked) -> Option<(&CommandKey, &Actor)> {
        let mut process = Pid::from_raw(parked.pid).and_then(Process::look)?;
        let first = process;
        loop {
            if let Some(found) = self.actors.iter().find(|(_, actor)| actor.pid == process.pid) {
                return Some(found);
            }
            match Pid::from_raw(process.parent).filter(|_| process.parent > 1).and_then(Process::look) {
                Some(parent) => process = parent,
                None => break,
            }
        }
        let mark = first.mark().filter(|mark| mark.run == self.mark)?;
        self.actors.get_key_value(&mark.command)
    }

    /// Returns when the first process of a command wakes.
    fn first_wake(&self, command: &CommandKey) -> Duration {
        let parked =
            self.clock.parked().filter(|parked| self.owner(*parked).is_some_and(|(owner, _)| owner == command));
        parked.map(|parked| parked.wakes).min().unwrap_or_default()
    }

    fn unsettle(&mut self, command: &CommandKey) {
        if let Some(actor) = self.actors.get_mut(command) {
            actor.stillness = None;
            actor.look = Look::default();
        }
    }

    fn ask(&mut self, command: &CommandKey, why: Why) -> io::Result<()> {
        let now = self.now();
        if let Some(actor) = self.actors.get_mut(command) {
            actor.course = Course::Asked { why, until: now + actor.grace };
        }
        self.signal(command, Signal::TERM)?;
        self.signal(command, Signal::CONT)
    }

    fn signal(&mut self, command: &CommandKey, signal: Signal) -> io::Result<()> {
        for process in self.processes(command)? {
            process.signal(signal);
        }
        if let Some(actor) = self.actors.get_mut(command) {
            actor.signalled = Signalled::Yes;
        }
        self.unsettle(command);
        Ok(())
    }

    fn processes(&self, command: &CommandKey) -> io::Result<Vec<Process>> {
        let Some(actor) = self.actors.get(command) else {
            return Ok(Vec::new());
        };
        let main = matches!(actor.main, Main::Runs).then_some(actor.pid);
        look::processes_of(main, &self.mark, command.as_str())
    }
}
