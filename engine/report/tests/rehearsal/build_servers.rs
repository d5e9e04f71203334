//! What build servers and other machines read.

use std::time::Duration;

use firedrill_report::rehearsal::{
    Finding, Mutant, annotations, junit, rehearsed_json, rehearsed_schema, swept_json, swept_schema,
};

use crate::rehearsed::{rehearsal, swept};

fn sweep() -> firedrill_report::rehearsal::Swept {
    swept(
        "lock ^ !none\nbackup lock x2 idem !none",
        "backup:exit / backup.attempt.1.1 1
         backup:late_failure / backup.attempt.1.1 1, backup.attempt.2.1 1
         lock.release:exit#1x3 / lock.release.1.1 1, lock.release.1.2 1, lock.release.1.3 1",
    )
}

#[test]
fn junit_for_people() {
    insta::assert_snapshot!(junit(&[rehearsal()], &[sweep()]));
}

#[test]
fn nothing_leaves_its_place_in_the_document() {
    let mut rehearsal = rehearsal();
    let nasty: String = (0..0x100).chain([0xfffe, 0xffff, 0x1_f600]).filter_map(char::from_u32).collect();
    rehearsal.scenarios[0].name = nasty.clone();
    rehearsal.scenarios[0].findings = vec![Finding { text: nasty.clone() + "]]>", line: Some(1) }];
    let document = junit(std::slice::from_ref(&rehearsal), &[]);
    let is_valid = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(document.chars().all(is_valid));
    assert_eq!(document.matches("<testcase").count(), 3);
    assert_eq!(document.matches('<').count(), document.matches('>').count());
    assert_eq!(document.matches('"').count() % 2, 0);
    let lines = annotations(&[rehearsal], &[]);
    assert_eq!(lines.lines().count(), 4, "{lines}");
}

#[test]
fn annotations_stand_at_lines_of_the_playbook() {
    insta::assert_snapshot!(annotations(&[rehearsal()], &[sweep()]));
}

#[test]
fn documents_are_as_their_schemas_say() {
    let real = Duration::from_millis(4_100);
    let mutants = [Mutant { what: "without the cleanup of `backup`".into(), line: Some(5), killed_by: None }];
    for (document, schema) in [
        (rehearsed_json(&[rehearsal()], real), rehearsed_schema()),
        (swept_json(&sweep(), Some(&mutants)), swept_schema()),
    ] {
        let schema: serde_json::Value = serde_json::from_str(&schema).expect("a schema is JSON");
        let document = serde_json::from_str(&document).expect("a document is JSON");
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}

#[test]
fn json_of_a_rehearsal() {
    insta::assert_snapshot!(rehearsed_json(&[rehearsal()], Duration::from_millis(4_100)));
}

#[test]
fn a_mutant_that_nothing_kills_is_not_green() {
    let good = swept("a !none", "a:exit / a.attempt.1.1 1");
    let is_green = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["is_green"].clone();
    let mutants = [Mutant { what: "without the cleanup of `backup`".into(), line: Some(5), killed_by: None }];
    assert_eq!(is_green(&swept_json(&good, None)), true);
    assert_eq!(is_green(&swept_json(&good, Some(&mutants))), false);
}
