//! Where runs and sandboxes are kept.

use std::env;
use std::path::{Path, PathBuf};

use firedrill_exec::{About, RunDir, Store};

use crate::failure::Failure;

/// The folder of everything that outlives a command.
pub(crate) struct Home(PathBuf);

impl Home {
    /// Returns the folder: the one given, `$FIREDRILL_HOME`, `$XDG_STATE_HOME/firedrill`, `~/.local/state/firedrill`.
    pub(crate) fn find(given: Option<&Path>) -> Result<Home, Failure> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = || variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
        let found = given.map(Path::to_owned).or_else(|| variable("FIREDRILL_HOME"));
        let found = found.or_else(|| Some(state()?.join("firedrill")));
        let found =
            found.ok_or_else(|| Failure::usage("neither HOME nor FIREDRILL_HOME is set").help("give --home DIR"))?;
        let absolute = std::path::absolute(&found);
        absolute.map(Home).map_err(|error| Failure::usage(format!("--home {}: {error}", found.display())))
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.0)?)
    }

    /// Returns where the world of a sandbox is kept unless the user says otherwise.
    pub(crate) fn world(&self) -> PathBuf {
        self.0.join("sandboxes/foundation")
    }

    /// Returns a run by its id, or the latest one.
    pub(crate) fn run(&self, id: Option<&str>) -> Result<RunDir, Failure> {
        let store = self.store()?;
        match id {
            Some(id) => Ok(store.run(id)?),
            None => self.latest(&store),
        }
    }

    fn latest(&self, store: &Store) -> Result<RunDir, Failure> {
        let runs: Vec<(RunDir, About)> = store.runs()?;
        let latest = runs.into_iter().next().map(|(run, _)| run);
        latest.ok_or_else(|| Failure::usage(format!("there is no run in {}", self.0.display())))
    }
}
