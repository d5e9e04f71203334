//! Answers to what the machine asks: conditions, deferred texts, judgements. The expressions are the model's; this fetches
//! the values and the bytes they are about.

mod items;
mod values;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use firedrill_model::expression::{AttemptField, EvalError, Expression, Reference, RunField, Scope};
use firedrill_model::jq::Bindings;
use firedrill_model::judge::{self, Expect, Judgement, OutputRule, Stream};
use firedrill_model::plan::{Command, Condition, Program, Text};
use firedrill_model::value::Value;
use firedrill_run::{Answer, Cause, CommandId, Conclusion, Outcome, Question, Rendered, Rendering, Run, Stage, StepId};

use self::values::Place;
use crate::private::{Durability, write_private};
use crate::secrets::{MaskedReader, Vault};
use crate::store::RunDir;

/// The most of a captured stream that an expression may ask for.
const LARGEST_TEXT: u64 = 64 * 1024 * 1024;

/// What the answers are drawn from.
pub(crate) struct Known<'a> {
    pub(crate) run: &'a Run,
    pub(crate) dir: &'a RunDir,
    /// When the run was created, as text.
    pub(crate) started_at: &'a str,
    /// How long each ended attempt took, in milliseconds.
    pub(crate) lengths: &'a BTreeMap<CommandId, u64>,
    /// What no answer may show.
    pub(crate) vault: &'a Vault,
}

