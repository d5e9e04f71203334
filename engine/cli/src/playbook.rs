//! From the file of a playbook to its plan, with every finding shown on the way.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_exec::files::{bins, listed};
use firedrill_exec::library;
use firedrill_model::check::{self, Checked};
use firedrill_model::diagnostic::{Code, Diagnostic};
use firedrill_model::plan::{FileDigest, Plan, Target};
use firedrill_model::playbook::Playbook;
use firedrill_model::resolve::{Facts, Given, resolve};
use firedrill_model::source::Source;
use firedrill_model::value::Value;
use firedrill_report::{Colour, diagnostics};

use crate::failure::{Failure, Status};
use crate::terminal::{self, Terminal};

/// A playbook without faults.
pub(crate) struct Loaded {
    source: Source,
    checked: Checked<Playbook>,
    path: PathBuf,
    /// The file as it was named.
    typed: PathBuf,
}

/// Everything that was found out about the text of a playbook.
pub(crate) struct Findings {
    pub(crate) source: Source,
    pub(crate) checked: Option<Checked<Playbook>>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a playbook.
pub(crate) fn examine(path: &Path) -> Result<Findings, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?;
    let name = path.display().to_string();
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    Ok(match Source::from_bytes(name.clone(), bytes.clone()) {
        Ok(source) => {
            let library = library(&source, path.parent().unwrap_or(Path::new("")));
            let (checked, diagnostics) = check::review_with(&source, stem, &library);
            Findings { source, checked, diagnostics }
        }
        Err(diagnostic) => Findings {
            source: Source::lossy(name, &bytes, diagnostic.span),
            checked: None,
            diagnostics: vec![diagnostic],
        },
    })
}

/// Reads and checks a playbook that is to be used; its findings are told.
pub(crate) fn load(path: &Path, terminal: &Terminal) -> Result<Loaded, Failure> {
    let Findings { source, checked, diagnostics } = examine(path)?;
    tell(&source, &diagnostics, terminal);
    let checked = checked.ok_or(Failure::Told(Status::Invalid))?;
    let typed = path.to_owned();
    let path = std::path::absolute(path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?;
    Ok(Loaded { source, checked, path, typed })
}

impl Loaded {
    /// Returns the playbook's file, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the playbook's file as it was named.
    pub(crate) fn typed(&self) -> &Path {
        &self.typed
    }

    /// Returns the playbook's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Returns the playbook's name.
    pub(crate) fn name(&self) -> &str {
        &self.checked.name.value
    }

    /// Returns the playbook.
    pub(crate) fn checked(&self) -> &Checked<Playbook> {
        &self.checked
    }

    /// Returns the files of the playbook's `bin/` and those that it lists, sorted by path.
    pub(crate) fn files(&self) -> Result<Vec<FileDigest>, Failure> {
        let mut files = bins(self.dir(), &check::folders(&self.checked))
            .map_err(|error| Failure::invalid(format!("{}/bin: {error}", self.dir().display())))?;
        for path in check::files(&self.checked) {
            files.push(listed(self.dir(), &path).map_err(|error| self.missing(&path, &error))?);
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files.dedup();
        Ok(files)
    }

    /// Says where a file that cannot be taken along is listed.
    fn missing(&self, path: &str, error: &io::Error) -> Failure {
        let Some(listed) = self.checked.files.iter().find(|file| file.value == path) else {
            return Failure::invalid(format!("{}: {error}", self.dir().join(path).display()));
        };
        let fault = Diagnostic::error(Code::BadFile, listed.span, format!("`{path}` cannot be taken along: {error}"));
        Failure::invalid(diagnostics::render(&self.source, &[fault], Colour::Never).trim_end().to_owned())
    }

    /// Resolves the playbook with inputs and the files of `bin/`; faults are in the failure.
    pub(crate) fn resolve(
        &self,
        given: &BTreeMap<String, Given>,
        files: &[FileDigest],
        last: BTreeMap<String, Value>,
    ) -> Result<Plan, Failure> {
        let facts = Facts { files: files.to_vec(), target: None, last };
        resolve(&self.source, &self.checked, given, facts).map_err(|faults| {
            Failure::invalid(diagnostics::render(&self.source, &faults, Colour::Never).trim_end().to_owned())
        })
    }

    /// Resolves the playbook with inputs for a target; faults are told.
    pub(crate) fn plan(
        &self,
        given: &BTreeMap<String, Given>,
        target: Option<Target>,
        last: BTreeMap<String, Value>,
        terminal: &Terminal,
    ) -> Result<Plan, Failure> {
        let files = self.files()?;
        resolve(&self.source, &self.checked, given, Facts { files, target, last }).map_err(|faults| {
            tell(&self.source, &faults, terminal);
            Failure::Told(Status::Invalid)
        })
    }
}

pub(crate) fn tell(source: &Source, findings: &[Diagnostic], terminal: &Terminal) {
    if !findings.is_empty() {
        terminal::tell(&format!("{}\n", diagnostics::render(source, findings, terminal.error_colour).trim_end()));
    }
}
