//! What every command of a run starts from.

use std::collections::BTreeMap;
use std::env;

use firedrill_exec::INHERITED;
use firedrill_foundation::{World, WorldError};

/// The version of what is recorded about a run.
pub(crate) const ABOUT_VERSION: u32 = 1;

/// Returns the little of this process's environment that commands inherit.
pub(crate) fn inherited() -> BTreeMap<String, String> {
    let inherited = INHERITED.into_iter().filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
    inherited.collect()
}

/// Returns what commands inherit, and how the sandbox foundation is reached.
pub(crate) fn of_world(world: &World) -> Result<BTreeMap<String, String>, WorldError> {
    let own = world.environment()?.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(inherited().into_iter().chain(own).collect())
}
