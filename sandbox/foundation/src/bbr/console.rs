//! What bbr prints: log lines on standard output, held back while an interrupt is being answered.

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use crate::clock::Moment;
use crate::ledger::Ledger;

use super::flags::Verbosity;

/// The purpose of a run, as far as bbr's questions and advice name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Backup,
    Restore,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Purpose::Backup => "backup",
            Purpose::Restore => "restore",
        }
    }

    pub(super) fn advice(self) -> String {
        format!(
            "It is recommended that you run `bbr {}-cleanup` to ensure that any temp files are cleaned up and all jobs are unlocked.",
            self.name()
        )
    }
}

/// Where a log goes.
enum Sink {
    Stdout,
    /// Beside others that run for all deployments: into a file, or nowhere.
    File(PathBuf),
    Nowhere,
}

/// The log of one run.
pub(super) struct Console {
    sink: Sink,
    started: Moment,
    verbosity: Verbosity,
    held: Mutex<Option<String>>,
}

impl Console {
    pub(super) fn new(verbosity: Verbosity) -> Arc<Console> {
        Console::to(Sink::Stdout, verbosity)
    }

    /// Returns a log that goes into a file.
    pub(super) fn in_file(path: PathBuf, verbosity: Verbosity) -> Arc<Console> {
        Console::to(Sink::File(path), verbosity)
    }

    /// Returns a log that nobody reads.
    pub(super) fn silent() -> Arc<Console> {
        Console::to(Sink::Nowhere, Verbosity::Normal)
    }

    fn to(sink: Sink, verbosity: Verbosity) -> Arc<Console> {
        Arc::new(Console { sink, started: Moment::now(), verbosity, held: Mutex::new(None) })
    }

    pub(super) fn debug(&self, text: &str) {
        if self.verbosity == Verbosity::Debug {
            self.log("DEBUG", text);
        }
    }

    pub(super) fn info(&self, text: &str) {
        self.log("INFO", text);
    }

    pub(super) fn warn(&self, text: &str) {
        self.log("WARN", text);
    }

    pub(super) fn error(&self, text: &str) {
        self.log("ERROR", text);
    }

    /// Returns the moment as Go prints it, with the time since the start.
    pub(super) fn stamp(&self) -> String {
        let now = Moment::now();
        let elapsed = now.since(self.started);
        let now = now.format("%Y-%m-%d %H:%M:%S.%9f +0000 UTC");
        format!("{now} m=+{}.{:09}", elapsed.as_secs(), elapsed.subsec_nanos())
    }

    fn log(&self, level: &str, text: &str) {
        let line = format!("[bbr] {} {level} - {text}\n", Moment::now().format("%Y/%m/%d %H:%M:%S"));
        match &mut *self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(held) => held.push_str(&line),
            None => self.print(&line),
        }
    }

    fn print(&self, line: &str) {
        match &self.sink {
            Sink::Stdout => crate::out(line),
            // A file that cannot be written costs the log only.
            Sink::File(path) => drop(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)
                    .and_then(|mut to| to.write_all(line.as_bytes())),
            ),
            Sink::Nowhere => {}
        }
    }

    fn hold(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    }

    fn let_go(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.print(&held.unwrap_or_default());
    }
}

/// Answers interrupts like bbr: asks, ends at once on `yes`, goes on otherwise.
pub(super) fn answer_interrupts(console: &Arc<Console>, purpose: Purpose, ledger: &Arc<Ledger>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    let (console, ledger) = (Arc::clone(console), Arc::clone(ledger));
    thread::spawn(move || {
        for _ in signals.forever() {
            ask(&console, purpose, &ledger);
        }
    });
    Ok(())
}

fn ask(console: &Console, purpose: Purpose, ledger: &Ledger) {
    console.hold();
    let name = purpose.name();
    crate::out(&format!(
        "\nStopping a {name} can leave the system in bad state. Are you sure you want to cancel? [yes/no]\n"
    ));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_err() || !answer.ends_with('\n') {
        crate::out(&format!("\nCouldn't read from Stdin, if you still want to stop the {name} send SIGTERM.\n"));
    } else if answer.trim().eq_ignore_ascii_case("yes") {
        crate::out(&format!("{}\n", purpose.advice()));
        // The exit status stands even if the ledger is gone.
        drop(ledger.end(1));
        std::process::exit(1);
    }
    console.let_go();
}
