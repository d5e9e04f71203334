//! All commands of a run: started, reaped, ended, remembered.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions};
use rustix::time::ClockId;

use super::command::{Command, End};
use super::inbox::{Inbox, InboxState, Record, Started};
use super::process::{self, Process, Ticks};
use super::protocol::{CommandKey, CommandState, Ended, Exit, Refusal, Spawn};
use super::start::{Begun, Starter, not_spawned};
use crate::secrets::{self, Captured, Published, Tap, Vault};

/// The commands of a run, and the inbox that remembers them.
pub(super) struct Commands {
    /// Whose they are, as the first engine said.
    run: Option<String>,
    starter: Starter,
    inbox: Inbox,
    running: BTreeMap<CommandKey, Command>,
    /// The main processes that have not been waited for.
    mains: HashMap<Pid, CommandKey>,
    rested: BTreeMap<CommandKey, CommandState>,
    /// What is between the running commands and the disk.
    captured: BTreeMap<CommandKey, Captured>,
    /// Streams of ended commands that something which outlives them may write to.
    trailing: Vec<Tap>,
    /// Secrets that were published and of which no engine has been told.
    untold: Vec<Published>,
    has_children: bool,
    has_unsaved: bool,
}

/// What became of a request to start a command.
pub(super) enum Start {
    Spawned(Pid),
    NotSpawned(Ended),
    Repeated,
}

impl Commands {
    pub(super) fn new(inbox: Inbox, before: BTreeMap<CommandKey, InboxState>) -> Self {
        Self {
            run: None,
            starter: Starter::new(),
            inbox,
            running: BTreeMap::new(),
            mains: HashMap::new(),
            rested: before.into_iter().map(|(command, state)| (command, state.into())).collect(),
            captured: BTreeMap::new(),
            trailing: Vec::new(),
            untold: Vec::new(),
            has_children: false,
            has_unsaved: false,
        }
    }

    /// Takes the secrets of the run. What was masked before is masked still, and what was published is kept.
    pub(super) fn keep(&mut self, vault: &Vault) {
        let vault = self.starter.vault().with(&vault.all());
        self.captured.values_mut().for_each(|captured| captured.follow(&vault));
        secrets::follow(&mut self.trailing, &vault);
        self.starter.keep(Arc::new(vault));
    }

    /// Tells whether this process may go: nothing runs, and every end is in the inbox.
    pub(super) fn are_at_rest(&self) -> bool {
        self.running.is_empty() && !self.has_unsaved
    }

    pub(super) fn none_run(&self) -> bool {
        self.running.is_empty()
    }

    /// Serves a run; it stays the same for as long as this process lives.
    pub(super) fn serve(&mut self, run: &str) -> Result<(), Refusal> {
        let served = self.run.get_or_insert_with(|| run.to_owned());
        if served == run { Ok(()) } else { Err(Refusal::Run { served: served.clone() }) }
    }

    pub(super) fn state(&self, command: &CommandKey) -> CommandState {
        match (self.running.get(command), self.rested.get(command)) {
            (Some(running), _) => CommandState::Running { pid: running.pid.as_raw_pid() },
            (None, Some(rested)) => rested.clone(),
            (None, None) => CommandState::NeverStarted,
        }
    }

    /// Starts a command after it has been announced in the inbox.
    pub(super) fn start(&mut self, spawn: &Spawn) -> Start {
        if self.state(&spawn.command) != CommandState::NeverStarted {
            return Start::Repeated;
        }
        if let Err(error) = self.inbox.announce(&spawn.command, self.running.len()) {
            return Start::NotSpawned(self.never_ran(spawn, not_spawned("the inbox of the run", &error)));
        }
        let (begun, since_boot_ms) = (Instant::now(), since_boot_ms());
        match self.starter.start(spawn, self.run.as_deref().unwrap_or_default()) {
            Ok(Begun { pid, captured }) => {
                self.captured.insert(spawn.command.clone(), captured);
                self.note(Record::Spawned {
                    command: spawn.command.clone(),
                    started: Started { pid: pid.as_raw_pid(), since_boot_ms },
                });
                self.mains.insert(pid, spawn.command.clone());
                let command = Command::new(spawn, pid, begun, Ticks::from_ms(since_boot_ms));
                self.running.insert(spawn.command.clone(), command);
                Start::Spawned(pid)
            }
            Err(exit) => Start::NotSpawned(self.never_ran(spawn, exit)),
        }
    }

    fn never_ran(&mut self, spawn: &Spawn, exit: Exit) -> Ended {
        self.remember(Ended { command: spawn.command.clone(), exit, ms: 0, leftover: 0 })
    }

    /// Begins to end a command that runs.
    pub(super) fn terminate(&mut self, key: &CommandKey, now: Instant) -> io::Result<()> {
        let Some(command) = self.running.get(key) else {
            return Ok(());
        };
        let roots = self.roots(command, &self.strangers()?);
        self.running.get_mut(key).map_or(Ok(()), |command| command.terminate(now, roots))
    }

    /// Begins to end the commands that shall not outlive their engine, which is gone.
    pub(super) fn orphan(&mut self, now: Instant) -> io::Result<()> {
        let strangers = self.strangers()?;
        let keys: Vec<CommandKey> = self.running.keys().cloned().collect();
        for key in keys {
            let roots = self.roots(&self.running[&key], &strangers);
            self.running.get_mut(&key).map_or(Ok(()), |command| command.orphan(now, roots))?;
        }
        Ok(())
    }

