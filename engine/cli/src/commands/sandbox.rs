//! `firedrill sandbox`, and the world that `--sandbox` works on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use firedrill_foundation::{SandboxError, World, sandbox_command};

use crate::args::SandboxArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

/// The folder of a world in which rehearsals keep artifacts.
const ARTIFACTS: &str = "artifacts";

pub(super) fn sandbox(
    args: SandboxArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let world = place(args.world.as_deref(), home)?;
    let Some(words) = args.verb.words() else {
        create(&world)?;
        terminal.print(&format!("{}\n", world.display()));
        return Ok(Status::Done);
    };
    let mut out = Vec::new();
    let done = sandbox_command(&world, &words, &mut out);
    terminal.print(&String::from_utf8_lossy(&out));
    done.map(|()| Status::Done).map_err(failure)
}

fn failure(error: SandboxError) -> Failure {
    match error {
        SandboxError::Unsafe { .. } | SandboxError::Untrue(_) => Failure::failed(error.to_string()),
        SandboxError::World(error) => Failure::usage(error.to_string()).help("`firedrill sandbox new` makes a world"),
        other => Failure::usage(other.to_string()),
    }
}

/// Returns where the world is kept, absolute.
pub(super) fn place(given: Option<&Path>, home: impl Fn() -> Result<Home, Failure>) -> Result<PathBuf, Failure> {
    match given {
        Some(dir) => std::path::absolute(dir).map_err(|error| Failure::usage(format!("{}: {error}", dir.display()))),
        None => Ok(home()?.world()),
    }
}

/// Returns the world, made if it is not there.
pub(super) fn ready(world: &Path) -> Result<World, Failure> {
    World::open(world).or_else(|_absent| create(world))
}

/// Makes a world, with an empty folder for what backups leave.
fn create(world: &Path) -> Result<World, Failure> {
    let executable = env::current_exe().map_err(|error| Failure::failed(format!("this executable: {error}")))?;
    let created = World::create(world, &executable).map_err(|error| Failure::usage(error.to_string()))?;
    let artifacts = world.join(ARTIFACTS);
    fs::create_dir_all(&artifacts).map_err(|error| Failure::failed(format!("{}: {error}", artifacts.display())))?;
    Ok(created)
}
