//! The arguments of the commands with which people answer what a run asks: `answer`, `approve`.

use clap::{ArgGroup, Args};

use crate::inputs::Assignment;

pub(super) const ANSWER: &str = "\
Examples:
  firedrill answer move-17 cable --done --by kim
  firedrill answer move-17 cable --done --output port=7 --by kim --note 'rack 12'
  firedrill answer move-17 cable --failed --by kim --note 'no free port'
  firedrill answer move-17 cable.rollback --done --by kim";

pub(super) const APPROVE: &str = "\
Examples:
  firedrill approve move-17 window --by kim
  firedrill approve move-17 window --by kim --shown 3f2a91c0
  firedrill approve move-17 window --by kim --decline --note 'not before the release'

With --shown, the approval is refused if what would be approved is no longer what was shown.";

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("response").required(true).args(["done", "failed"])))]
pub(crate) struct AnswerArgs {
    /// The run
    pub(crate) run: String,
    /// The step that asks, or its hook
    #[arg(value_name = "STEP[.cleanup|.rollback|.release]")]
    pub(crate) what: String,
    /// It is done
    #[arg(long)]
    pub(crate) done: bool,
    /// It could not be done
    #[arg(long)]
    pub(crate) failed: bool,
    /// A value that is asked for; may be repeated
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "failed")]
    pub(crate) output: Vec<Assignment>,
    /// Who answers
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// A remark
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The run
    pub(crate) run: String,
    /// The step that asks
    pub(crate) step: String,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// Decline: the step fails
    #[arg(long)]
    pub(crate) decline: bool,
    /// What was shown, as the question says it; without it, what there is to be shown now
    #[arg(long, value_name = "HASH", conflicts_with = "decline")]
    pub(crate) shown: Option<Digest>,
    /// A remark
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
}

/// The beginning of a hash, long enough to mean one thing only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) String);

impl std::str::FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Digest, String> {
        let is_hash = (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { Ok(Digest(text.to_lowercase())) } else { Err("expected 8 to 64 hexadecimal digits".to_owned()) }
    }
}
