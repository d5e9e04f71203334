//! The arguments of `firedrill rehearse`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use firedrill_model::units::Duration;
use firedrill_run::injection::Injection;

use super::JsonArgs;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct RehearseArgs {
    /// Rehearsals, or the playbooks beside them [default: *.rehearsal.yaml in playbooks/ or here]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only scenarios with this in their name; may be repeated
    ///
    /// With `--fault`, the whole name of the one in whose situation the run begins.
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<String>,
    /// Instead of the scenarios, one run with this fault; may be repeated
    ///
    /// PLACE:KIND[#NTH[xTIMES]], as a sweep prints them: `backup.attempt:timeout`, `backup.cleanup:exit=3`,
    /// `@.guard-no_tasks:does_not_hold`, `record=17:crash_after`, `age=10m:cancel`. Exits with 1 unless it ends safe.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<Injection>,
    /// Refused: a rehearsal has its own inputs
    #[arg(long, hide = true, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Print everything that happens, as `run` does
    #[arg(long)]
    pub(crate) trace: bool,
    /// Keep the worlds and runs, and say where they are
    #[arg(long)]
    pub(crate) keep: bool,
    /// Rehearse again whenever the playbook, its rehearsal or its bin/ changes
    #[arg(long, conflicts_with_all = ["json", "junit"])]
    pub(crate) watch: bool,
    /// List what no scenario has exercised
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Fail unless scenarios exercise so much of each playbook
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) min_coverage: Option<u8>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) outlet: OutletArgs,
}

/// How much of the machine a rehearsal takes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MachineArgs {
    /// How many worlds there are at once [default: two a core]; on the state machine, how many threads [one a core]
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// How long, in real time, a command may neither end nor wait on the virtual clock
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub(crate) watchdog: Duration,
}

/// What is written for machines.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutletArgs {
    #[command(flatten)]
    pub(crate) json: JsonArgs,
    /// Write the results as an XML report of test cases (`JUnit`), too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Print annotations for GitHub workflows, too [default: if `GITHUB_ACTIONS` is `true`]
    #[arg(long)]
    pub(crate) annotations: bool,
}
