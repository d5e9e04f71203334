//! bbr's command line: flags of `director` before the subcommand, flags of the subcommand after it.

/// How much bbr logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Verbosity {
    #[default]
    Normal,
    Debug,
}

/// What `bbr` was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    Help,
    Version,
    UnknownCommand(String),
    /// The flags of bbr itself are wrong.
    Usage(String),
    Director(Access, Action),
    /// The flags of `director` themselves are wrong.
    DirectorUsage(String),
    Deployment(DeploymentAccess, Action),
    /// The flags of `deployment` themselves are wrong.
    DeploymentUsage(String),
}

/// How the director of a deployment is reached, and for which deployments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DeploymentAccess {
    pub(super) target: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) deployment: String,
    pub(super) is_for_all: bool,
    pub(super) verbosity: Verbosity,
    /// Help is wanted of a subcommand.
    pub(super) wants_help: bool,
    /// Help is wanted of `deployment` itself.
    pub(super) wants_own_help: bool,
}

impl DeploymentAccess {
    /// Returns what bbr says of a flag that is missing or one too many. It checks few of them when help is wanted.
    pub(super) fn refusal(&self) -> Option<String> {
        let required = [("target", &self.target), ("username", &self.username), ("password", &self.password)];
        let missing = required.into_iter().find(|(_, value)| value.is_empty() && !self.wants_help);
        if let Some((name, _)) = missing {
            return Some(format!("--{name} flag is required."));
        }
        let is_clear = self.deployment.is_empty() == self.is_for_all;
        (!is_clear).then(|| "provide one of '--deployment' or '--all-deployments' flags.".to_owned())
    }

    fn from_environment() -> DeploymentAccess {
        let value = |name: &str| std::env::var(name).unwrap_or_default();
        DeploymentAccess {
            target: value("BOSH_ENVIRONMENT"),
            username: value("BOSH_CLIENT"),
            password: value("BOSH_CLIENT_SECRET"),
            deployment: value("BOSH_DEPLOYMENT"),
            ..DeploymentAccess::default()
        }
    }
}

/// How the director's VM is reached.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) host: String,
    pub(super) username: String,
    pub(super) key: String,
    pub(super) verbosity: Verbosity,
    pub(super) wants_help: bool,
}

impl Access {
    /// Returns the first flag that is required and missing. bbr checks none of them when help is wanted.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let required = [("host", &self.host), ("username", &self.username), ("private-key-path", &self.key)];
        required.into_iter().find(|(_, value)| value.is_empty() && !self.wants_help).map(|(name, _)| name)
    }
}

/// The subcommand of `bbr director`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// There is no subcommand.
    Help,
    /// The subcommand is `help`.
    Overview,
    Unknown(String),
    Run(Subcommand, Result<Options, Refusal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subcommand {
    PreBackupCheck,
    Backup,
    Restore,
    BackupCleanup,
    RestoreCleanup,
}

impl Subcommand {
    pub(super) const ALL: [Subcommand; 5] = [
        Subcommand::PreBackupCheck,
        Subcommand::Backup,
        Subcommand::Restore,
        Subcommand::BackupCleanup,
        Subcommand::RestoreCleanup,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Subcommand::PreBackupCheck => "pre-backup-check",
            Subcommand::Backup => "backup",
            Subcommand::Restore => "restore",
            Subcommand::BackupCleanup => "backup-cleanup",
            Subcommand::RestoreCleanup => "restore-cleanup",
        }
    }

    /// Returns its name among all subcommands.
    fn of_deployment(self) -> &'static str {
        match self {
            Subcommand::PreBackupCheck => "deployment.pre-backup-check",
            Subcommand::Backup => "deployment.backup",
            Subcommand::Restore => "deployment.restore",
            Subcommand::BackupCleanup => "deployment.backup-cleanup",
            Subcommand::RestoreCleanup => "deployment.restore-cleanup",
        }
    }

    pub(super) fn alias(self) -> Option<&'static str> {
        match self {
            Subcommand::PreBackupCheck => Some("c"),
            Subcommand::Backup => Some("b"),
            Subcommand::Restore => Some("r"),
            Subcommand::BackupCleanup | Subcommand::RestoreCleanup => None,
        }
    }

    fn named(name: &str) -> Option<Subcommand> {
        Subcommand::ALL.into_iter().find(|one| one.name() == name || one.alias() == Some(name))
    }

    fn takes_artifact_path(self) -> bool {
        matches!(self, Subcommand::Backup | Subcommand::Restore)
    }
}

