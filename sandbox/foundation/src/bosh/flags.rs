//! bosh's command line: flags may stand before and after the command.

use crate::suggest::hint;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Human,
    Json,
}

/// Which tasks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Active,
    Recent(usize),
}

/// Which columns `instances` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Columns {
    #[default]
    Brief,
    Details,
    Processes,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Command {
    #[default]
    Version,
    Env,
    Deployments,
    Disks,
    Instances(Columns),
    Locks,
    Tasks(Scope),
    Vms,
}

impl Command {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Command::Version => "version",
            Command::Env => "env",
            Command::Deployments => "deployments",
            Command::Disks => "disks",
            Command::Instances(_) => "instances",
            Command::Locks => "locks",
            Command::Tasks(_) => "tasks",
            Command::Vms => "vms",
        }
    }
}

const COMMANDS: [&str; 7] = ["deployments", "disks", "env", "instances", "locks", "tasks", "vms"];

/// What `bosh` was asked to do, and as whom.
#[derive(Debug, Default)]
pub(super) struct Invocation {
    pub(super) command: Command,
    pub(super) format: Format,
    pub(super) environment: String,
    pub(super) client: String,
    pub(super) client_secret: String,
    pub(super) deployment: String,
    ca_cert: String,
}

/// The flags of commands, before it is known which command they belong to.
struct Switches {
    scope: Scope,
    columns: Columns,
}

impl Invocation {
    /// Reads arguments and environment; the error is what the client says.
    pub(super) fn parse(args: &[String]) -> Result<Invocation, String> {
        let mut invocation = Invocation {
            environment: variable("BOSH_ENVIRONMENT"),
            client: variable("BOSH_CLIENT"),
            client_secret: variable("BOSH_CLIENT_SECRET"),
            deployment: variable("BOSH_DEPLOYMENT"),
            ..Invocation::default()
        };
        let mut switches = Switches { scope: Scope::Active, columns: Columns::Brief };
        let mut names = Vec::new();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let (flag, inline) =
                word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
            if !flag.starts_with('-') {
                names.push(word.as_str());
            } else if let Some(target) = invocation.valued(flag) {
                let value = inline.or_else(|| words.next().map(String::as_str));
                value.ok_or_else(|| format!("expected argument for flag `{flag}'"))?.clone_into(target);
            } else {
                invocation.switch(flag, inline, &mut switches)?;
            }
        }
        invocation.command = command(&names, &switches, args)?;
        Ok(invocation)
    }

    fn valued(&mut self, flag: &str) -> Option<&mut String> {
        match flag {
            "-e" | "--environment" => Some(&mut self.environment),
            "--client" => Some(&mut self.client),
            "--client-secret" => Some(&mut self.client_secret),
            "-d" | "--deployment" => Some(&mut self.deployment),
            "--ca-cert" => Some(&mut self.ca_cert),
            _ => None,
        }
    }

    fn switch(&mut self, flag: &str, inline: Option<&str>, switches: &mut Switches) -> Result<(), String> {
        match flag {
            "--json" => self.format = Format::Json,
            "-n" | "--non-interactive" | "--no-color" | "--tty" | "-v" | "--version" | "-a" | "--all" | "-o"
            | "--orphaned" | "--vitals" => {}
            "-r" | "--recent" => switches.scope = Scope::Recent(recent(inline)?),
            "-p" | "--ps" => switches.columns = Columns::Processes,
            "-i" | "--details" => switches.columns = Columns::Details,
            other => return Err(format!("unknown flag `{}'", other.trim_start_matches('-'))),
        }
        Ok(())
    }
}

fn recent(inline: Option<&str>) -> Result<usize, String> {
    inline.map_or(Ok(30), |text| {
        text.parse().map_err(|_| format!("invalid argument for flag `-r, --recent' (expected int): strconv.ParseInt: parsing \"{text}\": invalid syntax"))
    })
}

fn command(names: &[&str], switches: &Switches, args: &[String]) -> Result<Command, String> {
    match names {
        [] if args.iter().any(|arg| arg == "-v" || arg == "--version") => Ok(Command::Version),
        [] => Err("Please specify one command of: deployments, disks, env, instances, locks, tasks or vms".into()),
        ["env" | "environment"] => Ok(Command::Env),
        ["deployments" | "ds"] => Ok(Command::Deployments),
        ["disks"] => Ok(Command::Disks),
        ["instances" | "is"] => Ok(Command::Instances(switches.columns)),
        ["locks"] => Ok(Command::Locks),
        ["tasks" | "ts"] => Ok(Command::Tasks(switches.scope)),
        ["vms"] => Ok(Command::Vms),
        [known, extra @ ..] if COMMANDS.contains(known) => {
            Err(format!("Command '{known}' does not support extra arguments: {}", extra.join(", ")))
        }
        [unknown, ..] => Err(format!("Unknown command `{unknown}'{}", hint(unknown, COMMANDS))),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
