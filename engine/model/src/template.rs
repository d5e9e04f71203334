//! Texts with `${{ }}` in them.

use std::ops::Range;

use crate::diagnostic::Code;
use crate::expression::{Expression, Reference};

/// A decoded text, split into what stands there and what is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Text as it stands.
    Literal(String),
    /// An expression.
    Expression(Expression),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// The kind of fault.
    pub code: Code,
    /// Where, in the decoded text.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Which quoting rules hold in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShellKind {
    /// A POSIX shell.
    Posix,
    /// Bash.
    Bash,
    /// Something else that ends in a shell.
    Opaque,
}

impl Template {
    /// Splits a text.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateFault>> {
        let (mut pieces, mut at, mut faults) = (Vec::new(), 0, Vec::new());
        while let Some(open) = text[at..].find("${{").map(|open| at + open) {
            let Some(close) = text[open..].find("}}").map(|close| open + close) else {
                let message = "`${{` is never closed".to_owned();
                faults.push(TemplateFault {
                    code: Code::Template,
                    range: open..text.len(),
                    message,
                    help: None,
                });
                return Err(faults);
            };
            if open > at {
                pieces.push(Piece::Literal(text[at..open].to_owned()));
            }
            match Expression::parse(text[open + 3..close].trim()) {
                Ok(expression) => pieces.push(Piece::Expression(Expression {
                    range: open..close + 2,
                    ..expression
                })),
                Err(fault) => faults.push(TemplateFault {
                    range: open..close + 2,
                    ..fault
                }),
            }
            at = close + 2;
        }
        if at < text.len() {
            pieces.push(Piece::Literal(text[at..].to_owned()));
        }
        if faults.is_empty() {
            Ok(Self { pieces })
        } else {
            Err(faults)
        }
    }

    /// Splits a script.
    pub fn parse_script(text: &str, _shell: ShellKind) -> Result<Self, Vec<TemplateFault>> {
        Self::parse(text)
    }

    /// Returns its parts.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns the names it uses.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let expressions = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(expression) => Some(expression),
            Piece::Literal(_) => None,
        });
        expressions.flat_map(|expression| &expression.references)
    }

    /// Returns the expression if there is nothing else.
    pub fn as_single(&self) -> Option<&Expression> {
        match self.pieces.as_slice() {
            [Piece::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// Tells whether nothing is computed.
    pub fn is_literal(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Literal(_)))
    }
}
