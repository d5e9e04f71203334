//! `sandbox assert`: one fact about a world, true or not.

use crate::artifacts::{self, Found};
use crate::ledger;
use crate::suggest::hint;
use crate::vm::Holder;
use crate::world::{World, WorldError};

use super::SandboxError;

const KEYS: [&str; 5] = ["artifacts", "calls", "leftover", "lock", "restore"];

const FORMS: &str = "lock free|held|ours|theirs, leftover none|ours|theirs, restore none|half-done, \
    artifacts N whole|incomplete, calls PROGRAM.SUBCOMMAND N";

/// Fails with a sentence unless the world is as the words say.
pub(super) fn assert(world: &World, words: &[String]) -> Result<(), SandboxError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = match words[..] {
        ["lock", wanted @ ("free" | "held" | "ours" | "theirs")] => lock(world, wanted),
        ["leftover", wanted @ ("none" | "ours" | "theirs")] => leftover(world, wanted),
        ["restore", wanted @ ("none" | "half-done")] => restore(world, wanted),
        ["artifacts", count, kind @ ("whole" | "incomplete")] => artifacts(world, number(count)?, kind)?,
        ["calls", key, count] => calls(world, key, number(count)?)?,
        [key, ..] if !KEYS.contains(&key) => {
            return Err(SandboxError::Usage(format!("`assert` knows no `{key}`{}", hint(key, KEYS))));
        }
        _ => return Err(SandboxError::Usage(format!("`assert` knows {FORMS}"))),
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
