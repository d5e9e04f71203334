//! What a contestant costs, with everything it starts.

use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::contestants::Contestant;

/// What one run of a chain took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Runs a contestant once.
pub(crate) fn cost(contestant: &Contestant, home: &Path) -> Result<Cost, BenchError> {
    let dir = own_dir(home)?;
    let (begun, before) = (Instant::now(), children_cpu()?);
    run(contestant, command(contestant, Command::new(&contestant.program), &dir))?;
    Ok(Cost { wall: begun.elapsed(), cpu: children_cpu()?.saturating_sub(before) })
}

/// Counts the syncs of a contestant's whole tree.
pub(crate) fn syncs(contestant: &Contestant, home: &Path) -> Result<usize, BenchError> {
    let dir = own_dir(home)?;
    let trace = dir.join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", "signal=none", "-o"]).arg(&trace);
    strace.arg(&contestant.program);
    run(contestant, command(contestant, strace, &dir))?;
    // A call that another process interrupts in the trace is told in two lines; the second has no opening bracket.
    Ok(std::fs::read_to_string(trace)?.lines().filter(|line| line.contains("sync(")).count())
}

/// Makes a directory that stays until the end: ext4 searches long for an inode where many were deleted a moment ago.
fn own_dir(home: &Path) -> io::Result<PathBuf> {
    Ok(tempfile::tempdir_in(home)?.keep())
}

fn command(contestant: &Contestant, mut command: Command, dir: &Path) -> Command {
    command.args(&contestant.args).stdout(Stdio::null());
    if contestant.takes_dir {
        command.arg(dir);
    }
    command
}

fn run(contestant: &Contestant, mut command: Command) -> Result<(), BenchError> {
    let has_succeeded = command.status()?.success();
    let failed = || BenchError::Failed { contestant: contestant.name.clone() };
    has_succeeded.then_some(()).ok_or_else(failed)
}

/// Returns the CPU time of all processes under this one that were waited for.
#[expect(unsafe_code, reason = "getrusage has no safe form")]
fn children_cpu() -> io::Result<Duration> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: getrusage fills the structure when it returns 0, and only then it is read.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        usage.assume_init()
    };
    Ok(duration(usage.ru_utime) + duration(usage.ru_stime))
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).expect("a usage is not negative");
    Duration::from_micros(micros)
}
