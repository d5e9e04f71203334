//! `backup` of a director or a deployment: check, lock, back up, unlock, drain, clean up.

use crate::artifacts::Artifacts;
use crate::clock::Moment;
use crate::scripts::{ScriptKind, path, variables};
use crate::vm::{BACKUP_DIRECTORY, Holder};

use super::artifact::Artifact;
use super::console::Purpose;
use super::drain::drain;
use super::errors::{Failure, Failures, Kind};
use super::flags::{Locking, Options};
use super::lock::Scripts;
use super::session::{Session, broken};
use super::site::{Placed, Site, Stage};

pub(super) fn run(session: &Session, options: &Options) -> Failures {
    let mut failures = Failures::default();
    // bbr names the artifact by the moment at which it was started.
    let started = Moment::now();
    if !failures.note(session.connect()) || !failures.note(session.check_backupable()) {
        return failures;
    }
    match create(session, options, started) {
        Ok(artifact) => fill(session, artifact, options.locking, &mut failures),
        Err(failure) => drop(failures.note(Err(failure))),
    }
    failures
}

fn create(session: &Session, options: &Options, started: Moment) -> Result<Artifact, Failure> {
    session.console.info(&format!("Starting backup of {}...", session.name()));
    let created = Artifact::create(&options.artifact_path, session.name(), started);
    let artifact = created.map_err(|text| Failure::new(Kind::Other, text))?;
    let missing = "Error checking metadata exists and is readable: stat";
    let metadata = artifact.metadata_path();
    session.console.debug(&format!("{missing} {}: no such file or directory", metadata.display()));
    let folder = artifact.folder().map_err(|text| Failure::new(Kind::Other, text))?;
    let recorded = session.world.update(|artifacts: &mut Artifacts| artifacts.record(folder));
    recorded.map_err(|error| broken(&error))?;
    if let (Site::Deployment(access, name), true) = (&session.site, options.with_manifest) {
        let manifest = session.deployment(access, name)?.manifest();
        artifact.add_manifest(&manifest).map_err(|text| Failure::new(Kind::Other, text))?;
    }
    Ok(artifact)
}

fn fill(session: &Session, mut artifact: Artifact, locking: Locking, failures: &mut Failures) {
    let locked = failures.note(lock(session, locking));
    let backed_up = locked && failures.note(run_scripts(session));
    let scripts = if backed_up { Scripts::Succeeded } else { Scripts::Failed };
    failures.note(unlock(session, locking, scripts));
    if backed_up {
        failures.note(drain(session, &mut artifact));
    }
    if locked {
        failures.note(session.clean_up());
    }
    failures.note(artifact.finish(Moment::now()).map_err(|text| Failure::new(Kind::Other, text)));
}

fn lock(session: &Session, locking: Locking) -> Result<(), Failure> {
    if locking == Locking::Skipped {
        session.console.info("Skipping lock for deployment");
        return Ok(());
    }
    session.lock(Purpose::Backup)
}

fn unlock(session: &Session, locking: Locking, scripts: Scripts) -> Result<(), Failure> {
    match (locking, scripts) {
        (Locking::Wanted, _) => return session.unlock(Purpose::Backup, scripts),
        (Locking::Skipped, Scripts::Succeeded) => {
            session.console.info("Skipping unlock after successful backup for deployment");
        }
        (Locking::Skipped, Scripts::Failed) => {
            session.console.info("Skipping unlock after unsuccessful backup for deployment");
        }
    }
    Ok(())
}

/// Starts the backup scripts of all jobs, then lets them finish; one that fails does not stop the others.
fn run_scripts(session: &Session) -> Result<(), Failure> {
    session.console.info("Running backup scripts...");
    let jobs = session.jobs_with("backup");
    let mut errors = Vec::new();
    let holder = Holder::this_process();
    for placed in &jobs {
        session.console.debug(&format!("> {}", path(&placed.job, "backup")));
        session.console.info(&format!("Backing up {} on {}...", placed.job, placed.slug()));
        session.remote(&format!("mkdir -p {BACKUP_DIRECTORY}/{}", placed.job), "");
        let begun = placed.vm().begin_job(&placed.job, &holder).map_err(|error| error.to_string());
        errors.extend(begun.and_then(|()| session.begin(Stage::Backup, placed, ScriptKind::Backup)).err());
    }
    errors.extend(session.pause(session.site.phase(Stage::Backup)).err());
    for placed in &jobs {
        let ran = back_up(session, placed);
        match &ran {
            Ok(()) => session.console.info(&format!("Finished backing up {} on {}.", placed.job, placed.slug())),
            Err(_) => session.console.error(&format!("Error backing up {} on {}.", placed.job, placed.slug())),
        }
        errors.extend(ran.err());
    }
    session.console.info("Finished running backup scripts.");
    if errors.is_empty() { Ok(()) } else { Err(Failure::nested(Kind::Other, &errors)) }
}

fn back_up(session: &Session, placed: &Placed) -> Result<(), String> {
    session.remote_script(&placed.job, "backup", &variables(&placed.job));
    session.end(Stage::Backup, placed, ScriptKind::Backup)
}
