//! `sandbox check`: what is not safe in a world at rest.

use std::io::Write;

use crate::artifacts;
use crate::fault::Faults;
use crate::situation::{Situation, Situations, second_operator_marker};
use crate::vm::Holder;
use crate::world::{World, WorldError};

use super::SandboxError;

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
    findings.extend(artifacts::found(world)?.iter().filter_map(artifacts::Found::lie));
    let faults: Faults = world.read()?;
    let half_used = faults.iter().filter(|fault| fault.is_half_used());
    findings.extend(half_used.map(|fault| format!("fault half used: {fault}")));
    Ok(findings)
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
