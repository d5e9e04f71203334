//! The names that expressions may use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::Finding;
use crate::suggest::{closest, did_you_mean};
use crate::template::FaultCode;

/// A name that an expression uses, written out in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// `inputs.NAME`
    Input(String),
    /// `vars.NAME`
    Var(String),
    /// `steps.STEP.outputs.NAME`
    StepOutput {
        /// The step that publishes it.
        step: String,
        /// The output's name.
        output: String,
    },
    /// `steps.STEP.files.NAME`: the path of an output that is kept as a file.
    StepFile {
        /// The step that publishes it.
        step: String,
        /// The output's name.
        output: String,
    },
    /// `steps.STEP.outcome`
    StepOutcome(String),
    /// `steps.STEP.exit_code`
    StepExitCode(String),
    /// `guards.GUARD.outputs.NAME`
    GuardOutput {
        /// The guard that has seen it: of the step, of a group around it or of the playbook.
        guard: String,
        /// The output's name.
        output: String,
    },
    /// `last.NAME`: an output of the last run that succeeded.
    Last(String),
    /// `target.FIELD`
    Target(TargetField),
    /// `run.FIELD`
    Run(RunField),
    /// `outcome`, `exit_code`, ... in hooks and conditions about an attempt.
    Attempt(AttemptField),
    /// `sandbox.NAME`
    Sandbox(String),
    /// `item`, or the name that a `for_each` gives its items.
    Item(String),
}

/// What is known of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunField {
    /// The run's id.
    Id,
    /// The run's own folder.
    Dir,
    /// The folder with the copies of the files that the playbook lists.
    Files,
    /// When the run started.
    StartedAt,
    /// The verdict, in `finally`.
    Verdict,
}

impl RunField {
    const ALL: [Self; 5] = [Self::Id, Self::Dir, Self::Files, Self::StartedAt, Self::Verdict];

    /// Returns the name after `run.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Dir => "dir",
            Self::Files => "files",
            Self::StartedAt => "started_at",
            Self::Verdict => "verdict",
        }
    }
}

/// What is known of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetField {
    /// Its name.
    Name,
    /// Whether a run must be confirmed.
    Protected,
}

impl TargetField {
    /// Everything that is known of a target.
    pub(crate) const ALL: [Self; 2] = [Self::Name, Self::Protected];

    /// Returns the name after `target.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Protected => "protected",
        }
    }
}

/// What is known of the attempt that a hook or a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptField {
    /// How it ended.
    Outcome,
    /// With which code it exited.
    ExitCode,
    /// What it wrote to standard output.
    Stdout,
    /// What it wrote to standard error.
    Stderr,
    /// How long it took.
    Duration,
}

impl AttemptField {
    const ALL: [Self; 5] = [Self::Outcome, Self::ExitCode, Self::Stdout, Self::Stderr, Self::Duration];

    /// Returns the name as conditions write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::ExitCode => "exit_code",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Duration => "duration",
        }
    }
}

const ROOTS: [&str; 8] = ["inputs", "vars", "steps", "guards", "run", "last", "target", "sandbox"];
/// What only the files of targets know.
const ENV: &str = "env";
const STEP_FIELDS: [&str; 4] = ["outputs", "files", "outcome", "exit_code"];

impl Reference {
    /// Resolves a dotted name; what follows a full name (`inputs.nodes.first`) looks into its value.
    /// `items` are the names of the items of repetitions.
    pub(super) fn resolve(path: &[&str], items: &[String]) -> Result<Self, Finding> {
        match path {
            [root, ..] if items.iter().any(|item| item == root) => Ok(Self::Item((*root).to_owned())),
            ["inputs", name, ..] => Ok(Self::Input((*name).to_owned())),
            ["vars", name, ..] => Ok(Self::Var((*name).to_owned())),
            ["sandbox", name, ..] => Ok(Self::Sandbox((*name).to_owned())),
            ["steps", step, field, rest @ ..] => Self::resolve_step(step, field, rest),
            ["steps", step] => Err(incomplete(&format!("steps.{step}"), &format!("steps.{step}.outputs.NAME"))),
            ["guards", guard, "outputs", output, ..] => {
                Ok(Self::GuardOutput { guard: (*guard).to_owned(), output: (*output).to_owned() })
            }
            ["guards", guard, "outputs"] | ["guards", guard] => {
                Err(incomplete(&path.join("."), &format!("guards.{guard}.outputs.NAME")))
            }
            ["guards", guard, field, ..] => Err(unknown_field(&format!("guards.{guard}"), field, &["outputs"])),
            ["guards"] => Err(incomplete("guards", "guards.GUARD.outputs.NAME")),
            ["last", name, ..] => Ok(Self::Last((*name).to_owned())),
            ["target", field, ..] => Self::resolve_target(field),
            ["run", field, ..] => Self::resolve_run(field),
            [root @ ("inputs" | "vars" | "sandbox" | "run" | "last" | "target")] => {
                Err(incomplete(root, &format!("{root}.NAME")))
            }
            ["steps"] => Err(incomplete("steps", "steps.STEP.outputs.NAME")),
            [root, ..] => Self::resolve_attempt(root),
            [] => Err(unknown_root("")),
        }
    }

