//! Bounds on texts that are handed to parsers which call themselves for every level of nesting.

/// The longest expression.
const MAX_EXPRESSION: usize = 4 << 10;
/// The longest jq filter.
const MAX_FILTER: usize = 16 << 10;
/// How deep parentheses, brackets and braces may nest, and how many operators may follow each other.
const MAX_NESTING: usize = 32;
/// How many operators and words one expression or filter may have.
const MAX_TOKENS: usize = 1000;

/// Returns whether an expression can be parsed without fear.
pub(super) fn is_simple_expression(text: &str) -> bool {
    text.len() <= MAX_EXPRESSION && is_shallow(text)
}

/// Returns whether a jq filter can be compiled without fear.
pub(super) fn is_simple_filter(text: &str) -> bool {
    text.len() <= MAX_FILTER && is_shallow(text)
}

/// Counts without regard to quotes, so that no quoting can hide a level; texts that nest are rare in quotes.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut deepest, mut prefixes, mut tokens) = (0_usize, 0, 0, 0);
    let mut in_word = false;
    for byte in text.bytes() {
        let is_part = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        tokens += usize::from(!byte.is_ascii_whitespace() && (!is_part || !in_word));
        in_word = is_part;
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        prefixes = if matches!(byte, b'-' | b'+' | b'!' | b'~') {
            prefixes + 1
        } else if byte == b' ' {
            prefixes
        } else {
            0
        };
        deepest = deepest.max(depth).max(prefixes);
    }
    deepest <= MAX_NESTING && tokens <= MAX_TOKENS && words_in_a_row(text, "not") <= MAX_NESTING
}

/// Counts how often a word follows itself.
fn words_in_a_row(text: &str, word: &str) -> usize {
    let (mut row, mut longest) = (0, 0);
    for found in text.split_whitespace() {
        row = if found == word { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    longest
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
