use super::*;

fn read_all(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let node = read(&Source::new("x", text), &mut diagnostics);
    (node, diagnostics)
}

fn faults(text: &str) -> Vec<String> {
    let source = Source::new("x", text);
    let place = |diagnostic: &Diagnostic| source.line_column(diagnostic.span.start);
    let show = |diagnostic: &Diagnostic| format!("{} {}:{}", diagnostic.code, place(diagnostic).0, place(diagnostic).1);
    read_all(text).1.iter().map(show).collect()
}

fn show(node: &Node, source: &str) -> String {
    let written = &source[node.span.range()];
    match &node.kind {
        Kind::Scalar(scalar) => format!("{:?}={written:?}", scalar.text),
        Kind::List(items) => format!(
            "[{}]",
            items
                .iter()
                .map(|item| show(item, source))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Kind::Map(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", entry.key.value, show(&entry.value, source));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn every_value_knows_its_place() {
    let text = "a: &x {b: no}\nc: *x\nd: |\n  one\n  two\nf: \"x\\n\"\n한: [글, 1]\n";
    let (node, faults) = read_all(text);
    assert_eq!(faults, []);
    let shown = show(&node.expect("a document"), text);
    let expected = r#"{a: {b: "no"="no"}, c: {b: "no"="no"}, d: "one\ntwo\n"="one\n  two\n", f: "x\n"="\"x\\n\"", 한: ["글"="글", "1"="1"]}"#;
    assert_eq!(shown, expected);
}

#[test]
fn what_playbooks_do_without_is_refused_by_name() {
    assert_eq!(faults("a: 1\na: 2\nb: {c: 1, c: 2}"), ["FD0005 2:1", "FD0005 3:11"]);
    assert_eq!(faults("a: !!str 5"), ["FD0009 1:4"]);
    assert_eq!(faults("a: &x {b: 1}\nc:\n  <<: *x"), ["FD0010 3:3"]);
    assert_eq!(faults("a: 1\n---\nb: 1"), ["FD0011 2:1"]);
    assert_eq!(faults("# nothing"), ["FD0012 1:1"]);
    assert_eq!(faults(""), ["FD0012 1:1"]);
    assert_eq!(faults("a: *x\nb: *y"), ["FD0013 1:4", "FD0013 2:4"]);
    assert_eq!(faults("a: &x [*x]"), ["FD0013 1:8"]);
    assert_eq!(faults("[a, b]: 1"), ["FD0014 1:1"]);
}

#[test]
fn unquoted_templates_are_all_found() {
    let text = "a: [bosh, -d, ${{ x }}, 'b']\nb: {c: pre/${{ y | default([1]) }}/post}\nd: 1\nd: 2";
    assert_eq!(faults(text), ["FD0006 1:15", "FD0006 2:8", "FD0005 4:1"]);
    let help = read_all(text).1[0].help.clone();
    assert_eq!(
        help.as_deref(),
        Some("the braces of `${{ }}` are YAML's here; write \"${{ x }}\"")
    );
}

#[test]
fn text_that_is_not_yaml() {
    assert_eq!(faults("a:\n\tb: 1"), ["FD0004 2:2"]);
    assert_eq!(faults("a: b: c"), ["FD0004 1:5"]);
    assert_eq!(faults("a: [1, 2"), ["FD0004 1:4"]);
    assert_eq!(faults("a: \"x"), ["FD0004 1:4"]);
    assert_eq!(faults("a: @x"), ["FD0004 1:4"]);
}

#[test]
fn carriage_returns_are_line_ends() {
    let (node, faults) = read_all("a: 1\r\nb: |\r\n  x\r\n  y\r\n");
    assert_eq!(faults, []);
    let Kind::Map(entries) = node.expect("a document").kind else {
        panic!("no map")
    };
    let Kind::Scalar(scalar) = &entries[1].value.kind else {
        panic!("no scalar")
    };
    assert_eq!(scalar.text, "x\ny\n");
}

#[test]
fn depth_is_bounded_with_and_without_aliases() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(faults(&nested(MAX_DEPTH)), Vec::<String>::new());
    assert_eq!(faults(&nested(MAX_DEPTH + 1)), ["FD0007 1:65"]);
    assert_eq!(faults(&"[".repeat(1 << 20)), ["FD0007 1:65"]);
    assert_eq!(faults(&"- ".repeat(1 << 19)), ["FD0007 1:129"]);
    let deep = format!("a: &a {}\nb: {}*a{}", nested(40), "[".repeat(30), "]".repeat(30));
    assert_eq!(faults(&deep), ["FD0007 2:34"]);
}

#[test]
fn an_alias_bomb_is_refused_before_it_grows() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb = format!("{bomb}a{level}: &a{level} [{below}]\n");
    }
    let found = faults(&bomb);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("FD0008 "), "{found:?}");
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(400_000), "*a, ".repeat(10_000));
    assert_eq!(faults(&long), ["FD0008 2:9"]);
}

#[test]
fn nested_anchors_cost_no_more_than_aliases() {
    let anchors = (0..60)
        .map(|level| format!("&a{level} ["))
        .collect::<Vec<String>>()
        .concat();
    assert_eq!(
        faults(&format!("{anchors}{}{}", "x, ".repeat(100_000), "]".repeat(60))),
        ["FD0008 1:326"]
    );
}

#[test]
fn a_line_of_ten_megabytes_is_read() {
    let (node, faults) = read_all(&format!("a: {}", "x".repeat(10 << 20)));
    assert_eq!(faults, []);
    assert_eq!(node.expect("a document").span.end, (10 << 20) + 3);
}
