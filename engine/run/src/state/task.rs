//! One try of a command, as the state keeps it.

use crate::task::TaskEnd;

/// One try of a command under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// The number of the try, from 1.
    pub r#try: u32,
    /// How many tries have failed.
    pub failures: u32,
    /// How far it is.
    pub at: TaskAt,
    /// Whether a look that is not met is followed by another.
    pub(crate) poll: Polling,
    /// What the latest look said, if another is to follow.
    pub(crate) seen: Option<TaskEnd>,
}

/// Whether a look that is not met is followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Polling {
    /// Yes, until it is met or its time is over.
    Open,
    /// No: it does not poll, or its time is over.
    Over,
}

/// How far a try is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskAt {
    /// Its texts are not known yet.
    Rendering,
    /// It may be started.
    Due,
    /// It is running.
    InFlight,
    /// An earlier engine meant to start it.
    Unsure,
    /// It ended with this code and is held against what was expected.
    Judging(i32),
    /// Waits before the next try, or before the first look.
    Pausing,
    /// People may be asked.
    Unasked,
    /// People were asked, and so many have approved.
    Asked(u32),
}

impl Task {
    /// Returns whether a process may be there.
    pub fn is_out(&self) -> bool {
        matches!(self.at, TaskAt::InFlight | TaskAt::Unsure)
    }
}
