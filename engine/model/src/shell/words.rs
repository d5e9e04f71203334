//! What separates words and commands, and what that means for the place of the next value.

use super::Symbol;
use super::command::Word;
use super::frame::{Case, Frame, HereDocument, ListKind, Target};
use super::obstacle::Obstacle;
use super::scan::Scanner;

/// Words behind which a command begins.
const KEYWORDS: [&str; 12] = ["if", "then", "else", "elif", "fi", "while", "until", "do", "done", "{", "}", "!"];

/// Words of one command that are followed. What each word means depends on all before it, so that longer ones would take
/// time that grows with the square of their length.
const MAX_WORDS: usize = 500;

impl Scanner<'_> {
    pub(super) fn command_char(&mut self, c: char) {
        if "&|;<>(".contains(c) && self.innermost().kind == ListKind::Array {
            self.doubt("an operator inside an array");
        }
        match c {
            ' ' | '\t' => self.finish_word(),
            '\n' => self.end_line(),
            '\\' => self.escape(),
            '\'' => self.open_quote(Frame::Single),
            '"' => self.open_quote(Frame::Double),
            '`' => self.expand(Frame::Backticks { quotes: 0 }),
            '$' => self.dollar(),
            '#' if !self.innermost().command.word.is_started => self.frames.push(Frame::Comment),
            ';' => self.semicolon(),
            '&' | '|' => self.connect(c),
            '<' | '>' => self.redirect(c),
            '(' => self.open_parenthesis(),
            ')' => self.close_parenthesis(),
            _ => {
                self.push(Symbol::Char(c));
                self.follow_brackets(c);
            }
        }
    }

    fn follow_brackets(&mut self, c: char) {
        let word = &mut self.innermost().command.word;
        word.in_brackets = (word.in_brackets || c == '[') && c != ']';
    }

    fn open_quote(&mut self, frame: Frame) {
        let word = &mut self.innermost().command.word;
        word.is_started = true;
        word.is_quoted = true;
        self.frames.push(frame);
    }

    fn escape(&mut self) {
        match self.peek(0) {
            Some(Symbol::Char('\n')) => self.at += 1,
            Some(escaped @ (Symbol::Char(_) | Symbol::Expansion)) => {
                self.at += 1;
                self.push(escaped);
                self.innermost().command.word.is_quoted = true;
            }
            Some(Symbol::Hole(_)) => self.refuse_next(Obstacle::AfterBackslash),
            None => {}
        }
    }

    fn end_line(&mut self) {
        self.finish_word();
        if self.innermost().kind != ListKind::Array {
            self.finish_command();
        }
        for here_document in std::mem::take(&mut self.innermost().here_documents) {
            self.pass_over(&here_document);
        }
    }

    fn semicolon(&mut self) {
        self.finish_word();
        self.finish_command();
        if self.innermost().cases.last() != Some(&Case::Body) {
            return;
        }
        if self.next_is(';') || self.next_is('&') {
            self.at += 1;
            self.innermost().set_case(Case::Pattern);
        }
        if self.innermost().is_in_pattern() && self.next_is('&') {
            self.at += 1;
        }
    }

    fn connect(&mut self, c: char) {
        self.finish_word();
        if c == '|' || !self.next_is('>') {
            self.finish_command();
        }
    }

    fn redirect(&mut self, c: char) {
        let word = self.innermost().take_word();
        if !names_descriptor(&word) {
            self.innermost().command.word = word;
            self.finish_word();
        }
        match (c, self.peek(0), self.peek(1)) {
            ('<', Some(Symbol::Char('<')), Some(Symbol::Char('<'))) => self.target(2, Target::File),
            ('<', Some(Symbol::Char('<')), _) => {
                self.at += 1;
                self.here_document();
            }
            (_, Some(Symbol::Char('(')), _) => {
                self.at += 1;
                self.expand(Frame::commands(ListKind::Substitution));
            }
            (_, Some(Symbol::Char('\\')), Some(Symbol::Char('\n'))) => self.doubt("an operator split over two lines"),
            (_, Some(Symbol::Char('&')), _) => self.target(1, Target::Descriptor),
            (_, Some(Symbol::Char('>' | '|')), _) => self.target(1, Target::File),
            _ => self.target(0, Target::File),
        }
    }

    fn target(&mut self, consumed: usize, target: Target) {
        self.at += consumed;
        self.innermost().target = Some(target);
    }

    fn open_parenthesis(&mut self) {
        let closes = self.next_is(')');
        let opens = self.next_is('(');
        let commands = self.innermost();
        let word = &commands.command.word;
        let is_started = word.is_started;
        let is_array = word.content.last() == Some(&Symbol::Char('=')) && word.assigned_name().is_some();
        let names: Vec<_> = commands.command.words.iter().map(Word::keyword).collect();
        match (is_started, names.as_slice()) {
            (false, _) if commands.is_in_pattern() => {}
            (true, []) | (false, [Some(_)]) if closes => self.begin_function(),
            (true, _) if is_array => self.frames.push(Frame::commands(ListKind::Array)),
            (false, []) if opens => self.begin_arithmetic(),
            (false, [Some(name)]) if opens && name == "for" => self.begin_arithmetic(),
            (false, []) => self.frames.push(Frame::commands(ListKind::Subshell)),
            _ => {
                self.doubt("parentheses inside a word or behind a command");
                self.frames.push(Frame::commands(ListKind::Subshell));
            }
        }
    }

    fn begin_function(&mut self) {
        self.at += 1;
        self.innermost().take_word();
        self.finish_command();
    }

    fn begin_arithmetic(&mut self) {
        self.at += 1;
        self.expand(Frame::Arithmetic { depth: 0 });
    }

    fn close_parenthesis(&mut self) {
        self.finish_word();
        self.finish_command();
        let commands = self.innermost();
        if commands.is_in_pattern() {
            return commands.set_case(Case::Body);
        }
        let kind = commands.kind;
        if !commands.cases.is_empty() || !commands.here_documents.is_empty() || kind == ListKind::Script {
            self.doubt("a `)` that closes nothing the scanner knows");
        }
        if kind == ListKind::Script {
            return;
        }
        self.frames.pop();
        if kind == ListKind::Subshell {
            self.push(Symbol::Expansion);
            self.finish_word();
        }
    }

    /// Ends the current word, if there is one, and takes note of what it begins.
    pub(super) fn finish_word(&mut self) {
        let commands = self.innermost();
        let is_nested = commands.is_in_script_of_nested_shell();
        let word = commands.take_word();
        if !word.is_started {
            return;
        }
        if commands.target.is_some() || commands.is_function_name {
            commands.target = None;
            commands.is_function_name = false;
            return;
        }
        if is_nested {
            commands.command.nested.extend(&word.content);
            commands.command.nested.push(Symbol::Char(' '));
        }
        self.add_word(word);
    }

    fn add_word(&mut self, word: Word) {
        let commands = self.innermost();
        let keyword = word.keyword().unwrap_or_default();
        let words = commands.command.words.len();
        match (commands.cases.last(), keyword.as_str()) {
            (Some(Case::Pattern), "esac") if words == 0 => {
                commands.cases.pop();
            }
            (Some(Case::Subject), "in") if words > 1 => {
                commands.set_case(Case::Pattern);
                return commands.command.words.clear();
            }
            _ if commands.is_at_command() => return self.add_first_word(word, &keyword),
            (_, "do") if commands.command.words.first().is_some_and(is_loop) => return self.finish_command(),
            _ => {}
        }
        self.keep_word(word);
    }

    fn add_first_word(&mut self, word: Word, keyword: &str) {
        let commands = self.innermost();
        match keyword {
            "function" => return commands.is_function_name = true,
            "case" => commands.cases.push(Case::Subject),
            "esac" => {
                commands.cases.pop();
            }
            "[[" => self.frames.push(Frame::Conditional),
            _ if KEYWORDS.contains(&keyword) || word.assigned_name().is_some() => return,
            _ => {}
        }
        self.keep_word(word);
    }

    fn keep_word(&mut self, word: Word) {
        let command = &mut self.innermost().command;
        command.words.push(word);
        if command.declares_integers() {
            self.doubt("a declaration of integers or references, whose values bash evaluates");
        }
        if self.innermost().command.words.len() > MAX_WORDS {
            self.give_up("a command of more than 500 words");
        }
    }

    /// Ends the current command.
    pub(super) fn finish_command(&mut self) {
        let commands = self.innermost();
        commands.target = None;
        commands.command.words.clear();
        let script = std::mem::take(&mut commands.command.nested);
        if !script.is_empty() {
            self.check_nested(&script);
        }
    }

    /// Reads the delimiter of a here-document.
    fn here_document(&mut self) {
        let mut document = HereDocument { strips_tabs: self.next_is('-'), ..HereDocument::default() };
        self.at += usize::from(document.strips_tabs);
        while self.next_is(' ') || self.next_is('\t') {
            self.at += 1;
        }
        let mut quote = None;
        while let Some(symbol) = self.peek(0) {
            match symbol {
                Symbol::Char(c) if quote.is_none() && " \t\n;&|<>()".contains(c) => break,
                Symbol::Char(c) if quote == Some(c) => quote = None,
                Symbol::Char(c @ ('\'' | '"')) if quote.is_none() => {
                    quote = Some(c);
                    document.is_literal = true;
                }
                Symbol::Char('\\') if quote != Some('\'') => document.is_literal = true,
                Symbol::Char('$' | '`') | Symbol::Expansion => {
                    self.doubt("an expansion in the delimiter of a here-document");
                }
                Symbol::Char(c) => document.delimiter.push(c),
                Symbol::Hole(hole) => self.places[hole] = Err(Obstacle::HereDocument),
            }
            self.at += 1;
        }
        self.innermost().here_documents.push(document);
    }

    /// Passes over the text of a here-document, with its delimiter.
    fn pass_over(&mut self, document: &HereDocument) {
        let mut is_continued = false;
        while self.at < self.symbols.len() {
            let line = self.line();
            let text = if document.strips_tabs { line.trim_start_matches('\t') } else { &line };
            if text == document.delimiter {
                if is_continued {
                    self.doubt("a here-document whose delimiter follows a backslash");
                }
                return;
            }
            let backslashes = line.len() - line.trim_end_matches('\\').len();
            is_continued = !document.is_literal && backslashes % 2 == 1;
        }
    }

    /// Reads the rest of a line of a here-document; a value in it is refused.
    fn line(&mut self) -> String {
        let mut line = String::new();
        while let Some(symbol) = self.peek(0) {
            self.at += 1;
            match symbol {
                Symbol::Char('\n') => break,
                Symbol::Char(c) => line.push(c),
                Symbol::Hole(hole) => {
                    self.places[hole] = Err(Obstacle::HereDocument);
                    line.push('\0');
                }
                Symbol::Expansion => line.push('\0'),
            }
        }
        line
    }
}

/// Returns whether a word before `<` or `>` is a file descriptor: `2>`, `{name}>`.
fn names_descriptor(word: &Word) -> bool {
    let Some(text) = word.keyword().filter(|text| !text.is_empty()) else {
        return false;
    };
    text.chars().all(|c| c.is_ascii_digit()) || (text.starts_with('{') && text.ends_with('}'))
}

fn is_loop(word: &Word) -> bool {
    matches!(word.keyword().as_deref(), Some("for" | "select"))
}
