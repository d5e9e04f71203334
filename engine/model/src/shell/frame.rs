//! What encloses a place of a script: quotes, expansions, lists of commands.

use super::command::{Command, Word};
use super::obstacle::Obstacle;

/// What encloses the place that is being read.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    Commands(Box<Commands>),
    Single,
    Double,
    /// `$'...'`
    Ansi,
    Comment,
    /// `${...}`
    Parameter {
        is_in_double: bool,
    },
    /// `$((...))` and `((...))`, with the parentheses that are open inside.
    Arithmetic {
        depth: usize,
    },
    /// `[[ ... ]]`
    Conditional,
    /// With the quotes seen inside.
    Backticks {
        quotes: usize,
    },
}

impl Frame {
    pub(super) fn commands(kind: ListKind) -> Self {
        Self::Commands(Box::new(Commands::new(kind)))
    }

    pub(super) fn as_commands(&self) -> Option<&Commands> {
        match self {
            Self::Commands(commands) => Some(commands),
            _ => None,
        }
    }

    pub(super) fn as_commands_mut(&mut self) -> Option<&mut Commands> {
        match self {
            Self::Commands(commands) => Some(commands),
            _ => None,
        }
    }

    /// Returns why no value can stand anywhere inside, if so.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        match self {
            Self::Commands(_) | Self::Single | Self::Double => None,
            Self::Ansi => Some(Obstacle::AnsiQuote),
            Self::Comment => Some(Obstacle::Comment),
            Self::Parameter { .. } => Some(Obstacle::Parameter),
            Self::Arithmetic { .. } => Some(Obstacle::Arithmetic),
            Self::Conditional => Some(Obstacle::Conditional),
            Self::Backticks { .. } => Some(Obstacle::Backticks),
        }
    }

    pub(super) fn awaits_here_document(&self) -> bool {
        self.as_commands().is_some_and(|commands| !commands.here_documents.is_empty())
    }
}

/// A list of commands: a script, `$(...)`, `(...)`, or the elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    pub(super) kind: ListKind,
    pub(super) command: Command,
    /// What the next word is to a redirection before it.
    pub(super) target: Option<Target>,
    /// The next word is the name of a function.
    pub(super) is_function_name: bool,
    pub(super) cases: Vec<Case>,
    /// Here-documents that begin behind the current line.
    pub(super) here_documents: Vec<HereDocument>,
}

/// What stands behind the operator of a redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A path, or the text of a here-string.
    File,
    /// A descriptor, behind `>&` and `<&`; bash evaluates what is none.
    Descriptor,
}

/// What a list of commands is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Script,
    /// `$(...)`, `<(...)`: a part of a word.
    Substitution,
    /// `(...)`
    Subshell,
    /// `name=(...)`: words only.
    Array,
}

/// Where in a `case` command the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Subject,
    Pattern,
    Body,
}

/// A here-document whose text is still to come.
#[derive(Clone, Debug, Default)]
pub(super) struct HereDocument {
    pub(super) delimiter: String,
    pub(super) strips_tabs: bool,
    /// The delimiter was quoted: nothing is expanded, a backslash is nothing special.
    pub(super) is_literal: bool,
}

impl Commands {
    fn new(kind: ListKind) -> Self {
        Self {
            kind,
            command: Command::default(),
            target: None,
            is_function_name: false,
            cases: Vec::new(),
            here_documents: Vec::new(),
        }
    }

    /// Returns whether the next word is the name of a command, or a keyword.
    pub(super) fn is_at_command(&self) -> bool {
        self.kind != ListKind::Array && self.command.words.is_empty() && !self.is_in_pattern()
    }

    pub(super) fn is_in_pattern(&self) -> bool {
        self.cases.last() == Some(&Case::Pattern)
    }

    pub(super) fn is_in_script_of_nested_shell(&self) -> bool {
        self.target.is_none() && self.command.is_nested()
    }

    /// Returns why a value must not stand in the current word, if so.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        if self.is_in_pattern() {
            return Some(Obstacle::CasePattern);
        }
        match self.target {
            None => self.command.obstacle(),
            Some(Target::File) => None,
            Some(Target::Descriptor) => Some(Obstacle::Descriptor),
        }
    }

    /// Enters the stage of the innermost `case`.
    pub(super) fn set_case(&mut self, stage: Case) {
        if let Some(case) = self.cases.last_mut() {
            *case = stage;
        }
    }

    pub(super) fn take_word(&mut self) -> Word {
        std::mem::take(&mut self.command.word)
    }
}
