//! What each step needs, by what is written, by its place, and by what it reads.

use std::fmt::Write;

use firedrill_model::check;
use firedrill_model::source::Source;

/// Checks steps written `id`, `id: needed ids` or `id < read id`, and shows what each needs.
fn check(steps: &str, expected: &str) {
    let mut text = "firedrill: 1\nplaybook: x\nsteps:\n".to_owned();
    for step in steps.split(", ") {
        let (step, read) = step
            .split_once(" < ")
            .map_or((step, None), |(step, read)| (step, Some(read)));
        let (id, needs) = step
            .split_once(':')
            .map_or((step, None), |(id, needs)| (id, Some(needs)));
        let needs = needs.map_or_else(String::new, |needs| {
            format!(", needs: [{}]", needs.trim().replace(' ', ", "))
        });
        let word = read.map_or_else(
            || "x".to_owned(),
            |read| format!("\"${{{{ steps.{read}.exit_code }}}}\""),
        );
        writeln!(text, "  - {{id: {id}{needs}, argv: [echo, {word}]}}").expect("a text takes everything");
    }
    let source = Source::new("x", text);
    let (playbook, diagnostics) = check::load(&source, None);
    assert_eq!(diagnostics, [], "{steps}");
    let playbook = playbook.expect("no faults");
    let id = |step: &usize| playbook.steps[*step].id.value.as_str();
    let shown = check::needs(&playbook)
        .iter()
        .map(|needs| needs.iter().map(id).collect::<Vec<_>>().join(" "));
    assert_eq!(shown.collect::<Vec<_>>().join(", "), expected, "{steps}");
}

#[test]
fn a_playbook_reads_from_top_to_bottom() {
    check("a, b, c", ", a, b");
}

#[test]
fn what_has_no_needs_needs_all_that_nothing_needs_yet() {
    check("a, b:, c", ", , a b");
    check("a, b: a, c: a, d", ", a, a, b c");
    check("a, b:, c: a, d", ", , a, b c");
    check("a:, b:, c, d", ", , a b, c");
}

#[test]
fn what_is_read_is_needed() {
    check("a, b: < a, c", ", a, b");
    check("a, b:, c: b < a", ", , a b");
    check("a: < b, b:", "b, ");
    check("a, b, c < a", ", a, a b");
}

#[test]
fn needs_may_name_steps_below() {
    check("a: b, b:, c", "b, , a");
}
