//! Recovery times and points of runs, and what earlier runs tell of the next.

#[path = "times/clockwork.rs"]
mod clockwork;

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::check;
use firedrill_model::plan::Plan;
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;
use firedrill_report::estimate::{Basis, Estimate, estimate};
use firedrill_report::measure::{Measures, VerifiedArtifact, measure};
use firedrill_report::past::{PastRun, PastStep, newest_artifact};
use firedrill_report::{AtRest, Colour, View, ending, plan_json, plan_schema, plan_text};
use firedrill_run::{Done, Event, Verdict};

use self::clockwork::{BEGIN_MS, History};

fn plan(text: &str) -> Arc<Plan> {
    let source = Source::new("p.yaml", format!("firedrill: 1\nplaybook: p\n{text}"));
    let (checked, diagnostics) = check::load(&source, None);
    let checked = checked.unwrap_or_else(|| panic!("{diagnostics:#?}"));
    Arc::new(
        resolve(&source, &checked, &BTreeMap::new(), Facts::default()).unwrap_or_else(|faults| panic!("{faults:#?}")),
    )
}

fn measured(history: &History) -> Measures {
    measure(history.plan(), history.envelopes(), None).expect("a legal history")
}

/// Returns the phases as `NAME SECONDS`.
fn phases(measures: &Measures) -> String {
    let phases = measures.phases.iter().map(|phase| format!("{} {}", phase.phase, phase.ms / 1000));
    phases.collect::<Vec<_>>().join(", ")
}

const PARALLEL: &str = "
steps:
  - {id: lock, argv: [lock], release: {argv: [unlock]}, phase: locking}
  - {id: left, needs: [lock], argv: [left], phase: copying, rollback: none}
  - {id: right, needs: [lock], argv: [right], phase: copying, rollback: none}
  - {id: look, needs: [left, right], argv: [look], read_only: true}
";

#[test]
fn parallel_steps_count_once() {
    let history = History::play(&plan(PARALLEL), "lock 10, left 100, right 60, look 5, lock.release 3");
    let measures = measured(&history);
    assert_eq!((measures.machine_ms, measures.people_ms), (118_000, 0));
    assert_eq!(phases(&measures), "locking 13, copying 100, other 5");
    let steps: Vec<(&str, u64)> = measures.steps.iter().map(|step| (step.step.as_str(), step.ms / 1000)).collect();
    assert_eq!(steps, [("lock", 10), ("left", 100), ("right", 60), ("look", 5)]);
}

#[test]
fn all_attempts_and_waits_between_them_are_the_steps_time() {
    let steps = "steps:\n  - {id: a, argv: [a], idempotent: true, retry: {max_attempts: 3, delay: 30s}}\n";
    let measures = measured(&History::play(&plan(steps), "a 10 1, a.attempt.2 20 1, a.attempt.3 40"));
    assert_eq!(measures.steps[0].ms, 130_000);
}

const STUCK: &str = "
objectives: {rto: 2m}
steps:
  - {id: take, argv: [take], rollback: none, release: {argv: [give], retry: {max_attempts: 1}}, phase: taking}
  - {id: doubt, argv: [doubt], timeout: 1m, rollback: none, phase: doubting}
";

#[test]
fn people_are_measured_apart() {
    let mut history = History::play(&plan(STUCK), "take 10, doubt 60 lost, take.release 5");
    let before = measured(&history);
    assert_eq!((before.machine_ms, before.people_ms), (70_000, 0));
    history.say("doubt", Done::Done, 3_600);
    assert_eq!(measured(&history).machine_ms, 70_000, "what is said at rest moves no end");
    history.resume(600);
    let after = measured(&history);
    assert_eq!(history.verdict(), Some(Verdict::Succeeded));
    assert_eq!((after.machine_ms, after.people_ms), (75_000, 4_200_000));
    assert_eq!(phases(&after), "taking 15, doubting 60");
    assert!(after.is_met(), "the objective is for the machine");
}

