//! What steps and playbooks of a sketch are made of.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use firedrill_model::expression::Expression;
use firedrill_model::judge::{Expect, Extract, OutputRule, OutputSource};
use firedrill_model::plan::{
    After, Backoff, Command, Condition, Guard, Hook, Jitter, OnUnmet, Poll, Probe, Program, Retry, SecretPlace,
    SecretUse, Starter, Text,
};
use firedrill_model::template::Template;
use firedrill_model::value::Type;

pub(super) fn command(name: &str) -> Command {
    Command {
        secrets: Vec::new(),
        poll: None,
        program: Program::Argv(vec![Text::Known("/bin/true".into()), Text::Known(name.into())]),
        env: BTreeMap::new(),
        dir: None,
        stdin: None,
        time_limit: None,
        expect: Expect::default(),
        outputs: Vec::new(),
    }
}

pub(super) fn people(program: Program, word: &str) -> Command {
    let time_limit = (!word.ends_with('-')).then_some(Duration::from_hours(1));
    Command { program, time_limit, ..command(word) }
}

pub(super) fn manual() -> Program {
    Program::Manual { instructions: Text::Known("do it".into()), confirm: None }
}

pub(super) fn decision(min: NonZeroU32) -> Program {
    Program::Approve { prompt: Text::Known("now?".into()), by: Vec::new(), min, starter: Starter::Allowed }
}

pub(super) fn manual_hook() -> Hook {
    Hook { command: people(manual(), "man"), when: None, retry: retry(1) }
}

/// Returns a condition that is decided while the run goes on.
pub(super) fn deferred() -> Condition {
    Condition::Deferred { expression: expression(), after: vec![After::Start] }
}

pub(super) fn expression() -> Expression {
    Expression::parse("run.id == 'x'").expect("an expression")
}

pub(super) fn output(name: &str) -> OutputRule {
    OutputRule {
        name: name.into(),
        source: OutputSource::Stdout,
        extract: Extract::Whole,
        r#type: Type::String,
        optional: false,
        is_file: false,
    }
}

pub(super) fn secret() -> OutputRule {
    OutputRule {
        name: "token".into(),
        source: OutputSource::Secret,
        extract: Extract::Whole,
        r#type: Type::String,
        optional: false,
        is_file: false,
    }
}

pub(super) fn use_of(step: &str) -> SecretUse {
    SecretUse { secret: "token".into(), step: Some(step.into()), into: SecretPlace::Env("TOKEN".into()) }
}

/// Returns a text that becomes known while the run goes on.
pub(super) fn unknown() -> Text {
    Text::Deferred { template: Template::parse("${{ run.id }}").expect("a template"), after: vec![After::Start] }
}

/// Returns a text that says how a step has ended.
pub(super) fn outcome_of(step: &str) -> Text {
    let template = Template::parse("${{ run.id }}").expect("a template");
    Text::Deferred { template, after: vec![After::Step(step.to_owned())] }
}

pub(super) fn probe(name: &str) -> Probe {
    Probe { command: command(name) }
}

/// Returns the probe of a name, and the name; one that ends in `+` polls.
pub(super) fn probe_of(word: &str) -> (String, Probe) {
    match word.strip_suffix('+') {
        Some(id) => (id.to_owned(), polling(id, Duration::ZERO)),
        None => (word.to_owned(), probe(word)),
    }
}

pub(super) fn polling(name: &str, after: Duration) -> Probe {
    Probe { command: Command { poll: Some(poll(after)), ..command(name) } }
}

pub(super) fn poll(after: Duration) -> Poll {
    Poll { every: Duration::from_secs(5), within: Duration::from_secs(20), after }
}

pub(super) fn guard(id: &str, line: u32, on_unmet: OnUnmet) -> Guard {
    let (id, probe) = probe_of(id);
    Guard { id, line, probe, message: None, why: None, on_unmet }
}

pub(super) fn hook(name: &str) -> Hook {
    Hook { command: command(name), when: None, retry: retry(3) }
}

pub(super) fn retry(attempts: u32) -> Retry {
    Retry {
        max_attempts: NonZeroU32::new(attempts).expect("at least one attempt"),
        delay: Duration::from_secs(1),
        backoff: Backoff::Constant,
        max_delay: None,
        jitter: Jitter::None,
        when: None,
    }
}
