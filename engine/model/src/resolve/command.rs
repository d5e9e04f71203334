//! What is executed: programs, scripts, their surroundings, and what is read out of what they print.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::Resolver;
use crate::check;
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::Reference;
use crate::judge::{self, OutputRule};
use crate::plan::{self, Program, SecretPlace, SecretUse, Text};
use crate::playbook::{
    Command, EnvForm, EnvVar, Expect, Extract, Given, Invocation, Output, OutputSource, Playbook, Shell,
};
use crate::source::Spanned;
use crate::template::Template;
use crate::units;
use crate::value::{Type, Value};

/// What a command inherits, outermost first.
pub(super) struct Surroundings<'a> {
    shell: Option<&'a Spanned<Shell>>,
    env: Vec<&'a EnvVar>,
    dir: Option<&'a Spanned<Template>>,
}

impl<'a> Surroundings<'a> {
    /// Returns what the playbook's defaults give.
    pub(super) fn of(playbook: &'a Playbook) -> Surroundings<'a> {
        let defaults = &playbook.defaults;
        Surroundings { shell: defaults.shell.as_ref(), env: defaults.env.iter().collect(), dir: defaults.dir.as_ref() }
    }

    /// Returns what an invocation adds: its own value wins.
    pub(super) fn with(&self, invocation: &'a Invocation) -> Surroundings<'a> {
        Surroundings {
            shell: invocation.shell.as_ref().or(self.shell),
            env: self.env.iter().copied().chain(&invocation.env).collect(),
            dir: invocation.dir.as_ref().or(self.dir),
        }
    }
}

impl<'a> Resolver<'a> {
    /// Resolves a command with what its end must look like.
    pub(super) fn deed(
        &mut self,
        invocation: &'a Invocation,
        expect: &Expect,
        around: &Surroundings<'a>,
        outputs: &'a [Output],
        step: Option<&str>,
    ) -> plan::Command {
        let rules = self.rules(outputs, step, false);
        plan::Command { expect: self.expected(expect), outputs: rules, ..self.command(invocation, around, step) }
    }

    /// Resolves a command that must exit with 0.
    pub(super) fn command(
        &mut self,
        invocation: &'a Invocation,
        around: &Surroundings<'a>,
        step: Option<&str>,
    ) -> plan::Command {
        let around = around.with(invocation);
        let of_target = self.target_env.iter();
        let mut env: BTreeMap<String, Text> =
            of_target.map(|(name, text)| (name.clone(), Text::Known(text.clone()))).collect();
        let mut secrets: BTreeMap<SecretPlace, Named> = BTreeMap::new();
        for variable in &around.env {
            let name = &variable.name.value;
            secrets.retain(|place, _| place.variable() != Some(name));
            env.remove(name);
            match self.secret(&variable.value) {
                Some(secret) => drop(secrets.insert(place(variable), secret)),
                None => drop(env.insert(name.clone(), self.text(&variable.value, step))),
            }
        }
        let stdin = invocation.stdin.as_ref();
        let secret = stdin.and_then(|text| self.secret(text));
        secrets.extend(secret.clone().map(|secret| (SecretPlace::Stdin, secret)));
        plan::Command {
            program: self.program(&invocation.command, around.shell, step),
            env,
            dir: self.dir(around.dir, step),
            stdin: stdin.filter(|_| secret.is_none()).map(|text| self.text(text, step)),
            secrets: secrets.into_iter().map(|(into, named)| named.used(into)).collect(),
            time_limit: invocation.timeout.as_ref().and_then(|limit| self.duration(limit)),
            poll: None,
            expect: judge::Expect::default(),
            outputs: Vec::new(),
        }
    }

    /// Resolves a working directory; a relative one is below the folder of the playbook that names it.
    fn dir(&mut self, dir: Option<&'a Spanned<Template>>, step: Option<&str>) -> Option<Text> {
        let text = dir.map(|dir| self.text(dir, step));
        if self.folder.is_empty() {
            return text;
        }
        Some(match text {
            None => Text::Known(self.folder.to_owned()),
            Some(Text::Known(dir)) if !dir.starts_with('/') => Text::Known(format!("{}/{dir}", self.folder)),
            Some(text) => text,
        })
    }

    /// Returns the secret that a text is, if it is one.
    fn secret(&self, text: &Spanned<Template>) -> Option<Named> {
        if let Some((step, output)) = self.secret_output(&text.value) {
            return Some(Named { secret: output, step: Some(step) });
        }
        let secret = self.secrets.get(self.playbook.secret_in(&text.value)?).cloned()?;
        Some(Named { secret, step: None })
    }

    /// Returns the step and the secret of it that a text is, if it is one.
    fn secret_output(&self, text: &Template) -> Option<(String, String)> {
        let [Reference::StepOutput { step, output }] = text.as_single()?.references.as_slice() else { return None };
        let block = self.blocks.last().and_then(|(block, _)| *block);
        let found = self.names.find(block, step)?.step;
        self.playbook.steps[found].has_secret(output).then(|| (step.clone(), output.clone()))
    }

    fn program(&mut self, command: &'a Command, shell: Option<&'a Spanned<Shell>>, step: Option<&str>) -> Program {
        match command {
            Command::Run(script) => Program::Script { shell: self.shell(shell), script: self.script(script, step) },
            Command::Manual(manual) => self.manual(manual, step),
            Command::Approve(approve) => self.approve(approve, step),
            Command::Computed(template) => Program::Argv(self.arguments(template, step)),
            Command::Argv(arguments) => {
                let texts = arguments.value.iter().flat_map(|argument| self.arguments(argument, step));
                Program::Argv(texts.collect())
            }
        }
    }

    /// Resolves an argument; a list becomes several.
    pub(super) fn arguments(&mut self, template: &Spanned<Template>, step: Option<&str>) -> Vec<Text> {
        let folded = self.fold(template);
        if folded.references().next().is_some() {
            return vec![self.text(template, step)];
        }
        match self.known(&folded, template.span) {
            Value::List(items) => items.iter().map(|item| Text::Known(self.exact(item, template.span))).collect(),
            value => vec![Text::Known(self.exact(&value, template.span))],
        }
    }

    fn script(&mut self, template: &Spanned<Template>, step: Option<&str>) -> Text {
        let folded = self.fold(template);
        if folded.references().next().is_some() {
            return self.text(template, step);
        }
        match folded.render_script(&self.scope) {
            Ok(script) => Text::Known(script),
            Err(error) => Text::Known(self.fault(template.span, &error)),
        }
    }

    fn shell(&mut self, shell: Option<&Spanned<Shell>>) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match shell.map(|shell| &shell.value) {
            None | Some(Shell::Sh) => words(&["/bin/sh", "-eu", "-c"]),
            Some(Shell::Bash) => words(&["bash", "-euo", "pipefail", "-c"]),
            Some(Shell::Argv(arguments)) => arguments.iter().flat_map(|word| self.shell_words(word)).collect(),
        }
    }

    fn shell_words(&mut self, word: &Spanned<Template>) -> Vec<String> {
        let texts = self.arguments(word, None).into_iter();
        let words = texts.map(|text| match text {
            Text::Known(word) => word,
            Text::Deferred { .. } => {
                let message = "a shell must be known before the run starts";
                let fault = Diagnostic::error(Code::NoValue, word.span, message);
                self.faults.push(fault.help("use inputs and vars only, or put the value into the script"));
                String::new()
            }
        });
        words.collect()
    }

    /// Resolves a length of time.
    pub(super) fn duration(&mut self, given: &Spanned<Given<units::Duration>>) -> Option<Duration> {
        match &given.value {
            Given::Written(length) => Some(length.as_std()),
            Given::Computed(template) => {
                let value = self.typed(&Spanned::new(template.clone(), given.span), Type::Duration)?;
                value.as_str()?.parse::<units::Duration>().ok().map(units::Duration::as_std)
            }
        }
    }

    /// Resolves a length of time that is not zero.
    pub(super) fn positive_duration(&mut self, given: &Spanned<Given<units::Duration>>) -> Option<Duration> {
        let length = self.duration(given)?;
        if length.is_zero() {
            self.faults.push(Diagnostic::error(Code::NoValue, given.span, "this must be more than no time at all"));
        }
        Some(length)
    }

    /// Resolves a number of tries.
    pub(super) fn tries(&mut self, given: &Spanned<Given<NonZeroU32>>) -> NonZeroU32 {
        match &given.value {
            Given::Written(tries) => *tries,
            Given::Computed(template) => {
                let value = self.typed(&Spanned::new(template.clone(), given.span), Type::Integer);
                let tries = value
                    .and_then(|value| if let Value::Int(tries) = value { u32::try_from(tries).ok() } else { None });
                tries.and_then(NonZeroU32::new).unwrap_or_else(|| {
                    let message = "the number of attempts must be at least 1";
                    self.faults.push(Diagnostic::error(Code::NoValue, given.span, message));
                    NonZeroU32::MIN
                })
            }
        }
    }

    /// Resolves a value that must be known when the plan is made.
    fn typed(&mut self, template: &Spanned<Template>, r#type: Type) -> Option<Value> {
        let folded = self.fold(template);
        if folded.references().next().is_some() {
            let message = "this must be known before the run starts";
            let fault = Diagnostic::error(Code::NoValue, template.span, message).help("use inputs and vars only");
            self.faults.push(fault);
            return None;
        }
        let value = self.known(&folded, template.span);
        match r#type.check(&value) {
            Ok(value) => Some(value),
            Err(mismatch) => {
                self.faults.push(Diagnostic::error(Code::NoValue, template.span, mismatch.to_string()));
                None
            }
        }
    }

