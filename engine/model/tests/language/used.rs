//! Playbooks that use others: what they are given, where their faults are shown, what becomes of them in the plan.

use std::collections::BTreeMap;

use firedrill_model::check::{self, Library};
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::plan::{Plan, Program, Step, Text, Used};
use firedrill_model::resolve::{Facts, resolve, sha256};
use firedrill_model::source::Source;
use firedrill_model::value::Value;

const PART: &str = "firedrill: 1
playbook: part
on_failure: stop
inputs:
  zone: {type: string}
  size: {type: integer, default: 3}
  artifact: {type: path, required: false}
vars: {name: '${{ inputs.zone }}-copy', place: '${{ inputs.artifact or 0 }}/x'}
locks: ['zone/${{ inputs.zone }}']
guards: [{id: free, argv: [free, '${{ inputs.zone }}'], message: No room.}]
steps:
  - {id: take, argv: [take, '${{ vars.name }}', '${{ inputs.size }}'], outputs: {o: {from: stdout}}}
  - {id: put, argv: [put, '${{ steps.take.outputs.o }}', '${{ inputs.artifact or 1 }}', '${{ vars.place }}']}
finally: [{id: tell, argv: [tell]}]
invariants: [{id: whole, argv: [whole, '${{ inputs.zone }}']}]
outputs: {o: '${{ steps.take.outputs.o }}'}
";

fn shown(diagnostics: &[Diagnostic]) -> String {
    let line = |diagnostic: &Diagnostic| {
        let file = diagnostic.source.as_ref().map(|source| format!("{}: ", source.name)).unwrap_or_default();
        format!("{file}{} {}", diagnostic.code, diagnostic.message)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn plan_with(files: &[(&str, &str)], inputs: &str, steps: &str) -> Result<Plan, String> {
    let source = Source::new("x.yaml", format!("firedrill: 1\nplaybook: x\ninputs: {inputs}\nsteps:\n{steps}"));
    let mut library = Library::default();
    loop {
        let missing = library.missing(&source);
        if missing.is_empty() {
            break;
        }
        for path in missing {
            let text = files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text);
            library.add(path.clone(), text.map(|text| Source::new(path, text)).ok_or("it is not there".to_owned()));
        }
    }
    let (checked, diagnostics) = check::load_with(&source, None, &library);
    let checked = checked.ok_or_else(|| shown(&diagnostics))?;
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).map_err(|faults| shown(&faults))
}

fn plan(inputs: &str, steps: &str) -> Result<Plan, String> {
    plan_with(&[("part.yaml", PART)], inputs, steps)
}

fn words(step: &Step) -> String {
    let Some(Program::Argv(words)) = step.command().map(|command| &command.program) else { return String::new() };
    let word = |text: &Text| match text {
        Text::Known(text) => text.clone(),
        Text::Deferred { template, .. } => template.display().to_string(),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn used(plan: &Plan) -> &Used {
    plan.used()[0]
}

#[test]
fn its_steps_are_members_and_its_inputs_are_written_into_them() {
    let plan =
        plan("{size: {type: integer, default: 7}}", "  - {id: p, use: part.yaml, with: {zone: a}}\n").expect("sound");
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["p", "p/take", "p/put"]);
    assert_eq!(words(&plan.steps[1]), "take a-copy 7");
    assert_eq!(words(&plan.steps[2]), "put ${{ steps.take.outputs.o }} 1 0/x");
    assert_eq!(plan.steps[0].guards[0].id, "free");
    assert_eq!(plan.steps[1].on_failure.word(), "stop");
    assert_eq!(plan.locks, ["zone/a"]);
    assert_eq!(plan.invariants[0].id, "p/whole");
    assert!(plan.finally.is_empty() && plan.guards.is_empty());
    let used = used(&plan);
    assert_eq!((used.playbook.as_str(), used.path.as_str()), ("part", "part.yaml"));
    assert_eq!(used.text_sha256, sha256(PART.as_bytes()));
    assert_eq!(used.taken, ["size"]);
    assert_eq!(used.inputs["size"], Value::Int(7));
    assert_eq!(plan.named("take", 2), Some(1));
    assert_eq!(plan.named("p", 2), None, "what is around a used playbook cannot be named in it");
}

#[test]
fn what_is_known_later_stays_a_name_of_its_own() {
    let steps = "
  - {id: find, argv: [find], outputs: {dir: {from: stdout, type: path}}}
  - {id: p, needs: [], use: part.yaml, with: {zone: a, artifact: '${{ steps.find.outputs.dir }}'}}
  - {id: last, argv: [a, '${{ steps.p.outputs.o }}']}
";
    let plan = plan("{}", steps).expect("sound");
    assert_eq!(plan.steps[1].needs, [0]);
    assert_eq!(words(&plan.steps[3]), "put ${{ steps.take.outputs.o }} ${{ inputs.artifact or 1 }} ${{ vars.place }}");
    let Some(Program::Argv(put)) = plan.steps[3].command().map(|command| &command.program) else { panic!("argv") };
    assert_eq!(
        serde_json::to_value(&put[3]).expect("JSON")["deferred"]["after"],
        serde_json::json!([{"step": "find"}])
    );
    let used = used(&plan);
    assert!(used.late.contains_key("artifact") && used.late_vars.contains_key("place"));
    assert_eq!(plan.steps[4].needs, [1, 3]);
}

#[test]
fn guards_bind_at_the_start_too_if_that_is_said() {
    let steps = "  - {id: p, use: part.yaml, with: {zone: a}, early_guards: true}\n";
    let plan = plan("{}", steps).expect("sound");
    assert_eq!((plan.guards[0].id.as_str(), plan.steps[0].guards.len()), ("p/free", 1));
}

#[test]
fn a_playbook_may_be_used_once_for_each_item() {
    let steps = "  - {id: p, for_each: {in: [a, b], as: z}, use: part.yaml, with: {zone: '${{ z }}'}}\n";
    let plan = plan("{}", steps).expect("sound");
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["p", "p[a]", "p[a]/take", "p[a]/put", "p[b]", "p[b]/take", "p[b]/put"]);
    assert_eq!(words(&plan.steps[5]), "take b-copy 3");
    assert_eq!(plan.locks, ["zone/a", "zone/b"]);
    assert_eq!(plan.named("take", 6), Some(5));
}

