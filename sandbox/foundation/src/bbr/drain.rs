//! bbr's drain step: copies the artifacts from the VM, compares checksums, removes them there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::pace::Phase;
use crate::situation::{Situation, Situations};
use crate::vm::BACKUP_DIRECTORY;
use crate::world::Settings;

use super::artifact::{Artifact, Checksums, checksums_of_folder, checksums_of_tar, spoil, write_tar};
use super::console::Console;
use super::errors::{Failure, Kind};
use super::session::{Session, broken};
use super::site::{Placed, Stage};

/// Copies every job's artifact to where bbr runs, compares checksums, and removes it from the VM.
pub(super) fn drain(session: &Session, artifact: &mut Artifact) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let jobs = session.jobs_with("backup");
    let mut space = match session.world.read::<Settings>() {
        Ok(settings) => settings.artifact_space.unwrap_or(u64::MAX),
        Err(error) => return Err(broken(&error)),
    };
    for placed in &jobs {
        session.console.info(&announce(session, artifact, placed));
    }
    for placed in &jobs {
        errors.extend(copy(session, artifact, placed, &mut space).err());
    }
    let (name, stamp) = (session.name(), session.console.stamp());
    if errors.is_empty() {
        session.console.info(&format!("Backup created of {name} on {stamp}"));
        return Ok(());
    }
    session.console.info(&format!("Failed to create backup of {name} on {stamp}, failed during drain step"));
    Err(Failure::nested(Kind::Drain, &errors))
}

/// Opens the tar file and says how much is to come.
fn announce(session: &Session, artifact: &Artifact, placed: &Placed) -> String {
    let (job, slug) = (&placed.job, placed.slug());
    session.console.debug(&format!("Trying to create file {}", file_name(&artifact.tar_of(&placed.slot()))));
    session.console.debug(&format!("Calculating size of backup on {slug}"));
    let bytes = disk_usage(&placed.vm().artifact_of(job)).unwrap_or_default();
    let (size, folder) = (human_size(bytes), format!("{BACKUP_DIRECTORY}/{job}"));
    session.remote(&format!("du -sh {folder}"), &format!("{size}\t{folder}"));
    session.remote(&format!("du -s {folder}"), &format!("{}\t{folder}", bytes / 1024));
    format!("Copying backup -- {size} uncompressed -- for job {job} on {slug}...")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn copy(session: &Session, artifact: &mut Artifact, placed: &Placed, space: &mut u64) -> Result<(), String> {
    let (console, job, slug) = (&session.console, &placed.job, placed.slug());
    console.debug(&format!("Streaming backup from instance {slug}"));
    let (folder, tar) = (placed.vm().artifact_of(job), artifact.tar_of(&placed.slot()));
    stream(session, &folder, &tar, placed, space)?;
    console.info(&format!("Finished copying backup -- for job {job} on {slug}..."));
    console.info(&format!("Starting validity checks -- for job {job} on {slug}..."));
    artifact.add(placed.slot(), compare(session, &tar, &folder, placed)?)?;
    rot(session, &tar)?;
    console.debug(&format!("Deleting artifact directory on {slug}"));
    session.remote(&format!("rm -rf {BACKUP_DIRECTORY}/{job}"), "");
    fs::remove_dir_all(&folder).map_err(|error| format!("Unable to delete artifact on {slug}: {error}"))?;
    console.info(&format!("Finished validity checks -- for job {job} on {slug}..."));
    Ok(())
}

fn stream(session: &Session, folder: &Path, tar: &Path, placed: &Placed, space: &mut u64) -> Result<(), String> {
    let file = File::create(tar).map_err(|error| format!("Error creating file {}: {error}", file_name(tar)))?;
    session.pace.pass_for(Phase::DRAIN, content_bytes(folder).unwrap_or_default());
    let whose = if session.site.victim(Stage::Drain).is_some() { "director" } else { "deployment" };
    let at = format!("tar of the {whose}'s artifact");
    if let Some(text) = session.struck(Stage::Drain, placed, "backup", &at)? {
        return Err(format!("Streaming backup from remote failed: {text}"));
    }
    let total = disk_usage(folder).unwrap_or_default();
    let mut metered = Metered { file, placed, console: &session.console, total, written: 0, logged: 0, space };
    write_tar(folder, &mut metered).map_err(|error| stream_error(&error, tar, &placed.job))?;
    session.remote(&format!("tar -C {BACKUP_DIRECTORY}/{} -c .", placed.job), "");
    Ok(())
}

/// Spoils a tar file if the disk is bad.
fn rot(session: &Session, tar: &Path) -> Result<(), String> {
    let situations = session.world.read::<Situations>().map_err(|error| error.to_string())?;
    if situations.holds(&Situation::BadDisk) { spoil(tar).map_err(|error| error.to_string()) } else { Ok(()) }
}

fn stream_error(error: &io::Error, tar: &Path, job: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => format!("write {}: no space left on device", tar.display()),
        _ => format!("tar: {BACKUP_DIRECTORY}/{job}: Cannot open: {error} - exit code 2"),
    }
}

