//! Takes the outputs of an attempt from what it left behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use super::{Finding, Opener, Stream, apply, filtered, limited, opened, published, unreadable};
use crate::jq::Bindings;
use crate::pattern::Pattern;
use crate::value::{Type, Value};

/// Bytes that an output may hold.
const MAX_OUTPUT: usize = 64 << 10;
/// Bytes that an output may hold that is read as a file.
const MAX_FILE: usize = 64 << 20;
/// Bytes that `$FIREDRILL_OUTPUT` may hold.
const MAX_PUBLISHED: u64 = 16 << 20;

/// What stands where a secret stood.
pub const MASKED: &str = "***";
/// Why a secret that was published is none.
const UNKEPT: &str = "cannot be a secret: it is shorter than 4 characters, longer than 128 KiB, or no text";

/// How one output of a step is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputRule {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub source: OutputSource,
    /// Which part of that it is.
    pub extract: Extract,
    /// What it must be.
    pub r#type: Type,
    /// Whether it may be missing, and is none then.
    pub optional: bool,
    /// Whether something reads it as a file, so that it may be larger than a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_file: bool,
}

/// Where an output is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    /// The attempt's standard output.
    Stdout,
    /// The attempt's standard error.
    Stderr,
    /// A file, by its rendered path.
    File(String),
    /// What was written under the output's name to `$FIREDRILL_OUTPUT`.
    Published,
    /// A look of its own; its standard output is what the opener yields as standard output.
    Look,
    /// A human says it. Nothing that a command leaves behind holds it.
    Asked,
    /// What was written under the output's name to `$FIREDRILL_OUTPUT`, which never reaches a disk: of a value that could be
    /// kept in memory the mask is there, of one that could not an empty text.
    Secret,
}

/// Which part of a text is the output.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extract {
    /// All of it, without the blanks around it.
    Whole,
    /// The first match of a pattern, or its first group.
    Regex(String),
    /// The one value that a jq filter yields.
    Jq(String),
    /// The first line that is not blank.
    FirstLine,
    /// The last line that is not blank.
    LastLine,
}

/// Takes all outputs, or says which one is not as it should be.
pub(super) fn collect(
    rules: &[OutputRule],
    open: Opener<'_>,
    bindings: &Bindings,
) -> Result<BTreeMap<String, Value>, Finding> {
    let mut outputs = BTreeMap::new();
    for rule in rules {
        if rule.source == OutputSource::Secret {
            rule.must_be_kept(open).map_err(|finding| rule.named(finding))?;
            continue;
        }
        let found = rule.found(open, bindings).map_err(|finding| rule.named(finding))?;
        let value = match found {
            Some(value) => value,
            None if rule.optional => Value::None,
            None => return Err(rule.named(Finding::Unmet(rule.absence()))),
        };
        outputs.insert(rule.name.clone(), value);
    }
    Ok(outputs)
}

/// Returns the whole text of an output that is read as a file, nothing if there is none.
///
/// # Errors
/// Why it cannot be had, in words for an operator.
pub fn file_text(rule: &OutputRule, open: Opener<'_>, bindings: &Bindings) -> Result<Option<Vec<u8>>, String> {
    rule.bytes(open, bindings).map_err(|finding| match rule.named(finding) {
        Finding::Unmet(reason) | Finding::Unfit(reason) | Finding::Unreadable(reason) => reason,
    })
}

impl OutputRule {
    /// Fails if a secret was not published, or if it could not be kept. Its value is nobody's business here.
    fn must_be_kept(&self, open: Opener<'_>) -> Result<(), Finding> {
        match self.published_value(open)?.as_deref() {
            Some(MASKED) => Ok(()),
            Some(_) => Err(Finding::Unmet(UNKEPT.to_owned())),
            None => Err(Finding::Unmet(self.absence())),
        }
    }

