//! `${{ env('NAME') }}`, the one template that a target's texts may hold.

use crate::value::Value;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// A text of a target that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError {
    /// A template without an end.
    #[error("`${{{{` without `}}}}`")]
    Unclosed,
    /// Something else than a variable of the environment.
    #[error("`{expression}` cannot stand in a target: it knows only `env('NAME')`")]
    Other {
        /// What stands between the braces.
        expression: String,
    },
    /// A variable that is not set.
    #[error("the environment has no variable `{name}`")]
    Unset {
        /// Its name.
        name: String,
    },
}

impl FillError {
    /// Returns what to do about it.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Unset { name } => Some(format!("set it: {name}=... firedrill ...")),
            Self::Unclosed | Self::Other { .. } => None,
        }
    }
}

/// Checks the templates of a text without asking for any variable.
pub(crate) fn check(text: &str) -> Result<(), FillError> {
    self::text(text, &|_| Some(String::new())).map(|_| ())
}

/// Returns whether a value is exactly one template.
pub(super) fn is_single(value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    text.starts_with(OPEN) && text.ends_with(CLOSE) && text.matches(OPEN).count() == 1
}

/// Returns a value with the templates in its texts replaced.
pub(super) fn fill(value: &Value, env: &impl Fn(&str) -> Option<String>) -> Result<Value, FillError> {
    match value {
        Value::String(text) => self::text(text, env).map(Value::String),
        Value::List(items) => items.iter().map(|item| fill(item, env)).collect::<Result<_, _>>().map(Value::List),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| Ok((name.clone(), fill(value, env)?)));
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(value.clone()),
    }
}

/// Returns a text with its templates replaced; what comes from the environment is not read again.
pub(super) fn text(text: &str, env: &impl Fn(&str) -> Option<String>) -> Result<String, FillError> {
    let mut pieces = text.split(OPEN);
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (expression, literal) = piece.split_once(CLOSE).ok_or(FillError::Unclosed)?;
        let expression = expression.trim();
        let name = variable(expression).ok_or_else(|| FillError::Other { expression: expression.to_owned() })?;
        filled += &env(name).ok_or_else(|| FillError::Unset { name: name.to_owned() })?;
        filled += literal;
    }
    Ok(filled)
}

/// Returns the name in `env('NAME')`.
fn variable(expression: &str) -> Option<&str> {
    let argument = expression.strip_prefix("env")?.trim_start().strip_prefix('(')?.strip_suffix(')')?.trim();
    let quoted = |quote: char| argument.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('\'').or_else(|| quoted('"'))?;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_letter)).then_some(name)
}

#[cfg(test)]
mod tests {
    fn filled(text: &str) -> String {
        let env = |name: &str| (name == "USER").then(|| "kim ${{ env('HOME') }}".to_owned());
        super::text(text, &env).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn variables_are_put_in_and_not_read_again() {
        assert_eq!(filled("a"), "a");
        assert_eq!(filled("<${{ env('USER') }}>"), "<kim ${{ env('HOME') }}>");
        assert_eq!(filled("${{env( \"USER\" )}}"), "kim ${{ env('HOME') }}");
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(filled("${{ env('HOME') }}"), "the environment has no variable `HOME`");
        assert_eq!(filled("${{ env('USER')"), "`${{` without `}}`");
        for expression in ["inputs.a", "env(USER)", "env('')", "env('A') + env('B')", "env('A B')", "env"] {
            let why = format!("`{expression}` cannot stand in a target: it knows only `env('NAME')`");
            assert_eq!(filled(&format!("${{{{ {expression} }}}}")), why);
        }
    }
}
