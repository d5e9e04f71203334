//! Inputs and vars: what was given, held against what was declared.

use std::collections::BTreeMap;

use crate::check::accept;
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Reference, Scope};
use crate::plan::{Origin, SecretSource};
use crate::playbook::{self, Input, Playbook, Required, Secrecy};
use crate::source::{Span, Spanned};
use crate::suggest::did_you_mean;
use crate::value::Value;

/// A value that somebody gave for an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: GivenValue,
    /// Where it came from.
    pub origin: Origin,
}

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenValue {
    /// Text, to be read by the input's type.
    Text(String),
    /// A value of a file.
    Value(Value),
    /// Where the value of a secret comes from.
    Secret(SecretSource),
}

/// Every input with its value and where it came from.
pub(super) struct Inputs {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) secrets: BTreeMap<String, SecretSource>,
    pub(super) origins: BTreeMap<String, Origin>,
}

/// Returns the values of all inputs, or everything that is wrong with what was given.
pub(super) fn inputs(playbook: &Playbook, given: &BTreeMap<String, Given>) -> Result<Inputs, Vec<Diagnostic>> {
    inputs_without(playbook, given, &[])
}

/// Returns the values of all inputs but those that are `late`.
pub(super) fn inputs_without(
    playbook: &Playbook,
    given: &BTreeMap<String, Given>,
    late: &[&str],
) -> Result<Inputs, Vec<Diagnostic>> {
    let mut faults: Vec<Diagnostic> = given.keys().filter_map(|name| unknown(playbook, name)).collect();
    let mut inputs = Inputs { values: BTreeMap::new(), secrets: BTreeMap::new(), origins: BTreeMap::new() };
    for input in playbook.inputs.iter().filter(|input| !late.contains(&input.name.value.as_str())) {
        let name = &input.name.value;
        if input.secrecy == Secrecy::Secret {
            match secret(input, given.get(name)) {
                Ok((source, origin)) => {
                    inputs.secrets.insert(name.clone(), source);
                    inputs.origins.insert(name.clone(), origin);
                }
                Err(fault) => faults.push(fault),
            }
            continue;
        }
        match value(input, given.get(&input.name.value)) {
            Ok((value, origin)) => {
                inputs.values.insert(input.name.value.clone(), value);
                inputs.origins.insert(input.name.value.clone(), origin);
            }
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(missing(playbook, &inputs.values));
    if faults.is_empty() { Ok(inputs) } else { Err(faults) }
}

fn unknown(playbook: &Playbook, name: &str) -> Option<Diagnostic> {
    let names = playbook.inputs.iter().map(|input| input.name.value.as_str());
    if names.clone().any(|known| known == name) {
        return None;
    }
    let message = format!("the playbook has no input `{name}`");
    let help = did_you_mean(name, names);
    Some(Diagnostic::error(Code::UnknownGiven, playbook.name.span, message).maybe_help(help))
}

/// Returns where a secret comes from.
fn secret(input: &Input, given: Option<&Given>) -> Result<(SecretSource, Origin), Diagnostic> {
    let name = &input.name.value;
    let help = || format!("say where it comes from: --secret {name}=env:VARIABLE, or `secrets` of a target");
    match given {
        Some(Given { value: GivenValue::Secret(source), origin }) => Ok((source.clone(), origin.clone())),
        // The value is not repeated: it may be the secret.
        Some(Given { value: GivenValue::Text(_) | GivenValue::Value(_), .. }) => {
            let message = format!("`{name}` is a secret: its value is never given, only where it comes from");
            Err(Diagnostic::error(Code::SecretGiven, input.name.span, message).help(help()))
        }
        None => {
            let message = format!("secret `{name}` comes from nowhere");
            Err(Diagnostic::error(Code::MissingInput, input.name.span, message).help(help()))
        }
    }
}

/// Returns the value of an input; `none` if nothing was given and there is no default.
fn value(input: &Input, given: Option<&Given>) -> Result<(Value, Origin), Diagnostic> {
    let Some(given) = given else {
        let default = input.default.as_ref().map_or(Value::None, |default| default.value.clone());
        return Ok((default, Origin::Default));
    };
    let kind = input.shape.r#type.value;
    let value = match &given.value {
        GivenValue::Text(text) => kind.read(text),
        GivenValue::Value(value) => Ok(value.clone()),
        GivenValue::Secret(_) => {
            let message = format!("`{}` is no secret", input.name.value);
            let help = "give its value with --input, or declare it with `secret: true`";
            return Err(Diagnostic::error(Code::NoSecret, input.name.span, message).help(help));
        }
    };
    let value = value.map_err(|mismatch| invalid(input, given, &mismatch.message, mismatch.help))?;
    let value = accept(&input.shape, &value).map_err(|fault| invalid(input, given, &fault.message, fault.help))?;
    Ok((value, given.origin.clone()))
}

fn invalid(input: &Input, given: &Given, why: &str, help: Option<String>) -> Diagnostic {
    let place = match &given.origin {
        Origin::Target(target) => format!(" by target `{target}`"),
        Origin::File(_) | Origin::Flag | Origin::Default | Origin::Sandbox => String::new(),
    };
    let message = format!("the value given{place} for input `{}` is not allowed: {why}", input.name.value);
    let described = input.description.as_ref().map(|text| text.value.trim().to_owned());
    Diagnostic::error(Code::InvalidInput, input.name.span, message).maybe_help(help.or(described))
}

fn missing(playbook: &Playbook, values: &BTreeMap<String, Value>) -> Vec<Diagnostic> {
    let scope = Scope::new().with_inputs(values.clone());
    let absent = playbook.inputs.iter().filter(|input| values.get(&input.name.value) == Some(&Value::None));
    absent.filter(|input| is_required(input, &scope)).map(absent_input).collect()
}

/// An expression that has no value yet asks for the input: too much is better than too little.
fn is_required(input: &Input, scope: &Scope) -> bool {
    match &input.required {
        Required::Always => true,
        Required::Never => false,
        Required::When(when) => when.value.eval_condition(scope).unwrap_or(true),
    }
}

fn absent_input(input: &Input) -> Diagnostic {
    let name = &input.name.value;
    let what = input.description.as_ref().map(|text| format!(" ({})", text.value.trim())).unwrap_or_default();
    Diagnostic::error(Code::MissingInput, input.name.span, format!("input `{name}` needs a value{what}"))
        .help(format!("give it with --input {name}=VALUE or in a file with --inputs FILE"))
}

/// Returns the values of all vars. Their cycles were refused by the checks.
pub(super) fn vars(playbook: &Playbook, scope: Scope) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    vars_without(playbook, scope, |_| false)
}

/// Returns the values of all vars but those that are late.
pub(super) fn vars_without(
    playbook: &Playbook,
    mut scope: Scope,
    is_late: impl Fn(&Reference) -> bool,
) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    let known = playbook.vars.iter().filter(|var| !is_late(&Reference::Var(var.name.value.clone())));
    let mut waiting: Vec<&playbook::Var> = known.collect();
    while !waiting.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|var| needed_vars(var).all(|name| values.contains_key(name)));
        if ready.is_empty() {
            break;
        }
        for var in ready {
            let value = var_value(var, &scope).unwrap_or_else(|fault| {
                faults.push(fault);
                Value::None
            });
            scope.set(&Reference::Var(var.name.value.clone()), value.clone());
            values.insert(var.name.value.clone(), value);
        }
        waiting = later;
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

