//! Guards of a playbook that has many: their lines would push everything else off the screen.

use std::collections::BTreeSet;

use firedrill_run::{CommandId, Role, Subject};

use crate::view::{Execution, Finish, View};

/// As many guards have a line each.
const FEW: usize = 4;

/// A guard that takes longer has a line of its own, in milliseconds.
const SLOW_MS: u64 = 2_000;

/// Returns whether a command is a guard of a playbook with many.
pub(super) fn is_one_of_many(view: &View, command: &CommandId) -> bool {
    is_guard(command) && view.plan().guards.len() > FEW
}

/// Returns whether it is also the first that is asked, or asked again.
pub(super) fn is_first_of_many(view: &View, command: &CommandId) -> bool {
    is_one_of_many(view, command) && of_round(view, command.round).count() == 1
}

/// Returns whether a guard took so long that it is worth a line, or was asked more than once.
pub(super) fn is_slow(execution: &Execution) -> bool {
    execution.command.r#try > 1 || execution.ms.is_some_and(|ms| ms > SLOW_MS)
}

/// Returns whether all guards hold, of which this one has just been asked.
pub(super) fn do_all_hold(view: &View, command: &CommandId) -> bool {
    let well = of_round(view, command.round).filter(|it| it.finish == Some(Finish::Well));
    let names: BTreeSet<&Role> = well.map(|it| &it.command.role).collect();
    names.len() == view.plan().guards.len()
}

pub(super) fn asked(view: &View, command: &CommandId) -> String {
    let again = if command.round > 1 { " again" } else { "" };
    format!("{} are asked{again}", view.plan().guards.len())
}

pub(super) fn all_hold(view: &View) -> String {
    format!("all {} hold", view.plan().guards.len())
}

fn of_round(view: &View, round: u32) -> impl Iterator<Item = &Execution> {
    view.executions().filter(move |it| is_guard(&it.command) && it.command.round == round)
}

fn is_guard(command: &CommandId) -> bool {
    command.subject == Subject::Playbook && matches!(command.role, Role::Guard(_))
}
