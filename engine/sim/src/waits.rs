//! The waits of a run without a clock: each may be over at any moment, and few of the looks of a poll are worth one.

use firedrill_run::{CommandId, Run, StepId, Wait};

/// How many looks a poll is given: the last answer counts, so a third could lead nowhere that two do not.
const LOOKS: u32 = 2;

/// Returns the waits that may be over next, deadlines left out: in a run without faults nothing takes long.
///
/// The time of a poll ends between two looks only: while one is out its end would change nothing but the order. That nobody
/// answers a question is for the people around the run to choose, see [`crate::people`].
pub(crate) fn waits(run: &Run) -> Vec<Wait> {
    let pauses = run.pauses().into_iter().map(|pause| pause.wait);
    let pauses: Vec<Wait> = pauses.filter(|wait| !matches!(wait, Wait::Deadline(_))).collect();
    let is_between = |first: &CommandId| {
        pauses.iter().any(|wait| matches!(wait, Wait::Look(next) if CommandId { r#try: 1, ..next.clone() } == *first))
    };
    let is_worth = |wait: &&Wait| match wait {
        Wait::Look(next) => next.r#try <= LOOKS,
        Wait::Within(first) => is_between(first),
        Wait::Attempt(_) | Wait::Hook(..) | Wait::Deadline(_) => true,
        Wait::Answer(_) => false,
    };
    pauses.iter().filter(is_worth).cloned().collect()
}

/// Returns the steps whose deadlines may be over next.
pub(crate) fn deadlines(run: &Run) -> impl Iterator<Item = StepId> {
    run.pauses().into_iter().filter_map(|pause| match pause.wait {
        Wait::Deadline(step) => Some(step),
        Wait::Attempt(_) | Wait::Hook(..) | Wait::Look(_) | Wait::Within(_) | Wait::Answer(_) => None,
    })
}
