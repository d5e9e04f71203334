//! What to say about a text that is not YAML.

use granit_parser::{ErrorKind, ScanError};

use super::MAX_DEPTH;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Makes a diagnostic of the parser's error.
pub(super) fn diagnose(text: &str, error: &ScanError) -> Diagnostic {
    let span = character_at(text, error.marker().byte_offset().unwrap_or_default());
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(span);
    }
    let (message, help) = explain(error);
    Diagnostic::error(Code::Syntax, span, message).maybe_help(help.map(str::to_owned))
}

/// Returns the diagnostic of a file without a document; what it should hold is for others to say.
pub(super) fn no_document() -> Diagnostic {
    Diagnostic::error(Code::NoDocument, Span::default(), "the file holds no document")
}

/// Returns the diagnostic of too deep a nesting.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(Code::TooDeep, span, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
}

/// Returns the diagnostic of `[bosh, -d, ${{ x }}]`.
pub(super) fn quote_the_template(written: &str, span: Span) -> Diagnostic {
    let message = "a template inside `[...]` or `{...}` must be quoted";
    let diagnostic = Diagnostic::error(Code::UnquotedTemplate, span, message).label("quote the template");
    diagnostic.help(format!("the braces of `${{{{ }}}}` are YAML's here; write \"{}\"", written.replace('"', "'")))
}

/// Returns the plain scalar with a template that made the parser stop, to the end of its last `}}`.
pub(super) fn unquoted_template(text: &str, error: &ScanError) -> Option<Span> {
    let is_flow =
        matches!(error.kind(), ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::ExpectedFlowMappingSeparator);
    let at = error.marker().byte_offset().filter(|_| is_flow)?;
    let before = text.get(..at)?.strip_suffix('$')?;
    let inside = text[at..].strip_prefix("{{")?;
    let line = inside.find('\n').unwrap_or(inside.len());
    let close = inside[..line].find("}}")? + 2;
    let rest = &inside[close..line];
    let tail = rest.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(rest.len());
    let word = before.rfind(|c: char| c.is_whitespace() || ",[]{}".contains(c)).map_or(0, |at| at + 1);
    Some(Span::new(word, at + 2 + close + tail))
}

/// Says in the user's words what the parser found, and what to do.
fn explain(error: &ScanError) -> (String, Option<&'static str>) {
    match error.kind() {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart => {
            ("a tab, where only spaces can indent".to_owned(), Some("replace it by spaces"))
        }
        ErrorKind::MappingValueNotAllowed => (
            "`: ` starts a value, but there is no key that could have one here".to_owned(),
            Some("quote the text if the colon is meant as text; if not, look at the indentation"),
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("a text without quotes cannot start with `{character}`"), Some("quote the text"))
        }
        ErrorKind::UnclosedFlowCollection { open } => (format!("`{open}` is never closed"), None),
        ErrorKind::UnclosedQuotedScalar => ("the quote is never closed".to_owned(), None),
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => (
            "there is more text after the closing quote".to_owned(),
            Some("put quotes around the whole text, and double the single ones inside, or use a block: `|`"),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::InvalidIndentation => (
            "the indentation fits nothing above".to_owned(),
            Some("keys of one map and items of one list start in the same column"),
        ),
        _ => (error.info().replace("while parsing a ", "in a "), None),
    }
}

/// Returns the character at `offset`, nothing if that is the end.
fn character_at(text: &str, offset: usize) -> Span {
    let width =
        text.get(offset..).and_then(|rest| rest.chars().next()).filter(|&c| c != '\n').map_or(0, char::len_utf8);
    Span::new(offset, offset + width)
}
