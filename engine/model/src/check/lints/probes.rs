//! Probes whose answers do not mean what they seem to mean.

use super::script;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Command, Expect, Playbook, Probe, Step};

/// Programs and scripts that succeed whatever has happened.
const ALWAYS: [&str; 4] = ["true", "/bin/true", ":", "exit 0"];

/// Warns of what is wrong with each probe.
pub(super) fn of(playbook: &Playbook) -> Vec<Diagnostic> {
    let steps = || playbook.steps.iter().chain(&playbook.finally);
    let guards = playbook.guards.iter().chain(steps().flat_map(|step| &step.guards)).map(|guard| &guard.probe);
    let verifies = steps().filter_map(|step| step.verify.as_deref());
    let invariants = playbook.invariants.iter().map(|invariant| &invariant.probe);
    let probes = guards.chain(verifies).chain(invariants);
    let answers = probes.flat_map(|probe| [negated(probe), one(&probe.expect)]).flatten();
    answers.chain(steps().filter_map(repeats)).collect()
}

/// Warns of `!`, which turns *could not tell* into *holds*.
fn negated(probe: &Probe) -> Option<Diagnostic> {
    let Command::Run(text) = &probe.invocation.command else {
        return None;
    };
    let commands = script::commands(&script::text(&text.value));
    commands.iter().find(|command| command.words.first().is_some_and(|word| word == "!"))?;
    let help = "let the command say it itself, or write `if COMMAND; then exit 1; fi`, which is still wrong if COMMAND \
                may fail for another reason: look at its exit code";
    let message = "with `!` this probe holds also when its command cannot tell";
    Some(Diagnostic::warning(Code::Negated, text.span, message).help(help))
}

/// Warns of an exit code that says both that the probe holds and that it does not.
fn one(expect: &Expect) -> Option<Diagnostic> {
    let code = expect.exit.iter().flat_map(|codes| &codes.value).find(|code| code.value == 1)?;
    if has_content(expect) {
        return None;
    }
    let message = "exit code 1 says *does not hold* of a probe; here it counts as *holds*";
    let help = "say in `stdout`, `stderr`, `jq` or `that` what the probe must have seen";
    Some(Diagnostic::warning(Code::ExitOne, code.span, message).help(help))
}

/// Warns of a verify that adds nothing to the exit code of its step.
fn repeats(step: &Step) -> Option<Diagnostic> {
    let verify = step.verify.as_deref()?;
    let command = words(&verify.invocation.command);
    let is_always = matches!(command.as_slice(), [word] if ALWAYS.contains(&word.trim()));
    let is_same = step.invocation().is_some_and(|own| command == words(&own.command))
        && verify.expect.exit.is_none()
        && !has_content(&verify.expect);
    if !(is_always || is_same) {
        return None;
    }
    let message = format!("this says nothing about `{}` that its exit code has not said", step.id.value);
    let help = "look at the effect itself, with a command that only reads";
    Some(Diagnostic::warning(Code::EmptyVerify, verify.invocation.command.span(), message).help(help))
}

fn has_content(expect: &Expect) -> bool {
    expect.stdout.is_some() || expect.stderr.is_some() || expect.jq.is_some() || expect.that.is_some()
}

fn words(command: &Command) -> Vec<String> {
    command.templates().map(|word| word.value.display().to_string()).collect()
}
