//! The wall around minijinja: values are converted and bounded on the way in and on the way out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::{Value as Engine, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use super::EvalError;
use super::names::{Finding, references};
use super::reference::Reference;
use super::scope::Scope;
use crate::shell::quote_bare;
use crate::template::FaultCode;
use crate::value::{Float, Value};

/// Instructions and bytes that one evaluation may cost.
const FUEL: u64 = 20_000_000;
/// Longest text of one expression.
const MAX_SOURCE: usize = 1 << 20;
/// Bytes that one result may hold.
const MAX_RESULT: usize = 16 << 20;
/// Bytes that each value of a result counts for, besides its text.
const NODE: usize = 32;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("quote", quote);
    environment.add_filter("join", join);
    environment.add_filter("string", string);
    environment.add_filter("tojson", to_json);
    environment
});

/// Checks the syntax and returns the names that the expression uses.
pub(super) fn analyse(source: &str, items: &[String]) -> Result<Vec<Reference>, Finding> {
    if source.trim().is_empty() {
        return Err(Finding::new(FaultCode::Syntax, "the expression is empty"));
    }
    if source.len() > MAX_SOURCE {
        return Err(Finding::new(FaultCode::Syntax, "the expression is longer than 1 MiB"));
    }
    let found = references(source, items)?;
    match ENVIRONMENT.compile_expression(source) {
        Ok(_) => Ok(found),
        Err(error) => Err(Finding::new(FaultCode::Syntax, message(&error))),
    }
}

/// Evaluates an expression that was analysed before.
pub(super) fn evaluate(source: &str, references: &[Reference], scope: &Scope) -> Result<Value, EvalError> {
    let source_text = || source.to_owned();
    let failed = |error: &Error| match first_missing(references, scope) {
        Some(reference) if error.kind() == ErrorKind::UndefinedError => scope.missing(&reference),
        _ => EvalError::Evaluation { source_text: source_text(), message: message(error) },
    };
    let expression = ENVIRONMENT.compile_expression(source).map_err(|error| failed(&error))?;
    let result = expression.eval(context(references, scope)).map_err(|error| failed(&error))?;
    if result.is_undefined() {
        return Err(match first_missing(references, scope) {
            Some(reference) => scope.missing(&reference),
            None => EvalError::Undefined { source_text: source_text() },
        });
    }
    let mut budget = MAX_RESULT;
    from_engine(&result, &mut budget).map_err(|error| failed(&error))
}

fn first_missing(references: &[Reference], scope: &Scope) -> Option<Reference> {
    references.iter().find(|reference| scope.get(reference).is_none()).cloned()
}

/// Builds what the engine sees: the names that the expression uses and no others.
fn context(references: &[Reference], scope: &Scope) -> Engine {
    let mut root = Level::default();
    for reference in references {
        if let Some(value) = scope.get(reference) {
            root.insert(reference, to_engine(value));
        }
    }
    root.into_engine()
}

/// A level of the tree of names.
#[derive(Default)]
struct Level<'a> {
    below: BTreeMap<&'a str, Level<'a>>,
    value: Option<Engine>,
}

impl<'a> Level<'a> {
    fn insert(&mut self, reference: &'a Reference, value: Engine) {
        let mut level = self;
        for segment in reference.segments() {
            level = level.below.entry(segment).or_default();
        }
        level.value = Some(value);
    }

    fn into_engine(self) -> Engine {
        let below = self.below;
        self.value
            .unwrap_or_else(|| Engine::from_pairs(below.into_iter().map(|(name, level)| (name, level.into_engine()))))
    }
}

fn to_engine(value: &Value) -> Engine {
    match value {
        Value::None => Engine::from(()),
        Value::Bool(truth) => Engine::from(*truth),
        Value::Int(number) => Engine::from(*number),
        Value::Float(number) => Engine::from(number.get()),
        Value::String(text) => Engine::from(text.as_str()),
        Value::List(items) => Engine::from(items.iter().map(to_engine).collect::<Vec<_>>()),
        Value::Map(entries) => {
            Engine::from_pairs(entries.iter().map(|(name, value)| (name.as_str(), to_engine(value))))
        }
    }
}

fn from_engine(value: &Engine, budget: &mut usize) -> Result<Value, Error> {
    spend(budget, NODE)?;
    match value.kind() {
        ValueKind::None => Ok(Value::None),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::String => text(value, budget).map(Value::String),
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.map(|item| from_engine(&item, budget)).collect::<Result<_, _>>().map(Value::List)
        }
        ValueKind::Map => map(value, budget),
        ValueKind::Undefined => Err(ErrorKind::UndefinedError.into()),
        other => Err(invalid(format!("{other} is not a value"))),
    }
}

fn number(value: &Engine) -> Result<Value, Error> {
    if value.is_integer() {
        return value.as_i64().map(Value::Int).ok_or_else(|| invalid("the integer is beyond 64 bits"));
    }
    let float = f64::try_from(value.clone())?;
    Float::new(float).map(Value::Float).ok_or_else(|| invalid("the number is not finite"))
}

fn text(value: &Engine, budget: &mut usize) -> Result<String, Error> {
    let text = value.as_str().ok_or_else(|| invalid("a name in a map must be a string"))?;
    spend(budget, text.len())?;
    Ok(text.to_owned())
}

fn map(value: &Engine, budget: &mut usize) -> Result<Value, Error> {
    let mut entries = BTreeMap::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        entries.insert(text(&key, budget)?, from_engine(&item, budget)?);
    }
    Ok(Value::Map(entries))
}

fn spend(budget: &mut usize, cost: usize) -> Result<(), Error> {
    *budget = budget.checked_sub(cost).ok_or_else(|| invalid("the result is larger than 16 MiB"))?;
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "the expression takes too long".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

/// Returns the text of an expression that yields the value.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => value.to_json(),
        Value::List(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()).to_json(), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn own(value: &Engine) -> Result<Value, Error> {
    from_engine(value, &mut MAX_RESULT.clone())
}

fn own_text(value: &Engine) -> Result<String, Error> {
    let value = own(value)?;
    value.text().map(std::borrow::Cow::into_owned).ok_or_else(|| invalid("`none` has no text"))
}

/// The value as one word for a shell, a list as several.
fn quote(value: &Engine) -> Result<String, Error> {
    match own(value)? {
        Value::List(items) => words(&items),
        other => words(&[other]),
    }
}

fn words(items: &[Value]) -> Result<String, Error> {
    let words = items.iter().map(|item| match item.text() {
        Some(text) => Ok(quote_bare(&text)),
        None => Err(invalid("`none` cannot be quoted")),
    });
    Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "))
}

fn join(value: &Engine, separator: Option<&str>) -> Result<String, Error> {
    let mut budget = MAX_RESULT;
    let mut joined = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        let separator = separator.filter(|_| index > 0).unwrap_or_default();
        let text = own_text(&item)?;
        spend(&mut budget, separator.len() + text.len() + NODE)?;
        joined.push_str(separator);
        joined.push_str(&text);
    }
    Ok(joined)
}

fn string(value: &Engine) -> Result<String, Error> {
    own_text(value)
}

fn to_json(value: &Engine) -> Result<String, Error> {
    Ok(own(value)?.to_json())
}
