//! Inputs: whether their constraints and defaults fit their types, and which values they accept.

use std::cmp::Ordering;

use crate::diagnostic::{Code, Diagnostic};
use crate::pattern::Pattern;
use crate::playbook::{Input, Playbook, Shape};
use crate::source::Spanned;
use crate::units::{Duration, Size};
use crate::value::{Type, Value};

/// A value that an input does not accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unacceptable {
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Unacceptable {
    fn new(message: String) -> Self {
        Self { message, help: None }
    }
}

/// Returns a value as the shape's type holds it, if the shape accepts it.
///
/// # Errors
/// The first constraint that the value does not meet.
pub fn accept(shape: &Shape, value: &Value) -> Result<Value, Unacceptable> {
    let kind = shape.r#type.value;
    let mismatch =
        |mismatch: crate::value::TypeMismatch| Unacceptable { message: mismatch.message, help: mismatch.help };
    let value = kind.check(value).map_err(mismatch)?;
    let allowed = shape.allowed.iter().flatten();
    if shape.allowed.is_some() && allowed.clone().all(|allowed| allowed.value != value) {
        let choices: Vec<String> = allowed.map(|allowed| allowed.value.to_string()).collect();
        return Err(Unacceptable::new(format!("`{value}` is none of {}", choices.join(", "))));
    }
    within(shape, &value)?;
    matching(shape, &value)?;
    if let Some(items) = &shape.items {
        for item in items_of(&value) {
            accept(items, item)
                .map_err(|fault| Unacceptable { message: format!("an item: {}", fault.message), ..fault })?;
        }
    }
    Ok(value)
}

/// Checks all inputs and brings their defaults into the form of their types.
pub(super) fn check(playbook: &mut Playbook) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for input in &mut playbook.inputs {
        let faults = constraints(&input.shape);
        let is_sound = faults.is_empty();
        diagnostics.extend(faults);
        if is_sound {
            diagnostics.extend(default(input));
        }
    }
    diagnostics
}

fn default(input: &mut Input) -> Option<Diagnostic> {
    let default = input.default.as_mut().filter(|default| default.value != Value::None)?;
    match accept(&input.shape, &default.value) {
        Ok(value) => {
            default.value = value;
            None
        }
        Err(fault) => {
            let message = format!("the default of `{}` does not fit: {}", input.name.value, fault.message);
            Some(Diagnostic::error(Code::BadDefault, default.span, message).maybe_help(fault.help))
        }
    }
}

/// Reports constraints that do not fit the type.
fn constraints(shape: &Shape) -> Vec<Diagnostic> {
    let kind = shape.r#type.value;
    let mut diagnostics: Vec<Diagnostic> =
        shape.allowed.iter().flatten().filter_map(|value| typed(kind, value)).collect();
    let bounds = [("min", &shape.min), ("max", &shape.max)];
    diagnostics.extend(bounds.into_iter().filter_map(|(key, bound)| bad_bound(kind, key, bound.as_ref()?)));
    if let Some(pattern) = shape.pattern.as_ref().filter(|_| !matches!(kind, Type::String | Type::Path)) {
        let message = format!("`pattern` needs a text, and {} is none", kind.name());
        diagnostics.push(Diagnostic::error(Code::BadConstraint, pattern.span, message));
    }
    if let Some(items) = &shape.items {
        if !matches!(kind, Type::List | Type::Map) {
            let message = format!("`items` needs a list or map, and {} is none", kind.name());
            diagnostics.push(Diagnostic::error(Code::BadConstraint, items.r#type.span, message));
        }
        diagnostics.extend(constraints(items));
    }
    if let (Some(min), Some(max), true) = (&shape.min, &shape.max, diagnostics.is_empty())
        && compare(kind, &min.value, &max.value) == Some(Ordering::Greater)
    {
        diagnostics
            .push(Diagnostic::error(Code::BadConstraint, max.span, "`max` is less than `min`").note(min.span, "`min`"));
    }
    diagnostics
}

fn typed(kind: Type, value: &Spanned<Value>) -> Option<Diagnostic> {
    let mismatch = kind.check(&value.value).err()?;
    Some(Diagnostic::error(Code::BadConstraint, value.span, mismatch.message).maybe_help(mismatch.help))
}

fn bad_bound(kind: Type, key: &str, bound: &Spanned<Value>) -> Option<Diagnostic> {
    match kind {
        Type::Integer | Type::Number | Type::Duration | Type::Size => typed(kind, bound),
        Type::String | Type::Path | Type::List | Type::Map | Type::Command => {
            let is_length = matches!(bound.value, Value::Int(length) if length >= 0);
            let message = || format!("`{key}` of a {} is a length, an integer", kind.name());
            (!is_length).then(|| Diagnostic::error(Code::BadConstraint, bound.span, message()))
        }
        Type::Boolean | Type::Timestamp => {
            let message = format!("a {} has no `{key}`", kind.name());
            Some(Diagnostic::error(Code::BadConstraint, bound.span, message))
        }
    }
}

fn within(shape: &Shape, value: &Value) -> Result<(), Unacceptable> {
    let kind = shape.r#type.value;
    let measured = length(value).filter(|_| is_measured_by_length(kind)).unwrap_or_else(|| value.clone());
    let against = |bound: &Spanned<Value>| compare(kind, &measured, &bound.value);
    let unit = if is_measured_by_length(kind) { "a length of " } else { "" };
    if let Some(min) = shape.min.as_ref().filter(|min| against(min) == Some(Ordering::Less)) {
        return Err(Unacceptable::new(format!("`{value}` is less than {unit}{}", min.value)));
    }
    if let Some(max) = shape.max.as_ref().filter(|max| against(max) == Some(Ordering::Greater)) {
        return Err(Unacceptable::new(format!("`{value}` is more than {unit}{}", max.value)));
    }
    Ok(())
}

fn is_measured_by_length(kind: Type) -> bool {
    matches!(kind, Type::String | Type::Path | Type::List | Type::Map | Type::Command)
}

fn length(value: &Value) -> Option<Value> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => return None,
    };
    i64::try_from(length).ok().map(Value::Int)
}

