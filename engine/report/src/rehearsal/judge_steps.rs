//! What was expected of single steps.

use firedrill_model::rehearsal::{ExpectedOutcome, ExpectedStep};
use firedrill_run::{DebtKind, Outcome, Stage};

use super::Finding;
use super::judge::Bench;
use super::narrator::name;
use crate::words;

/// Returns what is not as it was expected of steps.
pub(super) fn steps(bench: &Bench<'_>) -> Vec<Finding> {
    let steps = bench.expected.steps.iter();
    steps
        .flat_map(|(id, expected)| match bench.course.view.plan().step_index(id) {
            Some(at) => step(bench, at, &expected.value),
            None => vec![Finding::new(format!("steps: there is no step `{id}`"), None)],
        })
        .collect()
}

fn step(bench: &Bench<'_>, at: usize, expected: &ExpectedStep) -> Vec<Finding> {
    let hooks = [
        (DebtKind::Cleanup, expected.cleaned_up, "cleaned up"),
        (DebtKind::Rollback, expected.rolled_back, "rolled back"),
        (DebtKind::Release, expected.released, "released"),
    ];
    let texts = [outcome(bench, at, expected.outcome), attempts(bench, at, expected.attempts)].into_iter().flatten();
    let hooks = hooks.into_iter().filter_map(|(kind, expected, word)| discharged(bench, at, kind, expected?, word));
    let line = Some(bench.course.view.plan().steps[at].line);
    texts.chain(hooks).map(|text| Finding::new(text, line)).collect()
}

fn outcome(bench: &Bench<'_>, at: usize, expected: Option<ExpectedOutcome>) -> Option<String> {
    let expected = expected?;
    let actual = actual_outcome(bench, at);
    if actual == expected {
        return None;
    }
    let step = name(&bench.course.view.plan().steps[at]);
    let text = format!("{step} {}, expected that it {}", outcome_words(actual), outcome_words(expected));
    let failure = bench.narrator.why_failed(at).map(|why| format!(": {why}"));
    Some(text + &failure.unwrap_or_default())
}

fn actual_outcome(bench: &Bench<'_>, at: usize) -> ExpectedOutcome {
    match bench.course.view.run().summary(at).stage {
        Stage::Settled(Outcome::Succeeded) => ExpectedOutcome::Succeeded,
        Stage::Settled(Outcome::Failed(_)) => ExpectedOutcome::Failed,
        Stage::Settled(Outcome::Skipped) => ExpectedOutcome::Skipped,
        Stage::InDoubt(_) => ExpectedOutcome::InDoubt,
        _ => ExpectedOutcome::NotStarted,
    }
}

fn outcome_words(outcome: ExpectedOutcome) -> &'static str {
    match outcome {
        ExpectedOutcome::Succeeded => "succeeded",
        ExpectedOutcome::Failed => "failed",
        ExpectedOutcome::Skipped => "was skipped",
        ExpectedOutcome::InDoubt => "is in doubt",
        ExpectedOutcome::NotStarted => "was not started",
    }
}

fn attempts(bench: &Bench<'_>, at: usize, expected: Option<u32>) -> Option<String> {
    let expected = expected? as usize;
    let attempts: Vec<_> = bench.course.attempts(at).collect();
    if attempts.len() == expected {
        return None;
    }
    let step = name(&bench.course.view.plan().steps[at]);
    let last = attempts.last().filter(|last| last.finish.as_ref().is_some_and(|finish| finish.why().is_some()));
    let last = last.map(|last| format!("; the last {}", bench.narrator.how(last))).unwrap_or_default();
    Some(format!("{step} had {}, expected {expected}{last}", words::count(attempts.len(), "attempt")))
}

fn discharged(bench: &Bench<'_>, at: usize, kind: DebtKind, expected: bool, word: &str) -> Option<String> {
    let step = &bench.course.view.plan().steps[at];
    let is_discharged = bench.course.discharged_ms(at, kind).is_some();
    match (is_discharged, expected) {
        (true, false) => Some(format!("{} was {word}, expected that it is not", name(step))),
        (false, true) => Some(format!("{} was not {word}: {}", name(step), bench.narrator.why_not(at, kind))),
        (true, true) | (false, false) => None,
    }
}
