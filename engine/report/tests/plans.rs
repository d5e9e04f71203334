//! What an operator and a machine read of a plan.

use std::collections::BTreeMap;

use firedrill_model::check::{self, Library};
use firedrill_model::plan::{Origin, Plan};
use firedrill_model::resolve::{Facts, Given, GivenValue, resolve};
use firedrill_model::source::Source;
use firedrill_report::{Colour, harmless, plan_json, plan_schema, plan_text};

fn rich() -> Plan {
    let source = Source::new("rich.yaml", include_str!("plans/rich.yaml"));
    let (checked, diagnostics) = check::load(&source, Some("rich"));
    let checked = checked.unwrap_or_else(|| panic!("{diagnostics:#?}"));
    let given = |text: &str, origin| Given { value: GivenValue::Text(text.into()), origin };
    let given = BTreeMap::from([
        ("deployment".to_owned(), given("cf-0123456789abcdef0123", Origin::Flag)),
        ("limit".to_owned(), given("2h", Origin::File("prod.yaml".into()))),
    ]);
    resolve(&source, &checked, &given, Facts::default()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn grouped() -> Plan {
    let source = Source::new("grouped.yaml", include_str!("plans/grouped.yaml"));
    let mut library = Library::default();
    library.add("part.yaml".to_owned(), Ok(Source::new("part.yaml", include_str!("plans/part.yaml"))));
    let (checked, diagnostics) = check::load_with(&source, Some("grouped"), &library);
    let checked = checked.unwrap_or_else(|| panic!("{diagnostics:#?}"));
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn groups_are_blocks() {
    insta::assert_snapshot!(plan_text(&grouped(), None, 100, Colour::Never));
}

#[test]
fn text_on_a_wide_terminal() {
    insta::assert_snapshot!(plan_text(&rich(), None, 120, Colour::Never));
}

#[test]
fn text_on_a_narrow_terminal() {
    insta::assert_snapshot!(plan_text(&rich(), None, 60, Colour::Never));
}

#[test]
fn a_hold_says_where_it_waits_for_people() {
    let steps = "
  - {id: close, argv: [a], idempotent: true, rollback: none, release: {argv: [b], until: [move]}}
  - {id: ask, approve: {prompt: Now?}}
  - {id: copy, argv: [c], idempotent: true, on_failure: ask}
  - {id: move, argv: [d], cleanup: {manual: {instructions: Look.}}}
  - {id: tell, argv: [e], on_failure: ask}";
    let source = Source::new("x.yaml", format!("firedrill: 1\nplaybook: x\nsteps:{steps}\n"));
    let (playbook, found) = check::load_with(&source, None, &Library::default());
    let playbook = playbook.unwrap_or_else(|| panic!("{found:?}"));
    let plan = resolve(&source, &playbook, &BTreeMap::new(), Facts::default()).expect("no faults");
    let text = plan_text(&plan, None, 400, Colour::Never);
    let hold = "close: from its start to the end of move, 3 steps inside: ask, copy, move; it waits for people at ask; if one of \
                copy, move fails, it waits for people\n";
    assert!(text.contains(hold), "{text}");
}

#[test]
fn colours_change_no_text() {
    let coloured = plan_text(&rich(), None, 100, Colour::Always);
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(harmless(&coloured), plan_text(&rich(), None, 100, Colour::Never));
}

#[test]
fn commands_can_be_pasted() {
    let text = plan_text(&rich(), None, 200, Colour::Never);
    assert!(text.contains(r"$ bbr deployment -d cf-0123456789abcdef0123 backup --artifact-path /var/backups/cf-0123456789abcdef0123 'a b' 'it'\''s'"), "{text}");
}

#[test]
fn json() {
    insta::assert_snapshot!(plan_json(&rich(), None));
}

#[test]
fn json_is_as_its_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(&plan_schema()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for plan in [rich(), grouped()] {
        let document = serde_json::from_str(&plan_json(&plan, None)).expect("a plan is JSON");
        let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}
