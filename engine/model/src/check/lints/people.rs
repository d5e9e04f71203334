//! Holds that wait for people, and points of no return that nobody has to approve of.

use super::holds::Order;
use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Command, OnUnmet, Playbook, Release, Step};

/// Warns of holds in which people are asked, and of irreversible steps without a decision before them.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let order = Order::of(playbook);
    let holds = playbook.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.release.as_deref()?)));
    let held = holds.flat_map(|(at, release)| held(playbook, &order, at, release));
    let irreversible = (0..playbook.steps.len()).filter(|&at| playbook.steps[at].irreversible);
    held.chain(irreversible.filter_map(|at| undecided(playbook, &order, at))).collect()
}

/// Warns of people who are asked while something is held.
fn held(playbook: &Checked<Playbook>, order: &Order<'_>, taker: usize, release: &Release) -> Vec<Diagnostic> {
    let ends: Option<Vec<&str>> =
        release.until.as_ref().map(|until| until.value.iter().map(|id| id.value.as_str()).collect());
    let is_end = |at: usize| ends.as_ref().is_none_or(|ends| ends.contains(&playbook.steps[at].id.value.as_str()));
    let is_held = |at: usize| is_end(at) || order.below(at).into_iter().any(is_end);
    let asking = order.below(taker).into_iter().filter(|&at| asks_people(&playbook.steps[at]));
    let taker = &playbook.steps[taker].id.value;
    let warn = |step: &Step| {
        let message = format!("`{taker}` is held while `{}` waits for people", step.id.value);
        let advice = "ask before it is taken, or give it back before people are asked";
        let diagnostic = Diagnostic::warning(Code::HeldWhileAsking, release.hook.span, message);
        diagnostic.note(step.id.span, "people are asked here: nobody knows how long they take").help(advice)
    };
    asking.filter(|&at| is_held(at)).map(|at| warn(&playbook.steps[at])).collect()
}

/// Warns of a point of no return that can be reached although nobody has approved.
fn undecided(playbook: &Checked<Playbook>, order: &Order<'_>, at: usize) -> Option<Diagnostic> {
    let is_before = |decision: usize| is_decision(&playbook.steps[decision]) && order.below(decision).contains(&at);
    if (0..playbook.steps.len()).any(is_before) {
        return None;
    }
    let step = &playbook.steps[at];
    let message = format!("`{}` cannot be undone, and nobody has to approve of it", step.id.value);
    let help = format!(
        "let it need a step with `approve` that is never skipped; without one a run needs --accept-irreversible {}",
        step.id.value
    );
    Some(Diagnostic::warning(Code::Undecided, step.id.span, message).help(help))
}

/// Returns whether a step is a decision that is never left out.
fn is_decision(step: &Step) -> bool {
    let may_be_skipped = step.when.is_some() || step.guards.iter().any(|guard| guard.on_unmet == OnUnmet::Skip);
    let command = step.invocation().map(|invocation| &invocation.command);
    matches!(command, Some(Command::Approve(_))) && !may_be_skipped
}

fn asks_people(step: &Step) -> bool {
    step.invocation().is_some_and(|invocation| invocation.command.asks_people())
}
