//! Fetching values from where they lie, each time an engine takes a run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use firedrill_model::plan::{Plan, SecretSource};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::{Published, SHORTEST, Secret, Vault};

/// How long a command that prints a secret may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The most bytes of a secret: what a command finds in its environment cannot be longer.
const LONGEST: u64 = 128 * 1024;

/// A secret that cannot be had. Says whose fault it is, and never what the value is.
#[derive(Debug, thiserror::Error)]
#[error("secret `{name}`: {fault}")]
pub struct SecretError {
    name: String,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the environment has no variable `{0}`")]
    Unset(String),
    #[error("the file `{path}`: {source}")]
    File { path: String, source: io::Error },
    #[error("`{program}` cannot be started: {source}")]
    NotStarted { program: String, source: io::Error },
    #[error("`{program}` ended with {status}; what it said is not shown, because it may be the secret")]
    Failed { program: String, status: std::process::ExitStatus },
    #[error("`{program}` did not end within {} s", PATIENCE.as_secs())]
    Late { program: String },
    #[error("what `{program}` prints cannot be read: {source}")]
    Unread { program: String, source: io::Error },
    #[error("its value is shorter than {SHORTEST} characters, and could not be told from ordinary text")]
    Short,
    #[error("its value is longer than {LONGEST} bytes")]
    Long,
    #[error("its value is no text: it is not UTF-8, or holds a NUL")]
    NotText,
}

/// Finds out whether every secret of a plan can be had, and forgets them again: a run that could not start is not created.
pub fn check_secrets(plan: &Plan, dir: &Path) -> Result<(), SecretError> {
    fetch(plan, dir).map(drop)
}

/// Fetches the values of a plan's secrets. Relative files, and commands, start from `dir`.
pub(crate) fn fetch(plan: &Plan, dir: &Path) -> Result<Vault, SecretError> {
    let values = plan.secrets.iter().map(|(name, source)| {
        let value = value(name, source, dir).and_then(|value| accepted(&value));
        value.map(|value| (name.clone(), Arc::new(value))).map_err(|fault| SecretError { name: name.clone(), fault })
    });
    Ok(vault(plan, values.collect::<Result<_, _>>()?))
}

/// Makes up a value for every secret of a plan, for a world in which nothing is real.
pub(crate) fn made_up(plan: &Plan) -> Vault {
    vault(plan, plan.secrets.keys().map(|name| (name.clone(), Arc::new(Secret::new(canary(name))))).collect())
}

/// Makes up what a command publishes that is not executed, given the names of its secrets.
pub(crate) fn rehearsed<'n>(names: impl Iterator<Item = &'n String>) -> Published {
    Published(names.map(|name| (name.clone(), Arc::new(Secret::new(canary(name))))).collect())
}

fn vault(plan: &Plan, values: BTreeMap<String, Arc<Secret>>) -> Vault {
    if values.is_empty() && !plan.publishes_secrets() { Vault::unneeded() } else { Vault::new(values, Vec::new()) }
}

/// Returns the value that a secret has in a rehearsal.
fn canary(name: &str) -> String {
    format!("canary-{name}")
}

fn value(name: &str, source: &SecretSource, dir: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    match source {
        SecretSource::Env(variable) => {
            let value = std::env::var_os(variable).ok_or_else(|| Fault::Unset(variable.clone()))?;
            Ok(Zeroizing::new(value.into_encoded_bytes()))
        }
        SecretSource::File(path) => {
            let unread = |source| Fault::File { path: path.clone(), source };
            let file = File::open(dir.join(path)).map_err(unread)?;
            Ok(without_last_newline(read(file).map_err(unread)?))
        }
        SecretSource::Command(argv) => printed(argv, dir).map(without_last_newline),
        SecretSource::MadeUp => Ok(Zeroizing::new(canary(name).into_bytes())),
    }
}

