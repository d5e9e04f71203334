//! What an injected fault leaves behind: words on standard error, another output, an exit code that a probe understands.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firedrill_model::expression::{AttemptField, Scope};
use firedrill_model::jq::Bindings;
use firedrill_model::judge::{Expect, Judgement, Stream, judge_probe};
use firedrill_model::rehearsal::FaultKind;
use firedrill_model::units;
use firedrill_model::value::Value;

use crate::driver::DriveError;
use crate::environment::PUBLISHED;
use crate::secrets::MASKED;
use crate::supervisor::Spawn;

/// Outputs of which one is likely not to be what a probe hopes for.
const OUTPUTS: [&str; 9] = ["", "null", "false", "[]", "{}", "[{}]", "0", "firedrill\n", "{\"Tables\":[]}"];

/// Returns a fault of a probe as what the probe's command does.
pub(super) fn concrete(fault: FaultKind, expect: &Expect) -> FaultKind {
    match fault {
        FaultKind::DoesNotHold if expect.is_by_exit() && !expect.exit.contains(&1) => FaultKind::Exit(1),
        FaultKind::DoesNotHold => unmet_output(expect).map_or(FaultKind::Exit(1), FaultKind::WrongOutput),
        FaultKind::CouldNotTell => {
            let code = (2..=255).find(|code| !expect.exit.contains(code));
            FaultKind::Exit(code.unwrap_or(255))
        }
        other => other,
    }
}

/// Returns an output that the probe understands and that does not hold.
fn unmet_output(expect: &Expect) -> Option<String> {
    let code = *expect.exit.first()?;
    let bindings = Bindings::from(Scope::new().with_attempt(AttemptField::Duration, Value::Int(0)));
    let is_unmet = |text: &str| {
        let open = |stream: &Stream| -> io::Result<Box<dyn Read>> {
            let bytes = if *stream == Stream::Stdout { text.as_bytes().to_vec() } else { Vec::new() };
            Ok(Box::new(io::Cursor::new(bytes)))
        };
        matches!(judge_probe(expect, code, &[], &open, &bindings), Judgement::Unmet { .. })
    };
    OUTPUTS.into_iter().find(|text| is_unmet(text)).map(str::to_owned)
}

/// Appends a text to an output file.
pub(super) fn say(file: &Path, text: &str) -> Result<(), DriveError> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(file, &error))
}

/// Writes down that a command has published its secrets.
pub(super) fn publish(spawn: &Spawn) -> Result<(), DriveError> {
    let published = spawn.env.iter().find(|(name, _)| name == PUBLISHED);
    let lines: String = spawn.publishes.keys().flat_map(|name| [name, "=", MASKED, "\n"]).collect();
    published.map_or(Ok(()), |(_, path)| say(Path::new(path), &lines))
}

/// Puts a text in the place of what a command printed and published.
pub(super) fn replace_output(spawn: &Spawn, text: &str) -> Result<(), DriveError> {
    fs::write(&spawn.stdout, text).map_err(|error| failed(&spawn.stdout, &error))?;
    let published = spawn.env.iter().find(|(name, _)| name == PUBLISHED);
    match published.map(|(_, path)| fs::remove_file(path)) {
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(failed(&spawn.stdout, &error)),
        _ => Ok(()),
    }
}

/// Returns the file in which a program that cannot park writes how long it took.
pub(super) fn took_file(stdout: &Path) -> PathBuf {
    stdout.with_extension("took")
}

/// How long a command says that it took, and when it reached milestones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Took {
    pub(super) length: Duration,
    /// What it reached how long after its start, in order.
    pub(super) milestones: Vec<(Duration, String)>,
}

/// Returns what a command says of its time: lines `DURATION [MILESTONE]`, one after the other.
pub(super) fn took(stdout: &Path) -> Result<Took, DriveError> {
    let file = took_file(stdout);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Took::default()),
        Err(error) => return Err(failed(&file, &error)),
    };
    let mut took = Took::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (length, milestone) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let length = length.parse::<units::Duration>().map_err(|error| failed(&file, &io::Error::other(error)))?;
        took.length += length.as_std();
        if !milestone.trim().is_empty() {
            took.milestones.push((took.length, milestone.trim().to_owned()));
        }
    }
    Ok(took)
}

fn failed(file: &Path, error: &io::Error) -> DriveError {
    DriveError::Rehearsal(format!("{}: {error}", file.display()))
}
