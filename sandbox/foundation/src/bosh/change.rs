//! Deploys, and changes of what instances do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::clock::Moment;
use crate::foundation::deed::{Drain, Fix, Ignored, NewDisk, NewVm, Restart, Update};
use crate::foundation::manifest::Manifest;
use crate::foundation::{Deed, Deployment, Foundation, Instance, JobState, Resurrection};
use crate::pace::Phase;
use crate::tasks::{Order, Step};

use super::flags::Command;
use super::follow::Telling;
use super::session::{Session, Stop};

/// `deploy`: converges a deployment to a manifest.
pub(super) fn deploy(session: &mut Session) -> Result<(), Stop> {
    let path = session.invocation.arg(0);
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let name = session.invocation.deployment.clone();
    if let Some(flag) = ["var", "vars-file", "ops-file"].into_iter().find(|flag| session.invocation.has(flag)) {
        return Err(Stop::failed(&[&format!("the sandbox interpolates no manifests: leave --{flag} out")]));
    }
    let manifest = Manifest::read(&text).map_err(|error| Stop::failed(&["Parsing manifest", &error]))?;
    if manifest.name != name {
        let other = manifest.name;
        return Err(Stop::failed(&[&format!(
            "Expected manifest to specify deployment name '{name}' but was '{other}'"
        )]));
    }
    let (foundation, deployment) = session.deployment()?;
    session.confirm()?;
    let steps = if session.invocation.has("dry-run") {
        vec![prepare(session, Deed::Nothing)]
    } else {
        deploy_steps(session, &foundation, &deployment, &text)
    };
    let result = format!("/deployments/{name}");
    let order = Order { result, ..session.new_order(&name, "create deployment", steps) };
    session.order("Updating deployment", order, Telling::Events)?;
    Ok(())
}

fn unreadable(path: &str, error: &std::io::Error) -> Stop {
    let why =
        if Path::new(path).exists() { error.to_string() } else { format!("open {path}: no such file or directory") };
    Stop::failed(&[&format!("Opening file '{path}'"), &why])
}

fn prepare(session: &Session, deed: Deed) -> Step {
    Step::new("Preparing deployment", "Preparing deployment", session.takes(Phase::BOSH_PREPARE), deed)
}

/// Returns the steps of a deploy: what the manifest changes, then every instance that is not as it should be.
fn deploy_steps(session: &Session, foundation: &Foundation, deployment: &Deployment, text: &str) -> Vec<Step> {
    let fix = if session.invocation.has("fix") { Fix::Recreate } else { Fix::Fail };
    let silent = deployment.instances.iter().find(|instance| !instance.is_ignored && is_silent(instance));
    if let Some(silent) = silent.filter(|_| fix == Fix::Fail) {
        return vec![timed_out(session, silent)];
    }
    let reshape = Deed::Reshape { deployment: deployment.name.clone(), manifest: text.to_owned() };
    let mut planned = foundation.clone();
    if let Err(why) = planned.reshape(&deployment.name, text, Moment::now()) {
        return vec![prepare(session, Deed::Fail(why))];
    }
    let mut steps = vec![prepare(session, reshape)];
    let after = planned.deployment(&deployment.name).map_or(&[][..], |deployment| &deployment.instances);
    let updated = after.iter().filter(|instance| !instance.is_ignored).filter_map(|instance| {
        let update = deploy_update(session, instance, fix);
        is_needed(update, instance).then_some((instance, update))
    });
    steps.extend(update_steps(session, &planned, updated));
    steps
}

fn is_silent(instance: &Instance) -> bool {
    instance.vm.is_some() && !instance.answers()
}

fn timed_out(session: &Session, instance: &Instance) -> Step {
    let agent = instance.vm.as_ref().map_or("", |vm| &vm.agent_id);
    let name = instance.name();
    let why = format!("Timed out sending 'get_state' to instance: '{name}', agent-id: '{agent}' after 45 seconds");
    let takes = session.takes(Phase::BOSH_PREPARE) + session.takes(Phase::BOSH_AGENT);
    Step::new("Preparing deployment", "Preparing deployment", takes, Deed::Fail(why))
}

