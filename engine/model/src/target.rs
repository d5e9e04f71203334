//! `targets/NAME.yaml`: the inputs and the environment of one foundation, for every playbook that is run on it.

mod fill;

use std::collections::BTreeMap;

use crate::check::Checked;
use crate::decode;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::plan::{self, Origin, SecretSource};
use crate::playbook::Playbook;
use crate::resolve::{Given, GivenValue, sha256};
use crate::source::{Source, Span, Spanned};
use crate::suggest::did_you_mean;
use crate::value::Value;

pub(crate) use self::fill::{FillError, check};
use self::fill::{fill, is_single};

/// A whole target file.
///
/// Texts in `inputs` and `env` may hold `${{ env('NAME') }}`; [`Target::resolve`] puts it in.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name, kebab case.
    pub name: Spanned<String>,
    /// What it is, for people.
    pub description: Option<Spanned<String>>,
    /// Values of inputs; each placed at its value. No playbook has to declare them all.
    pub inputs: BTreeMap<String, Spanned<Value>>,
    /// Environment variables of every command; each placed at its value.
    pub env: BTreeMap<String, Spanned<String>>,
    /// Where its secrets come from; each placed at its source.
    pub secrets: BTreeMap<String, Spanned<SecretSource>>,
    /// Whether a run must be confirmed, and nothing may differ from what was committed.
    pub is_protected: bool,
}

/// What a target gives to one playbook.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values of the inputs that the playbook declares.
    pub given: BTreeMap<String, Given>,
    /// What the plan says of the target.
    pub target: plan::Target,
    /// Warnings: names that were probably meant to be others.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a target and returns every finding, in the order of their places.
///
/// `file_stem` is its file's name without `.yaml`, if known. There is a target if and only if no finding is an error.
pub fn load(source: &Source, file_stem: Option<&str>) -> (Option<Target>, Vec<Diagnostic>) {
    let (target, mut diagnostics) = decode::target(source);
    diagnostics.extend(target.as_ref().and_then(|target| file_name(target, file_stem)));
    let diagnostics = decode::in_order(diagnostics);
    let is_sound = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    (target.filter(|_| is_sound), diagnostics)
}

fn file_name(target: &Target, file_stem: Option<&str>) -> Option<Diagnostic> {
    let name = &target.name;
    let stem = file_stem.filter(|stem| !name.value.is_empty() && *stem != name.value)?;
    let message = format!("the target is called `{}`, its file `{}.yaml`", name.value, stem.escape_debug());
    Some(Diagnostic::error(Code::FileName, name.span, message).help("a target has the name of its file"))
}

impl Target {
    /// Returns what the target gives to a playbook; `env` knows the engine's own environment.
    ///
    /// Inputs that the playbook does not declare are left out: a target serves many playbooks. Every variable that `env`
    /// does not know and the playbook needs is a fault.
    pub fn resolve(
        &self,
        source: &Source,
        playbook: &Checked<Playbook>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Resolved, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let declared = self.inputs.iter().filter(|(name, _)| playbook.inputs.iter().any(|it| it.name.value == **name));
        let mut given = BTreeMap::new();
        for (name, value) in declared {
            match fill(&value.value, &env) {
                Ok(filled) => given.insert(name.clone(), self.given(&value.value, filled)).map_or((), drop),
                Err(error) => faults.push(no_value(&error, value.span)),
            }
        }
        given.extend(self.secrets_of(playbook));
        let mut variables = BTreeMap::new();
        for (name, text) in &self.env {
            match fill::text(&text.value, &env) {
                Ok(filled) => variables.insert(name.clone(), filled).map_or((), drop),
                Err(error) => faults.push(no_value(&error, text.span)),
            }
        }
        if !faults.is_empty() {
            return Err(decode::in_order(faults));
        }
        let target = plan::Target {
            name: self.name.value.clone(),
            text_sha256: sha256(source.text.as_bytes()),
            is_protected: self.is_protected,
            env: variables,
        };
        Ok(Resolved { given, target, warnings: self.mistaken(playbook) })
    }

    /// Returns the secrets that the playbook declares.
    fn secrets_of(&self, playbook: &Playbook) -> impl Iterator<Item = (String, Given)> {
        let origin = Origin::Target(self.name.value.clone());
        let declared = self.secrets.iter().filter(|(name, _)| playbook.secret(name).is_some());
        declared.map(move |(name, source)| {
            (name.clone(), Given { value: GivenValue::Secret(source.value.clone()), origin: origin.clone() })
        })
    }

    /// Text that comes from the environment is read by the input's type, as text of the command line is.
    fn given(&self, written: &Value, filled: Value) -> Given {
        let value = match filled {
            Value::String(text) if is_single(written) => GivenValue::Text(text),
            value => GivenValue::Value(value),
        };
        Given { value, origin: Origin::Target(self.name.value.clone()) }
    }

    /// Returns a warning for each name that is nearly that of an input for which the target has no value.
    fn mistaken(&self, playbook: &Checked<Playbook>) -> Vec<Diagnostic> {
        let names: Vec<&str> = playbook.inputs.iter().map(|input| input.name.value.as_str()).collect();
        let missing = names.iter().copied().filter(|name| !self.inputs.contains_key(*name));
        let ignored = self.inputs.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let warnings = ignored.filter_map(|(name, value)| {
            let help = did_you_mean(name, missing.clone())?;
            let message = format!("`{}` has no input `{name}`, so this value is not used", playbook.name.value);
            Some(Diagnostic::warning(Code::UnknownGiven, value.span, message).help(help))
        });
        decode::in_order(warnings.collect())
    }
}

fn no_value(error: &FillError, span: Span) -> Diagnostic {
    Diagnostic::error(Code::NoValue, span, error.to_string()).maybe_help(error.help())
}
