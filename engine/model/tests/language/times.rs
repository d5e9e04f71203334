//! Objectives and usual durations: from the playbook's text into the plan.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill_model::check;
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::plan::{Objectives, Plan};
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;

/// Returns the plan of a playbook with a step of these keys, or the codes and messages of its faults.
fn plan(head: &str, step: &str) -> Result<Plan, String> {
    let inputs = "inputs: {usual: {type: duration, default: 90s}, none: {type: duration, default: 0s}}";
    let text = format!("firedrill: 1\nplaybook: x\n{head}\n{inputs}\nsteps:\n  - {{id: one, argv: [echo]{step}}}\n");
    let source = Source::new("x.yaml", text);
    let (checked, diagnostics) = check::load(&source, None);
    let checked = checked.ok_or_else(|| shown(&diagnostics))?;
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).map_err(|faults| shown(&faults))
}

fn shown(diagnostics: &[Diagnostic]) -> String {
    let lines = diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn they_reach_the_plan() {
    let plan = plan("objectives: {rto: 4h}", ", phase: export, typical: 10m").expect("a sound playbook");
    assert_eq!(plan.objectives, Some(Objectives { rto: Some(Duration::from_hours(4)), rpo: None }));
    assert_eq!(plan.steps[0].phase.as_deref(), Some("export"));
    assert_eq!(plan.steps[0].typical, Some(Duration::from_mins(10)));
}

#[test]
fn a_usual_duration_may_be_computed_from_inputs() {
    let typical = |text: &str| {
        let plan = plan("", &format!(", typical: \"{text}\""))?;
        Ok(plan.steps[0].typical.map_or(0, |typical| typical.as_secs()))
    };
    assert_eq!(typical("${{ inputs.usual }}"), Ok::<u64, String>(90));
    assert_eq!(typical("${{ inputs.none }}"), Err("FD0506 this must be more than no time at all".to_owned()));
    assert_eq!(typical("${{ run.id }}"), Err("FD0506 this must be known before the run starts".to_owned()));
    assert_eq!(
        typical("${{ steps.one.exit_code }}"),
        Err("FD0310 `one` names itself, but nothing of it is known before it has run".to_owned())
    );
}

#[test]
fn a_plan_without_them_is_stored_as_before() {
    let stored = |plan: &Plan| serde_json::to_string(plan).expect("a plan can be stored");
    let without = stored(&plan("", "").expect("a sound playbook"));
    for key in ["objectives", "phase", "typical"] {
        assert!(!without.contains(key), "{key} in {without}");
    }
    let with = plan("objectives: {rto: 4h, rpo: 1d}", ", phase: p, typical: 1s").expect("a sound playbook");
    assert_eq!(serde_json::from_str::<Plan>(&stored(&with)).ok(), Some(with));
}

#[test]
fn times_that_nothing_can_take_are_refused() {
    let fault = |head, step| plan(head, step).expect_err("a fault");
    assert_eq!(fault("objectives: {rto: 0s}", ""), "FD0108 `rto` must be more than no time at all");
    assert_eq!(fault("objectives: {rpo: 0h}", ""), "FD0108 `rpo` must be more than no time at all");
    assert_eq!(fault("", ", typical: 0s"), "FD0108 `typical` must be more than no time at all");
    assert_eq!(fault("objectives: {}", ""), "FD0111 `objectives` must not be empty");
    assert_eq!(fault("objectives: 4h", ""), "FD0103 `objectives` must be a map, but is a text");
    assert_eq!(fault("objectives: {rto: \"${{ inputs.usual }}\"}", ""), "FD0116 `rto` cannot hold a template");
    assert_eq!(fault("objectives: {rot: 4h}", ""), "FD0101 unknown key `rot` in `objectives`");
    assert_eq!(fault("rto: 4h", ""), "FD0101 unknown key `rto` in a playbook");
    assert_eq!(fault("", ", phase: ''"), "FD0111 `phase` must not be empty");
}