fn deploy_update(session: &Session, instance: &Instance, fix: Fix) -> Update {
    let skipped = session.invocation.values("skip-drain");
    let skips = skipped.iter().any(|slug| slug.is_empty() || slug == "*" || instance.is_meant_by(slug));
    Update {
        vm: if session.invocation.has("recreate") { NewVm::Always } else { NewVm::IfNone },
        disk: if session.invocation.has("recreate-persistent-disks") && instance.disk_mb.is_some() {
            NewDisk::Always
        } else {
            NewDisk::IfNone
        },
        fix,
        drain: if skips { Drain::Skip } else { Drain::Run },
        state: instance.state,
        restart: Restart::No,
    }
}

/// Returns whether a deploy has anything to do with an instance.
fn is_needed(update: Update, instance: &Instance) -> bool {
    let lacks_vm = instance.state != JobState::Detached && !instance.answers();
    let lacks_disk = instance.disk_mb.is_some() && instance.disk.is_none();
    update.vm == NewVm::Always || update.disk == NewDisk::Always || lacks_vm || lacks_disk
}

fn update_steps<'i>(
    session: &Session,
    foundation: &Foundation,
    updated: impl Iterator<Item = (&'i Instance, Update)>,
) -> Vec<Step> {
    let mut begun = BTreeSet::new();
    updated
        .map(|(instance, update)| {
            let canary = if begun.insert(instance.group.clone()) { " (canary)" } else { "" };
            let name = format!("{} ({}){canary}", instance.name(), instance.index);
            let takes = takes(session, foundation, instance, update);
            Step::new("Updating instance", name, takes, Deed::Update(instance.id.clone(), update))
        })
        .collect()
}

fn takes(session: &Session, foundation: &Foundation, instance: &Instance, update: Update) -> Duration {
    if update.drains(instance) && foundation.has_lost_mount(instance) {
        return session.takes(Phase::BOSH_DRAIN);
    }
    let mut takes = session.takes(Phase::BOSH_UPDATE);
    if update.vm == NewVm::Always || !instance.answers() {
        takes += session.takes(Phase::BOSH_RECREATE);
    }
    if update.disk == NewDisk::Always && instance.disk.is_some() {
        takes += session.takes(Phase::BOSH_COPY_DISK);
    }
    takes
}

/// `start`, `stop`, `restart`, `recreate`: of everything, a group or an instance.
pub(super) fn change_state(session: &mut Session) -> Result<(), Stop> {
    session.confirm()?;
    let slug = session.invocation.arg(0).to_owned();
    check_converge(session, &slug)?;
    let (foundation, deployment) = session.deployment()?;
    let chosen: Vec<&Instance> =
        deployment.instances.iter().filter(|instance| slug.is_empty() || instance.is_meant_by(&slug)).collect();
    if chosen.is_empty() {
        return Err(session.not_found(140_003, &format!("Instance group or instance '{slug}' doesn't exist")));
    }
    if chosen.iter().any(|instance| instance.is_ignored) {
        let why = "You are trying to change the state of the ignored instance group(s). This operation is not allowed. You need to unignore it first.";
        return Err(Stop::refused(
            vec!["Changing state".into()],
            400,
            &format!("{{\"code\": 190022, \"description\": \"{why}\"}}"),
        ));
    }
    let steps = state_steps(session, &foundation, &chosen);
    let description = match session.invocation.command {
        Command::Start => "started instances",
        Command::Stop => "stopped instances",
        Command::Restart => "restart instances",
        _ => "recreate instances",
    };
    let result = format!("/deployments/{}", deployment.name);
    let order = Order { result, ..session.new_order(&deployment.name, description, steps) };
    session.order("Changing state", order, Telling::Events)?;
    Ok(())
}

