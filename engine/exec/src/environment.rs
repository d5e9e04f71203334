//! Where a command starts: its environment, its folder, its program as an absolute path.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firedrill_model::plan::{Command, Conduct, OnEngineDeath, Plan, secret_key};
use firedrill_run::{CommandId, Rendered, Role};

use crate::store::{About, RunDir};
use crate::supervisor::{CommandKey, Orphan, Spawn, Stdin};

/// The variables of the engine's own environment that commands inherit.
pub const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// The variable that names the file in which a command publishes outputs.
pub(crate) const PUBLISHED: &str = "FIREDRILL_OUTPUT";

/// The search path of a command whose environment has none.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How long a command has to end after TERM.
const GRACE_MS: u64 = 10_000;

/// A program that cannot be found.
#[derive(Debug, thiserror::Error)]
#[error("`{program}` was not found in PATH ({path})")]
pub(crate) struct NotFound {
    program: String,
    path: String,
}

/// Returns the request that starts a command. Its program is still to be [`locate`]d.
pub(crate) fn spawn(dir: &RunDir, about: &About, id: &CommandId, command: &Command, text: Rendered) -> Spawn {
    let secrets = command.secrets.clone();
    let time_limit_ms = command.time_limit.map(milliseconds);
    Spawn { secrets, time_limit_ms, ..bare(dir, about, &id.to_string(), text) }
}

/// Returns the request that starts an attempt of a step that is treated like this.
pub(crate) fn attempt(spawn: Spawn, conduct: Conduct) -> Spawn {
    let orphan = match conduct.on_engine_death {
        OnEngineDeath::Adopt => Orphan::Kept,
        OnEngineDeath::Kill => Orphan::Ended,
    };
    Spawn { grace_ms: milliseconds(conduct.stop_grace), orphan, ..spawn }
}

/// Returns the request with the names under which the run keeps the secrets that its command uses and publishes.
pub(crate) fn with_secrets(mut spawn: Spawn, plan: &Plan, id: &CommandId) -> Spawn {
    let Some(own) = id.step().and_then(|step| plan.step_index(step.as_str())) else { return spawn };
    for used in &mut spawn.secrets {
        let publisher = used.step.take().and_then(|step| plan.named(&step, own));
        if let Some(publisher) = publisher {
            used.secret = secret_key(&plan.steps[publisher].id, &used.secret);
        }
    }
    if id.role == Role::Attempt {
        let step = &plan.steps[own];
        spawn.publishes = step.secrets().map(|name| (name.to_owned(), secret_key(&step.id, name))).collect();
    }
    spawn
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the request that starts a command without a time limit; `name` is its key and that of its output files.
pub(crate) fn bare(dir: &RunDir, about: &About, name: &str, text: Rendered) -> Spawn {
    let file = |kind: &str| dir.captured(name, kind);
    let env = environment(dir, about, &file("outputs"), &text.env);
    Spawn {
        command: CommandKey::new(name),
        argv: text.argv,
        env: env.into_iter().collect(),
        secrets: Vec::new(),
        publishes: BTreeMap::new(),
        dir: about.dir.join(text.dir.unwrap_or_default()),
        stdin: text.stdin.map_or(Stdin::Null, Stdin::Text),
        stdout: file("stdout"),
        stderr: file("stderr"),
        time_limit_ms: None,
        grace_ms: GRACE_MS,
        orphan: Orphan::Kept,
    }
}

/// Makes the program of a request an absolute path, as a shell would find it.
pub(crate) fn locate(spawn: &mut Spawn) -> Result<(), NotFound> {
    let path = spawn.env.iter().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, path)| path);
    if let Some(program) = spawn.argv.first_mut() {
        *program = find(program, &spawn.dir, path)?;
    }
    Ok(())
}

fn environment(
    dir: &RunDir,
    about: &About,
    published: &Path,
    declared: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env = about.env.clone();
    env.extend(declared.iter().map(|(name, value)| (name.clone(), value.clone())));
    let sandbox = about.sandbox.as_ref().map(|world| format!("{}:", world.join("bin").display()));
    let path = env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let path = format!("{}:{}{path}", dir.bin().display(), sandbox.unwrap_or_default());
    let own = [
        ("PATH", path),
        ("FIREDRILL_RUN_ID", dir.id().to_owned()),
        ("FIREDRILL_RUN_DIR", dir.work().display().to_string()),
        (PUBLISHED, published.display().to_string()),
    ];
    env.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if let Some(world) = &about.sandbox {
        env.insert("FIREDRILL_SANDBOX".to_owned(), world.display().to_string());
    }
    env
}

/// Returns a program as an absolute path. One that names a folder is taken from `place`, any other from the search path.
fn find(program: &str, place: &Path, path: &str) -> Result<String, NotFound> {
    if program.contains('/') {
        return Ok(place.join(program).display().to_string());
    }
    let candidates = path.split(':').filter(|dir| !dir.is_empty()).map(|dir| place.join(dir).join(program));
    let found = candidates.into_iter().find(|candidate| is_executable(candidate));
    found
        .map(|found: PathBuf| found.display().to_string())
        .ok_or_else(|| NotFound { program: program.to_owned(), path: path.to_owned() })
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_like_a_shell_finds_them() {
        let place = Path::new("/tmp");
        assert_eq!(find("sh", place, "/nowhere:/bin").expect("there is a shell"), "/bin/sh");
        assert_eq!(find("./x", place, "/bin").expect("taken as it is"), "/tmp/./x");
        assert_eq!(find("/a/b", place, "/bin").expect("taken as it is"), "/a/b");
        let missing = find("no-such-program", place, "/bin").expect_err("not there");
        assert_eq!(missing.to_string(), "`no-such-program` was not found in PATH (/bin)");
    }
}
