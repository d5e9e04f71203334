//! Templates and expressions: what they mean, what they need, what is wrong with them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use firedrill_model::expression::{AttemptField, Expression, Reference, RunField, Scope};
use firedrill_model::shell::ShellKind;
use firedrill_model::template::{FaultCode, Template};
use firedrill_model::value::{Float, Type, Value};
use proptest::prelude::*;

fn scope() -> Scope {
    let map = BTreeMap::from([("key".to_owned(), Value::from("in map"))]);
    Scope::new()
        .with_inputs([
            ("name".to_owned(), Value::from("cf-1")),
            ("flag".to_owned(), Value::Bool(true)),
            ("count".to_owned(), Value::Int(3)),
            ("ratio".to_owned(), Value::Float(Float::new(1.0).unwrap())),
            ("nodes".to_owned(), Value::from(vec!["a b", "c'd"])),
            ("map".to_owned(), Value::Map(map)),
            ("nothing".to_owned(), Value::None),
        ])
        .with_vars([("dir".to_owned(), Value::from("/x"))])
        .with_step_output("backup", "artifact", Value::from("/x/y"))
        .with_step_outcome("backup", "succeeded")
        .with_step_exit_code("backup", 8)
        .with_run(RunField::Id, Value::from("r1"))
        .with_attempt(AttemptField::Stderr, Value::from("bbr-backup already exists"))
}

fn eval(source: &str) -> String {
    match Expression::parse(source) {
        Ok(expression) => expression.eval(&scope()).map_or_else(|error| error.to_string(), |value| value.to_json()),
        Err(fault) => format!("{:?}: {} ({})", fault.code, fault.message, fault.help.unwrap_or_default()),
    }
}

