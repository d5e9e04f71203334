//! `sandbox mark` and `sandbox diff`: what has become of a world between two moments.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::foundation::{Disk, Foundation, Instance};
use crate::tasks::TaskBoard;
use crate::world::{Settings, World, WorldError};

use super::SandboxError;

/// Remembers the world as it is, by a name.
pub(super) fn mark(world: &World, name: &str) -> Result<(), SandboxError> {
    let path = place(world, name)?;
    let folder = path.parent().expect("a mark lies in a folder");
    fs::create_dir_all(folder).map_err(|source| WorldError::io("create", folder, source))?;
    let facts: Vec<String> = facts(world)?.into_iter().collect();
    fs::write(&path, facts.join("\n")).map_err(|source| WorldError::io("write", &path, source))?;
    Ok(())
}

/// Prints what is no more, and what is new, since a mark or since the beginning.
pub(super) fn diff(world: &World, name: Option<&str>, out: &mut dyn Write) -> Result<(), SandboxError> {
    let before = match name {
        Some(name) => remembered(world, name)?,
        None => of_beginning(world)?,
    };
    let mut after = facts(world)?;
    if name.is_none() {
        // Files come into being when they are looked at, so there is no list of those of the beginning.
        after.retain(|fact| !fact.starts_with("file "));
    }
    for gone in before.difference(&after) {
        writeln!(out, "- {gone}")?;
    }
    for fresh in after.difference(&before) {
        writeln!(out, "+ {fresh}")?;
    }
    Ok(())
}

fn remembered(world: &World, name: &str) -> Result<BTreeSet<String>, SandboxError> {
    let text = fs::read_to_string(place(world, name)?);
    let text = text.map_err(|_| SandboxError::Usage(format!("no moment was marked as `{name}`")))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn of_beginning(world: &World) -> Result<BTreeSet<String>, WorldError> {
    let settings: Settings = world.read()?;
    Ok(of_foundation(&settings.layout.build(settings.seed)).collect())
}

fn place(world: &World, name: &str) -> Result<PathBuf, SandboxError> {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_plain {
        return Err(SandboxError::Usage(format!("`{name}` is no name for a moment: letters, digits, `-` and `_`")));
    }
    Ok(world.root().join("marks").join(name))
}

fn facts(world: &World) -> Result<BTreeSet<String>, WorldError> {
    let board: TaskBoard = world.read()?;
    let tasks = board
        .tasks
        .iter()
        .map(|task| format!("task {} {} of {}: {}", task.id, task.description, task.deployment, task.state.name()));
    let locks = board.locks.iter().map(|lock| format!("lock {} {} of task {}", lock.kind, lock.resource, lock.task_id));
    let mut facts: BTreeSet<String> = tasks.chain(locks).collect();
    facts.extend(of_foundation(&world.foundation()?));
    for folder in ["disks", "vms"] {
        add_files(world.root(), &world.root().join(folder), &mut facts)?;
    }
    Ok(facts)
}

fn of_foundation(foundation: &Foundation) -> impl Iterator<Item = String> {
    let instances = foundation.instances().map(|(deployment, instance)| of_instance(&deployment.name, instance));
    instances.chain(foundation.disks.iter().map(of_disk))
}

fn of_instance(deployment: &str, instance: &Instance) -> String {
    let vm = instance.vm.as_ref().map_or("none", |vm| &vm.cid.0);
    let disk = instance.disk.as_ref().map_or("none", |disk| &disk.0);
    format!("instance {deployment}:{} is {}, vm {vm}, disk {disk}", instance.name(), instance.process_state())
}

fn of_disk(disk: &Disk) -> String {
    let place = match &disk.attached_to {
        _ if !disk.exists_in_iaas => "does not exist".to_owned(),
        Some(vm) => format!("attached to {vm}"),
        None => "attached to nothing".to_owned(),
    };
    format!("disk {} is {}, {place}", disk.cid, disk.standing.name())
}

fn add_files(root: &Path, folder: &Path, facts: &mut BTreeSet<String>) -> Result<(), WorldError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|source| WorldError::io("list", folder, source))?;
    for entry in entries.filter_map(Result::ok) {
        let (path, kind) = (entry.path(), entry.file_type());
        match kind {
            Ok(kind) if kind.is_dir() => add_files(root, &path, facts)?,
            Ok(kind) if kind.is_file() => {
                let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
                let below = path.strip_prefix(root).unwrap_or(&path);
                facts.insert(format!("file {} of {bytes} bytes", below.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
