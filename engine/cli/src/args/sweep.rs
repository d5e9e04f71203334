//! The command line of `firedrill sweep`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use firedrill_model::rehearsal::SweptKind;

use super::{MachineArgs, OutletArgs};
use crate::inputs::Assignment;

pub(super) const EXAMPLES: &str = "\
Examples:
  firedrill sweep playbooks/director-backup.yaml
  firedrill sweep playbooks/director-backup.yaml --depth 2 --fault exit,crash
  firedrill sweep playbooks/director-backup.yaml --world
  firedrill sweep playbooks/director-backup.yaml --world --mutate
  firedrill sweep playbooks/nfs-disk-recovery.yaml --world --scenario 'the disk was only detached'
  firedrill sweep playbooks/tas-backup.yaml --never \"block_api.holding and verdict == 'succeeded'\"

Inputs come from NAME.rehearsal.yaml beside the playbook, if it is there; --inputs and --input win.
Exits with 1 if something is wrong, and with 3 if the playbook is.";

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// The playbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The value of an input; wins over files; may be repeated
    #[arg(long = "input", short, value_name = "NAME=VALUE")]
    pub(crate) input: Vec<Assignment>,
    /// A YAML file with values of inputs; may be repeated, later ones win
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Faults in one history at the most [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<u32>,
    /// States visited at the most
    #[arg(long, value_name = "STATES", default_value_t = firedrill_sim::Sweep::STATES)]
    pub(crate) budget: usize,
    /// The kinds of faults that are tried, separated by commas [default: all]
    #[arg(long = "fault", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    pub(crate) faults: Vec<String>,
    /// What must be so in every state, such as "not copy.running or lock.holding"; may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub(crate) always: Vec<String>,
    /// What must be so in no state, such as "lock.holding and verdict == 'succeeded'"; may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub(crate) never: Vec<String>,
    /// Show every fault point and every story
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) in_worlds: WorldArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) outlet: OutletArgs,
}

/// How a sweep goes in the sandbox.
#[derive(Debug, Args)]
pub(crate) struct WorldArgs {
    /// Run the playbook in the sandbox under every fault instead, with real processes in virtual time
    ///
    /// Every fault point of the plan is struck in a world of its own, and the invariants and the rehearsal's `check` are asked
    /// afterwards. Needs NAME.rehearsal.yaml.
    #[arg(long, conflicts_with_all = ["always", "never", "budget", "input", "inputs"])]
    pub(crate) world: bool,
    /// Begin in the situation of this scenario, instead of the one that the rehearsal names
    #[arg(long, value_name = "NAME", requires = "world")]
    pub(crate) scenario: Option<String>,
    /// Leave out each release, cleanup, rollback, guard, verify and so on in turn, and list what nothing misses
    #[arg(long, requires = "world")]
    pub(crate) mutate: bool,
    /// Run every fault from the very beginning in a new world, instead of from where it begins to matter
    ///
    /// What comes before a fault is the same in every run, so it is executed once and its world is put back. This comes to
    /// the same in twice the time, unless stand-ins remember something outside of their world.
    #[arg(long, requires = "world")]
    pub(crate) fresh: bool,
}

impl SweepArgs {
    /// Returns the kinds of faults that were asked for; all, if none was.
    pub(crate) fn kinds(&self) -> Vec<SweptKind> {
        let is_wanted = |kind: &SweptKind| self.faults.is_empty() || self.faults.iter().any(|name| name == kind.word());
        SweptKind::ALL.into_iter().filter(is_wanted).collect()
    }
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(SweptKind::ALL.map(SweptKind::word))
}
