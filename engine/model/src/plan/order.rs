//! The order of a plan's steps: what comes after what, and what lies inside a hold.

use super::{Release, Step};

/// Returns the steps inside the hold of a step's release, ascending: what begins after the step and no later than what
/// the release waits for; everything in its block that begins after it, if it waits for the end of that.
pub fn hold(steps: &[Step], owner: usize, release: &Release) -> Vec<usize> {
    let mut inside = vec![false; steps.len()];
    inside[owner] = true;
    for at in topological(steps) {
        inside[at] = inside[at] || steps[at].begun_before().any(|before| inside[before]);
    }
    inside[owner] = false;
    let block = block_of(steps, owner);
    let is_in_block = |at: usize| block.is_none_or(|block| is_inside(steps, at, block));
    let mut is_before: Vec<bool> = (0..steps.len()).map(|at| release.is_open_ended() && is_in_block(at)).collect();
    let mut queue = release.until.clone();
    queue.extend(release.until_reached.iter().map(|signal| signal.step));
    while let Some(at) = queue.pop() {
        if !is_before[at] {
            is_before[at] = true;
            queue.extend(steps[at].begun_before());
        }
    }
    (0..steps.len()).filter(|&at| inside[at] && is_before[at]).collect()
}

/// Writes down for every release what runs inside its hold.
pub(crate) fn add_holds(steps: &mut [Step]) {
    for at in 0..steps.len() {
        let hold = steps[at].release.as_ref().map(|release| hold(steps, at, release));
        if let (Some(release), Some(hold)) = (&mut steps[at].release, hold) {
            release.hold = hold;
        }
    }
}

/// Returns the block in which a step was written: the innermost group around it, its repetition not being one; the
/// playbook if none.
pub fn block_of(steps: &[Step], step: usize) -> Option<usize> {
    let is_repetition = |group: &usize| steps[*group].as_group().is_some_and(|group| group.each.is_some());
    std::iter::successors(steps[step].group, |&around| steps[around].group).find(|around| !is_repetition(around))
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

/// Returns the steps in an order in which every step comes after those that begin before it.
pub fn topological(steps: &[Step]) -> Vec<usize> {
    let mut left: Vec<usize> = steps.iter().map(|step| step.begun_before().count()).collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.begun_before().for_each(|before| dependents[before].push(at));
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
