//! Texts that nobody writes by mistake: whatever they hold, the answer is a playbook or diagnostics, soon.

use firedrill_model::check;
use firedrill_model::decode::MAX_DIAGNOSTICS;
use firedrill_model::source::Source;
use proptest::prelude::*;

const PLAYBOOK: &str = include_str!("valid.yaml");

fn codes(text: impl Into<String>) -> Vec<&'static str> {
    let source = Source::new("x", text);
    let (checked, diagnostics) = check::load(&source, None);
    assert!(
        checked.is_some() || !diagnostics.is_empty(),
        "neither a playbook nor a fault"
    );
    for diagnostic in &diagnostics {
        assert!(
            diagnostic.span.range().end <= source.text.len(),
            "{diagnostic:?} lies outside"
        );
    }
    diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

fn with_step(step: &str) -> String {
    format!("firedrill: 1\nplaybook: x\nsteps:\n  - {step}\n")
}

#[test]
fn the_valid_playbook_is_valid() {
    assert_eq!(codes(PLAYBOOK), [""; 0]);
}

#[test]
fn ten_megabytes_on_one_line() {
    let long = "x".repeat(10 << 20);
    assert_eq!(codes(with_step(&format!("{{id: one, argv: [echo, {long}]}}"))), [""; 0]);
    assert_eq!(
        codes(with_step(&format!("{{id: one, argv: [echo], {long}: 1}}"))),
        ["FD0004"]
    );
    assert_eq!(codes(with_step(&format!("{{id: {long}, argv: [echo]}}"))), [""; 0]);
    let templates = "${{ inputs.x }}, ".repeat(500);
    assert_eq!(
        codes(with_step(&format!("{{id: one, run: 'echo {templates}'}}"))),
        ["FD0304"; 500]
    );
}

#[test]
fn a_million_faults_are_not_all_kept() {
    assert_eq!(
        codes(with_step(&format!("{{id: one, argv: [{}]}}", "1.5, ".repeat(5_000)))).len(),
        MAX_DIAGNOSTICS
    );
    let steps = (0..2_000)
        .map(|n| format!("  - {{id: s{n}, needs: [nowhere_{n}], argv: [echo]}}\n"))
        .collect::<Vec<String>>()
        .concat();
    assert_eq!(
        codes(format!("firedrill: 1\nplaybook: x\nsteps:\n{steps}")).len(),
        MAX_DIAGNOSTICS
    );
    let keys = (0..5_000)
        .map(|n| format!("k{n}: 1\n"))
        .collect::<Vec<String>>()
        .concat();
    assert_eq!(codes(keys).len(), MAX_DIAGNOSTICS);
}

#[test]
fn aliases_cannot_grow_without_bound() {
    let mut bomb = "firedrill: 1\nplaybook: x\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb = format!("{bomb}  a{level}: &a{level} [{below}]\n");
    }
    assert_eq!(codes(bomb), ["FD0008"]);
    let nested = (0..60)
        .map(|level| format!("&n{level} ["))
        .collect::<Vec<String>>()
        .concat();
    assert_eq!(
        codes(format!("vars: {nested}{}{}", "x, ".repeat(50_000), "]".repeat(60))),
        ["FD0008"]
    );
}

#[test]
fn nesting_cannot_exhaust_the_stack() {
    for open in ["[", "{a: ", "- ", "? ", "(", "${{ ", "$(", "\"${{ [[["] {
        codes(open.repeat(200_000));
        codes(with_step(&format!("{{id: one, run: '{}'}}", open.repeat(500))));
    }
    for open in ["(", "[", "{a: ", "not ", "1+", "1 if ", "1|", "-"] {
        for levels in [31, 32, 127, 128, 199, 200] {
            let deep = open.repeat(levels);
            codes(with_step(&format!("{{id: one, argv: [echo], when: \"{deep}1\"}}")));
            codes(with_step(&format!(
                "{{id: one, argv: [echo], expect: {{jq: \"{deep}1\"}}}}"
            )));
        }
    }
    for open in ["(", "[", "{a: ", "not ", "-", "a.", "a[", "x if ", "'", "1+"] {
        let deep = open.repeat(50_000);
        codes(with_step(&format!("{{id: one, argv: [echo], when: \"{deep}1\"}}")));
        codes(with_step(&format!("{{id: one, argv: [\"${{{{ {deep} }}}}\"]}}")));
        codes(with_step(&format!(
            "{{id: one, argv: [echo], expect: {{jq: \"{deep}1\"}}}}"
        )));
        codes(with_step(&format!(
            "{{id: one, argv: [echo], expect: {{stdout: \"{deep}1\"}}}}"
        )));
    }
}

#[test]
fn long_circles_are_found() {
    let step = |n: usize| format!("  - {{id: s{n}, needs: [s{}], argv: [echo]}}\n", (n + 4_999) % 5_000);
    let steps = (0..5_000).map(step).collect::<Vec<String>>().concat();
    assert_eq!(codes(format!("firedrill: 1\nplaybook: x\nsteps:\n{steps}")), ["FD0303"]);
    let vars = (0..5_000)
        .map(|n| format!("  v{n}: \"${{{{ vars.v{} }}}}\"\n", (n + 1) % 5_000))
        .collect::<Vec<String>>()
        .concat();
    let text = format!("firedrill: 1\nplaybook: x\nvars:\n{vars}steps: [{{id: one, argv: [echo]}}]\n");
    assert_eq!(codes(text), ["FD0309"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(source) = Source::from_bytes("x", bytes) {
            check::load(&source, Some("x"));
        }
    }

    #[test]
    fn any_text(text in "[a-z${}\\[\\]:,'\"|>&*!#%@?\\- \n]{0,200}") {
        codes(text + "\nx");
    }

    /// Parts of a valid playbook are cut out, repeated, and put where they do not belong.
    #[test]
    fn mutated_playbooks(cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..40, any::<bool>()), 1..6)) {
        let mut text: Vec<char> = PLAYBOOK.chars().collect();
        for (from, to, length, is_cut) in cuts {
            let from = from.index(text.len());
            let part: Vec<char> = text.iter().skip(from).take(length).copied().collect();
            if is_cut {
                text.drain(from..from + part.len());
            }
            let to = to.index(text.len().max(1)).min(text.len());
            text.splice(to..to, part);
        }
        codes(text.into_iter().collect::<String>());
    }
}