/// Returns what a command has published as a secret, if it can be one.
pub(super) fn secret(value: &str) -> Option<Secret> {
    accepted(value.as_bytes()).ok()
}

fn accepted(value: &[u8]) -> Result<Secret, Fault> {
    if value.len() as u64 > LONGEST {
        return Err(Fault::Long);
    }
    let text = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0')).ok_or(Fault::NotText)?;
    if text.trim().chars().count() < SHORTEST {
        return Err(Fault::Short);
    }
    Ok(Secret::new(text.to_owned()))
}

fn without_last_newline(mut value: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if value.last() == Some(&b'\n') {
        value.pop();
    }
    value
}

fn read(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut value = Zeroizing::new(Vec::new());
    source.take(LONGEST + 2).read_to_end(&mut value)?;
    Ok(value)
}

/// Returns what a command prints. It finds the environment of whoever called the engine.
fn printed(argv: &[String], dir: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let program = argv.first().cloned().unwrap_or_default();
    let mut command = Command::new(&program);
    command.args(argv.get(1..).unwrap_or_default()).current_dir(dir).process_group(0);
    // What it says on standard error may hold the secret, too.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|source| Fault::NotStarted { program: program.clone(), source })?;
    let value = all_of(&mut child);
    let Some(value) = value else {
        end(&mut child);
        return Err(Fault::Late { program });
    };
    let unread = |source| Fault::Unread { program: program.clone(), source };
    let status = child.wait().map_err(unread)?;
    if status.success() { value.map_err(unread) } else { Err(Fault::Failed { program, status }) }
}

/// Returns what a child prints until it has closed its output, or nothing if that takes too long.
fn all_of(child: &mut Child) -> Option<io::Result<Zeroizing<Vec<u8>>>> {
    let output = child.stdout.take()?;
    let (sender, printed) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits any more if it took too long.
        let _late = sender.send(read(output));
    });
    printed.recv_timeout(PATIENCE).ok()
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended just now.
    let _gone = group.map(|group| kill_process_group(group, Signal::KILL));
    let _waited = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(source: &SecretSource, dir: &Path) -> Result<String, String> {
        let secret = value("pw", source, dir).and_then(|value| accepted(&value));
        let secret = secret.map_err(|fault| SecretError { name: "pw".to_owned(), fault }.to_string())?;
        Ok(secret.expose().to_owned())
    }

    fn command(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[test]
    fn files_and_commands_lose_one_newline() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "  hunter2\n\n").unwrap();
        assert_eq!(fetched(&SecretSource::File("pw".to_owned()), dir.path()).unwrap(), "  hunter2\n");
        assert_eq!(fetched(&command("cat pw; pwd >/dev/null"), dir.path()).unwrap(), "  hunter2\n");
        assert_eq!(fetched(&SecretSource::MadeUp, dir.path()).unwrap(), "canary-pw");
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let short = "secret `pw`: its value is shorter than 4 characters, and could not be told from ordinary text";
        for script in ["printf ' abc \\n'", "true", "echo"] {
            assert_eq!(fetched(&command(script), dir.path()).unwrap_err(), short);
        }
        let no_text = "secret `pw`: its value is no text: it is not UTF-8, or holds a NUL";
        assert_eq!(fetched(&command("printf 'hun\\000ter2'"), dir.path()).unwrap_err(), no_text);
        assert_eq!(fetched(&command("printf 'hun\\377ter2'"), dir.path()).unwrap_err(), no_text);
        let failed = fetched(&command("echo hunter2; echo hunter2 >&2; exit 3"), dir.path()).unwrap_err();
        assert!(failed.contains("`sh` ended with exit status: 3") && !failed.contains("hunter2"), "{failed}");
        let unset = fetched(&SecretSource::Env("FIREDRILL_TEST_UNSET".to_owned()), dir.path()).unwrap_err();
        assert_eq!(unset, "secret `pw`: the environment has no variable `FIREDRILL_TEST_UNSET`");
    }
}
