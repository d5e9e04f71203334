//! What the keys of a step mean together.

use crate::diagnostic::{Code, Diagnostic};
use crate::plan::InDoubt;
use crate::playbook::{Backoff, Given, Playbook, Retry, Rollback, Step};
use crate::source::{Span, Spanned};
use crate::units::Duration;

/// Checks the objectives, and every step by itself.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let steps = playbook.steps.iter().chain(&playbook.finally);
    let steps = steps.flat_map(|step| {
        let faults = [licence(step), doubt(step), irreversible(step)];
        faults.into_iter().chain(never_zero(step)).flatten().chain(undone(step)).chain(retries(step))
    });
    objectives(playbook).chain(steps).collect()
}

/// Reports objectives that nothing can meet.
fn objectives(playbook: &Playbook) -> impl Iterator<Item = Diagnostic> {
    let times = playbook.objectives.iter().flat_map(|times| [("rto", &times.rto), ("rpo", &times.rpo)]);
    times.filter_map(|(key, time)| time.as_ref().and_then(|time| zero(key, time.value, time.span)))
}

fn never_zero(step: &Step) -> [Option<Diagnostic>; 2] {
    let checked = |key, given: &Option<Spanned<Given<Duration>>>| match given.as_ref()? {
        Spanned { value: Given::Written(length), span } => zero(key, *length, *span),
        Spanned { value: Given::Computed(_), .. } => None,
    };
    [checked("typical", &step.typical), checked("deadline", &step.deadline)]
}

fn zero(key: &str, length: Duration, span: Span) -> Option<Diagnostic> {
    let message = format!("`{key}` must be more than no time at all");
    (length == Duration::default()).then(|| Diagnostic::error(Code::OutOfRange, span, message))
}

/// Reports a repeat without a licence.
fn licence(step: &Step) -> Option<Diagnostic> {
    let max_attempts = &step.retry.as_deref()?.max_attempts;
    let reruns = step.conduct.in_doubt.as_ref().is_some_and(|word| word.value == InDoubt::Rerun);
    let is_licensed = step.read_only || step.idempotent || step.cleanup.is_some() || reruns;
    let repeats = match &max_attempts.value {
        Given::Written(attempts) => attempts.get() > 1,
        Given::Computed(_) => true,
    };
    if is_licensed || !repeats {
        return None;
    }
    let message = format!("`{}` is repeated, but nothing says that this is safe", step.id.value);
    let diagnostic = Diagnostic::error(Code::NoLicence, max_attempts.span, message);
    Some(
        diagnostic
            .help("add `read_only: true`, `idempotent: true`, or a `cleanup` that makes a failed attempt harmless"),
    )
}

/// Reports what becomes of a doubt that is settled before, or a repeat that is not there.
fn doubt(step: &Step) -> Option<Diagnostic> {
    let word = step.conduct.in_doubt.as_ref()?;
    let is_undone = matches!(step.rollback, Some(Rollback::Hook(_)));
    let harmless = [
        ("read_only", step.read_only),
        ("idempotent", step.idempotent),
        ("cleanup", step.cleanup.is_some()),
        ("rollback", is_undone),
    ];
    if let Some((key, _)) = harmless.into_iter().find(|(_, is_there)| *is_there) {
        let message = format!("`in_doubt` does nothing beside `{key}`, which makes an attempt in doubt a failed one");
        return Some(Diagnostic::warning(Code::WithoutEffect, word.span, message).help("leave out `in_doubt`"));
    }
    let is_repeated = step.retry.is_some();
    (word.value == InDoubt::Rerun && !is_repeated).then(|| {
        let message = "`in_doubt: rerun` needs `retry` beside it";
        Diagnostic::error(Code::Incomplete, word.span, message).help("add `retry: {max_attempts: 2}`")
    })
}

/// Reports hooks that undo what changes nothing.
fn undone(step: &Step) -> Vec<Diagnostic> {
    let rollback = match &step.rollback {
        Some(Rollback::Hook(hook)) => Some(hook.span),
        Some(Rollback::Nothing(_)) | None => None,
    };
    let hooks = [("cleanup", step.cleanup.as_ref().map(|hook| hook.span)), ("rollback", rollback)];
    let hooks = hooks.into_iter().filter_map(|(key, span)| Some((key, span?))).filter(|_| step.read_only);
    let fault = |(key, span)| {
        let message = format!("`{}` is read_only, so its `{key}` has nothing to undo", step.id.value);
        Diagnostic::error(Code::NothingToUndo, span, message).help(format!("leave out `{key}` or `read_only`"))
    };
    hooks.map(fault).collect()
}

fn irreversible(step: &Step) -> Option<Diagnostic> {
    if !(step.irreversible && step.read_only) {
        return None;
    }
    let message = format!("`{}` is both read_only and irreversible", step.id.value);
    Some(
        Diagnostic::error(Code::Contradiction, step.id.span, message)
            .help("what changes nothing can always be left behind"),
    )
}

/// Warns of keys of a retry that do nothing.
fn retries(step: &Step) -> Vec<Diagnostic> {
    let hooks = step.hooks().filter_map(|(_, hook)| hook.retry.as_deref());
    step.retry.as_deref().into_iter().chain(hooks).filter_map(growth).collect()
}

fn growth(retry: &Retry) -> Option<Diagnostic> {
    let factor = retry.factor.as_ref()?;
    if retry.backoff.as_ref().is_some_and(|backoff| backoff.value == Backoff::Exponential) {
        return None;
    }
    let diagnostic =
        Diagnostic::warning(Code::WithoutEffect, factor.span, "`factor` does nothing while the wait stays the same");
    Some(diagnostic.help("add `backoff: exponential`"))
}
