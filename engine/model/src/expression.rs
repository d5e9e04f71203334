//! Expressions inside `${{ }}` and `when`.

use std::ops::Range;

use crate::diagnostic::Code;
use crate::template::TemplateFault;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// Its text.
    pub source: String,
    /// The names it uses.
    pub references: Vec<Reference>,
    /// Where it stands in the decoded text.
    pub range: Range<usize>,
}

/// A name that an expression uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `inputs.NAME`
    Input(String),
    /// `vars.NAME`
    Var(String),
    /// `steps.STEP.outputs.OUTPUT`
    StepOutput {
        /// The step.
        step: String,
        /// The output.
        output: String,
    },
    /// `steps.STEP.files.OUTPUT`
    StepFile {
        /// The step.
        step: String,
        /// The output.
        output: String,
    },
    /// `steps.STEP.outcome`
    StepOutcome(String),
    /// `steps.STEP.exit_code`
    StepExitCode(String),
    /// `run.FIELD`
    Run(RunField),
    /// A name in the `when` of a retry or hook.
    Attempt(AttemptField),
    /// `sandbox.NAME`
    Sandbox(String),
}

/// A field of `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunField {
    /// The run's id.
    Id,
    /// The run's folder.
    Dir,
    /// When it started.
    StartedAt,
    /// Its verdict.
    Verdict,
}

/// What is known about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptField {
    /// Its outcome.
    Outcome,
    /// Its exit code.
    ExitCode,
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// How long it took.
    Duration,
}

impl Expression {
    /// Parses an expression.
    pub fn parse(source: &str) -> Result<Self, TemplateFault> {
        let words = source.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let references = words.filter_map(reference).collect();
        if source.is_empty() || source.ends_with('+') {
            let message = "the expression is not complete".to_owned();
            return Err(TemplateFault {
                code: Code::Expression,
                range: 0..source.len(),
                message,
                help: None,
            });
        }
        Ok(Self {
            source: source.to_owned(),
            references,
            range: 0..source.len(),
        })
    }
}

fn reference(word: &str) -> Option<Reference> {
    let parts: Vec<&str> = word.split('.').collect();
    let owned = |text: &str| text.to_owned();
    Some(match parts.as_slice() {
        ["inputs", name] => Reference::Input(owned(name)),
        ["vars", name] => Reference::Var(owned(name)),
        ["steps", step, "outputs", output] => Reference::StepOutput {
            step: owned(step),
            output: owned(output),
        },
        ["steps", step, "files", output] => Reference::StepFile {
            step: owned(step),
            output: owned(output),
        },
        ["steps", step, "outcome"] => Reference::StepOutcome(owned(step)),
        ["steps", step, "exit_code"] => Reference::StepExitCode(owned(step)),
        ["run", "id"] => Reference::Run(RunField::Id),
        ["run", "dir"] => Reference::Run(RunField::Dir),
        ["run", "started_at"] => Reference::Run(RunField::StartedAt),
        ["run", "verdict"] => Reference::Run(RunField::Verdict),
        ["outcome"] => Reference::Attempt(AttemptField::Outcome),
        ["exit_code"] => Reference::Attempt(AttemptField::ExitCode),
        ["stdout"] => Reference::Attempt(AttemptField::Stdout),
        ["stderr"] => Reference::Attempt(AttemptField::Stderr),
        _ => return None,
    })
}
