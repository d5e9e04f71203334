//! A step as it is shown.

use firedrill_run::{Debt, DebtKind, Outcome, Phase, Role, Stage, Summary, TaskAt};
use serde::Serialize;

use super::{Execution, View};

/// What a step is doing or came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It waits for what it needs.
    Waiting,
    /// The run came to rest before its turn.
    NotReached,
    /// It waits until nobody else has one of its locks.
    Locking,
    /// Its guards are being asked.
    Guarding,
    /// An attempt is running.
    Running,
    /// People were asked and have not answered.
    Asking,
    /// Outputs and verify of an attempt are being looked at.
    Checking,
    /// A failed attempt is being made harmless.
    CleaningUp,
    /// It waits before its next attempt.
    Pausing,
    /// Its effect is being undone.
    RollingBack,
    /// What it took is being given back.
    Releasing,
    /// Nobody knows whether it had its effect.
    InDoubt,
    /// It failed, and somebody must say what that means.
    Undecided,
    /// It did what it is for.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It did not have to run.
    Skipped,
    /// Its effect was undone.
    RolledBack,
}

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DebtStatus {
    /// Nothing is owed.
    None,
    /// It is owed, and its time has not come.
    Owed,
    /// It is being discharged.
    UnderWay,
    /// It is owed, and its tries are used up.
    Open,
    /// It is discharged.
    Done,
    /// It was given up on purpose.
    Off,
}

/// A step of a run with everything that was executed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// The step's id.
    pub id: String,
    /// One line for people.
    pub title: Option<String>,
    /// What it is doing or came to.
    pub status: Status,
    /// Why it is not well, or was left out.
    pub reason: Option<String>,
    /// Attempts begun.
    pub attempts: u32,
    /// Milliseconds from the start of its first attempt to the end of its last.
    pub took_ms: Option<u64>,
    /// Its cleanup.
    pub cleanup: DebtStatus,
    /// Its rollback.
    pub rollback: DebtStatus,
    /// Its release.
    pub release: DebtStatus,
    /// Everything that was started for it, in order.
    pub executions: Vec<Execution>,
}

impl View {
    /// Returns a step by its index in the plan.
    pub fn step(&self, at: usize) -> StepView {
        let step = &self.plan().steps[at];
        let summary = self.run().summary(at);
        let executions: Vec<Execution> = self.executions_of(&step.id).cloned().collect();
        let status = self.status(&summary);
        StepView {
            id: step.id.clone(),
            title: step.title.clone(),
            status,
            reason: self.reason(&step.id).filter(|_| status.is_unwell()).or(self.left_out(&step.id)).map(str::to_owned),
            attempts: summary.attempts,
            took_ms: took_ms(&executions),
            cleanup: summary.cleanup.into(),
            rollback: summary.rollback.into(),
            release: summary.release.into(),
            executions,
        }
    }

    /// Iterates over the steps in the playbook's order.
    pub fn steps(&self) -> impl Iterator<Item = StepView> {
        (0..self.plan().steps.len()).map(|at| self.step(at))
    }

    /// Returns what a step is doing or came to.
    pub fn status_of(&self, at: usize) -> Status {
        self.status(&self.run().summary(at))
    }

    fn status(&self, summary: &Summary<'_>) -> Status {
        match summary.stage {
            Stage::Waiting | Stage::Deciding | Stage::Locking | Stage::Expanding
                if self.run().phase() == Phase::AtRest =>
            {
                Status::NotReached
            }
            Stage::Waiting | Stage::Deciding | Stage::Expanding => Status::Waiting,
            Stage::Inside if self.run().phase() == Phase::AtRest => Status::Failed,
            Stage::Locking => Status::Locking,
            Stage::Guarding(..) => Status::Guarding,
            Stage::Attempting(task) if matches!(task.at, TaskAt::Asked(_)) => Status::Asking,
            Stage::Inside | Stage::Attempting(_) => Status::Running,
            Stage::Looking(..) | Stage::Verifying(..) | Stage::Salvaging(_) => Status::Checking,
            Stage::Concluding(_) | Stage::Cleaning(_) => Status::CleaningUp,
            Stage::Choosing(_) | Stage::Pausing(_) => Status::Pausing,
            Stage::InDoubt(_) => Status::InDoubt,
            Stage::Undecided(_) => Status::Undecided,
            Stage::Settled(outcome) => settled(*outcome, summary),
        }
    }
}

fn settled(outcome: Outcome, summary: &Summary<'_>) -> Status {
    let under_way: [(DebtKind, &Debt); 3] = [
        (DebtKind::Cleanup, summary.cleanup),
        (DebtKind::Rollback, summary.rollback),
        (DebtKind::Release, summary.release),
    ];
    match (outcome, under_way.iter().find(|(_, debt)| debt.is_under_way())) {
        (_, Some((DebtKind::Cleanup, _))) => Status::CleaningUp,
        (_, Some((DebtKind::Rollback, _))) => Status::RollingBack,
        (_, Some((DebtKind::Release, _))) => Status::Releasing,
        (Outcome::Succeeded, None) if *summary.rollback == Debt::Discharged => Status::RolledBack,
        (Outcome::Succeeded, None) => Status::Succeeded,
        (Outcome::Failed(_), None) => Status::Failed,
        (Outcome::Skipped, None) => Status::Skipped,
        (Outcome::Unreached, None) => Status::NotReached,
    }
}

fn took_ms(executions: &[Execution]) -> Option<u64> {
    let mut attempts = executions.iter().filter(|execution| execution.command.role == Role::Attempt);
    let first = attempts.clone().next()?.started_ms;
    let last = attempts.next_back()?;
    Some(last.started_ms.saturating_sub(first) + last.ms?)
}

impl Status {
    /// Returns the status in the words of the glossary.
    pub fn words(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::NotReached => "not reached",
            Status::Locking => "waiting for a lock",
            Status::Guarding => "asking guards",
            Status::Running => "running",
            Status::Asking => "waiting for people",
            Status::Checking => "checking",
            Status::CleaningUp => "cleaning up",
            Status::Pausing => "waiting to try again",
            Status::RollingBack => "rolling back",
            Status::Releasing => "releasing",
            Status::InDoubt => "in doubt",
            Status::Undecided => "failed, undecided",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
            Status::RolledBack => "rolled back",
        }
    }

    /// Returns whether something about the step did not go well.
    pub(crate) fn is_unwell(self) -> bool {
        matches!(self, Status::Failed | Status::InDoubt | Status::Undecided | Status::CleaningUp | Status::Pausing)
    }
}

impl From<&Debt> for DebtStatus {
    fn from(debt: &Debt) -> DebtStatus {
        match debt {
            Debt::None => DebtStatus::None,
            Debt::Owed => DebtStatus::Owed,
            Debt::Deciding | Debt::Discharging(_) => DebtStatus::UnderWay,
            Debt::Open => DebtStatus::Open,
            Debt::Discharged => DebtStatus::Done,
            Debt::Off => DebtStatus::Off,
        }
    }
}

impl DebtStatus {
    /// Returns the status in words.
    pub fn words(self) -> &'static str {
        match self {
            DebtStatus::None => "nothing owed",
            DebtStatus::Owed => "owed",
            DebtStatus::UnderWay => "under way",
            DebtStatus::Open => "open",
            DebtStatus::Done => "done",
            DebtStatus::Off => "left as it is",
        }
    }
}
