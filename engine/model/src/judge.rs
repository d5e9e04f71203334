//! Decides from what a command left behind whether an attempt succeeded, what a probe says, and which outputs there are.

mod output;
mod published;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

pub use output::{Extract, MASKED, OutputRule, OutputSource, file_text};
pub use published::{PublishedFault, published};

use crate::expression::{AttemptField, Expression};
use crate::jq::{Bindings, Filter, JqError};
use crate::pattern::Pattern;
use crate::value::Value;

/// Bytes that a jq filter or an expression is given; what is longer is refused.
const MAX_TEXT: u64 = 64 << 20;
/// Characters of the last line of standard error that a reason quotes.
const MAX_HINT: usize = 200;

/// What an attempt must have left behind to have succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The exit codes that are well.
    pub exit: Vec<i32>,
    /// A pattern that must match in standard output.
    pub stdout: Option<String>,
    /// A pattern that must match in standard error.
    pub stderr: Option<String>,
    /// A jq filter over standard output that must yield true.
    pub jq: Option<String>,
    /// An expression over the end of the command that must be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub that: Option<Expression>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { exit: vec![0], stdout: None, stderr: None, jq: None, that: None }
    }
}

impl Expect {
    /// Returns whether the exit code alone decides.
    pub fn is_by_exit(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none() && self.jq.is_none() && self.that.is_none()
    }
}

/// Where bytes come from that a judgement looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, by its rendered path.
    File(String),
    /// What the command wrote to `$FIREDRILL_OUTPUT`.
    Published,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Published => f.write_str("$FIREDRILL_OUTPUT"),
        }
    }
}

/// Opens a stream of the attempt from its beginning; it may be called more than once for the same stream.
pub type Opener<'a> = &'a dyn Fn(&Stream) -> io::Result<Box<dyn Read>>;

/// What a judgement concludes. Of a probe: holds, does not hold, could not tell.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Judgement {
    /// Everything is as expected.
    Met {
        /// The outputs by name; `Value::None` for an optional one that is missing.
        outputs: BTreeMap<String, Value>,
    },
    /// Something is not as expected.
    Unmet {
        /// What, in words for an operator.
        reason: String,
    },
    /// It cannot be told.
    Unclear {
        /// Why, in words for an operator.
        reason: String,
    },
}

/// Why something is not met, before it is known what that means.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It is known not to be met.
    Unmet(String),
    /// What there is cannot be judged: it is no JSON, too large, no filter.
    Unfit(String),
    /// It could not be read.
    Unreadable(String),
}

/// Judges an attempt that exited with a code.
pub fn judge_attempt(
    expect: &Expect,
    exit_code: i32,
    outputs: &[OutputRule],
    open: Opener<'_>,
    bindings: &Bindings,
) -> Judgement {
    let conclusion = if expect.exit.contains(&exit_code) {
        conditions(expect, exit_code, open, bindings).and_then(|()| output::collect(outputs, open, bindings))
    } else {
        Err(Finding::Unmet(wrong_exit(expect, exit_code)))
    };
    match conclusion {
        Ok(outputs) => Judgement::Met { outputs },
        Err(Finding::Unmet(reason) | Finding::Unfit(reason)) => Judgement::Unmet { reason: with_hint(reason, open) },
        Err(Finding::Unreadable(reason)) => Judgement::Unclear { reason },
    }
}

/// Judges one look of a probe that exited with a code.
///
/// Without a condition on content, an expected exit code holds, 1 does not hold, and everything else cannot tell; with
/// one, an exit code that is not expected cannot tell, and neither can output that is not what the condition reads. A
/// probe that holds and lacks an output it is to keep cannot tell.
pub fn judge_probe(
    expect: &Expect,
    exit_code: i32,
    outputs: &[OutputRule],
    open: Opener<'_>,
    bindings: &Bindings,
) -> Judgement {
    if !expect.exit.contains(&exit_code) {
        let reason = with_hint(wrong_exit(expect, exit_code), open);
        let says_no = expect.is_by_exit() && exit_code == 1;
        return if says_no { Judgement::Unmet { reason } } else { Judgement::Unclear { reason } };
    }
    match conditions(expect, exit_code, open, bindings) {
        Ok(()) => kept(outputs, open, bindings),
        Err(Finding::Unmet(reason)) => Judgement::Unmet { reason: with_hint(reason, open) },
        Err(Finding::Unfit(reason)) => Judgement::Unclear { reason: with_hint(reason, open) },
        Err(Finding::Unreadable(reason)) => Judgement::Unclear { reason },
    }
}

/// Returns what a probe that holds keeps of what it has seen.
fn kept(rules: &[OutputRule], open: Opener<'_>, bindings: &Bindings) -> Judgement {
    match output::collect(rules, open, bindings) {
        Ok(outputs) => Judgement::Met { outputs },
        Err(Finding::Unmet(reason) | Finding::Unfit(reason)) => Judgement::Unclear { reason: with_hint(reason, open) },
        Err(Finding::Unreadable(reason)) => Judgement::Unclear { reason },
    }
}

fn wrong_exit(expect: &Expect, exit_code: i32) -> String {
    let codes: Vec<String> = expect.exit.iter().map(ToString::to_string).collect();
    let meaning = match exit_code {
        126 => " (found, but not executable)",
        127 => " (program not found)",
        _ => "",
    };
    format!("exited with {exit_code}{meaning}, expected {}", codes.join(" or "))
}

