//! What is looked for in every run of every plan, in an operator's words, and what can be done about it.

/// Something that a run must not come to, or that its author should have thought of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Every run comes to rest.
    ComesToRest,
    /// A step starts only after everything it needs.
    NeedsAreMet,
    /// An attempt is repeated only with a licence.
    RepeatsAreLicensed,
    /// Once a run unwinds, no step starts.
    UnwindingStartsNothing,
    /// A step is rolled back only after the steps that need it.
    DependentsFirst,
    /// What is owed at rest is named by the verdict.
    ObligationsAreTold,
    /// What a step took is given back in every end, or the verdict says that it is not.
    ReleasesHappen,
    /// What is left of a change is said by the verdict.
    NothingIsHidden,
    /// A run is at rest only when nothing of it runs.
    RestIsQuiet,
    /// Of steps that share a lock only one is at something.
    LocksExclude,
    /// A property of the playbook's own.
    Property {
        /// The property as it is printed.
        text: String,
        /// Which states it is about.
        states: States,
    },
    /// A release is not left out once its step may have taken something.
    ReleasesRun,
    /// What was done inside a hold is rolled back inside it.
    RollbacksInsideHolds,
    /// Something runs inside every hold.
    HoldsCover,
    /// Nothing cuts off a rollback that is declared.
    RollbacksStand,
    /// No attempt stays in doubt.
    DoubtsAreSettled,
}

/// Which states a property is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum States {
    /// Every state.
    All,
    /// Runs at rest.
    AtRest,
}

/// What it means that a rule is gone against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It must not be.
    Violation,
    /// It may be meant: the verdict tells of it, or the playbook says so.
    Advice,
}

impl Rule {
    /// Returns what it means that this is gone against.
    pub fn weight(&self) -> Weight {
        match self {
            Rule::ComesToRest
            | Rule::NeedsAreMet
            | Rule::RepeatsAreLicensed
            | Rule::UnwindingStartsNothing
            | Rule::DependentsFirst
            | Rule::ObligationsAreTold
            | Rule::ReleasesHappen
            | Rule::NothingIsHidden
            | Rule::RestIsQuiet
            | Rule::LocksExclude
            | Rule::Property { .. } => Weight::Violation,
            Rule::ReleasesRun
            | Rule::RollbacksInsideHolds
            | Rule::HoldsCover
            | Rule::RollbacksStand
            | Rule::DoubtsAreSettled => Weight::Advice,
        }
    }

    /// Returns the rule as a sentence.
    pub fn words(&self) -> &str {
        match self {
            Rule::ComesToRest => "every run comes to rest",
            Rule::NeedsAreMet => "a step starts only after everything it needs",
            Rule::RepeatsAreLicensed => "an attempt is repeated only with a licence",
            Rule::UnwindingStartsNothing => "once a run unwinds, no step starts",
            Rule::DependentsFirst => "a step is rolled back only after the steps that need it",
            Rule::ObligationsAreTold => "what is owed at rest is named by the verdict",
            Rule::ReleasesHappen => "what a step took is given back in every end, or the verdict says that it is not",
            Rule::NothingIsHidden => "what is left of a change is said by the verdict",
            Rule::RestIsQuiet => "a run is at rest only when nothing of it runs",
            Rule::LocksExclude => "of steps that share a lock only one is at something",
            Rule::Property { text, .. } => text,
            Rule::ReleasesRun => "a release is not left out once its step may have taken something",
            Rule::RollbacksInsideHolds => "what was done inside a hold is rolled back inside it",
            Rule::HoldsCover => "something runs inside every hold",
            Rule::RollbacksStand => "nothing cuts off a rollback that is declared",
            Rule::DoubtsAreSettled => "no attempt stays in doubt",
        }
    }

    /// Returns what to change in the playbook.
    pub fn hint(&self) -> &'static str {
        match self {
            Rule::ComesToRest
            | Rule::NeedsAreMet
            | Rule::UnwindingStartsNothing
            | Rule::DependentsFirst
            | Rule::ObligationsAreTold
            | Rule::NothingIsHidden
            | Rule::LocksExclude
            | Rule::RestIsQuiet => {
                "nothing: the engine promises this for every playbook. Please report it with the playbook"
            }
            Rule::RepeatsAreLicensed => {
                "give the step a `cleanup`, or say `idempotent: true` if it is; and please report it: the engine promises this"
            }
            Rule::ReleasesHappen => {
                "let the `release` of the step wait for fewer steps; and please report it: the engine promises this"
            }
            Rule::Property { states: States::All, .. } => {
                "which steps run at once is decided by their `needs`, and how long something is held by `until`"
            }
            Rule::Property { states: States::AtRest, .. } => {
                "a `release` is run in every end, a `rollback` after every failure, a `cleanup` after every failed \
                 attempt: what must never be left belongs into one of them, not into a later step"
            }
            Rule::ReleasesRun => {
                "drop the `when` of the `release`: giving back what was not taken should do no harm. If it does, make sure \
                 that `when` is false only if nothing was taken"
            }
            Rule::RollbacksInsideHolds => {
                "let the hold last: name in `until` the last step whose failure should still be undone, or drop `until`"
            }
            Rule::HoldsCover => "add the step to the `needs` of the steps that need what it takes",
            Rule::RollbacksStand => {
                "put the point of no return after everything that may still fail, or drop the rollbacks that cannot run"
            }
            Rule::DoubtsAreSettled => {
                "`idempotent: true`, a `cleanup` or a `rollback` make it harmless; a `verify` that holds settles it, too"
            }
        }
    }
}