    /// Waits for every child that has ended, whose ever it was.
    pub(super) fn reap(&mut self) -> io::Result<()> {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    let command = self.mains.remove(&pid).and_then(|key| self.running.get_mut(&key));
                    if let Some(command) = command {
                        command.main_left(status);
                    }
                }
                Ok(None) => {
                    self.has_children = true;
                    return Ok(());
                }
                Err(Errno::CHILD) => {
                    self.has_children = false;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Does what is due for every command and returns those that have ended.
    pub(super) fn advance(&mut self, now: Instant) -> io::Result<Vec<Ended>> {
        let restless = self.running.values().filter(|command| command.is_restless(now));
        let restless: Vec<_> = restless.map(|command| command.key.clone()).collect();
        if restless.is_empty() {
            return Ok(Vec::new());
        }
        let strangers = self.strangers()?;
        let mut ended = Vec::new();
        for key in restless {
            let roots = self.roots(&self.running[&key], &strangers);
            let command = self.running.get_mut(&key).expect("the restless are among the running");
            if let Some(end) = command.advance(now, roots)? {
                ended.push(self.close(&key, end));
            }
        }
        Ok(ended)
    }

    fn close(&mut self, key: &CommandKey, End { exit, leftover }: End) -> Ended {
        if let Some(captured) = self.captured.remove(key) {
            self.gather(captured);
        }
        let begun = self.running.remove(key).map_or_else(Instant::now, |command| command.begun);
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.remember(Ended { command: key.clone(), exit, ms, leftover })
    }

    /// Takes what a command that has ended leaves behind: first its secrets, which are masked in everything from here on.
    fn gather(&mut self, mut captured: Captured) {
        match captured.secrets() {
            Ok(published) if !published.is_empty() => self.learn(published, &mut captured),
            Ok(_) => {}
            Err(error) => super::log("the secrets of a command", &error),
        }
        match captured.finish() {
            Ok(trailing) => self.trailing.extend(trailing),
            Err(error) => super::log("the output of a command", &error),
        }
    }

    fn learn(&mut self, published: Published, ended: &mut Captured) {
        self.starter.learn(&published);
        let vault = self.starter.vault();
        ended.follow(vault);
        self.captured.values_mut().for_each(|captured| captured.follow(vault));
        secrets::follow(&mut self.trailing, vault);
        self.untold.push(published);
    }

    /// Returns the secrets of which no engine has been told.
    pub(super) fn untold(&mut self) -> Vec<Published> {
        std::mem::take(&mut self.untold)
    }

    fn remember(&mut self, ended: Ended) -> Ended {
        self.note(Record::Ended(ended.clone()));
        self.rested.insert(ended.command.clone(), CommandState::Ended(ended.clone()));
        ended
    }

    /// Appends to the inbox; what cannot be appended keeps this process alive, as the only one who knows it.
    fn note(&mut self, record: Record) {
        if let Err(error) = self.inbox.append(record) {
            self.has_unsaved = true;
            super::log("the inbox", &error);
        }
    }

    /// Makes the inbox survive the machine.
    pub(super) fn sync(&self) {
        if let Err(error) = self.inbox.sync() {
            super::log("the inbox", &error);
        }
    }

    /// Returns the streams of a command that was just started.
    pub(super) fn streams(&self, command: &CommandKey) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.captured.get(command).into_iter().flat_map(Captured::sources)
    }

    /// Writes what has been printed since the last time.
    pub(super) fn pump(&mut self) {
        let mut failed = |error: &io::Error| super::log("the output of a command", error);
        self.captured.values_mut().for_each(|captured| captured.pump(&mut failed));
        secrets::pump(&mut self.trailing, &mut failed);
    }

    /// Returns when something is due next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.running.values().filter_map(Command::due).min()
    }

    /// Returns the living processes right under this one that are no command's main process: every escaped descendant
    /// is one of these or descends from one, because this process is their reaper.
    fn strangers(&self) -> io::Result<Vec<Process>> {
        if !self.has_children && self.mains.is_empty() {
            return Ok(Vec::new());
        }
        let strangers = process::children()?.into_iter().filter(|pid| !self.mains.contains_key(pid));
        Ok(strangers.filter_map(Process::look).collect())
    }

    /// Returns the living processes right under this one from which all living processes of a command descend.
    fn roots(&self, command: &Command, strangers: &[Process]) -> Vec<Process> {
        let main = command.main_runs().then(|| Process::look(command.pid)).flatten();
        let owned = strangers.iter().filter(|stranger| self.owns(command, stranger)).copied();
        owned.chain(main).filter(|process| !command.is_beyond_reach(process)).collect()
    }

    /// Tells whose a stranger is: by its session, else by its mark. One that left both is taken for a process of the
    /// only command that runs, if it is not older.
    fn owns(&self, command: &Command, stranger: &Process) -> bool {
        if let Some(leader) = self.running.values().find(|other| other.pid.as_raw_pid() == stranger.session) {
            return leader.key == command.key;
        }
        match stranger.mark().filter(|mark| Some(&mark.run) == self.run.as_ref()) {
            Some(mark) => mark.command == command.key,
            None => self.running.len() == 1 && stranger.started >= command.started,
        }
    }
}

/// Returns the time since the machine was started, in milliseconds.
pub(crate) fn since_boot_ms() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::Boottime);
    let now = Duration::try_from(now).expect("the time since boot is positive");
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
