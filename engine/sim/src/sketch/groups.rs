//! The groups of a sketch.

use std::num::NonZeroU32;

use firedrill_model::plan::{After, Deed, Each, Group, Items, OnFailure, Plan, Step, Tolerance, is_inside};

/// Returns what a group does.
pub(super) fn deed(word: &str) -> Deed {
    let each = |max_parallel, tolerate| {
        Some(Each { name: "item".into(), max_parallel, tolerate, items: Items::Known(Vec::new()) })
    };
    let each = match word {
        "{tol1}" => each(None, Some(Tolerance::Count(1))),
        "{par1}" => each(Some(NonZeroU32::MIN), None),
        _ => None,
    };
    Deed::Group(Box::new(Group { each, ..Group::default() }))
}

/// Returns what a repetition does whose items are worked out while the run goes on.
pub(super) fn deferred(instance: Step) -> Deed {
    let list = super::parts::expression();
    let items = Items::Deferred { list, key: None, after: vec![After::Start], max_items: 4, template: vec![instance] };
    let each = Some(Each { name: "item".into(), max_parallel: None, tolerate: None, items });
    Deed::Group(Box::new(Group { each, ..Group::default() }))
}

/// Returns what the failure of a step does that does not say so itself.
pub(super) fn inherited(plan: &Plan, id: &str) -> OnFailure {
    let group = id.rsplit_once('/').and_then(|(group, _)| plan.steps.iter().find(|step| step.id == group));
    match group.map_or(plan.on_failure, |group| group.on_failure) {
        OnFailure::Continue => OnFailure::Rollback,
        inherited @ (OnFailure::Rollback | OnFailure::Stop | OnFailure::Ask) => inherited,
    }
}

/// Completes the needs of a plan: members need their group's beginning, others its end.
pub(super) fn resolve(steps: &mut [Step]) {
    for at in 0..steps.len() {
        if let Some(group) = steps[at].group
            && !steps[at].needs.iter().any(|&need| is_inside(steps, need, group))
        {
            steps[at].needs.push(group);
        }
    }
    let sinks: Vec<Vec<usize>> = (0..steps.len()).map(|group| sinks(steps, group)).collect();
    for at in 0..steps.len() {
        let ended = steps[at].needs.iter().filter(|&&need| !is_inside(steps, at, need));
        let ends: Vec<usize> = ended.flat_map(|&need| sinks[need].clone()).collect();
        let needs = &mut steps[at].needs;
        needs.extend(ends);
        needs.sort_unstable();
        needs.dedup();
    }
}

/// Returns the members of a group that no member needs.
fn sinks(steps: &[Step], group: usize) -> Vec<usize> {
    let inside: Vec<usize> = (0..steps.len()).filter(|&at| is_inside(steps, at, group)).collect();
    let is_needed = |at: usize| inside.iter().any(|&other| steps[other].needs.contains(&at));
    inside.iter().copied().filter(|&at| !is_needed(at)).collect()
}