/// The flags behind a subcommand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) artifact_path: String,
    pub(super) with_manifest: bool,
    pub(super) locking: Locking,
}

/// Whether a backup locks what it backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Locking {
    #[default]
    Wanted,
    Skipped,
}

/// Whose subcommand it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Director,
    Deployment,
}

/// Why a subcommand prints its usage instead of running.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    HelpWanted,
    UnknownFlag(String),
    MissingValue(String),
}

impl Invocation {
    pub(super) fn parse(args: &[String]) -> Invocation {
        let Some((command, rest)) = args.split_first() else {
            return Invocation::Help;
        };
        match command.as_str() {
            "help" | "h" => Invocation::Help,
            "version" | "v" | "--version" | "-v" => Invocation::Version,
            "--help" | "-h" => Invocation::Usage("flag: help requested".into()),
            flag if flag.starts_with('-') && flag.len() > 1 => {
                let name = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
                Invocation::Usage(format!("flag provided but not defined: -{name}"))
            }
            "deployment" => deployment(rest),
            "director" => director(rest),
            other => Invocation::UnknownCommand(other.to_owned()),
        }
    }

    /// Returns the key under which the ledger and the fault points know the invocation.
    pub(super) fn key(&self) -> String {
        let subcommand = match self {
            Invocation::Version => "version",
            Invocation::Director(_, Action::Run(subcommand, _)) => subcommand.name(),
            Invocation::Deployment(_, Action::Run(subcommand, _)) => subcommand.of_deployment(),
            Invocation::Deployment(..) | Invocation::DeploymentUsage(_) => "deployment",
            Invocation::Help
            | Invocation::Usage(_)
            | Invocation::UnknownCommand(_)
            | Invocation::Director(..)
            | Invocation::DirectorUsage(_) => "help",
        };
        format!("bbr.{subcommand}")
    }
}

fn director(args: &[String]) -> Invocation {
    let mut access = Access::default();
    let mut flags = Flags::new(args);
    loop {
        match flags.next() {
            Next::Flag(name, inline) => {
                if let Err(refusal) = set(&mut access, &name, inline, &mut flags) {
                    return Invocation::DirectorUsage(refusal);
                }
            }
            Next::Rest(rest) => {
                access.wants_help |= wants_help(rest);
                return Invocation::Director(access, action(Of::Director, rest));
            }
        }
    }
}

fn wants_help(rest: &[String]) -> bool {
    rest.iter().any(|arg| arg == "--help" || arg == "-h")
}

fn deployment(args: &[String]) -> Invocation {
    let mut access = DeploymentAccess::from_environment();
    let mut flags = Flags::new(args);
    loop {
        match flags.next() {
            Next::Flag(name, inline) => {
                if let Err(refusal) = set_of_deployment(&mut access, &name, inline, &mut flags) {
                    return Invocation::DeploymentUsage(refusal);
                }
            }
            Next::Rest(rest) => {
                access.wants_help |= wants_help(rest);
                return Invocation::Deployment(access, action(Of::Deployment, rest));
            }
        }
    }
}

fn set_of_deployment(
    access: &mut DeploymentAccess,
    name: &str,
    inline: Option<String>,
    flags: &mut Flags,
) -> Result<(), String> {
    let mut authority = String::new();
    let target = match name {
        "debug" => {
            access.verbosity = Verbosity::Debug;
            return Ok(());
        }
        "all-deployments" => {
            access.is_for_all = true;
            return Ok(());
        }
        "help" | "h" => {
            access.wants_own_help = true;
            return Ok(());
        }
        "target" | "t" => &mut access.target,
        "username" | "u" => &mut access.username,
        "password" | "p" => &mut access.password,
        "deployment" | "d" => &mut access.deployment,
        // The sandbox has no certificates.
        "ca-cert" => &mut authority,
        other => return Err(format!("flag provided but not defined: -{other}")),
    };
    *target = inline.or_else(|| flags.value()).ok_or_else(|| format!("flag needs an argument: -{name}"))?;
    Ok(())
}

