//! Follows the quotes, expansions and commands of a script far enough to know where its values stand.
//!
//! The scanner does not have to understand every script: where two shells may disagree, or where it cannot follow, it
//! is *unsure*, and every value from there on is refused.

use super::frame::{Commands, Frame, ListKind};
use super::obstacle::Obstacle;
use super::{QuoteContext, Symbol};

/// The answer for one hole.
type Place = Result<QuoteContext, Obstacle>;

/// Finds the place of each hole of a script that a shell is given.
pub(super) fn scan(symbols: &[Symbol], is_quoted: &[bool], places: &mut [Place]) {
    Scanner::new(symbols, is_quoted, places, Layer::Outer).run();
}

/// Finds the place of each hole of a script that a nested shell is given as it is: only words that the `quote` filter
/// has made may stand there, outside of quotes.
pub(super) fn scan_nested(symbols: &[Symbol], is_quoted: &[bool], places: &mut [Place]) {
    Scanner::new(symbols, is_quoted, places, Layer::Nested).run();
    for symbol in symbols {
        let Symbol::Hole(hole) = *symbol else { continue };
        places[hole] = match places[hole] {
            _ if !is_quoted[hole] => Err(Obstacle::NestedShell),
            Ok(QuoteContext::Words | QuoteContext::Word) => Ok(QuoteContext::Nested),
            Ok(QuoteContext::Double | QuoteContext::Single | QuoteContext::Nested) => Err(Obstacle::NestedQuotes),
            Err(obstacle) => Err(obstacle),
        };
    }
}

/// How many shells away the script is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Outer,
    Nested,
}

/// The state of a scan. What happens between words is in `words.rs`.
pub(super) struct Scanner<'a> {
    pub(super) symbols: &'a [Symbol],
    /// The next symbol to be read.
    pub(super) at: usize,
    /// What encloses it, the script itself first.
    pub(super) frames: Vec<Frame>,
    is_quoted: &'a [bool],
    pub(super) places: &'a mut [Place],
    layer: Layer,
    /// What could not be followed.
    unsure: Option<&'static str>,
    /// Why a value must not follow immediately.
    glued: Option<Obstacle>,
}

impl<'a> Scanner<'a> {
    fn new(symbols: &'a [Symbol], is_quoted: &'a [bool], places: &'a mut [Place], layer: Layer) -> Self {
        let frames = vec![Frame::commands(ListKind::Script)];
        Self { symbols, at: 0, frames, is_quoted, places, layer, unsure: None, glued: None }
    }

    fn run(mut self) {
        while let Some(symbol) = self.peek(0) {
            self.at += 1;
            self.step(symbol);
        }
        while self.frames.len() > 1 {
            self.finish_if_commands();
            self.frames.pop();
        }
        self.finish_if_commands();
    }

