//! What the keys of a poll mean together.

use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Given, Playbook, Poll, Step};
use crate::source::{Span, Spanned};
use crate::units::Duration;

/// Checks every poll by itself, and that only what changes nothing polls.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let guards = playbook.guards.iter().chain(playbook.steps.iter().flat_map(|step| &step.guards));
    let guards = guards.map(|guard| &guard.probe);
    let invariants = playbook.invariants.iter().map(|invariant| &invariant.probe);
    let verifies = playbook.steps.iter().filter_map(|step| step.verify.as_deref());
    let probes = guards.chain(invariants).chain(verifies).filter_map(|probe| probe.poll.as_ref());
    let own = playbook.steps.iter().filter_map(|step| step.poll.as_deref());
    let lengths = probes.chain(own).flat_map(lengths);
    lengths.chain(playbook.steps.iter().filter_map(licence)).collect()
}

/// Reports waits without length, and a first look that comes when the time is over.
fn lengths(poll: &Poll) -> Vec<Diagnostic> {
    let zeros = [("every", poll.every.as_ref()), ("within", Some(&poll.within))];
    let zeros = zeros.into_iter().filter_map(|(key, length)| zero(key, written(length)?));
    zeros.chain(never(poll)).collect()
}

fn zero(key: &str, (length, span): (Duration, Span)) -> Option<Diagnostic> {
    let message = format!("`{key}` must be more than no time at all");
    (length == Duration::default()).then(|| Diagnostic::error(Code::OutOfRange, span, message))
}

fn never(poll: &Poll) -> Option<Diagnostic> {
    let (within, _) = written(Some(&poll.within))?;
    let (after, span) = written(poll.after.as_ref())?;
    let is_never = within != Duration::default() && after.as_std() >= within.as_std();
    let message = format!("the first look comes after {after}, when `within` {within} is over");
    let help = "`within` is the whole time, `after` included: make it longer";
    is_never.then(|| Diagnostic::error(Code::Contradiction, span, message).help(help))
}

/// Reports a step that would repeat a change until it succeeds.
fn licence(step: &Step) -> Option<Diagnostic> {
    let poll = step.poll.as_deref().filter(|_| !step.read_only)?;
    let message = format!("`{}` has `within`, but nothing says that it may be repeated", step.id.value);
    let help = "only a step that is `read_only: true` polls; to wait for the effect of a change, \
                put `within` under its `verify`, and to attempt it again use `retry`";
    Some(Diagnostic::error(Code::NoLicence, poll.within.span, message).help(help))
}

fn written(length: Option<&Spanned<Given<Duration>>>) -> Option<(Duration, Span)> {
    match length? {
        Spanned { value: Given::Written(length), span } => Some((*length, *span)),
        Spanned { value: Given::Computed(_), .. } => None,
    }
}