    /// Resolves how outputs are read: those of looks if `looks`, else all others.
    pub(super) fn rules(&mut self, outputs: &'a [Output], step: Option<&str>, looks: bool) -> Vec<OutputRule> {
        let wanted = outputs.iter().filter(|output| matches!(output.source, OutputSource::Look(_)) == looks);
        let wanted: Vec<&'a Output> = wanted.collect();
        wanted.into_iter().map(|output| self.rule(output, step)).collect()
    }

    fn rule(&mut self, output: &'a Output, step: Option<&str>) -> OutputRule {
        OutputRule {
            name: output.name.value.clone(),
            source: match &output.source {
                OutputSource::Published => judge::OutputSource::Published,
                OutputSource::Stdout => judge::OutputSource::Stdout,
                OutputSource::Look(_) => judge::OutputSource::Look,
                OutputSource::Asked => judge::OutputSource::Asked,
                OutputSource::Secret => judge::OutputSource::Secret,
                OutputSource::Stderr => judge::OutputSource::Stderr,
                OutputSource::File(path) => judge::OutputSource::File(self.file(path, step)),
            },
            extract: match &output.extract {
                Extract::Whole => judge::Extract::Whole,
                Extract::FirstLine => judge::Extract::FirstLine,
                Extract::LastLine => judge::Extract::LastLine,
                Extract::Regex(text) => judge::Extract::Regex(text.value.clone()),
                Extract::Jq(text) => judge::Extract::Jq(text.value.clone()),
            },
            r#type: output.r#type.as_ref().map_or(Type::String, |kind| kind.value),
            optional: output.optional,
            is_file: check::is_read_as_file(self.playbook, &output.name.value),
        }
    }

