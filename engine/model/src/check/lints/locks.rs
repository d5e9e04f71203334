//! Steps that share a lock and whose order nobody has said, or is another than it looks.

use super::holds::{Order, around, beside};
use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Playbook, split_milestone};
use crate::source::Span;

/// Warns of every step that shares a lock with an earlier one while neither needs the other, and of every milestone that
/// lets nothing begin because of a lock.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let order = Order::of(playbook);
    let lockers: Vec<usize> = (0..playbook.steps.len()).filter(|&at| !playbook.steps[at].locks.is_empty()).collect();
    let unordered = lockers.iter().enumerate().filter_map(|(before, &at)| {
        lockers[..before].iter().find_map(|&earlier| unordered(playbook, &order, earlier, at))
    });
    unordered.chain((0..playbook.steps.len()).filter_map(|at| too_late(playbook, at))).collect()
}

/// Warns of a step that needs a milestone of another, and a lock that this other one has until it has ended.
fn too_late(playbook: &Playbook, at: usize) -> Option<Diagnostic> {
    let is_inside = |member: usize| around(&playbook.steps, member).any(|outer| outer == at);
    let needs = playbook.steps[at].needs.iter().flat_map(|needs| &needs.value);
    needs.filter(|need| split_milestone(&need.value).1.is_some()).find_map(|need| {
        let signaller = split_milestone(&need.value).0;
        let is_it = |&above: &usize| {
            let step = &playbook.steps[above];
            step.parent == playbook.steps[at].parent && step.id.value == signaller
        };
        let above = (0..playbook.steps.len()).find(is_it)?;
        let mut members = (0..playbook.steps.len()).filter(|&member| is_inside(member));
        let (first, second) = members.find_map(|member| shared(playbook, above, member))?;
        let waiter = &playbook.steps[at].id.value;
        let message =
            format!("`{waiter}` begins when `{signaller}` has ended, not at its milestone: they share a lock");
        let advice = format!("do without the lock in one of them, or let `{waiter}` need `{signaller}` itself");
        let diagnostic = Diagnostic::warning(Code::LockedMilestone, need.span, message);
        Some(diagnostic.note(first, "taken here").note(second, "the same lock").help(advice))
    })
}

fn unordered(playbook: &Checked<Playbook>, order: &Order<'_>, earlier: usize, at: usize) -> Option<Diagnostic> {
    let (first, second) = shared(playbook, earlier, at)?;
    let (above, below) = beside(&playbook.steps, earlier, at)?;
    if is_ordered(order, above, below) {
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

fn is_ordered(order: &Order<'_>, a: usize, b: usize) -> bool {
    order.below(a).contains(&b) || order.below(b).contains(&a)
}