fn set(access: &mut Access, name: &str, inline: Option<String>, flags: &mut Flags) -> Result<(), String> {
    let target = match name {
        "debug" => {
            access.verbosity = Verbosity::Debug;
            return Ok(());
        }
        "help" | "h" => {
            access.wants_help = true;
            return Ok(());
        }
        "host" => &mut access.host,
        "username" | "u" => &mut access.username,
        "private-key-path" | "key" => &mut access.key,
        other => return Err(format!("flag provided but not defined: -{other}")),
    };
    *target = inline.or_else(|| flags.value()).ok_or_else(|| format!("flag needs an argument: -{name}"))?;
    Ok(())
}

fn action(of: Of, rest: &[String]) -> Action {
    let Some((name, rest)) = rest.split_first() else {
        return Action::Help;
    };
    match Subcommand::named(name) {
        Some(subcommand) => Action::Run(subcommand, options(of, subcommand, rest)),
        None if name == "help" || name == "h" => match rest.first() {
            None => Action::Overview,
            Some(topic) => Subcommand::named(topic).map_or_else(
                || Action::Unknown(topic.clone()),
                |subcommand| Action::Run(subcommand, Err(Refusal::HelpWanted)),
            ),
        },
        None => Action::Unknown(name.clone()),
    }
}

fn options(of: Of, subcommand: Subcommand, rest: &[String]) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let is_of_deployment = of == Of::Deployment && subcommand == Subcommand::Backup;
    let mut flags = Flags::new(rest);
    while let Next::Flag(name, inline) = flags.next() {
        match name.as_str() {
            "help" | "h" => return Err(Refusal::HelpWanted),
            "artifact-path" | "a" if subcommand.takes_artifact_path() => {
                let value = inline.or_else(|| flags.value());
                options.artifact_path = value.ok_or(Refusal::MissingValue(name))?;
            }
            "with-manifest" if is_of_deployment => options.with_manifest = true,
            "unsafe-lock-free" if is_of_deployment => options.locking = Locking::Skipped,
            _ => return Err(Refusal::UnknownFlag(name)),
        }
    }
    Ok(options)
}

/// Go's way of reading flags: one or two dashes, `=` or the next word, until the first word that is no flag.
struct Flags<'a> {
    rest: &'a [String],
}

enum Next<'a> {
    Flag(String, Option<String>),
    Rest(&'a [String]),
}

impl<'a> Flags<'a> {
    fn new(rest: &'a [String]) -> Flags<'a> {
        Flags { rest }
    }

    fn next(&mut self) -> Next<'a> {
        let Some((word, after)) = self.rest.split_first() else {
            return Next::Rest(self.rest);
        };
        if word == "--" {
            return Next::Rest(after);
        }
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|flag| !flag.is_empty())
        else {
            return Next::Rest(self.rest);
        };
        self.rest = after;
        match flag.split_once('=') {
            Some((name, value)) => Next::Flag(name.to_owned(), Some(value.to_owned())),
            None => Next::Flag(flag.to_owned(), None),
        }
    }

    fn value(&mut self) -> Option<String> {
        let (value, after) = self.rest.split_first()?;
        self.rest = after;
        Some(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Invocation {
        Invocation::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_of_the_director_come_before_the_subcommand() {
        let access = |verbosity| Access {
            host: "h".into(),
            username: "u".into(),
            key: "k".into(),
            verbosity,
            wants_help: false,
        };
        let backup = |path: &str| {
            Action::Run(Subcommand::Backup, Ok(Options { artifact_path: path.into(), ..Options::default() }))
        };
        let parsed = parse("director --host h -u u --key=k --debug b -a dir");
        assert_eq!(parsed, Invocation::Director(access(Verbosity::Debug), backup("dir")));
        let parsed = parse("director -host=h --username u --private-key-path k backup");
        assert_eq!(parsed, Invocation::Director(access(Verbosity::Normal), backup("")));
        let late = Action::Run(Subcommand::PreBackupCheck, Err(Refusal::UnknownFlag("debug".into())));
        let parsed = parse("director --host h -u u --key k pre-backup-check --debug");
        assert_eq!(parsed, Invocation::Director(access(Verbosity::Normal), late));
    }

    #[test]
    fn first_missing_flag_is_named() {
        let Invocation::Director(access, _) = parse("director --host h backup") else {
            panic!("not a director command")
        };
        assert_eq!(access.missing(), Some("username"));
    }
}
