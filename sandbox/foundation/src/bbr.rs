//! The stand-in of bbr, for directors.

mod artifact;
mod backup;
mod console;
mod drain;
mod errors;
mod flags;
mod help;
mod restore;
mod session;

use std::fs;
use std::sync::Arc;

use crate::clock::Moment;
use crate::fault::{Fault, FaultPoint};
use crate::ledger::Ledger;
use crate::pace::{Pace, Phase};
use crate::world::{World, WorldError};
use crate::{err, out};

pub(crate) use artifact::Artifact;

use console::{Console, Purpose};
use errors::{Failure, Failures, Kind};
use flags::{Access, Action, Invocation, Options, Refusal, Subcommand};
use session::Session;

/// Runs bbr with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let invocation = Invocation::parse(args);
    let key = invocation.key();
    crate::recorded(world, &key, |ledger| {
        if let Some(point) = FaultPoint::of_subcommand(&key)
            && let Some(fault) = strike(world, point, &invocation)?
        {
            err(&format!("{}\n", fault.said(&key)));
            return Ok(fault.exit);
        }
        dispatch(world, invocation, ledger)
    })
}

/// A fault of a whole subcommand strikes where the connection would have been made.
fn strike(world: &World, point: FaultPoint, invocation: &Invocation) -> Result<Option<Fault>, WorldError> {
    if matches!(invocation, Invocation::Director(_, Action::Run(..))) && world.awaits(point)? {
        Pace::of(world)?.pass(Phase::CONNECT);
    }
    world.strike(point)
}

fn dispatch(world: &World, invocation: Invocation, ledger: &Arc<Ledger>) -> Result<u8, WorldError> {
    match invocation {
        Invocation::Help => Ok(print(&help::app())),
        Invocation::Version => Ok(print(&help::version())),
        Invocation::UnknownCommand(name) => Ok(print(&help::unknown_command(&name, &help::app()))),
        Invocation::Deployment(args) => Ok(deployment(&args)),
        Invocation::DirectorUsage(refusal) => {
            out(&format!("Incorrect Usage. {refusal}\n\n{}", help::director()));
            Ok(1)
        }
        Invocation::Director(access, action) => director(world, &access, action, ledger),
    }
}

fn print(text: &str) -> u8 {
    out(text);
    0
}

fn refuse(usage: &str, refusal: &str) -> u8 {
    out(usage);
    err(&format!("\u{1b}[0;31m{refusal}\u{1b}[0m\n"));
    1
}

/// The foundation has no deployment with backup scripts, so only bbr's own refusals can be met here.
fn deployment(args: &[String]) -> u8 {
    let given = |names: [&str; 2], variable: &str| {
        let is_set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        is_set || args.iter().any(|arg| names.contains(&arg.split('=').next().unwrap_or(arg)))
    };
    let required = [
        (["--target", "-t"], "BOSH_ENVIRONMENT"),
        (["--username", "-u"], "BOSH_CLIENT"),
        (["--password", "-p"], "BOSH_CLIENT_SECRET"),
    ];
    let wants_help = args.iter().any(|arg| arg == "--help" || arg == "-h");
    let missing = required.into_iter().find(|(names, variable)| !wants_help && !given(*names, variable));
    if let Some(([name, _], _)) = missing {
        return refuse(&help::deployment(), &format!("{name} flag is required."));
    }
    let is_one = given(["--deployment", "-d"], "BOSH_DEPLOYMENT");
    if is_one == args.iter().any(|arg| arg == "--all-deployments") {
        let refusal = "provide one of '--deployment' or '--all-deployments' flags.";
        return refuse(&help::deployment(), refusal);
    }
    report(&Failure::new(Kind::Other, "Deployment has no backup scripts").into(), "")
}

fn director(world: &World, access: &Access, action: Action, ledger: &Arc<Ledger>) -> Result<u8, WorldError> {
    if let Some(name) = access.missing() {
        return Ok(refuse(&help::director(), &format!("--{name} flag is required.")));
    }
    match action {
        Action::Help => Ok(print(&help::director())),
        Action::Unknown(name) => Ok(print(&help::unknown_command(&name, &help::director()))),
        Action::Run(subcommand, Err(refusal)) => Ok(usage(subcommand, &refusal)),
        Action::Run(subcommand, Ok(options)) => act(world, access, subcommand, &options, ledger),
    }
}

/// The real client checks nothing, prints its usage and exits 0 when a flag of the director comes too late.
fn usage(subcommand: Subcommand, refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::HelpWanted => {}
        Refusal::UnknownFlag(name) => out(&format!("Incorrect Usage: flag provided but not defined: -{name}\n\n")),
        Refusal::MissingValue(name) => out(&format!("Incorrect Usage: flag needs an argument: -{name}\n\n")),
    }
    print(&help::subcommand(subcommand))
}

fn act(
    world: &World,
    access: &Access,
    subcommand: Subcommand,
    options: &Options,
    ledger: &Arc<Ledger>,
) -> Result<u8, WorldError> {
    if subcommand == Subcommand::Restore && options.artifact_path.is_empty() {
        return Ok(refuse(&help::subcommand(subcommand), "--artifact-path flag is required."));
    }
    let console = Console::new(access.verbosity);
    let session = Session::new(world, access, Arc::clone(&console))?;
    if let Some(purpose) = trapped(subcommand) {
        console::answer_interrupts(&console, purpose, ledger)
            .map_err(|source| WorldError::io("watch for", "interrupts".as_ref(), source))?;
    }
    let failures = match subcommand {
        Subcommand::PreBackupCheck => return Ok(pre_backup_check(&session)),
        Subcommand::Backup => backup::run(&session, &options.artifact_path),
        Subcommand::Restore => restore::run(&session, &options.artifact_path),
        Subcommand::BackupCleanup => session.clean_up_previous(Purpose::Backup),
        Subcommand::RestoreCleanup => session.clean_up_previous(Purpose::Restore),
    };
    let advised = matches!(subcommand, Subcommand::Backup | Subcommand::Restore) && failures.call_for_cleanup();
    let purpose = trapped(subcommand).unwrap_or(Purpose::Backup);
    Ok(report(&failures, &if advised { purpose.advice() } else { String::new() }))
}

fn trapped(subcommand: Subcommand) -> Option<Purpose> {
    match subcommand {
        Subcommand::PreBackupCheck => None,
        Subcommand::Backup | Subcommand::BackupCleanup => Some(Purpose::Backup),
        Subcommand::Restore | Subcommand::RestoreCleanup => Some(Purpose::Restore),
    }
}

fn pre_backup_check(session: &Session) -> u8 {
    let checked = session.connect().and_then(|()| session.check_backupable());
    match checked {
        Ok(()) => print("Director can be backed up.\n"),
        Err(failure) => {
            out("Director cannot be backed up.\n");
            let failures = Failures::from(failure);
            let advice = if failures.call_for_cleanup() { Purpose::Backup.advice() } else { String::new() };
            report(&failures, &advice)
        }
    }
}

/// Prints the errors, leaves them in a file of the working directory as bbr does, and returns the exit status.
fn report(failures: &Failures, footer: &str) -> u8 {
    let text = failures.pretty();
    if !failures.is_empty() {
        let name = format!("bbr-{}.err.log", Moment::now().format("%Y-%m-%dT%H:%M:%SZ"));
        // A working directory that cannot be written to costs the log only.
        drop(fs::write(name, &text));
    }
    err(&format!("{text}\n{footer}\n"));
    failures.exit_code()
}
