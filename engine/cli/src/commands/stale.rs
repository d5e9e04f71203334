//! `firedrill stale`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_exec::clock;
use firedrill_exec::rehearsals::{self, Content, Record, Records};
use firedrill_report::stale::{Freshness, Green, Past, Rehearsed, stale_json, stale_text};

use crate::args::{Format, StaleArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

/// The folder of playbooks, if there is one.
const PLAYBOOKS: &str = "playbooks";

pub(super) fn stale(args: &StaleArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let files = if args.files.is_empty() { playbooks()? } else { args.files.clone() };
    let now_ms = clock::now_ms();
    let mut all = Vec::new();
    for file in &files {
        all.push(freshness(file, home, now_ms, args.max_age.as_std())?);
    }
    terminal.print(&match args.json.format() {
        Format::Json => stale_json(&all) + "\n",
        Format::Text => stale_text(&all, now_ms, terminal.columns, terminal.colour),
    });
    let is_fresh = all.iter().all(|one| one.is_fresh);
    Ok(if is_fresh { Status::Done } else { Status::Failed })
}

fn freshness(file: &Path, home: &Home, now_ms: u64, max_age: std::time::Duration) -> Result<Freshness, Failure> {
    let unusable = |error: io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let playbook = std::path::absolute(file).map_err(unusable)?;
    let content = Content::read(&playbook).map_err(|error| Failure::invalid(error.to_string()))?;
    let records = rehearsals::records(home.path(), &playbook)?;
    let past = records.as_ref().map(past).unwrap_or_default();
    Ok(Freshness::of(&file.display().to_string(), past, rehearsed(&content), now_ms, max_age))
}

fn past(records: &Records) -> Past<'_> {
    let newest = Some(&records.newest).filter(|newest| !newest.is_green);
    Past { green: records.green.as_ref().map(green), failed_ms: newest.map(|newest| newest.at_ms) }
}

fn green(record: &Record) -> Green<'_> {
    let Record { at_ms, scenarios, faults, content, .. } = record;
    Green { at_ms: *at_ms, scenarios: *scenarios, faults: *faults, content: rehearsed(content) }
}

fn rehearsed(content: &Content) -> Rehearsed<'_> {
    Rehearsed { digests: &content.digests, text: &content.text }
}

/// Returns the playbooks of the folder, sorted.
fn playbooks() -> Result<Vec<PathBuf>, Failure> {
    let dir = Path::new(if Path::new(PLAYBOOKS).is_dir() { PLAYBOOKS } else { "." });
    let unusable = |error: io::Error| Failure::usage(format!("{}: {error}", dir.display()));
    let entries: io::Result<Vec<_>> = fs::read_dir(dir).map_err(unusable)?.collect();
    let paths = entries.map_err(unusable)?.into_iter().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(|path| is_playbook(path)).collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(format!("there is no playbook in {}", dir.display())));
    }
    Ok(files.into_iter().map(|path| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)).collect())
}

/// Returns whether a file says that it is a playbook; other YAML files may lie beside playbooks.
fn is_playbook(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
    is_yaml && fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("playbook:")))
}
