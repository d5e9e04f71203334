//! Why a command did not do its work, and the exit codes: the table of the semantics.

use std::process::ExitCode;

use firedrill_exec::journal::JournalFileError;
use firedrill_exec::{DriveError, StoreError};
use firedrill_run::Verdict;

/// What the exit code of the process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Succeeded, or nothing had to be done.
    Done,
    /// Failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// The playbook or its inputs are invalid.
    Invalid,
    /// A step failed and nothing is left of what was done.
    RolledBack,
    /// A human is needed.
    Stuck,
    /// A guard was unmet, or something was not as approved, before anything was done.
    Refused,
    /// Nothing can happen before people have answered.
    Waiting,
    /// Somebody stopped it.
    Cancelled,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The reasons were printed already.
    #[error("see above")]
    Told(Status),
    /// The reason in words, with what to do about it.
    #[error("{message}")]
    Said {
        /// What the exit code says.
        status: Status,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// The run store cannot be used as it was meant.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run could not be driven to its rest.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::Said { status: Status::Usage, message: message.into(), help: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Failure {
        Failure::Said { status: Status::Invalid, message: message.into(), help: None }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Failure {
        Failure::Said { status: Status::Failed, message: message.into(), help: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure::Said { status: Status::Refused, message: message.into(), help: None }
    }

    /// Adds what to do about it.
    pub(crate) fn help(self, text: impl Into<String>) -> Failure {
        match self {
            Failure::Said { status, message, .. } => Failure::Said { status, message, help: Some(text.into()) },
            Failure::Told(_) | Failure::Store(_) | Failure::Drive(_) => self,
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            Failure::Told(status) | Failure::Said { status, .. } => *status,
            Failure::Store(StoreError::Unknown { .. } | StoreError::Exists { .. } | StoreError::BadId { .. }) => {
                Status::Usage
            }
            Failure::Store(StoreError::Unplanned { .. } | StoreError::Locked(_)) => Status::Refused,
            Failure::Store(_) => Status::Failed,
            Failure::Drive(DriveError::Interrupted) => Status::Cancelled,
            Failure::Drive(DriveError::AwaitsPeople) => Status::Waiting,
            Failure::Drive(_) => Status::Stuck,
        }
    }

    /// Returns what to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        match self {
            Failure::Said { help, .. } => help.as_deref(),
            Failure::Store(StoreError::Unknown { .. }) => Some("`firedrill runs` lists the runs"),
            Failure::Store(StoreError::Locked(_)) => Some(
                "wait for it with --wait-lock DURATION; `firedrill show RUN` says what it owes, `firedrill locks` lists all",
            ),
            Failure::Store(StoreError::Exists { .. }) => Some("choose another --id, or resume the run that is there"),
            Failure::Drive(
                DriveError::LostEnd { .. }
                | DriveError::PlanChanged { .. }
                | DriveError::Illegal(_)
                | DriveError::Journal(JournalFileError::Content { .. }),
            ) => Some("the run's records were damaged or changed, and nothing was started: keep its folder as it is"),
            Failure::Drive(_) => Some("the run can be resumed: `firedrill resume --last`"),
            Failure::Told(_) | Failure::Store(_) => None,
        }
    }
}

impl Status {
    pub(crate) fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Invalid => 3,
            Status::RolledBack => 4,
            Status::Stuck => 5,
            Status::Refused => 6,
            Status::Waiting => 7,
            Status::Cancelled => 130,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Status {
        match verdict {
            Verdict::Succeeded | Verdict::Skipped => Status::Done,
            Verdict::Failed => Status::Failed,
            Verdict::RolledBack => Status::RolledBack,
            Verdict::Stuck => Status::Stuck,
            Verdict::Refused => Status::Refused,
            Verdict::Cancelled => Status::Cancelled,
        }
    }
}
