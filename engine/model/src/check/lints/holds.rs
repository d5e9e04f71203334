//! Holds that last too long, and rollbacks that come too late for them.

use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::Graph;
use crate::playbook::{Body, Playbook, Release, Rollback, Step, split_milestone};

/// Warns of what is wrong with each hold.
pub(super) fn of(playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
    let order = Order::of(playbook);
    let holds = playbook.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.release.as_deref()?)));
    holds
        .flat_map(|(at, release)| {
            reading(playbook, &order, at, release).into_iter().chain(late(playbook, &order, at, release))
        })
        .collect()
}

/// Warns of a hold that goes on to the end while the last steps only read.
fn reading(playbook: &Checked<Playbook>, order: &Order, taker: usize, release: &Release) -> Option<Diagnostic> {
    if release.until.is_some() {
        return None;
    }
    let held = order.below(taker);
    let changes: Vec<bool> = (0..playbook.steps.len()).map(|at| !only_reads(playbook, at)).collect();
    if !held.iter().any(|&at| changes[at]) {
        return None;
    }
    let comes_before_change = order.above(&changes);
    let reader = held.iter().find(|&&at| !changes[at] && !comes_before_change[at])?;
    let (taker, reader) = (&playbook.steps[taker], &playbook.steps[*reader]);
    let message = format!("`{}` is still held while `{}` only reads", taker.id.value, reader.id.value);
    let advice =
        "name in `until` the last steps that need the hold: it is then given back as soon as they have settled";
    let diagnostic = Diagnostic::warning(Code::HeldWhileReading, release.hook.span, message);
    Some(diagnostic.note(reader.id.span, "this step changes nothing").help(advice))
}

/// Warns of rollbacks inside a hold that may be due when it has been given back.
fn late(playbook: &Checked<Playbook>, order: &Order, taker: usize, release: &Release) -> Vec<Diagnostic> {
    let Some(mut ends) = ends(&playbook.steps, release) else {
        return Vec::new();
    };
    let block = playbook.steps[taker].parent;
    ends.retain(|&end| playbook.steps[end].parent == block);
    if ends.is_empty() {
        return Vec::new();
    }
    let mut comes_after: Vec<usize> = vec![0; playbook.steps.len()];
    ends.iter().flat_map(|&end| order.below(end)).for_each(|at| comes_after[at] += 1);
    let Some(later) = (0..playbook.steps.len()).find(|&at| comes_after[at] == ends.len()) else {
        return Vec::new();
    };
    let is_end: Vec<bool> = (0..playbook.steps.len()).map(|at| ends.contains(&at)).collect();
    let comes_before_end = order.above(&is_end);
    let mut is_held = vec![false; playbook.steps.len()];
    order.below(taker).into_iter().for_each(|at| is_held[at] = is_end[at] || comes_before_end[at]);
    let is_inside = |&at: &usize| around(&playbook.steps, at).any(|at| is_held[at]);
    let undone = (0..playbook.steps.len()).filter(is_inside);
    let undone = undone.filter_map(|at| Some((&playbook.steps[at], undoing(&playbook.steps[at])?)));
    let (taker, later) = (&playbook.steps[taker].id.value, &playbook.steps[later].id.value);
    let warn = |(step, span): (&Step, _)| {
        let message = format!("if `{later}` fails, `{}` is undone after `{taker}` has been given back", step.id.value);
        let advice =
            format!("let `{taker}` be held until `{later}` has settled, or do without the hold in this rollback");
        Diagnostic::warning(Code::UndoneAfterRelease, span, message).note(release.hook.span, "the release").help(advice)
    };
    undone.map(warn).collect()
}

/// Returns whether a step changes nothing: of a group, whether no member does.
fn only_reads(playbook: &Playbook, at: usize) -> bool {
    let step = &playbook.steps[at];
    match &step.body {
        Body::Command(_) => step.read_only,
        Body::Group(_) => {
            let mut members = (0..playbook.steps.len()).filter(|&member| playbook.steps[member].parent == Some(at));
            members.all(|member| only_reads(playbook, member))
        }
        Body::Use(used) => playbook.used.get(&used.path.value).is_some_and(|file| {
            let steps = file.checked.steps.len();
            (0..steps).all(|member| only_reads(&file.checked, member))
        }),
    }
}

fn undoing(step: &Step) -> Option<crate::source::Span> {
    match step.rollback.as_ref()? {
        Rollback::Hook(hook) => Some(hook.span),
        Rollback::Nothing(_) => None,
    }
}

/// Which step comes after which, or at least after the milestone of which.
pub(super) struct Order<'p> {
    steps: &'p [Step],
    follows: &'p [Vec<usize>],
    /// All steps, each after those that it follows.
    sorted: Vec<usize>,
}

impl<'p> Order<'p> {
    pub(super) fn of(playbook: &'p Checked<Playbook>) -> Self {
        let follows = &playbook.follows;
        let graph = Graph::new(follows.len(), |at| follows[at].iter().copied());
        let sorted = graph.order().expect("a checked playbook has an order");
        Self { steps: &playbook.steps, follows, sorted }
    }

    /// Returns the steps of its block that come after this one, directly or through others, in an order in which they can
    /// run.
    pub(super) fn below(&self, step: usize) -> Vec<usize> {
        let mut is_below = vec![false; self.follows.len()];
        for &at in &self.sorted {
            is_below[at] = self.follows[at].iter().any(|&above| above == step || is_below[above]);
        }
        self.sorted.iter().copied().filter(|&at| is_below[at]).collect()
    }

    /// Returns of each step whether one of these comes after it, directly or through others.
    fn above(&self, are: &[bool]) -> Vec<bool> {
        let mut is_above = vec![false; self.follows.len()];
        for &at in self.sorted.iter().rev().filter(|&&at| !self.follows[at].is_empty()) {
            if are[at] || is_above[at] {
                self.follows[at].iter().for_each(|&above| is_above[above] = true);
            }
        }
        is_above
    }

    /// Returns of each step whether it comes after this one, or the group in which it lies does.
    pub(super) fn all_after(&self, step: usize) -> Vec<bool> {
        let mut is_below = vec![false; self.steps.len()];
        for outer in around(self.steps, step) {
            self.below(outer).into_iter().for_each(|at| is_below[at] = true);
        }
        (0..self.steps.len()).map(|at| around(self.steps, at).any(|outer| is_below[outer])).collect()
    }

    /// Returns whether a step comes after another one, or the group in which it lies does.
    pub(super) fn is_after(&self, later: usize, earlier: usize) -> bool {
        beside(self.steps, earlier, later).is_some_and(|(above, below)| self.below(above).contains(&below))
    }
}

/// Returns the steps that end a hold; none if that is the end of its block.
pub(super) fn ends(steps: &[Step], release: &Release) -> Option<Vec<usize>> {
    let until = release.until.as_ref()?;
    let is_named = |step: &Step| until.value.iter().any(|id| split_milestone(&id.value).0 == step.id.value);
    Some((0..steps.len()).filter(|&at| is_named(&steps[at])).collect())
}

/// Iterates over a step and the groups around it, from the inside.
pub(super) fn around(steps: &[Step], at: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(at), |&at| steps[at].parent)
}

/// Returns the steps of one block that two steps are or lie in; none if one lies in the other.
pub(super) fn beside(steps: &[Step], a: usize, b: usize) -> Option<(usize, usize)> {
    let is_beside = |a: usize, b: usize| a != b && steps[a].parent == steps[b].parent;
    around(steps, a).find_map(|a| Some((a, around(steps, b).find(|&b| is_beside(a, b))?)))
}
