//! Bounds on texts that are handed to parsers which call themselves for every level of nesting.

/// The longest expression.
const MAX_EXPRESSION: usize = 4 << 10;
/// The longest jq filter.
const MAX_FILTER: usize = 16 << 10;
/// How deep parentheses, brackets and braces may nest.
const MAX_NESTING: usize = 32;
/// How many operators one expression may chain.
const MAX_OPERATORS: usize = 128;
/// How many operators one jq filter may chain.
const MAX_FILTER_OPERATORS: usize = 200;
const OPERATOR_WORDS: [&str; 11] = [
    "and", "or", "not", "in", "is", "if", "else", "then", "as", "def", "reduce",
];

/// Returns whether an expression can be parsed without fear.
pub(super) fn is_simple_expression(text: &str) -> bool {
    text.len() <= MAX_EXPRESSION && is_shallow(text, MAX_OPERATORS)
}

/// Returns whether a jq filter can be compiled without fear.
pub(super) fn is_simple_filter(text: &str) -> bool {
    text.len() <= MAX_FILTER && is_shallow(text, MAX_FILTER_OPERATORS)
}

/// Counts without regard to quotes, so that no quoting can hide a level.
fn is_shallow(text: &str, max_operators: usize) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let operators = words.filter(|word| OPERATOR_WORDS.contains(word)).count();
    let signs = text.bytes().filter(|byte| b"+-*/%~|<=!.[(?;".contains(byte)).count();
    operators + signs <= max_operators && depth(text) <= MAX_NESTING
}

/// Returns how deep parentheses, brackets and braces nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_simple() {
        assert!(is_simple_expression(
            "exit_code != 0 and 'bbr-backup already exists' not in stderr"
        ));
        assert!(is_simple_filter(
            "[.Tables[0].Rows[] | select(.instance | startswith(\"x/\"))] | length == 1"
        ));
        assert!(is_simple_expression(&format!("inputs.a == '{}'", "-----".repeat(6))));
    }

    #[test]
    fn what_would_exhaust_the_stack_is_not() {
        for level in ["(", "[", "-", "- ", "not ", "1+", "a.", "a[0] if ", "{a: "] {
            assert!(!is_simple_expression(&level.repeat(1001)), "{level}");
            assert!(!is_simple_filter(&level.repeat(1001)), "{level}");
        }
    }
}
