//! Scalars and what they mean by the core schema of YAML 1.2.

use granit_parser::ScalarStyle;

/// A decoded scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Its text after unescaping and folding.
    pub text: String,
    /// How it was written.
    pub style: Style,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block, after `|` or `>`.
    Block,
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Self::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Self::Block,
        }
    }
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plain<'t> {
    /// Nothing: empty, `~` or `null`.
    Nothing,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Everything else, also `no`, `on`, `yes` and `0755`.
    Text(&'t str),
}

impl Plain<'_> {
    /// Returns what it is, for messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
        }
    }
}

impl Scalar {
    /// Returns what the scalar means; only a plain one can be anything but a text.
    pub(crate) fn resolve(&self) -> Plain<'_> {
        let text = self.text.as_str();
        if self.style != Style::Plain {
            return Plain::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Nothing,
            "true" | "True" | "TRUE" => Plain::Bool(true),
            "false" | "False" | "FALSE" => Plain::Bool(false),
            _ => number(text).unwrap_or(Plain::Text(text)),
        }
    }
}

/// Reads a number; one with leading zeros, or larger than can be held, is a text.
fn number(text: &str) -> Option<Plain<'_>> {
    let radix = |digits: &str, radix| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        i64::from_str_radix(digits, radix)
            .ok()
            .filter(|_| is_number)
            .map(Plain::Int)
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    if whole > 1 && digits.starts_with('0') {
        return None;
    }
    if whole == digits.len() {
        return text.parse().ok().map(Plain::Int);
    }
    let starts_well = whole > 0 || digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let is_part = |byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+');
    if !starts_well || !digits.bytes().all(is_part) {
        return None;
    }
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .map(Plain::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schema_without_its_traps() {
        let plain = |text: &str| {
            format!(
                "{:?}",
                Scalar {
                    text: text.to_owned(),
                    style: Style::Plain
                }
                .resolve()
            )
        };
        for (text, expected) in [
            ("no", "Text(\"no\")"),
            ("on", "Text(\"on\")"),
            ("yes", "Text(\"yes\")"),
            ("0755", "Text(\"0755\")"),
            ("-0755", "Text(\"-0755\")"),
            ("1_000", "Text(\"1_000\")"),
            ("12:30:45", "Text(\"12:30:45\")"),
            ("99999999999999999999", "Text(\"99999999999999999999\")"),
            (".inf", "Text(\".inf\")"),
            (".", "Text(\".\")"),
            ("e5", "Text(\"e5\")"),
            ("inf", "Text(\"inf\")"),
            ("1e999", "Text(\"1e999\")"),
            ("0x-1", "Text(\"0x-1\")"),
            ("1.2.3", "Text(\"1.2.3\")"),
            ("-", "Text(\"-\")"),
            ("true", "Bool(true)"),
            ("False", "Bool(false)"),
            ("", "Nothing"),
            ("~", "Nothing"),
            ("null", "Nothing"),
            ("0", "Int(0)"),
            ("-12", "Int(-12)"),
            ("0x1F", "Int(31)"),
            ("0o17", "Int(15)"),
            ("1.10", "Float(1.1)"),
            (".5", "Float(0.5)"),
            ("1.", "Float(1.0)"),
            ("1e3", "Float(1000.0)"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
        assert_eq!(
            Scalar {
                text: "true".to_owned(),
                style: Style::Quoted
            }
            .resolve(),
            Plain::Text("true")
        );
    }
}