    /// Returns the whole text of the output.
    fn bytes(&self, open: Opener<'_>, bindings: &Bindings) -> Result<Option<Vec<u8>>, Finding> {
        let text = match (&self.source, &self.extract) {
            (OutputSource::Published | OutputSource::Secret, _) => self.published_value(open)?.map(String::into_bytes),
            (_, Extract::Jq(filter)) => {
                let values = filtered(&self.stream(), filter, open, bindings)?;
                values.first().filter(|value| **value != Value::None).map(|value| match value {
                    Value::String(text) => text.clone().into_bytes(),
                    other => other.to_json().into_bytes(),
                })
            }
            _ if self.is_absent_file(open) => None,
            _ => self.extracted(opened(&self.stream(), open)?, MAX_FILE)?,
        };
        match text {
            Some(text) if text.len() > MAX_FILE => Err(Finding::Unmet("is larger than 64 MiB".to_owned())),
            text => Ok(text),
        }
    }

    fn found(&self, open: Opener<'_>, bindings: &Bindings) -> Result<Option<Value>, Finding> {
        if self.source == OutputSource::Asked {
            return Ok(None);
        }
        if self.source == OutputSource::Published {
            return self.found_in_published(open, bindings);
        }
        if self.is_absent_file(open) {
            return Ok(None);
        }
        match &self.extract {
            Extract::Jq(filter) => self.only_value(filtered(&self.stream(), filter, open, bindings)?),
            _ => self.text(open)?.map_or(Ok(None), |text| self.typed(text).map(Some)),
        }
    }

