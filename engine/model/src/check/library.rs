//! Playbooks that use others: their texts, given by the caller, and the order in which they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Checked, check};
use crate::decode;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Body, Playbook, Use, UsedPlaybook};
use crate::source::Source;

/// The texts of used playbooks, by their paths relative to the folder of the playbook that is run.
#[derive(Clone, Debug, Default)]
pub struct Library {
    files: BTreeMap<String, Result<Arc<Source>, String>>,
}

impl Library {
    /// Adds a file, or why it cannot be read.
    pub fn add(&mut self, path: String, file: Result<Source, String>) {
        self.files.insert(path, file.map(Arc::new));
    }

    /// Returns the paths of files that a playbook uses, or one that it uses, and that have not been added yet.
    pub fn missing(&self, source: &Source) -> Vec<String> {
        let mut missing = Vec::new();
        let mut seen = Vec::new();
        let mut queue = paths(source, "");
        while let Some(path) = queue.pop() {
            if seen.contains(&path) {
                continue;
            }
            match self.files.get(&path) {
                None => missing.push(path.clone()),
                Some(Ok(source)) => queue.extend(paths(source, folder(&path))),
                Some(Err(_)) => {}
            }
            seen.push(path);
        }
        missing
    }

    /// Iterates over the texts that could be read, with their paths.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().filter_map(|(path, file)| Some((path.as_str(), &**file.as_ref().ok()?)))
    }
}

/// Returns the paths that a text uses, relative to the folder of the playbook that is run.
fn paths(source: &Source, folder: &str) -> Vec<String> {
    let (playbook, _) = decode::parse(source);
    playbook.iter().flat_map(uses).map(|used| joined(folder, &used.path.value)).collect()
}

fn uses(playbook: &Playbook) -> impl Iterator<Item = &Use> {
    playbook.steps.iter().filter_map(|step| match &step.body {
        Body::Use(used) => Some(&**used),
        Body::Command(_) | Body::Group(_) => None,
    })
}

/// Returns all playbooks that a playbook uses, directly or through others, each once.
pub(super) fn all_used(playbook: &Playbook) -> Vec<Arc<UsedPlaybook>> {
    let mut found: Vec<Arc<UsedPlaybook>> = Vec::new();
    let mut queue: Vec<Arc<UsedPlaybook>> = playbook.used.values().cloned().collect();
    while let Some(used) = queue.pop() {
        if found.iter().all(|known| known.source.name != used.source.name) {
            queue.extend(used.checked.used.values().cloned());
            found.push(used);
        }
    }
    found
}

/// Reads a playbook with those that it uses, each once.
pub(super) struct Loader<'l> {
    library: &'l Library,
    /// The paths of the playbooks that are being read: each is used by the one before.
    around: Vec<String>,
    loaded: BTreeMap<String, Option<Arc<UsedPlaybook>>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'l> Loader<'l> {
    pub(super) fn new(library: &'l Library) -> Self {
        Self { library, around: Vec::new(), loaded: BTreeMap::new(), diagnostics: Vec::new() }
    }

    pub(super) fn load(
        mut self,
        source: &Source,
        file_stem: Option<&str>,
    ) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
        let (checked, found) = self.file(source, file_stem, "");
        let all = found.into_iter().chain(self.diagnostics).collect();
        (checked, decode::in_order(all))
    }

    /// Reads one file; what is found in those that it uses is kept.
    fn file(
        &mut self,
        source: &Source,
        stem: Option<&str>,
        folder: &str,
    ) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
        let (playbook, mut found) = decode::parse(source);
        let Some(mut playbook) = playbook else { return (None, found) };
        let mut used = BTreeMap::new();
        for one in uses(&playbook) {
            match self.used(one, folder) {
                Ok(Some(file)) => {
                    used.insert(one.path.value.clone(), file);
                }
                Ok(None) => {}
                Err(fault) => found.push(fault),
            }
        }
        let is_whole = uses(&playbook).all(|one| used.contains_key(&one.path.value));
        playbook.is_sound &= is_whole;
        playbook.used = used;
        match check(playbook, stem) {
            Ok((checked, warnings)) => {
                found.extend(warnings);
                (Some(checked), found)
            }
            Err(errors) => {
                found.extend(errors);
                (None, found)
            }
        }
    }

    /// Reads a used playbook; none if it has faults of its own.
    fn used(&mut self, used: &Use, from: &str) -> Result<Option<Arc<UsedPlaybook>>, Diagnostic> {
        let path = joined(from, &used.path.value);
        let unknown = |why: &str| {
            let message = format!("the playbook `{}` cannot be used: {why}", used.path.value.escape_debug());
            Diagnostic::error(Code::UnknownPlaybook, used.path.span, message)
        };
        if used.path.value.starts_with('/') {
            return Err(unknown("its path must be relative to the folder of this playbook"));
        }
        if self.around.contains(&path) {
            let circle = self.around.iter().skip_while(|around| **around != path).chain([&path]);
            let circle: Vec<&str> = circle.map(String::as_str).collect();
            let message = format!("playbooks use each other in a circle: {}", circle.join(" uses "));
            return Err(Diagnostic::error(Code::UseCircle, used.path.span, message));
        }
        if let Some(known) = self.loaded.get(&path) {
            return Ok(known.clone());
        }
        let source = match self.library.files.get(&path) {
            Some(Ok(source)) => Arc::clone(source),
            Some(Err(why)) => return Err(unknown(why)),
            None => return Err(unknown("there is no such file")),
        };
        let loaded = self.shelved(&path, &source);
        self.loaded.insert(path, loaded.clone());
        Ok(loaded)
    }

    fn shelved(&mut self, path: &str, source: &Arc<Source>) -> Option<Arc<UsedPlaybook>> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        self.around.push(path.to_owned());
        let (checked, found) = self.file(source, Some(stem), folder(path));
        self.around.pop();
        self.diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.within(source)));
        let folder = folder(path).to_owned();
        Some(Arc::new(UsedPlaybook { source: Arc::clone(source), checked: checked?, folder }))
    }
}

/// Returns the folder of a path, without a slash at its end.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns a path that is relative to a folder, without `.` and, as far as it goes, without `..`.
pub(crate) fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => {
                parts.pop();
            }
            (part, _) => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_using_file() {
        assert_eq!(joined("", "b.yaml"), "b.yaml");
        assert_eq!(joined("parts", "./b.yaml"), "parts/b.yaml");
        assert_eq!(joined("parts", "../b.yaml"), "b.yaml");
        assert_eq!(joined("", "../../b.yaml"), "../../b.yaml");
        assert_eq!(joined("../x", "../b.yaml"), "../b.yaml");
    }
}