impl Known<'_> {
    /// Answers a question of the playbook.
    pub(crate) fn decide(&self, question: &Question) -> Answer {
        if let Question::Items(step) = question {
            return self.items(step).map_or_else(Answer::Error, Answer::Items);
        }
        let Some((expression, step)) = self.asked(question) else {
            return Answer::Yes;
        };
        let place = match (question, self.place(step)) {
            (Question::When(_), Place::Step(at)) => Place::Around(at),
            (_, place) => place,
        };
        match expression.eval_condition(&self.scope_at(&expression.references, place)) {
            Ok(true) => Answer::Yes,
            Ok(false) => Answer::No,
            Err(error) => Answer::Error(error.to_string()),
        }
    }

    fn asked<'q>(&'q self, question: &'q Question) -> Option<(&'q Expression, Option<&'q StepId>)> {
        let plan = self.run.plan();
        let step = |id: &StepId| plan.step_index(id.as_str()).map(|at| &plan.steps[at]);
        let (condition, owner) = match question {
            Question::When(id) => (step(id)?.when.as_ref(), Some(id)),
            Question::CleanupWhen(id) => (step(id)?.cleanup.as_ref().and_then(|hook| hook.when.as_ref()), Some(id)),
            Question::ReleaseWhen(id) => (step(id)?.release.as_ref().and_then(|it| it.hook.when.as_ref()), Some(id)),
            Question::RetryWhen(id) => return Some((step(id)?.retry.when.as_ref()?, Some(id))),
            Question::Items(_) => return None,
            Question::FinalWhen(id) => {
                (plan.finally.iter().find(|last| last.id == *id).and_then(|last| last.when.as_ref()), None)
            }
        };
        match condition? {
            Condition::Deferred { expression, .. } => Some((expression, owner)),
            Condition::Known(_) => None,
        }
    }

    /// Works out the texts of a command.
    pub(crate) fn render(&self, id: &CommandId) -> Rendering {
        let Some(command) = self.run.command(id) else {
            return Rendering::Error("the plan has no such command".to_owned());
        };
        match self.rendered(id, command) {
            Ok(text) => Rendering::Text(text),
            Err(error) => Rendering::Error(error.to_string()),
        }
    }

    /// Returns what a command will start: the recorded texts, or the plan's if they were always known.
    pub(crate) fn texts(&self, id: &CommandId) -> Option<Rendered> {
        let recorded = self.run.rendered(id).cloned();
        recorded.or_else(|| self.rendered(id, self.run.command(id)?).ok())
    }

    fn rendered(&self, id: &CommandId, command: &Command) -> Result<Rendered, EvalError> {
        let step = id.step();
        let argv = match &command.program {
            Program::Argv(arguments) => {
                let words = arguments.iter().map(|argument| self.words(argument, step));
                words.collect::<Result<Vec<_>, _>>()?.concat()
            }
            Program::Script { shell, script } => {
                let script = match script {
                    Text::Known(script) => script.clone(),
                    Text::Deferred { template, .. } => {
                        template.render_script(&self.scope(template.references(), step))?
                    }
                };
                shell.iter().cloned().chain([script]).collect()
            }
            Program::Manual { .. } | Program::Approve { .. } => {
                command.program.texts().map(|text| self.text(text, step)).collect::<Result<_, _>>()?
            }
        };
        let env = command.env.iter().map(|(name, text)| Ok((name.clone(), self.text(text, step)?)));
        Ok(Rendered {
            argv,
            env: env.collect::<Result<_, EvalError>>()?,
            dir: command.dir.as_ref().map(|dir| self.text(dir, step)).transpose()?.map(PathBuf::from),
            stdin: command.stdin.as_ref().map(|text| self.text(text, step)).transpose()?,
        })
    }

    /// Returns the words of an argument: a list is spliced.
    fn words(&self, text: &Text, step: Option<&StepId>) -> Result<Vec<String>, EvalError> {
        let Text::Deferred { template, .. } = text else {
            return Ok(vec![self.text(text, step)?]);
        };
        match template.render(&self.scope(template.references(), step))? {
            Value::List(items) => items.iter().map(|item| exact(item, template.display())).collect(),
            value => Ok(vec![exact(&value, template.display())?]),
        }
    }

    fn text(&self, text: &Text, step: Option<&StepId>) -> Result<String, EvalError> {
        match text {
            Text::Known(text) => Ok(text.clone()),
            Text::Deferred { template, .. } => {
                exact(&template.render(&self.scope(template.references(), step))?, template.display())
            }
        }
    }

    /// Returns what the run publishes; nothing of an output that has no value.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        let outputs = self.run.plan().outputs.iter();
        outputs.filter_map(|(name, text)| Some((name.clone(), self.text(text, None).ok()?))).collect()
    }

    /// Holds what a command printed against what was expected.
    pub(crate) fn judge(&self, id: &CommandId) -> Judgement {
        let Some(command) = self.run.command(id) else {
            return Judgement::Unclear { reason: "the plan has no such command".to_owned() };
        };
        let rules = command.outputs.as_slice();
        let bindings = self.bindings(id, &command.expect, rules);
        let open = |stream: &Stream| self.open(id, stream);
        let judgement = match (self.run.exit_of(id), self.run.probe(id)) {
            (Some(code), Some(_)) => judge::judge_probe(&command.expect, code, rules, &open, &bindings),
            (Some(code), None) => judge::judge_attempt(&command.expect, code, rules, &open, &bindings),
            (None, _) => judge::judge_attempt(&Expect::default(), 0, rules, &open, &bindings),
        };
        let kept = match (&judgement, id.step()) {
            (Judgement::Met { .. }, Some(step)) => self.keep_files(step, rules, &open, &bindings),
            _ => Ok(()),
        };
        kept.err().map_or(judgement, |reason| Judgement::Unclear { reason })
    }

    /// Writes the outputs of a step that something reads as files.
    fn keep_files(
        &self,
        step: &StepId,
        rules: &[OutputRule],
        open: judge::Opener<'_>,
        bindings: &Bindings,
    ) -> Result<(), String> {
        for rule in rules.iter().filter(|rule| rule.is_file) {
            let path = self.dir.output_file(step, &rule.name);
            let written = match judge::file_text(rule, open, bindings)? {
                Some(text) => write_private(&path, &text, Durability::Synced).map_err(|error| error.to_string()),
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
                    _ => Ok(()),
                },
            };
            written.map_err(|error| format!("output `{}` cannot be kept: {error}", rule.name))?;
        }
        Ok(())
    }

    fn open(&self, id: &CommandId, stream: &Stream) -> io::Result<Box<dyn Read>> {
        let path = match stream {
            Stream::Stdout => self.dir.stdout(id),
            Stream::Stderr => self.dir.stderr(id),
            Stream::Published => self.dir.published(id),
            Stream::File(path) => PathBuf::from(path),
        };
        match File::open(&path) {
            Ok(file) => Ok(match self.vault.mask() {
                Some(mask) if matches!(stream, Stream::File(_)) => Box::new(MaskedReader::new(file, mask)),
                // What was captured was masked before it was written.
                Some(_) | None => Box::new(file),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && *stream == Stream::Published => {
                Ok(Box::new(io::empty()))
            }
            Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        }
    }

    /// Returns everything that a judgement may name: a filter all there is, an expression what it uses.
    fn bindings(&self, id: &CommandId, expect: &Expect, rules: &[OutputRule]) -> Bindings {
        let asks = expect.jq.is_some() || rules.iter().any(|rule| matches!(rule.extract, judge::Extract::Jq(_)));
        let mut scope = if asks { self.all_names(self.place(id.step())) } else { Scope::new() };
        if let Some(that) = &expect.that {
            let others = that.references.iter().filter(|name| !matches!(name, Reference::Attempt(_)));
            scope = self.add_names(scope, others, self.place(id.step()));
            scope.set(&Reference::Attempt(AttemptField::Duration), self.seconds(id));
        }
        Bindings::from(scope)
    }

    /// Returns how long a command took, in whole seconds.
    fn seconds(&self, id: &CommandId) -> Value {
        let ms = self.lengths.get(id).copied().unwrap_or_default();
        Value::Int(i64::try_from(ms / 1_000).unwrap_or(i64::MAX))
    }

    fn of_run(&self, field: RunField) -> Option<Value> {
        Some(match field {
            RunField::Id => Value::from(self.dir.id()),
            RunField::Dir => Value::from(self.dir.work().to_str()?),
            RunField::Files => Value::from(self.dir.files().to_str()?),
            RunField::StartedAt => Value::from(self.started_at),
            RunField::Verdict => Value::from(self.run.verdict_so_far().words()),
        })
    }

    fn of_attempt(&self, field: AttemptField, at: usize) -> Value {
        let summary = self.run.summary(at);
        let attempt = self.run.attempt_id(at);
        match field {
            AttemptField::Outcome => Value::from(attempt_outcome(summary.stage)),
            AttemptField::ExitCode => summary.exit_code.map_or(Value::None, |code| Value::Int(code.into())),
            AttemptField::Stdout => Value::from(read_text(self.open(&attempt, &Stream::Stdout)).as_str()),
            AttemptField::Stderr => Value::from(read_text(self.open(&attempt, &Stream::Stderr)).as_str()),
            AttemptField::Duration => self.seconds(&attempt),
        }
    }
}

/// Returns the texts of a command all of whose texts are known from the plan.
pub(crate) fn known_texts(command: &Command) -> Option<Rendered> {
    let known = |text: &Text| match text {
        Text::Known(text) => Some(text.clone()),
        Text::Deferred { .. } => None,
    };
    let argv = match &command.program {
        Program::Argv(arguments) => arguments.iter().map(known).collect::<Option<_>>()?,
        Program::Script { shell, script } => shell.iter().cloned().chain([known(script)?]).collect(),
        Program::Manual { .. } | Program::Approve { .. } => {
            command.program.texts().map(known).collect::<Option<_>>()?
        }
    };
    let env = command.env.iter().map(|(name, text)| Some((name.clone(), known(text)?)));
    let dir = command.dir.as_ref().map(|dir| known(dir).ok_or(())).transpose().ok()?.map(PathBuf::from);
    let stdin = command.stdin.as_ref().map(|text| known(text).ok_or(())).transpose().ok()?;
    Some(Rendered { argv, env: env.collect::<Option<_>>()?, dir, stdin })
}

fn exact(value: &Value, source: impl std::fmt::Display) -> Result<String, EvalError> {
    let text = value.text().map(std::borrow::Cow::into_owned);
    text.ok_or_else(|| EvalError::IsNone { source_text: source.to_string() })
}

fn attempt_outcome(stage: &Stage) -> &'static str {
    match stage {
        Stage::Concluding(Conclusion::Succeeded)
        | Stage::Cleaning(Conclusion::Succeeded)
        | Stage::Settled(Outcome::Succeeded) => "succeeded",
        Stage::Concluding(Conclusion::Failed(Cause::Doubt(_)))
        | Stage::Cleaning(Conclusion::Failed(Cause::Doubt(_)))
        | Stage::Choosing(Cause::Doubt(_))
        | Stage::InDoubt(_) => "in doubt",
        _ => "failed",
    }
}

/// Returns a captured stream as text; what cannot be read is empty, what is no text is replaced.
fn read_text(stream: io::Result<Box<dyn Read>>) -> String {
    let mut bytes = Vec::new();
    let read = stream.and_then(|stream| stream.take(LARGEST_TEXT).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}
