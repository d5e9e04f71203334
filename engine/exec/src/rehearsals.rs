//! Records of rehearsals: what was rehearsed when, and whether all went as expected.
//!
//! One file a playbook, `rehearsals/NAME-HASH.json` in the home, the hash being that of the playbook's absolute path. It
//! holds the newest record and the newest green one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use firedrill_model::check;
use firedrill_model::rehearsal::{self, Sandbox};
use firedrill_model::resolve::sha256;
use firedrill_model::source::Source;
use serde::{Deserialize, Serialize};

use crate::files::{below, bins, listed};
use crate::library::library;
use crate::store::{Durability, StoreError, io_error, private_dir, read_json, write_json};

/// The version of the form of a record.
const VERSION: u32 = 1;

/// One rehearsal of a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The playbook's file, absolute.
    pub playbook: PathBuf,
    /// When it was rehearsed, in milliseconds since 1970.
    pub at_ms: u64,
    /// The version of the engine that rehearsed it.
    pub engine: String,
    /// Whether everything went as expected.
    pub is_green: bool,
    /// How many scenarios were played.
    pub scenarios: usize,
    /// How many faults were swept.
    pub faults: usize,
    /// What was rehearsed.
    pub content: Content,
}

/// What a rehearsal of a playbook depends on. Read it before the rehearsal, so that a change meanwhile shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// SHA-256 of the playbook, those that it uses, what it lists, its rehearsal with its stand-ins, and `bin/`, by their path below the playbook's folder.
    pub digests: BTreeMap<String, String>,
    /// The playbook's text, so that changed steps can be named.
    pub text: String,
}

/// What is kept of a playbook's rehearsals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// The version of this form.
    version: u32,
    /// The newest rehearsal.
    pub newest: Record,
    /// The newest one in which everything went as expected.
    pub green: Option<Record>,
}

