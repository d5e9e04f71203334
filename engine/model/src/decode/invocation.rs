//! Commands with what is around them, and what is expected of them.

use super::fields::{Field, Fields};
use super::{Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Command, EnvForm, EnvVar, Expect, Invocation, Shell};
use crate::shell::ShellKind;
use crate::source::Spanned;
use crate::template::Template;
use crate::yaml::Kind;

/// The variables with this prefix are the engine's.
const RESERVED_PREFIX: &str = "FIREDRILL_";
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "su", "ssh"];
/// The options of `ssh` that take an argument.
const SSH_OPTIONS: &str = "BbcDEeFIiJLlmOoPpQRSWw";

impl Decoder<'_> {
    /// Returns the command of a map that must have one, an empty one if it is faulty.
    pub(super) fn invocation(&mut self, fields: &Fields<'_>) -> Invocation {
        let shell = fields.get("shell").and_then(|field| self.shell(field));
        let kind = shell.as_ref().map_or(self.shell, |shell| kind(&shell.value));
        let command = self.people(fields).or_else(|| self.command(fields, kind));
        let command = command.unwrap_or(Command::Argv(Spanned::new(Vec::new(), fields.head)));
        Invocation {
            command,
            shell,
            env: fields.get("env").map_or_else(Vec::new, |field| self.env(field)),
            dir: fields.get("dir").and_then(|field| self.template(field)),
            stdin: fields.get("stdin").and_then(|field| self.template(field)),
            timeout: self.time_limit(fields),
        }
    }

    fn command(&mut self, fields: &Fields<'_>, shell: ShellKind) -> Option<Command> {
        match (fields.get("argv"), fields.get("run")) {
            (Some(argv), None) => self.argv(argv),
            (None, Some(run)) => {
                let script = self.script(run, shell)?;
                if !script.value.pieces().is_empty() {
                    return Some(Command::Run(script));
                }
                self.refuse(Code::Empty, script.span, "`run` must not be empty".to_owned(), None)
            }
            (Some(argv), Some(run)) => {
                let (argv, run) = (self.argv(argv), self.script(run, shell));
                self.exclusive(fields, "argv", "run");
                argv.or(run.map(Command::Run))
            }
            (None, None) if fields.asks_people() => None,
            (None, None) => {
                self.missing(fields, "`argv` or `run`");
                None
            }
        }
    }

    /// Reports two keys that exclude each other, at the second.
    pub(super) fn exclusive(&mut self, fields: &Fields<'_>, one: &str, other: &str) {
        let places = [one, other].map(|key| (fields.key_span(key).unwrap_or(fields.head), key));
        let ((first, early), (second, late)) = match places {
            [one, other] if one.0 <= other.0 => (one, other),
            [one, other] => (other, one),
        };
        let message = format!("`{late}` and `{early}` exclude each other");
        self.report(Diagnostic::error(Code::Exclusive, second, message).note(first, format!("`{early}` stands here")));
    }

    fn argv(&mut self, field: Field<'_>) -> Option<Command> {
        if scalar(field.node).is_some() {
            return self.computed_argv(field);
        }
        let items = self.some_items(field)?;
        let words = self.words(items);
        Some(Command::Argv(Spanned::new(words, field.node.span)))
    }

    fn computed_argv(&mut self, field: Field<'_>) -> Option<Command> {
        let help = "write a list: [program, argument], or use `run` for a script";
        match self.setting(field) {
            Some(template) => template.map(Command::Computed),
            None => self.wrong_with(field, "a list", Some(help.to_owned())),
        }
    }

    /// Returns the words of an argv; those that a shell will read must have their values filtered with `quote`.
    fn words(&mut self, items: Vec<Field<'_>>) -> Vec<Spanned<Template>> {
        let texts: Vec<&str> = items.iter().map(|item| scalar(item.node).map_or("", |scalar| &scalar.text)).collect();
        let first_remote = first_remote(&texts);
        let mut shell_above = false;
        let mut words = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let is_code = at >= first_remote || (shell_above && at > 0 && takes_code(texts[at - 1]));
            let word = if is_code { self.script(item, ShellKind::Opaque) } else { self.word(item) };
            words.extend(word);
            shell_above |= SHELLS.contains(&base_name(texts[at]));
        }
        words
    }

    /// Returns a shell.
    pub(super) fn shell(&mut self, field: Field<'_>) -> Option<Spanned<Shell>> {
        let span = field.node.span;
        if scalar(field.node).is_some() {
            return Some(self.choice(field, &[("sh", ShellKind::Posix), ("bash", ShellKind::Bash)])?.map(named));
        }
        let items = self.some_items(field)?;
        let words = items.into_iter().filter_map(|item| self.word(item)).collect();
        Some(Spanned::new(Shell::Argv(words), span))
    }

    /// Returns environment variables.
    pub(super) fn env(&mut self, field: Field<'_>) -> Vec<EnvVar> {
        let entries = self.named(field);
        entries.into_iter().filter_map(|(name, value)| self.env_var(name, value)).collect()
    }

    fn env_var(&mut self, name: &Spanned<String>, value: Field<'_>) -> Option<EnvVar> {
        self.check_variable(name);
        if matches!(value.node.kind, Kind::Map(_)) {
            let fields = self.fields(value, super::Block::EnvFile)?;
            let file = self.required(&fields, "file")?;
            return Some(EnvVar { name: name.clone(), value: self.template(file)?, form: EnvForm::File });
        }
        Some(EnvVar { name: name.clone(), value: self.word(value)?, form: EnvForm::Value })
    }

    /// Reports the name of a variable that is none, or the engine's.
    pub(super) fn check_variable(&mut self, name: &Spanned<String>) {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_name = name.value.bytes().all(is_letter) && !name.value.starts_with(|c: char| c.is_ascii_digit());
        if !is_name {
            let message = "a variable's name is letters, digits and `_`, no digit first".to_owned();
            self.report(Diagnostic::error(Code::BadName, name.span, message));
        }
        if name.value.starts_with(RESERVED_PREFIX) {
            let message = format!("variables that start with `{RESERVED_PREFIX}` are set by the engine");
            self.report(Diagnostic::error(Code::BadName, name.span, message));
        }
    }

    /// Returns what is expected of a command.
    pub(super) fn expect(&mut self, field: Option<Field<'_>>) -> Expect {
        let Some(fields) = field.and_then(|field| self.fields(field, super::Block::Expect)) else {
            return Expect::default();
        };
        Expect {
            exit: fields.get("exit").and_then(|field| self.exit_codes(field)),
            stdout: fields.get("stdout").and_then(|field| self.regex(field)),
            stderr: fields.get("stderr").and_then(|field| self.regex(field)),
            jq: fields.get("jq").and_then(|field| self.jq(field)),
            that: fields.get("that").and_then(|field| self.condition(field)),
        }
    }

    fn exit_codes(&mut self, field: Field<'_>) -> Option<Spanned<Vec<Spanned<u8>>>> {
        let codes = match &field.node.kind {
            Kind::List(_) => {
                let items = self.some_items(field)?;
                items.into_iter().filter_map(|item| self.exit_code(item)).collect()
            }
            Kind::Scalar(_) | Kind::Map(_) => vec![self.exit_code(field)?],
        };
        Some(Spanned::new(codes, field.node.span))
    }
}

