//! `sandbox assert`: one fact about a world, true or not.

use crate::artifacts::{self, Found};
use crate::foundation::Instance;
use crate::ledger;
use crate::situation::Place;
use crate::suggest::hint;
use crate::vm::Holder;
use crate::world::{World, WorldError};

use super::SandboxError;
use super::platform::{self, Fact};

const KEYS: [&str; 9] =
    ["artifacts", "calls", "disk", "instance", "leftover", "lock", "orphans", "problems", "restore"];

const FORMS: &str = "lock free|held|ours|theirs, leftover none|ours|theirs, restore none|half-done, \
    artifacts N whole|incomplete, calls PROGRAM.SUBCOMMAND N, instance PLACE STATE, \
    disk PLACE mounted|detached|lost|none, orphans N, problems N";

/// Fails with a sentence unless the world is as the words say.
pub(super) fn assert(world: &World, words: &[String]) -> Result<(), SandboxError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match platform::assert(world, &words)? {
        Fact::True => return Ok(()),
        Fact::Untrue(sentence) => return Err(SandboxError::Untrue(sentence)),
        Fact::OfSomethingElse => {}
    }
    let found = match words[..] {
        ["lock", wanted @ ("free" | "held" | "ours" | "theirs")] => lock(world, wanted),
        ["leftover", wanted @ ("none" | "ours" | "theirs")] => leftover(world, wanted),
        ["restore", wanted @ ("none" | "half-done")] => restore(world, wanted),
        ["artifacts", count, kind @ ("whole" | "incomplete")] => artifacts(world, number(count)?, kind)?,
        ["instance", place, ref state @ ..] if !state.is_empty() => instance(world, place, &state.join(" "))?,
        ["disk", place, wanted @ ("mounted" | "detached" | "lost" | "none")] => disk(world, place, wanted)?,
        ["orphans", count] => orphans(world, number(count)?)?,
        ["problems", count] => problems(world, number(count)?)?,
        ["calls", key, count] => calls(world, key, number(count)?)?,
        [key, ..] if !KEYS.contains(&key) && !platform::KEYS.contains(&key) => {
            return Err(SandboxError::Usage(format!(
                "`assert` knows no `{key}`{}",
                hint(key, KEYS.into_iter().chain(platform::KEYS))
            )));
        }
        _ => return Err(SandboxError::Usage(format!("`assert` knows {FORMS}, {}", platform::FORMS))),
    };
    found.map_or(Ok(()), |sentence| Err(SandboxError::Untrue(sentence)))
}

/// Returns what is the case if it is not what was wanted.
type Sentence = Option<String>;

fn number(text: &str) -> Result<usize, SandboxError> {
    text.parse().map_err(|_| SandboxError::Usage(format!("`assert` needs a number, not `{text}`")))
}

fn lock(world: &World, wanted: &str) -> Sentence {
    let holder = world.vm().lock_holder();
    let is = holder.as_ref().map_or("free".into(), |holder| format!("held by {}", holder.name()));
    let so = if wanted == "held" { holder.is_some() } else { wanted == whose(holder.as_ref(), "free") };
    (!so).then(|| format!("the director's lock is {is}, not {wanted}"))
}

fn leftover(world: &World, wanted: &str) -> Sentence {
    let holder = world.vm().directory_holder();
    let is = holder.as_ref().map_or("not there".into(), |holder| format!("that of {}", holder.name()));
    (wanted != whose(holder.as_ref(), "none")).then(|| format!("bbr's directory is {is}; expected: {wanted}"))
}

fn whose<'n>(holder: Option<&Holder>, nobody: &'n str) -> &'n str {
    match holder {
        None => nobody,
        Some(Holder::Ours(_)) => "ours",
        Some(Holder::SecondOperator | Holder::Unknown) => "theirs",
    }
}

fn restore(world: &World, wanted: &str) -> Sentence {
    match (world.vm().restore_holder(), wanted) {
        (Some(holder), "none") => Some(format!("the restore by {} is half done", holder.name())),
        (None, "half-done") => Some("no restore is half done".into()),
        _ => None,
    }
}

fn artifacts(world: &World, wanted: usize, kind: &str) -> Result<Sentence, WorldError> {
    let found = artifacts::found(world)?;
    let whole = found.iter().filter(|artifact: &&Found| artifact.is_whole()).count();
    let count = if kind == "whole" { whole } else { found.len() - whole };
    Ok((count != wanted).then(|| format!("{} {kind}, not {wanted}", counted(count))))
}

fn counted(count: usize) -> String {
    if count == 1 { "1 artifact is".into() } else { format!("{count} artifacts are") }
}

fn calls(world: &World, key: &str, wanted: usize) -> Result<Sentence, WorldError> {
    let count = ledger::starts(world, key)?;
    Ok((count != wanted).then(|| format!("{key} was called {count} times, not {wanted}")))
}

fn place(text: &str) -> Result<Place, WorldError> {
    Place::parse(text).ok_or_else(|| WorldError::NoInstance { name: text.to_owned() })
}

/// Every instance that is meant is in the state.
fn instance(world: &World, text: &str, wanted: &str) -> Result<Sentence, WorldError> {
    let foundation = world.foundation()?;
    let meant = place(text)?.instances(&foundation)?;
    let other = meant.into_iter().find(|instance| instance.process_state() != wanted);
    Ok(other.map(|instance| format!("{} is {}, not {wanted}", instance.name(), instance.process_state())))
}

/// Every instance that is meant has such a disk.
fn disk(world: &World, text: &str, wanted: &str) -> Result<Sentence, WorldError> {
    let foundation = world.foundation()?;
    let state = |instance: &Instance| match instance.disk.as_ref().and_then(|cid| foundation.disk(cid)) {
        None => "none",
        Some(disk) if !disk.exists_in_iaas => "lost",
        Some(_) if foundation.has_lost_mount(instance) => "detached",
        Some(_) => "mounted",
    };
    let meant = place(text)?.instances(&foundation)?;
    let other = meant.into_iter().find(|instance| state(instance) != wanted);
    Ok(other.map(|instance| format!("the disk of {} is {}, not {wanted}", instance.name(), state(instance))))
}

fn orphans(world: &World, wanted: usize) -> Result<Sentence, WorldError> {
    let count = world.foundation()?.disks.iter().filter(|disk| disk.orphan().is_some()).count();
    Ok((count != wanted).then(|| format!("{count} disks are orphaned, not {wanted}")))
}

fn problems(world: &World, wanted: usize) -> Result<Sentence, WorldError> {
    let foundation = world.foundation()?;
    let found = foundation.deployments.iter().map(|deployment| foundation.problems_of(&deployment.name).count());
    let count: usize = found.sum();
    Ok((count != wanted).then(|| format!("cloud check would find {count} problems, not {wanted}")))
}
