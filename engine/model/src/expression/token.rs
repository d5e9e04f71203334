//! The tokens of an expression: enough to find its end, its names, and what it calls.

use std::ops::Range;

/// One token with its place in the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Text,
    /// An opening quote without its end.
    OpenText,
    Mark(char),
}

/// Splits an expression into its tokens; blanks are left out.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = source[start..].chars().next() {
        let (kind, length) = token_at(&source[start..], first);
        if let Some(kind) = kind {
            tokens.push(Token { kind, range: start..start + length });
        }
        start += length;
    }
    tokens
}

fn token_at(rest: &str, first: char) -> (Option<TokenKind>, usize) {
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '\'' | '"' => match text_length(rest) {
            Some(length) => (Some(TokenKind::Text), length),
            None => (Some(TokenKind::OpenText), rest.len()),
        },
        'a'..='z' | 'A'..='Z' | '_' => (Some(TokenKind::Name), run_length(rest, is_name)),
        '0'..='9' => (Some(TokenKind::Number), run_length(rest, is_name)),
        _ => (Some(TokenKind::Mark(first)), first.len_utf8()),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn run_length(rest: &str, is_member: fn(char) -> bool) -> usize {
    rest.find(|c| !is_member(c)).unwrap_or(rest.len())
}

/// Returns the length of the string literal that `rest` begins with, quotes included.
fn text_length(rest: &str) -> Option<usize> {
    let quote = rest.chars().next()?;
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

/// Returns where the braces that close an expression begin in `rest`, the text after the opening ones.
///
/// Braces inside string literals and those of a map are passed over.
pub(crate) fn find_close(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(first) = rest[at..].chars().next() {
        let (kind, length) = token_at(&rest[at..], first);
        match kind {
            Some(TokenKind::Mark('}')) if depth == 0 && rest[at..].starts_with("}}") => return Some(at),
            Some(TokenKind::Mark('}')) => depth = depth.saturating_sub(1),
            Some(TokenKind::Mark('{')) => depth += 1,
            _ => {}
        }
        at += length;
    }
    None
}

/// Returns whether the whole expression is the argument of a final `| quote`.
///
/// A filter binds more tightly than every operator, so nothing but one operand may precede it.
pub(crate) fn is_quoted_by_filter(source: &str) -> bool {
    let tokens = tokens(source);
    let Some((last, before)) = tokens.split_last() else {
        return false;
    };
    let ends_with_quote =
        &source[last.range.clone()] == "quote" && before.last().is_some_and(|token| token.kind == TokenKind::Mark('|'));
    ends_with_quote && is_one_operand(source, before)
}

fn is_one_operand(source: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    tokens.iter().all(|token| match token.kind {
        TokenKind::Mark('(' | '[' | '{') => {
            depth += 1;
            true
        }
        TokenKind::Mark(')' | ']' | '}') => {
            depth = depth.saturating_sub(1);
            true
        }
        TokenKind::Mark(mark) => depth > 0 || matches!(mark, '.' | '|'),
        TokenKind::Name => depth > 0 || !is_keyword(&source[token.range.clone()]),
        TokenKind::Number | TokenKind::Text => true,
        TokenKind::OpenText => false,
    })
}

/// Returns the operands of an operator such as `and` at the outermost level, at least one; nothing if what stands there is a
/// choice (`A if B else C`), which binds less tightly than every operator.
pub(super) fn operands<'s>(source: &'s str, operator: &str) -> Option<Vec<&'s str>> {
    let mut depth = 0_usize;
    let mut begin = 0;
    let mut operands = Vec::new();
    for token in tokens(source) {
        match token.kind {
            TokenKind::Mark('(' | '[' | '{') => depth += 1,
            TokenKind::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            TokenKind::Name if depth == 0 => match &source[token.range.clone()] {
                "if" | "else" => return None,
                word if word == operator => {
                    operands.push(&source[begin..token.range.start]);
                    begin = token.range.end;
                }
                _ => {}
            },
            TokenKind::Name | TokenKind::Mark(_) | TokenKind::Number | TokenKind::Text | TokenKind::OpenText => {}
        }
    }
    operands.push(&source[begin..]);
    Some(operands)
}

/// Returns whether the name is an operator or a constant of the expression language.
pub(super) fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 13] =
        ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];
    KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_behind_strings_and_maps() {
        let cases = [
            (" inputs.a }} rest", Some(10)),
            (" '}}' }}", Some(6)),
            (r#" "\"}}" }}"#, Some(8)),
            (" {'a': {'b': 1}} }}", Some(17)),
            ("{'a': 1}}}", Some(8)),
            ("}}", Some(0)),
            (" inputs.a }", None),
            (" don't }}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(find_close(text), expected, "{text}");
        }
    }

    #[test]
    fn operands_are_those_of_the_outermost_level() {
        assert_eq!(operands("a and b", "and"), Some(vec!["a ", " b"]));
        assert_eq!(operands("a or b and c", "or"), Some(vec!["a ", " b and c"]));
        assert_eq!(operands("(a and b) == [c and d]", "and"), Some(vec!["(a and b) == [c and d]"]));
        assert_eq!(operands("'x and y' in a", "and"), Some(vec!["'x and y' in a"]));
        assert_eq!(operands("sand and land", "and"), Some(vec!["sand ", " land"]));
        assert_eq!(operands("a if b else c and d", "and"), None);
        assert_eq!(operands("(a if b else c) and d", "and"), Some(vec!["(a if b else c) ", " d"]));
    }

    #[test]
    fn only_a_filter_over_the_whole_counts_as_quoted() {
        for source in ["inputs.a | quote", "(a + b)|quote", "['x', y] | quote", "a | default('x | y') | quote"] {
            assert!(is_quoted_by_filter(source), "{source}");
        }
        for source in ["a", "a + b | quote", "a if b else c | quote", "not a | quote", "a | quote | upper", "'quote'"] {
            assert!(!is_quoted_by_filter(source), "{source}");
        }
    }
}
