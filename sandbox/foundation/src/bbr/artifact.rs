//! A backup artifact on disk: its metadata, and one tar file per job.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use crate::clock::Moment;

use super::session::reason;

/// sha256 by the name of a member (`./store/blob-1`).
pub(super) type Checksums = BTreeMap<String, String>;

/// The place of a job's tar file in an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The instance group; that of a director is `bosh`.
    pub(crate) group: String,
    pub(crate) index: String,
    pub(crate) job: String,
}

impl Slot {
    /// Returns `GROUP/INDEX`.
    pub(super) fn address(&self) -> String {
        format!("{}/{}", self.group, self.index)
    }
}

/// The folder of one backup.
#[derive(Debug)]
pub(crate) struct Artifact {
    folder: PathBuf,
    jobs: Vec<(Slot, Checksums)>,
    start_time: String,
    finish_time: Option<String>,
}

impl Artifact {
    /// Makes `DIR/NAME_TIME/` with metadata that has a start and no finish.
    ///
    /// Two backups of the real client never start in the same second, since each takes longer; a stand-in that is done
    /// at once counts the seconds on instead.
    pub(super) fn create(parent: &str, name: &str, now: Moment) -> Result<Artifact, String> {
        check_parent(parent)?;
        let folder_at = |moment: Moment| Path::new(parent).join(format!("{name}_{}", moment.format("%Y%m%dT%H%M%SZ")));
        let mut started = now;
        while folder_at(started).exists() {
            started = started.later(1);
        }
        let folder = folder_at(started);
        let made = fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|_| "failed creating artifact directory".to_owned())?;
        let artifact = Artifact { folder, jobs: Vec::new(), start_time: activity_time(started), finish_time: None };
        artifact.save()?;
        Ok(artifact)
    }

    /// Opens an artifact that was made before.
    pub(crate) fn open(folder: &str) -> Result<Artifact, String> {
        fs::metadata(folder).map_err(|error| {
            format!("Could not open backup: failed opening the directory: stat {folder}: {}", reason(&error))
        })?;
        let path = Path::new(folder).join("metadata");
        let text = fs::read_to_string(&path).map_err(|error| {
            format!("Could not validate backup: Error reading metadata from {}: {}", path.display(), reason(&error))
        })?;
        Ok(Artifact {
            folder: folder.into(),
            jobs: parse_jobs(&text),
            start_time: value_of(&text, "start_time").unwrap_or_default(),
            finish_time: value_of(&text, "finish_time"),
        })
    }

    pub(super) fn add(&mut self, slot: Slot, checksums: Checksums) -> Result<(), String> {
        self.jobs.push((slot, checksums));
        self.save()
    }

    /// Puts the deployment's manifest beside the tar files.
    pub(super) fn add_manifest(&self, manifest: &str) -> Result<(), String> {
        fs::write(self.folder.join("manifest.yml"), manifest).map_err(|error| error.to_string())
    }

    pub(super) fn finish(&mut self, now: Moment) -> Result<(), String> {
        self.finish_time = Some(activity_time(now));
        self.save()
    }

    pub(super) fn tar_of(&self, slot: &Slot) -> PathBuf {
        self.folder.join(format!("{}-{}-{}.tar", slot.group, slot.index, slot.job))
    }

    /// Returns the artifact's folder as an absolute path.
    pub(super) fn folder(&self) -> Result<PathBuf, String> {
        std::path::absolute(&self.folder).map_err(|error| error.to_string())
    }

    pub(super) fn metadata_path(&self) -> PathBuf {
        self.folder.join("metadata")
    }

    pub(super) fn checksums_of(&self, slot: &Slot) -> Option<&Checksums> {
        self.jobs.iter().find(|(known, _)| known == slot).map(|(_, checksums)| checksums)
    }

    /// Returns whether every tar file that the metadata names has the checksums that it names.
    pub(super) fn is_valid(&self) -> Result<bool, String> {
        for (slot, checksums) in &self.jobs {
            if checksums_of_tar(&self.tar_of(slot))? != *checksums {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether the backup ended by itself.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_time.is_some()
    }

    /// Returns the jobs that the metadata names.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &str> {
        self.slots().map(|slot| slot.job.as_str())
    }

    /// Returns the places that the metadata names.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.jobs.iter().map(|(slot, _)| slot)
    }

    /// Returns the first job whose tar file is not what the metadata says.
    pub(crate) fn damaged_job(&self) -> Option<&str> {
        let is_damaged = |slot: &Slot, sums: &Checksums| checksums_of_tar(&self.tar_of(slot)).as_ref() != Ok(sums);
        self.jobs.iter().find(|(slot, sums)| is_damaged(slot, sums)).map(|(slot, _)| slot.job.as_str())
    }

    fn save(&self) -> Result<(), String> {
        let path = self.metadata_path();
        let fresh = self.folder.join(".metadata.new");
        let write = || -> io::Result<()> {
            fs::write(&fresh, self.metadata())?;
            fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644))?;
            fs::rename(&fresh, &path)
        };
        write().map_err(|error| format!("unable to load metadata: open {}: {}", path.display(), reason(&error)))
    }

    fn metadata(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        lines.extend((!self.jobs.is_empty()).then(|| "instances:\n".to_owned()));
        for instance in self.instances() {
            lines.push(format!("- name: {}\n  index: \"{}\"\n  artifacts:\n", instance.group, instance.index));
            for (slot, checksums) in self.jobs.iter().filter(|(slot, _)| slot.address() == instance.address()) {
                lines.push(format!("  - name: {}\n    checksums:\n", slot.job));
                lines.extend(checksums.iter().map(|(member, checksum)| format!("      {member}: {checksum}\n")));
            }
        }
        lines.push(format!("backup_activity:\n  start_time: {}\n", self.start_time));
        lines.extend(self.finish_time.iter().map(|time| format!("  finish_time: {time}\n")));
        lines.concat()
    }

    /// Returns the first slot of every instance.
    fn instances(&self) -> Vec<&Slot> {
        let mut instances: Vec<&Slot> = Vec::new();
        for slot in self.slots() {
            if !instances.iter().any(|known| known.address() == slot.address()) {
                instances.push(slot);
            }
        }
        instances
    }
}

