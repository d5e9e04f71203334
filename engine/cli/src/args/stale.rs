//! The arguments of `firedrill stale`.

use std::path::PathBuf;

use clap::Args;
use firedrill_model::units::Duration;

use super::JsonArgs;

#[derive(Debug, Args)]
pub(crate) struct StaleArgs {
    /// The playbooks [default: those in playbooks/, or in the current folder if there is no such folder]
    #[arg(value_name = "PLAYBOOK")]
    pub(crate) files: Vec<PathBuf>,
    /// How long ago the rehearsal may be
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub(crate) max_age: Duration,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