fn compare(session: &Session, tar: &Path, folder: &Path, placed: &Placed) -> Result<Checksums, String> {
    let (console, job, slug) = (&session.console, &placed.job, placed.slug());
    console.debug(&format!("Trying to open {}", tar.display()));
    let local = checksums_of_tar(tar)?;
    for member in local.keys() {
        console.debug(&format!("Calculating shasum for local file {member}"));
    }
    console.debug(&format!("Calculating shasum for remote files on {slug}"));
    session.pace.pass_for(Phase::CHECKSUM, content_bytes(folder).unwrap_or_default());
    // `find | xargs shasum` on the VM splits names at spaces.
    if let Some(spaced) = local.keys().find(|name| name.contains(' ')) {
        let missing = spaced.split(' ').map(|part| format!("shasum: {part}: No such file or directory"));
        let missing = missing.collect::<Vec<_>>().join("\n");
        return Err(format!("Unable to calculate backup checksum: {missing} - exit code 123"));
    }
    let remote =
        checksums_of_folder(folder).map_err(|error| format!("Unable to calculate backup checksum: {error}"))?;
    let sums: Vec<String> = remote.iter().map(|(name, sum)| format!("{sum}  {name}")).collect();
    let command = format!("sh -c 'cd {BACKUP_DIRECTORY}/{job} && find . -type f | xargs shasum -a 256'");
    session.remote(&command, &sums.join("\n"));
    console.debug("Comparing shasums");
    if local == remote { Ok(local) } else { Err(corrupted(placed, &local, &remote)) }
}

fn corrupted(placed: &Placed, local: &Checksums, remote: &Checksums) -> String {
    let differs = |(name, sum): &(&String, &String)| local.get(*name) != Some(*sum);
    let names: Vec<&str> = remote.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    format!(
        "Backup is corrupted, checksum failed for {} {} - checksums don't match for [{}]. Checksum failed for {} files in total",
        placed.slug(),
        placed.job,
        names.join(" "),
        names.len()
    )
}

/// A tar file that logs its progress in steps of five per cent and may run out of space.
struct Metered<'a> {
    file: File,
    placed: &'a Placed,
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
            let (job, slug) = (&self.placed.job, self.placed.slug());
            self.console.info(&format!("Copying backup for job {job} on {slug} -- {percent}% complete"));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns how many bytes the files below a folder hold.
pub(super) fn content_bytes(path: &Path) -> io::Result<u64> {
    let found = fs::metadata(path)?;
    if !found.is_dir() {
        return Ok(found.len());
    }
    fs::read_dir(path)?.try_fold(0, |sum, entry| Ok(sum + content_bytes(&entry?.path())?))
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
