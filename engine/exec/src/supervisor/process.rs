//! Processes as /proc shows them: who descends from whom, and the mark that every command's processes carry.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::protocol::CommandKey;

/// The environment variable that names the run.
pub(crate) const RUN_MARK: &str = "FIREDRILL_RUN";
/// The environment variable that names the command.
pub(crate) const COMMAND_MARK: &str = "FIREDRILL_COMMAND";

/// A moment in clock ticks since the machine was started; a tick is 10 ms wherever Linux runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticks(u64);

impl Ticks {
    pub(crate) fn from_ms(since_boot_ms: u64) -> Self {
        Self(since_boot_ms / 10)
    }
}

/// A process at one look. Id and start together name it for good, so that two looks at one process are equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) started: Ticks,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    pub(crate) threads: u32,
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        (self.pid, self.started) == (other.pid, other.started)
    }
}

impl Eq for Process {}

impl Hash for Process {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.pid, self.started).hash(state);
    }
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Sent,
    /// The process had ended.
    Gone,
    /// The process belongs to somebody else (`sudo`).
    Forbidden,
}

impl Process {
    /// Looks at a process, or returns `None` when it has ended, waited for or not.
    pub(crate) fn look(pid: Pid) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &stat)
    }

    /// Parses `pid (name) state parent group session ... threads ... start`; the name may hold anything.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = str::from_utf8(&stat[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
        let [state, parent, _, session, ..] = fields[..] else {
            return None;
        };
        let threads = fields.get(17).and_then(|threads| threads.parse().ok()).unwrap_or(1);
        // The first thread of a process may have ended while others run on: it shows as a zombie then.
        let is_dead = matches!(state, "Z" | "X") && threads <= 1;
        let started = Ticks(fields.get(19)?.parse().ok()?);
        let (parent, session) = (parent.parse().ok()?, session.parse().ok()?);
        (!is_dead).then_some(Self { pid, started, parent, session, threads })
    }

    /// Returns a handle that is readable when this process has ended, or `None` when it has. It is never the handle of
    /// another process that was given the id meanwhile.
    pub(crate) fn handle(&self) -> Option<OwnedFd> {
        let handle = rustix::process::pidfd_open(self.pid, PidfdFlags::empty()).ok()?;
        Self::look(self.pid).filter(|found| found.started == self.started).map(|_| handle)
    }

    /// Sends a signal to this process and to no other.
    pub(crate) fn signal(&self, signal: Signal) -> Delivery {
        let Some(handle) = self.handle() else {
            return Delivery::Gone;
        };
        match rustix::process::pidfd_send_signal(handle, signal) {
            Ok(()) => Delivery::Sent,
            Err(Errno::PERM) => Delivery::Forbidden,
            Err(_) => Delivery::Gone,
        }
    }

    /// Returns the folders of its threads.
    pub(crate) fn tasks(&self) -> Vec<PathBuf> {
        let all = PathBuf::from(format!("/proc/{}/task", self.pid));
        if self.threads <= 1 {
            return vec![all.join(self.pid.to_string())];
        }
        fs::read_dir(all).into_iter().flatten().flatten().map(|task| task.path()).collect()
    }

    /// Returns the ids of its children, whichever of its threads started them; none if it has ended.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let lists = self.tasks().into_iter().filter_map(|task| fs::read(task.join("children")).ok());
        lists.flat_map(|list| list.split(|byte| *byte == b' ').filter_map(parse_pid).collect::<Vec<_>>()).collect()
    }

    /// Reads the mark of the process; a process may have cleared or overwritten its own.
    pub(crate) fn mark(&self) -> Option<Mark> {
        Mark::parse(&fs::read(format!("/proc/{}/environ", self.pid)).ok()?)
    }
}

/// Whose process it is, as its environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) run: String,
    pub(crate) command: CommandKey,
}

impl Mark {
    fn parse(environ: &[u8]) -> Option<Self> {
        let value = |name: &str| {
            let mut variables = environ.split(|byte| *byte == 0);
            let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
            String::from_utf8(value.to_owned()).ok()
        };
        Some(Self { run: value(RUN_MARK)?, command: CommandKey::new(value(COMMAND_MARK)?) })
    }
}

/// Returns every living process that can be seen.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let entries = fs::read_dir("/proc")?.filter_map(Result::ok);
    Ok(entries.filter_map(|entry| Process::look(parse_pid(entry.file_name().as_bytes())?)).collect())
}

/// Returns the ids of the children of the first thread of this process, among them those that were given to it because
/// their parent ended: from the kernel's list, else by a look at all.
pub(crate) fn children() -> io::Result<Vec<Pid>> {
    let me = rustix::process::getpid();
    match fs::read(format!("/proc/self/task/{me}/children")) {
        Ok(list) => Ok(list.split(|byte| *byte == b' ').filter_map(parse_pid).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mine = |process: Process| (process.parent == me.as_raw_pid()).then_some(process.pid);
            Ok(all()?.into_iter().filter_map(mine).collect())
        }
        Err(error) => Err(error),
    }
}

fn parse_pid(text: &[u8]) -> Option<Pid> {
    Pid::from_raw(str::from_utf8(text).ok()?.parse().ok()?)
}

/// Returns `roots` and all their living descendants.
pub(crate) fn subtrees(roots: Vec<Process>) -> io::Result<Vec<Process>> {
    if roots.is_empty() {
        return Ok(roots);
    }
    let all = all()?;
    let mut found: BTreeSet<i32> = roots.iter().map(|root| root.pid.as_raw_pid()).collect();
    let mut tree = roots;
    let mut next = 0;
    while let Some(parent) = tree.get(next).map(|process| process.pid.as_raw_pid()) {
        tree.extend(all.iter().filter(|child| child.parent == parent && found.insert(child.pid.as_raw_pid())));
        next += 1;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(stat: &str) -> Option<Process> {
        Process::parse(Pid::INIT, stat.as_bytes())
    }

    #[test]
    fn a_name_may_hold_anything() {
        let found = parse("1 (a) Z 9 (\n) S 40 41 42 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 0").unwrap();
        let expected = Process { pid: Pid::INIT, started: Ticks(5000), parent: 40, session: 42, threads: 1 };
        assert_eq!((found.parent, found.session, found.threads, found), (40, 42, 1, expected));
    }

    #[test]
    fn a_zombie_with_threads_is_alive() {
        let stat = |threads| format!("1 (a) Z 40 41 42 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 5000 0 0");
        assert_eq!(parse(&stat(1)), None);
        assert!(parse(&stat(2)).is_some());
    }

    #[test]
    fn a_mark_needs_both_names() {
        let mark = Mark::parse(b"A=1\0FIREDRILL_RUN=r\0FIREDRILL_COMMAND=c=d\0");
        assert_eq!(mark, Some(Mark { run: "r".into(), command: CommandKey::new("c=d") }));
        assert_eq!(Mark::parse(b"FIREDRILL_RUN=r\0NOT_FIREDRILL_COMMAND=c\0"), None);
    }

    #[test]
    fn this_process_is_under_its_parent() {
        let me = Process::look(rustix::process::getpid()).unwrap();
        let parent = Process::look(Pid::from_raw(me.parent).unwrap()).unwrap();
        assert!(subtrees(vec![parent]).unwrap().contains(&me));
    }
}
