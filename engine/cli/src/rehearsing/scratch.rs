//! Where worlds are while they are needed.

use std::env;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};
use tempfile::TempDir;

use crate::failure::Failure;

/// A folder for worlds: gone when it is dropped, unless it is kept.
pub(crate) struct Scratch {
    root: PathBuf,
    /// Removes it.
    temporary: Option<TempDir>,
}

impl Scratch {
    /// Makes an empty folder. Its path is short, because there are sockets in it.
    pub(crate) fn new(keep: bool) -> Result<Scratch, Failure> {
        let place = if keep { env::temp_dir() } else { quick_place() };
        let made = tempfile::Builder::new().prefix("firedrill-").tempdir_in(place);
        let made = made.map_err(|error| Failure::failed(format!("a folder for worlds: {error}")))?;
        let root = made.path().to_owned();
        if keep {
            let _kept = made.keep();
            return Ok(Scratch { root, temporary: None });
        }
        Ok(Scratch { root, temporary: Some(made) })
    }

    /// Returns the folder of one world, which is not there yet.
    pub(crate) fn world(&self, number: usize) -> PathBuf {
        self.root.join(number.to_string())
    }

    /// Removes the folder of one world if worlds are not kept.
    pub(crate) fn done(&self, number: usize) {
        if self.temporary.is_some() {
            // What cannot be removed now goes with the whole.
            let _later = std::fs::remove_dir_all(self.world(number));
        }
    }

    /// Returns where the worlds are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

/// Returns where files are made that are gone in a moment: in memory, if programs may be started from there.
fn quick_place() -> PathBuf {
    const IN_MEMORY: &str = "/dev/shm";
    const LEAST_ROOM: u64 = 256 << 20;
    let is_chosen = env::var_os("TMPDIR").is_some();
    let is_fit = |place: &StatVfs| {
        !place.f_flag.intersects(StatVfsMountFlags::NOEXEC | StatVfsMountFlags::RDONLY)
            && place.f_bavail.saturating_mul(place.f_frsize) >= LEAST_ROOM
    };
    match statvfs(IN_MEMORY) {
        Ok(place) if !is_chosen && is_fit(&place) => PathBuf::from(IN_MEMORY),
        _ => env::temp_dir(),
    }
}
