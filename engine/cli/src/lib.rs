//! The firedrill command: arguments, calls, exit codes.

mod args;
mod commands;
mod failure;
mod home;
mod inputs;
mod past;
mod playbook;
mod question;
mod rehearsal;
mod rehearsing;
mod run_id;
mod screen;
mod surroundings;
mod target;
mod terminal;
mod yaml;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use firedrill_exec::seal_inherited;
use firedrill_exec::supervisor::{SUPERVISE, supervise};

use self::args::Cli;
use self::terminal::Terminal;

/// Does what the command line says and returns the process's exit code.
///
/// The same binary is the supervisor of its runs and, called by their names, the sandbox's stand-ins.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().collect();
    match args.get(1..3) {
        Some([first, dir]) if first == SUPERVISE => return supervise(Path::new(dir)),
        _ => {}
    }
    let name = args.first().and_then(|name| Path::new(name).file_name()?.to_str());
    let stand_in =
        name.and_then(|name| firedrill_foundation::stand_in(name, args.get(1..).unwrap_or_default().to_vec()));
    stand_in.unwrap_or_else(|| firedrill(args))
}

fn firedrill(args: Vec<OsString>) -> ExitCode {
    seal_inherited();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // There is nobody to tell if standard error is gone.
            let _unheard = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let terminal = Terminal::new(cli.color);
    match commands::perform(cli, &terminal) {
        Ok(status) => status.into(),
        Err(failure) => {
            terminal.complain(&failure);
            failure.status().into()
        }
    }
}

/// Returns the command line's description, for the generated reference.
pub fn command() -> clap::Command {
    Cli::command()
}
