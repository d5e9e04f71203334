//! The arguments of the commands with which people say something about a run: `settle`, `decide`, `rollback`.

use clap::{Args, ValueEnum};

use super::JsonArgs;
use crate::inputs::Assignment;

pub(super) const DECIDE: &str = "\
Examples:
  firedrill decide nightly-42 backup retry --by kim --note 'the disk has room again'
  firedrill decide nightly-42 backup done --output artifact=/mnt/x --by kim --note 'copied by hand'
  firedrill decide nightly-42 backup rollback --by kim --note 'not tonight'
  firedrill decide nightly-42 backup stop --by kim --note 'leave it for the day shift'";

pub(super) const ROLLBACK: &str = "\
Examples:
  firedrill rollback move-segment-17 --by kim --note 'the segment is back'

The exit code says how the run ended: see `firedrill --help`. 4 means that nothing of what it did is left.";

#[derive(Debug, Args)]
pub(crate) struct SettleArgs {
    /// The run
    pub(crate) run: String,
    /// The step that is in doubt, or the obligation that is owed
    #[arg(value_name = "STEP[.cleanup|.rollback|.release]")]
    pub(crate) what: String,
    /// What became of it
    #[arg(long = "as", value_name = "WHAT", value_enum)]
    pub(crate) done: Said,
    /// An output of a step that is done; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) output: Vec<Assignment>,
    /// Who says so
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// How this is known
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
}

/// What a human says of a doubt or an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Said {
    /// It is done
    Done,
    /// It is not done
    NotDone,
}

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The run
    pub(crate) run: String,
    /// The step that failed
    pub(crate) step: String,
    /// What its failure means
    #[arg(value_enum)]
    pub(crate) ruling: Ruling,
    /// An output of a step that is done; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) output: Vec<Assignment>,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
}

/// What a human says of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ruling {
    /// Attempt it again
    Retry,
    /// It was done by other means
    Done,
    /// Undo what was done
    Rollback,
    /// Leave what was done, give back what was taken
    Stop,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run
    pub(crate) run: String,
    /// Who asks
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
    /// Do not wait for people: exit with 7 as soon as nothing can happen before they have answered
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
