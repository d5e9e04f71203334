//! Groups and repetitions: names, order, what is inherited, what becomes of them in the plan.

use std::collections::BTreeMap;
use std::fmt::Write;

use firedrill_model::check;
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::plan::{Condition, Deed, Item, Items, OnFailure, Plan, Program, Step, Text, block_of};
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;
use firedrill_model::value::Value;

fn shown(diagnostics: &[Diagnostic]) -> String {
    let lines = diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
    lines.collect::<Vec<_>>().join("; ")
}

/// Returns the plan of a playbook with these keys and steps, or its faults.
fn plan_of(head: &str, steps: &str) -> Result<Plan, String> {
    let source = Source::new("x.yaml", format!("firedrill: 1\nplaybook: x\n{head}\nsteps:\n{steps}"));
    let (checked, diagnostics) = check::load(&source, None);
    let checked = checked.ok_or_else(|| shown(&diagnostics))?;
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).map_err(|faults| shown(&faults))
}

fn fault(steps: &str) -> String {
    plan_of("inputs: {zones: {type: list, default: [a, b]}}", steps).expect_err("a fault")
}

/// Returns the ids of the steps, each with those it needs.
fn order(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let needs: Vec<&str> = step.needs.iter().map(|&need| steps[need].id.as_str()).collect();
        write!(text, "{}: {}; ", step.id, needs.join(" ")).expect("a text takes everything");
    }
    text.trim_end_matches("; ").to_owned()
}

