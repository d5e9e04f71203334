//! `firedrill targets`

use std::path::{Path, PathBuf};

use firedrill_model::target::Target;
use firedrill_report::{TargetRow, targets_json, targets_text};

use crate::args::{Format, TargetsArgs};
use crate::failure::{Failure, Status};
use crate::playbook::tell;
use crate::target::{self, Findings};
use crate::terminal::Terminal;

pub(super) fn targets(args: &TargetsArgs, terminal: &Terminal) -> Result<Status, Failure> {
    let playbooks = args.dir.clone().unwrap_or_else(folder);
    let mut rows = Vec::new();
    let mut status = Status::Done;
    for path in target::files(&playbooks) {
        let Findings { source, target, diagnostics } = target::examine(&path)?;
        tell(&source, &diagnostics, terminal);
        match target {
            Some(target) => rows.push(row(&target, &path)),
            None => status = Status::Invalid,
        }
    }
    match args.json.format() {
        Format::Json => terminal.print(&(targets_json(&rows) + "\n")),
        Format::Text if rows.is_empty() => {
            terminal.print(&format!("there is no target in {}\n", playbooks.join("targets").display()));
        }
        Format::Text => terminal.print(&targets_text(&rows, terminal.colour)),
    }
    Ok(status)
}

/// Returns the folder of playbooks, as `firedrill rehearse` finds it.
fn folder() -> PathBuf {
    let dir = Path::new("playbooks");
    if dir.is_dir() { dir.to_owned() } else { PathBuf::new() }
}

fn row(target: &Target, path: &Path) -> TargetRow {
    TargetRow {
        target: target.name.value.clone(),
        is_protected: target.is_protected,
        file: path.display().to_string(),
        inputs: target.inputs.len(),
        env: target.env.len(),
        description: target.description.as_ref().map(|text| text.value.trim().to_owned()),
    }
}
