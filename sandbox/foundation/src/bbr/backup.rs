//! `bbr director backup`: check, lock, back up, unlock, drain, clean up.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::clock::Moment;
use crate::fault::FaultPoint;
use crate::vm::{DIRECTOR_JOB, Holder, Job};
use crate::world::Settings;

use super::artifact::{Artifact, Checksums, checksums_of_folder, checksums_of_tar, write_tar};
use super::console::{Console, Purpose};
use super::errors::{Failure, Failures, Kind};
use super::session::Session;

pub(super) fn run(session: &Session, artifact_path: &str) -> Failures {
    let mut failures = Failures::default();
    // bbr names the artifact by the moment at which it was started.
    let started = Moment::now();
    if !failures.note(session.connect()) || !failures.note(session.check_backupable()) {
        return failures;
    }
    session
        .console
        .info(&format!("Starting backup of {}...", session.name()));
    match Artifact::create(artifact_path, session.name(), started) {
        Err(text) => drop(failures.note(Err(Failure::new(Kind::Other, text)))),
        Ok(artifact) => fill(session, artifact, &mut failures),
    }
    failures
}

fn fill(session: &Session, mut artifact: Artifact, failures: &mut Failures) {
    let locked = failures.note(session.lock(Purpose::Backup));
    let backed_up = locked && failures.note(run_scripts(session));
    failures.note(session.unlock(Purpose::Backup));
    if backed_up {
        failures.note(drain(session, &mut artifact));
    }
    if locked {
        failures.note(session.clean_up());
    }
    failures.note(
        artifact
            .finish(Moment::now())
            .map_err(|text| Failure::new(Kind::Other, text)),
    );
}

/// Starts the backup scripts of all jobs, then lets them finish; one that fails does not stop the others.
fn run_scripts(session: &Session) -> Result<(), Failure> {
    session.console.info("Running backup scripts...");
    let jobs = session.jobs_with("backup");
    let mut errors = Vec::new();
    let holder = Holder::this_process();
    for job in &jobs {
        session.console.info(&format!("Backing up {} on bosh/0...", job.name));
        errors.extend(
            session
                .vm
                .begin_job(job.name, &holder)
                .err()
                .map(|error| error.to_string()),
        );
    }
    session.pace.pass();
    for job in jobs {
        let ran = back_up(session, job);
        match &ran {
            Ok(()) => session
                .console
                .info(&format!("Finished backing up {} on bosh/0.", job.name)),
            Err(_) => session
                .console
                .error(&format!("Error backing up {} on bosh/0.", job.name)),
        }
        errors.extend(ran.err());
    }
    session.console.info("Finished running backup scripts.");
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::nested(Kind::Other, &errors))
    }
}

fn back_up(session: &Session, job: Job) -> Result<(), String> {
    let effect = || session.vm.back_up(job).map_err(|error| error.to_string());
    if job.name == DIRECTOR_JOB {
        return session.script(FaultPoint::BACKUP, job.name, "backup", effect);
    }
    effect().map_err(|text| {
        format!(
            "Error attempting to run backup for job {} on bosh/0: {text} - exit code 1",
            job.name
        )
    })
}

/// Copies every job's artifact to where bbr runs, compares checksums, and removes it from the VM.
fn drain(session: &Session, artifact: &mut Artifact) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let jobs = session.jobs_with("backup");
    let mut space = match session.world.read::<Settings>() {
        Ok(settings) => settings.artifact_space.unwrap_or(u64::MAX),
        Err(error) => return Err(super::session::broken(&error)),
    };
    for job in &jobs {
        session.console.info(&copying(session, job.name));
    }
    session.pace.pass();
    for job in jobs {
        errors.extend(copy(session, artifact, job.name, &mut space).err());
    }
    let (name, stamp) = (session.name(), session.console.stamp());
    if errors.is_empty() {
        session.console.info(&format!("Backup created of {name} on {stamp}"));
        return Ok(());
    }
    session.console.info(&format!(
        "Failed to create backup of {name} on {stamp}, failed during drain step"
    ));
    Err(Failure::nested(Kind::Drain, &errors))
}

fn copying(session: &Session, job: &str) -> String {
    let size = human_size(disk_usage(&session.vm.artifact_of(job)).unwrap_or_default());
    format!("Copying backup -- {size} uncompressed -- for job {job} on bosh/0...")
}

