//! `bbr director restore`: validate, connect, upload, lock, restore one job after another, unlock, clean up.

use std::io;

use crate::fault::FaultPoint;
use crate::pace::Phase;
use crate::vm::{DIRECTOR_JOB, Holder, Job};

use super::artifact::{Artifact, checksums_of_folder, unpack};
use super::console::Purpose;
use super::drain::{content_bytes, disk_usage, human_size};
use super::errors::{Failure, Failures, Kind};
use super::session::{Scripts, Session, broken};

pub(super) fn run(session: &Session, artifact_path: &str) -> Failures {
    let mut failures = Failures::default();
    let artifact = match validate(session, artifact_path) {
        Ok(artifact) => artifact,
        Err(text) => return Failure::new(Kind::Other, text).into(),
    };
    if !failures.note(session.connect()) || !failures.note(check_restorable(session)) {
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

fn check_restorable(session: &Session) -> Result<(), Failure> {
    if session.jobs_with("restore").is_empty() {
        return Err(Failure::new(Kind::Other, format!("Deployment '{}' has no restore scripts", session.name())));
    }
    // The real client wraps the error and so loses its kind: no advice is printed.
    session.check_directory().map_err(|failure| failure.within("Check artifact dir failed").into_other())
}

fn upload(session: &Session, artifact: &Artifact) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for job in session.jobs_with("restore") {
        errors.extend(send(session, artifact, job).err());
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::nested(Kind::Other, &errors).within("Unable to send backup to remote machine. Got error"))
}

fn send(session: &Session, artifact: &Artifact, job: Job) -> Result<(), String> {
    let (name, folder) = (job.name, session.vm.artifact_of(job.name));
    let sent = || -> io::Result<()> {
        session.vm.begin_job(name, &Holder::this_process()).map_err(io::Error::other)?;
        session.pace.pass_for(Phase::UPLOAD, content_bytes(&artifact.tar_of(name)).unwrap_or_default());
        unpack(&artifact.tar_of(name), &folder)
    };
    let size = disk_usage(&artifact.tar_of(name)).unwrap_or_default();
    let size = human_size(size);
    session.console.info(&format!("Copying backup -- {size} uncompressed -- for job {name} on bosh/0..."));
    sent().map_err(|error| error.to_string())?;
    let Some(expected) = artifact.checksums_of(name) else {
        session.console.warn(&format!("Checksum for {name}/0 not found in artifact"));
        return Err(mismatch(name));
    };
    if checksums_of_folder(&folder).map_err(|error| error.to_string())? != *expected {
        return Err(mismatch(name));
    }
    session.console.info(&format!("Finished copying backup for job {name} on bosh/0."));
    Ok(())
}

fn mismatch(job: &str) -> String {
    format!(
        "Backup couldn't be transferred, checksum failed for bosh/0 {job} - checksums don't match for []. Checksum failed for 0 files in total"
    )
}

fn run_scripts(session: &Session) -> Result<(), Failure> {
    session.console.info("Running restore scripts...");
    session.vm.begin_restore(&Holder::this_process()).map_err(|error| broken(&error))?;
    let mut errors = Vec::new();
    for job in session.jobs_with("restore") {
        session.console.info(&format!("Restoring {} on bosh/0...", job.name));
        session.pace.pass(Phase::RESTORE);
        let ran = restore(session, job);
        match &ran {
            Ok(()) => session.console.info(&format!("Finished restoring {} on bosh/0.", job.name)),
            Err(_) => session.console.error(&format!("Error restoring {} on bosh/0.", job.name)),
        }
        errors.extend(ran.err());
    }
    session.console.info("Finished running restore scripts.");
    if errors.is_empty() {
        return session.vm.end_restore().map_err(|error| broken(&error));
    }
    Err(Failure::nested(Kind::Other, &errors).within("Failed to restore"))
}

fn restore(session: &Session, job: Job) -> Result<(), String> {
    let effect = || session.vm.restore(job).map_err(|error| error.to_string());
    if job.name == DIRECTOR_JOB {
        return session.script(FaultPoint::RESTORE, job.name, "restore", effect);
    }
    effect()
        .map_err(|text| format!("Error attempting to run restore for job {} on bosh/0: {text} - exit code 1", job.name))
}
