//! What the names of expressions stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::EvalError;
use super::reference::{AttemptField, Reference, RunField, TargetField};
use crate::plan::Target;
use crate::value::Value;

/// The values that expressions see: a tree of roots (`inputs`, `vars`, `steps`, ...).
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    names: BTreeMap<String, Value>,
    /// What is too large for a value.
    withheld: BTreeSet<Reference>,
}

impl Scope {
    /// Returns a scope that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds inputs.
    pub fn with_inputs(self, inputs: impl IntoIterator<Item = (String, Value)>) -> Self {
        inputs.into_iter().fold(self, |scope, (name, value)| scope.with(&Reference::Input(name), value))
    }

    /// Adds vars.
    pub fn with_vars(self, vars: impl IntoIterator<Item = (String, Value)>) -> Self {
        vars.into_iter().fold(self, |scope, (name, value)| scope.with(&Reference::Var(name), value))
    }

    /// Adds what the last run that succeeded has published.
    pub fn with_last(self, outputs: impl IntoIterator<Item = (String, Value)>) -> Self {
        outputs.into_iter().fold(self, |scope, (name, value)| scope.with(&Reference::Last(name), value))
    }

    /// Adds what is known of the target; none of all of it if there is no target.
    pub fn with_target(self, target: Option<&Target>) -> Self {
        let name = target.map_or(Value::None, |target| Value::from(target.name.as_str()));
        let is_protected = target.map_or(Value::None, |target| Value::from(target.is_protected));
        let scope = self.with(&Reference::Target(TargetField::Name), name);
        scope.with(&Reference::Target(TargetField::Protected), is_protected)
    }

    /// Adds an output of a step.
    pub fn with_step_output(self, step: &str, output: &str, value: Value) -> Self {
        self.with(&Reference::StepOutput { step: step.to_owned(), output: output.to_owned() }, value)
    }

    /// Adds an output of a guard.
    pub fn with_guard_output(self, guard: &str, output: &str, value: Value) -> Self {
        self.with(&Reference::GuardOutput { guard: guard.to_owned(), output: output.to_owned() }, value)
    }

    /// Adds the path of an output that is kept as a file.
    pub fn with_step_file(self, step: &str, output: &str, path: &str) -> Self {
        self.with(&Reference::StepFile { step: step.to_owned(), output: output.to_owned() }, Value::from(path))
    }

    /// Adds how a step ended.
    pub fn with_step_outcome(self, step: &str, outcome: &str) -> Self {
        self.with(&Reference::StepOutcome(step.to_owned()), Value::from(outcome))
    }

    /// Adds with which code the last attempt of a step exited.
    pub fn with_step_exit_code(self, step: &str, exit_code: i64) -> Self {
        self.with(&Reference::StepExitCode(step.to_owned()), Value::Int(exit_code))
    }

    /// Adds what is known of the run.
    pub fn with_run(self, field: RunField, value: Value) -> Self {
        self.with(&Reference::Run(field), value)
    }

    /// Adds what is known of the attempt that is asked about.
    pub fn with_attempt(self, field: AttemptField, value: Value) -> Self {
        self.with(&Reference::Attempt(field), value)
    }

    /// Adds the item of a repetition, by the name that the repetition gives it.
    pub fn with_item(self, name: &str, value: Value) -> Self {
        self.with(&Reference::Item(name.to_owned()), value)
    }

    /// Adds what the sandbox provides.
    pub fn with_sandbox(self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        values.into_iter().fold(self, |scope, (name, value)| scope.with(&Reference::Sandbox(name), value))
    }

    /// Adds the value of any name.
    pub fn with(mut self, reference: &Reference, value: Value) -> Self {
        self.set(reference, value);
        self
    }

    /// Sets the value of any name.
    pub fn set(&mut self, reference: &Reference, value: Value) {
        let segments: Vec<&str> = reference.segments().collect();
        let (last, parents) = segments.split_last().expect("a reference has at least one part");
        let mut level = &mut self.names;
        for part in parents {
            let below = level.entry((*part).to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
            let Value::Map(entries) = below else { unreachable!("no reference is a prefix of another") };
            level = entries;
        }
        level.insert((*last).to_owned(), value);
    }

    /// Makes the use of a name an error because its value is kept in a file.
    pub fn withhold(&mut self, reference: &Reference) {
        self.withheld.insert(reference.clone());
    }

    /// Returns why a name has no value.
    pub(super) fn missing(&self, reference: &Reference) -> EvalError {
        let reference = reference.clone();
        if self.withheld.contains(&reference) {
            EvalError::InFile { reference }
        } else {
            EvalError::NotKnown { reference }
        }
    }

    /// Returns the value of a name.
    pub fn get(&self, reference: &Reference) -> Option<&Value> {
        let mut segments = reference.segments();
        let root = self.names.get(segments.next()?)?;
        segments.try_fold(root, |value, segment| match value {
            Value::Map(entries) => entries.get(segment),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) | Value::List(_) => None,
        })
    }

    /// Returns everything below a root, `inputs` for example.
    pub fn root(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }
}
