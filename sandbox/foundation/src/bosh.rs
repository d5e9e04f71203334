//! The stand-in of the bosh client, as it behaves without a terminal.

mod flags;
mod screen;
mod table;

use crate::clock::Moment;
use crate::director::{Deployment, Director, Reachability};
use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::tasks::{TaskBoard, TaskState};
use crate::world::{World, WorldError};

use flags::{Command, Invocation, Scope};
use screen::Screen;

const VERSION: &str = "7.9.9-lab";

/// Runs bosh with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let parsed = Invocation::parse(args);
    let key = format!("bosh.{}", parsed.as_ref().map_or("help", |invocation| invocation.command.name()));
    crate::recorded(world, &key, |_| {
        let mut screen = Screen::new(parsed.as_ref().map(|invocation| invocation.format).unwrap_or_default());
        if parsed.as_ref().is_ok_and(|invocation| invocation.command != Command::Version) {
            Pace::of(world)?.pass(Phase::BOSH_QUERY);
        }
        if let Some(point) = FaultPoint::of_subcommand(&key)
            && let Some(fault) = world.strike(point)?
        {
            screen.fail(&[fault.said(&key)], fault.exit);
            return Ok(screen.close(fault.exit));
        }
        let result = parsed.map_or_else(|refusal| Ok(Err(vec![refusal])), |it| execute(world, &it, &mut screen))?;
        let code = match result {
            Ok(()) => {
                screen.line("Succeeded");
                0
            }
            Err(levels) => {
                screen.fail(&levels, 1);
                1
            }
        };
        Ok(screen.close(code))
    })
}

/// What the client prints after a failure: each level is what was being done within the one before.
type Levels = Vec<String>;

fn execute(world: &World, invocation: &Invocation, screen: &mut Screen) -> Result<Result<(), Levels>, WorldError> {
    if invocation.command == Command::Version {
        screen.block(&format!("version {VERSION}\n"));
        return Ok(Ok(()));
    }
    let mut director: Director = world.read()?;
    if world.vm().lock_holder().is_some() {
        // A lock script stops the director until the unlock script has run.
        director.reachability = Reachability::Unreachable;
    }
    if let Err(levels) = connect(&director, invocation, screen) {
        return Ok(Err(levels));
    }
    match &invocation.command {
        Command::Version => {}
        Command::Env => screen.table(table::info(&director, &invocation.client)),
        Command::Deployments => screen.table(table::deployments(&director)),
        Command::Disks => screen.table(table::orphaned_disks(&director)),
        Command::Locks => screen.table(table::locks(&world.read()?)),
        Command::Tasks(scope) => screen.table(table::tasks(&world.read()?, *scope)),
        Command::Vms | Command::Instances(_) => return list_instances(world, &director, invocation, screen),
    }
    Ok(Ok(()))
}

fn connect(director: &Director, invocation: &Invocation, screen: &mut Screen) -> Result<(), Levels> {
    let environment = &invocation.environment;
    if environment.is_empty() {
        return Err(vec!["Expected non-empty Director URL".into()]);
    }
    let (host, port) = address(environment);
    let url = format!("https://{host}:{port}");
    if !director.is_reachable() || url != director.url() {
        return Err(vec![
            "Fetching info".into(),
            format!("Performing request GET '{url}/info'"),
            "Performing GET request".into(),
            "Retry".into(),
            format!("Get \"{url}/info\""),
            format!("dial tcp {host}:{port}"),
            "connect".into(),
            "connection refused".into(),
        ]);
    }
    let user = if invocation.client.is_empty() {
        "anonymous user".to_owned()
    } else {
        format!("client '{}'", invocation.client)
    };
    screen.line(&format!("Using environment '{url}' as {user}"));
    authorize(director, invocation)
}

fn authorize(director: &Director, invocation: &Invocation) -> Result<(), Levels> {
    let known = invocation.client == director.client && invocation.client_secret == director.client_secret;
    if known || invocation.command == Command::Env {
        return Ok(());
    }
    let (finding, path) = match &invocation.command {
        Command::Tasks(Scope::Active) => ("current tasks", "/tasks"),
        Command::Tasks(Scope::Recent(_)) => ("recent tasks", "/tasks"),
        Command::Locks => ("locks", "/locks"),
        Command::Disks => ("orphaned disks", "/disks"),
        Command::Version | Command::Env | Command::Deployments | Command::Vms | Command::Instances(_) => {
            ("deployments", "/deployments")
        }
    };
    Err(vec![format!("Finding {finding}"), refused(401, &format!("Not authorized: '{path}'"))])
}

fn list_instances(
    world: &World,
    director: &Director,
    invocation: &Invocation,
    screen: &mut Screen,
) -> Result<Result<(), Levels>, WorldError> {
    let wanted = &invocation.deployment;
    if wanted.is_empty() {
        for deployment in &director.deployments {
            list_instances_of(world, deployment, invocation, screen)?;
        }
        return Ok(Ok(()));
    }
    if let Some(deployment) = director.deployment(wanted) {
        screen.line(&format!("Using deployment '{wanted}'"));
        list_instances_of(world, deployment, invocation, screen)?;
        return Ok(Ok(()));
    }
    let body = format!("{{\"code\": 70000, \"description\": \"Deployment '{wanted}' doesn't exist\"}}");
    let infos = if invocation.command == Command::Vms { "vms" } else { "instances" };
    Ok(Err(vec![format!("Listing deployment '{wanted}' {infos} infos"), refused(404, &body)]))
}

/// The director answers with a task, which the client waits for.
///
/// It is written down when it has ended: the director finishes it even if the client is killed.
fn list_instances_of(
    world: &World,
    deployment: &Deployment,
    invocation: &Invocation,
    screen: &mut Screen,
) -> Result<(), WorldError> {
    let began = Moment::now();
    Pace::of(world)?.pass(Phase::BOSH_TASK);
    let ended = Moment::now();
    let task = world.update(|board: &mut TaskBoard| {
        let task = board.begin(&invocation.client, &deployment.name, "retrieve vm-stats", began);
        board.finish(task, TaskState::Done, ended);
        task
    })?;
    screen.line(&format!("Task {task}"));
    screen.line(". Done");
    screen.table(match &invocation.command {
        Command::Instances(columns) => table::instances(deployment, *columns),
        _ => table::vms(deployment),
    });
    Ok(())
}

fn refused(status: u16, body: &str) -> String {
    format!("Director responded with non-successful status code '{status}' response '{body}'")
}

/// Returns host and port of a director's URL, as the client completes it.
fn address(environment: &str) -> (&str, &str) {
    let rest = environment.split_once("://").map_or(environment, |(_, rest)| rest).trim_end_matches('/');
    rest.split_once(':').unwrap_or((rest, "25555"))
}
