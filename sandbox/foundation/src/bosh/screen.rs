//! What bosh prints: tables without decoration, or one JSON document at the end.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::{err, out};

use super::flags::Format;
use super::table::{Table, TableJson};

/// Collects or prints what a command says, depending on the format.
pub(super) struct Screen {
    format: Format,
    last: Option<Mode>,
    columns: Vec<String>,
    document: Document,
}

/// How something is set apart from what was printed before it: by a blank line, unless both are raw.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Raw,
    Apart,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    tables: Option<Vec<TableJson>>,
    blocks: Option<Vec<String>>,
    lines: Option<Vec<String>>,
}

impl Screen {
    /// Returns a screen whose tables have these columns only, or all if none are named.
    pub(super) fn new(format: Format, columns: Vec<String>) -> Screen {
        Screen { format, last: None, columns, document: Document::default() }
    }

    /// Says something that a human reads on a terminal, and nobody without one.
    pub(super) fn line(&mut self, text: &str) {
        self.document.lines.get_or_insert_default().push(text.to_owned());
    }

    pub(super) fn block(&mut self, text: &str) {
        match self.format {
            Format::Human => {
                self.pad(Mode::Raw);
                out(text);
            }
            Format::Json => self.document.blocks.get_or_insert_default().push(text.to_owned()),
        }
    }

    pub(super) fn table(&mut self, table: Table) {
        let table = table.only(&self.columns);
        match self.format {
            Format::Human => {
                self.pad(Mode::Apart);
                out(&table.plain());
            }
            Format::Json => self.document.tables.get_or_insert_default().push(table.json()),
        }
    }

    /// Asks something, whatever the format, and leaves the cursor behind the question.
    pub(super) fn ask(&mut self, question: &str) {
        self.pad(Mode::Apart);
        out(question);
    }

    /// Says why the command failed; each level is indented below the one before.
    pub(super) fn fail(&mut self, levels: &[String], code: u8) {
        let texts = levels.iter().enumerate().map(|(depth, level)| format!("{}{level}", "  ".repeat(depth)));
        self.error(&texts.collect::<Vec<_>>().join(":\n"));
        self.error(&format!("Exit code {code}"));
    }

    /// Returns how results are printed.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Prints the document, if there is one, and returns the exit status.
    pub(super) fn close(self, code: u8) -> u8 {
        if self.format == Format::Json {
            out(&self.document.to_json());
        }
        code
    }

    fn error(&mut self, text: &str) {
        match self.format {
            Format::Human => {
                self.pad(Mode::Apart);
                err(&format!("{text}\n"));
            }
            Format::Json => self.line(text),
        }
    }

    /// The client separates what it prints by blank lines on standard output, errors included.
    fn pad(&mut self, mode: Mode) {
        if self.last.replace(mode).is_some_and(|last| (last, mode) != (Mode::Raw, Mode::Raw)) {
            out("\n");
        }
    }
}

impl Document {
    fn to_json(&self) -> String {
        let mut text = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
        self.serialize(&mut serializer).expect("a document has string keys and goes to memory");
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}
