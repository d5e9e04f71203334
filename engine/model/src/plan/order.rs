//! The order of a plan's steps: what comes after what, and what lies inside a hold.

use super::Step;

/// Returns the steps inside the hold of a step's release, ascending: what depends on the step and comes no later than
/// `until`; everything in its block that depends on it, if `until` is empty.
pub fn hold(steps: &[Step], owner: usize, until: &[usize]) -> Vec<usize> {
    let mut inside = vec![false; steps.len()];
    inside[owner] = true;
    for at in topological(steps) {
        inside[at] = inside[at] || steps[at].needs.iter().any(|&need| inside[need]);
    }
    inside[owner] = false;
    let block = steps[owner].group;
    let is_in_block = |at: usize| block.is_none_or(|block| is_inside(steps, at, block));
    let mut is_before: Vec<bool> = (0..steps.len()).map(|at| until.is_empty() && is_in_block(at)).collect();
    let mut queue = until.to_vec();
    while let Some(at) = queue.pop() {
        if !is_before[at] {
            is_before[at] = true;
            queue.extend(&steps[at].needs);
        }
    }
    (0..steps.len()).filter(|&at| inside[at] && is_before[at]).collect()
}

/// Returns the members of a group, also those of groups inside of it, that no other member needs, ascending.
pub(crate) fn sinks(steps: &[Step], group: usize) -> Vec<usize> {
    let inside: Vec<usize> = (group + 1..steps.len()).take_while(|&at| is_inside(steps, at, group)).collect();
    let needed: std::collections::BTreeSet<usize> = inside.iter().flat_map(|&at| &steps[at].needs).copied().collect();
    inside.into_iter().filter(|at| !needed.contains(at)).collect()
}

/// Returns whether a step belongs to a group, directly or through groups inside of it.
pub fn is_inside(steps: &[Step], step: usize, group: usize) -> bool {
    std::iter::successors(steps[step].group, |&around| steps[around].group).any(|around| around == group)
}

/// Returns the steps in an order in which every step comes after those it needs.
pub fn topological(steps: &[Step]) -> Vec<usize> {
    let mut left: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.needs.iter().for_each(|&need| dependents[need].push(at));
    }
    let mut order: Vec<usize> = (0..steps.len()).filter(|&at| left[at] == 0).collect();
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        for &dependent in &dependents[at] {
            left[dependent] -= 1;
            if left[dependent] == 0 {
                order.push(dependent);
            }
        }
    }
    order
}
