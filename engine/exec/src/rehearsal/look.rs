//! One look at the processes of a command: who is there, and whether anything can still happen without the clock.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{Pid, WaitOptions, waitpid};

use crate::supervisor::process::{self, Process};

/// The calls in which a process waits for another one, for input, or for a lock.
const WAITS: [libc::c_long; 20] = [
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_futex,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_splice,
    libc::SYS_openat,
];

/// The same, where the system has older forms of these calls.
#[cfg(target_arch = "x86_64")]
const OLDER_WAITS: [libc::c_long; 4] = [libc::SYS_poll, libc::SYS_select, libc::SYS_epoll_wait, libc::SYS_pause];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_WAITS: [libc::c_long; 0] = [];

/// The calls in which a process waits for a lock that another one holds.
const LOCKS: [libc::c_long; 2] = [libc::SYS_flock, libc::SYS_fcntl];

/// Whether a command was sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signalled {
    No,
    Yes,
}

/// What was seen of a command's processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    threads: Vec<Thread>,
    parked: usize,
}

/// A thread that is not parked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thread {
    id: String,
    state: u8,
    /// The call it is in, if it may be known.
    call: Option<libc::c_long>,
    /// How often it has been put off the processor: unchanged if it has not run between two looks.
    switches: String,
}

/// What two equal looks mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stillness {
    /// Something is running.
    Busy,
    /// Every process is parked, or waits for one that is.
    Parked,
    /// Every process waits, at least one for a lock.
    Locked,
    /// Every process waits, nobody knows for what.
    Waiting,
}

impl Look {
    /// Looks at these processes; `parked` are the ids of those that the clock holds. One that was sent a signal may be
    /// awake although the clock holds it; the command itself may have sent it, so one that does not wait counts as awake.
    pub(super) fn at(processes: &[Process], parked: &BTreeSet<i32>, signalled: Signalled) -> Look {
        let is_parked = |process: &&Process| parked.contains(&process.pid.as_raw_pid());
        let (held, free): (Vec<&Process>, Vec<&Process>) = processes.iter().partition(is_parked);
        let is_awake = |thread: &Thread| signalled == Signalled::Yes || !thread.waits();
        let woken = held.iter().copied().flat_map(threads).filter(is_awake);
        Look { parked: held.len(), threads: free.iter().copied().flat_map(threads).chain(woken).collect() }
    }

    /// Tells what this look means if an earlier one was the same.
    pub(super) fn stillness(&self, earlier: &Look) -> Stillness {
        if self.threads.is_empty() && self.parked > 0 {
            return Stillness::Parked;
        }
        if self != earlier || !self.threads.iter().all(Thread::waits) {
            return Stillness::Busy;
        }
        let is_locked = self.threads.iter().any(|thread| thread.call.is_some_and(|call| LOCKS.contains(&call)));
        match (self.parked > 0, is_locked) {
            (true, _) => Stillness::Parked,
            (false, true) => Stillness::Locked,
            (false, false) => Stillness::Waiting,
        }
    }
}

impl Look {
    /// Returns whether several processes are parked.
    pub(super) fn has_company(&self) -> bool {
        self.parked > 1
    }
}

impl Thread {
    fn look(task: &Path) -> Option<Thread> {
        let status = fs::read_to_string(task.join("status")).ok()?;
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let state = *field("State")?.as_bytes().first()?;
        let switches = [field("voluntary_ctxt_switches")?, field("nonvoluntary_ctxt_switches")?].join("+");
        let call = fs::read_to_string(task.join("syscall")).ok();
        let call = call.and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
        Some(Thread { id: task.display().to_string(), state, call, switches })
    }

    /// A thread that is really asleep for a time will wake by itself.
    fn waits(&self) -> bool {
        self.state == b'S' && self.call.is_none_or(|call| WAITS.contains(&call) || OLDER_WAITS.contains(&call))
    }

    fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

/// Returns the living threads of a process.
fn threads(process: &Process) -> Vec<Thread> {
    let tasks = process.tasks().into_iter();
    tasks.filter_map(|task| Thread::look(&task)).filter(Thread::is_alive).collect()
}

/// Returns the living processes of a command: its main process with all descendants, and what of them has escaped to this
/// process, the reaper of all.
pub(super) fn processes_of(main: Option<Pid>, run: &str, key: &str) -> io::Result<Vec<Process>> {
    let mut found: Vec<Process> = main.and_then(Process::look).into_iter().collect();
    found.extend(strays(run, key)?.into_iter().filter(|stray| Some(stray.pid) != main));
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parent.children().into_iter().filter_map(Process::look));
        next += 1;
    }
    Ok(found)
}

/// Looks at a process that was given to this one; a dead one is laid to rest, which nobody else does.
fn living(pid: Pid) -> Option<Process> {
    let found = Process::look(pid);
    if found.is_none() {
        // It may have been laid to rest by another thread.
        let _gone = waitpid(Some(pid), WaitOptions::NOHANG);
    }
    found
}

/// Returns the processes that have lost their parent and bear the mark of a command.
fn strays(run: &str, key: &str) -> io::Result<Vec<Process>> {
    let adopted = process::children()?.into_iter().filter_map(living);
    let is_ours =
        |process: &Process| process.mark().is_some_and(|mark| mark.run == run && mark.command.as_str() == key);
    Ok(adopted.filter(is_ours).collect())
}
