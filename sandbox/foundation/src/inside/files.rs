//! Programs that write: refused if the user must not, or if the disk is full; then the real ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::WorldError;

use super::{Inside, Owners};
use crate::{clock, err};

/// What a program is about to do to files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Intent {
    /// Files that it writes or makes.
    writes: Vec<PathBuf>,
    /// Files that it takes away from their folders.
    removes: Vec<PathBuf>,
    /// Files whose mode it changes, which takes their owner.
    changes: Vec<PathBuf>,
}

/// Runs a program that writes, under the name that this process was called by.
pub(super) fn run(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    let name = called();
    let owners = Owners::of(&inside.world, &inside.instance);
    let intent = Intent::of(&name, args);
    if let Some(refusal) = inside.refusal(&intent, &owners) {
        err(&format!("{name}: {refusal}\n"));
        return Ok(if name == "tar" { 2 } else { 1 });
    }
    let made: Vec<&PathBuf> = intent.writes.iter().filter(|path| !path.exists()).collect();
    clock::let_go();
    let code = real(&name, args)?;
    for path in made.into_iter().filter(|path| path.exists() && owners.owner(path) != inside.user.0) {
        owners.set(path, &inside.user.0)?;
    }
    for path in intent.removes.iter().filter(|path| !path.exists()) {
        owners.forget(path)?;
    }
    Ok(code)
}

/// Returns the name by which this process was called.
pub(super) fn called() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    Path::new(&called).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs the program of the machine that a stand-in stands before.
pub(super) fn real(name: &str, args: &[String]) -> Result<u8, WorldError> {
    let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
    let Some(program) = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists()) else {
        err(&format!("sh: 1: {name}: not found\n"));
        return Ok(127);
    };
    let status = Command::new(&program).args(args).status();
    let status = status.map_err(|source| WorldError::io("run", &program, source))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}

impl Inside {
    /// Returns why the program must not go on.
    fn refusal(&self, intent: &Intent, owners: &Owners) -> Option<String> {
        let denied = |path: &&PathBuf| !owners.may_write(path, &self.user);
        let taken = |path: &PathBuf| path.parent().is_some_and(|folder| !owners.may_write(folder, &self.user));
        let foreign = |path: &&PathBuf| !self.user.is_root() && owners.owner(path) != self.user.0;
        if let Some(path) = intent.writes.iter().find(denied) {
            return Some(format!("cannot create '{}': Permission denied", self.shown(path)));
        }
        if let Some(path) = intent.removes.iter().find(|path| path.exists() && taken(path)) {
            return Some(format!("cannot remove '{}': Permission denied", self.shown(path)));
        }
        if let Some(path) = intent.changes.iter().find(foreign) {
            return Some(format!("changing permissions of '{}': Operation not permitted", self.shown(path)));
        }
        let full = self.foundation.mounted_on(&self.instance).is_some_and(|disk| disk.is_full);
        let store = self.root.join("var/vcap/store");
        let path = intent.writes.iter().find(|path| full && path.starts_with(&store))?;
        Some(format!("error writing '{}': No space left on device", self.shown(path)))
    }

    fn shown(&self, path: &Path) -> String {
        self.seen(&path.display().to_string())
    }
}

impl Intent {
    fn of(name: &str, args: &[String]) -> Intent {
        let plain: Vec<PathBuf> = args.iter().filter(|arg| !arg.starts_with('-')).map(absolute).collect();
        match name {
            "rm" | "rmdir" => Intent { removes: plain, ..Intent::default() },
            "chmod" => Intent { changes: plain.into_iter().skip(1).collect(), ..Intent::default() },
            "tar" => Intent { writes: tar_writes(args), ..Intent::default() },
            "dd" => {
                let written = args.iter().filter_map(|arg| arg.strip_prefix("of=")).map(absolute);
                Intent { writes: written.collect(), ..Intent::default() }
            }
            "cp" | "mv" | "ln" | "install" | "rsync" => moved(name, args, plain),
            _ => Intent { writes: plain, ..Intent::default() },
        }
    }
}

fn moved(name: &str, args: &[String], mut plain: Vec<PathBuf>) -> Intent {
    let makes_folders = name == "install" && args.iter().any(|arg| arg == "-d");
    if makes_folders {
        return Intent { writes: plain, ..Intent::default() };
    }
    let named = value_of(args, "-t", "--target-directory").map(|folder| absolute(&folder));
    let Some(target) = named.or_else(|| plain.pop()) else { return Intent::default() };
    plain.retain(|source| *source != target);
    let removes = if name == "mv" { plain.clone() } else { Vec::new() };
    let writes = if target.is_dir() {
        plain.iter().filter_map(|source| source.file_name()).map(|file| target.join(file)).collect()
    } else {
        vec![target]
    };
    Intent { writes, removes, ..Intent::default() }
}

/// An archive is written if it is made, a folder if it is unpacked there.
fn tar_writes(args: &[String]) -> Vec<PathBuf> {
    let letters =
        args.first().filter(|first| !first.starts_with("--")).map_or("", |first| first.trim_start_matches('-'));
    let does = |letter: char, long: &str| letters.contains(letter) || args.iter().any(|arg| arg == long);
    let folder = value_of(args, "-C", "--directory").unwrap_or_else(|| ".".into());
    if does('x', "--extract") {
        return vec![absolute(&folder)];
    }
    if !does('c', "--create") {
        return Vec::new();
    }
    let archive = value_of(args, "-f", "--file").or_else(|| args.get(1).filter(|_| letters.contains('f')).cloned());
    archive.filter(|archive| archive != "-").map(|archive| absolute(&archive)).into_iter().collect()
}

fn value_of(args: &[String], short: &str, long: &str) -> Option<String> {
    let joined = args.iter().find_map(|arg| arg.strip_prefix(&format!("{long}=")).map(str::to_owned));
    let after = || args.iter().position(|arg| arg == short || arg == long).and_then(|at| args.get(at + 1).cloned());
    joined.or_else(after)
}

fn absolute(path: impl AsRef<Path>) -> PathBuf {
    std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(line: &str) -> Intent {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Intent::of(&words[0], &words[1..])
    }

    #[test]
    fn what_programs_are_about_to_write() {
        for (line, writes) in [
            ("mkdir -p /v/a /v/b", ["/v/a", "/v/b"].as_slice()),
            ("cp -a /v/x /v/y", &["/v/y"]),
            ("cp -t /tmp /v/x", &["/tmp/x"]),
            ("mv /v/x /v/y", &["/v/y"]),
            ("tar -xf /v/a.tar -C /v/there", &["/v/there"]),
            ("tar cf /v/a.tar x", &["/v/a.tar"]),
            ("tar -tf /v/a.tar", &[]),
            ("dd if=/v/x of=/v/y", &["/v/y"]),
            ("tee -a /v/log", &["/v/log"]),
            ("chmod 777 /v/x", &[]),
        ] {
            let expected: Vec<PathBuf> = writes.iter().map(PathBuf::from).collect();
            assert_eq!(intent(line).writes, expected, "{line}");
        }
        assert_eq!(intent("mv /v/x /v/y").removes, [PathBuf::from("/v/x")]);
        assert_eq!(intent("chmod 777 /v/x").changes, [PathBuf::from("/v/x")]);
    }
}
