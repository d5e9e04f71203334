//! `firedrill logs`

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use firedrill_exec::RunDir;
use firedrill_report::harmless;
use firedrill_run::{CommandId, Role};

use super::show::view;
use crate::args::LogsArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::{self, Terminal};

/// How much of a captured stream is in memory at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn logs(args: &LogsArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let view = view(&dir)?;
    let wanted = Wanted::of(args);
    if let Some(step) = wanted.step.filter(|step| view.plan().step_index(step).is_none()) {
        return Err(Failure::usage(format!("the run has no step `{step}`"))
            .help(format!("`firedrill show {}` lists them", args.run)));
    }
    for execution in view.executions().filter(|execution| wanted.takes(&execution.command)) {
        for (name, path) in streams(args, &dir, &execution.command) {
            // The reader has gone: nobody wants the rest.
            if print(terminal, &format!("{} {name}", heading(&execution.command)), &path).is_err() {
                return Ok(Status::Done);
            }
        }
    }
    Ok(Status::Done)
}

/// Whose output is wanted.
struct Wanted<'a> {
    step: Option<&'a str>,
    hook: Option<Role>,
    attempt: Option<u32>,
}

impl<'a> Wanted<'a> {
    fn of(args: &'a LogsArgs) -> Wanted<'a> {
        let (step, hook) = match args.step.as_deref().map(|name| (name, name.rsplit_once('.'))) {
            None => (None, None),
            Some((_, Some((step, "cleanup")))) => (Some(step), Some(Role::Cleanup)),
            Some((_, Some((step, "rollback")))) => (Some(step), Some(Role::Rollback)),
            Some((_, Some((step, "release")))) => (Some(step), Some(Role::Release)),
            Some((name, _)) => (Some(name), None),
        };
        Wanted {
            step,
            hook,
            attempt: args.attempt,
        }
    }

    fn takes(&self, command: &CommandId) -> bool {
        let is_step = self
            .step
            .is_none_or(|step| command.step().is_some_and(|id| id.as_str() == step));
        let is_hook = self.hook.as_ref().is_none_or(|hook| command.role == *hook);
        is_step && is_hook && self.attempt.is_none_or(|attempt| command.round == attempt)
    }
}

fn streams(args: &LogsArgs, dir: &RunDir, command: &CommandId) -> Vec<(&'static str, std::path::PathBuf)> {
    let mut streams = Vec::new();
    if !args.stderr {
        streams.push(("stdout", dir.stdout(command)));
    }
    if !args.stdout {
        streams.push(("stderr", dir.stderr(command)));
    }
    streams
}

fn heading(command: &CommandId) -> String {
    match (&command.role, command.step()) {
        (Role::Attempt, Some(step)) => format!("{step} attempt {}", command.round),
        (role, Some(step)) => format!("{step} {role} {}.{}", command.round, command.r#try),
        (role, None) => format!("{role} {}.{}", command.round, command.r#try),
    }
}

/// Prints a captured stream: as it is, or harmless and with a heading for a human. Nothing of an empty one.
fn print(terminal: &Terminal, heading: &str, path: &Path) -> io::Result<()> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let mut chunk = vec![0; CHUNK];
    let mut is_first = true;
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        if !terminal.is_watched {
            terminal::bytes(&chunk[..length])?;
            continue;
        }
        if is_first {
            terminal::bytes(format!("--- {heading}\n").as_bytes())?;
        }
        is_first = false;
        terminal::bytes(harmless(&String::from_utf8_lossy(&chunk[..length]).replace("\r\n", "\n")).as_bytes())?;
    }
}
