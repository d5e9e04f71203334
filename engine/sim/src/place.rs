//! The commands of a plan in an operator's words, with the line on which he finds them.

use firedrill_model::plan::Plan;
use firedrill_run::{Role, StepId, Subject};

/// Returns a command as a noun: "the cleanup of `backup` (line 12)".
pub(crate) fn place(plan: &Plan, subject: &Subject, role: &Role) -> String {
    match subject {
        Subject::Playbook => of_playbook(plan, role),
        Subject::Step(id) => of_step(plan, id, role),
    }
}

/// Returns a step with its line.
pub(crate) fn named(plan: &Plan, step: usize) -> String {
    let step = &plan.steps[step];
    format!("`{}` (line {})", step.id, step.line)
}

fn of_playbook(plan: &Plan, role: &Role) -> String {
    match role {
        Role::Guard(id) => {
            let line = plan.guards.iter().find(|guard| guard.id == **id).map(|guard| guard.line);
            format!("the guard `{id}`{}", lined(line))
        }
        Role::Invariant(id) => {
            let line = plan.invariants.iter().find(|invariant| invariant.id == **id).map(|invariant| invariant.line);
            format!("the invariant `{id}`{}", lined(line))
        }
        Role::Final(id) => format!("`{id}` at the very end"),
        Role::Attempt | Role::Look(_) | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => {
            role.to_string()
        }
    }
}

fn of_step(plan: &Plan, id: &StepId, role: &Role) -> String {
    let step = plan.step_index(id.as_str());
    let name = step.map_or_else(|| format!("`{id}`"), |step| named(plan, step));
    match role {
        Role::Guard(guard) => format!("the guard `{guard}` of {name}"),
        Role::Look(output) => format!("the look for the output `{output}` of {name}"),
        Role::Attempt | Role::Verify | Role::Cleanup | Role::Rollback | Role::Release => {
            format!("the {role} of {name}")
        }
        Role::Invariant(_) | Role::Final(_) => role.to_string(),
    }
}

fn lined(line: Option<u32>) -> String {
    line.map(|line| format!(" (line {line})")).unwrap_or_default()
}
