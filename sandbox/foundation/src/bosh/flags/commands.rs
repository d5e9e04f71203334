//! The table of commands: names, flags and arguments.

/// A command of bosh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::bosh) enum Command {
    #[default]
    Version,
    AliasEnv,
    AttachDisk,
    CancelTask,
    CleanUp,
    CloudCheck,
    Configs,
    CreateRecoveryPlan,
    DeleteDisk,
    Deploy,
    Deployment,
    Deployments,
    Disks,
    Env,
    Environments,
    Errands,
    Events,
    Ignore,
    Instances,
    Locks,
    LogIn,
    LogOut,
    Manifest,
    OrphanDisk,
    Recover,
    Recreate,
    Releases,
    Restart,
    RunErrand,
    Scp,
    Snapshots,
    Ssh,
    Start,
    Stemcells,
    Stop,
    Task,
    Tasks,
    UnaliasEnv,
    Unignore,
    UpdateResurrection,
    UploadStemcell,
    Vms,
}

impl Command {
    /// Returns its first name.
    pub(in crate::bosh) fn name(self) -> &'static str {
        COMMANDS.iter().find(|spec| spec.command == self).map_or("version", |spec| spec.names[0])
    }

    /// Returns whether it is about one deployment, which must be named.
    pub(in crate::bosh) fn needs_deployment(self) -> bool {
        COMMANDS.iter().any(|spec| spec.command == self && spec.scope == Scope::Deployment)
    }
}

/// What a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Director,
    Deployment,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) command: Command,
    pub(super) names: &'static [&'static str],
    pub(super) scope: Scope,
    pub(super) flags: &'static [Flag],
    /// Those in brackets may be missing; `...` takes all that follow.
    pub(super) arguments: &'static [&'static str],
}

/// A flag.
#[derive(Debug)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    short: Option<char>,
    pub(super) takes: Takes,
}

/// Whether a flag has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// With `=` only.
    Perhaps,
    Value,
}

impl Flag {
    pub(super) const fn long(name: &'static str, takes: Takes) -> Flag {
        Flag { name, short: None, takes }
    }

    pub(super) const fn short(name: &'static str, short: char, takes: Takes) -> Flag {
        Flag { name, short: Some(short), takes }
    }

    const fn switch(name: &'static str) -> Flag {
        Flag::long(name, Takes::Nothing)
    }

    /// Returns whether a word without value is this flag.
    pub(super) fn is_bare(&self, word: &str) -> bool {
        let is_long = word.strip_prefix("--") == Some(self.name);
        is_long || self.short.is_some_and(|short| word.strip_prefix('-').is_some_and(|rest| rest == short.to_string()))
    }

    /// Returns how the client names it in a message.
    pub(super) fn shown(&self) -> String {
        self.short.map_or_else(|| format!("--{}", self.name), |short| format!("-{short}, --{}", self.name))
    }
}

const NONE: &[Flag] = &[];
const ALL: Flag = Flag::short("all", 'a', Takes::Nothing);
const RECENT: Flag = Flag::short("recent", 'r', Takes::Perhaps);
const DRAIN: Flag = Flag::switch("skip-drain");
const CANARIES: Flag = Flag::long("canaries", Takes::Value);
const IN_FLIGHT: Flag = Flag::long("max-in-flight", Takes::Value);
const CONVERGE: Flag = Flag::switch("converge");
const NO_CONVERGE: Flag = Flag::switch("no-converge");
const FIX: Flag = Flag::switch("fix");
const DRY_RUN: Flag = Flag::switch("dry-run");
const KEY: Flag = Flag::short("private-key", 'i', Takes::Value);
const USERNAME: Flag = Flag::short("username", 'l', Takes::Value);
const GW_DISABLE: Flag = Flag::switch("gw-disable");
const GW_USER: Flag = Flag::long("gw-user", Takes::Value);
const GW_HOST: Flag = Flag::long("gw-host", Takes::Value);
const GW_KEY: Flag = Flag::long("gw-private-key", Takes::Value);
const GW_SOCKS: Flag = Flag::long("gw-socks5", Takes::Value);