fn check_parent(parent: &str) -> Result<(), String> {
    if parent.is_empty() {
        return Ok(());
    }
    match fs::metadata(parent) {
        Err(error) => Err(format!("stat {parent}: {}", reason(&error))),
        Ok(found) if !found.is_dir() => Err(format!("artifact path {parent} is not a directory")),
        Ok(_) => Ok(()),
    }
}

fn activity_time(moment: Moment) -> String {
    moment.format("%Y/%m/%d %H:%M:%S UTC")
}

/// Reads back the jobs of the metadata that [`Artifact::metadata`] writes.
fn parse_jobs(text: &str) -> Vec<(Slot, Checksums)> {
    let mut jobs: Vec<(Slot, Checksums)> = Vec::new();
    let (mut group, mut index) = ("", "");
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("- name: ") {
            group = name;
        } else if let Some(number) = line.strip_prefix("  index: ") {
            index = number.trim_matches('"');
        } else if let Some(name) = line.strip_prefix("  - name: ") {
            jobs.push((Slot { group: group.into(), index: index.into(), job: name.into() }, Checksums::new()));
        } else if let Some((member, checksum)) = line.strip_prefix("      ").and_then(|line| line.rsplit_once(": "))
            && let Some((_, checksums)) = jobs.last_mut()
        {
            checksums.insert(member.to_owned(), checksum.to_owned());
        }
    }
    jobs
}

fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": ").map(str::to_owned))
}

/// Writes `folder` as `tar -C FOLDER -c .` does.
pub(super) fn write_tar(folder: &Path, to: impl Write) -> io::Result<()> {
    let mut tar = Builder::new(to);
    add_folder(&mut tar, folder, "./")?;
    tar.into_inner()?.flush()
}

fn add_folder(tar: &mut Builder<impl Write>, folder: &Path, name: &str) -> io::Result<()> {
    tar.append(&header(name, EntryType::Directory, &fs::metadata(folder)?)?, io::empty())?;
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            add_folder(tar, &path, &format!("{name}{last}/"))?;
        } else {
            let file = File::open(&path)?;
            tar.append(&header(&format!("{name}{last}"), EntryType::Regular, &file.metadata()?)?, file)?;
        }
    }
    Ok(())
}

/// The tar library drops the leading `./` that bbr's checksums name, so the name is set as bytes.
fn header(name: &str, kind: EntryType, of: &fs::Metadata) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    header.set_metadata(of);
    header.set_entry_type(kind);
    header.set_size(if kind == EntryType::Regular { of.len() } else { 0 });
    let gnu = header.as_gnu_mut().expect("the header was made as a GNU one");
    let field = gnu.name.get_mut(..name.len()).ok_or_else(|| io::Error::other(format!("{name}: name is too long")))?;
    field.copy_from_slice(name.as_bytes());
    header.set_cksum();
    Ok(header)
}

/// Returns the checksum of every file in a tar file.
pub(super) fn checksums_of_tar(path: &Path) -> Result<Checksums, String> {
    let file = File::open(path).map_err(|error| {
        let path = path.display();
        format!(
            "Error opening artifact file {path}: Error reading artifact file {path}: open {path}: {}",
            reason(&error)
        )
    })?;
    let read = || -> io::Result<Checksums> {
        let mut checksums = Checksums::new();
        for entry in Archive::new(file).entries()? {
            let entry = entry?;
            if entry.header().entry_type() == EntryType::Regular {
                let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                checksums.insert(name, sha256(entry)?);
            }
        }
        Ok(checksums)
    };
    read().map_err(|error| format!("Error reading tar for {}: {error}", path.display()))
}

/// Returns the checksum of every file below a folder, named as in its tar file.
pub(super) fn checksums_of_folder(folder: &Path) -> io::Result<Checksums> {
    let mut checksums = Checksums::new();
    let mut pending = vec![(folder.to_path_buf(), "./".to_owned())];
    while let Some((folder, name)) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{name}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                pending.push((entry.path(), format!("{name}/")));
            } else {
                checksums.insert(name, sha256(File::open(entry.path())?)?);
            }
        }
    }
    Ok(checksums)
}

fn sha256(mut from: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let hex: Vec<String> = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hex.concat())
}

/// Changes one byte of the first file in a tar file that has any.
pub(super) fn spoil(path: &Path) -> io::Result<()> {
    let mut archive = Archive::new(File::open(path)?);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.size() > 0 {
            let file = File::options().read(true).write(true).open(path)?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, entry.raw_file_position())?;
            return file.write_all_at(&[!byte[0]], entry.raw_file_position());
        }
    }
    Ok(())
}

/// Unpacks the tar file of a job below `folder`.
pub(super) fn unpack(path: &Path, folder: &Path) -> io::Result<()> {
    Archive::new(File::open(path)?).unpack(folder)
}
