//! Locks seen from outside: what the sweep says of them is worked out from the plan and from what runs, not from what the
//! machine thinks of who has one.

use firedrill_model::plan::is_inside;
use firedrill_run::{Run, Stage};

use super::rule::Rule;
use super::rules::Breach;
use crate::place::named;

/// Returns what it breaks that a command of a step starts: another one that shares a lock must not be at anything.
pub(super) fn broken_by(run: &Run, step: usize) -> Option<Breach> {
    let plan = run.plan();
    if plan.steps.iter().all(|step| step.locks.is_empty()) {
        return None;
    }
    let running = run.in_flight().into_iter().filter_map(|command| plan.step_index(command.step()?.as_str()));
    let doubtful = (0..plan.steps.len()).filter(|&at| matches!(run.summary(at).stage, Stage::InDoubt(_)));
    let (other, name) = running.chain(doubtful).find_map(|other| Some((other, shared(run, step, other)?)))?;
    let why =
        format!("{} is at something while {} is, and both have the lock {name}", named(plan, step), named(plan, other));
    Some(Breach::new(Rule::LocksExclude, why))
}

/// Returns a lock that excludes two steps: each, or a group around it, names it, and neither is around the other.
fn shared(run: &Run, a: usize, b: usize) -> Option<String> {
    let steps = &run.plan().steps;
    let around = |step| std::iter::once(step).chain(run.plan().groups_of(step));
    let is_within = |step, group| step == group || is_inside(steps, step, group);
    around(a).find_map(|p| {
        let others = around(b).filter(|&q| !is_within(a, q) && !is_within(b, p));
        let mut names = others.flat_map(|q| &steps[q].locks);
        names.find(|name| steps[p].locks.contains(name)).cloned()
    })
}
