//! The stand-in of the bosh client, as it behaves without a terminal.

mod change;
mod check;
mod disks;
mod environments;
mod errand;
mod flags;
mod follow;
mod listing;
mod looks;
mod request;
mod screen;
mod session;
mod shell;
mod stemcell;
mod table;
mod task;

use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::world::{World, WorldError};

use flags::{Command, Invocation};
use screen::Screen;
use session::{Session, Stop};

const VERSION: &str = "7.9.9-lab";

/// Runs bosh with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let parsed = Invocation::parse(args);
    let key = format!("bosh.{}", parsed.as_ref().map_or("help", |invocation| invocation.command.name()));
    crate::recorded(world, &key, |_| {
        let format = parsed.as_ref().map(|invocation| invocation.format).unwrap_or_default();
        let columns = parsed.as_ref().map(|invocation| invocation.columns.clone()).unwrap_or_default();
        let mut screen = Screen::new(format, columns);
        if parsed.as_ref().is_ok_and(|invocation| invocation.command != Command::Version) {
            Pace::of(world)?.pass(Phase::BOSH_QUERY);
        }
        if let Some(point) = FaultPoint::of_subcommand(&key)
            && let Some(fault) = world.strike(point)?
        {
            screen.fail(&[fault.said(&key)], fault.exit);
            return Ok(screen.close(fault.exit));
        }
        match parsed {
            Ok(invocation) if invocation.command == Command::Version => {
                screen.block(&format!("version {VERSION}\n"));
                screen.line("Succeeded");
                Ok(screen.close(0))
            }
            Ok(invocation) => Session::new(world, &invocation, screen)?.run(execute),
            Err(refusal) => {
                screen.fail(&[refusal], 1);
                Ok(screen.close(1))
            }
        }
    })
}

fn execute(session: &mut Session) -> Result<(), Stop> {
    if matches!(session.invocation.command, Command::Environments | Command::UnaliasEnv | Command::LogOut) {
        return environments::remember(session);
    }
    session.connect()?;
    match session.invocation.command {
        Command::Version | Command::Environments | Command::UnaliasEnv | Command::LogOut => Ok(()),
        Command::AliasEnv => environments::alias(session),
        Command::LogIn => environments::log_in(session),
        Command::UploadStemcell => stemcell::upload(session),
        Command::Env
        | Command::Deployment
        | Command::Snapshots
        | Command::Deployments
        | Command::Disks
        | Command::Locks
        | Command::Tasks
        | Command::Manifest
        | Command::Configs
        | Command::Stemcells
        | Command::Releases
        | Command::Events
        | Command::Errands => looks::print(session),
        Command::Vms | Command::Instances => looks::list_instances(session),
        Command::Task => task::show(session),
        Command::CancelTask => task::cancel(session),
        Command::CloudCheck => check::cloud_check(session),
        Command::CreateRecoveryPlan => check::create_plan(session),
        Command::Recover => check::recover(session),
        Command::Deploy => change::deploy(session),
        Command::Start | Command::Stop | Command::Restart | Command::Recreate => change::change_state(session),
        Command::Ignore | Command::Unignore => change::ignore(session),
        Command::UpdateResurrection => change::update_resurrection(session),
        Command::AttachDisk => disks::attach(session),
        Command::OrphanDisk => disks::orphan(session),
        Command::DeleteDisk => disks::delete(session),
        Command::CleanUp => disks::clean_up(session),
        Command::RunErrand => errand::run(session),
        Command::Ssh => shell::ssh(session),
        Command::Scp => shell::scp(session),
    }
}
