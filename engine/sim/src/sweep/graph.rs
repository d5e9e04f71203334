//! The states of one fault depth with what follows from them without a fault: whether that can go round, and which verdicts
//! each of them can come to.

use firedrill_run::Verdict;

/// A set of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts(u8);

const ALL: [Verdict; 7] = [
    Verdict::Succeeded,
    Verdict::Skipped,
    Verdict::Refused,
    Verdict::RolledBack,
    Verdict::Failed,
    Verdict::Cancelled,
    Verdict::Stuck,
];

impl Verdicts {
    pub(super) fn only(verdict: Verdict) -> Verdicts {
        Verdicts(1 << verdict as u8)
    }

    pub(super) fn with(self, other: Verdicts) -> Verdicts {
        Verdicts(self.0 | other.0)
    }

    pub(super) fn contains(self, verdict: Verdict) -> bool {
        self.0 & (1 << verdict as u8) != 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Verdict> {
        ALL.into_iter().filter(move |verdict| self.contains(*verdict))
    }
}

/// Passes verdicts back along the free moves of one fault depth, `reach` being by state.
///
/// Returns a state from which the run can go round for ever, if there is one.
pub(super) fn pass_back(members: &[u32], edges: &[(u32, u32)], reach: &mut [Verdicts]) -> Option<u32> {
    let (inner, outer): (Vec<_>, Vec<_>) = {
        let mut is_member = vec![false; reach.len()];
        for &state in members {
            is_member[state as usize] = true;
        }
        edges.iter().partition(|(_, to)| is_member[*to as usize])
    };
    for (from, to) in outer {
        reach[from as usize] = reach[from as usize].with(reach[to as usize]);
    }
    let before = Before::new(&inner, reach.len());
    let mut left = vec![0_u32; reach.len()];
    for &(from, _) in &inner {
        left[from as usize] += 1;
    }
    let mut ends: Vec<u32> = members.iter().copied().filter(|&state| left[state as usize] == 0).collect();
    while let Some(state) = ends.pop() {
        for &from in before.of(state) {
            reach[from as usize] = reach[from as usize].with(reach[state as usize]);
            left[from as usize] -= 1;
            if left[from as usize] == 0 {
                ends.push(from);
            }
        }
    }
    members.iter().copied().find(|&state| left[state as usize] > 0)
}

/// What comes immediately before each state: all in one list, with where each state's part begins.
struct Before {
    begins: Vec<usize>,
    states: Vec<u32>,
}

impl Before {
    fn new(edges: &[(u32, u32)], states: usize) -> Before {
        let mut begins = vec![0; states + 1];
        for &(_, to) in edges {
            begins[to as usize + 1] += 1;
        }
        for at in 0..states {
            begins[at + 1] += begins[at];
        }
        let mut next = begins.clone();
        let mut list = vec![0; edges.len()];
        for &(from, to) in edges {
            list[next[to as usize]] = from;
            next[to as usize] += 1;
        }
        Before { begins, states: list }
    }

    fn of(&self, state: u32) -> &[u32] {
        &self.states[self.begins[state as usize]..self.begins[state as usize + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_come_back_along_every_branch() {
        let mut reach = vec![Verdicts::default(); 5];
        reach[2] = Verdicts::only(Verdict::Succeeded);
        reach[4] = Verdicts::only(Verdict::Stuck);
        let edges = [(0, 1), (1, 2), (0, 3), (3, 4)];
        assert_eq!(pass_back(&[0, 1, 2, 3], &edges, &mut reach), None);
        assert_eq!(reach[0].iter().collect::<Vec<_>>(), [Verdict::Succeeded, Verdict::Stuck]);
        assert_eq!(reach[1].iter().collect::<Vec<_>>(), [Verdict::Succeeded]);
    }

    #[test]
    fn a_run_that_can_go_round_is_found() {
        let mut reach = vec![Verdicts::default(); 3];
        assert_eq!(pass_back(&[0, 1, 2], &[(0, 1), (1, 2), (2, 1)], &mut reach), Some(0));
    }
}