#[test]
fn an_interruption_is_the_machines() {
    let mut history = History::new(&plan(PARALLEL), "lock 10, left 100");
    history.until("left");
    history.resume(600);
    let measures = measured(&history);
    assert_eq!((measures.machine_ms, measures.people_ms), (610_000, 0));
}

#[test]
fn an_attempt_that_never_started_has_no_time() {
    let mut history = History::new(&plan("steps:\n  - {id: a, argv: [a], rollback: none}\n"), "a 10");
    history.until("a");
    history.resume_without("a", 600);
    assert_eq!(measured(&history).steps[0].ms, 10_000);
}

/// A backup of which each test says what looks at it.
fn backup(head: &str, looks: &str) -> Arc<Plan> {
    plan(&format!(
        "{head}
steps:
  - {{id: open, argv: [open], outputs: {{path: {{from: stdout, type: path}}}}, rollback: {{argv: [close]}}}}
  - id: copy
    argv: [copy]
    outputs: {{artifact: {{from: stdout, type: path}}, note: {{from: stdout, type: string}}}}
    rollback: none
{looks}"
    ))
}

const LOOK: &str = "  - {id: check, argv: [check, '${{ steps.copy.outputs.artifact }}'], read_only: true}\n";

fn artifact(plan: &Arc<Plan>, lengths: &str) -> Option<VerifiedArtifact> {
    measured(&History::play(plan, lengths)).artifact
}

#[test]
fn an_artifact_is_verified_by_a_step_that_names_it() {
    let begun = BEGIN_MS + 10_000;
    let expected = VerifiedArtifact {
        run: "r".to_owned(),
        step: "copy".to_owned(),
        output: "artifact".to_owned(),
        path: "/made/artifact".to_owned(),
        made_ms: begun,
    };
    assert_eq!(artifact(&backup("", LOOK), "open 10, copy 60, check 5"), Some(expected));
    let looked_at_first = format!(
        "{LOOK}  - {{id: more, argv: [more], rollback: none}}
  - {{id: say, argv: [say, '${{{{ steps.copy.outputs.artifact }}}}'], needs: [check], read_only: true}}\n"
    );
    assert_eq!(artifact(&backup("", &looked_at_first), "open 10, copy 60").map(|it| it.made_ms), Some(begun));
}

#[test]
fn what_nobody_looked_at_is_not_verified() {
    for (looks, lengths) in [
        ("  - {id: check, argv: [check], read_only: true}\n", ""),
        ("  - {id: check, argv: [check, '${{ steps.copy.outputs.note }}'], read_only: true}\n", ""),
        ("  - {id: upload, argv: [upload, '${{ steps.copy.outputs.artifact }}'], rollback: none}\n", ""),
        (LOOK, "check 5 1"),
        (LOOK, "copy 60 1"),
    ] {
        assert_eq!(artifact(&backup("", looks), lengths), None, "{looks} {lengths}");
    }
}

#[test]
fn a_steps_own_verify_counts_unless_a_human_spoke_instead() {
    let steps = "
steps:
  - id: copy
    argv: [copy]
    timeout: 1m
    outputs: {artifact: {from: stdout, type: path}}
    verify: {argv: [whole]}
    rollback: none
";
    assert_eq!(artifact(&plan(steps), "copy 60").map(|it| it.made_ms), Some(BEGIN_MS));
    let mut history = History::play(&plan(steps), "copy 60 timeout, copy.verify 1 1");
    history.say("copy", Done::Done, 60);
    history.resume(60);
    assert_eq!(measured(&history).artifact, None);
}

#[test]
fn what_was_rolled_back_is_no_artifact() {
    let steps = "
steps:
  - {id: copy, argv: [copy], outputs: {artifact: {from: stdout, type: path}}, verify: {argv: [whole]}, rollback: {argv: [wipe]}}
  - {id: last, argv: [last], rollback: none}
";
    assert!(artifact(&plan(steps), "copy 60").is_some());
    assert_eq!(artifact(&plan(steps), "copy 60, last 5 1"), None);
}