    fn finish_if_commands(&mut self) {
        if matches!(self.top(), Frame::Commands(_)) {
            self.finish_word();
            self.finish_command();
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<Symbol> {
        self.symbols.get(self.at + ahead).copied()
    }

    pub(super) fn next_is(&self, c: char) -> bool {
        self.peek(0) == Some(Symbol::Char(c))
    }

    fn top(&self) -> &Frame {
        self.frames.last().expect("the script itself is never left")
    }

    /// Returns the innermost list of commands.
    pub(super) fn innermost(&mut self) -> &mut Commands {
        self.frames.iter_mut().rev().find_map(Frame::as_commands_mut).expect("the script itself is never left")
    }

    /// Adds to the word that is being read.
    pub(super) fn push(&mut self, symbol: Symbol) {
        self.innermost().command.word.push(symbol);
    }

    /// Gives up on all values from here on; the first reason is kept.
    pub(super) fn doubt(&mut self, construct: &'static str) {
        self.unsure.get_or_insert(construct);
    }

    /// Gives up on the whole rest of the script.
    pub(super) fn give_up(&mut self, construct: &'static str) {
        let rest = &self.symbols[self.at.min(self.symbols.len())..];
        for hole in rest.iter().filter_map(Symbol::as_hole) {
            self.places[hole] = Err(Obstacle::Unsure(construct));
        }
        self.at = self.symbols.len();
    }

    /// Refuses a value that follows immediately.
    pub(super) fn refuse_next(&mut self, obstacle: Obstacle) {
        self.glued = Some(obstacle);
    }

    fn step(&mut self, symbol: Symbol) {
        let glued = self.glued.take();
        match symbol {
            Symbol::Hole(hole) => self.hole(hole, glued),
            Symbol::Expansion => self.push(symbol),
            Symbol::Char(c) => {
                if c == '\n' {
                    self.doubt_split_here_document();
                }
                self.step_char(c);
            }
        }
    }

    fn step_char(&mut self, c: char) {
        match *self.top() {
            Frame::Commands(_) => self.command_char(c),
            Frame::Single => self.single_char(c),
            Frame::Double => self.double_char(c),
            Frame::Ansi => self.ansi_char(c),
            Frame::Comment => self.comment_char(c),
            Frame::Parameter { is_in_double } => self.parameter_char(c, is_in_double),
            Frame::Arithmetic { depth } => self.arithmetic_char(c, depth),
            Frame::Conditional => self.conditional_char(c),
            Frame::Backticks { quotes } => self.backtick_char(c, quotes),
        }
    }

    /// A here-document begins behind the line of its command; what shells do when that line ends inside something
    /// else differs.
    fn doubt_split_here_document(&mut self) {
        let outer = match self.top() {
            Frame::Commands(_) | Frame::Comment => self.frames.len() - 1,
            _ => self.frames.len(),
        };
        let is_comment = matches!(self.top(), Frame::Comment);
        let pending = self.frames[..outer].iter().filter(|frame| frame.awaits_here_document()).count();
        if pending > 0 && !is_comment {
            self.doubt("a here-document whose line ends inside quotes or parentheses");
        }
    }

    fn hole(&mut self, hole: usize, glued: Option<Obstacle>) {
        self.places[hole] = self.place(hole, glued);
        if matches!(self.top(), Frame::Commands(_) | Frame::Double | Frame::Single) {
            self.push(Symbol::Hole(hole));
        }
    }

    fn place(&mut self, hole: usize, glued: Option<Obstacle>) -> Place {
        if let Some(obstacle) = self.frames.iter().rev().find_map(Frame::obstacle) {
            return Err(obstacle);
        }
        if let Some(construct) = self.unsure {
            return Err(Obstacle::Unsure(construct));
        }
        if let Some(obstacle) = glued {
            return Err(obstacle);
        }
        self.obstacle_of_commands(hole).map_or(Ok(()), Err)?;
        let is_whole_word = self.is_whole_word();
        Ok(match self.top() {
            Frame::Double => QuoteContext::Double,
            Frame::Single => QuoteContext::Single,
            _ if is_whole_word => QuoteContext::Words,
            _ => QuoteContext::Word,
        })
    }

    fn obstacle_of_commands(&self, hole: usize) -> Option<Obstacle> {
        let mut lists = self.frames.iter().rev().filter_map(Frame::as_commands);
        let innermost = lists.next()?;
        if lists.any(Commands::is_in_script_of_nested_shell) {
            return Some(Obstacle::NestedShell);
        }
        if innermost.is_in_script_of_nested_shell() {
            return match self.layer {
                Layer::Nested => Some(Obstacle::NestedTwice),
                Layer::Outer => (!self.is_quoted[hole]).then_some(Obstacle::NestedShell),
            };
        }
        innermost.obstacle()
    }

    fn is_whole_word(&mut self) -> bool {
        let ends = match self.peek(0) {
            None => true,
            Some(Symbol::Char(c)) => " \t\n;&|)<>".contains(c),
            Some(Symbol::Hole(_) | Symbol::Expansion) => false,
        };
        let commands = self.innermost();
        ends && commands.target.is_none() && !commands.command.word.is_started && commands.command.takes_words()
    }

    /// Checks the script of a nested shell, as that shell will read it.
    pub(super) fn check_nested(&mut self, script: &[Symbol]) {
        let mut inner = vec![Err(Obstacle::NestedShell); self.places.len()];
        scan_nested(script, self.is_quoted, &mut inner);
        for symbol in script {
            if let Symbol::Hole(hole) = *symbol {
                self.places[hole] = self.places[hole].and_then(|context| inner[hole].map(|_| context));
            }
        }
    }

    fn single_char(&mut self, c: char) {
        match c {
            '\'' => self.leave(),
            _ => self.push(Symbol::Char(c)),
        }
    }

    fn double_char(&mut self, c: char) {
        match (c, self.peek(0)) {
            ('"', _) => self.leave(),
            ('$', _) => self.dollar(),
            ('`', _) => self.expand(Frame::Backticks { quotes: 0 }),
            ('\\', Some(Symbol::Hole(_))) => self.glued = Some(Obstacle::AfterBackslash),
            ('\\', Some(Symbol::Char('\n'))) => self.at += 1,
            ('\\', Some(escaped @ Symbol::Char('$' | '`' | '"' | '\\'))) => {
                self.at += 1;
                self.push(escaped);
            }
            _ => self.push(Symbol::Char(c)),
        }
    }

    fn ansi_char(&mut self, c: char) {
        match c {
            '\'' => self.leave(),
            '\\' if self.next_is('\'') => self.doubt("a quote inside $'...', on which shells differ"),
            _ => self.push(Symbol::Char(c)),
        }
    }

    fn comment_char(&mut self, c: char) {
        if c == '\n' {
            self.leave();
            self.step_char(c);
        }
    }

    fn parameter_char(&mut self, c: char, is_in_double: bool) {
        match c {
            '}' => self.leave(),
            '\'' | '"' if is_in_double => self.doubt("quotes inside \"${...}\", on which shells differ"),
            _ => self.inside_expansion(c),
        }
    }

    /// What quotes and expansions do inside another expansion.
    fn inside_expansion(&mut self, c: char) {
        match c {
            '\'' => self.frames.push(Frame::Single),
            '"' => self.frames.push(Frame::Double),
            '$' => self.dollar(),
            '`' => self.expand(Frame::Backticks { quotes: 0 }),
            '\\' if matches!(self.peek(0), Some(Symbol::Char(_))) => self.at += 1,
            _ => {}
        }
    }

    fn arithmetic_char(&mut self, c: char, depth: usize) {
        match c {
            '(' => self.replace(Frame::Arithmetic { depth: depth + 1 }),
            ')' if depth > 0 => self.replace(Frame::Arithmetic { depth: depth - 1 }),
            ')' if self.next_is(')') => {
                self.at += 1;
                self.leave();
            }
            ')' => {
                self.doubt("`((` that is not arithmetic");
                self.leave();
            }
            '\'' | '"' => self.doubt("quotes inside an arithmetic expansion"),
            _ => self.inside_expansion(c),
        }
    }

    fn conditional_char(&mut self, c: char) {
        let is_after_blank = self.at < 2 || matches!(self.symbols[self.at - 2], Symbol::Char(' ' | '\t' | '\n'));
        match c {
            ']' if is_after_blank && self.next_is(']') => {
                self.at += 1;
                self.leave();
            }
            '#' if is_after_blank => self.doubt("a `#` inside [[ ... ]]"),
            _ => self.inside_expansion(c),
        }
    }

    fn backtick_char(&mut self, c: char, quotes: usize) {
        match c {
            '`' => {
                self.leave();
                if quotes % 2 == 1 {
                    self.doubt("an odd number of quotes inside backticks");
                }
            }
            '\\' if matches!(self.peek(0), Some(Symbol::Char(_))) => self.at += 1,
            '\'' | '"' => self.replace(Frame::Backticks { quotes: quotes + 1 }),
            _ => {}
        }
    }

    fn leave(&mut self) {
        self.frames.pop();
    }

    fn replace(&mut self, frame: Frame) {
        self.leave();
        self.frames.push(frame);
    }

    /// Begins an expansion, which is a part of the current word.
    pub(super) fn expand(&mut self, frame: Frame) {
        self.push(Symbol::Expansion);
        self.frames.push(frame);
    }

    /// Reads what follows a `$`.
    pub(super) fn dollar(&mut self) {
        let is_in_double = matches!(self.top(), Frame::Double | Frame::Parameter { is_in_double: true });
        let Some(next) = self.peek(0) else {
            return self.push(Symbol::Char('$'));
        };
        match next {
            Symbol::Char('(') => self.parenthesis_after_dollar(),
            Symbol::Char('{') => {
                self.at += 1;
                self.expand(Frame::Parameter { is_in_double });
            }
            Symbol::Char('\'') if !is_in_double => {
                self.at += 1;
                self.innermost().command.word.is_quoted = true;
                self.frames.push(Frame::Ansi);
            }
            Symbol::Char('"') if !is_in_double => self.doubt("$\"...\", on which shells differ"),
            Symbol::Char('[') => self.doubt("$[...], on which shells differ"),
            Symbol::Char('\\') => self.doubt("a `$` before a backslash"),
            Symbol::Char(c) if c == '_' || c.is_ascii_alphanumeric() || "@*#?-$!".contains(c) => self.named(c),
            Symbol::Hole(_) => {
                self.push(Symbol::Char('$'));
                self.glued = Some(Obstacle::AfterDollar);
            }
            Symbol::Char(_) | Symbol::Expansion => self.push(Symbol::Char('$')),
        }
    }

    fn parenthesis_after_dollar(&mut self) {
        if self.peek(1) == Some(Symbol::Char('(')) {
            self.at += 2;
            self.expand(Frame::Arithmetic { depth: 0 });
        } else {
            self.at += 1;
            self.expand(Frame::commands(ListKind::Substitution));
        }
    }

    /// Reads the name of a parameter without braces.
    fn named(&mut self, first: char) {
        self.at += 1;
        let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if first == '_' || first.is_ascii_alphabetic() {
            while self.peek(0).and_then(Symbol::as_char).is_some_and(is_part) {
                self.at += 1;
            }
        }
        self.push(Symbol::Expansion);
        if is_part(first) && matches!(self.top(), Frame::Double) && matches!(self.peek(0), Some(Symbol::Hole(_))) {
            self.glued = Some(Obstacle::AfterName);
        }
    }
}
