//! Diagnostics for people, in the look of rustc, and for machines.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use firedrill_model::diagnostic::{Diagnostic, Severity};
use firedrill_model::source::{Source, Span};
use serde::Serialize;

/// Places of one diagnostic that are at most this many lines apart are shown in one excerpt.
const MAX_EXCERPT_LINES: usize = 40;
/// Of longer lines only the part around the fault is shown.
const MAX_LINE_BYTES: usize = 240;
/// How many diagnostics are shown; all are counted.
const MAX_SHOWN: usize = 100;

/// Whether what is shown is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With ANSI escapes.
    Always,
}

/// Returns the diagnostics of a source with excerpts and carets, and a last line that counts them.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        let source = diagnostic.source.as_deref().unwrap_or(source);
        text += &renderer.render(&[group(source, diagnostic)]);
        text += "\n\n";
    }
    text + &count(source, diagnostics)
}

fn group<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.code.id());
    let excerpts = excerpts(source, diagnostic);
    let group = excerpts.into_iter().fold(Group::with_title(title), |group, excerpt| excerpt.add_to(source, group));
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(clean(help))),
        None => group,
    }
}

/// A place to be marked, never beyond the end of its line.
struct Mark<'a> {
    kind: AnnotationKind,
    span: Span,
    line: usize,
    label: Option<Cow<'a, str>>,
}

/// A run of lines with the places to be marked in it.
struct Excerpt<'a> {
    range: Range<usize>,
    marks: Vec<Mark<'a>>,
}

impl<'a> Excerpt<'a> {
    fn add_to(self, source: &'a Source, group: Group<'a>) -> Group<'a> {
        let start = self.range.start;
        let first = &self.marks[0];
        let (line, column) = source.line_column(first.span.start);
        let (first_line, _) = source.line_column(Span::new(start, start).start);
        let snippet = Snippet::source(&source.text[self.range]).line_start(first_line);
        let annotations = self.marks.into_iter().map(|mark| {
            let Range { start: from, end: to } = mark.span.range();
            mark.kind.span(from - start..to - start).label(mark.label)
        });
        let snippet = snippet.annotations(annotations);
        let is_whole = source.line_span(first_line).start as usize == start;
        if is_whole {
            return group.element(snippet.path(clean(&source.name)));
        }
        // The column of a cut line cannot be told from what is left of it.
        group.element(Origin::path(clean(&source.name)).line(line).char_column(column)).element(snippet)
    }
}

/// Returns one excerpt for all places of a diagnostic if they are near each other, else one for each.
fn excerpts<'a>(source: &Source, diagnostic: &'a Diagnostic) -> Vec<Excerpt<'a>> {
    let label = diagnostic.label.as_deref().map(clean);
    let mut marks = vec![mark(source, AnnotationKind::Primary, diagnostic.span, label)];
    let notes = diagnostic.notes.iter();
    marks.extend(notes.map(|(span, note)| mark(source, AnnotationKind::Context, *span, Some(clean(note)))));
    let lines: BTreeSet<usize> = marks.iter().map(|mark| mark.line).collect();
    let (Some(&first), Some(&last)) = (lines.first(), lines.last()) else {
        return Vec::new();
    };
    let is_short = |line: &usize| source.line_span(*line).range().len() <= MAX_LINE_BYTES;
    if last - first < MAX_EXCERPT_LINES && (first..=last).all(|line| is_short(&line)) {
        let range = source.line_span(first).range().start..source.line_span(last).range().end;
        return vec![Excerpt { range, marks }];
    }
    marks.into_iter().map(|mark| Excerpt { range: around(source, &mark), marks: vec![mark] }).collect()
}

fn mark<'a>(source: &Source, kind: AnnotationKind, span: Span, label: Option<Cow<'a, str>>) -> Mark<'a> {
    let end_of_text = Span::new(source.text.len(), source.text.len()).start;
    let start = span.start.min(end_of_text);
    let (line, _) = source.line_column(start);
    let end_of_line = source.line_span(line).end;
    let end = span.end.min(end_of_line);
    let start = start.min(end_of_line);
    let limit = start.saturating_add(Span::new(MAX_LINE_BYTES / 2, 0).start);
    let end = floor(source, end.min(limit).max(start) as usize);
    Mark { kind, span: Span::new(start as usize, end), line, label }
}

/// Returns the mark's line, or of a long line the part around the mark.
fn around(source: &Source, mark: &Mark<'_>) -> Range<usize> {
    let line = source.line_span(mark.line).range();
    if line.len() <= MAX_LINE_BYTES {
        return line;
    }
    let start = mark.span.range().start.saturating_sub(MAX_LINE_BYTES / 4).max(line.start);
    floor(source, start)..floor(source, (start + MAX_LINE_BYTES).min(line.end))
}

/// Returns the last boundary of a character at or before an offset.
fn floor(source: &Source, offset: usize) -> usize {
    source.text.floor_char_boundary(offset)
}

/// Returns a text in which nothing acts on a terminal.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '\n' => "\n".to_owned(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

fn count(source: &Source, diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let counted = |count: usize, severity: Severity| match count {
        0 => None,
        1 => Some(format!("1 {}", severity.word())),
        many => Some(format!("{many} {}s", severity.word())),
    };
    let counts =
        [Severity::Error, Severity::Warning].into_iter().filter_map(|severity| counted(of(severity), severity));
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        return String::new();
    }
    let hidden = diagnostics.len().saturating_sub(MAX_SHOWN);
    let hidden = if hidden > 0 { format!(", {hidden} of them not shown") } else { String::new() };
    format!("{} in {}{hidden}\n", counts.join(" and "), clean(&source.name))
}

/// A diagnostic for machines.
#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// Returns the diagnostics of a source as one JSON array; lines and columns count from 1, columns in characters.
pub fn to_json(source: &Source, diagnostics: &[Diagnostic]) -> String {
    let finding = |diagnostic| finding(source, diagnostic);
    let findings: Vec<Finding<'_>> = diagnostics.iter().map(finding).collect();
    serde_json::to_string_pretty(&findings).expect("texts and numbers are always JSON")
}

fn finding<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> Finding<'a> {
    let source = diagnostic.source.as_deref().unwrap_or(source);
    let (line, column) = source.line_column(diagnostic.span.start);
    let (end_line, end_column) = source.line_column(diagnostic.span.end);
    Finding {
        code: diagnostic.code.id(),
        severity: diagnostic.severity.word(),
        file: &source.name,
        line,
        column,
        end_line,
        end_column,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
    }
}

#[cfg(test)]
mod tests;