const DEPLOY: &[Flag] = &[
    Flag::switch("recreate"),
    Flag::switch("recreate-persistent-disks"),
    FIX,
    Flag::switch("fix-releases"),
    Flag::long("skip-drain", Takes::Perhaps),
    Flag::switch("skip-upload-releases"),
    Flag::switch("no-redact"),
    CANARIES,
    IN_FLIGHT,
    DRY_RUN,
    Flag::short("var", 'v', Takes::Value),
    Flag::short("vars-file", 'l', Takes::Value),
    Flag::short("ops-file", 'o', Takes::Value),
];

const fn director(
    command: Command,
    names: &'static [&'static str],
    flags: &'static [Flag],
    arguments: &'static [&'static str],
) -> Spec {
    Spec { command, names, scope: Scope::Director, flags, arguments }
}

const fn deployment(
    command: Command,
    names: &'static [&'static str],
    flags: &'static [Flag],
    arguments: &'static [&'static str],
) -> Spec {
    Spec { command, names, scope: Scope::Deployment, flags, arguments }
}

/// Every command, sorted by name.
pub(super) static COMMANDS: [Spec; 41] = [
    director(Command::AliasEnv, &["alias-env"], NONE, &["ALIAS"]),
    deployment(
        Command::AttachDisk,
        &["attach-disk"],
        &[Flag::long("disk-properties", Takes::Value)],
        &["INSTANCE", "DISK-CID"],
    ),
    director(Command::CancelTask, &["cancel-task", "ct"], NONE, &["ID"]),
    director(
        Command::CleanUp,
        &["clean-up"],
        &[Flag::switch("all"), DRY_RUN, Flag::switch("keep-orphaned-disks")],
        &[],
    ),
    deployment(
        Command::CloudCheck,
        &["cloud-check", "cck", "cloudcheck"],
        &[
            Flag::short("auto", 'a', Takes::Nothing),
            Flag::long("resolution", Takes::Value),
            Flag::short("report", 'r', Takes::Nothing),
        ],
        &[],
    ),
    director(
        Command::Configs,
        &["configs", "cs"],
        &[Flag::long("name", Takes::Value), Flag::long("type", Takes::Value), RECENT],
        &[],
    ),
    deployment(Command::CreateRecoveryPlan, &["create-recovery-plan"], NONE, &["PATH"]),
    director(Command::DeleteDisk, &["delete-disk"], NONE, &["CID"]),
    deployment(Command::Deploy, &["deploy", "d"], DEPLOY, &["PATH"]),
    deployment(Command::Deployment, &["deployment", "dep"], NONE, &[]),
    director(Command::Deployments, &["deployments", "ds", "deps"], NONE, &[]),
    director(Command::Disks, &["disks"], &[Flag::short("orphaned", 'o', Takes::Nothing)], &[]),
    director(Command::Env, &["environment", "env"], &[Flag::switch("details")], &[]),
    director(Command::Environments, &["environments", "envs"], NONE, &[]),
    deployment(Command::Errands, &["errands", "es"], NONE, &[]),
    director(
        Command::Events,
        &["events"],
        &[
            Flag::long("task", Takes::Value),
            Flag::long("instance", Takes::Value),
            Flag::long("object-type", Takes::Value),
            Flag::long("object-name", Takes::Value),
            Flag::long("event-user", Takes::Value),
            Flag::long("action", Takes::Value),
        ],
        &[],
    ),
    deployment(Command::Ignore, &["ignore"], NONE, &["INSTANCE"]),
    director(
        Command::Instances,
        &["instances", "is"],
        &[
            Flag::short("details", 'i', Takes::Nothing),
            Flag::switch("vitals"),
            Flag::short("ps", 'p', Takes::Nothing),
            Flag::short("failing", 'f', Takes::Nothing),
        ],
        &[],
    ),
    director(Command::Locks, &["locks"], NONE, &[]),
    director(Command::LogIn, &["log-in", "l", "login"], NONE, &[]),
    director(Command::LogOut, &["log-out", "logout"], NONE, &[]),
    deployment(Command::Manifest, &["manifest", "man"], NONE, &[]),
    director(Command::OrphanDisk, &["orphan-disk"], NONE, &["CID"]),
    deployment(Command::Recover, &["recover"], NONE, &["PATH"]),
    deployment(
        Command::Recreate,
        &["recreate"],
        &[
            DRAIN,
            FIX,
            Flag::long("vms-created-before", Takes::Value),
            CANARIES,
            IN_FLIGHT,
            DRY_RUN,
            CONVERGE,
            NO_CONVERGE,
        ],
        &["[INSTANCE-GROUP[/INSTANCE-ID]]"],
    ),
    director(Command::Releases, &["releases", "rs"], NONE, &[]),
    deployment(
        Command::Restart,
        &["restart"],
        &[DRAIN, CANARIES, IN_FLIGHT, CONVERGE, NO_CONVERGE],
        &["[INSTANCE-GROUP[/INSTANCE-ID]]"],
    ),
    deployment(
        Command::RunErrand,
        &["run-errand"],
        &[
            Flag::long("instance", Takes::Value),
            Flag::switch("keep-alive"),
            Flag::switch("when-changed"),
            Flag::long("with-heartbeat", Takes::Perhaps),
            Flag::switch("download-logs"),
            Flag::long("logs-dir", Takes::Value),
        ],
        &["NAME"],
    ),
    deployment(
        Command::Scp,
        &["scp"],
        &[Flag::short("recursive", 'r', Takes::Nothing), KEY, USERNAME, GW_DISABLE, GW_USER, GW_HOST, GW_KEY, GW_SOCKS],
        &["PATH", "PATH", "[PATH]..."],
    ),
    deployment(Command::Snapshots, &["snapshots"], NONE, &["[INSTANCE-GROUP/INSTANCE-ID]"]),
    deployment(
        Command::Ssh,
        &["ssh"],
        &[
            Flag::short("command", 'c', Takes::Value),
            Flag::long("opts", Takes::Value),
            Flag::short("results", 'r', Takes::Nothing),
            KEY,
            USERNAME,
            GW_DISABLE,
            GW_USER,
            GW_HOST,
            GW_KEY,
            GW_SOCKS,
        ],
        &["[INSTANCE-GROUP[/INSTANCE-ID]]"],
    ),
    deployment(
        Command::Start,
        &["start"],
        &[CANARIES, IN_FLIGHT, CONVERGE, NO_CONVERGE],
        &["[INSTANCE-GROUP[/INSTANCE-ID]]"],
    ),
    director(Command::Stemcells, &["stemcells", "ss"], NONE, &[]),
    deployment(
        Command::Stop,
        &["stop"],
        &[Flag::switch("soft"), Flag::switch("hard"), DRAIN, CANARIES, IN_FLIGHT, CONVERGE, NO_CONVERGE],
        &["[INSTANCE-GROUP[/INSTANCE-ID]]"],
    ),
    director(
        Command::Task,
        &["task", "t"],
        &[Flag::switch("event"), Flag::switch("cpi"), Flag::switch("debug"), Flag::switch("result"), ALL],
        &["[ID]"],
    ),
    director(Command::Tasks, &["tasks", "ts"], &[RECENT, ALL], &[]),
    director(Command::UnaliasEnv, &["unalias-env"], NONE, &["ALIAS"]),
    deployment(Command::Unignore, &["unignore"], NONE, &["INSTANCE"]),
    director(Command::UpdateResurrection, &["update-resurrection"], NONE, &["on|off"]),
    director(
        Command::UploadStemcell,
        &["upload-stemcell", "us"],
        &[FIX, Flag::long("name", Takes::Value), Flag::long("version", Takes::Value), Flag::long("sha1", Takes::Value)],
        &["URL"],
    ),
    director(Command::Vms, &["vms"], &[Flag::switch("vitals"), Flag::switch("cloud-properties")], &[]),
];
