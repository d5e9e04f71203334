//! What is concluded from exit codes and output.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{self, Read};

use firedrill_model::expression::{Expression, Scope};
use firedrill_model::jq::{Bindings, Filter};
use firedrill_model::judge::{
    Expect, Extract, Judgement, OutputRule, OutputSource, Stream, file_text, judge_attempt, judge_probe,
};
use firedrill_model::value::{Type, Value};

/// What a command left behind.
#[derive(Default)]
struct Left(BTreeMap<Stream, Vec<u8>>);

impl Left {
    fn stdout(text: impl AsRef<[u8]>) -> Self {
        Self::default().and(Stream::Stdout, text)
    }

    fn and(mut self, stream: Stream, text: impl AsRef<[u8]>) -> Self {
        self.0.insert(stream, text.as_ref().to_vec());
        self
    }

    fn open(&self, stream: &Stream) -> io::Result<Box<dyn Read>> {
        match (self.0.get(stream), stream) {
            (Some(bytes), _) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            (None, Stream::File(_)) => Err(io::ErrorKind::NotFound.into()),
            (None, _) => Ok(Box::new(io::empty())),
        }
    }

    fn attempt(&self, expect: &Expect, exit_code: i32, outputs: &[OutputRule]) -> String {
        shown(&judge_attempt(expect, exit_code, outputs, &|stream| self.open(stream), &bindings()))
    }

    fn probe(&self, expect: &Expect, exit_code: i32) -> String {
        shown(&judge_probe(expect, exit_code, &[], &|stream| self.open(stream), &bindings()))
    }
}

fn bindings() -> Bindings {
    Bindings::from(Scope::new().with_inputs([("count".to_owned(), Value::Int(2))]))
}

fn shown(judgement: &Judgement) -> String {
    match judgement {
        Judgement::Met { outputs } => {
            let outputs = outputs.iter().map(|(name, value)| format!(" {name}={}", value.to_json()));
            format!("met{}", outputs.collect::<String>())
        }
        Judgement::Unmet { reason } => format!("unmet: {reason}"),
        Judgement::Unclear { reason } => format!("unclear: {reason}"),
    }
}

fn by_exit(codes: &[i32]) -> Expect {
    Expect { exit: codes.to_vec(), ..Expect::default() }
}

fn by_stdout(pattern: &str) -> Expect {
    Expect { stdout: Some(pattern.to_owned()), ..Expect::default() }
}

fn by_jq(filter: &str) -> Expect {
    Expect { jq: Some(filter.to_owned()), ..Expect::default() }
}

#[test]
fn probes_have_three_answers() {
    let cases = [
        (Expect::default(), 0, "", "met"),
        (Expect::default(), 1, "", "unmet: exited with 1, expected 0"),
        (Expect::default(), 2, "", "unclear: exited with 2, expected 0"),
        (Expect::default(), 126, "", "unclear: exited with 126 (found, but not executable), expected 0"),
        (Expect::default(), 127, "", "unclear: exited with 127 (program not found), expected 0"),
        (Expect::default(), 143, "", "unclear: exited with 143, expected 0"),
        (by_exit(&[0, 2]), 2, "", "met"),
        (by_exit(&[1]), 1, "", "met"),
        (by_exit(&[2]), 1, "", "unmet: exited with 1, expected 2"),
        (by_exit(&[2, 3]), 0, "", "unclear: exited with 0, expected 2 or 3"),
        (by_stdout("^ok$"), 0, "well\nok\n", "met"),
        (by_stdout("^ok$"), 0, "not ok\n", "unmet: stdout does not match /^ok$/"),
        (by_stdout("^ok$"), 1, "ok\n", "unclear: exited with 1, expected 0"),
        (by_stdout("("), 0, "ok\n", "unclear: /(/: unclosed group"),
        (by_jq(".n == $inputs.count"), 0, "{\"n\": 2}", "met"),
        (by_jq(".n == $inputs.count"), 0, "{\"n\": 3}", "unmet: jq `.n == $inputs.count` yields false, expected true"),
        (by_jq(".n == 2"), 1, "{\"n\": 2}", "unclear: exited with 1, expected 0"),
        (by_jq(".n"), 0, "{\"n\": \"x\"}", "unmet: jq `.n` yields \"x\", expected true"),
        (by_jq("empty"), 0, "{}", "unmet: jq `empty` yields nothing, expected true"),
        (by_jq(".[]"), 0, "[true, true]", "met"),
        (by_jq(".[]"), 0, "[true, false]", "unmet: jq `.[]` yields 2 values, expected true"),
        (by_jq(".n"), 0, "not json", "unclear: stdout is not JSON: "),
        (by_jq(".n"), 0, "", "unclear: stdout is not JSON: "),
        (by_jq(".n"), 0, "{} {}", "unclear: stdout is not JSON: "),
        (by_jq(".n.m"), 0, "{\"n\": 1}", "unclear: jq `.n.m`: cannot index 1 with \"m\""),
        (by_jq("repeat(true)"), 0, "{}", "unclear: jq `repeat(true)`: the filter yields more than 10000 values"),
    ];
    for (expect, exit_code, stdout, expected) in cases {
        let answer = Left::stdout(stdout).probe(&expect, exit_code);
        assert!(answer.starts_with(expected), "{expect:?} {exit_code} {stdout:?}: {answer}");
    }
}

