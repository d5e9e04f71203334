//! Outputs that are `none` when their step was skipped.

use crate::check::Names;
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Expression, Reference};
use crate::playbook::{Body, Invocation, OnUnmet, OutputSource, Playbook, Step};
use crate::source::Spanned;
use crate::template::Template;

/// What an expression holds that has an answer for `none`.
const ANSWERS: [&str; 4] = [" or ", " if ", " is ", "default("];

/// Warns of every command that fails before it starts when a step above was skipped.
pub(super) fn of(playbook: &Playbook) -> Vec<Diagnostic> {
    let names = Names::of(playbook);
    let steps = playbook.steps.iter().chain(&playbook.finally);
    steps.flat_map(|step| uses(playbook, &names, step)).collect()
}

fn uses(playbook: &Playbook, names: &Names<'_>, step: &Step) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for text in texts(step) {
        for expression in text.value.expressions() {
            let source = unanswered(expression).and_then(|id| names.find(step.parent, id));
            let source = source.map(|source| &playbook.steps[source.step]);
            if let Some(source) = source.filter(|source| may_be_skipped(playbook, source)) {
                let goes_with = std::iter::once(step).chain(playbook.around(step)).any(|step| goes_with(step, source));
                found.extend((!goes_with).then(|| warning(source, text)));
            }
        }
    }
    found
}

fn may_be_skipped(playbook: &Playbook, step: &Step) -> bool {
    let theirs = match &step.body {
        Body::Use(used) => playbook.used.get(&used.path.value).map(|file| file.checked.guards.as_slice()),
        Body::Command(_) | Body::Group(_) => None,
    };
    let mut guards = step.guards.iter().chain(theirs.unwrap_or_default());
    step.when.is_some() || guards.any(|guard| guard.on_unmet == OnUnmet::Skip)
}

/// Returns the step of which an expression reads an output without an answer for `none`.
fn unanswered(expression: &Expression) -> Option<&str> {
    if ANSWERS.iter().any(|answer| expression.source.contains(answer)) {
        return None;
    }
    expression.references.iter().find_map(|name| match name {
        Reference::StepOutput { step, .. } => Some(step.as_str()),
        _ => None,
    })
}

/// Returns whether a step is skipped whenever the other one is.
fn goes_with(step: &Step, other: &Step) -> bool {
    if step.id.value == other.id.value {
        return true;
    }
    let Some(when) = &step.when else {
        return false;
    };
    let source = &when.value.source;
    let is_same = other.when.as_ref().is_some_and(|other| source.contains(&other.value.source));
    is_same || source.contains(&format!("steps.{}.", other.id.value))
}

fn warning(source: &Step, text: &Spanned<Template>) -> Diagnostic {
    let id = &source.id.value;
    let message = format!("when `{id}` is skipped this is `none`, and the step fails before it starts");
    let help = format!("skip both together with the same `when`, or write `steps.{id}.outputs.NAME or ...`");
    let diagnostic = Diagnostic::warning(Code::MaybeSkipped, text.span, message).help(help);
    diagnostic.note(source.id.span, "it may be skipped")
}

fn texts(step: &Step) -> impl Iterator<Item = &Spanned<Template>> {
    let looks = step.outputs.iter().filter_map(|output| match &output.source {
        OutputSource::Look(look) => Some(look),
        OutputSource::Published
        | OutputSource::Stdout
        | OutputSource::Stderr
        | OutputSource::File(_)
        | OutputSource::Asked | OutputSource::Secret => None,
    });
    let verify = step.verify.iter().map(|verify| &verify.invocation);
    let hooks = step.hooks().map(|(_, hook)| &hook.invocation);
    step.invocation().into_iter().chain(looks).chain(verify).chain(hooks).flat_map(around)
}

fn around(invocation: &Invocation) -> impl Iterator<Item = &Spanned<Template>> {
    let env = invocation.env.iter().map(|var| &var.value);
    invocation.command.templates().chain(env).chain(&invocation.stdin).chain(&invocation.dir)
}
