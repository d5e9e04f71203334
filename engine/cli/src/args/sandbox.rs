//! The command line of `firedrill sandbox`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use firedrill_foundation::pace::Phase;
use firedrill_foundation::{Layout, Situation};

pub(super) const EXAMPLES: &str = "\
Examples:
  firedrill sandbox new
  firedrill sandbox break disk-deleted nfs_server/0
  firedrill sandbox later 10m break agent-silent mysql/1
  firedrill sandbox fault bbr.backup --exit 1 --times 1
  firedrill sandbox show --world /tmp/world
  eval \"$(firedrill sandbox env)\" && bosh deployments
  firedrill sandbox check

Each of these has a help of its own: `firedrill sandbox fault --help`.";

const NEW: &str = "\
Examples:
  firedrill sandbox new
  firedrill sandbox new --world /tmp/world && firedrill run playbooks/director-backup.yaml --sandbox=/tmp/world";

const SHOW: &str = "\
Example:
  firedrill sandbox show";

const ENV: &str = "\
Example:
  eval \"$(firedrill sandbox env)\"
  bosh -d cf-0123456789abcdef0123 instances --ps

Until the shell ends, bbr, bosh, om, cf and curl are the stand-ins, and reach the sandbox.";

const LAYOUT: &str = "\
Examples:
  firedrill sandbox layout small-footprint
  firedrill sandbox layout standard

What was broken in the deployments of before, their disks and the tasks are forgotten. Faults and durations stay.";

const FAULT: &str = "\
Examples:
  firedrill sandbox fault bbr.backup --exit 1
  firedrill sandbox fault bosh.task-step --exit 1 --times 1 --text 'the CPI has timed out'
  firedrill sandbox fault bbr.backup --clear
  firedrill sandbox fault --list

A point is a command, as in `bbr.backup`, `bosh.deploy` and `cf.push`, or a stage inside of one, as in `bbr.unlock`.";

const MEND: &str = "\
Examples:
  firedrill sandbox mend disk-deleted nfs_server/0
  firedrill sandbox mend lb-blocked";

const LATER: &str = "\
Examples:
  firedrill sandbox later 10m break disk-deleted nfs_server/0
  firedrill sandbox later 20m mend bbr-script nfs_server/0

It happens when the first stand-in looks after that time.";

const MARK: &str = "\
Examples:
  firedrill sandbox mark before && firedrill run playbooks/director-backup.yaml --sandbox
  firedrill sandbox diff before";

const DIFF: &str = "\
Examples:
  firedrill sandbox diff
  firedrill sandbox diff before

Without a moment, it is what has changed since the world was made.";

const CHECK: &str = "\
Example:
  firedrill sandbox check

Exits with 1 and says why if there is something.";

const ASSERT: &str = "\
Examples:
  firedrill sandbox assert lock free
  firedrill sandbox assert artifacts 1 whole
  firedrill sandbox assert disk nfs_server/0 mounted
  firedrill sandbox assert calls bbr.backup 1

All that can be asserted stands in docs/sandbox-foundation.md and docs/sandbox-platform.md.";

