//! Secrets: where they may stand, and which steps may publish one.

use std::collections::BTreeMap;

use firedrill_model::check;
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::plan::{Origin, Plan, SecretPlace, SecretSource, SecretUse};
use firedrill_model::resolve::{Facts, Given, GivenValue, resolve};
use firedrill_model::source::Source;

const LOGIN: &str = "  - {id: login, argv: [login], read_only: true, outputs: {token: {secret: true}}}\n";

fn shown(diagnostics: &[Diagnostic]) -> String {
    let lines = diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
    lines.collect::<Vec<_>>().join("; ")
}

fn plan(steps: &str) -> Result<Plan, String> {
    let text = format!(
        "firedrill: 1\nplaybook: x\ninputs: {{pw: {{type: string, secret: true, }}, open: {{type: string, default: o}}}}\nsteps:\n{steps}"
    );
    let source = Source::new("x.yaml", text);
    let (checked, diagnostics) = check::load(&source, None);
    let checked = checked.ok_or_else(|| shown(&diagnostics))?;
    let pw = Given { value: GivenValue::Secret(SecretSource::MadeUp), origin: Origin::Flag };
    resolve(&source, &checked, &BTreeMap::from([("pw".to_owned(), pw)]), Facts::default())
        .map_err(|faults| shown(&faults))
}

#[track_caller]
fn refused(code: &str, why: &str, steps: &str) {
    let fault = plan(steps).expect_err(steps);
    assert!(fault.starts_with(code) && fault.contains(why), "{steps}: {fault}");
}

#[track_caller]
fn refused_after_login(why: &str, rest: &str) {
    refused("FD0509", why, &format!("{LOGIN}{}", rest.replace('@', "${{ steps.login.outputs.token }}")));
}

#[test]
fn a_published_secret_stands_where_secrets_stand() {
    let step =
        "  - {id: a, argv: [a], env: {T: '@', F: {file: '@'}}, stdin: '@', verify: {argv: [v], env: {V: '@'}}}\n";
    let text = format!("{LOGIN}{}", step.replace('@', "${{ steps.login.outputs.token }}"));
    let plan = plan(&text).expect("a plan");
    let used = |into| SecretUse { secret: "token".to_owned(), step: Some("login".to_owned()), into };
    let places = [SecretPlace::Env("T".to_owned()), SecretPlace::EnvFile("F".to_owned()), SecretPlace::Stdin];
    assert_eq!(plan.steps[1].command().expect("a command").secrets, places.map(used));
    assert_eq!(plan.steps[1].needs, [0], "what names it needs its step");
    assert!(plan.publishes_secrets());
}

#[test]
fn a_published_secret_stands_nowhere_else() {
    refused_after_login("list of processes", "  - {id: a, argv: [a, '@']}\n");
    refused_after_login("list of processes", "  - {id: a, run: 'a @'}\n");
    refused_after_login("stand alone", "  - {id: a, argv: [a], env: {T: 'x@'}}\n");
    refused_after_login("shown and stored", "  - {id: a, argv: [a], when: \"steps.login.outputs.token == 'x'\"}\n");
    refused_after_login("shown and stored", "  - {id: a, argv: [a], dir: '@'}\n");
    refused_after_login(
        "shown and stored",
        "  - {id: a, for_each: {in: 'steps.login.outputs.token', as: x}, argv: [a]}\n",
    );
    refused_after_login("no file", "  - {id: a, argv: [a], env: {T: '${{ steps.login.files.token }}'}}\n");
    refused_after_login("shown and stored", "  - {id: a, argv: [a]}\noutputs: {o: '@'}\n");
    refused_after_login("may be lost", "  - {id: a, argv: [a], rollback: {argv: [b], env: {T: '@'}}}\n");
    refused_after_login("may be lost", "  - {id: a, argv: [a]}\nfinally: [{id: f, argv: [f], env: {T: '@'}}]\n");
    refused_after_login(
        "`rollback` of the step inherits `T`",
        "  - {id: a, argv: [a], env: {T: '@'}, rollback: {argv: [b]}}\n",
    );
    refused_after_login(
        "exactly one secret",
        "  - {id: o, argv: [o], outputs: {x: {}}}\n  - {id: a, argv: [a], env: {T: {file: '${{ steps.o.outputs.x }}'}}}\n",
    );
    let own = "  - {id: a, argv: [a], env: {T: '@'}, rollback: {argv: [b], env: {T: '${{ inputs.pw }}'}}}\n";
    assert!(plan(&format!("{LOGIN}{}", own.replace('@', "${{ steps.login.outputs.token }}"))).is_ok());
}

#[test]
fn a_filter_names_no_secret() {
    for filter in ["$inputs.pw", ".x == $inputs.pw", "$inputs[\"pw\"]", "$inputs.\"pw\"", "$inputs | $inputs .pw"] {
        let step = format!("  - {{id: a, argv: [a], expect: {{jq: '{filter}'}}}}\n");
        refused("FD0509", "the secret `inputs.pw` would be shown and stored here", &step);
        let step = format!("  - {{id: a, argv: [a], outputs: {{o: {{from: stdout, jq: '{filter}'}}}}}}\n");
        refused("FD0509", "the secret `inputs.pw` would be shown and stored here", &step);
    }
    let guard = "  - {id: a, argv: [a], guards: [{id: g, argv: [g], expect: {jq: '$inputs.pw'}}]}\n";
    refused("FD0509", "`inputs.pw`", guard);
    refused_after_login("shown and stored", "  - {id: a, argv: [a], expect: {jq: '$steps.login.outputs.token'}}\n");
    for open in ["$inputs.open", "$inputs.pwd", "$inputs", ".inputs.pw"] {
        assert!(plan(&format!("  - {{id: a, argv: [a], expect: {{jq: '{open}'}}}}\n")).is_ok(), "{open}");
    }
}

#[test]
fn only_a_step_that_can_be_executed_again_publishes_one() {
    let step = |keys: &str| format!("  - {{id: a, argv: [a], outputs: {{t: {{secret: true}}}}{keys}}}\n");
    refused("FD0508", "is not read_only", &step(""));
    refused("FD0508", "has a `release`", &step(", read_only: true, release: {argv: [r]}"));
    refused("FD0508", "has milestones", &step(", read_only: true, milestones: {m: x}"));
    refused("FD0508", "has locks", &step(", read_only: true, locks: [director]"));
    refused("FD0508", "repeated", &step(", read_only: true, for_each: {in: [x], as: x}"));
    let two = "  - {id: a, argv: [a], read_only: true, outputs: {t: {secret: true}, o: {}}}\n";
    refused("FD0508", "and something open", two);
    for key in ["from: stdout", "regex: x", "jq: .x", "line: first", "type: string", "optional: true", "argv: [x]"] {
        let step = format!("  - {{id: a, argv: [a], read_only: true, outputs: {{t: {{secret: true, {key}}}}}}}\n");
        refused("FD0508", "a secret output has no", &step);
    }
}
