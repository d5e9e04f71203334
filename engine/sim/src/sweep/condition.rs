//! What a playbook's author says must always or never be so, over the states of steps and the verdict.

use firedrill_run::{Debt, Outcome, Run, Stage, Verdict};

/// Something that must hold in every state, or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The author's words for it.
    pub name: String,
    /// Whether it must always or never be so.
    pub quantifier: Quantifier,
    /// What.
    pub condition: Condition,
}

/// How often a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// In every state.
    Always,
    /// In no state.
    Never,
}

/// A condition over one state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The step, by its index in the plan, is like this.
    StepIs(usize, StepStatus),
    /// The run is at rest with this verdict.
    Verdict(Verdict),
    /// Each holds.
    And(Vec<Condition>),
    /// At least one holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// What can be said of a step. Several may be so at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// Its needs have not settled.
    Waiting,
    /// Between the settling of its needs and its own.
    UnderWay,
    /// It did what it is for.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It did not have to run.
    Skipped,
    /// Nobody knows whether it had its effect.
    InDoubt,
    /// It may have had an effect.
    Effective,
    /// Its latest cleanup has succeeded.
    CleanedUp,
    /// It was rolled back.
    RolledBack,
    /// It has given back what it took.
    Released,
    /// It has not yet given back what it took.
    Holding,
}

impl Property {
    /// Returns whether a state goes against the property.
    pub(super) fn is_broken(&self, run: &Run) -> bool {
        match self.quantifier {
            Quantifier::Always => !self.condition.holds(run),
            Quantifier::Never => self.condition.holds(run),
        }
    }

    /// Returns what a state that goes against the property means.
    pub(super) fn why(&self) -> &'static str {
        match self.quantifier {
            Quantifier::Always => "this is no longer so",
            Quantifier::Never => "this has come about",
        }
    }

    /// Returns whether only states at rest can go against the property.
    pub(super) fn is_about_rest(&self) -> bool {
        match (self.quantifier, &self.condition) {
            (Quantifier::Never, condition) => condition.implies_rest(),
            (Quantifier::Always, Condition::Not(condition)) => condition.implies_rest(),
            (Quantifier::Always, _) => false,
        }
    }
}

impl Condition {
    /// Returns whether the condition holds in the present state of a run.
    pub fn holds(&self, run: &Run) -> bool {
        match self {
            Condition::StepIs(step, status) => status.is_of(run, *step),
            Condition::Verdict(verdict) => run.verdict() == Some(*verdict),
            Condition::And(all) => all.iter().all(|condition| condition.holds(run)),
            Condition::Or(any) => any.iter().any(|condition| condition.holds(run)),
            Condition::Not(condition) => !condition.holds(run),
        }
    }

    fn implies_rest(&self) -> bool {
        match self {
            Condition::Verdict(_) => true,
            Condition::And(all) => all.iter().any(Condition::implies_rest),
            Condition::Or(any) => any.iter().all(Condition::implies_rest),
            Condition::StepIs(..) | Condition::Not(_) => false,
        }
    }
}

impl StepStatus {
    fn is_of(self, run: &Run, step: usize) -> bool {
        let summary = run.summary(step);
        match self {
            StepStatus::Waiting => *summary.stage == Stage::Waiting,
            StepStatus::UnderWay => !matches!(summary.stage, Stage::Waiting | Stage::InDoubt(_) | Stage::Settled(_)),
            StepStatus::Succeeded => *summary.stage == Stage::Settled(Outcome::Succeeded),
            StepStatus::Failed => matches!(summary.stage, Stage::Settled(Outcome::Failed(_))),
            StepStatus::Skipped => *summary.stage == Stage::Settled(Outcome::Skipped),
            StepStatus::InDoubt => matches!(summary.stage, Stage::InDoubt(_)),
            StepStatus::Effective => summary.is_effective,
            StepStatus::CleanedUp => *summary.cleanup == Debt::Discharged,
            StepStatus::RolledBack => *summary.rollback == Debt::Discharged,
            StepStatus::Released => *summary.release == Debt::Discharged,
            StepStatus::Holding => summary.is_effective && is_owed(summary.release),
        }
    }
}

/// Returns whether an obligation exists and is not discharged.
pub(super) fn is_owed(debt: &Debt) -> bool {
    debt.is_open() || debt.is_under_way()
}