fn words(step: &Step) -> String {
    let Some(Program::Argv(words)) = step.command().map(|command| &command.program) else { return String::new() };
    let word = |text: &Text| match text {
        Text::Known(text) => text.clone(),
        Text::Deferred { template, .. } => template.display().to_string(),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn plan(steps: &str) -> Plan {
    plan_of("inputs: {zones: {type: list, default: [a, b]}}", steps).expect("a sound playbook")
}

const NESTED: &str = "
  - {id: first, argv: [a]}
  - id: outer
    steps:
      - {id: one, argv: [a]}
      - id: inner
        steps:
          - {id: left, needs: [], argv: [a]}
          - {id: right, needs: [], argv: [a]}
      - {id: two, argv: [a]}
  - {id: last, argv: [a]}
";

#[test]
fn a_group_stands_before_its_members_and_is_over_with_its_last() {
    let expected = "first: ; outer: first; outer/one: outer; outer/inner: outer/one; outer/inner/left: outer/inner; \
                    outer/inner/right: outer/inner; outer/two: outer/inner outer/inner/left outer/inner/right; \
                    last: outer outer/two";
    assert_eq!(order(&plan(NESTED).steps), expected);
}

#[test]
fn what_a_member_reads_from_outside_is_needed_by_its_group() {
    let steps = "
  - {id: found, argv: [a], outputs: {x: {from: stdout}}}
  - id: group
    needs: []
    steps:
      - {id: use, argv: [a, '${{ steps.found.outputs.x }}']}
    outputs: {y: '${{ steps.use.exit_code }}'}
  - {id: last, needs: [], argv: [a, '${{ steps.group.outputs.y }}']}
";
    assert_eq!(order(&plan(steps).steps), "found: ; group: found; group/use: group; last: group group/use");
}

#[test]
fn names_are_those_beside_a_step_and_around_it() {
    let member = |id: &str, keys: &str| format!("  - id: g\n    steps:\n      - {{id: {id}, argv: [a]{keys}}}\n");
    let outer = "  - {id: o, argv: [a]}\n";
    assert_eq!(fault(&(outer.to_owned() + &member("m", ", needs: [o]"))), "FD0308 `o` stands outside of the group `g`");
    assert_eq!(
        fault(&(outer.to_owned() + &member("o", ""))),
        "FD0301 `o` is the name of another step that can be named here"
    );
    assert_eq!(fault(&(member("m", "") + "  - {id: l, needs: [g/m], argv: [a]}\n")), "FD0302 there is no step `g/m`");
    assert_eq!(
        fault(&(member("m", "") + "  - {id: l, argv: [a, '${{ steps.m.exit_code }}']}\n")),
        "FD0302 there is no step `m`"
    );
    assert_eq!(
        fault(&member("m", ", when: steps.g.outcome == 'failed'")),
        "FD0310 `g` is the group around this, and nothing of it is known before it is over"
    );
    assert_eq!(
        fault(&(member("m", "") + "  - {id: l, argv: [a, '${{ steps.g.exit_code }}']}\n")),
        "FD0306 `g` is more than one command and has no exit code"
    );
    assert_eq!(
        fault(&(member("m", "") + "  - {id: l, argv: [a, '${{ steps.g.outputs.x }}']}\n")),
        "FD0306 step `g` has no output `x`"
    );
    let same = "  - id: g\n    steps: [{id: m, argv: [a]}]\n  - id: h\n    steps: [{id: m, argv: [a]}]\n";
    assert_eq!(order(&plan(same).steps), "g: ; g/m: g; h: g g/m; h/m: h");
}

#[test]
fn what_a_group_cannot_have_is_refused() {
    for key in ["retry: {max_attempts: 2}", "argv: [a]", "rollback: none", "verify: {argv: [a]}", "timeout: 1m"] {
        let name = key.split(':').next().expect("a key");
        let found = fault(&format!("  - id: g\n    steps: [{{id: m, argv: [a]}}]\n    {key}\n"));
        assert_eq!(found, format!("FD0411 `{name}` has no meaning on a group"));
    }
}

#[test]
fn the_nearest_word_about_failures_counts() {
    let steps = "
  - {id: a, argv: [a], on_failure: continue}
  - id: g
    on_failure: continue
    steps:
      - {id: m, argv: [a]}
      - {id: n, argv: [a], on_failure: ask}
  - id: h
    on_failure: stop
    phase: late
    steps: [{id: m, argv: [a]}]
  - {id: l, argv: [a]}
";
    let plan = plan_of("on_failure: ask", steps).expect("a sound playbook");
    assert_eq!(plan.on_failure, OnFailure::Ask);
    let found: Vec<(&str, &str)> = plan.steps.iter().map(|step| (step.id.as_str(), step.on_failure.word())).collect();
    let expected = [
        ("a", "continue"),
        ("g", "continue"),
        ("g/m", "rollback"),
        ("g/n", "ask"),
        ("h", "stop"),
        ("h/m", "stop"),
        ("l", "ask"),
    ];
    assert_eq!(found, expected);
    assert_eq!(plan.steps[5].phase.as_deref(), Some("late"));
    let refused = plan_of("on_failure: continue", steps).expect_err("a fault");
    assert_eq!(refused, "FD0105 a whole playbook cannot go on after a failure");
}

#[test]
fn a_hold_ends_with_its_block_or_with_the_group_it_waits_for() {
    let taker = |until: &str| format!("{{id: take, argv: [a], release: {{argv: [b]{until}}}}}");
    let steps = format!(
        "  - id: g\n    steps:\n      - {}\n      - {{id: in, argv: [a]}}\n  - {}\n  - id: h\n    steps: [{{id: m, argv: [a]}}]\n  - {{id: l, argv: [a]}}\n",
        taker("").replace("take", "have"),
        taker(", until: [h]")
    );
    let plan = plan(&steps);
    let ids = |steps: &[usize]| steps.iter().map(|&at| plan.steps[at].id.as_str()).collect::<Vec<_>>().join(" ");
    let released: Vec<(String, String)> = plan
        .steps
        .iter()
        .filter_map(|step| step.release.as_ref())
        .map(|release| (ids(&release.until), ids(&release.hold)))
        .collect();
    assert_eq!(released, [(String::new(), "g/in".into()), ("h h/m".into(), "h h/m".into())]);
}

#[test]
fn what_an_instance_takes_is_held_until_the_end_of_the_block_around_the_repetition() {
    let steps = "
  - {id: close, for_each: {in: inputs.zones}, argv: [close, '${{ item }}'], release: {argv: [open, '${{ item }}']}}
  - {id: last, argv: [a]}
";
    let plan = plan(steps);
    let release = plan.steps[1].release.as_ref().expect("a release");
    assert_eq!((release.until.as_slice(), release.hold.as_slice()), (&[][..], &[3][..]));
    assert_eq!(block_of(&plan.steps, 1), None);
}

#[test]
fn an_instance_for_each_item() {
    let steps = "
  - id: copy
    for_each: {in: inputs.zones, as: zone}
    when: inputs.zones
    argv: [copy, '${{ zone }}', '${{ zone }}-${{ run.id }}', '${{ zone + run.id }}']
    outputs: {size: {from: stdout}}
    verify: {argv: [test, '${{ steps.copy.outputs.size }}']}
  - {id: last, argv: [a, '${{ steps.copy.outputs.size }}']}
";
    let plan = plan(&steps.replace("    when: inputs.zones\n", ""));
    assert_eq!(order(&plan.steps), "copy: ; copy[a]: copy; copy[b]: copy; last: copy copy[a] copy[b]");
    assert_eq!(words(&plan.steps[1]), "copy a a-${{ run.id }} ${{ (\"a\") + run.id }}");
    let named = |name, own| plan.named(name, own).map(|at| plan.steps[at].id.as_str());
    assert_eq!((named("copy", 1), named("copy", 3)), (Some("copy[a]"), Some("copy")));
    let Deed::Group(group) = &plan.steps[0].deed else { panic!("a repetition is a group") };
    assert!(matches!(&group.each.as_ref().expect("a repetition").items, Items::Known(keys) if keys == &["a", "b"]));
}

#[test]
fn groups_are_repeated_with_their_members() {
    let steps = "
  - id: move
    for_each: {in: [{name: x/y, size: 1}, {name: z, size: 2}], key: item.name, tolerate: 50%}
    guards: [{id: free, argv: [free, '${{ item.size }}']}]
    steps:
      - {id: take, argv: [a, '${{ item.name }}'], outputs: {o: {from: stdout}}}
      - {id: put, argv: [a, '${{ steps.take.outputs.o }}', '${{ item.size + 1 }}']}
    outputs: {o: '${{ steps.take.outputs.o }}'}
";
    let plan = plan(steps);
    let expected = "move: ; move[x%2Fy]: move; move[x%2Fy]/take: move[x%2Fy]; move[x%2Fy]/put: move[x%2Fy]/take; \
                    move[z]: move; move[z]/take: move[z]; move[z]/put: move[z]/take";
    assert_eq!(order(&plan.steps), expected);
    assert_eq!(words(&plan.steps[6]), "a ${{ steps.take.outputs.o }} 3");
    let put = plan.named("take", 6).map(|at| plan.steps[at].id.as_str());
    assert_eq!(put, Some("move[z]/take"));
    assert_eq!((plan.steps[0].guards.len(), plan.steps[1].guards.len()), (0, 1));
}

#[test]
fn items_known_only_later_make_a_template() {
    let steps = "
  - {id: list, argv: [a], outputs: {zones: {from: stdout, type: list}}}
  - id: copy
    needs: []
    for_each: {in: '${{ steps.list.outputs.zones }}', as: zone, max_items: 5}
    steps:
      - {id: take, argv: [a, '${{ zone.name }}', '${{ inputs.zones | length }}']}
      - {id: put, argv: [a], when: zone.full}
  - {id: last, argv: [a]}
";
    let plan = plan(steps);
    assert_eq!(order(&plan.steps), "list: ; copy: list; last: copy");
    let Deed::Group(group) = &plan.steps[1].deed else { panic!("a repetition is a group") };
    let Items::Deferred { template, max_items, .. } = &group.each.as_ref().expect("a repetition").items else {
        panic!("the items are known later")
    };
    assert_eq!((order(template).as_str(), *max_items), (": ; take: ; put: take", 5));
    assert_eq!(words(&template[1]), "a ${{ zone.name }} 2");
    assert!(matches!(template[2].when, Some(Condition::Deferred { .. })));
    let item = [("name", Value::from("a b")), ("full", Value::Bool(false))];
    let item = Value::Map(item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let made = plan.expanded(1, &[Item { key: "a b".into(), value: item.clone() }]);
    assert_eq!(
        order(&made.steps),
        "list: ; copy: list; last: copy copy[a%20b]/put; copy[a%20b]: copy; copy[a%20b]/take: copy[a%20b]; \
         copy[a%20b]/put: copy[a%20b]/take"
    );
    let made = &made.steps[3..];
    let ids: Vec<(&str, Option<usize>, &[usize])> =
        made.iter().map(|step| (step.id.as_str(), step.group, step.needs.as_slice())).collect();
    let expected: [(&str, Option<usize>, &[usize]); 3] =
        [("copy[a%20b]", Some(1), &[1]), ("copy[a%20b]/take", Some(3), &[3]), ("copy[a%20b]/put", Some(3), &[4])];
    assert_eq!(ids, expected);
    assert_eq!(made[0].item, Some(("zone".to_owned(), item)));
    assert_eq!(words(&made[1]), "a ${{ zone.name }} 2");
}

#[test]
fn items_that_cannot_be_repeated_over_are_refused() {
    let over = |keys: &str| fault(&format!("  - {{id: c, for_each: {{{keys}}}, argv: [a, '${{{{ item }}}}']}}\n"));
    assert_eq!(over("in: [a, b, a]"), "FD0507 items 1 and 3 have the same key `a`");
    assert_eq!(over("in: [[a]]"), "FD0507 the key of an item must be a text, a number or a boolean, but is a list");
    assert_eq!(over("in: inputs.zones, max_items: 1"), "FD0507 2 items, more than the 1 of `max_items`");
    assert_eq!(over("in: inputs.zones | length"), "FD0507 this must be a list, but is an integer");
    assert_eq!(over("in: [a], tolerate: 101%"), "FD0103 `tolerate` must be a number, or at most `100%`, but is a text");
    assert_eq!(
        over("in: [a], as: steps"),
        "FD0107 `steps` means something else in expressions; FD0204 `item` is the item of a `for_each`, and there is none around this"
    );
    let twice = "  - id: g\n    for_each: {in: [a]}\n    steps:\n      - {id: c, for_each: {in: [b]}, argv: [a]}\n";
    assert_eq!(fault(twice), "FD0112 a repetition inside of another one needs a name for its items");
    let early = "  - {id: c, when: item, for_each: {in: [a]}, argv: [a]}\n";
    assert_eq!(fault(early), "FD0204 `item` is the item of a `for_each`, and there is none around this");
}

#[test]
fn no_items_make_a_group_without_members() {
    let plan = plan("  - {id: c, for_each: {in: []}, argv: [a]}\n  - {id: l, argv: [a]}\n");
    assert_eq!(order(&plan.steps), "c: ; l: c");
}

#[test]
fn locks_are_known_before_the_run_and_a_group_takes_those_inside() {
    let plan = plan(
        "
  - id: box
    locks: [x]
    steps:
      - {id: one, locks: [y], argv: [a]}
      - {id: two, needs: [one], argv: [a]}
  - {id: each, for_each: {in: '${{ inputs.zones }}', as: zone}, locks: ['zone/${{ zone }}', x], argv: [a]}
  - {id: last, argv: [a]}",
    );
    let at = |id: &str| plan.step_index(id).expect("a step");
    assert_eq!(plan.steps[at("each[b]")].locks, ["x", "zone/b"]);
    assert_eq!(plan.steps[at("each")].locks, [""; 0]);
    assert_eq!(plan.locks_of(at("box")).into_iter().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(plan.step_locks().into_iter().collect::<Vec<_>>(), ["x", "y", "zone/a", "zone/b"]);
    let exclusions = plan.exclusions();
    assert_eq!(exclusions[at("box/two")], [at("each[a]"), at("each[b]")]);
    assert_eq!(exclusions[at("each[a]")], [at("box"), at("box/one"), at("box/two"), at("each[b]")]);
    assert_eq!(exclusions[at("last")], [0; 0]);
}

#[test]
fn the_name_of_a_lock_is_known_before_the_run() {
    let late = fault(
        "
  - {id: look, argv: [a], read_only: true, outputs: {zones: {from: stdout, jq: ., type: list}}}
  - {id: each, for_each: {in: '${{ steps.look.outputs.zones }}', as: zone}, locks: ['zone/${{ zone }}'], argv: [a]}",
    );
    assert!(late.contains("is known only while the run goes on, and the name of a lock before"), "{late}");
    let step = fault("\n  - {id: a, argv: [a]}\n  - {id: b, locks: ['${{ steps.a.outcome }}'], argv: [a]}");
    assert!(step.contains("step `a` cannot be read here"), "{step}");
}

#[test]
fn a_condition_is_known_as_soon_as_one_part_says_it() {
    let known = |when: &str| {
        let steps = format!(
            "  - {{id: look, argv: [a], read_only: true, outputs: {{o: {{from: stdout}}}}}}\n  - {{id: b, argv: [a], when: \"{when}\"}}\n"
        );
        let head = "inputs: {route: {type: string, default: here}, list: {type: list, default: []}}";
        match plan_of(head, &steps).expect("a sound playbook").steps[1].when {
            Some(Condition::Known(known)) => Some(known),
            _ => None,
        }
    };
    let there = "inputs.route == 'there'";
    let found = "steps.look.outputs.o != ''";
    assert_eq!(known(&format!("{there} and {found}")), Some(false));
    assert_eq!(known(&format!("{found} and {there}")), Some(false));
    assert_eq!(known(&format!("{found} or not {there}")), Some(true));
    assert_eq!(known(&format!("{there} and {found} or {there}")), Some(false));
    assert_eq!(known(&format!("{there} and {found} or {found}")), None);
    assert_eq!(known(&format!("{there} or {found}")), None);
    assert_eq!(known(&format!("not {there} and {found}")), None);
    assert_eq!(known(&format!("not ({there} and {found})")), None, "only the outermost level is looked at");
    assert_eq!(known(&format!("{there} if {found} else {there}")), None);
    assert_eq!(known(&format!("{found} and inputs.list")), None, "what is neither true nor false is a fault later");
}
