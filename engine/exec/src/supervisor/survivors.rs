//! What is left of a run's commands when their supervisor is dead: found by the mark in the environment.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;

use super::process::{self, Delivery, Process};
use super::protocol::CommandKey;

/// A process of a run that no supervisor owns any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    process: Process,
    command: CommandKey,
}

impl Survivor {
    /// Returns the id of the process.
    pub fn pid(&self) -> i32 {
        self.process.pid.as_raw_pid()
    }

    /// Returns the command that it, or the process it descends from, belongs to.
    pub fn command(&self) -> &CommandKey {
        &self.command
    }
}

/// Returns the processes that carry the mark of a run, with their descendants and the members of their sessions.
///
/// Only for a run without a supervisor: a process that cleared its environment *and* left its session is seen only by a
/// supervisor. Processes whose environment may not be read are not found.
pub fn survivors(run_id: &str) -> io::Result<Vec<Survivor>> {
    let all = process::all()?;
    let mut owners: BTreeMap<i32, CommandKey> = BTreeMap::new();
    let mut sessions: BTreeMap<i32, CommandKey> = BTreeMap::new();
    for (process, mark) in all.iter().filter_map(|process| Some((process, process.mark()?))) {
        if mark.run == run_id {
            sessions.insert(process.session, mark.command.clone());
            owners.insert(process.pid.as_raw_pid(), mark.command);
        }
    }
    let in_session = |process: &Process| Some((process.pid.as_raw_pid(), sessions.get(&process.session)?.clone()));
    for (pid, command) in all.iter().filter_map(in_session) {
        owners.entry(pid).or_insert(command);
    }
    inherit(&all, &mut owners);
    let survivor = |process: Process| Some(Survivor { process, command: owners.remove(&process.pid.as_raw_pid())? });
    Ok(all.into_iter().filter_map(survivor).collect())
}

/// Gives every process the owner of its parent, down to the last descendant.
fn inherit(all: &[Process], owners: &mut BTreeMap<i32, CommandKey>) {
    loop {
        let known = owners.len();
        for process in all {
            if let Some(command) = owners.get(&process.parent).cloned() {
                owners.entry(process.pid.as_raw_pid()).or_insert(command);
            }
        }
        if owners.len() == known {
            return;
        }
    }
}

fn survivors_of(run_id: &str, command: &CommandKey) -> io::Result<Vec<Survivor>> {
    Ok(survivors(run_id)?.into_iter().filter(|survivor| survivor.command == *command).collect())
}

/// Waits until nothing of a command survives, or for `limit`, and returns what survives still.
pub fn await_survivors(run_id: &str, command: &CommandKey, limit: Option<Duration>) -> io::Result<Vec<Survivor>> {
    let end = limit.map(|limit| Instant::now() + limit);
    loop {
        let left = survivors_of(run_id, command)?;
        if left.is_empty() || !one_ends(&left, end)? {
            return Ok(left);
        }
    }
}

/// Ends what survives of a command: TERM, after `grace` KILL. Returns what may not be ended.
pub fn end_survivors(run_id: &str, command: &CommandKey, grace: Duration) -> io::Result<Vec<Survivor>> {
    for survivor in survivors_of(run_id, command)? {
        survivor.process.signal(Signal::TERM);
        survivor.process.signal(Signal::CONT);
    }
    let mut left = await_survivors(run_id, command, Some(grace))?;
    let mut forbidden = HashSet::new();
    loop {
        for survivor in &left {
            if survivor.process.signal(Signal::KILL) == Delivery::Forbidden {
                forbidden.insert(survivor.process);
            }
        }
        let (protected, killed): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|survivor| forbidden.contains(&survivor.process));
        if killed.is_empty() {
            return Ok(protected);
        }
        one_ends(&killed, None)?;
        left = survivors_of(run_id, command)?;
    }
}

/// Waits until one of them has ended; returns false when `end` comes first.
fn one_ends(survivors: &[Survivor], end: Option<Instant>) -> io::Result<bool> {
    let handles = survivors.iter().map(|survivor| survivor.process.handle());
    let Some(handles) = handles.collect::<Option<Vec<OwnedFd>>>() else {
        return Ok(true);
    };
    let mut waits: Vec<PollFd> = handles.iter().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match rustix::event::poll(&mut waits, left.as_ref()) {
            Ok(ended) => return Ok(ended > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
