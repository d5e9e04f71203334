//! Steps that share a lock and whose order nobody has said.

use super::holds::Order;
use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Playbook, split_milestone};
use crate::source::Span;

/// Warns of every step that shares a lock with an earlier one while neither needs the other.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let order = Order::of(playbook);
    let steps = 0..playbook.steps.len();
    let unordered = steps.filter_map(|at| (0..at).find_map(|earlier| warning(playbook, &order, earlier, at)));
    unordered.collect()
}

fn warning(playbook: &Checked<Playbook>, order: &Order<'_>, earlier: usize, at: usize) -> Option<Diagnostic> {
    let (first, second) = shared(playbook, earlier, at)?;
    let (above, below) = beside(playbook, earlier, at)?;
    if is_ordered(playbook, order, above, below) {
        return None;
    }
    let [above, below] = [above, below].map(|at| &playbook.steps[at].id.value);
    let [one, other] = [earlier, at].map(|at| &playbook.steps[at].id.value);
    let message = format!("`{one}` and `{other}` share a lock, and nobody knows which of them is first");
    let advice = format!("let `{below}` need `{above}`, or `{above}` need `{below}`: one of them waits anyway");
    Some(Diagnostic::warning(Code::UnorderedLock, second, message).note(first, "the same lock").help(advice))
}

/// Returns where two steps name the same lock.
fn shared(playbook: &Playbook, a: usize, b: usize) -> Option<(Span, Span)> {
    let others = &playbook.steps[b].locks;
    playbook.steps[a].locks.iter().find_map(|lock| {
        let same = others.iter().find(|other| other.value == lock.value)?;
        Some((lock.span, same.span))
    })
}

/// Returns the steps of one block that two steps are or lie in; none if one lies in the other.
fn beside(playbook: &Playbook, a: usize, b: usize) -> Option<(usize, usize)> {
    let around = |at: usize| std::iter::successors(Some(at), |&at| playbook.steps[at].parent);
    let is_beside = |a: usize, b: usize| a != b && playbook.steps[a].parent == playbook.steps[b].parent;
    around(a).find_map(|a| Some((a, around(b).find(|&b| is_beside(a, b))?)))
}

fn is_ordered(playbook: &Playbook, order: &Order<'_>, a: usize, b: usize) -> bool {
    let waits = |below: usize, above: usize| {
        let mut needs = playbook.steps[below].needs.iter().flat_map(|needs| &needs.value);
        needs.any(|need| split_milestone(&need.value).0 == playbook.steps[above].id.value)
    };
    order.below(a).contains(&b) || order.below(b).contains(&a) || waits(a, b) || waits(b, a)
}
