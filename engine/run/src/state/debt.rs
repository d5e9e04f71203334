//! What a step owes.

use super::Task;

/// The numbers of the latest tries of what may be taken up again, so that no command's name is used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tried {
    /// Of the latest attempt.
    pub(crate) attempt: u32,
    pub(crate) verify: u32,
    pub(crate) cleanup: u32,
    pub(crate) rollback: u32,
    pub(crate) release: u32,
}

/// The obligations of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Debts {
    pub(crate) cleanup: Debt,
    pub(crate) rollback: Debt,
    pub(crate) release: Debt,
}

/// One obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Debt {
    /// Nothing is owed.
    None,
    /// Owed, not begun.
    Owed,
    /// Whether it is needed is being decided.
    Deciding,
    /// Being discharged.
    Discharging(Task),
    /// Owed, and its tries are used up.
    Open,
    /// Done.
    Discharged,
    /// Given up on purpose: `on_failure: stop`, or something irreversible came after.
    Off,
}

/// What keeps rollbacks of earlier steps from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Block {
    /// Nothing.
    None,
    /// A started irreversible step.
    Irreversible,
    /// A rollback that is still owed.
    Rollback,
}

impl Debts {
    pub(crate) const NONE: Debts = Debts { cleanup: Debt::None, rollback: Debt::None, release: Debt::None };
}
