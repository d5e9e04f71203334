//! Files that lie in memory: their content never reaches a disk of its own, and they go with whoever made them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use firedrill_model::resolve::sha256;
use rustix::fs::{CWD, FileType, MemfdFlags, Mode};

/// What `statfs` says of a file system in memory.
const TMPFS: i64 = 0x0102_1994;
/// How much of a hash tells two runs apart.
const HASH_CHARACTERS: usize = 16;

/// A private folder in memory for one run, removed with everything in it when this is dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    folder: PathBuf,
    files: u64,
}

impl Memory {
    /// Makes the folder of a run anew; `run` is unique on this machine.
    pub(crate) fn of(run: &str) -> io::Result<Memory> {
        let base = base()?;
        let folder = base.join(format!("firedrill-{}", &sha256(run.as_bytes())[..HASH_CHARACTERS]));
        // Left behind by somebody who was killed.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => DirBuilder::new().mode(0o700).create(&folder)?,
        }
        Ok(Memory { folder, files: 0 })
    }

    /// Makes a file that only its owner can read, and returns its path.
    pub(crate) fn file(&mut self, content: &str) -> io::Result<PathBuf> {
        self.files += 1;
        let path = self.folder.join(self.files.to_string());
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path);
        opened?.write_all(content.as_bytes())?;
        Ok(path)
    }

    /// Makes a pipe that only its owner can open, and returns its path.
    pub(crate) fn fifo(&mut self) -> io::Result<PathBuf> {
        self.files += 1;
        let path = self.folder.join(self.files.to_string());
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(path)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // It holds nothing that a reboot does not remove, and there is nobody left to tell.
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// Returns a folder in memory in which this user may make others.
fn base() -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let candidates = [PathBuf::from(format!("/run/user/{user}")), PathBuf::from("/dev/shm")];
    let found = candidates.into_iter().find(|path| is_in_memory(path) && is_mine(path, user));
    found.ok_or_else(|| io::Error::other("neither /run/user nor /dev/shm is a file system in memory"))
}

fn is_in_memory(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|about| about.f_type == TMPFS)
}

/// Returns whether nobody else can remove what this user makes in a folder.
fn is_mine(path: &Path, user: u32) -> bool {
    const STICKY: u32 = 0o1000;
    fs::metadata(path).is_ok_and(|about| about.uid() == user || about.mode() & STICKY != 0)
}

/// Puts a text where a command can read it as its standard input and no disk ever sees it.
pub(crate) fn stdin(text: &str) -> io::Result<File> {
    let mut file = nameless("stdin")?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Makes a file in memory that has no name.
pub(super) fn nameless(about: &str) -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(about, MemfdFlags::CLOEXEC)?))
}
