//! The simple commands of a shell script, as far as warnings need them: nothing is quoted or executed by this.

use std::iter::Peekable;
use std::str::Chars;

use crate::template::{Piece, Template};

/// What stands for a value in the text of a script: one quoted word.
const VALUE: &str = "'value'";

/// One simple command: its words as they are written, a keyword such as `if` before it among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<String>,
    /// Whether it reads what another command prints.
    pub(super) is_fed: bool,
}

/// Returns the text of a script with a word in the place of each value.
pub(super) fn text(script: &Template) -> String {
    let pieces = script.pieces().iter().map(|piece| match piece {
        Piece::Literal(text) => text.as_str(),
        Piece::Expression(_) => VALUE,
    });
    pieces.collect()
}

/// Returns the simple commands of a script, those inside `$( )` too.
pub(super) fn commands(script: &str) -> Vec<Simple> {
    let mut scanner = Scanner { rest: script.chars().peekable(), ..Scanner::default() };
    while let Some(c) = scanner.rest.next() {
        scanner.take(c);
    }
    scanner.end_command(false);
    scanner.found
}

struct Scanner<'t> {
    rest: Peekable<Chars<'t>>,
    found: Vec<Simple>,
    command: Simple,
    word: String,
    /// The ends of the here-documents that begin on the next line.
    ends: Vec<String>,
}

impl Default for Scanner<'_> {
    fn default() -> Self {
        let rest = "".chars().peekable();
        Self { rest, found: Vec::new(), command: Simple::default(), word: String::new(), ends: Vec::new() }
    }
}

impl Scanner<'_> {
    fn take(&mut self, c: char) {
        match c {
            '\'' => self.single(),
            '"' => self.double(),
            '\\' => self.word.extend(self.rest.next().filter(|&next| next != '\n')),
            '#' if self.word.is_empty() => while self.rest.next_if(|&next| next != '\n').is_some() {},
            '$' => self.expansion(),
            '<' if self.rest.next_if_eq(&'<').is_some() => self.here(),
            ' ' | '\t' => self.end_word(),
            '\n' => {
                self.end_command(false);
                self.skip_documents();
            }
            '|' => {
                let is_or = self.rest.next_if_eq(&'|').is_some();
                self.end_command(!is_or);
            }
            ';' | '&' | '(' | ')' => self.end_command(false),
            _ => self.word.push(c),
        }
    }

    fn single(&mut self) {
        self.word.push('\'');
        for c in self.rest.by_ref() {
            self.word.push(c);
            if c == '\'' {
                break;
            }
        }
    }

    fn double(&mut self) {
        self.word.push('"');
        while let Some(c) = self.rest.next() {
            match c {
                '$' => self.expansion(),
                '\\' => self.word.extend(['\\'].into_iter().chain(self.rest.next())),
                _ => self.word.push(c),
            }
            if c == '"' {
                break;
            }
        }
    }

    /// Takes what follows a `$`; the commands of `$( )` are found on their own.
    fn expansion(&mut self) {
        self.word.push('$');
        if self.rest.next_if_eq(&'(').is_none() {
            return;
        }
        let mut inner = String::new();
        let mut depth = 1;
        for c in self.rest.by_ref() {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            if depth == 0 {
                break;
            }
            inner.push(c);
        }
        self.word.extend(["(", inner.as_str(), ")"]);
        if !inner.starts_with('(') {
            self.found.extend(commands(&inner));
        }
    }

    /// Takes the word that ends a here-document.
    fn here(&mut self) {
        if self.rest.next_if_eq(&'<').is_some() {
            return;
        }
        while self.rest.next_if(|&c| matches!(c, '-' | ' ')).is_some() {}
        let mut end = String::new();
        while let Some(c) = self.rest.next_if(|&c| !c.is_whitespace() && !matches!(c, ';' | '|' | '&' | ')')) {
            end.push(c);
        }
        self.ends.push(end.replace(['\'', '"', '\\'], ""));
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.ends) {
            loop {
                let mut line = String::new();
                while let Some(c) = self.rest.next_if(|&c| c != '\n') {
                    line.push(c);
                }
                if self.rest.next().is_none() || line.trim() == end {
                    break;
                }
            }
        }
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.command.words.push(std::mem::take(&mut self.word));
        }
    }

    fn end_command(&mut self, feeds_next: bool) {
        self.end_word();
        let next = Simple { words: Vec::new(), is_fed: feeds_next };
        let command = std::mem::replace(&mut self.command, next);
        if !command.words.is_empty() {
            self.found.push(command);
        } else if command.is_fed {
            self.command.is_fed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(script: &str) -> String {
        let shown = commands(script)
            .into_iter()
            .map(|command| format!("{}{}", if command.is_fed { "|" } else { "" }, command.words.join(" ")));
        shown.collect::<Vec<_>>().join(" ; ")
    }

    #[test]
    fn simple_commands() {
        assert_eq!(shown("a b; c && d || e | f\ng"), "a b ; c ; d ; e ; |f ; g");
        assert_eq!(shown("a \\\n  b # sudo c\nd '; e' \"; f\""), "a b ; d '; e' \"; f\"");
        assert_eq!(shown("a |\n  while read x; do b; done"), "a ; |while read x ; do b ; done");
        assert_eq!(shown("x=$(a $(b)) c \"$(d)\""), "b ; a $(b) ; d ; x=$(a $(b)) c \"$(d)\"");
        assert_eq!(shown("cat <<EOF | a\nsudo b\nEOF\nc"), "cat ; |a ; c");
        assert_eq!(shown("cat <<'E'\nsudo\n"), "cat");
        assert_eq!(shown("echo $((1 + 2)) $# ${x#y} a#b"), "echo $((1 + 2)) $# ${x#y} a#b");
    }
}