fn copy(session: &Session, artifact: &mut Artifact, job: &str, space: &mut u64) -> Result<(), String> {
    if job == DIRECTOR_JOB
        && let Some(text) = session.struck(FaultPoint::DRAIN, "tar of the director's artifact")?
    {
        return Err(format!("Streaming backup from remote failed: {text}"));
    }
    let folder = session.vm.artifact_of(job);
    let tar = artifact.tar_of(job);
    let file = File::create(&tar).map_err(|error| format!("Error creating file bosh-0-{job}.tar: {error}"))?;
    let total = disk_usage(&folder).unwrap_or_default();
    let mut metered = Metered {
        file,
        job,
        console: &session.console,
        total,
        written: 0,
        logged: 0,
        space,
    };
    write_tar(&folder, &mut metered).map_err(|error| stream_error(&error, &tar, job))?;
    session
        .console
        .info(&format!("Finished copying backup -- for job {job} on bosh/0..."));
    session
        .console
        .info(&format!("Starting validity checks -- for job {job} on bosh/0..."));
    artifact.add(job, compare(&tar, &folder, job)?)?;
    fs::remove_dir_all(&folder).map_err(|error| format!("Unable to delete artifact on bosh/0: {error}"))?;
    session
        .console
        .info(&format!("Finished validity checks -- for job {job} on bosh/0..."));
    Ok(())
}

fn stream_error(error: &io::Error, tar: &Path, job: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => format!("write {}: no space left on device", tar.display()),
        _ => format!(
            "tar: {}/{job}: Cannot open: {error} - exit code 2",
            crate::vm::BACKUP_DIRECTORY
        ),
    }
}

fn compare(tar: &Path, folder: &Path, job: &str) -> Result<Checksums, String> {
    let local = checksums_of_tar(tar)?;
    // `find | xargs shasum` on the VM splits names at spaces.
    if let Some(spaced) = local.keys().find(|name| name.contains(' ')) {
        let missing = spaced
            .split(' ')
            .map(|part| format!("shasum: {part}: No such file or directory"));
        let missing = missing.collect::<Vec<_>>().join("\n");
        return Err(format!(
            "Unable to calculate backup checksum: {missing} - exit code 123"
        ));
    }
    let remote =
        checksums_of_folder(folder).map_err(|error| format!("Unable to calculate backup checksum: {error}"))?;
    if local == remote {
        return Ok(local);
    }
    let differing: Vec<&str> = remote
        .iter()
        .filter(|(name, sum)| local.get(*name) != Some(*sum))
        .map(|(name, _)| name.as_str())
        .collect();
    Err(format!(
        "Backup is corrupted, checksum failed for bosh/0 {job} - checksums don't match for [{}]. Checksum failed for {} files in total",
        differing.join(" "),
        differing.len()
    ))
}

/// A tar file that logs its progress in steps of five per cent and may run out of space.
struct Metered<'a> {
    file: File,
    job: &'a str,
    console: &'a Console,
    total: u64,
    written: u64,
    logged: u64,
    space: &'a mut u64,
}

impl Write for Metered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = usize::try_from(*self.space).unwrap_or(usize::MAX).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.file.write(&bytes[..room])?;
        *self.space -= count as u64;
        self.written += count as u64;
        let percent = self.written * 100 / self.total.max(1);
        if percent >= self.logged + 5 && percent < 100 {
            self.logged = percent;
            self.console.info(&format!(
                "Copying backup for job {} on bosh/0 -- {percent}% complete",
                self.job
            ));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns what `du` counts: whole blocks of 4 KiB, folders included.
pub(super) fn disk_usage(path: &Path) -> io::Result<u64> {
    const BLOCK: u64 = 4096;
    let found = fs::metadata(path)?;
    if !found.is_dir() {
        return Ok(found.len().next_multiple_of(BLOCK));
    }
    fs::read_dir(path)?.try_fold(BLOCK, |sum, entry| Ok(sum + disk_usage(&entry?.path())?))
}

/// Returns a size as `du -h` prints it: rounded up, one decimal below ten.
pub(super) fn human_size(bytes: u64) -> String {
    let mut unit = 1024_u64;
    let mut names = "KMGTP".chars();
    let mut name = names.next().expect("there are five units");
    while bytes >= unit * 1024
        && let Some(next) = names.next()
    {
        unit *= 1024;
        name = next;
    }
    let tenths = (bytes * 10).div_ceil(unit);
    if tenths < 100 {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    } else {
        format!("{}{name}", bytes.div_ceil(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_printed_like_du() {
        assert_eq!(human_size(12 * 1024), "12K");
        assert_eq!(human_size(8804 * 1024), "8.6M");
        assert_eq!(human_size(4096), "4.0K");
        assert_eq!(human_size(200 * 1024), "200K");
    }
}