/// Compares two values of a type, or two lengths.
fn compare(kind: Type, left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            number(left)?.partial_cmp(&number(right)?)
        }
        (Value::String(left), Value::String(right)) if kind == Type::Duration => {
            Some(left.parse::<Duration>().ok()?.cmp(&right.parse().ok()?))
        }
        (Value::String(left), Value::String(right)) if kind == Type::Size => {
            Some(left.parse::<Size>().ok()?.cmp(&right.parse().ok()?))
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "bounds of mixed numbers are compared, nothing is computed with them")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(number.get()),
        _ => None,
    }
}

fn matching(shape: &Shape, value: &Value) -> Result<(), Unacceptable> {
    let (Some(pattern), Value::String(text)) = (&shape.pattern, value) else {
        return Ok(());
    };
    let matches = Pattern::compile(&anchored(&pattern.value)).is_ok_and(|compiled| is_match(&compiled, text));
    if matches { Ok(()) } else { Err(Unacceptable::new(format!("`{text}` does not match `{}`", pattern.value))) }
}

/// Returns a pattern whose outer `^` and `$` mean the whole value, not one line of it.
fn anchored(pattern: &str) -> String {
    let (start, rest) = pattern.strip_prefix('^').map_or(("", pattern), |rest| (r"\A", rest));
    let last =
        rest.strip_suffix('$').filter(|before| before.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 0);
    let (rest, end) = last.map_or((rest, ""), |before| (before, r"\z"));
    format!("{start}{rest}{end}")
}

fn is_match(pattern: &Pattern, text: &str) -> bool {
    pattern.search(&mut text.as_bytes()).expect("memory can always be read").is_some()
}

fn items_of(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::List(items) => Box::new(items.iter()),
        Value::Map(entries) => Box::new(entries.values()),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn judged(pattern: &str, value: &str) -> String {
        let spanned = |text: &str| Spanned::new(text.to_owned(), Span::default());
        let shape = Shape {
            r#type: Spanned::new(Type::String, Span::default()),
            pattern: Some(spanned(pattern)),
            allowed: None,
            min: None,
            max: Some(Spanned::new(Value::Int(20), Span::default())),
            items: None,
        };
        accept(&shape, &Value::from(value)).map_or_else(|fault| fault.message, |value| value.to_string())
    }

    #[test]
    fn anchors_mean_the_whole_value() {
        assert_eq!(judged("^cf-[0-9]+$", "cf-1"), "cf-1");
        assert_eq!(judged("^cf-[0-9]+$", "cf-1\nx"), "`cf-1\nx` does not match `^cf-[0-9]+$`");
        assert_eq!(judged("^cf-[0-9]+$", "x\ncf-1"), "`x\ncf-1` does not match `^cf-[0-9]+$`");
        assert_eq!(judged(r"a\$", "a$b"), "a$b");
        assert_eq!(judged("b", "abc"), "abc");
        assert_eq!(judged("b", "b12345678901234567890"), "`b12345678901234567890` is more than a length of 20");
    }
}
