//! The supervisor as an engine meets it: a process of its own, real commands, real kills.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up shall fail")]

mod adopting;
mod ending;
mod stage;
mod starting;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// Plays one of three parts: the supervisor, an engine that is going to be killed, the tests.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some(firedrill_exec::supervisor::SUPERVISE) => firedrill_exec::supervisor::supervise(Path::new(&args[2])),
        Some(stage::DOOMED_ENGINE) => stage::doomed_engine(&args[2..]),
        _ => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
}

fn trials() -> Vec<Trial> {
    [starting::TESTS, ending::TESTS, adopting::TESTS]
        .concat()
        .into_iter()
        .map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        })
        .collect()
}