    fn file(&mut self, path: &Spanned<Template>, step: Option<&str>) -> String {
        match self.text(path, step) {
            Text::Known(path) => path,
            Text::Deferred { .. } => {
                let message = "the path of an output's file must be known before the run starts";
                let help = "use inputs and vars only, or read the file with `run: cat ...`";
                self.faults.push(Diagnostic::error(Code::NoValue, path.span, message).help(help));
                String::new()
            }
        }
    }

    fn expected(&self, expect: &Expect) -> judge::Expect {
        judge::Expect {
            exit: expect.exit.as_ref().map_or_else(
                || judge::Expect::default().exit,
                |codes| codes.value.iter().map(|code| i32::from(code.value)).collect(),
            ),
            stdout: expect.stdout.as_ref().map(|text| text.value.clone()),
            stderr: expect.stderr.as_ref().map(|text| text.value.clone()),
            jq: expect.jq.as_ref().map(|text| text.value.clone()),
            that: expect.that.as_ref().map(|condition| self.bind(&condition.value)),
        }
    }
}

/// A secret as a command names it.
#[derive(Clone)]
struct Named {
    secret: String,
    step: Option<String>,
}

impl Named {
    fn used(self, into: SecretPlace) -> SecretUse {
        SecretUse { secret: self.secret, step: self.step, into }
    }
}

/// Returns how a secret reaches a command by a variable.
fn place(variable: &EnvVar) -> SecretPlace {
    let name = variable.name.value.clone();
    match variable.form {
        EnvForm::Value => SecretPlace::Env(name),
        EnvForm::File => SecretPlace::EnvFile(name),
    }
}
