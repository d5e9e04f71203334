//! What goes wrong in scripts without anybody noticing.

use super::script::{self, Simple};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Command, Invocation, OutputSource, Playbook, Shell, Step};
use crate::source::Spanned;

/// Words that may stand before a command.
const BEFORE: [&str; 9] = ["if", "elif", "then", "else", "do", "while", "until", "!", "{"];
/// Commands that have an exit code of their own, whatever they are given.
const DECLARING: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];
/// Operators of `test` that compare numbers.
const NUMBERS: [&str; 6] = ["-eq", "-ne", "-gt", "-ge", "-lt", "-le"];

/// A pitfall: its code, what goes wrong, and what to write.
type Pitfall = (Code, &'static str, &'static str);

/// Warns of the pitfalls in every command.
pub(super) fn of(playbook: &Playbook) -> Vec<Diagnostic> {
    let default = playbook.defaults.shell.as_ref();
    invocations(playbook).flat_map(|invocation| warnings(invocation, default)).collect()
}

fn warnings(invocation: &Invocation, default: Option<&Spanned<Shell>>) -> Vec<Diagnostic> {
    let shell = invocation.shell.as_ref().or(default).map(|shell| &shell.value);
    let has_pipefail = matches!(shell, Some(Shell::Bash));
    let commands = commands(&invocation.command);
    let pitfalls = commands.iter().flat_map(|command| pitfalls(command, has_pipefail));
    let warn = |(code, message, help)| Diagnostic::warning(code, invocation.command.span(), message).help(help);
    pitfalls.map(warn).collect()
}

/// Returns the simple commands: those of a script, or the one that an argv is.
fn commands(command: &Command) -> Vec<Simple> {
    match command {
        Command::Run(text) => script::commands(&script::text(&text.value)),
        Command::Argv(words) => {
            let words = words.value.iter().map(|word| script::text(&word.value)).collect();
            vec![Simple { words, is_fed: false }]
        }
        Command::Computed(_) | Command::Manual(_) | Command::Approve(_) => Vec::new(),
    }
}

fn pitfalls(command: &Simple, has_pipefail: bool) -> impl Iterator<Item = Pitfall> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let is_loop = command.is_fed && words.first() == Some(&"while") && !has_pipefail;
    let start = words.iter().take_while(|word| BEFORE.contains(word) || is_assignment(word)).count();
    let of_program = words[start..].split_first().and_then(|(program, rest)| {
        let program = program.rsplit('/').next().unwrap_or(program);
        of_program(program, rest)
    });
    is_loop.then_some(FED_LOOP).into_iter().chain(of_program)
}

const FED_LOOP: Pitfall = (
    Code::HiddenPipe,
    "a failure of the command before `| while` is not noticed",
    "write its output to a file first, or use `shell: bash`, where a failure anywhere in a pipe counts",
);
const HIDDEN: Pitfall = (
    Code::HiddenExit,
    "a failure inside `$( )` is not noticed here: the exit code is that of the declaration",
    "assign first, declare afterwards: `x=$(...)`, then `export x`",
);
const IGNORED: Pitfall = (
    Code::FaultsIgnored,
    "after `set +e` failed commands are not noticed",
    "write `|| code=$?` behind the one command that may fail",
);
const PASSWORD: Pitfall = (
    Code::AsksPeople,
    "`sudo` may ask for a password, which nobody can type here",
    "write `sudo -n`: it fails at once instead",
);
const HOST: Pitfall = (
    Code::AsksPeople,
    "`ssh` may ask for a password or a host key, which nobody can type here",
    "add `-o BatchMode=yes`: it fails at once instead",
);
const REMOVED: Pitfall = (
    Code::RemovesTooMuch,
    "if the variable is empty this removes what lies below `/`",
    "write `\"${NAME:?}/...\"`: the script then ends at an empty value",
);
const KILLED: Pitfall = (
    Code::KilledAtOnce,
    "a process that is killed with KILL cannot put anything in order",
    "send TERM and wait; say in the playbook why, if only KILL is left",
);
const UNQUOTED: Pitfall = (
    Code::UnquotedTest,
    "a value in a test is not quoted: if it is empty or holds blanks, the test means something else",
    "put it into double quotes: `[ \"$x\" = y ]`",
);

fn of_program(program: &str, rest: &[&str]) -> Option<Pitfall> {
    let has = |found: fn(&str) -> bool| rest.iter().any(|word| found(word));
    let (pitfall, applies) = match program {
        "set" => (
            IGNORED,
            rest.first().is_some_and(|word| word.starts_with('+') && word.contains('e'))
                || rest.starts_with(&["+o", "errexit"]),
        ),
        "sudo" => (PASSWORD, !has(|word| is_option(word, 'n') || word == "--non-interactive")),
        "ssh" => (HOST, !rest.is_empty() && !has(|word| word.contains("BatchMode") || word == "-V" || word == "-G")),
        "rm" => (
            REMOVED,
            has(|word| is_option(word, 'r') || is_option(word, 'R') || word == "--recursive")
                && has(starts_with_variable),
        ),
        "kill" | "pkill" | "killall" => (KILLED, has(|word| matches!(word, "-9" | "-KILL" | "-SIGKILL"))),
        "test" | "[" => (UNQUOTED, !has(|word| NUMBERS.contains(&word)) && has(is_bare_variable)),
        _ => (HIDDEN, DECLARING.contains(&program) && has(|word| word.contains("=$(") || word.contains("=\"$("))),
    };
    applies.then_some(pitfall)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns whether a word is a group of short options with this one.
fn is_option(word: &str, option: char) -> bool {
    word.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains(option))
}

/// Returns the name at the start of an expansion, and what follows it.
fn variable(word: &str) -> Option<(&str, &str)> {
    let rest = word.strip_prefix('$')?;
    let rest = rest.strip_prefix('{').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some((name, rest))
}

/// Returns whether a path is a variable, which may be empty, with `/` behind it.
fn starts_with_variable(word: &str) -> bool {
    let rest = variable(word.trim_start_matches('"')).map(|(_, rest)| rest.strip_prefix('}').unwrap_or(rest));
    rest.is_some_and(|rest| rest.trim_start_matches('"').starts_with('/'))
}

fn is_bare_variable(word: &str) -> bool {
    variable(word).is_some()
}

fn invocations(playbook: &Playbook) -> impl Iterator<Item = &Invocation> {
    let steps = playbook.steps.iter().chain(&playbook.finally).flat_map(of_step);
    let guards = playbook.guards.iter().map(|guard| &guard.probe.invocation);
    let invariants = playbook.invariants.iter().map(|invariant| &invariant.probe.invocation);
    guards.chain(steps).chain(invariants)
}

fn of_step(step: &Step) -> impl Iterator<Item = &Invocation> {
    let guards = step.guards.iter().map(|guard| &guard.probe.invocation);
    let verify = step.verify.iter().map(|verify| &verify.invocation);
    let hooks = step.hooks().map(|(_, hook)| &hook.invocation);
    let looks = step.outputs.iter().filter_map(|output| match &output.source {
        OutputSource::Look(look) => Some(look),
        OutputSource::Published
        | OutputSource::Stdout
        | OutputSource::Stderr
        | OutputSource::File(_)
        | OutputSource::Asked | OutputSource::Secret => None,
    });
    step.invocation().into_iter().chain(guards).chain(verify).chain(hooks).chain(looks)
}
