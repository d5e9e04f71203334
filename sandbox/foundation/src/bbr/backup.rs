//! `bbr director backup`: check, lock, back up, unlock, drain, clean up.

use crate::artifacts::Artifacts;
use crate::clock::Moment;
use crate::fault::FaultPoint;
use crate::pace::Phase;
use crate::vm::{BACKUP_DIRECTORY, DIRECTOR_JOB, Holder, Job};

use super::artifact::Artifact;
use super::console::Purpose;
use super::drain::drain;
use super::errors::{Failure, Failures, Kind};
use super::session::{Scripts, Session, broken, script_path};

pub(super) fn run(session: &Session, artifact_path: &str) -> Failures {
    let mut failures = Failures::default();
    // bbr names the artifact by the moment at which it was started.
    let started = Moment::now();
    if !failures.note(session.connect()) || !failures.note(session.check_backupable()) {
        return failures;
    }
    match create(session, artifact_path, started) {
        Ok(artifact) => fill(session, artifact, &mut failures),
        Err(failure) => drop(failures.note(Err(failure))),
    }
    failures
}

fn create(session: &Session, artifact_path: &str, started: Moment) -> Result<Artifact, Failure> {
    session.console.info(&format!("Starting backup of {}...", session.name()));
    let created = Artifact::create(artifact_path, session.name(), started);
    let artifact = created.map_err(|text| Failure::new(Kind::Other, text))?;
    let missing = "Error checking metadata exists and is readable: stat";
    let metadata = artifact.metadata_path();
    session.console.debug(&format!("{missing} {}: no such file or directory", metadata.display()));
    let folder = artifact.folder().map_err(|text| Failure::new(Kind::Other, text))?;
    let recorded = session.world.update(|artifacts: &mut Artifacts| artifacts.record(folder));
    recorded.map_err(|error| broken(&error))?;
    Ok(artifact)
}

fn fill(session: &Session, mut artifact: Artifact, failures: &mut Failures) {
    let locked = failures.note(session.lock(Purpose::Backup));
    let backed_up = locked && failures.note(run_scripts(session));
    let scripts = if backed_up { Scripts::Succeeded } else { Scripts::Failed };
    failures.note(session.unlock(Purpose::Backup, scripts));
    if backed_up {
        failures.note(drain(session, &mut artifact));
    }
    if locked {
        failures.note(session.clean_up());
    }
    failures.note(artifact.finish(Moment::now()).map_err(|text| Failure::new(Kind::Other, text)));
}

/// Starts the backup scripts of all jobs, then lets them finish; one that fails does not stop the others.
fn run_scripts(session: &Session) -> Result<(), Failure> {
    session.console.info("Running backup scripts...");
    let jobs = session.jobs_with("backup");
    let mut errors = Vec::new();
    let holder = Holder::this_process();
    for job in &jobs {
        session.console.debug(&format!("> {}", script_path(job.name, "backup")));
        session.console.info(&format!("Backing up {} on bosh/0...", job.name));
        session.remote(&format!("mkdir -p {BACKUP_DIRECTORY}/{}", job.name), "");
        let begun = session.vm.begin_job(job.name, &holder);
        errors.extend(begun.err().map(|error| error.to_string()));
    }
    session.pace.pass(Phase::BACKUP);
    for job in jobs {
        let ran = back_up(session, job);
        match &ran {
            Ok(()) => session.console.info(&format!("Finished backing up {} on bosh/0.", job.name)),
            Err(_) => session.console.error(&format!("Error backing up {} on bosh/0.", job.name)),
        }
        errors.extend(ran.err());
    }
    session.console.info("Finished running backup scripts.");
    if errors.is_empty() { Ok(()) } else { Err(Failure::nested(Kind::Other, &errors)) }
}

fn back_up(session: &Session, job: Job) -> Result<(), String> {
    let folder = format!("{BACKUP_DIRECTORY}/{}/", job.name);
    session.remote_script(job.name, "backup", &format!("BBR_ARTIFACT_DIRECTORY={folder} ARTIFACT_DIRECTORY={folder} "));
    let effect = || session.vm.back_up(job).map_err(|error| error.to_string());
    if job.name == DIRECTOR_JOB {
        return session.script(FaultPoint::BACKUP, job.name, "backup", effect);
    }
    effect()
        .map_err(|text| format!("Error attempting to run backup for job {} on bosh/0: {text} - exit code 1", job.name))
}
