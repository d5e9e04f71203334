//! The target of a command line: its file, found and read.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use firedrill_exec::{Committed, PlanFile, committed};
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::source::Source;
use firedrill_model::suggest::did_you_mean;
use firedrill_model::target::{self, Resolved, Target};

use crate::failure::{Failure, Status};
use crate::playbook::{Loaded, tell};
use crate::terminal::Terminal;

/// The folder of targets, beside the playbooks.
const TARGETS: &str = "targets";

/// A target with what its file is.
pub(crate) struct TargetFile {
    pub(crate) path: PathBuf,
    source: Source,
    target: Target,
}

/// Everything that was found out about the file of a target.
pub(crate) struct Findings {
    pub(crate) source: Source,
    pub(crate) target: Option<Target>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Reads and checks the file of a target.
pub(crate) fn examine(path: &Path) -> Result<Findings, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?;
    let name = path.display().to_string();
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    Ok(match Source::from_bytes(name.clone(), bytes.clone()) {
        Ok(source) => {
            let (target, diagnostics) = target::load(&source, stem);
            Findings { source, target, diagnostics }
        }
        Err(fault) => {
            Findings { source: Source::lossy(name, &bytes, fault.span), target: None, diagnostics: vec![fault] }
        }
    })
}

/// Returns the targets in a folder of playbooks, sorted; none if there is no such folder.
pub(crate) fn files(playbooks: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(playbooks.join(TARGETS)).into_iter().flatten().flatten();
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_yaml).collect();
    files.sort();
    files
}

impl TargetFile {
    /// Reads the target that a command line names: `NAME` beside the playbook, or a path. Its findings are told.
    pub(crate) fn load(named: &str, playbook: &Loaded, terminal: &Terminal) -> Result<TargetFile, Failure> {
        let is_path = named.contains('/') || Path::new(named).extension().is_some_and(|extension| extension == "yaml");
        let path =
            if is_path { PathBuf::from(named) } else { playbook.dir().join(TARGETS).join(format!("{named}.yaml")) };
        if !path.is_file() {
            return Err(unknown(named, &path, playbook.dir()));
        }
        let Findings { source, target, diagnostics } = examine(&path)?;
        tell(&source, &diagnostics, terminal);
        let target = target.ok_or(Failure::Told(Status::Invalid))?;
        let path =
            std::path::absolute(&path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?;
        Ok(TargetFile { path, source, target })
    }

    /// Returns what the target gives to a playbook; faults and warnings are told.
    pub(crate) fn resolve(&self, playbook: &Loaded, terminal: &Terminal) -> Result<Resolved, Failure> {
        let resolved = self.target.resolve(&self.source, playbook.checked(), |name| env::var(name).ok());
        let resolved = resolved.map_err(|faults| {
            tell(&self.source, &faults, terminal);
            Failure::Told(Status::Invalid)
        })?;
        tell(&self.source, &resolved.warnings, terminal);
        Ok(resolved)
    }
}

fn unknown(wanted: &str, path: &Path, playbooks: &Path) -> Failure {
    let files = files(playbooks);
    let names: Vec<&str> = files.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
    let help = did_you_mean(wanted, names.iter().copied()).unwrap_or_else(|| match names.as_slice() {
        [] => format!("a target is a file such as {}", path.display()),
        some => format!("there are: {}", some.join(", ")),
    });
    Failure::usage(format!("there is no target `{wanted}`: {} is no file", path.display())).help(help)
}

/// Refuses a run that its target does not allow as it is.
///
/// `confirmed` is what the operator confirmed, `playbook` and `target` are the files.
pub(crate) fn allowed(
    planned: &PlanFile,
    confirmed: Option<&str>,
    playbook: &Path,
    target: Option<&Path>,
) -> Result<(), Failure> {
    let plan = &planned.plan;
    let name = plan.target.as_ref().map(|target| target.name.as_str());
    if let Some(other) = confirmed.filter(|confirmed| Some(*confirmed) != name) {
        let is = name.map_or("there is no target".to_owned(), |name| format!("the target is `{name}`"));
        return Err(Failure::usage(format!("--confirm {other}: {is}")));
    }
    let Some(target_name) = name.filter(|_| plan.target.as_ref().is_some_and(|target| target.is_protected)) else {
        return Ok(());
    };
    if confirmed.is_none() {
        let message = format!("target `{target_name}` is protected, and nobody has confirmed that it is meant");
        return Err(Failure::refused(message).help(format!("look at the plan, then add --confirm {target_name}")));
    }
    as_committed(target_name, committed(playbook, &planned.used(), target))
}

fn as_committed(target: &str, committed: Committed) -> Result<(), Failure> {
    let message = match committed {
        Committed::Clean | Committed::NoRepository => return Ok(()),
        Committed::Dirty(files) => {
            format!("target `{target}` is protected, and these files are not as committed: {}", files.join(", "))
        }
        Committed::Untold => {
            format!("target `{target}` is protected, and git does not say whether the files are as committed")
        }
    };
    Err(Failure::refused(message).help("commit them, so that what is run has been reviewed"))
}

/// Refuses a protected target for a run that is to change nothing real.
pub(crate) fn no_sandbox(target: &firedrill_model::plan::Target) -> Result<(), Failure> {
    if !target.is_protected {
        return Ok(());
    }
    let message = format!("target `{}` is protected: its inputs are not for a sandbox", target.name);
    Err(Failure::refused(message).help("leave out --target, or choose another one"))
}
