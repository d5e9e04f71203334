//! The command line.

mod examples;
mod people;
mod rehearse;
mod sandbox;
mod stale;
mod sweep;
mod targets;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use firedrill_model::units::Duration;

pub(crate) use self::people::{AnswerArgs, ApproveArgs};
pub(crate) use self::sandbox::SandboxArgs;
pub(crate) use self::stale::StaleArgs;
pub(crate) use self::targets::TargetsArgs;
pub(crate) use self::words::{DecideArgs, RollbackArgs, Ruling, Said, SettleArgs};
use crate::inputs::Assignment;

pub(crate) use rehearse::{MachineArgs, OutletArgs, RehearseArgs};

pub(crate) use sweep::SweepArgs;

/// Runbooks that are proven before you need them
///
/// A playbook is a YAML file. `validate` finds its faults, `plan` shows exactly what it would do, `run` does it and
/// survives crashes, `resume` goes on.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, after_help = examples::EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// When to colour what is printed
    ///
    /// `auto` colours on a terminal, unless `NO_COLOR` is set, or everywhere if `CLICOLOR_FORCE` is.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,
    /// Where runs are kept [default: `$FIREDRILL_HOME` or ~/.local/state/firedrill]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
}

/// When to do something to what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// For whom a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find every fault of playbooks; run nothing
    #[command(after_help = examples::VALIDATE)]
    Validate(ValidateArgs),
    /// Show exactly what a playbook would do; start nothing, write nothing
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Try every fault at every point of a playbook on the engine's state machine; start nothing
    #[command(after_help = sweep::EXAMPLES)]
    Sweep(SweepArgs),
    /// Run a playbook
    ///
    /// The run is recorded before anything is started. It survives a crash of this command, a dropped terminal and a
    /// reboot: `firedrill resume` goes on where it was.
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Go on with a run that was interrupted or is stuck
    ///
    /// What finished meanwhile is taken as it is, what still runs is adopted, what is owed is tried again.
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// List the runs, the newest first
    #[command(after_help = examples::RUNS)]
    Runs(JsonArgs),
    /// List the locks that runs hold, and why they hold them
    #[command(after_help = examples::LOCKS)]
    Locks(JsonArgs),
    /// Show one run: its steps, what is owed, what is in doubt
    #[command(after_help = examples::SHOW)]
    Show(ShowArgs),
    /// Print what the commands of a run have printed
    #[command(after_help = examples::LOGS)]
    Logs(LogsArgs),
    /// Record what a human did about a doubt or an obligation
    ///
    /// Nothing is started: `firedrill resume` goes on afterwards.
    #[command(after_help = examples::SETTLE)]
    Settle(SettleArgs),
    /// Say that what a human was asked to do is done, or failed
    ///
    /// Works while the run goes on, and while none drives it: then it is there for `firedrill resume`.
    #[command(after_help = people::ANSWER)]
    Answer(AnswerArgs),
    /// Approve of what a run waits to do, or decline it
    ///
    /// An approval is for what is shown: the plan, the question, and the steps up to the next decision.
    #[command(after_help = people::APPROVE)]
    Approve(ApproveArgs),
    /// Say what the failure of a step means, where the playbook asks (`on_failure: ask`)
    ///
    /// Nothing is started: `firedrill resume` goes on afterwards.
    #[command(after_help = words::DECIDE)]
    Decide(DecideArgs),
    /// Undo a run that has come to rest: what it did is rolled back, latest first
    ///
    /// Also weeks later, and also after a success. Rollbacks, cleanups and releases are those of the plan that was run.
    #[command(after_help = words::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Find the playbooks that are no longer what was rehearsed
    ///
    /// A playbook is fresh if its newest rehearsal was green and not too long ago, and nothing has changed since: the
    /// playbook, its rehearsal, the files of `bin/`.
    #[command(after_help = examples::STALE)]
    Stale(StaleArgs),
    /// List the targets beside the playbooks
    #[command(after_help = examples::TARGETS)]
    Targets(TargetsArgs),
    /// Print a JSON Schema
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArgs),
    /// Play the scenarios of playbooks in a sandbox, in virtual time
    ///
    /// Each scenario of NAME.rehearsal.yaml is run by the same engine with real processes in a fresh world, and held
    /// against what it expects. Hours pass in a moment, and every time it comes to the same.
    #[command(after_help = examples::REHEARSE)]
    Rehearse(RehearseArgs),
    /// Explain a diagnostic by its code
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Make and change the stand-in foundation that `run --sandbox` works on
    #[command(after_help = sandbox::EXAMPLES)]
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETION)]
    Completion(CompletionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The playbooks
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) deny: Option<Denied>,
    /// Do not warn of this; may be repeated
    #[arg(long, value_name = "CODE")]
    pub(crate) allow: Vec<String>,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// What makes a playbook unfit besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Denied {
    /// Every warning
    Warnings,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The playbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) given: GivenArgs,
    /// Write the plan into a file, too, for `firedrill run --plan`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Estimate how long it takes from earlier drills instead of runs in earnest
    #[arg(long, conflicts_with = "sandbox")]
    pub(crate) drill: bool,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// What a playbook is resolved with.