fn needed_vars(var: &playbook::Var) -> impl Iterator<Item = &String> {
    let template = match &var.value.value {
        playbook::Given::Computed(template) => Some(template),
        playbook::Given::Written(_) => None,
    };
    template.into_iter().flat_map(super::super::template::Template::references).filter_map(
        |reference| match reference {
            Reference::Var(name) => Some(name),
            Reference::Input(_)
            | Reference::StepOutput { .. }
            | Reference::StepFile { .. }
            | Reference::StepOutcome(_)
            | Reference::StepExitCode(_)
            | Reference::GuardOutput { .. }
            | Reference::Last(_)
            | Reference::Target(_)
            | Reference::Run(_)
            | Reference::Attempt(_)
            | Reference::Sandbox(_)
            | Reference::Item(_) => None,
        },
    )
}

fn var_value(var: &playbook::Var, scope: &Scope) -> Result<Value, Diagnostic> {
    match &var.value.value {
        playbook::Given::Written(value) => Ok(value.clone()),
        playbook::Given::Computed(template) => {
            template.render(scope).map_err(|error| no_value(&var.value, &error.to_string()))
        }
    }
}

fn no_value<T>(at: &Spanned<T>, why: &str) -> Diagnostic {
    let span: Span = at.span;
    Diagnostic::error(Code::NoValue, span, why)
}