#[test]
fn what_it_is_given_is_checked_where_it_is_given() {
    let fault =
        |steps: &str| plan("{zone: {type: integer, default: 1}}", &format!("  - {steps}\n")).expect_err("a fault");
    assert_eq!(fault("{id: p, use: part.yaml}"), "FD0504 input `zone` of `part.yaml` needs a value");
    assert_eq!(fault("{id: p, use: part.yaml, with: {zone: a, sise: 1}}"), "FD0503 `part` has no input `sise`");
    assert_eq!(
        fault("{id: p, use: part.yaml, with: {zone: [a]}}"),
        "FD0505 input `zone` of `part` refuses this: expected a value of type string, found a list"
    );
    assert_eq!(
        fault("{id: p, use: part.yaml, with: {zone: a}, guards: [{id: free, argv: [a]}]}"),
        "FD0301 `part` has a guard `free` too"
    );
    assert_eq!(fault("{id: p, use: none.yaml}"), "FD0314 the playbook `none.yaml` cannot be used: it is not there");
    assert_eq!(
        fault("{id: p, use: part.yaml, with: {zone: a}, when: steps.p.outputs.o}"),
        "FD0310 `p` names itself, but nothing of it is known before it has run"
    );
}

#[test]
fn its_faults_are_shown_in_its_own_file() {
    let broken = PART.replace("vars.name }}", "vars.nam }}");
    let found = plan_with(&[("part.yaml", &broken)], "{}", "  - {id: p, use: part.yaml, with: {zone: a}}\n");
    assert_eq!(found.expect_err("a fault"), "part.yaml: FD0305 there is no var `nam`");
    let given = plan("{}", "  - {id: p, use: part.yaml, with: {zone: '${{ [1] }}'}}\n").expect_err("a fault");
    assert_eq!(
        given,
        "part.yaml: FD0505 the value given for input `zone` is not allowed: expected a value of type string, found a list"
    );
}

#[test]
fn paths_are_relative_to_the_using_file_and_never_lead_back() {
    let outer = "firedrill: 1\nplaybook: outer\nsteps:\n  - {id: p, use: ../part.yaml, with: {zone: a}}\n";
    let files = [("parts/outer.yaml", outer), ("part.yaml", PART)];
    let plan = plan_with(&files, "{}", "  - {id: o, use: parts/outer.yaml}\n").expect("sound");
    assert_eq!(plan.steps[3].id, "o/p/put");
    assert_eq!(
        plan.used().iter().map(|used| used.path.as_str()).collect::<Vec<_>>(),
        ["parts/outer.yaml", "part.yaml"]
    );
    let back = outer.replace("../part.yaml, with: {zone: a}", "outer.yaml");
    let found = plan_with(&[("parts/outer.yaml", &back)], "{}", "  - {id: o, use: parts/outer.yaml}\n");
    assert_eq!(
        found.expect_err("a fault"),
        "parts/outer.yaml: FD0315 playbooks use each other in a circle: parts/outer.yaml uses parts/outer.yaml"
    );
}

#[test]
fn constraints_need_a_value_that_is_known() {
    let part = PART.replace("{type: path, required: false}", "{type: path, pattern: '^/', required: false}");
    let steps = "
  - {id: find, argv: [find], outputs: {dir: {from: stdout, type: path}}}
  - {id: p, use: part.yaml, with: {zone: a, artifact: '${{ steps.find.outputs.dir }}'}}
";
    let found = plan_with(&[("part.yaml", &part)], "{}", steps).expect_err("a fault");
    assert!(found.starts_with("FD0506 `artifact` must be known before the run starts"), "{found}");
}

#[test]
fn people_who_are_asked_in_it_are_seen_from_outside() {
    let part = "firedrill: 1\nplaybook: part\nsteps: [{id: ask, approve: {prompt: Now?, timeout: 1h}}]\n";
    let codes = |steps: &str| {
        let source = Source::new("x.yaml", format!("firedrill: 1\nplaybook: x\nsteps:\n{steps}"));
        let mut library = Library::default();
        library.add("part.yaml".into(), Ok(Source::new("part.yaml", part)));
        let (_, found) = check::review_with(&source, None, &library);
        found.iter().map(|found| found.code.id()).collect::<Vec<_>>()
    };
    let take = "  - {id: take, argv: [a], timeout: 1m, rollback: none, release: {argv: [b]}}\n";
    let used = "  - {id: p, use: part.yaml}\n";
    let erase = "  - {id: erase, argv: [c], timeout: 1m, irreversible: true}\n";
    assert_eq!(codes(&[take, used, erase].concat()), ["FD0620"]);
    assert_eq!(codes(&[used, take, erase].concat()), [""; 0]);
    assert_eq!(codes(&[&used.replace("use", "when: 1 > 2, use"), erase].concat()), ["FD0621"]);
}
