//! Users of a VM: who one is, becoming root, and giving files away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::world::WorldError;
use crate::{clock, err, out};

use super::files::{called, real};
use super::{Inside, Owners, USER_VARIABLE, User};

/// `sudo [-u USER] [NAME=VALUE]... COMMAND...`: asks for no password.
pub(super) fn sudo(_: &Inside, args: &[String]) -> u8 {
    let mut user = User::ROOT.to_owned();
    let mut rest = args;
    while let Some((flag, after)) = rest.split_first().filter(|(flag, _)| flag.starts_with('-')) {
        rest = after;
        if matches!(flag.as_str(), "-u" | "--user") {
            let Some((name, after)) = rest.split_first() else { break };
            (user, rest) = (name.clone(), after);
        }
    }
    let given = rest.iter().take_while(|word| word.contains('=') && !word.starts_with('/'));
    let given: Vec<(&str, &str)> = given.filter_map(|word| word.split_once('=')).collect();
    let Some((program, args)) = rest[given.len()..].split_first() else {
        err("usage: sudo -h | -K | -k | -V\n");
        return 1;
    };
    clock::let_go();
    let run = Command::new(program).args(args).envs(given).env(USER_VARIABLE, user).status();
    if let Ok(status) = run {
        return status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    }
    err(&format!("sudo: {program}: command not found\n"));
    1
}

/// `su` would ask for a password.
pub(super) fn refuse(_: &Inside, _: &[String]) -> u8 {
    err("su: Authentication failure\n");
    1
}

/// A program that the VM does not have, since the machine that it is on would feel it.
pub(super) fn missing(_: &Inside, _: &[String]) -> u8 {
    err(&format!("sh: 1: {}: not found\n", called()));
    127
}

pub(super) fn whoami(inside: &Inside, _: &[String]) -> u8 {
    out(&format!("{}\n", inside.user.0));
    0
}

pub(super) fn id(inside: &Inside, args: &[String]) -> u8 {
    let number = if inside.user.is_root() { 0 } else { 1001 };
    let name = &inside.user.0;
    out(&match args.first().map(String::as_str) {
        Some("-u") => format!("{number}\n"),
        Some("-un" | "-n") => format!("{name}\n"),
        _ => format!("uid={number}({name}) gid={number}({name}) groups={number}({name})\n"),
    });
    0
}

pub(super) fn hostname(inside: &Inside, _: &[String]) -> u8 {
    out(&format!("{}\n", inside.instance.id));
    0
}

/// `sleep` lets the world's time pass.
pub(super) fn sleep(_: &Inside, args: &[String]) -> u8 {
    crate::time::sleep(args)
}

/// `chown [-R] OWNER[:GROUP] FILE...`: for root only. A folder is always given away with everything in it.
pub(super) fn chown(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    let plain: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let Some((owner, paths)) = plain.split_first().filter(|(_, paths)| !paths.is_empty()) else {
        err("chown: missing operand\n");
        return Ok(1);
    };
    let owners = Owners::of(&inside.world, &inside.instance);
    let owner = owner.split([':', '.']).next().unwrap_or_default();
    for path in paths {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let shown = inside.seen(&path.display().to_string());
        if !path.exists() {
            err(&format!("chown: cannot access '{shown}': No such file or directory\n"));
            return Ok(1);
        }
        if !inside.user.is_root() {
            err(&format!("chown: changing ownership of '{shown}': Operation not permitted\n"));
            return Ok(1);
        }
        owners.set(&path, owner)?;
    }
    Ok(0)
}

/// `stat -c FORMAT FILE...` with what the world remembers; anything else is the real one's.
pub(super) fn stat(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    let [flag, format, paths @ ..] = args else { return real("stat", args) };
    if !matches!(flag.as_str(), "-c" | "--format") || paths.iter().any(|path| !Path::new(path).exists()) {
        return real("stat", args);
    }
    let owners = Owners::of(&inside.world, &inside.instance);
    for path in paths {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let metadata = fs::metadata(path).map_err(|source| WorldError::io("look at", &absolute, source))?;
        let owner = owners.owner(&absolute);
        let kind = if metadata.is_dir() { "directory" } else { "regular file" };
        let mode = format!("{:o}", metadata.permissions().mode() & 0o7777);
        let size = metadata.len().to_string();
        let fields = [("%U", owner.as_str()), ("%G", &owner), ("%a", &mode), ("%s", &size), ("%F", kind), ("%n", path)];
        out(&(fields.iter().fold(format.clone(), |text, (field, value)| text.replace(field, value)) + "\n"));
    }
    Ok(0)
}
