//! `firedrill validate`

use std::path::Path;

use firedrill_model::diagnostic::{Code, Diagnostic, Severity};
use firedrill_model::source::Source;
use firedrill_report::diagnostics;

use crate::args::{Denied, Format, ValidateArgs};
use crate::failure::{Failure, Status};
use crate::playbook;
use crate::rehearsal;
use crate::terminal::{self, Terminal};

pub(super) fn validate(args: &ValidateArgs, terminal: &Terminal) -> Result<Status, Failure> {
    let allowed = args.allow.iter().map(|code| named(code)).collect::<Result<Vec<Code>, Failure>>()?;
    let mut all = Vec::new();
    for file in &args.files {
        let mut findings = found(file)?;
        findings.diagnostics.retain(|found| found.severity == Severity::Error || !allowed.contains(&found.code));
        all.push(findings);
    }
    let text: String = match args.json.format() {
        Format::Json => json(&all),
        Format::Text => all.iter().map(|findings| told(findings, terminal)).collect(),
    };
    terminal.print(&text);
    let is_valid = all.iter().all(|findings| findings.is_valid);
    if !is_valid {
        return Ok(Status::Invalid);
    }
    let warnings = all.iter().map(|findings| findings.diagnostics.len()).sum();
    Ok(denied(args.deny, warnings))
}

/// Returns the code that somebody names.
fn named(id: &str) -> Result<Code, Failure> {
    let known = Code::ALL.iter().find(|known| known.id().eq_ignore_ascii_case(id)).copied();
    let unknown = || Failure::usage(format!("there is no diagnostic `{id}`"));
    known.ok_or_else(|| unknown().help("a code looks like FD0602; diagnostics show theirs"))
}

/// Returns what so many warnings come to, having said so.
fn denied(deny: Option<Denied>, warnings: usize) -> Status {
    match (deny, warnings) {
        (None, _) | (Some(Denied::Warnings), 0) => Status::Done,
        (Some(Denied::Warnings), warnings) => {
            let noun = if warnings == 1 { "warning" } else { "warnings" };
            terminal::tell(&format!("{warnings} {noun}, denied by `--deny warnings`\n"));
            Status::Invalid
        }
    }
}

/// What was found in one file.
struct Found {
    source: Source,
    diagnostics: Vec<Diagnostic>,
    is_valid: bool,
}

/// Examines a playbook, or a rehearsal with the playbook that it rehearses if that is sound.
fn found(file: &Path) -> Result<Found, Failure> {
    if rehearsal::stem(file).is_none() {
        let playbook::Findings { source, checked, diagnostics } = playbook::examine(file)?;
        return Ok(Found { source, diagnostics, is_valid: checked.is_some() });
    }
    let (playbook, _) = rehearsal::pair(file);
    let playbook = playbook::examine(&playbook)?;
    let rehearsal::Findings { source, diagnostics, .. } = rehearsal::examine(file, playbook.checked.as_deref())?;
    let is_valid = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    Ok(Found { source, diagnostics, is_valid })
}

fn told(findings: &Found, terminal: &Terminal) -> String {
    if findings.diagnostics.is_empty() {
        return format!("{}: valid\n", findings.source.name);
    }
    let text = diagnostics::render(&findings.source, &findings.diagnostics, terminal.colour);
    format!("{}\n", text.trim_end())
}

/// Returns one list of the findings in all files.
fn json(all: &[Found]) -> String {
    let lists = all.iter().map(|findings| diagnostics::to_json(&findings.source, &findings.diagnostics));
    let entries: Vec<String> = lists
        .filter_map(|list| Some(list.trim().strip_prefix('[')?.strip_suffix(']')?.trim_end().to_owned()))
        .filter(|entries| !entries.trim().is_empty())
        .collect();
    format!("[{}\n]\n", entries.join(","))
}
