//! The files of playbooks that are used by others.

use std::fs;
use std::path::Path;

use firedrill_model::check::Library;
use firedrill_model::source::Source;

/// Reads every playbook that a playbook uses, directly or through others; `folder` is that of the playbook.
///
/// What cannot be read is remembered as such.
pub fn library(playbook: &Source, folder: &Path) -> Library {
    let mut library = Library::default();
    loop {
        let missing = library.missing(playbook);
        if missing.is_empty() {
            return library;
        }
        for path in missing {
            let file = read(&folder.join(&path));
            library.add(path, file);
        }
    }
}

fn read(path: &Path) -> Result<Source, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Source::from_bytes(path.display().to_string(), bytes).map_err(|fault| fault.message)
}
