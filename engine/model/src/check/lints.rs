//! What a playbook may say but probably does not mean: warnings, found in playbooks without errors.

mod holds;
mod locks;
mod people;
mod pitfalls;
mod probes;
mod script;
mod skipped;

use super::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Playbook, Step};

/// Returns what is probably not meant.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let steps = playbook.steps.iter().chain(&playbook.finally);
    let mut found: Vec<Diagnostic> = playbook.steps.iter().filter_map(unsaid).collect();
    found.extend(steps.filter_map(unlimited));
    found.extend(holds::of(playbook));
    found.extend(locks::of(playbook));
    found.extend(people::of(playbook));
    found.extend(probes::of(playbook));
    found.extend(skipped::of(playbook));
    found.extend(pitfalls::of(playbook));
    found
}

/// Warns of a step that changes something and does not say what becomes of it when a run fails.
fn unsaid(step: &Step) -> Option<Diagnostic> {
    step.invocation()?;
    let is_safe = step.read_only || step.idempotent || step.irreversible;
    if is_safe || step.hooks().next().is_some() || step.rollback.is_some() {
        return None;
    }
    let message = format!("`{}` changes something and does not say how that is undone", step.id.value);
    let help = "add `rollback`, or say on purpose that there is nothing to undo: `rollback: none`, `read_only: true`, \
                `idempotent: true` or `irreversible: true`";
    Some(Diagnostic::warning(Code::Unsaid, step.id.span, message).help(help))
}

/// Warns of a step that may run for ever.
fn unlimited(step: &Step) -> Option<Diagnostic> {
    let invocation = step.invocation()?;
    if invocation.timeout.is_some() {
        return None;
    }
    let (why, help) = if invocation.command.asks_people() {
        ("if nobody answers, the run waits for ever", "add `timeout:`, how long an answer is waited for")
    } else {
        ("if it hangs, the run hangs", "add `timeout:`, several times what it usually takes")
    };
    let message = format!("`{}` has no time limit: {why}", step.id.value);
    Some(Diagnostic::warning(Code::NoTimeLimit, step.id.span, message).help(help))
}
