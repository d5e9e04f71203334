//! Scripts of bbr that run on VMs: remote processes, which go on when the bbr that started them is dead.
//!
//! A bbr that lives ends its scripts itself, and hears how. Those of a dead one end when their time has come, as whoever looks
//! next at the world finds; nobody hears how.

mod life;
mod work;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::foundation::{Deployment, Foundation, Instance, VmCid};
use crate::vm::Holder;
use crate::world::{Part, World, WorldError};

pub(crate) use life::Life;
pub(crate) use work::{Workplace, variables};

/// The process id of the first script, on whatever VM.
const FIRST_PID: u32 = 22_107;

/// The scripts of a job that bbr runs for their effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScriptKind {
    PreBackupLock,
    Backup,
    PostBackupUnlock,
    PreRestoreLock,
    Restore,
    PostRestoreUnlock,
}

impl ScriptKind {
    /// Returns the name of the script's file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ScriptKind::PreBackupLock => "pre-backup-lock",
            ScriptKind::Backup => "backup",
            ScriptKind::PostBackupUnlock => "post-backup-unlock",
            ScriptKind::PreRestoreLock => "pre-restore-lock",
            ScriptKind::Restore => "restore",
            ScriptKind::PostRestoreUnlock => "post-restore-unlock",
        }
    }
}

/// The VM on which a script runs; the script is gone when the VM is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Host {
    Director,
    Of(Option<VmCid>),
}

impl Host {
    /// Returns the VM of an instance, which nothing runs on if it is none.
    pub(crate) fn of(instance: &Instance) -> Host {
        Host::Of(instance.vm.as_ref().map(|vm| vm.cid.clone()))
    }

    /// Returns the instance whose VM it is, if that is there.
    fn find<'f>(&self, foundation: &'f Foundation) -> Option<(&'f Deployment, &'f Instance)> {
        let Host::Of(Some(cid)) = self else { return None };
        foundation.instances().find(|(_, one)| one.vm.as_ref().is_some_and(|vm| vm.cid == *cid && vm.exists_in_iaas))
    }

    /// Returns the name of its instance, if it is there.
    fn name(&self, foundation: &Foundation) -> Option<String> {
        if *self == Host::Director {
            return Some("bosh/0".into());
        }
        self.find(foundation).map(|(_, instance)| instance.name())
    }
}

/// A script that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// On its VM, and that of the `sudo` that waits for it is one less.
    pub(crate) pid: u32,
    pub(crate) host: Host,
    pub(crate) job: String,
    pub(crate) kind: ScriptKind,
    /// In milliseconds since 1970.
    since_ms: i64,
    /// When it ends; `None` if it never does.
    due_ms: Option<i64>,
    /// Who runs it, by the name of a holder.
    holder: String,
    /// The life of the bbr that has started it; `None` if nobody knows which that was.
    life: Option<String>,
}

impl Script {
    /// Returns where it lies on the VM.
    pub(crate) fn path(&self) -> String {
        path(&self.job, self.kind.name())
    }

    pub(crate) fn since(&self) -> Moment {
        Moment::from_millis(self.since_ms)
    }

    /// Returns the variables that it is run with, each followed by a space.
    pub(crate) fn variables(&self) -> String {
        let has_part = matches!(self.kind, ScriptKind::Backup | ScriptKind::Restore);
        if has_part { work::variables(&self.job) } else { String::new() }
    }

    /// Returns whether no living bbr waits for it.
    fn is_abandoned(&self, world: &World) -> bool {
        self.life.as_ref().is_none_or(|name| !life::lasts(world, name))
    }

    fn is_due(&self, moment: Moment) -> bool {
        self.due_ms.is_some_and(|due| due <= moment.millis())
    }
}

/// Returns where a script of a job lies on the VM.
pub(crate) fn path(job: &str, script: &str) -> String {
    format!("/var/vcap/jobs/{job}/bin/bbr/{script}")
}

/// The scripts that run, in the order in which they were started.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Scripts(Vec<Script>);

impl Part for Scripts {
    const FILE: &'static str = "scripts.json";
}

impl Scripts {
    /// Records that a living bbr has started a script, which takes so long.
    pub(crate) fn begin(&mut self, host: &Host, (job, kind): (&str, ScriptKind), due: Moment, life: &Life) {
        let holder = Holder::this_process().name().to_owned();
        self.add(host.clone(), (job, kind), Some(due.millis()), (holder, Some(life.name().to_owned())));
    }

