//! bbr for all deployments of a director.

use std::path::Path;

use crate::clock::Moment;
use crate::out;
use crate::world::{World, WorldError};

use super::console::Console;
use super::errors::Failures;
use super::flags::{DeploymentAccess, Options, Subcommand};
use super::session::Session;
use super::site::Site;
use super::stamp;

const RULE: &str = "-------------------------";

/// How a subcommand speaks of what it does.
struct Words {
    /// `backup of`, as in `Starting backup of cf`.
    doing: &'static str,
    succeeded: &'static str,
    failed: &'static str,
}

/// Returns whether a subcommand can be run for all deployments.
pub(super) fn knows(subcommand: Subcommand) -> bool {
    matches!(subcommand, Subcommand::PreBackupCheck | Subcommand::Backup | Subcommand::BackupCleanup)
}

fn words(subcommand: Subcommand) -> Words {
    match subcommand {
        Subcommand::PreBackupCheck => {
            Words { doing: "check", succeeded: "can be backed up", failed: "cannot be backed up" }
        }
        Subcommand::BackupCleanup | Subcommand::RestoreCleanup => {
            Words { doing: "cleanup", succeeded: "cleaned up", failed: "could not be cleaned up" }
        }
        Subcommand::Backup | Subcommand::Restore => {
            Words { doing: "backup", succeeded: "backed up", failed: "cannot be backed up" }
        }
    }
}

/// Runs a subcommand for every deployment. The exit status is 1 if one failed, whatever its bits.
pub(super) fn run(
    world: &World,
    access: &DeploymentAccess,
    subcommand: Subcommand,
    options: &Options,
) -> Result<u8, WorldError> {
    let mut names: Vec<String> =
        world.foundation()?.deployments.into_iter().map(|deployment| deployment.name).collect();
    names.sort();
    say(&format!("Pending: {}", names.join(", ")));
    say(RULE);
    let mut failed: Vec<(String, Failures)> = Vec::new();
    for name in &names {
        let failures = run_one(world, access, name, subcommand, options)?;
        if !failures.is_empty() {
            failed.push((name.clone(), failures));
        }
    }
    say(RULE);
    let words = words(subcommand);
    let succeeded: Vec<&str> =
        names.iter().filter(|name| !failed.iter().any(|(known, _)| known == *name)).map(String::as_str).collect();
    if !succeeded.is_empty() {
        say(&format!("Successfully {}: {}", words.succeeded, succeeded.join(", ")));
    }
    if failed.is_empty() {
        return Ok(0);
    }
    summarize(&words, names.len(), &failed);
    Ok(1)
}

fn say(text: &str) {
    out(&format!("{}{text}\n", stamp()));
}

fn run_one(
    world: &World,
    access: &DeploymentAccess,
    name: &str,
    subcommand: Subcommand,
    options: &Options,
) -> Result<Failures, WorldError> {
    let words = words(subcommand);
    let is_check = subcommand == Subcommand::PreBackupCheck;
    let log = format!("{name}_{}.log", Moment::now().format("%Y%m%dT%H%M%SZ"));
    let console = if is_check {
        Console::silent()
    } else {
        say(&format!("Starting {} of {name}, log file: {log}", words.doing));
        Console::in_file(Path::new(&options.artifact_path).join(&log), access.verbosity)
    };
    let session = Session::new(world, Site::Deployment(access, name.to_owned()), console)?;
    let failures = super::perform(&session, subcommand, options);
    match (is_check, failures.is_empty()) {
        (true, true) => say(&format!("Deployment '{name}' can be backed up.")),
        (true, false) => {
            say(&format!("Deployment '{name}' cannot be backed up.\n{}", indented(&failures)));
        }
        (false, true) => say(&format!("Finished {} of {name}", words.doing)),
        (false, false) => {
            let verb = if subcommand == Subcommand::Backup { "back up" } else { "clean up" };
            say(&format!("ERROR: failed to {verb} {name}\n{}", indented(&failures)));
        }
    }
    Ok(failures)
}

fn indented(failures: &Failures) -> String {
    failures.pretty().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn summarize(words: &Words, all: usize, failed: &[(String, Failures)]) {
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    say(&format!("FAILED: {}", names.join(", ")));
    let listed = names.join("\n  ");
    crate::err(&format!("{} out of {all} deployments {}:\n  {listed}\n\n", failed.len(), words.failed));
    for (name, failures) in failed {
        crate::err(&format!("Deployment '{name}':\n{}\n\n", indented(failures)));
    }
}
