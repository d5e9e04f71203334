//! What a playbook gives to the one that it uses.

use super::accept;
use super::names::index;
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Body, Given, Guard, Input, Playbook, Required, Secrecy, Step, Use, UsedPlaybook};
use crate::source::Spanned;
use crate::suggest::did_you_mean;
use crate::value::Value;

/// Checks every use of a playbook that could be read.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let uses = playbook.steps.iter().filter_map(|step| match &step.body {
        Body::Use(used) => Some((step, &**used, playbook.used.get(&used.path.value)?)),
        Body::Command(_) | Body::Group(_) => None,
    });
    uses.flat_map(|(step, used, file)| {
        let given = used.with.iter().filter_map(|(name, value)| given(file, name, value));
        let missing = file.checked.inputs.iter().filter_map(|input| missing(playbook, used, input));
        given.chain(missing).chain(guards(step, file)).collect::<Vec<_>>()
    })
    .collect()
}

/// Reports a value for an input that the used playbook does not have or that refuses it.
fn given(file: &UsedPlaybook, name: &Spanned<String>, value: &Spanned<Given<Value>>) -> Option<Diagnostic> {
    let inputs = &file.checked.inputs;
    let Some(input) = inputs.iter().find(|input| input.name.value == name.value) else {
        let message = format!("`{}` has no input `{}`", file.checked.name.value, name.value);
        let help = did_you_mean(&name.value, inputs.iter().map(|input| input.name.value.as_str()));
        return Some(Diagnostic::error(Code::UnknownGiven, name.span, message).maybe_help(help));
    };
    let Given::Written(written) = &value.value else { return None };
    if input.secrecy == Secrecy::Secret {
        let message = format!("`{}` is a secret: its value is never given", name.value);
        let help = "give it a secret of this playbook, alone in its braces";
        return Some(Diagnostic::error(Code::SecretGiven, value.span, message).help(help));
    }
    let fault = accept(&input.shape, written).err()?;
    let message = format!("input `{}` of `{}` refuses this: {fault}", name.value, file.checked.name.value);
    Some(Diagnostic::error(Code::InvalidInput, value.span, message).maybe_help(fault.help))
}

/// Reports an input of the used playbook for which there is no value.
fn missing(playbook: &Playbook, used: &Use, input: &Input) -> Option<Diagnostic> {
    let name = &input.name.value;
    let is_needed = matches!(input.required, Required::Always) && input.default.is_none();
    if !is_needed || used.with.iter().any(|(given, _)| given.value == *name) {
        return None;
    }
    let own = playbook.inputs.iter().find(|own| own.name.value == *name);
    let kind = input.shape.r#type.value;
    let help = match own {
        Some(own) if own.shape.r#type.value == kind && own.secrecy == input.secrecy => return None,
        Some(own) if own.secrecy != input.secrecy => "only one of the two inputs of this name is a secret".to_owned(),
        Some(own) => format!("this playbook has an input of this name, but it is a {}", own.shape.r#type.value.name()),
        None => format!("give it under `with`, or declare an input `{name}` of the same type: {}", kind.name()),
    };
    let message = format!("input `{name}` of `{}` needs a value", used.path.value);
    Some(Diagnostic::error(Code::MissingInput, used.path.span, message).help(help))
}

/// Reports guards of the step that are called like those of the playbook that it uses.
fn guards(step: &Step, file: &UsedPlaybook) -> Vec<Diagnostic> {
    let theirs = index(file.checked.guards.iter().map(|guard| &guard.id));
    let same = step.guards.iter().filter(|guard| theirs.contains_key(guard.id.value.as_str()));
    let report = |guard: &Guard| {
        let message = format!("`{}` has a guard `{}` too", file.checked.name.value, guard.id.value);
        Diagnostic::error(Code::DuplicateId, guard.id.span, message)
    };
    same.map(report).collect()
}