    /// Records a script of a dead bbr, which never ends.
    pub(crate) fn abandon(&mut self, host: &Host, (job, kind): (&str, ScriptKind)) {
        self.add(host.clone(), (job, kind), None, (Holder::Unknown.name().to_owned(), None));
    }

    /// Takes away those on a VM whose bbr nobody knows.
    pub(crate) fn forget_abandoned(&mut self, host: &Host) {
        self.0.retain(|script| script.host != *host || script.life.is_some());
    }

    /// Records that a script of a living bbr has ended.
    pub(crate) fn end(&mut self, host: &Host, (job, kind): (&str, ScriptKind), life: &Life) {
        let is_it = |one: &Script| one.host == *host && one.job == job && one.kind == kind;
        self.0.retain(|one| !(is_it(one) && one.life.as_deref() == Some(life.name())));
    }

    /// Returns those that run on the VM of an instance.
    pub(crate) fn on<'s>(&'s self, instance: &Instance) -> impl Iterator<Item = &'s Script> {
        let host = Host::of(instance);
        self.0.iter().filter(move |script| script.host == host)
    }

    fn add(
        &mut self,
        host: Host,
        (job, kind): (&str, ScriptKind),
        due_ms: Option<i64>,
        (holder, life): (String, Option<String>),
    ) {
        let pid = self.0.iter().map(|script| script.pid).max().map_or(FIRST_PID, |last| last + 4);
        let since_ms = Moment::now().millis();
        self.0.push(Script { pid, host, job: job.to_owned(), kind, since_ms, due_ms, holder, life });
    }
}

/// Ends the scripts of dead bbrs that are due by now.
pub(crate) fn settle_due(world: &World) -> Result<(), WorldError> {
    if world.read::<Scripts>()?.0.is_empty() {
        return Ok(());
    }
    settle(world, Moment::now())
}

/// Ends the scripts of dead bbrs that are due at a moment; those whose VM is gone are gone with it.
pub(crate) fn settle(world: &World, moment: Moment) -> Result<(), WorldError> {
    if world.read::<Scripts>()?.0.is_empty() {
        return Ok(());
    }
    let _alone = world.alone_in("scripts.lock")?;
    let foundation = world.foundation()?;
    let mut due: Vec<Script> = world.read::<Scripts>()?.0;
    due.retain(|script| script.is_due(moment) && script.is_abandoned(world));
    due.sort_by_key(|script| script.due_ms);
    for script in &due {
        if let Some(place) = Workplace::of(world, &script.host, &foundation)? {
            // Nobody hears how it ended.
            drop(place.work(world, (&script.job, script.kind), &Holder::named(&script.holder)));
        }
    }
    world.update(|scripts: &mut Scripts| {
        scripts.0.retain(|script| !due.contains(script) && script.host.name(&foundation).is_some());
    })
}

/// A script as an onlooker sees it.
pub(crate) struct Seen {
    script: Script,
    instance: String,
    is_abandoned: bool,
    has_effect: bool,
}

impl Seen {
    fn of(script: &Script, world: &World, foundation: &Foundation) -> Result<Option<Seen>, WorldError> {
        let place = Workplace::of(world, &script.host, foundation)?;
        let Some((place, instance)) = place.zip(script.host.name(foundation)) else { return Ok(None) };
        let writes = place.vm.artifact_of(&script.job).is_dir();
        let has_effect = script.kind != ScriptKind::Backup || script.due_ms.is_none() || writes;
        let is_abandoned = script.is_abandoned(world);
        Ok(Some(Seen { script: script.clone(), instance, is_abandoned, has_effect }))
    }

    /// Returns whether nobody waits for it, and it never ends or may yet change what others rely on. A dump into a directory
    /// that was removed leaves nothing.
    pub(crate) fn is_unsafe(&self) -> bool {
        self.is_abandoned && self.has_effect
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Script { job, kind, holder, .. } = &self.script;
        let dead = if self.is_abandoned { ", which is dead" } else { "" };
        write!(f, "{job}/{} on {} by {holder}{dead}", kind.name(), self.instance)
    }
}

/// Returns what runs, in the order in which it was started.
pub(crate) fn seen(world: &World) -> Result<Vec<Seen>, WorldError> {
    let scripts = world.read::<Scripts>()?.0;
    if scripts.is_empty() {
        return Ok(Vec::new());
    }
    let foundation = world.foundation()?;
    scripts.iter().filter_map(|script| Seen::of(script, world, &foundation).transpose()).collect()
}