#[test]
fn the_latest_attempt_made_the_artifact() {
    let steps = "
steps:
  - id: copy
    argv: [copy]
    outputs: {artifact: {from: stdout, type: path}}
    verify: {argv: [whole]}
    idempotent: true
    retry: {max_attempts: 2, delay: 30s}
    rollback: none
";
    let made = artifact(&plan(steps), "copy 60 1").map(|it| it.made_ms);
    assert_eq!(made, Some(BEGIN_MS + 90_000));
}

fn told(history: &History, previous: Option<&VerifiedArtifact>) -> String {
    let measures = measure(history.plan(), history.envelopes(), previous).expect("a legal history");
    let view = View::fold(Arc::clone(history.plan()), history.envelopes()).expect("a legal history");
    let outputs = BTreeMap::new();
    ending(&view, AtRest { outputs: &outputs, measures: Some(&measures) }, 100, Colour::Never)
}

#[test]
fn endings_say_what_was_met_and_missed() {
    let phased = |rto: &str, rpo: &str| {
        let look = LOOK.replace("read_only: true", "read_only: true, phase: verifying");
        backup(&format!("objectives: {{rto: {rto}, rpo: {rpo}}}"), &look)
    };
    let lengths = "open 60, copy 1320, check 180";
    let met = told(&History::play(&phased("4h", "24h"), lengths), None);
    assert!(met.contains("  recovery time 26m of 4h, verifying 3m, other 23m · recovery point 25m of 24h\n"), "{met}");
    assert!(!met.contains("missed"), "{met}");
    let missed = told(&History::play(&phased("20m", "10m"), lengths), None);
    assert!(missed.contains("recovery time 26m of 20m (missed), verifying 3m"), "{missed}");
    assert!(missed.contains("  missed: the recovery time is 6m over its objective of 20m\n"), "{missed}");
    assert!(
        missed.contains("  missed: the newest verified artifact is 15m older than its objective of 10m\n"),
        "{missed}"
    );
    let none = told(&History::play(&phased("4h", "24h"), "copy 60 1"), None);
    assert!(none.contains("recovery point unknown of 24h (missed)"), "{none}");
    assert!(none.contains("  missed: no verified artifact is known, so the recovery point of 24h counts as missed\n"));
    let without = told(&History::play(&backup("", LOOK), lengths), None);
    assert!(!without.contains("recovery"), "{without}");
}

#[test]
fn an_earlier_artifact_counts_if_this_run_made_none() {
    let plan = backup("objectives: {rpo: 24h}", LOOK);
    let failed = History::play(&plan, "copy 60 1");
    let earlier = VerifiedArtifact {
        run: "yesterday".to_owned(),
        step: "copy".to_owned(),
        output: "artifact".to_owned(),
        path: "/made/artifact".to_owned(),
        made_ms: BEGIN_MS - 3_540_000,
    };
    let text = told(&failed, Some(&earlier));
    assert!(text.contains("recovery point 1h of 24h, artifact of run yesterday"), "{text}");
    let own = History::play(&plan, "");
    assert_eq!(
        measure(&plan, own.envelopes(), Some(&earlier)).map(|it| it.artifact.map(|it| it.run)),
        Ok(Some("r".into()))
    );
}

/// Returns an earlier run with these steps, as `STEP SECONDS` or `STEP skipped`.
fn past(verdict: Verdict, steps: &str) -> PastRun {
    let steps = steps.split(", ").map(|step| {
        let (id, length) = step.split_once(' ').expect("STEP SECONDS");
        let end = length.parse().map_or(PastStep::Skipped, |seconds: u64| PastStep::Took(seconds * 1000));
        (id.to_owned(), end)
    });
    let (run, inputs, steps) = ("r".to_owned(), BTreeMap::new(), steps.collect());
    PastRun { run, verdict, started_ms: 0, is_drill: false, inputs, steps, artifact: None }
}

