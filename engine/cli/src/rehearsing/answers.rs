//! What people say where no scenario says it: yes to what they are asked, and that a failure that asks is undone.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill_model::plan::{Command, OnFailure, Plan, Step};
use firedrill_model::rehearsal::{Answer, Decision, DecisionWord, Meaning, Rehearsal};
use firedrill_model::source::{Span, Spanned};
use firedrill_model::value::{Type, Value};

/// Returns what people usually answer: what the first scenario says that lets them answer, and yes to everything else.
pub(super) fn usual_answers(rehearsal: &Rehearsal, plan: &Plan) -> BTreeMap<String, Answer> {
    let said = rehearsal.scenarios.iter().map(|scenario| &scenario.answers).find(|answers| !answers.is_empty());
    let asked = plan.steps.iter().flat_map(asking).map(|(name, command)| (name, yes(command)));
    asked.chain(said.map(plain).unwrap_or_default()).collect()
}

/// Returns what people usually decide about a failure that asks: that everything is undone.
pub(super) fn usual_decisions(plan: &Plan) -> impl Iterator<Item = Decision> {
    let asking = plan.steps.iter().filter(|step| step.on_failure == OnFailure::Ask);
    asking.map(|step| Decision {
        says: DecisionWord::Decide { step: Spanned::new(step.id.clone(), Span::default()), meaning: Meaning::Rollback },
        outputs: BTreeMap::new(),
        after: Duration::ZERO,
        by: None,
    })
}

/// Returns answers without their places.
pub(super) fn plain(answers: &BTreeMap<String, Spanned<Answer>>) -> BTreeMap<String, Answer> {
    answers.iter().map(|(name, answer)| (name.clone(), answer.value.clone())).collect()
}

/// Iterates over what of a step asks people, by the name under which it is answered.
fn asking(step: &Step) -> impl Iterator<Item = (String, &Command)> {
    let hooks = [
        ("cleanup", step.cleanup.as_ref()),
        ("rollback", step.rollback_hook()),
        ("release", step.release.as_ref().map(|release| &release.hook)),
    ];
    let hooks = hooks.into_iter().filter_map(|(key, hook)| Some((format!("{}.{key}", step.id), &hook?.command)));
    let own = step.command().map(|command| (step.id.clone(), command));
    own.into_iter().chain(hooks).filter(|(_, command)| command.program.asks_people())
}

fn yes(command: &Command) -> Answer {
    let outputs = command.outputs.iter().map(|rule| {
        let value = rule.r#type.read(sample(rule.r#type)).unwrap_or(Value::None);
        (rule.name.clone(), Spanned::new(value, Span::default()))
    });
    Answer { outputs: outputs.collect(), ..Answer::default() }
}

/// Returns something of a type, as it is typed.
fn sample(kind: Type) -> &'static str {
    match kind {
        Type::String | Type::Path => "x",
        Type::Integer | Type::Number => "1",
        Type::Boolean => "true",
        Type::Duration => "1m",
        Type::Size => "1KiB",
        Type::Timestamp => "2026-01-05T02:00:00Z",
        Type::List => "[]",
        Type::Map => "{}",
        Type::Command => "[\"true\"]",
    }
}
