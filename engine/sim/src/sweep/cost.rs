//! What a move takes from the number of faults left.

use super::fault::FaultKind;

/// What a move takes from the number of faults left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Nothing: it happens in a run without faults too.
    Free,
    /// Nothing either: people say what a failure means. What follows from their word does not follow from the failure.
    Word,
    /// One fault, at this point if it is a point of the plan.
    Fault(Option<usize>),
    /// One fault, after which every further try of the command fails by itself.
    Doom(usize),
    /// One fault, at the point of this kind of every command that is running.
    Global(FaultKind),
}

impl Cost {
    /// Returns how many faults that is.
    pub(super) fn faults(self) -> u32 {
        match self {
            Cost::Free | Cost::Word => 0,
            Cost::Fault(_) | Cost::Doom(_) | Cost::Global(_) => 1,
        }
    }
}
