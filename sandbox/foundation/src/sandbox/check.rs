//! `sandbox check`: what is not safe in a world at rest.

use std::io::Write;

use crate::artifacts;
use crate::fault::Faults;
use crate::platform::services::BROKER;
use crate::scripts::{self, Seen};
use crate::situation::{FOREIGN_USER, RESURRECTOR, Situation, Situations, second_operator_marker};
use crate::tasks::{TaskBoard, TaskState};
use crate::vm::Holder;
use crate::world::{World, WorldError};

use super::{SandboxError, platform};

/// Prints a line for each finding, and fails if there is one.
pub(super) fn check(world: &World, out: &mut dyn Write) -> Result<(), SandboxError> {
    let findings = findings(world)?;
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        writeln!(out, "the sandbox is consistent and safe")?;
        return Ok(());
    }
    Err(SandboxError::Unsafe { findings: findings.len() })
}

fn findings(world: &World) -> Result<Vec<String>, WorldError> {
    let mut findings = left_on_vm(world);
    if world.read::<Situations>()?.holds(&Situation::SecondOperator) {
        findings.extend(harm_to_second_operator(world));
    }
    let foundation = world.foundation()?;
    findings.extend(foundation.contradictions());
    findings.extend(foundation.losses());
    findings.extend(platform::findings(world)?);
    findings.extend(at_work(&world.read()?));
    let abandoned = scripts::seen(world)?.into_iter().filter(Seen::is_unsafe);
    findings.extend(abandoned.map(|script| format!("a script of bbr still runs: {script}")));
    findings.extend(artifacts::found(world)?.iter().filter_map(artifacts::Found::lie));
    let faults: Faults = world.read()?;
    let half_used = faults.iter().filter(|fault| fault.is_half_used());
    findings.extend(half_used.map(|fault| format!("fault half used: {fault}")));
    Ok(findings)
}

/// A task that the director still works on changes the world behind the back of a run at rest, unless it is somebody
/// else's; a lock whose task has ended is one that nobody will ever release.
fn at_work(board: &TaskBoard) -> Vec<String> {
    let ours =
        board.active().filter(|task| task.due().is_some() && ![RESURRECTOR, BROKER].contains(&task.user.as_str()));
    let tasks =
        ours.map(|task| format!("task {} ({}) is still at work on {}", task.id, task.description, task.deployment));
    let has_ended =
        |id: &str| id.parse().ok().and_then(|id| board.task(id)).is_some_and(|task| !task.state.is_active());
    let stale = board.locks.iter().filter(|lock| has_ended(&lock.task_id));
    let locks = stale
        .map(|lock| format!("{} {} is locked by task {}, which has ended", lock.kind, lock.resource, lock.task_id));
    let theirs = board.tasks.iter().filter(|task| task.user == FOREIGN_USER && task.state == TaskState::Cancelled);
    let harm = theirs.map(|task| format!("task {} of somebody else was cancelled", task.id));
    tasks.chain(locks).chain(harm).collect()
}

/// A directory of unknown origin is a situation that runs start in; a lock of unknown origin is not.
fn left_on_vm(world: &World) -> Vec<String> {
    let vm = world.vm();
    let mut findings = Vec::new();
    if let Some(holder @ (Holder::Ours(_) | Holder::Unknown)) = vm.lock_holder() {
        findings.push(format!("the director is locked by {}", holder.name()));
    }
    if let Some(Holder::Ours(name)) = vm.directory_holder() {
        findings.push(format!("the backup directory of {name} was left over"));
    }
    if let Some(holder) = vm.restore_holder() {
        findings.push(format!("the restore by {} is half done: jobs hold content of different times", holder.name()));
    }
    findings
}

fn harm_to_second_operator(world: &World) -> Vec<String> {
    let mut harm = Vec::new();
    if !second_operator_marker(world).exists() {
        harm.push("the second operator's live backup was deleted".to_owned());
    }
    if world.vm().lock_holder() != Some(Holder::SecondOperator) {
        harm.push("the second operator's lock was taken away".to_owned());
    }
    harm
}
