//! What the client remembers by itself: names for directors, and that somebody has logged in.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::world::{World, WorldError};

use super::flags::{Command, Invocation};
use super::listing;
use super::session::{Session, Stop};
use super::table::Table;

/// The directors that have a name, by it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Aliases(BTreeMap<String, String>);

/// Returns the file of `--config` or `BOSH_CONFIG`, or one in the world's folder without them.
fn file(world: &World, invocation: &Invocation) -> PathBuf {
    let given = invocation.value("config").map(PathBuf::from);
    let given = given.or_else(|| std::env::var_os("BOSH_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    given.unwrap_or_else(|| world.root().join("bosh-config"))
}

impl Aliases {
    /// Reads what was remembered; a file that cannot be read is one that was not written yet.
    fn load(world: &World, invocation: &Invocation) -> Aliases {
        let text = fs::read_to_string(file(world, invocation)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn save(&self, session: &Session) -> Result<(), WorldError> {
        let path = file(session.world, session.invocation);
        let text = serde_json::to_vec_pretty(self).expect("names and addresses are text");
        fs::write(&path, text).map_err(|source| WorldError::io("write", &path, source))
    }
}

/// Returns the address of a director that was named, or what was named if it has no such name.
pub(super) fn resolve(world: &World, invocation: &Invocation) -> String {
    let named = &invocation.environment;
    Aliases::load(world, invocation).0.remove(named).unwrap_or_else(|| named.clone())
}

/// `environments`, `unalias-env` and `log-out`, for which no director is needed.
pub(super) fn remember(session: &mut Session) -> Result<(), Stop> {
    let mut aliases = Aliases::load(session.world, session.invocation);
    match session.invocation.command {
        Command::UnaliasEnv => {
            let name = session.invocation.arg(0);
            aliases.0.remove(name).ok_or_else(|| Stop::failed(&[&format!("alias {name} not found")]))?;
            Ok(aliases.save(session)?)
        }
        Command::LogOut if session.invocation.environment.is_empty() => {
            Err(Stop::failed(&["Expected non-empty Director URL"]))
        }
        Command::LogOut => {
            session.screen.line(&format!("Logged out from '{}'", session.invocation.environment));
            Ok(())
        }
        _ => {
            let mut rows: Vec<Vec<String>> = aliases.0.into_iter().map(|(alias, url)| vec![url, alias]).collect();
            rows.sort();
            session.screen.table(Table::new("environments", &["URL", "Alias"], rows));
            Ok(())
        }
    }
}

/// `alias-env ALIAS`: remembers the director that has just answered.
pub(super) fn alias(session: &mut Session) -> Result<(), Stop> {
    let mut aliases = Aliases::load(session.world, session.invocation);
    let url = resolve(session.world, session.invocation);
    aliases.0.insert(session.invocation.arg(0).to_owned(), url);
    aliases.save(session)?;
    session.screen.table(listing::info(&session.director, &session.invocation.client));
    Ok(())
}

/// `log-in`: with a client and its secret, nobody is asked.
pub(super) fn log_in(session: &mut Session) -> Result<(), Stop> {
    let Invocation { client, client_secret, environment, .. } = session.invocation;
    if client.is_empty() || client_secret.is_empty() {
        return Err(Stop::failed(&["Asking for text", "EOF"]));
    }
    if *client != session.director.client || *client_secret != session.director.client_secret {
        return Err(Stop::failed(&["Invalid credentials"]));
    }
    session.screen.line(&format!("Logged in to '{environment}'"));
    Ok(())
}
