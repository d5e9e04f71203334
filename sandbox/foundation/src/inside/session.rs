//! A session on a VM: a user logs in, runs a script, and is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::clock;
use crate::foundation::Instance;
use crate::world::{World, WorldError};

use super::{INSTANCE_VARIABLE, Owners, PROGRAMS, SCRIPT_VARIABLE, USER_VARIABLE, User, script};

/// What a script printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
}

/// Runs a script on the VM of an instance as a user, in the user's home.
pub(crate) fn run_script(world: &World, instance: &Instance, user: &User, text: &str) -> Result<Ran, WorldError> {
    let root = world.enter(instance)?;
    let bin = programs(world)?;
    let home = root.join("home").join(&user.0);
    fs::create_dir_all(&home).map_err(|source| WorldError::io("create", &home, source))?;
    let owners = Owners::of(world, instance);
    owners.set(&home, &user.0)?;
    let mapped = script::mapped(text, &root);
    let guarded =
        if user.is_root() { mapped } else { script::guarded(&mapped, |path| !owners.may_write(path, user), &root) };
    // The programs of the script may park: the one that waits for them must not count as awake.
    clock::let_go();
    let output = Command::new("/bin/sh")
        .args(["-c", &guarded])
        .current_dir(&home)
        .stdin(Stdio::null())
        .env_clear()
        .envs(inherited())
        .env("PATH", search_path(&bin))
        .env("HOME", &home)
        .env("USER", &user.0)
        .env("TMPDIR", root.join("tmp"))
        .env(INSTANCE_VARIABLE, &instance.id.0)
        .env(USER_VARIABLE, &user.0)
        .env(SCRIPT_VARIABLE, text)
        .output()
        .map_err(|source| WorldError::io("run a shell in", &home, source))?;
    let disk = world.foundation()?.mounted_on(instance).map(|disk| world.disk_dir(&disk.cid).display().to_string());
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = disk.as_ref().map_or(text.to_string(), |disk| text.replace(disk, "/var/vcap/store"));
        script::unmapped(&text, &root)
    };
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    Ok(Ran { stdout: text(&output.stdout), stderr: script::refused(&text(&output.stderr)), code })
}

/// What stand-ins need of the environment.
fn inherited() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("FIREDRILL_") || name == "TZ")
}

fn search_path(bin: &Path) -> String {
    format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin.display())
}

/// Returns the folder of the programs of VMs, which is made when the first VM is entered.
fn programs(world: &World) -> Result<std::path::PathBuf, WorldError> {
    let bin = world.root().join("vm-bin");
    if bin.exists() {
        return Ok(bin);
    }
    let fresh = bin.with_extension(std::process::id().to_string());
    let executable = std::env::current_exe().map_err(|source| WorldError::io("find", "executable".as_ref(), source))?;
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    crate::install(&fresh, &executable, &names)?;
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&fresh, open).map_err(|source| WorldError::io("open", &fresh, source))?;
    if fs::rename(&fresh, &bin).is_err() {
        // Somebody else was faster.
        fs::remove_dir_all(&fresh).map_err(|source| WorldError::io("remove", &fresh, source))?;
    }
    Ok(bin)
}
