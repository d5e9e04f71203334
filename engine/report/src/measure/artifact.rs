//! The newest verified artifact of a run.

use firedrill_model::expression::Reference;
use firedrill_model::plan::{Command, Step, Text};
use firedrill_model::value::{Type, Value};
use firedrill_run::{Debt, Outcome, Stage, StepId};
use serde::Serialize;

use super::timeline::Timeline;

/// What a run has made for later use and has shown to be good.
///
/// An *artifact* is an output of type `path` of a step that is not `read_only`, has succeeded, and was not rolled back. It
/// is *verified* when the step's own `verify` held, or when a `read_only` step that names this output in one of its
/// commands has succeeded. What that step looks at is the playbook's affair. Whether the artifact is still there is not
/// looked at, and artifacts of drills are artifacts like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedArtifact {
    /// The run that made it.
    pub run: String,
    /// The step that made it.
    pub step: String,
    /// The step's output.
    pub output: String,
    /// The output's value.
    pub path: String,
    /// When the attempt that made it began, in milliseconds since 1970: what changed later is not in it.
    pub made_ms: u64,
}

/// Returns the newest verified artifact of a run; of several that were begun at once, that of the last step.
pub(super) fn newest(timeline: &Timeline) -> Option<VerifiedArtifact> {
    let steps = 0..timeline.run.plan().steps.len();
    steps.filter_map(|at| of_step(timeline, at)).max_by_key(|artifact| artifact.made_ms)
}

fn of_step(timeline: &Timeline, at: usize) -> Option<VerifiedArtifact> {
    let plan = timeline.run.plan();
    let step = &plan.steps[at];
    if step.effect.read_only || !is_there(timeline, at) {
        return None;
    }
    let made_ms = timeline.steps[at].latest_ms()?;
    let is_proven = step.verify.is_some() && !timeline.steps[at].is_told;
    let mut verified = path_outputs(step).filter(|output| is_proven || is_looked_at(timeline, &step.id, output));
    verified.find_map(|output| match timeline.run.output(&StepId::from(step.id.as_str()), output)? {
        Value::String(path) => Some(VerifiedArtifact {
            run: timeline.id.clone(),
            step: step.id.clone(),
            output: output.to_owned(),
            path: path.clone(),
            made_ms,
        }),
        _ => None,
    })
}

/// Returns whether a step has succeeded and nobody has begun to undo it.
fn is_there(timeline: &Timeline, at: usize) -> bool {
    let summary = timeline.run.summary(at);
    let is_kept = matches!(summary.rollback, Debt::None | Debt::Owed | Debt::Off);
    is_kept && *summary.stage == Stage::Settled(Outcome::Succeeded)
}

fn path_outputs(step: &Step) -> impl Iterator<Item = &str> {
    let own = step.command().into_iter().flat_map(|command| &command.outputs);
    let rules = own.chain(step.looks.iter().flat_map(|look| &look.command.outputs));
    rules.filter(|rule| rule.r#type == Type::Path).map(|rule| rule.name.as_str())
}

/// Returns whether a read-only step that names an output has succeeded.
fn is_looked_at(timeline: &Timeline, maker: &str, output: &str) -> bool {
    timeline.run.plan().steps.iter().enumerate().any(|(at, step)| {
        let has_succeeded = *timeline.run.summary(at).stage == Stage::Settled(Outcome::Succeeded);
        let mut texts = commands(step).flat_map(Command::texts);
        step.effect.read_only && has_succeeded && texts.any(|text| names(text, maker, output))
    })
}

/// Iterates over what a read-only step looks with.
fn commands(step: &Step) -> impl Iterator<Item = &Command> {
    let looks = step.looks.iter().map(|look| &look.command);
    step.command().into_iter().chain(looks).chain(step.verify.iter().map(|probe| &probe.command))
}

fn names(text: &Text, maker: &str, name: &str) -> bool {
    let Text::Deferred { template, .. } = text else { return false };
    template.references().any(|reference| match reference {
        Reference::StepOutput { step, output } | Reference::StepFile { step, output } => {
            step == maker && output == name
        }
        _ => false,
    })
}
