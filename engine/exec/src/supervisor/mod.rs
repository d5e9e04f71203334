//! The supervisor: one process per run that owns the run's commands and outlives the engine.
//!
//! It starts commands, ends them with all their descendants, and keeps their ends for an engine that is absent. It knows
//! nothing of playbooks. An engine starts it or finds it by [`SupervisorClient::start_or_attach`]; the binary of the
//! engine becomes it by [`supervise`].

mod client;
mod command;
mod commands;
mod connection;
mod inbox;
mod place;
pub(crate) mod process;
mod protocol;
mod service;
pub(crate) mod start;
mod survivors;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

pub use client::{Attached, ClientError, SUPERVISE, SupervisorClient};
pub(crate) use commands::since_boot_ms;
pub use inbox::{InboxError, InboxState, Started, read_inbox};
pub use protocol::{CommandKey, CommandState, Ended, Exit, Orphan, Refusal, Reply, Request, Spawn, Stdin, VERSION};
pub use survivors::{Survivor, await_survivors, end_survivors, survivors};

/// Makes this process the supervisor of the run in `run_dir` and returns when it is not needed any more.
///
/// To be called first thing in `main`, before any thread, file or signal handler: it closes the descriptors and blocks
/// the signals that the process was started with. Fails at once when the run has a living supervisor.
pub fn supervise(run_dir: &Path) -> ExitCode {
    match service::Service::start(run_dir).and_then(|service| service.map_or(Ok(()), service::Service::serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log("the supervisor", &error);
            ExitCode::FAILURE
        }
    }
}

/// Notes an unexpected error on the error output, which is the supervisor's log.
fn log(what: &str, error: &dyn fmt::Display) {
    // There is nobody left to tell when the log cannot be written.
    drop(writeln!(io::stderr(), "{what}: {error}"));
}
