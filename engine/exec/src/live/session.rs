//! One connection to the supervisor, and the sorting out of what an earlier one left.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event};

use super::SURVIVOR_GRACE;
use super::mail::{News, Post};
use crate::driver::DriveError;
use crate::secrets::Vault;
use crate::store::RunDir;
use crate::supervisor::{self, ClientError, CommandKey, Ended, Reply, Request, Spawn, SupervisorClient, end_survivors};
use crate::world::Happening;

/// The program that becomes the supervisor: this one, even if its file was replaced meanwhile.
const SELF: &str = "/proc/self/exe";

/// One connection to the supervisor.
pub(super) struct Session {
    /// Which connection of this engine it is, from 1.
    pub(super) number: u32,
    /// Commands whose fate was asked for and is not known, with their time limits.
    pub(super) asked: BTreeMap<CommandId, Option<Duration>>,
    /// Whether the machine has not been booted since the earlier engine.
    pub(super) was_same_boot: bool,
    client: SupervisorClient,
    mark: String,
    post: Post,
}

impl Session {
    /// Starts the run's supervisor or attaches to the living one, and hands the secrets over.
    pub(super) fn start(dir: &RunDir, number: u32, post: Post, vault: &Arc<Vault>) -> Result<Session, DriveError> {
        let mark = mark(dir);
        let (client, _) = SupervisorClient::start_or_attach(dir.path(), Path::new(SELF), &mark)?;
        let asked = BTreeMap::new();
        let mut session = Session { number, asked, was_same_boot: true, client, mark, post };
        if !vault.is_unneeded() {
            session.send(&Request::Secrets { values: Arc::clone(vault) })?;
        }
        Ok(session)
    }

    /// Returns what becomes readable when a reply arrives.
    pub(super) fn connection(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }

    /// Takes the replies that have arrived.
    pub(super) fn arrived(&mut self) -> Result<Vec<Reply>, ClientError> {
        self.client.arrived()
    }

    pub(super) fn spawn(&mut self, spawn: Spawn) -> Result<(), ClientError> {
        self.send(&Request::Spawn(Box::new(spawn)))
    }

    pub(super) fn terminate(&mut self, command: &CommandId) -> Result<(), ClientError> {
        self.send(&Request::Terminate { command: key(command) })
    }

    /// Asks what became of a command with this time limit.
    pub(super) fn ask(&mut self, command: CommandId, limit: Option<Duration>) -> Result<(), ClientError> {
        let asked = self.send(&Request::Status { command: key(&command) });
        self.asked.insert(command, limit);
        asked
    }

    /// Dismisses the supervisor and waits until it has ended; nothing runs any more.
    pub(super) fn dismiss(self) -> Result<(), ClientError> {
        match self.client.shut_down() {
            Err(ClientError::Gone) => Ok(()),
            other => other,
        }
    }

    /// A supervisor that is gone is reported by its replies ending; what was asked of it is asked of the next.
    fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        match self.client.send(request) {
            Err(ClientError::Gone) => Ok(()),
            other => other,
        }
    }

    /// Waits, in a thread of its own, until nothing survives of a command whose supervisor died, and ends it if that
    /// takes longer than the command's time limit. Returns whether there is anything to wait for.
    pub(super) fn await_survivors(&self, command: &CommandId, limit: Option<Duration>) -> bool {
        let (mark, key, command) = (self.mark.clone(), key(command), command.clone());
        let survives = supervisor::survivors(&mark)
            .is_ok_and(|survivors| survivors.iter().any(|survivor| *survivor.command() == key));
        let post = self.post.clone();
        thread::spawn(move || {
            let left = supervisor::await_survivors(&mark, &key, limit);
            if left.is_ok_and(|left| !left.is_empty()) {
                // What cannot be ended cannot be waited for either.
                let _protected = end_survivors(&mark, &key, SURVIVOR_GRACE);
            }
            post.send(News::Gone(command));
        });
        survives
    }

    /// Ends what survives of commands whose supervisor died, except what a cancel waits for; their waits then end.
    pub(super) fn end_survivors(&self, is_waited_for: impl Fn(&CommandId) -> bool) {
        for command in self.asked.keys().filter(|command| !is_waited_for(command)) {
            let (mark, key) = (self.mark.clone(), key(command));
            thread::spawn(move || end_survivors(&mark, &key, SURVIVOR_GRACE));
        }
    }
}

/// Returns what marks the processes of a run: unique on the machine, unlike the id.
fn mark(dir: &RunDir) -> String {
    dir.path().display().to_string()
}

fn key(command: &CommandId) -> CommandKey {
    CommandKey::new(command.to_string())
}

/// Returns the command that a supervisor's key names.
pub(super) fn command(key: &CommandKey) -> Result<CommandId, DriveError> {
    key.as_str().parse().map_err(|_| DriveError::LostEnd { command: key.to_string() })
}

/// Returns what the end of a command means to the run.
pub(super) fn ended(end: Ended) -> Result<Happening, DriveError> {
    Ok(Happening::Ended { command: command(&end.command)?, exit: end.exit.into(), ms: end.ms })
}

/// Returns the fact that this engine has the run.
pub(super) fn engine_started() -> Event {
    Event::EngineStarted { boot: boot_id(), engine: env!("CARGO_PKG_VERSION").to_owned() }
}

fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Returns whether the latest engine of a journal ran since the machine was booted.
pub(super) fn was_same_boot(past: &[Envelope]) -> bool {
    let boots = past.iter().rev().find_map(|envelope| match &envelope.event {
        Event::EngineStarted { boot, .. } => Some(boot),
        _ => None,
    });
    boots.is_none_or(|boot| *boot == boot_id())
}

/// Refuses a journal that does not know a command which the supervisor began to start: its end was lost.
pub(crate) fn check_inbox(dir: &RunDir, past: &[Envelope]) -> Result<(), DriveError> {
    let started: BTreeSet<String> = past
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::Started { command } => Some(command.to_string()),
            _ => None,
        })
        .collect();
    let unknown = supervisor::read_inbox(dir.path())?.into_keys().find(|key| !started.contains(key.as_str()));
    unknown.map_or(Ok(()), |key| Err(DriveError::LostEnd { command: key.to_string() }))
}
