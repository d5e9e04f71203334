//! A script of bbr that goes on when bbr is dead, and does not end by itself.

use crate::scripts::{Host, ScriptKind, Scripts};
use crate::vm::Vm;
use crate::world::{World, WorldError};

use super::{Place, Wanted};

/// Lets a script run on each instance that is meant and has one, or ends it without any effect.
pub(super) fn change(world: &World, place: &Place, wanted: Wanted) -> Result<(), WorldError> {
    let foundation = world.foundation()?;
    let mut found = Vec::new();
    for instance in place.instances(&foundation)? {
        let scripts = Vm::at(world.enter(instance)?).scripts()?;
        found.extend(longest(&scripts).map(|script| (Host::of(instance), script)));
    }
    if found.is_empty() {
        return Err(WorldError::NoScript { name: place.to_string() });
    }
    world.update(|scripts: &mut Scripts| {
        for (host, (job, kind)) in &found {
            match wanted {
                Wanted::Broken => scripts.abandon(host, (job, *kind)),
                Wanted::Mended => scripts.forget_abandoned(host),
            }
        }
    })
}

/// Returns the script that takes longest, of those that an instance has: a dump, or a lock.
fn longest(scripts: &[String]) -> Option<(String, ScriptKind)> {
    [ScriptKind::Backup, ScriptKind::PreBackupLock].into_iter().find_map(|kind| {
        let named = scripts.iter().filter_map(|script| script.split_once('/'));
        let mut jobs = named.filter(|(_, name)| *name == kind.name()).map(|(job, _)| job.to_owned());
        jobs.next().map(|job| (job, kind))
    })
}