#[test]
fn attempts_succeed_or_fail() {
    let cases = [
        (by_exit(&[0, 8]), 8, "", "met"),
        (by_exit(&[0, 8]), 1, "", "unmet: exited with 1, expected 0 or 8"),
        (by_stdout("Backup created of "), 0, "Backup created of x", "met"),
        (by_stdout("Backup created of "), 0, "nothing", "unmet: stdout does not match /Backup created of /"),
        (by_jq("."), 0, "not json", "unmet: stdout is not JSON: "),
        (by_jq("env"), 0, "{}", "unmet: jq `env`: the environment, the clock"),
        (by_jq("halt"), 0, "{}", "unmet: jq `halt`: the environment, the clock"),
        (by_jq("now"), 0, "{}", "unmet: jq `now`: the environment, the clock"),
    ];
    for (expect, exit_code, stdout, expected) in cases {
        let answer = Left::stdout(stdout).attempt(&expect, exit_code, &[]);
        assert!(answer.starts_with(expected), "{expect:?} {exit_code} {stdout:?}: {answer}");
    }
}

fn by_expression(source: &str) -> Expect {
    Expect { exit: vec![0, 3], that: Some(Expression::parse(source).unwrap()), ..Expect::default() }
}

#[test]
fn an_expression_over_the_end_decides() {
    let left = Left::stdout("copied 3 files\n").and(Stream::Stderr, "warning: slow\n");
    let hint = "; stderr ends with: warning: slow";
    let cases = [
        ("exit_code == 3 and 'copied' in stdout", "met", "met"),
        ("inputs.count + 1 == 3 and 'slow' in stderr", "met", "met"),
        (
            "stdout == ''",
            "unmet: `stdout == ''` is false, expected true",
            "unmet: `stdout == ''` is false, expected true",
        ),
        ("duration < 5", "unmet: `duration` is not known", "unclear: `duration` is not known"),
        (
            "stdout | length",
            "unmet: `stdout | length` must be true or false, but is an integer",
            "unclear: `stdout | length` must be true or false, but is an integer",
        ),
    ];
    for (source, attempt, probe) in cases {
        let hinted = |text: &str| if text == "met" { text.to_owned() } else { format!("{text}{hint}") };
        assert_eq!(left.attempt(&by_expression(source), 3, &[]), hinted(attempt), "{source}");
        assert_eq!(left.probe(&by_expression(source), 3), hinted(probe), "{source}");
    }
    let wrong_exit = left.probe(&by_expression("true"), 1);
    assert_eq!(wrong_exit, format!("unclear: exited with 1, expected 0 or 3{hint}"));
}

#[test]
fn what_is_too_large_for_an_expression_is_not_judged() {
    let open = |_: &Stream| -> io::Result<Box<dyn Read>> { Ok(Box::new(io::repeat(b'x').take((64 << 20) + 1))) };
    let judged = |source: &str| shown(&judge_probe(&by_expression(source), 0, &[], &open, &bindings()));
    assert_eq!(judged("stdout == ''"), "unclear: stdout is larger than 64 MiB, too large for an expression");
    assert_eq!(judged("exit_code == 0"), "met");
}

