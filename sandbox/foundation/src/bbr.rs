//! The stand-in of bbr, for directors and deployments.

mod artifact;
mod backup;
mod console;
mod drain;
mod errors;
mod flags;
mod fleet;
mod help;
mod lock;
mod restore;
mod session;
mod site;

use std::fs;
use std::sync::Arc;

use crate::clock::Moment;
use crate::fault::{Fault, FaultPoint};
use crate::ledger::Ledger;
use crate::pace::{Pace, Phase};
use crate::world::{World, WorldError};
use crate::{err, out};

pub(crate) use artifact::{Artifact, Slot};

use console::{Console, Purpose};
use errors::{Failure, Failures};
use flags::{Access, Action, DeploymentAccess, Invocation, Of, Options, Refusal, Subcommand, Verbosity};
use session::Session;
use site::Site;

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
    let connects =
        matches!(invocation, Invocation::Director(_, Action::Run(..)) | Invocation::Deployment(_, Action::Run(..)));
    if connects && world.awaits(point)? {
        Pace::of(world)?.pass(Phase::CONNECT);
    }
    world.strike(point)
}

fn dispatch(world: &World, invocation: Invocation, ledger: &Arc<Ledger>) -> Result<u8, WorldError> {
    match invocation {
        Invocation::Help => Ok(print(&help::app())),
        Invocation::Version => Ok(print(&help::version())),
        Invocation::UnknownCommand(name) => Ok(print(&help::unknown_command(&name, &help::app()))),
        Invocation::Usage(refusal) => {
            out(&format!("Incorrect Usage. {refusal}\n\n{}", help::app()));
            Ok(1)
        }
        Invocation::DeploymentUsage(refusal) => {
            out(&format!("Incorrect Usage. {refusal}\n\n{}", help::deployment()));
            Ok(1)
        }
        Invocation::Deployment(access, action) => deployment(world, &access, action, ledger),
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

fn deployment(
    world: &World,
    access: &DeploymentAccess,
    action: Action,
    ledger: &Arc<Ledger>,
) -> Result<u8, WorldError> {
    if access.wants_own_help {
        return Ok(print(&help::deployment()));
    }
    if let Some(refusal) = access.refusal() {
        return Ok(refuse(&help::deployment(), &refusal));
    }
    match action {
        Action::Help => Ok(print(&help::deployment())),
        Action::Overview => Ok(print(&help::parent(Of::Deployment))),
        Action::Unknown(name) => Ok(print(&help::unknown_command(&name, &help::parent(Of::Deployment)))),
        Action::Run(subcommand, Err(refusal)) => Ok(usage(Of::Deployment, subcommand, &refusal)),
        Action::Run(subcommand, Ok(options)) if access.is_for_all && fleet::knows(subcommand) => {
            fleet::run(world, access, subcommand, &options)
        }
        Action::Run(subcommand, Ok(options)) => {
            let site = Site::Deployment(access, access.deployment.clone());
            act(world, site, access.verbosity, subcommand, &options, ledger)
        }
    }
}

fn director(world: &World, access: &Access, action: Action, ledger: &Arc<Ledger>) -> Result<u8, WorldError> {
    if let Some(name) = access.missing() {
        return Ok(refuse(&help::director(), &format!("--{name} flag is required.")));
    }
    match action {
        Action::Help => Ok(print(&help::director())),
        Action::Overview => Ok(print(&help::parent(Of::Director))),
        Action::Unknown(name) => Ok(print(&help::unknown_command(&name, &help::parent(Of::Director)))),
        Action::Run(subcommand, Err(refusal)) => Ok(usage(Of::Director, subcommand, &refusal)),
        Action::Run(subcommand, Ok(options)) => {
            act(world, Site::Director(access), access.verbosity, subcommand, &options, ledger)
        }
    }
}

/// The real client checks nothing, prints its usage and exits 0 when a flag of the parent comes too late.
fn usage(of: Of, subcommand: Subcommand, refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::HelpWanted => {}
        Refusal::UnknownFlag(name) => out(&format!("Incorrect Usage: flag provided but not defined: -{name}\n\n")),
        Refusal::MissingValue(name) => out(&format!("Incorrect Usage: flag needs an argument: -{name}\n\n")),
    }
    print(&help::subcommand(of, subcommand))
}

fn act(
    world: &World,
    site: Site,
    verbosity: Verbosity,
    subcommand: Subcommand,
    options: &Options,
    ledger: &Arc<Ledger>,
) -> Result<u8, WorldError> {
    if subcommand == Subcommand::Restore && options.artifact_path.is_empty() {
        let of = if matches!(site, Site::Director(_)) { Of::Director } else { Of::Deployment };
        return Ok(refuse(&help::subcommand(of, subcommand), "--artifact-path flag is required."));
    }
    let session = Session::new(world, site, Console::new(verbosity))?;
    let purpose = trapped(subcommand);
    if let Some(purpose) = purpose {
        session.answer_interrupts(purpose, ledger)?;
    }
    if subcommand == Subcommand::PreBackupCheck {
        return Ok(pre_backup_check(&session));
    }
    let failures = perform(&session, subcommand, options);
    let advised = matches!(subcommand, Subcommand::Backup | Subcommand::Restore) && failures.call_for_cleanup();
    let advice = purpose.filter(|_| advised).map_or_else(String::new, Purpose::advice);
    Ok(report(&failures, &advice))
}

/// Does what a subcommand that changes something is for.
fn perform(session: &Session, subcommand: Subcommand, options: &Options) -> Failures {
    match subcommand {
        Subcommand::PreBackupCheck => check(session).err().map_or_else(Failures::default, Failures::from),
        Subcommand::Backup => backup::run(session, options),
        Subcommand::Restore => restore::run(session, &options.artifact_path),
        Subcommand::BackupCleanup => session.clean_up_previous(Purpose::Backup),
        Subcommand::RestoreCleanup => session.clean_up_previous(Purpose::Restore),
    }
}

fn trapped(subcommand: Subcommand) -> Option<Purpose> {
    match subcommand {
        Subcommand::PreBackupCheck => None,
        Subcommand::Backup | Subcommand::BackupCleanup => Some(Purpose::Backup),
        Subcommand::Restore | Subcommand::RestoreCleanup => Some(Purpose::Restore),
    }
}

fn check(session: &Session) -> Result<(), Failure> {
    session.connect().and_then(|()| session.check_backupable())
}

fn pre_backup_check(session: &Session) -> u8 {
    let checked = check(session);
    let can = if checked.is_ok() { "can" } else { "cannot" };
    match &session.site {
        Site::Director(_) => out(&format!("Director {can} be backed up.\n")),
        Site::Deployment(_, name) => out(&format!("{}Deployment '{name}' {can} be backed up.\n", stamp())),
    }
    let Err(failure) = checked else { return 0 };
    let failures = Failures::from(failure);
    let advice = if failures.call_for_cleanup() { Purpose::Backup.advice() } else { String::new() };
    report(&failures, &advice)
}

/// Returns the time in front of lines that are no log.
fn stamp() -> String {
    Moment::now().format("[%H:%M:%S] ")
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
