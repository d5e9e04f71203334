use firedrill_model::check;

use super::*;

fn shown(text: &str) -> String {
    let source = Source::new("playbooks/x.yaml", text);
    let (_, diagnostics) = check::load(&source, Some("x"));
    render(&source, &diagnostics, Colour::Never)
}

const HEAD: &str = "firedrill: 1\nplaybook: x\nsteps:\n";

#[test]
fn carets_stand_under_korean_text() {
    let text = format!("{HEAD}  - {{id: a, title: 백업, 나중에: true, argv: [echo]}}\n");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn near_places_share_an_excerpt() {
    let text = format!("{HEAD}  - {{id: a, argv: [echo]}}\n  - {{id: b, argv: [echo]}}\n  - {{id: a, argv: [echo]}}\n");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn far_places_have_their_own_excerpts() {
    let between = (0..100)
        .map(|n| format!("  - {{id: s{n}, argv: [echo]}}\n"))
        .collect::<Vec<String>>()
        .concat();
    let text = format!("{HEAD}  - {{id: a, argv: [echo]}}\n{between}  - {{id: a, argv: [echo]}}\n");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn long_lines_are_cut_around_the_fault() {
    let argument = "x".repeat(10 << 20);
    let text = format!("{HEAD}  - {{id: a, argv: [echo, {argument}], tiemout: 1s, env: {{A: {argument}}}}}\n");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn nothing_acts_on_the_terminal() {
    let text = format!("{HEAD}  - {{id: a, argv: [echo], \"\\e[31mred\": 1}}\n");
    let shown = shown(&text);
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn faults_are_counted() {
    let faults = (0..150)
        .map(|n| format!("  - {{id: s{n}, argv: [echo], x{n}: 1}}\n"))
        .collect::<Vec<String>>()
        .concat();
    let shown = shown(&format!("{HEAD}{faults}"));
    assert!(
        shown.ends_with("\n150 errors in playbooks/x.yaml, 50 of them not shown\n"),
        "{shown}"
    );
    assert_eq!(super::count(&Source::new("x", ""), &[]), "");
}

#[test]
fn broken_playbooks() {
    insta::glob!("../../../../tests/fixtures/broken", "*.yaml", |path| {
        let stem = path.file_stem().expect("a name").to_string_lossy();
        let source = Source::new(format!("playbooks/{stem}.yaml"), read(path));
        let (_, diagnostics) = check::load(&source, Some(&stem));
        insta::assert_snapshot!(render(&source, &diagnostics, Colour::Never));
    });
}

#[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).expect("a text")
}

#[test]
fn machines_read_json() {
    let text = format!("{HEAD}  - {{id: a, 나: 1, neds: [], argv: [echo]}}\n");
    let source = Source::new("playbooks/x.yaml", text);
    let (_, diagnostics) = check::load(&source, Some("x"));
    insta::assert_snapshot!(to_json(&source, &diagnostics));
}
