//! What the sandbox knows, put into the texts of a rehearsal.

use crate::expression::{EvalError, Scope};
use crate::template::{Template, TemplateFault};
use crate::value::Value;

/// A text that cannot be filled in; [`load`](super::load) lets none pass if the scope knows what the sandbox provides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A template that cannot be read.
    #[error("`{text}`: {fault}")]
    Template {
        /// The text.
        text: String,
        /// The first fault in it.
        #[source]
        fault: TemplateFault,
    },
    /// An expression without a value.
    #[error("`{text}`: {source}")]
    Value {
        /// The text.
        text: String,
        /// Why it has none.
        source: EvalError,
    },
    /// A word of a command that would be nothing.
    #[error("`{text}` is none, which no command can be given")]
    Nothing {
        /// The text.
        text: String,
    },
}

/// Returns a value with the templates in its texts replaced; a text that is exactly one template keeps its type.
///
/// # Errors
/// The first text that cannot be filled in.
pub fn fill(value: &Value, scope: &Scope) -> Result<Value, FillError> {
    match value {
        Value::String(text) => fill_text(text, scope),
        Value::List(items) => items.iter().map(|item| fill(item, scope)).collect::<Result<_, _>>().map(Value::List),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| Ok((name.clone(), fill(value, scope)?)));
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(value.clone()),
    }
}

/// Returns the words of a command with their templates replaced.
///
/// # Errors
/// The first word that cannot be filled in.
pub fn fill_command(words: &[String], scope: &Scope) -> Result<Vec<String>, FillError> {
    let filled = words.iter().map(|word| {
        let value = fill_text(word, scope)?;
        let text = value.text().ok_or_else(|| FillError::Nothing { text: word.clone() })?;
        Ok(text.into_owned())
    });
    filled.collect()
}

fn fill_text(text: &str, scope: &Scope) -> Result<Value, FillError> {
    let template = Template::parse(text).map_err(|mut faults| {
        let fault = faults.swap_remove(0);
        FillError::Template { text: text.to_owned(), fault }
    })?;
    template.render(scope).map_err(|source| FillError::Value { text: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new().with_sandbox([("dir".to_owned(), Value::from("/tmp/world"))])
    }

    fn filled(json: &str) -> String {
        let value = Value::from_json(json.as_bytes()).expect("JSON");
        fill(&value, &scope()).map_or_else(|error| error.to_string(), |value| value.to_json())
    }

    #[test]
    fn templates_are_replaced_wherever_a_text_stands() {
        assert_eq!(filled(r#""${{ sandbox.dir }}/keys/k""#), r#""/tmp/world/keys/k""#);
        assert_eq!(
            filled(r#"{"a": ["x", "${{ sandbox.dir }}"], "b": 1, "c": null}"#),
            r#"{"a":["x","/tmp/world"],"b":1,"c":null}"#
        );
        assert_eq!(filled(r#""{{ x }} $(y)""#), r#""{{ x }} $(y)""#);
    }

    #[test]
    fn what_has_no_value_is_named() {
        assert_eq!(filled(r#"["${{ sandbox.dri }}"]"#), "`${{ sandbox.dri }}`: `sandbox.dri` is not known");
        assert_eq!(filled(r#""${{ sandbox.dir""#).split(": ").next(), Some("`${{ sandbox.dir`"));
    }

    #[test]
    fn words_of_a_command_are_texts() {
        let words = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            fill_command(&words, &scope()).map_err(|error| error.to_string())
        };
        let expected = ["test", "-f", "/tmp/world/a b", "3", "", "[]"].map(str::to_owned).to_vec();
        assert_eq!(words(&["test", "-f", "${{ sandbox.dir }}/a b", "${{ 3 }}", "", "${{ [] }}"]), Ok(expected));
        assert_eq!(words(&["${{ none }}"]), Err("`${{ none }}` is none, which no command can be given".to_owned()));
    }
}