fn conditions(expect: &Expect, exit_code: i32, open: Opener<'_>, bindings: &Bindings) -> Result<(), Finding> {
    for (stream, pattern) in [(Stream::Stdout, &expect.stdout), (Stream::Stderr, &expect.stderr)] {
        if let Some(pattern) = pattern {
            must_match(&stream, pattern, open)?;
        }
    }
    if let Some(filter) = &expect.jq {
        must_yield_true(filter, open, bindings)?;
    }
    match &expect.that {
        Some(condition) => must_be_true(condition, exit_code, open, bindings),
        None => Ok(()),
    }
}

fn must_be_true(condition: &Expression, exit_code: i32, open: Opener<'_>, bindings: &Bindings) -> Result<(), Finding> {
    let mut scope = bindings.scope().clone().with_attempt(AttemptField::ExitCode, Value::Int(exit_code.into()));
    for (field, stream) in [(AttemptField::Stdout, Stream::Stdout), (AttemptField::Stderr, Stream::Stderr)] {
        if condition.uses(field) {
            scope = scope.with_attempt(field, Value::String(text(&stream, open)?));
        }
    }
    match condition.eval_condition(&scope) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Finding::Unmet(format!("`{}` is false, expected true", condition.source))),
        Err(error) => Err(Finding::Unfit(error.to_string())),
    }
}

/// Reads a stream as text; what is no UTF-8 is replaced.
fn text(stream: &Stream, open: Opener<'_>) -> Result<String, Finding> {
    let too_large = || Finding::Unfit(format!("{stream} is larger than 64 MiB, too large for an expression"));
    let bytes = limited(stream, MAX_TEXT, open)?.ok_or_else(too_large)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn must_match(stream: &Stream, pattern: &str, open: Opener<'_>) -> Result<(), Finding> {
    let compiled = Pattern::compile(pattern).map_err(|fault| Finding::Unfit(format!("/{pattern}/: {fault}")))?;
    let found = compiled.search(&mut *opened(stream, open)?).map_err(|error| unreadable(stream, &error))?;
    match found {
        Some(_) => Ok(()),
        None => Err(Finding::Unmet(format!("{stream} does not match /{pattern}/"))),
    }
}

fn must_yield_true(filter: &str, open: Opener<'_>, bindings: &Bindings) -> Result<(), Finding> {
    let values = filtered(&Stream::Stdout, filter, open, bindings)?;
    if !values.is_empty() && values.iter().all(|value| *value == Value::Bool(true)) {
        return Ok(());
    }
    let shown = match values.as_slice() {
        [] => "nothing".to_owned(),
        [value] => value.to_json(),
        more => format!("{} values", more.len()),
    };
    let shown: String = shown.chars().take(MAX_HINT).collect();
    Err(Finding::Unmet(format!("jq `{filter}` yields {shown}, expected true")))
}

/// Runs a filter over a stream.
fn filtered(stream: &Stream, filter: &str, open: Opener<'_>, bindings: &Bindings) -> Result<Vec<Value>, Finding> {
    let text = limited(stream, MAX_TEXT, open)?;
    let too_large = || Finding::Unfit(format!("{stream} is larger than 64 MiB, too large for jq"));
    apply(filter, &text.ok_or_else(too_large)?, bindings).map_err(|error| match error {
        JqError::NotJson { message } => Finding::Unfit(format!("{stream} is not JSON: {message}")),
        other => Finding::Unfit(format!("jq `{filter}`: {other}")),
    })
}

fn apply(filter: &str, text: &[u8], bindings: &Bindings) -> Result<Vec<Value>, JqError> {
    let compiled = Filter::compile(filter).map_err(|fault| JqError::Filter { message: fault.message })?;
    compiled.run(text, bindings)
}

fn opened(stream: &Stream, open: Opener<'_>) -> Result<Box<dyn Read>, Finding> {
    open(stream).map_err(|error| unreadable(stream, &error))
}

/// Reads a whole stream, unless it is longer than `limit`.
fn limited(stream: &Stream, limit: u64, open: Opener<'_>) -> Result<Option<Vec<u8>>, Finding> {
    let mut text = Vec::new();
    let read = opened(stream, open)?.take(limit + 1).read_to_end(&mut text);
    let length = read.map_err(|error| unreadable(stream, &error))?;
    Ok((length as u64 <= limit).then_some(text))
}

fn unreadable(stream: &Stream, error: &io::Error) -> Finding {
    Finding::Unreadable(format!("{stream} cannot be read: {error}"))
}

/// Adds the last line of standard error, which often says why.
fn with_hint(reason: String, open: Opener<'_>) -> String {
    match limited(&Stream::Stderr, MAX_TEXT, open) {
        Ok(Some(text)) => match last_line(&text) {
            Some(line) => format!("{reason}; stderr ends with: {line}"),
            None => reason,
        },
        Ok(None) | Err(_) => reason,
    }
}

fn last_line(text: &[u8]) -> Option<String> {
    let line = text.rsplit(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    let line = String::from_utf8_lossy(line);
    let is_short = line.chars().count() <= MAX_HINT;
    is_short.then(|| line.chars().flat_map(printable).collect())
}

fn printable(c: char) -> Vec<char> {
    if c.is_control() { c.escape_debug().collect() } else { vec![c] }
}