#[derive(Debug, Args)]
pub(crate) struct GivenArgs {
    /// The value of an input; wins over files; may be repeated
    #[arg(long = "input", short, value_name = "NAME=VALUE")]
    pub(crate) input: Vec<Assignment>,
    /// A YAML file with values of inputs; wins over the target; may be repeated, later ones win
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where the value of a secret comes from; wins over the target; may be repeated
    ///
    /// SOURCE is `env:VARIABLE`, `file:PATH`, or `command:["PROGRAM","ARGUMENT"]` as JSON. The value itself is never given.
    #[arg(long = "secret", value_name = "NAME=SOURCE")]
    pub(crate) secret: Vec<String>,
    /// Take inputs and environment from targets/NAME.yaml beside the playbook, or from this file
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Use the stand-in foundation, with inputs from NAME.rehearsal.yaml beside the playbook
    ///
    /// Its world is kept in DIR, which is made if it is not there [default: sandboxes/foundation in the home]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) sandbox: Option<World>,
}

/// Where the world of the sandbox is kept.
#[derive(Clone, Debug)]
pub(crate) enum World {
    /// In the home.
    Home,
    /// Here.
    At(PathBuf),
}

impl From<&str> for World {
    fn from(dir: &str) -> World {
        if dir.is_empty() { World::Home } else { World::At(dir.into()) }
    }
}

impl World {
    pub(crate) fn dir(&self) -> Option<&Path> {
        match self {
            World::Home => None,
            World::At(dir) => Some(dir),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The playbook
    #[arg(value_name = "FILE", required_unless_present = "plan")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) given: GivenArgs,
    /// Run exactly the plan that `firedrill plan --out` has written, or nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "input", "inputs", "secret", "target", "sandbox", "drill"])]
    pub(crate) plan: Option<PathBuf>,
    /// Confirm that a protected target is meant
    #[arg(long, value_name = "TARGET")]
    pub(crate) confirm: Option<String>,
    /// Mark the run as a drill: it does everything, and its times are kept apart
    #[arg(long, conflicts_with = "sandbox")]
    pub(crate) drill: bool,
    /// The run's id [default: PLAYBOOK-YYYYMMDD-HHMMSS-xxxx, in UTC]
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Leave a step out: it counts as skipped; may be repeated
    #[arg(long, value_name = "STEP", requires = "note", conflicts_with = "plan")]
    pub(crate) skip: Vec<String>,
    /// Why the step is left out: one for each, or one for all
    #[arg(long, value_name = "TEXT", requires = "skip")]
    pub(crate) note: Vec<String>,
    /// Accept that a step cannot be undone; may be repeated
    #[arg(long, value_name = "STEP")]
    pub(crate) accept_irreversible: Vec<String>,
    /// Wait so long for a lock that another run holds, instead of being refused at once
    #[arg(long, value_name = "DURATION")]
    pub(crate) wait_lock: Option<Duration>,
    /// Do not wait for people: exit with 7 as soon as nothing can happen before they have answered
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run
    #[arg(required_unless_present = "last", conflicts_with = "last")]
    pub(crate) run: Option<String>,
    /// Take the newest run
    #[arg(long)]
    pub(crate) last: bool,
    /// Do not wait for people: exit with 7 as soon as nothing can happen before they have answered
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run [default: the newest]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The run
    pub(crate) run: String,
    /// Only of this step, or of one of its hooks
    #[arg(value_name = "STEP[.cleanup|.rollback|.release]")]
    pub(crate) step: Option<String>,
    /// Only standard error
    #[arg(long, conflicts_with = "stdout")]
    pub(crate) stderr: bool,
    /// Only standard output
    #[arg(long)]
    pub(crate) stdout: bool,
    /// Only of this attempt
    #[arg(long, value_name = "N")]
    pub(crate) attempt: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The form it describes; without it, the names are listed
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, such as FD0107
    pub(crate) code: String,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct JsonArgs {
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

impl JsonArgs {
    pub(crate) fn format(self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}
