//! Holds that wait for people, and points of no return that nobody has to approve of.

use super::holds::{Order, around, ends};
use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Body, Command, OnFailure, OnUnmet, Playbook, Release, Step};

/// Warns of holds in which people are asked, and of irreversible steps without a decision before them.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let order = Order::of(playbook);
    let holds = playbook.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.release.as_deref()?)));
    let held = holds.flat_map(|(at, release)| held(playbook, &order, at, release));
    let irreversible = (0..playbook.steps.len()).filter(|&at| playbook.steps[at].irreversible);
    held.chain(irreversible.filter_map(|at| undecided(playbook, &order, at))).collect()
}

/// Warns of people who are waited for while something is held: asked by a step, or after it has failed.
fn held(playbook: &Checked<Playbook>, order: &Order<'_>, taker: usize, release: &Release) -> Vec<Diagnostic> {
    let steps = &playbook.steps;
    let after = order.all_after(taker);
    let ends = ends(steps, release);
    let is_inside = |at: usize| after[at] && is_held(steps, order, at, ends.as_deref(), steps[taker].parent);
    let is_around = |&at: &usize| at == taker || is_inside(at);
    let all = || 0..steps.len();
    let asking = all().filter(|&at| asks_people(playbook, &steps[at])).filter(|&at| is_inside(at));
    let by_hand = |step: &Step| step.cleanup.as_ref().is_some_and(|hook| hook.invocation.command.asks_people());
    let cleaning = all().filter(|&at| by_hand(&steps[at])).filter(is_around);
    let deciding = all().filter(|&at| on_failure(playbook, at) == OnFailure::Ask).find(is_around);
    let taker = &steps[taker].id.value;
    let warn = |step: &Step, why: String, advice: &str| {
        let message = format!("`{taker}` is held while {why}");
        let diagnostic = Diagnostic::warning(Code::HeldWhileAsking, release.hook.span, message);
        diagnostic.note(step.id.span, "people are asked here: nobody knows how long they take").help(advice)
    };
    let asking = asking.map(|at| {
        let advice = "ask before it is taken, or give it back before people are asked";
        warn(&steps[at], format!("`{}` waits for people", steps[at].id.value), advice)
    });
    let cleaning = cleaning.map(|at| {
        let advice = "let a command clean up, or give it back before this step";
        warn(&steps[at], format!("people clean up after a failure of `{}`", steps[at].id.value), advice)
    });
    let deciding = deciding.map(|at| {
        let advice = "inside of what is held say what a failure means: `on_failure: rollback`, `stop` or `continue`";
        warn(&steps[at], format!("somebody decides what a failure of `{}` means", steps[at].id.value), advice)
    });
    asking.chain(cleaning).chain(deciding).collect()
}

/// Returns whether a hold of this block with these ends is not over before a step.
fn is_held(steps: &[Step], order: &Order<'_>, at: usize, ends: Option<&[usize]>, block: Option<usize>) -> bool {
    match ends {
        None => block.is_none_or(|block| around(steps, at).any(|outer| outer == block)),
        Some(ends) => ends.iter().any(|&end| around(steps, at).any(|outer| outer == end) || order.is_after(end, at)),
    }
}

/// Returns what the failure of a step means: its own word, or that of what is around it.
fn on_failure(playbook: &Playbook, at: usize) -> OnFailure {
    let own = around(&playbook.steps, at).find_map(|at| playbook.steps[at].on_failure.as_ref());
    own.map(|own| own.value).or(playbook.on_failure).unwrap_or(OnFailure::Rollback)
}

/// Warns of a point of no return that can be reached although nobody has approved.
fn undecided(playbook: &Checked<Playbook>, order: &Order<'_>, at: usize) -> Option<Diagnostic> {
    let is_before = |decision: usize| is_decision(playbook, decision) && order.is_after(at, decision);
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

/// Returns whether a step is a decision that is never left out, or uses a playbook with one.
fn is_decision(playbook: &Playbook, at: usize) -> bool {
    let may_be_skipped =
        |step: &Step| step.when.is_some() || step.guards.iter().any(|guard| guard.on_unmet == OnUnmet::Skip);
    if around(&playbook.steps, at)
        .any(|at| may_be_skipped(&playbook.steps[at]) || playbook.steps[at].for_each.is_some())
    {
        return false;
    }
    let step = &playbook.steps[at];
    let command = step.invocation().map(|invocation| &invocation.command);
    let is_in = |used: &Playbook| (0..used.steps.len()).any(|at| is_decision(used, at));
    matches!(command, Some(Command::Approve(_))) || used_by(playbook, step).is_some_and(is_in)
}

/// Returns whether a step asks people, or uses a playbook in which they are asked.
fn asks_people(playbook: &Playbook, step: &Step) -> bool {
    let asks = step.invocation().is_some_and(|invocation| invocation.command.asks_people());
    asks || used_by(playbook, step).is_some_and(|used| used.steps.iter().any(|step| asks_people(used, step)))
}

fn used_by<'p>(playbook: &'p Playbook, step: &Step) -> Option<&'p Playbook> {
    let Body::Use(used) = &step.body else { return None };
    Some(&playbook.used.get(&used.path.value)?.checked)
}
