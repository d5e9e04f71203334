//! `firedrill validate`

use firedrill_report::diagnostics;

use crate::args::{Format, ValidateArgs};
use crate::failure::{Failure, Status};
use crate::playbook::{Findings, examine};
use crate::terminal::Terminal;

pub(super) fn validate(args: &ValidateArgs, terminal: &Terminal) -> Result<Status, Failure> {
    let mut all = Vec::new();
    for file in &args.files {
        all.push(examine(file)?);
    }
    let text: String = match args.json.format() {
        Format::Json => json(&all),
        Format::Text => all.iter().map(|findings| told(findings, terminal)).collect(),
    };
    terminal.print(&text);
    let is_valid = all.iter().all(|findings| findings.checked.is_some());
    Ok(if is_valid { Status::Done } else { Status::Invalid })
}

fn told(findings: &Findings, terminal: &Terminal) -> String {
    if findings.diagnostics.is_empty() {
        return format!("{}: valid\n", findings.source.name);
    }
    let text = diagnostics::render(&findings.source, &findings.diagnostics, terminal.colour);
    format!("{}\n", text.trim_end())
}

/// Returns one list of the findings in all files.
fn json(all: &[Findings]) -> String {
    let lists = all.iter().map(|findings| diagnostics::to_json(&findings.source, &findings.diagnostics));
    let entries: Vec<String> = lists
        .filter_map(|list| Some(list.trim().strip_prefix('[')?.strip_suffix(']')?.trim_end().to_owned()))
        .filter(|entries| !entries.trim().is_empty())
        .collect();
    format!("[{}\n]\n", entries.join(","))
}
