//! A command from its start to the end of its last process.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitStatus};

use super::process::{self, Delivery, Process, Ticks};
use super::protocol::{CommandKey, Exit, Orphan, Spawn};

/// How often the living are stopped and looked for again before they are killed: each pass catches what was forked
/// during the last one.
const STOP_PASSES: usize = 50;

/// A command whose end has not been reported.
pub(super) struct Command {
    pub(super) key: CommandKey,
    pub(super) pid: Pid,
    pub(super) begun: Instant,
    pub(super) started: Ticks,
    grace: Duration,
    orphan: Orphan,
    main: Main,
    course: Course,
    forbidden: HashSet<Process>,
}

/// The process that was started for the command.
enum Main {
    Runs,
    Left(Exit),
}

/// Where the command is heading.
enum Course {
    /// To its own end.
    Free { limit: Option<Instant> },
    /// To its end by TERM, until the grace is over.
    Asked { why: Why, until: Option<Instant> },
    /// To its end by KILL.
    Forced { why: Why },
}

/// Why a command is ended.
#[derive(Clone, Copy)]
enum Why {
    /// It failed and left descendants.
    Failed,
    TimedOut,
    Terminated,
    Orphaned,
}

/// The end of a command, and how many descendants were left alone.
pub(super) struct End {
    pub(super) exit: Exit,
    pub(super) leftover: usize,
}

impl Command {
    pub(super) fn new(spawn: &Spawn, pid: Pid, begun: Instant, started: Ticks) -> Self {
        let limit = spawn.time_limit_ms.and_then(|ms| begun.checked_add(Duration::from_millis(ms)));
        Self {
            key: spawn.command.clone(),
            pid,
            begun,
            started,
            grace: Duration::from_millis(spawn.grace_ms),
            orphan: spawn.orphan,
            main: Main::Runs,
            course: Course::Free { limit },
            forbidden: HashSet::new(),
        }
    }

    /// Takes note that the main process has ended.
    pub(super) fn main_left(&mut self, status: WaitStatus) {
        self.main = Main::Left(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.expect("a process ends by itself or by a signal")),
        });
    }

    pub(super) fn main_runs(&self) -> bool {
        matches!(self.main, Main::Runs)
    }

    /// Returns when something is due even if no process ends before.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.course {
            Course::Free { limit } => limit,
            Course::Asked { until, .. } => until,
            Course::Forced { .. } => None,
        }
    }

    /// Tells whether a look at its processes can change anything.
    pub(super) fn is_restless(&self, now: Instant) -> bool {
        let is_free = matches!(self.course, Course::Free { .. });
        !self.main_runs() || !is_free || self.due().is_some_and(|due| due <= now)
    }

    /// Tells whether a process could not be ended for want of rights.
    pub(super) fn is_beyond_reach(&self, process: &Process) -> bool {
        self.forbidden.contains(process)
    }

    /// Begins to end the command because the engine asked for it, unless that was begun before.
    pub(super) fn terminate(&mut self, now: Instant, roots: Vec<Process>) -> io::Result<()> {
        self.begin_to_end(Why::Terminated, now, roots)
    }

    /// Begins to end the command because the engine is gone, if it shall not outlive it.
    pub(super) fn orphan(&mut self, now: Instant, roots: Vec<Process>) -> io::Result<()> {
        match self.orphan {
            Orphan::Kept => Ok(()),
            Orphan::Ended => self.begin_to_end(Why::Orphaned, now, roots),
        }
    }

    fn begin_to_end(&mut self, why: Why, now: Instant, roots: Vec<Process>) -> io::Result<()> {
        match self.course {
            Course::Free { .. } => self.ask(why, now, roots),
            Course::Asked { .. } | Course::Forced { .. } => Ok(()),
        }
    }

    /// Does what is due, given its living processes right under the supervisor; returns the end when it has come.
    pub(super) fn advance(&mut self, now: Instant, roots: Vec<Process>) -> io::Result<Option<End>> {
        let is_due = self.due().is_some_and(|due| due <= now);
        match (&self.main, &self.course) {
            (Main::Left(Exit::Code(0)), Course::Free { .. }) => {
                let leftover = process::subtrees(roots)?.len();
                return Ok(Some(End { exit: Exit::Code(0), leftover }));
            }
            (Main::Left(_), _) if roots.is_empty() => return Ok(Some(self.end())),
            (Main::Left(_), Course::Free { .. }) => self.ask(Why::Failed, now, roots)?,
            (Main::Runs, Course::Free { .. }) if is_due => self.ask(Why::TimedOut, now, roots)?,
            (_, Course::Asked { why, .. }) if is_due => {
                self.course = Course::Forced { why: *why };
                self.force(&roots)?;
            }
            (_, Course::Forced { .. }) => self.force(&roots)?,
            (Main::Runs, Course::Free { .. }) | (_, Course::Asked { .. }) => {}
        }
        Ok(None)
    }

    fn end(&self) -> End {
        let exit = match (&self.main, &self.course) {
            (_, Course::Asked { why: Why::TimedOut, .. } | Course::Forced { why: Why::TimedOut }) => Exit::TimedOut,
            (_, Course::Asked { why: Why::Terminated, .. } | Course::Forced { why: Why::Terminated }) => {
                Exit::Terminated
            }
            (_, Course::Asked { why: Why::Orphaned, .. } | Course::Forced { why: Why::Orphaned }) => Exit::Orphaned,
            (Main::Left(exit), _) => exit.clone(),
            (Main::Runs, _) => unreachable!("a command ends after its main process"),
        };
        let leftover = self.forbidden.iter().filter(|process| process.handle().is_some()).count();
        End { exit, leftover }
    }

    /// Sends TERM to every process, and CONT so that a stopped one finds it.
    fn ask(&mut self, why: Why, now: Instant, roots: Vec<Process>) -> io::Result<()> {
        for process in process::subtrees(roots)? {
            process.signal(Signal::TERM);
            process.signal(Signal::CONT);
        }
        self.course = Course::Asked { why, until: now.checked_add(self.grace) };
        Ok(())
    }

    /// Kills every process. All are stopped first: a stopped process forks no more, and keeps its place under a limit
    /// of processes.
    fn force(&mut self, roots: &[Process]) -> io::Result<()> {
        let mut stopped = BTreeSet::new();
        let mut tree = process::subtrees(roots.to_vec())?;
        for _ in 0..STOP_PASSES {
            let fresh: Vec<_> = tree.iter().filter(|process| stopped.insert(process.pid.as_raw_pid())).collect();
            if fresh.is_empty() {
                break;
            }
            for process in fresh {
                process.signal(Signal::STOP);
            }
            tree = process::subtrees(roots.to_vec())?;
        }
        let protected = tree.into_iter().filter(|process| process.signal(Signal::KILL) == Delivery::Forbidden);
        self.forbidden.extend(protected);
        Ok(())
    }
}