impl Content {
    /// Reads what a rehearsal of a playbook depends on.
    pub fn read(playbook: &Path) -> Result<Content, StoreError> {
        let dir = playbook.parent().unwrap_or(Path::new("/"));
        let bytes = fs::read(playbook).map_err(|source| io_error(playbook, source))?;
        let mut digests = used(&bytes, dir)?;
        digests.insert(file_name(playbook), sha256(&bytes));
        let rehearsal = playbook.with_extension("rehearsal.yaml");
        if rehearsal.is_file() {
            let bytes = fs::read(&rehearsal).map_err(|source| io_error(&rehearsal, source))?;
            digests.extend(stand_ins(&bytes, dir)?);
            digests.insert(file_name(&rehearsal), sha256(&bytes));
        }
        Ok(Content { digests, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// Returns the digests of `bin/`, of the playbooks that a playbook uses with theirs, and of the files it lists, by their
/// paths. A text that is none uses and lists nothing.
fn used(playbook: &[u8], dir: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let source = Source::from_bytes("", playbook.to_vec()).unwrap_or_else(|_| Source::new("", String::new()));
    let library = library(&source, dir);
    let folders = library.texts().filter_map(|(path, _)| path.rsplit_once('/')).map(|(folder, _)| folder.to_owned());
    let files = bins(dir, &folders.collect()).map_err(|source| io_error(&dir.join("bin"), source))?;
    let texts = library.texts().map(|(path, used)| (path.to_owned(), sha256(used.text.as_bytes())));
    let files = files.into_iter().map(|file| (file.place().to_owned(), file.sha256));
    let mut digests: BTreeMap<String, String> = texts.chain(files).collect();
    let (checked, _) = check::load_with(&source, None, &library);
    for path in checked.iter().flat_map(|playbook| check::files(playbook)) {
        let file = listed(dir, &path).map_err(|source| io_error(&dir.join(&path), source))?;
        digests.insert(file.path, file.sha256);
    }
    Ok(digests)
}

/// Returns the digests of what stands in for the programs: the files of the folder that a rehearsal names, if it does.
fn stand_ins(rehearsal: &[u8], dir: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let source = Source::from_bytes("", rehearsal.to_vec()).ok();
    let rehearsal = source.and_then(|source| rehearsal::load(&source, None).0);
    let Some(Sandbox::Dir(folder)) = rehearsal.map(|rehearsal| rehearsal.sandbox.value) else {
        return Ok(BTreeMap::new());
    };
    let files = below(dir, &folder).map_err(|source| io_error(&dir.join(&folder), source))?;
    Ok(files.into_iter().map(|file| (file.path, file.sha256)).collect())
}

/// Keeps the record of a rehearsal as the newest one of its playbook.
pub fn record(home: &Path, record: &Record) -> Result<(), StoreError> {
    let path = place(home, &record.playbook);
    // Records that cannot be read must not keep new ones from being kept.
    let earlier = || records(home, &record.playbook).ok().flatten()?.green;
    let green = if record.is_green { Some(record.clone()) } else { earlier() };
    path.parent().map_or(Ok(()), private_dir)?;
    write_json(&path, &Records { version: VERSION, newest: record.clone(), green }, Durability::Synced)
}

/// Returns what is kept of the rehearsals of a playbook, by its absolute path.
pub fn records(home: &Path, playbook: &Path) -> Result<Option<Records>, StoreError> {
    let path = place(home, playbook);
    if path.is_file() { read_json(&path).map(Some) } else { Ok(None) }
}

fn place(home: &Path, playbook: &Path) -> PathBuf {
    const HASH_CHARACTERS: usize = 12;
    let hash = sha256(playbook.as_os_str().as_encoded_bytes());
    let stem = playbook.file_stem().unwrap_or_default().to_string_lossy();
    home.join("rehearsals").join(format!("{stem}-{}.json", &hash[..HASH_CHARACTERS]))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehearsed(playbook: &Path, at_ms: u64, is_green: bool) -> Record {
        let content = Content::read(playbook).expect("a playbook");
        let playbook = playbook.to_owned();
        Record { playbook, at_ms, engine: "0.1.0".to_owned(), is_green, scenarios: 2, faults: 0, content }
    }

    #[test]
    fn a_red_rehearsal_leaves_the_green_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let playbook = dir.path().join("p.yaml");
        fs::write(&playbook, "firedrill: 1\n").expect("a playbook");
        let home = dir.path().join("home");
        assert_eq!(records(&home, &playbook).expect("no records"), None);
        record(&home, &rehearsed(&playbook, 1, true)).expect("kept");
        record(&home, &rehearsed(&playbook, 2, false)).expect("kept");
        let kept = records(&home, &playbook).expect("records").expect("two of them");
        assert_eq!((kept.newest.at_ms, kept.green.map(|green| green.at_ms)), (2, Some(1)));
        record(&home, &rehearsed(&playbook, 3, true)).expect("kept");
        let kept = records(&home, &playbook).expect("records").expect("two of them");
        assert_eq!(kept.green.map(|green| green.at_ms), Some(3));
    }

    #[test]
    fn playbooks_of_one_name_are_kept_apart() {
        let home = Path::new("/home");
        assert_ne!(place(home, Path::new("/a/p.yaml")), place(home, Path::new("/b/p.yaml")));
    }

    #[test]
    fn what_a_rehearsal_depends_on() {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("p.yaml", "a"),
            ("p.rehearsal.yaml", "b"),
            ("other.yaml", "c"),
            ("bin/sub/tool", "d"),
            ("bin/__pycache__/m.pyc", "e"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let content = Content::read(&dir.path().join("p.yaml")).expect("a playbook");
        let names: Vec<&str> = content.digests.keys().map(String::as_str).collect();
        assert_eq!(names, ["bin/sub/tool", "p.rehearsal.yaml", "p.yaml"]);
        assert_eq!(content.text, "a");
    }
}
