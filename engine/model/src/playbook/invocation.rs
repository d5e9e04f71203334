//! Commands with what is around them: the part that steps, probes, hooks and looks share.

use super::{Approve, Given, Manual};
use crate::expression::Expression;
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::units::Duration;

/// What is executed, and with what around it: the part that steps, probes, hooks and looks share.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program or the script.
    pub command: Command,
    /// Environment variables of its own.
    pub env: Vec<EnvVar>,
    /// Its own working directory.
    pub dir: Option<Spanned<Template>>,
    /// Its own shell.
    pub shell: Option<Spanned<Shell>>,
    /// What it reads from standard input; closed if not given.
    pub stdin: Option<Spanned<Template>>,
    /// How long one attempt may take.
    pub timeout: Option<Spanned<Given<Duration>>>,
}

/// A program with arguments, or a script.
#[derive(Clone, Debug)]
pub enum Command {
    /// A program and its arguments; an element that is exactly one `${{ list }}` is spliced.
    Argv(Spanned<Vec<Spanned<Template>>>),
    /// A whole list as one expression, such as an input of type command.
    Computed(Spanned<Template>),
    /// A script for the shell.
    Run(Spanned<Template>),
    /// A human does it.
    Manual(Box<Manual>),
    /// People decide.
    Approve(Box<Approve>),
}

impl Command {
    /// Returns where it was written.
    pub fn span(&self) -> Span {
        match self {
            Self::Argv(argv) => argv.span,
            Self::Computed(template) | Self::Run(template) => template.span,
            Self::Manual(manual) => manual.span,
            Self::Approve(approve) => approve.span,
        }
    }

    /// Returns its texts in the order in which they were written.
    pub fn templates(&self) -> impl Iterator<Item = &Spanned<Template>> {
        let (words, text, more) = match self {
            Self::Argv(argv) => (argv.value.as_slice(), None, None),
            Self::Computed(template) | Self::Run(template) => (&[][..], Some(template), None),
            Self::Manual(manual) => (&[][..], Some(&manual.instructions), manual.confirm.as_ref()),
            Self::Approve(approve) => (approve.by.as_slice(), Some(&approve.prompt), None),
        };
        text.into_iter().chain(more).chain(words)
    }

    /// Returns whether people are asked instead of anything being started.
    pub fn asks_people(&self) -> bool {
        matches!(self, Self::Manual(_) | Self::Approve(_))
    }
}

/// A read-only look with three answers.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What looks.
    pub invocation: Invocation,
    /// What the look must find.
    pub expect: Expect,
    /// How it is looked again; one look if not given.
    pub poll: Option<Poll>,
}

/// How often and how long something is looked at again until it is as expected.
#[derive(Clone, Debug)]
pub struct Poll {
    /// The wait between two looks; five seconds if not given.
    pub every: Option<Spanned<Given<Duration>>>,
    /// How long it takes at the most, `after` included.
    pub within: Spanned<Given<Duration>>,
    /// The wait before the first look; none if not given.
    pub after: Option<Spanned<Given<Duration>>>,
}

/// An environment variable for a command.
#[derive(Clone, Debug)]
pub struct EnvVar {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<Template>,
    /// What it holds.
    pub form: EnvForm,
}

/// What an environment variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvForm {
    /// The value.
    Value,
    /// The path of a file in memory with the value, which is a secret.
    File,
}

/// What runs the script of a `run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shell {
    /// `/bin/sh -eu -c`.
    Sh,
    /// `bash -euo pipefail -c`.
    Bash,
    /// A program and arguments; the script becomes its last argument.
    Argv(Vec<Spanned<Template>>),
}

/// What tells that an attempt succeeded or that a probe holds; nothing given means exit code 0.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The exit codes that are good, 0 to 255.
    pub exit: Option<Spanned<Vec<Spanned<u8>>>>,
    /// A regex that standard output must match.
    pub stdout: Option<Spanned<String>>,
    /// A regex that standard error must match.
    pub stderr: Option<Spanned<String>>,
    /// A jq filter over standard output as JSON that must yield true.
    pub jq: Option<Spanned<String>>,
    /// An expression over the end of the command that must be true.
    pub that: Option<Spanned<Expression>>,
}
