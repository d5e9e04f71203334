//! `NAME.rehearsal.yaml` beside a playbook: read, held against the playbook, and what a sandboxed run takes from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use firedrill_model::diagnostic::{Diagnostic, Severity};
use firedrill_model::expression::Scope;
use firedrill_model::plan::Origin;
use firedrill_model::playbook::Playbook;
use firedrill_model::rehearsal::{self, Rehearsal, fill};
use firedrill_model::resolve::{Given, GivenValue};
use firedrill_model::source::Source;
use firedrill_model::value::Value;

use crate::failure::{Failure, Status};
use crate::playbook;
use crate::terminal::Terminal;

/// The end of the name of a rehearsal's file.
const SUFFIX: &str = ".rehearsal.yaml";

/// Everything that was found out about the text of a rehearsal.
pub(crate) struct Findings {
    pub(crate) source: Source,
    pub(crate) rehearsal: Option<Rehearsal>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A rehearsal without faults.
pub(crate) struct Loaded {
    pub(crate) source: Source,
    pub(crate) rehearsal: Rehearsal,
}

/// Returns the files of a playbook and of its rehearsal, given either.
pub(crate) fn pair(file: &Path) -> (PathBuf, PathBuf) {
    match stem(file) {
        Some(stem) => (file.with_file_name(format!("{stem}.yaml")), file.to_owned()),
        None => (file.to_owned(), file.with_extension("rehearsal.yaml")),
    }
}

/// Returns the name of the playbook that a rehearsal's file is about, if the file is one.
pub(crate) fn stem(file: &Path) -> Option<&str> {
    file.file_name()?.to_str()?.strip_suffix(SUFFIX)
}

/// Reads a rehearsal and holds it against the playbook that it rehearses, if that is known.
pub(crate) fn examine(path: &Path, playbook: Option<&Playbook>) -> Result<Findings, Failure> {
    let bytes = fs::read(path).map_err(|error| {
        Failure::invalid(format!("{}: {error}", path.display()))
            .help("a playbook is rehearsed as NAME.rehearsal.yaml beside it says")
    })?;
    let name = path.display().to_string();
    Ok(match Source::from_bytes(name.clone(), bytes.clone()) {
        Ok(source) => {
            let (rehearsal, mut diagnostics) = rehearsal::load(&source, stem(path));
            let held =
                rehearsal.as_ref().zip(playbook).map(|(rehearsal, playbook)| rehearsal::check(rehearsal, playbook));
            diagnostics.extend(held.unwrap_or_default());
            Findings { source, rehearsal, diagnostics }
        }
        Err(diagnostic) => Findings {
            source: Source::lossy(name, &bytes, diagnostic.span),
            rehearsal: None,
            diagnostics: vec![diagnostic],
        },
    })
}

/// Reads a rehearsal that is to be used; its findings are told.
pub(crate) fn load(path: &Path, playbook: &Playbook, terminal: &Terminal) -> Result<Loaded, Failure> {
    let Findings { source, rehearsal, diagnostics } = examine(path, Some(playbook))?;
    playbook::tell(&source, &diagnostics, terminal);
    let is_sound = diagnostics.iter().all(|finding| finding.severity != Severity::Error);
    let rehearsal = rehearsal.filter(|_| is_sound).ok_or(Failure::Told(Status::Invalid))?;
    Ok(Loaded { source, rehearsal })
}

/// Returns the rehearsal beside a playbook, if there is one.
pub(crate) fn beside(playbook: &playbook::Loaded, terminal: &Terminal) -> Result<Option<Loaded>, Failure> {
    let (_, path) = pair(playbook.typed());
    if path.is_file() { load(&path, playbook.checked(), terminal).map(Some) } else { Ok(None) }
}

/// Returns the inputs for a sandboxed run of a playbook; none if there is no rehearsal beside it.
///
/// `world` is what `${{ sandbox.dir }}` stands for.
pub(crate) fn inputs(rehearsal: Option<&Loaded>, world: &Path) -> Result<BTreeMap<String, Given>, Failure> {
    let scope = Scope::new().with_sandbox([("dir".to_owned(), Value::from(world.display().to_string()))]);
    let inputs = rehearsal.iter().flat_map(|loaded| &loaded.rehearsal.inputs).map(|(name, value)| {
        let value = fill(&value.value, &scope).map_err(|error| Failure::invalid(format!("input `{name}`: {error}")))?;
        Ok((name.clone(), Given { value: GivenValue::Value(value), origin: Origin::Sandbox }))
    });
    inputs.collect()
}