#[test]
fn reasons_quote_the_last_line_of_stderr() {
    let left = |stderr: &str| Left::default().and(Stream::Stderr, stderr);
    let answer = left("first\nbbr-backup already exists\x1b[0m\n\n").attempt(&Expect::default(), 1, &[]);
    assert_eq!(answer, r"unmet: exited with 1, expected 0; stderr ends with: bbr-backup already exists\u{1b}[0m");
    let answer = left(&"x".repeat(300)).attempt(&Expect::default(), 1, &[]);
    assert_eq!(answer, "unmet: exited with 1, expected 0");
    let stderr = Expect { stderr: Some("done".to_owned()), ..Expect::default() };
    assert_eq!(left("so\nundone").attempt(&stderr, 0, &[]), "met");
    assert_eq!(left("백업").attempt(&stderr, 0, &[]), "unmet: stderr does not match /done/; stderr ends with: 백업");
}

#[test]
fn what_cannot_be_read_is_unclear() {
    let failing = |_: &Stream| Err(io::Error::other("disk gone"));
    let judgement = judge_attempt(&by_stdout("x"), 0, &[], &failing, &bindings());
    assert_eq!(shown(&judgement), "unclear: stdout cannot be read: disk gone");
}

fn rule(source: OutputSource, extract: Extract, r#type: Type) -> OutputRule {
    OutputRule { name: "x".to_owned(), source, extract, r#type, optional: false, is_file: false }
}

#[test]
fn outputs_are_taken_and_typed() {
    use Extract::{FirstLine, LastLine, Whole};
    let jq = |filter: &str| Extract::Jq(filter.to_owned());
    let regex = |pattern: &str| Extract::Regex(pattern.to_owned());
    let long = "x".repeat(70_000);
    let cases = [
        (Whole, Type::String, " a b\n\n", "met x=\"a b\""),
        (Whole, Type::Integer, "12\n", "met x=12"),
        (Whole, Type::Integer, "twelve\n", "unmet: output `x` `twelve` is not a valid integer"),
        (Whole, Type::String, "\n", "unmet: output `x` is missing: stdout is empty"),
        (Whole, Type::String, &long, "unmet: output `x` is larger than 64 KiB"),
        (Whole, Type::List, "[1, 2]", "met x=[1,2]"),
        (FirstLine, Type::Path, "\n/a\n/b\n", "met x=\"/a\""),
        (LastLine, Type::Path, "/a\n/b\n\n", "met x=\"/b\""),
        (LastLine, Type::Path, "/a", "met x=\"/a\""),
        (LastLine, Type::Path, "", "unmet: output `x` is missing: stdout is empty"),
        (regex("took (\\d+)s"), Type::Integer, "it took 12s", "met x=12"),
        (regex("took \\w+"), Type::String, "it took 12s", "met x=\"took 12s\""),
        (regex("took"), Type::String, "nothing", "unmet: output `x` is missing: stdout does not match /took/"),
        (jq(".n"), Type::Integer, "{\"n\": 1}", "met x=1"),
        (jq(".n"), Type::Integer, "{\"n\": \"1\"}", "met x=1"),
        (jq(".n"), Type::String, "{\"n\": 1}", "unmet: output `x` expected a value of type string, found an integer"),
        (jq(".n"), Type::String, "{}", "unmet: output `x` is missing: jq `.n` yields nothing"),
        (jq(".[]"), Type::Integer, "[1, 2]", "unmet: output `x` is 2 values; wrap the filter in [ ]"),
        (jq("[.[] * 2]"), Type::List, "[1, 2]", "met x=[2,4]"),
        (jq("."), Type::List, "oops", "unmet: output `x` cannot be taken: stdout is not JSON"),
    ];
    for (extract, r#type, stdout, expected) in cases {
        let rules = [rule(OutputSource::Stdout, extract, r#type)];
        let answer = Left::stdout(stdout).attempt(&Expect::default(), 0, &rules);
        assert!(answer.starts_with(expected), "{rules:?} {stdout:.20}: {answer:.200}");
    }
    for extract in [Whole, FirstLine, LastLine] {
        let rules = [rule(OutputSource::Stdout, extract, Type::String)];
        let text = format!("x{}y", " ".repeat(300_000));
        assert!(Left::stdout(text).attempt(&Expect::default(), 0, &rules).contains("larger than 64 KiB"));
        assert!(Left::stdout(b"\xff").attempt(&Expect::default(), 0, &rules).contains("is not UTF-8"));
        assert!(Left::stdout(b"a\0b").attempt(&Expect::default(), 0, &rules).contains("NUL"));
    }
}

#[test]
fn what_is_read_as_a_file_may_be_large() {
    let long = format!("\n{}\nend\n", "x".repeat(300_000));
    let json = format!("[\"{}\"]", "x".repeat(70_000));
    let left =
        Left::stdout(&long).and(Stream::Stderr, &json).and(Stream::Published, format!("x={}", "y".repeat(70_000)));
    let cases = [
        (OutputSource::Stdout, Extract::Whole, 300_004),
        (OutputSource::Stdout, Extract::FirstLine, 300_000),
        (OutputSource::Stdout, Extract::LastLine, 3),
        (OutputSource::Stderr, Extract::Jq(".[0]".to_owned()), 70_000),
        (OutputSource::Published, Extract::Whole, 70_000),
    ];
    for (source, extract, length) in cases {
        let rule = OutputRule { is_file: true, ..rule(source, extract, Type::String) };
        let text = file_text(&rule, &|stream| left.open(stream), &bindings()).unwrap().unwrap();
        assert_eq!(text.len(), length, "{rule:?}");
        let expected = if length == 3 { "met x=\"end\"" } else { "met x=null" };
        assert_eq!(left.attempt(&Expect::default(), 0, &[rule]), expected);
    }
}

#[test]
fn outputs_have_sources() {
    let left = Left::stdout("out").and(Stream::Stderr, "err").and(Stream::File("/f".to_owned()), "file");
    let left = left.and(Stream::Published, "y=1\nx<<E\n[1,\n2]\nE\n");
    let file = |path: &str| OutputSource::File(path.to_owned());
    let cases = [
        (OutputSource::Stderr, Extract::Whole, "met x=\"err\""),
        (OutputSource::Look, Extract::Whole, "met x=\"out\""),
        (file("/f"), Extract::Whole, "met x=\"file\""),
        (file("/g"), Extract::Whole, "unmet: output `x` is missing: file /g is empty or not there"),
        (OutputSource::Published, Extract::Whole, "met x=\"[1,\\n2]\""),
        (OutputSource::Published, Extract::LastLine, "met x=\"2]\""),
        (OutputSource::Published, Extract::Jq(".[1] | tostring".to_owned()), "met x=\"2\""),
    ];
    for (source, extract, expected) in cases {
        let rules = [rule(source, extract, Type::String)];
        let answer = left.attempt(&Expect::default(), 0, &rules);
        assert!(answer.starts_with(expected), "{rules:?}: {answer}");
    }
    let mut missing = rule(OutputSource::Published, Extract::Whole, Type::String);
    missing.name = "z".to_owned();
    let answer = left.attempt(&Expect::default(), 0, std::slice::from_ref(&missing));
    assert!(answer.starts_with("unmet: output `z` was not written to $FIREDRILL_OUTPUT"), "{answer}");
    missing.optional = true;
    assert_eq!(left.attempt(&Expect::default(), 0, &[missing]), "met z=null");
}

#[test]
fn filters_that_are_none_say_where() {
    let fault =
        |text: &str| Filter::compile(text).map(|_| ()).map_err(|fault| (fault.range, fault.message)).unwrap_err();
    assert_eq!(fault(".a | nope"), (5..9, "undefined filter `nope`".to_owned()));
    assert_eq!(fault("$nope"), (0..5, "undefined variable `$nope`".to_owned()));
    assert_eq!(fault("[.a").0, 3..3);
    assert_eq!(fault(".a |").0, 4..4);
    assert!(fault("$ENV").1.contains("undefined"));
    assert!(Filter::compile("include \"x\"; .").is_err());
}

#[test]
fn deep_json_does_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = Left::stdout(deep).probe(&by_jq("."), 0);
    assert!(answer.contains("nested more than"), "{answer}");
}