const SERVE: &str = "\
Example:
  firedrill sandbox serve 10m --port 8080 &
  curl -H 'Host: api.sys.sandbox' http://127.0.0.1:8080/healthz";

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Where the world is kept [default: sandboxes/foundation in the home]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) world: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) verb: SandboxVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxVerb {
    /// Make a healthy world
    #[command(after_help = NEW)]
    New,
    /// Show the world
    #[command(after_help = SHOW)]
    Show,
    /// Print what a shell needs so that bosh and the others meet the world
    #[command(after_help = ENV)]
    Env,
    /// Begin anew with other deployments
    #[command(after_help = LAYOUT)]
    Layout {
        /// Which deployments
        #[arg(value_name = "LAYOUT", value_parser = PossibleValuesParser::new(Layout::ALL.map(Layout::name)))]
        name: String,
    },
    /// Make a stand-in fail
    #[command(after_help = FAULT)]
    Fault(FaultArgs),
    /// Bring about a situation; breaking twice is breaking once
    #[command(after_help = break_help())]
    Break {
        #[command(flatten)]
        situation: SituationArgs,
    },
    /// End a situation
    #[command(after_help = MEND)]
    Mend {
        #[command(flatten)]
        situation: SituationArgs,
    },
    /// Bring about or end a situation when time has passed, while a playbook runs
    #[command(after_help = LATER)]
    Later {
        /// How much time
        #[arg(value_name = "DURATION")]
        time: String,
        /// What happens then
        #[arg(value_name = "break|mend", hide_possible_values = true, value_parser = ["break", "mend"])]
        turn: String,
        #[command(flatten)]
        situation: SituationArgs,
    },
    /// Say how long a phase of a stand-in takes in virtual time
    #[command(after_help = pace_help())]
    Pace(PaceArgs),
    /// Remember the world as it is, for `diff`
    #[command(after_help = MARK)]
    Mark {
        /// A name for the moment
        #[arg(value_name = "MOMENT")]
        name: String,
    },
    /// Print what is no more (-) and what is new (+) since a moment
    #[command(after_help = DIFF)]
    Diff {
        /// The moment
        #[arg(value_name = "MOMENT")]
        name: Option<String>,
    },
    /// Find what is not safe: a lock, a leftover, an artifact that only claims to be whole
    #[command(after_help = CHECK)]
    Check,
    /// Exit with 1 unless something is so
    #[command(after_help = ASSERT)]
    Assert {
        /// What must be so
        #[arg(required = true, value_name = "FACT")]
        words: Vec<String>,
    },
    /// Answer on loopback as the hosts of the platform do, for a while
    #[command(after_help = SERVE)]
    Serve {
        /// How long
        #[arg(value_name = "DURATION")]
        time: String,
        /// The port [default: any that is free]
        #[arg(long)]
        port: Option<u16>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FaultArgs {
    /// Where it fails
    #[arg(required_unless_present = "list")]
    point: Option<String>,
    /// The exit status, from 1 to 255
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), required_unless_present_any = ["clear", "list"])]
    exit: Option<u8>,
    /// How often it fails before it works again [default: always]
    #[arg(long, value_name = "N", requires = "exit")]
    times: Option<u32>,
    /// What it says
    #[arg(long, value_name = "MESSAGE", requires = "exit")]
    text: Option<String>,
    /// Let it work again
    #[arg(long, conflicts_with = "exit")]
    clear: bool,
    /// List the faults that are set
    #[arg(long, conflicts_with_all = ["point", "exit", "clear"])]
    list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PaceArgs {
    /// The phase
    #[arg(required_unless_present = "list", requires = "takes")]
    phase: Option<String>,
    /// How long it takes
    #[arg(value_name = "DURATION")]
    takes: Option<String>,
    /// List the phases, and how long they take
    #[arg(long, conflicts_with = "phase")]
    list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SituationArgs {
    /// The situation, and whom it befalls
    #[arg(required = true, value_name = "SITUATION")]
    words: Vec<String>,
}

fn break_help() -> String {
    let names: Vec<&str> = Situation::names().collect();
    format!(
        "Examples:\n  firedrill sandbox break pending-changes\n  firedrill sandbox break missing-job blobstore\n  \
         firedrill sandbox break disk-deleted nfs_server/0\n  firedrill sandbox break vm-deleted diego_cell\n  \
         firedrill sandbox break bbr-script backup_restore/0\n\n\
         Situations: {}.",
        names.join(", ")
    )
}

fn pace_help() -> String {
    let names: Vec<&str> = Phase::all().map(Phase::name).collect();
    format!(
        "Examples:\n  firedrill sandbox pace bbr.backup 2h\n  firedrill sandbox pace --list\n\nPhases: {}.",
        names.join(", ")
    )
}

impl SandboxVerb {
    /// Returns the words by which the sandbox is told; `None` for a world that is yet to be made.
    pub(crate) fn words(self) -> Option<Vec<String>> {
        let (verb, rest) = match self {
            SandboxVerb::New => return None,
            SandboxVerb::Show => ("show", Vec::new()),
            SandboxVerb::Env => ("env", Vec::new()),
            SandboxVerb::Layout { name } => ("layout", vec![name]),
            SandboxVerb::Fault(fault) => ("fault", fault.words()),
            SandboxVerb::Break { situation } => ("break", situation.words),
            SandboxVerb::Mend { situation } => ("mend", situation.words),
            SandboxVerb::Later { time, turn, situation } => ("later", [vec![time, turn], situation.words].concat()),
            SandboxVerb::Pace(pace) => ("pace", pace.words()),
            SandboxVerb::Mark { name } => ("mark", vec![name]),
            SandboxVerb::Diff { name } => ("diff", Vec::from_iter(name)),
            SandboxVerb::Check => ("check", Vec::new()),
            SandboxVerb::Assert { words } => ("assert", words),
            SandboxVerb::Serve { time, port } => ("serve", [vec![time], option("--port", port)].concat()),
        };
        Some([vec![verb.to_owned()], rest].concat())
    }
}

impl FaultArgs {
    fn words(self) -> Vec<String> {
        let flags = [flag("--list", self.list), flag("--clear", self.clear)];
        let options = [option("--exit", self.exit), option("--times", self.times), option("--text", self.text)];
        [Vec::from_iter(self.point), flags.concat(), options.concat()].concat()
    }
}

impl PaceArgs {
    fn words(self) -> Vec<String> {
        [Vec::from_iter(self.phase), Vec::from_iter(self.takes), flag("--list", self.list)].concat()
    }
}

fn flag(name: &str, is_set: bool) -> Vec<String> {
    if is_set { vec![name.to_owned()] } else { Vec::new() }
}

fn option(name: &str, value: Option<impl ToString>) -> Vec<String> {
    value.map_or_else(Vec::new, |value| vec![name.to_owned(), value.to_string()])
}
