//! Conditions over the states of steps and the verdict.

use firedrill_run::{Debt, Outcome, Run, Stage, Verdict};

use crate::place::named;

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

    /// Returns whether it says something of the verdict.
    pub(super) fn names_verdict(&self) -> bool {
        match self {
            Condition::Verdict(_) => true,
            Condition::StepIs(..) => false,
            Condition::And(all) | Condition::Or(all) => all.iter().any(Condition::names_verdict),
            Condition::Not(condition) => condition.names_verdict(),
        }
    }

    /// Returns what is the case with everything that it speaks of, each said once, in its order.
    pub(super) fn findings(&self, run: &Run) -> Vec<String> {
        let mut findings = Vec::new();
        self.find(run, &mut findings);
        findings
    }

    fn find(&self, run: &Run, findings: &mut Vec<String>) {
        let finding = match self {
            Condition::StepIs(step, status) => {
                let not = if status.is_of(run, *step) { "" } else { "not " };
                let (verb, words) = status.words();
                format!("{} {verb} {not}{words}", named(run.plan(), *step))
            }
            Condition::Verdict(_) => match run.verdict() {
                Some(verdict) => format!("the verdict is {verdict}"),
                None => return,
            },
            Condition::And(all) | Condition::Or(all) => return all.iter().for_each(|each| each.find(run, findings)),
            Condition::Not(condition) => return condition.find(run, findings),
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

impl StepStatus {
    /// Every status with its word in the language.
    pub(super) const WORDS: [(&'static str, StepStatus); 11] = [
        ("waiting", StepStatus::Waiting),
        ("running", StepStatus::UnderWay),
        ("succeeded", StepStatus::Succeeded),
        ("failed", StepStatus::Failed),
        ("skipped", StepStatus::Skipped),
        ("in_doubt", StepStatus::InDoubt),
        ("started", StepStatus::Effective),
        ("cleaned_up", StepStatus::CleanedUp),
        ("rolled_back", StepStatus::RolledBack),
        ("released", StepStatus::Released),
        ("holding", StepStatus::Holding),
    ];

    /// Returns the status as a verb and what follows it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            StepStatus::Waiting => ("is", "waiting"),
            StepStatus::UnderWay => ("is", "running"),
            StepStatus::Succeeded => ("has", "succeeded"),
            StepStatus::Failed => ("has", "failed"),
            StepStatus::Skipped => ("was", "skipped"),
            StepStatus::InDoubt => ("is", "in doubt"),
            StepStatus::Effective => ("has", "started"),
            StepStatus::CleanedUp => ("was", "cleaned up after"),
            StepStatus::RolledBack => ("was", "rolled back"),
            StepStatus::Released => ("was", "released"),
            StepStatus::Holding => ("is", "holding"),
        }
    }

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
