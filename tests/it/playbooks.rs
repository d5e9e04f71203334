//! Every jq filter, pattern and condition of the playbooks, held against what the real clients print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use firedrill_model::check::{self, Checked, accept};
use firedrill_model::expression::{AttemptField, Expression, Scope};
use firedrill_model::jq::Bindings;
use firedrill_model::judge::{self, Judgement, OutputRule, Stream, judge_attempt, judge_probe};
use firedrill_model::playbook::{self, Expect, Extract, Hook, Playbook, Probe, Shape, Step};
use firedrill_model::source::Source;
use firedrill_model::value::{Type, Value};

use Answer::{CouldNotTell, DoesNotHold, Holds, Yields};

/// What a text of a playbook must say about a transcript.
struct Row {
    place: String,
    /// A transcript below `fixtures`, or `=` and a value of an input.
    transcript: String,
    answer: Answer,
}

/// What a text says about a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Holds,
    DoesNotHold,
    CouldNotTell,
    /// An output, as it is printed.
    Yields(String),
}

impl Answer {
    fn read(text: &str) -> Answer {
        match text {
            "holds" => Holds,
            "does not hold" => DoesNotHold,
            "could not tell" => CouldNotTell,
            other => Yields(other.strip_prefix("yields ").expect("one of four answers").to_owned()),
        }
    }

    fn is_good(&self) -> bool {
        matches!(self, Holds | Yields(_))
    }
}