fn estimated(plan: &Plan, runs: &[&str]) -> Option<Estimate> {
    let past: Vec<PastRun> = runs.iter().map(|steps| past(Verdict::Succeeded, steps)).collect();
    estimate(plan, &past)
}

#[test]
fn a_run_is_reduced_to_what_estimates_need() {
    let history = History::play(&plan(PARALLEL), "lock 10, left 100 1");
    let run = PastRun::of(history.plan(), history.envelopes(), true).expect("legal").expect("at rest");
    assert_eq!(
        (run.run.as_str(), run.verdict, run.is_drill, run.started_ms),
        ("r", Verdict::RolledBack, true, BEGIN_MS)
    );
    let steps: Vec<(&str, PastStep)> = run.steps.iter().map(|(id, step)| (id.as_str(), *step)).collect();
    assert_eq!(steps, [("lock", PastStep::Took(10_000)), ("right", PastStep::Took(0))]);
    let mut under_way = History::new(history.plan(), "");
    under_way.until("left");
    assert_eq!(PastRun::of(under_way.plan(), under_way.envelopes(), false), Ok(None));
}

#[test]
fn history_gives_quantiles_of_critical_paths() {
    let plan = plan(PARALLEL);
    // Left and right take turns in being slow: the critical path never holds both.
    let runs = [
        "lock 10, left 100, right 20, look 5",
        "lock 10, left 20, right 110, look 5",
        "lock 10, left 90, right 20, look 5",
    ];
    let estimate = estimated(&plan, &runs).expect("three runs");
    assert_eq!(estimate.p50_ms, 115_000);
    assert_eq!(estimate.basis, Basis::History { runs: 3, p95_ms: 125_000 });
    assert_eq!(estimate.path, ["lock", "left", "look"]);
    assert_eq!(estimate.holds, BTreeMap::from([("lock".to_owned(), 115_000)]));
    let many: Vec<String> = (1..=20).map(|at| format!("lock {at}, left 0, right 0, look 0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let estimate = estimated(&plan, &many).expect("twenty runs");
    assert_eq!((estimate.p50_ms, estimate.basis), (10_000, Basis::History { runs: 20, p95_ms: 19_000 }));
}

#[test]
fn runs_that_say_too_little_are_no_history() {
    let plan = plan(PARALLEL);
    let whole = "lock 10, left 100, right 20, look 5";
    assert_eq!(estimated(&plan, &[whole, whole]), None);
    assert_eq!(estimated(&plan, &[whole, whole, "lock 10, left 100, look 5"]), None);
    assert_eq!(estimated(&plan, &[whole, whole, "lock 10, left 100, right skipped, look 5"]), None);
    assert!(estimated(&plan, &[whole, whole, "lock 10, left 100, right 20, look 5, old 7"]).is_some());
    let failed = [past(Verdict::Succeeded, whole), past(Verdict::Succeeded, whole), past(Verdict::Failed, whole)];
    assert_eq!(estimate(&plan, &failed), None);
}

#[test]
fn steps_that_may_be_skipped_take_no_time_then() {
    let plan = plan(
        "
steps:
  - {id: a, argv: [a], read_only: true, outputs: {x: {from: stdout, type: string}}}
  - {id: b, argv: [b], read_only: true, when: \"steps.a.outputs.x == 'y'\"}
  - {id: c, argv: [c], read_only: true, when: 'false', typical: 9h}
",
    );
    let runs = ["a 10, b skipped", "a 10, b 10, c 500", "a 10, b skipped, c skipped"];
    let estimate = estimated(&plan, &runs).expect("three runs");
    assert_eq!((estimate.p50_ms, estimate.basis), (10_000, Basis::History { runs: 3, p95_ms: 20_000 }));
}

#[test]
fn without_history_the_playbook_is_asked() {
    let steps = |typical: &str| plan(&PARALLEL.replace("argv: [left]", &format!("argv: [left]{typical}")));
    assert_eq!(estimate(&steps(""), &[]), None);
    let some = estimate(&steps(", typical: 40m"), &[]).expect("typical");
    let without = ["lock", "right", "look"].map(str::to_owned).to_vec();
    assert_eq!((some.p50_ms, some.path, some.basis), (2_400_000, vec!["left".to_owned()], Basis::Typical { without }));
}

#[test]
fn plans_say_how_long_they_take() {
    let all = plan(
        &PARALLEL
            .replace("argv: [left]", "argv: [left], typical: 40m")
            .replace("argv: [right]", "argv: [right], typical: 30m")
            .replace("argv: [l", "typical: 1m, argv: [l")
            .replace("typical: 1m, argv: [left]", "argv: [left]")
            .replace("\nsteps:", "\nobjectives: {rto: 4h, rpo: 24h}\nsteps:"),
    );
    let shown = |plan: &Plan, runs: &[&str]| plan_text(plan, estimated(plan, runs).as_ref(), 120, Colour::Never);
    let text = shown(&all, &[]);
    assert!(text.contains("  objectives: recovery time 4h, recovery point 24h\n"), "{text}");
    assert!(
        text.contains("  takes about 42 min, as the playbook says (typical); longest path: lock, left, look\n"),
        "{text}"
    );
    assert!(text.contains("lock: from its start to the end of the last step, about 42 min, 3 steps inside"), "{text}");
    assert!(text.contains("phase     copying\n      typical   40m\n"), "{text}");
    let run = "lock 60, left 2000, right 20, look 200";
    let text = shown(&all, &[run, run, "lock 60, left 3000, right 20, look 240"]);
    assert!(
        text.contains("  takes about 38 min (P50), 55 min (P95), from 3 runs; longest path: lock, left, look\n"),
        "{text}"
    );
    let some = plan(&PARALLEL.replace("argv: [left]", "argv: [left], typical: 40m"));
    assert!(shown(&some, &[]).contains("takes at least 40 min, as the playbook says (typical, not of 3 steps)"));
    assert!(!shown(&plan(PARALLEL), &[]).contains("takes"));
}

#[test]
fn plans_for_machines_have_estimates() {
    let run = "lock 60, left 2000, right 20, look 200";
    let plan = plan(&PARALLEL.replace("\nsteps:", "\nobjectives: {rto: 4h}\nsteps:"));
    let text = plan_json(&plan, estimated(&plan, &[run, run, run]).as_ref());
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["objectives"]["rto_ms"], 14_400_000);
    assert_eq!(document["estimate"]["p95_ms"], 2_260_000);
    assert_eq!(document["estimate"]["holds_ms"]["lock"], 2_260_000);
    assert_eq!(document["steps"][1]["phase"], "copying");
    let schema: serde_json::Value = serde_json::from_str(&plan_schema()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    assert!(validator.is_valid(&document));
}

#[test]
fn artifacts_of_other_things_do_not_count() {
    let plan = plan("inputs: {host: {type: string, default: a}}\nsteps:\n  - {id: s, argv: [s], read_only: true}\n");
    let made = |run: &str, made_ms: u64, host: &str| PastRun {
        inputs: BTreeMap::from([("host".to_owned(), host.into())]),
        artifact: Some(VerifiedArtifact {
            run: run.to_owned(),
            step: "copy".to_owned(),
            output: "artifact".to_owned(),
            path: "/a".to_owned(),
            made_ms,
        }),
        ..past(Verdict::Failed, "s 1")
    };
    let past = [made("newest of b", 9, "b"), made("old", 1, "a"), made("new", 2, "a")];
    assert_eq!(newest_artifact(&plan, &past).map(|it| it.run.as_str()), Some("new"));
    assert_eq!(newest_artifact(&plan, &past[..1]), None);
}

#[test]
fn events_of_another_plan_are_refused() {
    let history = History::play(&plan(PARALLEL), "");
    assert!(matches!(history.envelopes()[0].event, Event::RunStarted { .. }));
    assert!(measure(&plan(STUCK), history.envelopes(), None).is_err());
}