#[test]
fn expressions_yield_values() {
    let cases = [
        ("inputs.name", r#""cf-1""#),
        (" inputs . name ", r#""cf-1""#),
        ("inputs.flag", "true"),
        ("inputs.count + 1", "4"),
        ("inputs.ratio", "1.0"),
        ("7 // 2", "3"),
        ("inputs.nodes", r#"["a b","c'd"]"#),
        ("inputs.nodes[1:]", r#"["c'd"]"#),
        ("inputs.map.key", r#""in map""#),
        ("inputs.map", r#"{"key":"in map"}"#),
        ("inputs.map['key'] + '!'", r#""in map!""#),
        ("inputs.nothing", "null"),
        ("inputs.nothing | default('x', true)", r#""x""#),
        ("inputs.map.absent | default('x')", r#""x""#),
        ("['--with-manifest'] if inputs.flag else []", r#"["--with-manifest"]"#),
        ("vars.dir + '/' + steps.backup.outputs.artifact", r#""/x//x/y""#),
        ("steps.backup.outcome == 'succeeded' and steps.backup.exit_code in [8, 16]", "true"),
        ("'already' in stderr", "true"),
        ("run.id is not none", "true"),
        ("inputs.name is startingwith('cf-')", "true"),
        ("inputs.nodes | join(',')", r#""a b,c'd""#),
        ("[true, 1.0, 2] | join(' ')", r#""true 1.0 2""#),
        ("inputs.nodes | quote", r#""'a b' 'c'\\''d'""#),
        ("inputs.flag | string", r#""true""#),
        ("'<&>' | tojson", r#""\"<&>\"""#),
        ("inputs.name | upper | replace('-', '_')", r#""CF_1""#),
        ("{'a': {'b': [none, 1]}}", r#"{"a":{"b":[null,1]}}"#),
        ("'}}' + '${{'", r#""}}${{""#),
        (r"'\u00e9\'\n'", "\"é'\\n\""),
        ("'{{ inputs.name }}'", r#""{{ inputs.name }}""#),
    ];
    for (source, expected) in cases {
        assert_eq!(eval(source), expected, "{source}");
    }
}

#[test]
fn faults_say_what_to_write_instead() {
    let cases = [
        ("inputs", "IncompleteName: `inputs` must be written out in full (write `inputs.NAME`"),
        ("steps[inputs.name]", "IncompleteName: `steps` must be"),
        ("steps.backup.outputs['artifact']", "IncompleteName: `steps.backup.outputs` must be"),
        ("steps.backup", "IncompleteName: `steps.backup` must be"),
        ("input.name", "UnknownName: unknown name `input` (did you mean `inputs`?)"),
        ("foundation", "UnknownName: unknown name `foundation` (inputs are `inputs.foundation`"),
        ("steps.backup.output.x", "UnknownName: `steps.backup` has no `output` (did you mean `steps.backup.outputs`?)"),
        ("run.started", "UnknownName: `run` has no `started` (did you mean `run.started_at`?)"),
        ("item.x", "UnknownName: `item` is the item of a `for_each`, and there is none around this"),
        ("env('HOME')", "UnknownName: `env('NAME')` stands in the files of targets only"),
        ("inputs.name | uper", "UnknownFilter: unknown filter `uper` (did you mean `upper`?)"),
        ("inputs.name is startwith('a')", "UnknownFilter: unknown test `startwith` (did you mean"),
        ("inputs.name.upper()", "Call: functions and methods cannot be called"),
        ("range(9)", "UnknownName: unknown name `range`"),
        ("inputs.name ~ 'x'", "Operator: `~` is not available (join strings with `+`"),
        ("inputs.name +", "Syntax: "),
        ("", "Syntax: the expression is empty"),
        ("'a", "Syntax: a string is not closed"),
        ("inputs.name }}", "Syntax: "),
        ("inputs.absent", "`inputs.absent` is not known"),
        ("inputs.absent + 1", "`inputs.absent` is not known"),
        ("inputs.map.absent", "`inputs.map.absent` is undefined"),
        ("inputs.count + 'x'", "`inputs.count + 'x'`: "),
        ("[inputs.map.absent]", "`[inputs.map.absent]`: "),
        ("9223372036854775807 + 1", "`9223372036854775807 + 1`: the integer is beyond 64 bits"),
        ("1 / 0", "`1 / 0`: "),
    ];
    for (source, expected) in cases {
        assert!(eval(source).starts_with(expected), "{source}: {}", eval(source));
    }
}

#[test]
fn runaways_end_with_an_error() {
    for source in [
        "'x' * 99000000",
        "('x' * inputs.count) * 90000000",
        "[0] * 99999999",
        "['x' * 9000000, 'y' * 9000000]",
        "((['x'] * 90000) | join('y' * 90000)) | length",
    ] {
        let answer = eval(source);
        let reasons = ["takes too long", "larger than 16 MiB", "too large"];
        assert!(reasons.iter().any(|reason| answer.contains(reason)), "{source}: {answer:.80}");
    }
    for (open, close) in [("(", ")"), ("not ", ""), ("-", ""), ("[", "]"), ("1 + ", ""), ("'a' if true else ", "")] {
        let deep = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        assert!(eval(&deep).contains("too complex"), "{:.80}", eval(&deep));
    }
}

#[test]
fn every_name_is_found() {
    let names = |source| {
        let expression = Expression::parse(source).unwrap();
        expression.references.iter().map(Reference::to_string).collect::<Vec<_>>().join(" ")
    };
    let cases = [
        ("inputs.a if inputs.b else vars.c", "inputs.a inputs.b vars.c"),
        ("steps.s.outputs.list[inputs.i:vars.j] | join(inputs.sep)", "steps.s.outputs.list inputs.i vars.j inputs.sep"),
        ("inputs.a + inputs.a.b", "inputs.a"),
        ("{inputs.k: vars.v}", "inputs.k vars.v"),
        ("'inputs.x' + \"vars.y\"", ""),
        ("inputs.a is divisibleby(vars.n) and not inputs.is.not", "inputs.a vars.n inputs.is"),
        ("steps.s.outcome == 'failed' or steps.s.files.log in stdout", "steps.s.outcome steps.s.files.log stdout"),
        ("inputs.x|default(value=vars.y)", "inputs.x vars.y"),
        ("1.5 + 1e5 + 0x1f + inputs.n", "inputs.n"),
    ];
    for (source, expected) in cases {
        assert_eq!(names(source), expected, "{source}");
    }
}

#[test]
fn only_dollar_braces_mean_something() {
    for text in ["docker ps --format '{{.Names}}'", "${#list} {% x %} {# y #}", "$ {{ x }}", "}} ${x}", ""] {
        let template = Template::parse(text).unwrap();
        assert!(template.is_literal());
        assert_eq!(template.render(&Scope::new()), Ok(Value::from(text)));
    }
    let template = Template::parse("a ${{ '${{' }} b ${{ '}}' }}${{ {'a': {'b': 1}} }}").unwrap();
    assert_eq!(template.render(&Scope::new()), Ok(Value::from("a ${{ b }}{\"a\":{\"b\":1}}")));
}

#[test]
fn every_fault_of_a_template_is_found_at_its_place() {
    let text = "a ${{ foo }} ${{ inputs.x | bar }} ${{ inputs.y }} ${{ inputs.z";
    let faults = Template::parse(text).unwrap_err();
    let found: Vec<_> = faults.iter().map(|fault| (fault.code, &text[fault.range.clone()])).collect();
    let expected = [
        (FaultCode::UnknownName, "${{ foo }}"),
        (FaultCode::UnknownFilter, "${{ inputs.x | bar }}"),
        (FaultCode::Unclosed, "${{"),
    ];
    assert_eq!(found, expected);
    let text = "echo ${{ foo }} # ${{ inputs.x }}";
    assert_eq!(Template::parse_script(text, ShellKind::Posix).unwrap_err().len(), 2);
}

#[test]
fn a_single_expression_keeps_its_type() {
    let render = |text: &str| Template::parse(text).unwrap().render(&scope()).map_err(|error| error.to_string());
    assert_eq!(render("${{ inputs.count }}"), Ok(Value::Int(3)));
    assert_eq!(render("${{ inputs.nothing }}"), Ok(Value::None));
    assert_eq!(render(" ${{ inputs.count }}"), Ok(Value::from(" 3")));
    assert_eq!(render("x${{ inputs.nodes }}"), Ok(Value::from("x[\"a b\",\"c'd\"]")));
    assert_eq!(render("x${{ inputs.nothing }}"), Err("`inputs.nothing` is none".to_owned()));
    assert!(render("x${{ '\\u0000' }}").unwrap_err().contains("NUL"));
}

#[test]
fn what_is_known_is_folded_in() {
    let known = |reference: &Reference| matches!(reference, Reference::Input(_));
    let cases = [
        ("a ${{ inputs.name }} ${{ vars.dir }}", "a cf-1 ${{ vars.dir }}", "a 'cf-1' ${{ vars.dir }}"),
        ("${{ inputs.count }}", "${{ 3 }}", "'3'"),
        ("${{ inputs.nodes }}", "${{ [\"a b\", \"c'd\"] }}", r"'a b' 'c'\''d'"),
        ("${{ inputs.name + vars.dir }}", "${{ inputs.name + vars.dir }}", "${{ inputs.name + vars.dir }}"),
        ("\"${{ inputs.name }}\"", "\"cf-1\"", "\"cf-1\""),
        ("x${{ '${{ inputs.name }}' }}", "x${{ '${{' }} inputs.name }}", "x'${{ '${{' }} inputs.name }}'"),
    ];
    for (text, expected, expected_script) in cases {
        let template = Template::parse(text).unwrap();
        let folded = template.fold(&scope(), known).unwrap();
        assert_eq!(folded.display().to_string(), expected);
        assert_eq!(folded.render(&scope()), template.render(&scope()), "{text}");
        let template = Template::parse_script(text, ShellKind::Posix).unwrap();
        let folded = template.fold(&scope(), known).unwrap();
        assert_eq!(folded.display().to_string(), expected_script);
        assert_eq!(folded.render_script(&scope()), template.render_script(&scope()), "{text}");
    }
}

#[test]
fn types_are_strict() {
    let check = |wanted: Type, value: Value| wanted.check(&value).map_err(|mismatch| mismatch.to_string());
    let float = Value::Float(Float::new(1.1).unwrap());
    let mismatch = Type::String.check(&float).unwrap_err();
    assert!(mismatch.help.unwrap().contains("put quotes around it"));
    assert_eq!(check(Type::Number, float.clone()), Ok(float.clone()));
    assert_eq!(check(Type::Integer, float), Err("expected a value of type integer, found a number".to_owned()));
    for (wanted, good, bad) in [
        (Type::Duration, &["90s", "10m", "1h30m", "2d", "500ms"][..], &["", "10", "1h 30m", "-5m", "s", "5x"][..]),
        (Type::Size, &["64MiB", "2GB", "0B"], &["64", "MiB", "1.5GB", "1GB2MB"]),
        (Type::Timestamp, &["2026-11-22T17:00:00Z", "2026-11-22T17:00:00+09:00"], &["2026-11-22", "now"]),
        (Type::Path, &["/x", "x y"], &["", "a\0b"]),
    ] {
        for text in good {
            assert_eq!(wanted.check(&Value::from(*text)), Ok(Value::from(*text)), "{text}");
        }
        for text in bad {
            assert!(wanted.check(&Value::from(*text)).is_err(), "{text} as {wanted}");
        }
    }
    let command = Value::List(vec![Value::from("sleep"), Value::Int(5)]);
    assert_eq!(check(Type::Command, command), Ok(Value::from(vec!["sleep", "5"])));
    assert_eq!(check(Type::Command, Value::List(vec![])), Err("a command needs a program".to_owned()));
    assert_eq!(Type::Integer.read("5"), Ok(Value::Int(5)));
    assert_eq!(Type::Boolean.read("yes").unwrap_err().message, "`yes` is not a valid boolean");
    assert_eq!(Type::List.read("[1]"), Ok(Value::List(vec![Value::Int(1)])));
    assert!(Type::ALL.into_iter().all(|each| each.check(&Value::None).is_err()));
}

/// Pieces of text that mean something to some part of the parsers.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("${{ inputs.name }}".to_owned()),
        Just("${{ inputs.nodes | quote }}".to_owned()),
        Just("${{ inputs.count }}".to_owned()),
        Just("${{ vars.dir }}".to_owned()),
        prop::sample::select(vec![
            "${{",
            "}}",
            "'",
            "\"",
            "\\",
            "\n",
            "$(",
            ")",
            "(",
            "((",
            "))",
            "${",
            "}",
            "`",
            "#",
            "<<E",
            "\nE\n",
            "<<<",
            "case x in",
            "esac",
            ";;",
            "[[",
            "]]",
            "eval",
            "ssh h",
            "sh -c",
            "[",
            "]",
            "=",
            ";",
            "|",
            "&",
            ">",
            "$",
            "$'",
            "do",
            "for x",
            "inputs.name",
            "is",
            "not",
            "|",
            ".",
            "{",
            "a=(",
            "f()",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
        Just(" ".to_owned()),
    ];
    prop::collection::vec(token, 0..16).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn nothing_panics(text in text(), source in "\\PC{0,30}") {
        let _ = Expression::parse(&source).map(|expression| expression.eval(&scope()));
        for kind in [ShellKind::Posix, ShellKind::Bash, ShellKind::Opaque] {
            let _ = Template::parse_script(&text, kind).map(|template| template.render_script(&scope()));
        }
    }

    #[test]
    fn what_is_displayed_is_parsed_again(text in text()) {
        if let Ok(template) = Template::parse(&text) {
            let shown = template.display().to_string();
            let again = Template::parse(&shown).unwrap();
            prop_assert_eq!(&again.display().to_string(), &shown);
            prop_assert_eq!(again.render(&scope()), template.render(&scope()));
            let json = serde_json::to_string(&template).unwrap();
            prop_assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
        }
    }

    #[test]
    fn folding_changes_nothing(text in text()) {
        let known = |reference: &Reference| matches!(reference, Reference::Input(_));
        if let Ok(template) = Template::parse(&text) {
            let folded = template.fold(&scope(), known).unwrap();
            prop_assert_eq!(folded.render(&scope()), template.render(&scope()));
        }
        if let Ok(template) = Template::parse_script(&text, ShellKind::Posix)
            && let Ok(folded) = template.fold(&scope(), known)
        {
            prop_assert_eq!(folded.render_script(&scope()), template.render_script(&scope()));
        }
    }

    #[test]
    fn values_survive_json_and_literals(text in "\\PC{0,20}", number in any::<i64>(), float in any::<f64>()) {
        let float = Float::new(float).map_or(Value::None, Value::Float);
        let value = Value::List(vec![Value::from(text.as_str()), Value::Int(number), float]);
        prop_assert_eq!(&Value::from_json(value.to_json().as_bytes()).unwrap(), &value);
        let scope = Scope::new().with_vars([("v".to_owned(), value.clone())]);
        let folded = Template::parse("${{ vars.v }}").unwrap().fold(&scope, |_| true).unwrap();
        prop_assert_eq!(Template::parse(&folded.display().to_string()).unwrap().render(&scope).unwrap(), value);
    }
}
