//! `restore` of a director or a deployment: validate, connect, upload, lock, restore one job after another, unlock, clean up.

use std::io;

use crate::pace::Phase;
use crate::scripts::ScriptKind;
use crate::vm::Holder;

use super::artifact::{Artifact, checksums_of_folder, unpack};
use super::console::Purpose;
use super::drain::{content_bytes, disk_usage, human_size};
use super::errors::{Failure, Failures, Kind};
use super::lock::Scripts;
use super::session::{Session, broken};
use super::site::{Placed, Stage};

pub(super) fn run(session: &Session, artifact_path: &str) -> Failures {
    let mut failures = Failures::default();
    let artifact = match validate(session, artifact_path) {
        Ok(artifact) => artifact,
        Err(text) => return Failure::new(Kind::Other, text).into(),
    };
    if !failures.note(session.connect()) || !failures.note(check_restorable(session, &artifact)) {
        return failures;
    }
    if failures.note(upload(session, &artifact)) {
        let restored = failures.note(session.lock(Purpose::Restore)) && failures.note(run_scripts(session));
        if restored {
            session.console.info(&format!("Completed restore of {}", session.name()));
        }
        failures.note(session.unlock(Purpose::Restore, Scripts::Succeeded));
    }
    failures.note(session.clean_up());
    failures
}

fn validate(session: &Session, artifact_path: &str) -> Result<Artifact, String> {
    session.console.info(&format!("Starting restore of {}...", session.name()));
    let artifact = Artifact::open(artifact_path);
    session.console.info(&format!("Validating backup artifact for {}...", session.name()));
    let artifact = artifact?;
    match artifact.is_valid() {
        Ok(true) => Ok(artifact),
        Ok(false) => Err("Backup is corrupted".into()),
        Err(text) => Err(format!("Could not validate backup: {text}")),
    }
}

fn check_restorable(session: &Session, artifact: &Artifact) -> Result<(), Failure> {
    if session.jobs_with("restore").is_empty() {
        return Err(Failure::new(Kind::Other, format!("Deployment '{}' has no restore scripts", session.name())));
    }
    if !artifact.slots().all(|slot| session.machines().iter().any(|machine| machine.address() == slot.address())) {
        let text = format!("Deployment '{}' does not match the structure of the provided backup", session.name());
        return Err(Failure::new(Kind::Other, text));
    }
    // The real client wraps the error and so loses its kind: no advice is printed.
    session.check_directory().map_err(|failure| failure.within("Check artifact dir failed").into_other())
}

fn upload(session: &Session, artifact: &Artifact) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for placed in session.jobs_with("restore") {
        errors.extend(send(session, artifact, &placed).err());
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::nested(Kind::Other, &errors).within("Unable to send backup to remote machine. Got error"))
}

fn send(session: &Session, artifact: &Artifact, placed: &Placed) -> Result<(), String> {
    let (name, at, vm) = (&placed.job, placed.machine.address(), placed.vm());
    let (folder, tar) = (vm.artifact_of(name), artifact.tar_of(&placed.slot()));
    let sent = || -> io::Result<()> {
        vm.begin_job(name, &Holder::this_process()).map_err(io::Error::other)?;
        session.pace.pass_for(Phase::UPLOAD, content_bytes(&tar).unwrap_or_default());
        unpack(&tar, &folder)
    };
    let size = human_size(disk_usage(&tar).unwrap_or_default());
    session.console.info(&format!("Copying backup -- {size} uncompressed -- for job {name} on {at}..."));
    sent().map_err(|error| error.to_string())?;
    let Some(expected) = artifact.checksums_of(&placed.slot()) else {
        session.console.warn(&format!("Checksum for {name}/0 not found in artifact"));
        return Err(mismatch(placed));
    };
    if checksums_of_folder(&folder).map_err(|error| error.to_string())? != *expected {
        return Err(mismatch(placed));
    }
    session.console.info(&format!("Finished copying backup for job {name} on {at}."));
    Ok(())
}

fn mismatch(placed: &Placed) -> String {
    format!(
        "Backup couldn't be transferred, checksum failed for {} {} - checksums don't match for []. Checksum failed for 0 files in total",
        placed.machine.address(),
        placed.job
    )
}

fn run_scripts(session: &Session) -> Result<(), Failure> {
    session.console.info("Running restore scripts...");
    session.half_done().begin_restore(&Holder::this_process()).map_err(|error| broken(&error))?;
    let mut errors = Vec::new();
    for placed in session.jobs_with("restore") {
        let (job, slug) = (&placed.job, placed.slug());
        session.console.info(&format!("Restoring {job} on {slug}..."));
        errors.extend(session.begin(Stage::Restore, &placed, ScriptKind::Restore).err());
        errors.extend(session.pause(session.site.phase(Stage::Restore)).err());
        let ran = session.end(Stage::Restore, &placed, ScriptKind::Restore);
        match &ran {
            Ok(()) => session.console.info(&format!("Finished restoring {job} on {slug}.")),
            Err(_) => session.console.error(&format!("Error restoring {job} on {slug}.")),
        }
        errors.extend(ran.err());
    }
    session.console.info("Finished running restore scripts.");
    if errors.is_empty() {
        return session.half_done().end_restore().map_err(|error| broken(&error));
    }
    Err(Failure::nested(Kind::Other, &errors).within("Failed to restore"))
}