/// Reads what a playbook's texts must answer.
fn rows(playbook: &str) -> Vec<Row> {
    let file = root().join(format!("tests/fixtures/playbooks/{playbook}.answers"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut place = String::new();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(row) = line.strip_prefix("  ") else {
            line.clone_into(&mut place);
            continue;
        };
        let (answer, transcript) = row.split_once("  ").expect("an answer and a transcript");
        rows.push(Row {
            place: place.clone(),
            transcript: transcript.trim().to_owned(),
            answer: Answer::read(answer.trim()),
        });
    }
    rows
}

#[test]
fn texts_answer_as_operators_expect() {
    let mut wrong = Vec::new();
    for (name, playbook) in all() {
        let texts = texts(&playbook);
        for row in rows(&name) {
            let answer = texts.get(&row.place).map(|text| text.ask(&playbook, &row.transcript));
            if answer.as_ref() != Some(&row.answer) {
                wrong
                    .push(format!("{name} {} on {}: {answer:?}, expected {:?}", row.place, row.transcript, row.answer));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_text_has_a_good_and_a_bad_transcript() {
    let mut missing = Vec::new();
    for (name, playbook) in all() {
        let rows = rows(&name);
        for place in texts(&playbook).into_keys() {
            let of_place: Vec<&Row> = rows.iter().filter(|row| row.place == place).collect();
            let good = of_place.iter().filter(|row| row.answer.is_good()).count();
            if good == 0 || good == of_place.len() {
                missing.push(format!("{name} {place}"));
            }
        }
    }
    assert!(missing.is_empty(), "no row that holds and one that does not for:\n{}", missing.join("\n"));
}

/// A text of a playbook that decides something about what a program printed, or about a value.
enum Text<'p> {
    Accepts(&'p Shape),
    Probe(judge::Expect),
    Attempt(judge::Expect),
    Output(OutputRule),
    When { when: &'p Expression, expect: &'p Expect },
}

impl Text<'_> {
    fn ask(&self, playbook: &Playbook, transcript: &str) -> Answer {
        if let Text::Accepts(shape) = self {
            let value = Value::from(transcript.strip_prefix('=').expect("a value begins with `=`"));
            return said(accept(shape, &value).is_ok());
        }
        let transcript = Transcript::read(transcript);
        let open = |stream: &Stream| transcript.open(stream);
        let inputs = playbook.inputs.iter().map(|input| {
            let default = input.default.as_ref().map_or(Value::None, |default| default.value.clone());
            (input.name.value.clone(), default)
        });
        let bindings = Bindings::from(Scope::new().with_inputs(inputs));
        match self {
            Text::Accepts(_) => unreachable!("answered above"),
            Text::Probe(expect) => answer(&judge_probe(expect, transcript.code, &[], &open, &bindings)),
            Text::Attempt(expect) => answer(&judge_attempt(expect, transcript.code, &[], &open, &bindings)),
            Text::Output(rule) => {
                let expect = judge::Expect { exit: vec![transcript.code], ..judge::Expect::default() };
                answer(&judge_attempt(&expect, transcript.code, std::slice::from_ref(rule), &open, &bindings))
            }
            Text::When { when, expect } => {
                let judged = judge_attempt(&whole(expect), transcript.code, &[], &open, &bindings);
                let is_true = when.eval_condition(&transcript.scope(&judged)).unwrap();
                said(is_true)
            }
        }
    }
}

fn said(is_true: bool) -> Answer {
    if is_true { Holds } else { DoesNotHold }
}

fn answer(judgement: &Judgement) -> Answer {
    match judgement {
        Judgement::Met { outputs } => match outputs.values().next() {
            Some(value) => Yields(value.text().unwrap_or_default().into_owned()),
            None => Holds,
        },
        Judgement::Unmet { .. } => DoesNotHold,
        Judgement::Unclear { .. } => CouldNotTell,
    }
}

/// What a program printed and how it exited; below zero is a signal.
struct Transcript {
    out: Vec<u8>,
    err: Vec<u8>,
    code: i32,
}

impl Transcript {
    fn read(name: &str) -> Transcript {
        let path = root().join("tests/fixtures").join(name);
        let part = |part: &str| {
            let file =
                if path.is_dir() { path.join(part) } else { PathBuf::from(format!("{}.{part}", path.display())) };
            fs::read(&file)
        };
        let code = part("rc").map_or(1, |text| String::from_utf8(text).unwrap().trim().parse().unwrap());
        Transcript {
            out: part("out").unwrap_or_else(|error| panic!("{name}: {error}")),
            err: part("err").unwrap_or_default(),
            code,
        }
    }

    fn open(&self, stream: &Stream) -> io::Result<Box<dyn Read>> {
        match stream {
            Stream::Stdout => Ok(Box::new(Cursor::new(self.out.clone()))),
            Stream::Stderr => Ok(Box::new(Cursor::new(self.err.clone()))),
            Stream::File(_) | Stream::Published => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Returns what a condition about an attempt sees.
    fn scope(&self, judged: &Judgement) -> Scope {
        let outcome = match (self.code, judged) {
            (code, _) if code < 0 => "in doubt",
            (_, Judgement::Met { .. }) => "succeeded",
            (_, Judgement::Unmet { .. } | Judgement::Unclear { .. }) => "failed",
        };
        let code = if self.code < 0 { Value::None } else { Value::Int(self.code.into()) };
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).as_ref());
        Scope::new()
            .with_attempt(AttemptField::Outcome, Value::from(outcome))
            .with_attempt(AttemptField::ExitCode, code)
            .with_attempt(AttemptField::Stdout, text(&self.out))
            .with_attempt(AttemptField::Stderr, text(&self.err))
            .with_attempt(AttemptField::Duration, Value::Int(1))
    }
}

/// Returns every text of a playbook by its place.
fn texts(playbook: &Playbook) -> BTreeMap<String, Text<'_>> {
    let mut texts = Texts(BTreeMap::new());
    for input in &playbook.inputs {
        texts.shape(&format!("inputs.{}", input.name.value), &input.shape);
    }
    for guard in &playbook.guards {
        texts.probe(&format!("guards.{}", guard.id.value), &guard.probe);
    }
    for step in playbook.steps.iter().chain(&playbook.finally) {
        texts.step(&format!("steps.{}", step.id.value), step);
    }
    for invariant in &playbook.invariants {
        texts.probe(&format!("invariants.{}", invariant.id.value), &invariant.probe);
    }
    texts.0
}

struct Texts<'p>(BTreeMap<String, Text<'p>>);

impl<'p> Texts<'p> {
    fn shape(&mut self, place: &str, shape: &'p Shape) {
        if shape.pattern.is_some() {
            self.0.insert(format!("{place}.pattern"), Text::Accepts(shape));
        }
        if let Some(items) = &shape.items {
            self.shape(&format!("{place}.items"), items);
        }
    }

    fn probe(&mut self, place: &str, probe: &'p Probe) {
        for (key, expect) in alone(&probe.expect) {
            self.0.insert(format!("{place}.expect.{key}"), Text::Probe(expect));
        }
    }

    fn expect(&mut self, place: &str, expect: &'p Expect) {
        for (key, expect) in alone(expect) {
            self.0.insert(format!("{place}.expect.{key}"), Text::Attempt(expect));
        }
    }

    fn step(&mut self, place: &str, step: &'p Step) {
        for guard in &step.guards {
            self.probe(&format!("{place}.guards.{}", guard.id.value), &guard.probe);
        }
        self.expect(place, &step.expect);
        if let Some(verify) = &step.verify {
            self.probe(&format!("{place}.verify"), verify);
        }
        for output in &step.outputs {
            self.output(&format!("{place}.outputs.{}", output.name.value), output);
        }
        if let Some(when) = step.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            self.when(&format!("{place}.retry"), &when.value, &step.expect);
        }
        for (key, hook) in step.hooks() {
            self.hook(&format!("{place}.{key}"), hook, &step.expect);
        }
    }

    fn hook(&mut self, place: &str, hook: &'p Hook, of_step: &'p Expect) {
        self.expect(place, &hook.expect);
        if let Some(when) = &hook.when {
            self.when(place, &when.value, of_step);
        }
    }

    fn when(&mut self, place: &str, when: &'p Expression, expect: &'p Expect) {
        self.0.insert(format!("{place}.when"), Text::When { when, expect });
    }

    fn output(&mut self, place: &str, output: &playbook::Output) {
        let (key, extract) = match &output.extract {
            Extract::Regex(text) => ("regex", judge::Extract::Regex(text.value.clone())),
            Extract::Jq(text) => ("jq", judge::Extract::Jq(text.value.clone())),
            Extract::Whole | Extract::FirstLine | Extract::LastLine => return,
        };
        let source = match &output.source {
            playbook::OutputSource::Stderr => judge::OutputSource::Stderr,
            _ => judge::OutputSource::Stdout,
        };
        let rule = OutputRule {
            name: output.name.value.clone(),
            source,
            extract,
            r#type: output.r#type.as_ref().map_or(Type::String, |kind| kind.value),
            optional: output.optional,
            is_file: false,
        };
        self.0.insert(format!("{place}.{key}"), Text::Output(rule));
    }
}

/// Returns each text of an expectation with its key, and the exit codes beside it.
fn alone(expect: &Expect) -> Vec<(&'static str, judge::Expect)> {
    let all = whole(expect);
    let bare = judge::Expect { exit: all.exit.clone(), ..judge::Expect::default() };
    let only = [
        ("stdout", all.stdout.clone().map(|stdout| judge::Expect { stdout: Some(stdout), ..bare.clone() })),
        ("stderr", all.stderr.clone().map(|stderr| judge::Expect { stderr: Some(stderr), ..bare.clone() })),
        ("jq", all.jq.clone().map(|jq| judge::Expect { jq: Some(jq), ..bare.clone() })),
    ];
    only.into_iter().filter_map(|(key, expect)| Some((key, expect?))).collect()
}

fn whole(expect: &Expect) -> judge::Expect {
    let text = |text: &Option<firedrill_model::source::Spanned<String>>| text.as_ref().map(|text| text.value.clone());
    judge::Expect {
        exit: match &expect.exit {
            Some(codes) => codes.value.iter().map(|code| code.value.into()).collect(),
            None => vec![0],
        },
        stdout: text(&expect.stdout),
        stderr: text(&expect.stderr),
        jq: text(&expect.jq),
        that: expect.that.as_ref().map(|condition| condition.value.clone()),
    }
}

/// Returns every playbook that is shipped, by its name.
fn all() -> BTreeMap<String, Checked<Playbook>> {
    let entries = fs::read_dir(root().join("playbooks")).unwrap();
    let files: BTreeSet<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let is_playbook = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".rehearsal.yaml")
    };
    files.iter().filter(is_playbook).map(|path| load(path)).collect()
}

fn load(path: &Path) -> (String, Checked<Playbook>) {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let source = Source::from_bytes(stem.as_str(), fs::read(path).unwrap()).unwrap();
    let (checked, diagnostics) = check::load(&source, Some(&stem));
    assert!(diagnostics.is_empty(), "{stem}: {diagnostics:?}");
    (stem, checked.expect("a playbook without errors is checked"))
}

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
