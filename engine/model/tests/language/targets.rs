//! Targets: what a whole one gives to a playbook, and what is found in broken ones.

use std::collections::BTreeMap;
use std::fmt::Write;

use firedrill_model::check::{self, Checked};
use firedrill_model::diagnostic::{Diagnostic, Severity};
use firedrill_model::plan::{Plan, Text};
use firedrill_model::playbook::Playbook;
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;
use firedrill_model::target::{self, Resolved};

const PLAYBOOK: &str = "firedrill: 1
playbook: p
inputs:
  host: {type: string, default: localhost}
  count: {type: integer, default: 1}
  hosts: {type: list, default: []}
defaults: {env: {REGION: mine}}
steps:
  - {id: one, argv: [echo, '${{ inputs.host }}', '${{ inputs.count }}', '${{ inputs.hosts }}'], read_only: true}
";

fn playbook() -> (Source, Checked<Playbook>) {
    let source = Source::new("p.yaml", PLAYBOOK);
    let (checked, diagnostics) = check::load(&source, None);
    assert_eq!(diagnostics, []);
    (source, checked.expect("a sound playbook"))
}

fn resolved(text: &str) -> Result<Resolved, String> {
    let source = Source::new("prod.yaml", text);
    let (target, diagnostics) = target::load(&source, Some("prod"));
    let target = target.ok_or_else(|| shown(&source, &diagnostics))?;
    let env = |name: &str| [("USER", "kim"), ("N", "3")].into_iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    target.resolve(&source, &playbook().1, env).map_err(|faults| shown(&source, &faults))
}

fn plan(text: &str) -> Result<Plan, String> {
    let Resolved { given, target, .. } = resolved(text)?;
    let (source, checked) = playbook();
    let facts = Facts { target: Some(target), ..Facts::default() };
    resolve(&source, &checked, &given, facts).map_err(|faults| shown(&source, &faults))
}

/// Shows faults with the text that they are about.
fn shown(source: &Source, diagnostics: &[Diagnostic]) -> String {
    let mut shown = String::new();
    for diagnostic in diagnostics {
        let (line, column) = source.line_column(diagnostic.span.start);
        let (code, message) = (diagnostic.code, &diagnostic.message);
        let about = source.slice(diagnostic.span).lines().next().unwrap_or_default();
        writeln!(shown, "{line}:{column} {code} {message}\n    at: {about}").expect("a text takes everything");
        diagnostic.help.iter().for_each(|help| writeln!(shown, "    {help}").expect("a text takes everything"));
    }
    shown
}

#[test]
fn a_target_gives_inputs_and_environment() {
    let text = "target: prod
description: The one that counts.
inputs: {host: 'db.${{ env(\"USER\") }}.example', count: \"${{ env('N') }}\", hosts: ['${{ env(\"USER\") }}', b], other: 1}
env: {REGION: theirs, ZONE: 7, WHO: \"${{ env('USER') }}\"}
protected: true
";
    let plan = plan(text).expect("a plan");
    let argv = serde_json::to_string(&plan.steps[0].command().expect("a command").program).expect("JSON");
    assert_eq!(
        argv,
        r#"{"argv":[{"known":"echo"},{"known":"db.kim.example"},{"known":"3"},{"known":"kim"},{"known":"b"}]}"#
    );
    let env = &plan.steps[0].command().expect("a command").env;
    let known = |text: &str| Text::Known(text.to_owned());
    let expected =
        [("REGION", "mine"), ("WHO", "kim"), ("ZONE", "7")].map(|(name, text)| (name.to_owned(), known(text)));
    assert_eq!(*env, BTreeMap::from(expected), "the playbook's own variables win");
    let target = plan.target.expect("a target");
    assert_eq!((target.name.as_str(), target.is_protected), ("prod", true));
}

#[test]
fn every_byte_of_a_target_counts() {
    let digest = |text: &str| plan(text).expect("a plan").digest();
    let plain = digest("target: prod\n");
    assert_ne!(plain, digest("target: prod\n# changed\n"));
    assert_ne!(plain, digest("target: prod\nprotected: true\n"));
    assert_ne!(
        plain,
        resolve(&playbook().0, &playbook().1, &BTreeMap::new(), Facts::default()).expect("a plan").digest()
    );
}

#[test]
fn values_are_held_against_the_declarations() {
    let why = plan("target: prod\ninputs: {count: many}\n").expect_err("no number");
    assert!(why.contains("the value given by target `prod` for input `count` is not allowed"), "{why}");
    let why = resolved("target: prod\ninputs: {host: \"${{ env('HOST') }}\"}\nenv: {A: \"${{ env('B') }}\"}\n");
    insta::assert_snapshot!(why.expect_err("neither is set"));
}

#[test]
fn what_another_playbook_needs_does_not_matter() {
    let resolved = resolved("target: prod\ninputs: {unrelated: \"${{ env('HOST') }}\", hots: a}\n").expect("resolved");
    assert!(resolved.given.is_empty());
    let [warning] = resolved.warnings.as_slice() else { panic!("{:?}", resolved.warnings) };
    assert_eq!(warning.severity, Severity::Warning);
    assert_eq!(warning.help.as_deref(), Some("did you mean `host`?"));
}

#[test]
fn broken_targets_are_understood_as_far_as_they_go() {
    insta::glob!("targets", "*.yaml", |path| {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let source = Source::new("x", std::fs::read_to_string(path).expect("a text"));
        let (target, diagnostics) = target::load(&source, Some(&stem));
        assert!(target.is_none(), "{stem} is not broken");
        insta::assert_snapshot!(shown(&source, &diagnostics));
    });
}

#[test]
fn the_example_of_the_guide_can_be_read() {
    const GUIDE: &str = include_str!("../../../../docs/language/targets.md");
    let blocks: Vec<&str> = GUIDE.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [example] = blocks.as_slice() else { panic!("{} examples", blocks.len()) };
    let (target, diagnostics) = target::load(&Source::new("prod.yaml", *example), Some("prod"));
    assert_eq!(diagnostics, []);
    assert!(target.expect("a sound target").is_protected);
    for key in ["target", "description", "inputs", "env", "protected"] {
        assert!(GUIDE.contains(&format!("\n| `{key}` |")), "{key} is not explained");
    }
}
