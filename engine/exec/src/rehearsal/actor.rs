//! A command with living processes, and where it is heading.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, WaitStatus};

use super::look::{Look, Signalled, Stillness};
use crate::secrets::Captured;
use crate::supervisor::Exit;

/// A command with living processes.
pub(super) struct Actor {
    /// Its place among all that were started.
    pub(super) number: u64,
    pub(super) pid: Pid,
    /// What is between it and the disk.
    pub(super) captured: Captured,
    pub(super) handle: OwnedFd,
    pub(super) began: Duration,
    pub(super) grace: Duration,
    pub(super) main: Main,
    pub(super) course: Course,
    pub(super) stillness: Option<Stillness>,
    pub(super) look: Look,
    pub(super) signalled: Signalled,
    /// Whether several of its processes were parked at the latest look: when one wakes, others go on waiting.
    pub(super) has_company: bool,
    /// How often it was parked.
    pub(super) waits: u32,
    /// Whether it is never woken any more.
    pub(super) is_frozen: bool,
}

pub(super) enum Main {
    Runs,
    Left(Exit),
    /// Its end was told; what is left of it is left alone.
    Told,
}

/// Where a command is heading.
#[derive(Clone, Copy)]
pub(super) enum Course {
    Free { limit: Option<Duration> },
    Asked { why: Why, until: Duration },
    Forced { why: Why },
}

#[derive(Clone, Copy)]
pub(super) enum Why {
    Failed,
    TimedOut,
    Terminated,
}

impl Actor {
    pub(super) fn is_busy(&self) -> bool {
        self.stillness.is_none_or(|stillness| stillness == Stillness::Busy)
    }

    /// Takes note that the main process has ended.
    pub(super) fn main_left(&mut self, status: WaitStatus) {
        self.main = Main::Left(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.expect("a process ends by itself or by a signal")),
        });
    }

    /// Returns what follows from the end of the main process; `is_alone` says that it had no living descendants.
    pub(super) fn rest(&self, is_alone: bool) -> Rest {
        let Main::Left(exit) = &self.main else {
            return Rest::Wait;
        };
        match self.course {
            Course::Free { .. } if is_alone || *exit == Exit::Code(0) => Rest::Tell(exit.clone()),
            Course::Free { .. } => Rest::End,
            Course::Asked { .. } | Course::Forced { .. } if !is_alone => Rest::Wait,
            Course::Asked { why, .. } | Course::Forced { why } => Rest::Tell(match why {
                Why::Failed => exit.clone(),
                Why::TimedOut => Exit::TimedOut,
                Why::Terminated => Exit::Terminated,
            }),
        }
    }
}

/// What follows from the end of a main process.
pub(super) enum Rest {
    /// The command has ended like this.
    Tell(Exit),
    /// It failed, and what it left is to be ended.
    End,
    /// Nothing yet.
    Wait,
}
