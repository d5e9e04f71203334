//! Which strands of the world may wait for one another.

use firedrill_run::{CommandId, Effect, Phase, Role, Run, Stage, Subject, Task, TaskAt};

use super::node::Node;

/// Which orders of events are tried, and what makes two states one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orders {
    /// The orders that matter; states by their future.
    Distinct,
    /// The orders that matter although every state is looked at; states by their future.
    Watched,
    /// All orders; states by their future.
    All,
    /// All orders; states by everything they hold. For checking the reduction.
    Exact,
}

impl Orders {
    /// Returns whether probes of the playbook count as alike: the order of their answers is not tried.
    pub(super) fn are_probes_alike(self) -> bool {
        matches!(self, Orders::Distinct | Orders::Watched)
    }
}

/// Returns whether it does not matter which strand of the world comes first, so that one is enough.
///
/// [`super`] says why this is so.
pub(super) fn is_one_enough(orders: Orders, node: &Node, has_faults: bool) -> bool {
    match orders {
        Orders::Distinct => is_one_enough_for_ends(node, has_faults),
        // While the playbook's guards or invariants are asked, no step changes: every state on the way looks the same to
        // conditions over steps.
        Orders::Watched => matches!(node.run.phase(), Phase::Guarding | Phase::Resting),
        Orders::All | Orders::Exact => false,
    }
}

fn is_one_enough_for_ends(node: &Node, has_faults: bool) -> bool {
    // Who has a lock keeps others from theirs: the strands affect one another.
    let has_locks = node.run.plan().steps.iter().any(|step| !step.locks.is_empty());
    let is_probing = matches!(node.run.phase(), Phase::Guarding | Phase::Resting);
    if has_locks && !is_probing {
        return false;
    }
    match node.run.phase() {
        Phase::Guarding | Phase::Resting => true,
        Phase::Working => !has_faults && node.dooms.is_empty() && (0..steps(node)).all(|step| cannot_fail(node, step)),
        Phase::Unwinding => !has_faults,
        Phase::New | Phase::Halting | Phase::AtRest => false,
    }
}

fn steps(node: &Node) -> usize {
    node.run.plan().steps.len()
}

/// Returns whether a step goes on well by itself if no fault strikes it any more.
fn cannot_fail(node: &Node, step: usize) -> bool {
    match node.run.summary(step).stage {
        Stage::Waiting | Stage::Inside | Stage::Pausing(_) | Stage::Settled(_) => true,
        Stage::Guarding(_, task) | Stage::Attempting(task) | Stage::Looking(_, task) | Stage::Verifying(task, None) => {
            !is_unsure(*task) && !task.was_unmet()
        }
        Stage::Verifying(_, Some(_))
        | Stage::Salvaging(_)
        | Stage::Deciding
        | Stage::Locking
        | Stage::Expanding
        | Stage::Concluding(_)
        | Stage::Cleaning(_)
        | Stage::Choosing(_)
        | Stage::InDoubt(_)
        | Stage::Undecided(_) => false,
    }
}

fn is_unsure(task: Task) -> bool {
    task.at == TaskAt::Unsure
}

/// Returns whether a guard of the playbook is still being asked although nothing waits for its answer any more: it may end
/// before or after the run is at rest.
pub(super) fn is_asked_in_vain(run: &Run, effects: &[Effect], flights: &[CommandId]) -> bool {
    !matches!(run.phase(), Phase::Guarding | Phase::Working) && asked(effects, flights).any(is_guard)
}

/// Returns whether a guard of the playbook is not the first of those that are being asked.
pub(super) fn is_behind_another(command: &CommandId, effects: &[Effect], flights: &[CommandId]) -> bool {
    is_guard(command) && asked(effects, flights).find(|other| is_guard(other)) != Some(command)
}

/// Returns whether a command only looks, for a guard or an invariant of the playbook.
pub(super) fn is_playbook_probe(command: &CommandId) -> bool {
    command.subject == Subject::Playbook && matches!(command.role, Role::Guard(_) | Role::Invariant(_))
}

fn is_guard(command: &CommandId) -> bool {
    command.subject == Subject::Playbook && matches!(command.role, Role::Guard(_))
}

/// Iterates over the commands of which the end, or what became of them, is not known yet.
fn asked<'a>(effects: &'a [Effect], flights: &'a [CommandId]) -> impl Iterator<Item = &'a CommandId> {
    let unsure = effects.iter().filter_map(|effect| match effect {
        Effect::Settle(command) => Some(command),
        _ => None,
    });
    unsure.chain(flights)
}
