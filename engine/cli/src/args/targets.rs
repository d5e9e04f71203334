//! The arguments of `firedrill targets`.

use std::path::PathBuf;

use clap::Args;

use super::JsonArgs;

#[derive(Debug, Args)]
pub(crate) struct TargetsArgs {
    /// The folder of the playbooks [default: playbooks/, or here]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
