//! The files that a playbook takes along.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::joined;
use super::library::all_used;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::Playbook;

/// Reports paths that leave the playbook's folder.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let outside = playbook.files.iter().filter(|file| !is_below(&file.value));
    let fault = |file: &crate::source::Spanned<String>| {
        let message = format!("`{}` is no path below the playbook's folder", file.value.escape_debug());
        let help = "name it by its path from there, without `..`: only what lies there is reviewed with the playbook";
        Diagnostic::error(Code::BadFile, file.span, message).help(help)
    };
    outside.map(fault).collect()
}

fn is_below(path: &str) -> bool {
    !path.contains('\0') && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Returns the paths of the files that a playbook and those it uses take along, below the playbook's folder.
pub fn files(playbook: &Playbook) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(playbook, "", &mut found);
    found
}

/// Returns the folders of the playbooks that a playbook uses, relative to its own, without its own.
pub fn folders(playbook: &Playbook) -> BTreeSet<String> {
    let used = all_used(playbook);
    used.iter().map(|used| used.folder.clone()).filter(|folder| !folder.is_empty()).collect()
}

fn collect(playbook: &Playbook, folder: &str, found: &mut BTreeSet<String>) {
    found.extend(playbook.files.iter().map(|file| joined(folder, &file.value)));
    playbook.used.values().for_each(|used| collect(&used.checked, &used.folder, found));
}
