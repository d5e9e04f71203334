//! Scopes that unwind by themselves, seen from outside: what the rules of the sweep say of them is worked out from the
//! plan and from what the steps have come to, not from what the machine thinks of its scopes.

use firedrill_model::plan::is_inside;
use firedrill_run::{Outcome, Run, Stage};

use super::condition::is_owed;
use super::rules::has_failed;

/// Returns whether a step lies in a scope that has failed and was taken back, while `other` lies outside of it.
pub(super) fn is_absorbed(run: &Run, step: usize, other: Option<usize>) -> bool {
    scopes(run, step).any(|scope| other.is_none_or(|other| !is_within(run, other, scope)) && is_taken_back(run, scope))
}

/// Returns whether a scope around a step has failed and takes itself back, so that nothing of it may start.
pub(super) fn is_failing(run: &Run, step: usize) -> bool {
    scopes(run, step).any(|scope| {
        let inside = (0..run.plan().steps.len()).filter(|&at| is_within(run, at, scope));
        inside.into_iter().any(|at| has_failed(run, at) && scopes(run, at).next() == Some(scope))
    })
}

/// Returns whether a scope has failed, everything in it is over and nothing in it is owed any more.
fn is_taken_back(run: &Run, scope: usize) -> bool {
    has_failed(run, scope)
        && (0..run.plan().steps.len()).filter(|&at| is_within(run, at, scope)).all(|at| {
            let summary = run.summary(at);
            let is_over = matches!(summary.stage, Stage::Settled(_));
            let has_succeeded = *summary.stage == Stage::Settled(Outcome::Succeeded);
            let debts = [summary.cleanup, summary.release];
            is_over && !debts.into_iter().any(is_owed) && (has_succeeded || !is_owed(summary.rollback))
        })
}

/// Iterates over the scopes around a step that unwind by themselves, the innermost first, the step itself included.
fn scopes(run: &Run, step: usize) -> impl Iterator<Item = usize> {
    let around = std::iter::once(step).chain(run.plan().groups_of(step));
    around.filter(|&scope| run.plan().goes_on_after(scope))
}

fn is_within(run: &Run, step: usize, scope: usize) -> bool {
    step == scope || is_inside(&run.plan().steps, step, scope)
}
