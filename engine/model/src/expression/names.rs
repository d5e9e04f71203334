//! Finds every name that an expression uses, and refuses what expressions cannot do, on the tokens alone.
//!
//! minijinja's own analysis passes over the operand of a slice; missing a name would let a step start too early.

use std::ops::Range;

use super::reference::Reference;
use super::token::{Token, TokenKind, is_keyword, tokens};
use crate::suggest::did_you_mean;
use crate::template::{FaultCode, TemplateFault};

/// The filters that expressions may use.
pub const FILTERS: [&str; 27] = [
    "abs", "bool", "default", "first", "float", "int", "items", "join", "last", "length", "lines", "list", "lower",
    "max", "min", "quote", "replace", "reverse", "round", "sort", "split", "string", "sum", "tojson", "trim", "unique",
    "upper",
];

/// The tests (`is NAME`) that expressions may use.
pub const TESTS: [&str; 17] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "float",
    "in",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
];

/// Brackets that may be open at once, and operators that one expression may have: the engine parses recursively.
const MAX_DEPTH: usize = 60;
const MAX_OPERATORS: usize = 300;

/// A fault before its place is known.
#[derive(Debug)]
pub(super) struct Finding {
    code: FaultCode,
    message: String,
    help: Option<String>,
}

impl Finding {
    pub(super) fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(super) fn at(self, range: Range<usize>) -> TemplateFault {
        TemplateFault { code: self.code, range, message: self.message, help: self.help }
    }
}

/// What a token is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The first part of a dotted name.
    Root,
    /// A part after a dot.
    Attribute,
    Filter,
    Test,
    Keyword,
    /// The name of a keyword argument.
    Label,
    Literal,
    OpenText,
    Mark(char),
}

/// Returns the names of an expression, in order of appearance, each once.
pub(super) fn references(source: &str, items: &[String]) -> Result<Vec<Reference>, Finding> {
    let tokens = tokens(source);
    refuse_depth(source, &tokens)?;
    let mut roles = Vec::with_capacity(tokens.len());
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let role = role_of(source, &tokens, &roles, index);
        refuse(role, &source[token.range.clone()], roles.last().copied())?;
        if role == Role::Root {
            let reference = Reference::resolve(&dotted_name(source, &tokens[index..]), items)?;
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
        roles.push(role);
    }
    Ok(found)
}

/// Returns an expression in which the names that `replacement` knows are replaced; `references` are all its names.
pub(super) fn replace(
    source: &str,
    references: &[Reference],
    replacement: impl Fn(&Reference) -> Option<String>,
) -> String {
    let items: Vec<String> = references.iter().filter_map(Reference::as_item).map(str::to_owned).collect();
    let tokens = tokens(source);
    let mut roles = Vec::with_capacity(tokens.len());
    let mut replaced = String::new();
    let mut copied = 0;
    for (index, token) in tokens.iter().enumerate() {
        let role = role_of(source, &tokens, &roles, index);
        roles.push(role);
        if role != Role::Root {
            continue;
        }
        let Ok(reference) = Reference::resolve(&dotted_name(source, &tokens[index..]), &items) else { continue };
        let Some(text) = replacement(&reference) else { continue };
        let last = index + 2 * (reference.segments().count() - 1);
        replaced.push_str(&source[copied..token.range.start]);
        replaced.push_str(&text);
        copied = tokens[last].range.end;
    }
    replaced + &source[copied..]
}

fn refuse_depth(source: &str, tokens: &[Token]) -> Result<(), Finding> {
    let mut depth = 0_usize;
    let mut operators = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Mark('(' | '[' | '{') => depth += 1,
            TokenKind::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            TokenKind::Mark(',' | ':') | TokenKind::Number | TokenKind::Text | TokenKind::OpenText => {}
            TokenKind::Mark(_) => operators += 1,
            TokenKind::Name => operators += usize::from(is_keyword(&source[token.range.clone()])),
        }
        if depth > MAX_DEPTH || operators > MAX_OPERATORS {
            return Err(
                Finding::new(FaultCode::Syntax, "the expression is too complex").help("split it into several `vars`")
            );
        }
    }
    Ok(())
}

fn role_of(source: &str, tokens: &[Token], roles: &[Role], index: usize) -> Role {
    match tokens[index].kind {
        TokenKind::Name => role_of_name(source, tokens, roles, index),
        TokenKind::Number | TokenKind::Text => Role::Literal,
        TokenKind::OpenText => Role::OpenText,
        TokenKind::Mark(mark) => Role::Mark(mark),
    }
}

fn role_of_name(source: &str, tokens: &[Token], roles: &[Role], index: usize) -> Role {
    let text = |at: usize| &source[tokens[at].range.clone()];
    let is_mark = |at: usize, mark| tokens.get(at).is_some_and(|token| token.kind == TokenKind::Mark(mark));
    let is_word = |at: usize, word| roles[at] == Role::Keyword && text(at) == word;
    let follows_is = index > 0 && is_word(index - 1, "is");
    let follows_is_not = index > 1 && is_word(index - 1, "not") && is_word(index - 2, "is");
    match roles.last() {
        Some(Role::Mark('.')) => Role::Attribute,
        Some(Role::Mark('|')) => Role::Filter,
        _ if follows_is_not || (follows_is && text(index) != "not") => Role::Test,
        _ if is_keyword(text(index)) => Role::Keyword,
        _ if is_mark(index + 1, '=') && !is_mark(index + 2, '=') => Role::Label,
        _ => Role::Root,
    }
}

fn dotted_name<'a>(source: &'a str, tokens: &[Token]) -> Vec<&'a str> {
    let mut names = vec![&source[tokens[0].range.clone()]];
    for pair in tokens[1..].chunks_exact(2) {
        if pair[0].kind != TokenKind::Mark('.') || pair[1].kind != TokenKind::Name {
            break;
        }
        names.push(&source[pair[1].range.clone()]);
    }
    names
}

fn refuse(role: Role, text: &str, previous: Option<Role>) -> Result<(), Finding> {
    match (role, previous) {
        (Role::Filter, _) if !FILTERS.contains(&text) => Err(unknown("filter", text, &FILTERS)),
        (Role::Test, _) if !TESTS.contains(&text) => Err(unknown("test", text, &TESTS)),
        (Role::OpenText, _) => Err(Finding::new(FaultCode::Syntax, "a string is not closed")),
        (Role::Mark('~'), _) => Err(Finding::new(FaultCode::Operator, "`~` is not available")
            .help("join strings with `+`, or write two templates side by side: `${{ a }}${{ b }}`")),
        (Role::Mark('('), Some(Role::Root | Role::Attribute | Role::Literal | Role::Mark(')' | ']' | '}'))) => {
            Err(Finding::new(FaultCode::Call, "functions and methods cannot be called in expressions")
                .help(format!("there are filters, used as `value | filter`: {}", FILTERS.join(", "))))
        }
        _ => Ok(()),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Finding {
    let help = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| format!("there are: {}", known.join(", ")));
    Finding::new(FaultCode::UnknownFilter, format!("unknown {what} `{name}`")).help(help)
}
