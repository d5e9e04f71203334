//! Files and folders of the store that only their owner can read or change.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use firedrill_model::plan::FileDigest;
use firedrill_model::resolve::sha256;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// Whether a file must survive the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It must.
    Synced,
    /// It is for a rehearsal, which is done again.
    Volatile,
}

pub(crate) fn private_dir(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| io_error(path, source))
}

/// Copies a file of the plan; what is copied is what was hashed.
pub(crate) fn copy_private(from: &Path, to: &Path, planned: &FileDigest) -> Result<(), StoreError> {
    if let Some(parent) = to.parent() {
        private_dir(parent)?;
    }
    let content = fs::read(from).map_err(|source| io_error(from, source))?;
    if sha256(&content) != planned.sha256 {
        return Err(StoreError::Unplanned { path: from.to_owned() });
    }
    fs::write(to, content).map_err(|source| io_error(to, source))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).map_err(|source| io_error(to, source))
}

/// Writes a file in one piece: a reader sees the old one or the new one.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T, durability: Durability) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(value).map_err(|source| StoreError::Json { path: path.to_owned(), source })?;
    write_private(path, &text, durability)
}

/// Writes a file in one piece that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &[u8], durability: Durability) -> Result<(), StoreError> {
    let name = path.file_name().unwrap_or_default();
    let draft = path.with_file_name([OsStr::new("."), name, OsStr::new(".new")].join(OsStr::new("")));
    let _absent = fs::remove_file(&draft);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
    let written = opened.and_then(|mut file| {
        file.write_all(text)?;
        if durability == Durability::Synced { file.sync_data() } else { Ok(()) }
    });
    written.and_then(|()| fs::rename(&draft, path)).map_err(|source| io_error(path, source))
}

pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, StoreError> {
    let text = fs::read(path).map_err(|source| io_error(path, source))?;
    serde_json::from_slice(&text).map_err(|source| StoreError::Json { path: path.to_owned(), source })
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}