/// Returns which quoting rules a shell has.
pub(super) fn kind(shell: &Shell) -> ShellKind {
    match shell {
        Shell::Sh => ShellKind::Posix,
        Shell::Bash => ShellKind::Bash,
        Shell::Argv(_) => ShellKind::Opaque,
    }
}

fn named(kind: ShellKind) -> Shell {
    match kind {
        ShellKind::Bash => Shell::Bash,
        ShellKind::Posix | ShellKind::Opaque => Shell::Sh,
    }
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Returns whether an option makes the next word a script, such as `-c` or `-lc`.
fn takes_code(option: &str) -> bool {
    option.strip_prefix('-').is_some_and(|letters| {
        letters.ends_with('c') && letters.bytes().all(|byte| byte.is_ascii_alphabetic()) || option == "--command"
    })
}

/// Returns the first word that `ssh` hands to the shell of the other side, the number of words if there is none.
fn first_remote(words: &[&str]) -> usize {
    if words.first().is_none_or(|program| base_name(program) != "ssh") {
        return words.len();
    }
    let mut at = 1;
    while let Some(letters) = words.get(at).and_then(|word| word.strip_prefix('-')) {
        let mut chars = letters.chars();
        let takes_next = chars.next().is_some_and(|option| SSH_OPTIONS.contains(option)) && chars.next().is_none();
        at += if takes_next { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_another_shell_reads() {
        let remote = |words: &[&str]| first_remote(words);
        assert_eq!(remote(&["ssh", "-i", "key", "-tt", "host", "reboot", "now"]), 5);
        assert_eq!(remote(&["ssh", "host"]), 2);
        assert_eq!(remote(&["/usr/bin/ssh", "-o", "BatchMode=yes", "${{ inputs.host }}", "ls"]), 4);
        assert_eq!(remote(&["bosh", "ssh"]), 2);
        assert!(["-c", "-lc", "-euc", "--command"].into_iter().all(takes_code));
        assert!(!["c", "-C", "--cc", "-c1"].into_iter().any(takes_code));
    }
}
