//! A backup that is running: what it prints is read as it comes, and it is sent signals and answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::rig::Rig;

/// A command that runs, and what it has printed so far.
pub(crate) struct Running {
    pub(crate) rig: Rig,
    pub(crate) clock: Clock,
    pub(crate) out: String,
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a command in this rig.
    pub(crate) fn begin(rig: Rig, clock: Clock, mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { rig, clock, out: String::new(), child, lines }
    }

    pub(crate) fn read_until(&mut self, end: &str) {
        while !self.out.ends_with(end) {
            assert_ne!(self.lines.read_line(&mut self.out).unwrap(), 0, "the backup ended early: {}", self.out);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn answer(&mut self, text: &str) {
        self.child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Lets all its time pass, reads to the end and returns the exit status.
    pub(crate) fn finish(&mut self) -> Option<i32> {
        self.clock.run_out();
        self.lines.read_to_string(&mut self.out).unwrap();
        self.child.wait().unwrap().code()
    }
}