    fn is_absent_file(&self, open: Opener<'_>) -> bool {
        let is_file = matches!(self.source, OutputSource::File(_));
        is_file && open(&self.stream()).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    fn stream(&self) -> Stream {
        match &self.source {
            OutputSource::Stdout | OutputSource::Look => Stream::Stdout,
            OutputSource::Stderr => Stream::Stderr,
            OutputSource::File(path) => Stream::File(path.clone()),
            OutputSource::Published | OutputSource::Asked | OutputSource::Secret => Stream::Published,
        }
    }

    fn found_in_published(&self, open: Opener<'_>, bindings: &Bindings) -> Result<Option<Value>, Finding> {
        let Some(value) = self.published_value(open)? else {
            return Ok(None);
        };
        if let Extract::Jq(filter) = &self.extract {
            let values = apply(filter, value.as_bytes(), bindings);
            return self.only_value(values.map_err(|error| Finding::Unmet(error.to_string()))?);
        }
        let text = self.extracted(Box::new(std::io::Cursor::new(value.into_bytes())), MAX_OUTPUT)?;
        text.map_or(Ok(None), |text| self.typed(text).map(Some))
    }

    fn published_value(&self, open: Opener<'_>) -> Result<Option<String>, Finding> {
        let text = limited(&Stream::Published, MAX_PUBLISHED, open)?;
        let text = text.ok_or_else(|| Finding::Unmet("$FIREDRILL_OUTPUT is larger than 16 MiB".to_owned()))?;
        let mut values = published(&text).map_err(|fault| Finding::Unmet(fault.to_string()))?;
        Ok(values.remove(&self.name))
    }

    fn text(&self, open: Opener<'_>) -> Result<Option<Vec<u8>>, Finding> {
        self.extracted(opened(&self.stream(), open)?, MAX_OUTPUT)
    }

    /// Returns the part of a text that the rule wants, not much more of it than `room`; nothing if there is no such part
    /// or it is blank.
    fn extracted(&self, mut text: Box<dyn Read>, room: usize) -> Result<Option<Vec<u8>>, Finding> {
        let part = match &self.extract {
            Extract::Regex(pattern) => {
                let pattern = Pattern::compile(pattern).map_err(|fault| Finding::Unfit(fault.to_string()))?;
                pattern.search(&mut *text).map(|found| found.map(|found| found.text))
            }
            Extract::FirstLine => line(text, Which::First, room),
            Extract::LastLine => line(text, Which::Last, room),
            Extract::Whole | Extract::Jq(_) => whole(text, room),
        };
        let part = part.map_err(|error| unreadable(&self.stream(), &error))?;
        if part.as_ref().is_some_and(|part| part.len() >= 2 * room) && !self.is_file {
            return Err(too_large());
        }
        Ok(part.map(|part| part.trim_ascii().to_vec()).filter(|part| !part.is_empty()))
    }

    fn typed(&self, text: Vec<u8>) -> Result<Value, Finding> {
        if text.len() > MAX_OUTPUT {
            return if self.is_file { Ok(Value::None) } else { Err(too_large()) };
        }
        let text = String::from_utf8(text).map_err(|_| Finding::Unmet("is not UTF-8".to_owned()))?;
        if text.contains('\0') {
            return Err(Finding::Unmet("contains a NUL byte".to_owned()));
        }
        self.r#type.read(&text).map_err(|mismatch| Finding::Unmet(mismatch.message))
    }

    fn only_value(&self, values: Vec<Value>) -> Result<Option<Value>, Finding> {
        match <[Value; 1]>::try_from(values) {
            Ok([Value::None]) => Ok(None),
            Ok([Value::String(text)]) => self.typed(text.into_bytes()).map(Some),
            Ok([value]) if value.to_json().len() > MAX_OUTPUT => self.typed(value.to_json().into_bytes()).map(Some),
            Ok([value]) => self.r#type.check(&value).map(Some).map_err(|mismatch| Finding::Unmet(mismatch.message)),
            Err(values) if values.is_empty() => Ok(None),
            Err(values) => {
                Err(Finding::Unmet(format!("is {} values; wrap the filter in [ ] for a list", values.len())))
            }
        }
    }

    fn absence(&self) -> String {
        let stream = self.stream();
        match &self.extract {
            _ if matches!(self.source, OutputSource::Published | OutputSource::Secret) => format!("was not written to {stream}"),
            Extract::Whole if matches!(stream, Stream::File(_)) => {
                format!("is missing: {stream} is empty or not there")
            }
            Extract::Regex(pattern) => format!("is missing: {stream} does not match /{pattern}/"),
            Extract::Jq(filter) => format!("is missing: jq `{filter}` yields nothing"),
            Extract::Whole | Extract::FirstLine | Extract::LastLine => format!("is missing: {stream} is empty"),
        }
    }

    fn named(&self, finding: Finding) -> Finding {
        let name = |reason: String| format!("output `{}` {reason}", self.name);
        match finding {
            Finding::Unmet(reason) => Finding::Unmet(name(reason)),
            Finding::Unfit(reason) => Finding::Unfit(name(format!("cannot be taken: {reason}"))),
            Finding::Unreadable(reason) => Finding::Unreadable(name(format!("cannot be taken: {reason}"))),
        }
    }
}

fn too_large() -> Finding {
    Finding::Unmet("is larger than 64 KiB: let others read it as a file, `steps.STEP.files.NAME`".to_owned())
}

/// Reads a text, but not much more of it than `room`.
fn whole(text: Box<dyn Read>, room: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut kept = Vec::new();
    let mut text = BufReader::new(text);
    loop {
        let chunk = text.fill_buf()?;
        let length = chunk.len();
        if length == 0 {
            return Ok(Some(kept));
        }
        let is_blank_before = kept.is_empty();
        let chunk = if is_blank_before { chunk.trim_ascii_start() } else { chunk };
        let room = (2 * room).saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        text.consume(length);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    First,
    Last,
}

/// Returns the first or last line that is not blank; of a very long line only so much that it counts as too large.
fn line(text: Box<dyn Read>, which: Which, room: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut text = BufReader::new(text);
    let mut found = None;
    loop {
        let mut line = Vec::new();
        if text.by_ref().take(2 * room as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        if line.len() == 2 * room && line.last() != Some(&b'\n') {
            text.skip_until(b'\n')?;
        }
        if !line.trim_ascii().is_empty() {
            found = Some(line);
            if which == Which::First {
                return Ok(found);
            }
        }
    }
}