/// Without convergence, only a single instance can be changed.
fn check_converge(session: &Session, slug: &str) -> Result<(), Stop> {
    let invocation = session.invocation;
    if !invocation.has("no-converge") {
        return Ok(());
    }
    for other in ["converge", "canaries", "max-in-flight", "dry-run"] {
        if invocation.has(other) {
            return Err(Stop::failed(&[&format!("Can't set {other} and no-converge")]));
        }
    }
    if slug.contains('/') {
        return Ok(());
    }
    let verb = invocation.command.name();
    Err(Stop::failed(&[&format!(
        "You are trying to run {verb} with --no-converge on an entire instance group. This operation is not allowed. Trying using the --converge flag or running it against a specific instance."
    )]))
}

fn state_steps(session: &Session, foundation: &Foundation, chosen: &[&Instance]) -> Vec<Step> {
    if session.invocation.has("dry-run") {
        return vec![prepare(session, Deed::Nothing)];
    }
    let updates: Vec<(&Instance, Update)> =
        chosen.iter().map(|instance| (*instance, state_update(session, instance))).collect();
    let stuck = updates.iter().find(|(instance, update)| update.fix == Fix::Fail && is_silent(instance));
    if let Some((instance, _)) = stuck {
        return vec![timed_out(session, instance)];
    }
    let mut steps = vec![prepare(session, Deed::Nothing)];
    steps.extend(update_steps(
        session,
        foundation,
        updates.into_iter().filter(|(instance, update)| changes(instance, *update)),
    ));
    steps
}

fn state_update(session: &Session, instance: &Instance) -> Update {
    let invocation = session.invocation;
    let command = invocation.command;
    let state = match command {
        Command::Stop if invocation.has("hard") => JobState::Detached,
        Command::Stop => JobState::Stopped,
        Command::Start | Command::Restart => JobState::Started,
        _ => instance.state,
    };
    Update {
        vm: if command == Command::Recreate { NewVm::Always } else { NewVm::IfNone },
        disk: if invocation.has("no-converge") { NewDisk::Never } else { NewDisk::IfNone },
        fix: if invocation.has("fix") { Fix::Recreate } else { Fix::Fail },
        drain: if invocation.has("skip-drain") { Drain::Skip } else { Drain::Run },
        state,
        restart: if command == Command::Restart { Restart::Yes } else { Restart::No },
    }
}

fn changes(instance: &Instance, update: Update) -> bool {
    let is_other = instance.state != update.state || instance.process_state() != "running";
    let is_started = update.state == JobState::Started;
    let is_stopped_already = !is_started && instance.state == update.state;
    update.vm == NewVm::Always || update.restart == Restart::Yes || (is_other && !is_stopped_already)
}

/// `ignore` and `unignore`: answered at once.
pub(super) fn ignore(session: &mut Session) -> Result<(), Stop> {
    let slug = session.invocation.arg(0).to_owned();
    let (_, deployment) = session.deployment()?;
    let Some(instance) = deployment.instance(&slug).filter(|_| slug.contains('/')) else {
        return Err(session.not_found(20010, &format!("Instance '{slug}' doesn't exist")));
    };
    let wanted = if session.invocation.command == Command::Ignore { Ignored::Yes } else { Ignored::No };
    do_at_once(session, &Deed::Ignore(instance.id.clone(), wanted))
}

/// `update-resurrection`: answered at once.
pub(super) fn update_resurrection(session: &mut Session) -> Result<(), Stop> {
    let wanted = match session.invocation.arg(0) {
        "on" | "yes" | "true" | "enable" => Resurrection::On,
        "off" | "no" | "false" | "disable" => Resurrection::Off,
        other => {
            let why = format!("Expected boolean variable '{other}' to be either 'true' or 'false'");
            return Err(Stop::failed(&[&why]));
        }
    };
    do_at_once(session, &Deed::Resurrection(wanted))
}

fn do_at_once(session: &Session, deed: &Deed) -> Result<(), Stop> {
    let done = deed.carry_out(session.world, Moment::now())?;
    done.map(drop).map_err(|why| Stop::failed(&[&why]))
}