    fn resolve_step(step: &str, field: &str, rest: &[&str]) -> Result<Self, Finding> {
        let step = step.to_owned();
        match (field, rest) {
            ("outputs", [output, ..]) => Ok(Self::StepOutput { step, output: (*output).to_owned() }),
            ("files", [output, ..]) => Ok(Self::StepFile { step, output: (*output).to_owned() }),
            ("outcome", _) => Ok(Self::StepOutcome(step)),
            ("exit_code", _) => Ok(Self::StepExitCode(step)),
            ("outputs" | "files", []) => {
                let name = format!("steps.{step}.{field}");
                Err(incomplete(&name, &format!("{name}.NAME")))
            }
            _ => Err(unknown_field(&format!("steps.{step}"), field, &STEP_FIELDS)),
        }
    }

    fn resolve_run(field: &str) -> Result<Self, Finding> {
        let names = RunField::ALL.map(RunField::name);
        let found = RunField::ALL.into_iter().find(|each| each.name() == field);
        found.map(Self::Run).ok_or_else(|| unknown_field("run", field, &names))
    }

    fn resolve_target(field: &str) -> Result<Self, Finding> {
        let names = TargetField::ALL.map(TargetField::name);
        let found = TargetField::ALL.into_iter().find(|each| each.name() == field);
        found.map(Self::Target).ok_or_else(|| unknown_field("target", field, &names))
    }

    fn resolve_attempt(root: &str) -> Result<Self, Finding> {
        let found = AttemptField::ALL.into_iter().find(|each| each.name() == root);
        found.map(Self::Attempt).ok_or_else(|| unknown_root(root))
    }

    /// Returns the name of the item that it is.
    pub(super) fn as_item(&self) -> Option<&str> {
        match self {
            Self::Item(name) => Some(name),
            Self::Input(_)
            | Self::Var(_)
            | Self::StepOutput { .. }
            | Self::StepFile { .. }
            | Self::StepOutcome(_)
            | Self::StepExitCode(_)
            | Self::GuardOutput { .. }
            | Self::Last(_)
            | Self::Target(_)
            | Self::Run(_)
            | Self::Attempt(_)
            | Self::Sandbox(_) => None,
        }
    }

    /// Returns the name of the file in which an output is kept.
    pub(super) fn as_file(&self) -> String {
        self.to_string().replacen(".outputs.", ".files.", 1)
    }

    /// Returns whether a root of expressions has this name.
    pub(crate) fn is_root(name: &str) -> bool {
        ROOTS.contains(&name) || name == ENV || AttemptField::ALL.iter().any(|field| field.name() == name)
    }

    /// Returns the parts of the dotted name.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        let segments: [&str; 4] = match self {
            Self::Input(name) => ["inputs", name, "", ""],
            Self::Var(name) => ["vars", name, "", ""],
            Self::Sandbox(name) => ["sandbox", name, "", ""],
            Self::StepOutput { step, output } => ["steps", step, "outputs", output],
            Self::StepFile { step, output } => ["steps", step, "files", output],
            Self::StepOutcome(step) => ["steps", step, "outcome", ""],
            Self::StepExitCode(step) => ["steps", step, "exit_code", ""],
            Self::GuardOutput { guard, output } => ["guards", guard, "outputs", output],
            Self::Last(name) => ["last", name, "", ""],
            Self::Target(field) => ["target", field.name(), "", ""],
            Self::Run(field) => ["run", field.name(), "", ""],
            Self::Attempt(field) => [field.name(), "", "", ""],
            Self::Item(name) => [name, "", "", ""],
        };
        segments.into_iter().filter(|segment| !segment.is_empty())
    }
}

/// Writes the dotted name.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments().collect::<Vec<_>>().join("."))
    }
}

fn incomplete(name: &str, full: &str) -> Finding {
    Finding::new(FaultCode::IncompleteName, format!("`{name}` must be written out in full"))
        .help(format!("write `{full}`: what a step needs must be known before anything runs"))
}

fn unknown_field(owner: &str, field: &str, known: &[&str]) -> Finding {
    let help = match closest(field, known.iter().copied()) {
        Some(near) => format!("did you mean `{owner}.{near}`?"),
        None => format!("`{owner}` has: {}", known.join(", ")),
    };
    Finding::new(FaultCode::UnknownName, format!("`{owner}` has no `{field}`")).help(help)
}

fn unknown_root(root: &str) -> Finding {
    if root == "item" {
        let message = "`item` is the item of a `for_each`, and there is none around this";
        return Finding::new(FaultCode::UnknownName, message);
    }
    if root == ENV {
        let message = "`env('NAME')` stands in the files of targets only";
        let help = "let an input take the value there: a playbook does not depend on who runs it";
        return Finding::new(FaultCode::UnknownName, message).help(help);
    }
    let attempt = AttemptField::ALL.map(AttemptField::name);
    let known = ROOTS.iter().chain(&attempt).copied();
    let help = did_you_mean(root, known)
        .unwrap_or_else(|| format!("inputs are `inputs.{root}`; a text needs quotes: '{root}'"));
    Finding::new(FaultCode::UnknownName, format!("unknown name `{root}`")).help(help)
}
