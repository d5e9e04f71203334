//! The simple command that is being read: its words, and which of them are code.

use super::Symbol;
use super::obstacle::Obstacle;

/// A word of a command. What is expanded in it is kept as a placeholder.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    /// The word without its quotes.
    pub(super) content: Vec<Symbol>,
    pub(super) is_started: bool,
    pub(super) is_quoted: bool,
    /// A `[` that is not yet closed.
    pub(super) in_brackets: bool,
}

impl Word {
    pub(super) fn push(&mut self, symbol: Symbol) {
        self.is_started = true;
        self.content.push(symbol);
    }

    /// Returns the literal text up to the first value or expansion.
    pub(super) fn prefix(&self) -> String {
        self.content.iter().map_while(|symbol| symbol.as_char()).collect()
    }

    /// Returns the word if it is literal and bare, as keywords are.
    pub(super) fn keyword(&self) -> Option<String> {
        (!self.is_quoted && self.content.iter().all(|symbol| symbol.as_char().is_some())).then(|| self.prefix())
    }

    fn begins_with_hole(&self) -> bool {
        matches!(self.content.first(), Some(Symbol::Hole(_)))
    }

    /// Returns the name before `=` or `+=`.
    pub(super) fn assigned_name(&self) -> Option<String> {
        let prefix = self.prefix();
        let (name, _) = prefix.split_once('=')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let is_valid = name.chars().all(is_name) && name.starts_with(|c: char| !c.is_ascii_digit());
        is_valid.then(|| name.to_owned())
    }
}

/// The words of the current command that are complete, and the one that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) word: Word,
    /// The text that goes to another shell, if any.
    pub(super) nested: Vec<Symbol>,
}

/// Commands that run the command in their arguments.
const WRAPPERS: [&str; 15] = [
    "builtin", "chronic", "command", "coproc", "env", "exec", "ionice", "nice", "nohup", "setsid", "sshpass", "stdbuf",
    "sudo", "time", "timeout",
];
/// Programs that read a script behind `-c`; `ssh` as a subcommand (`bosh ssh`) does, too.
const SHELLS: [&str; 15] = [
    "ash", "bash", "busybox", "dash", "fish", "flock", "ksh", "mksh", "rbash", "runuser", "script", "sh", "ssh", "su",
    "zsh",
];
/// Programs that have a subcommand `ssh`, whose arguments are not a script unless behind `-c`.
const OWNERS_OF_SSH: [&str; 6] = ["az", "bosh", "cf", "gcloud", "kubectl", "vagrant"];
/// Commands all of whose arguments are a script.
const EVALUATORS: [&str; 3] = ["eval", "trap", "watch"];
/// Commands whose arguments bash evaluates in ways that no quoting prevents.
const ARITHMETIC: [&str; 5] = ["alias", "bind", "compgen", "complete", "let"];
/// Commands that take names of variables.
const NAME_TAKERS: [&str; 5] = ["getopts", "mapfile", "read", "readarray", "unset"];
/// Commands that take names of variables, with values behind `=`.
const DECLARERS: [&str; 5] = ["declare", "export", "local", "readonly", "typeset"];
/// Variables whose value the shell evaluates as arithmetic, as a prompt, or as a file to run.
const SPECIAL_VARIABLES: [&str; 13] = [
    "BASHPID",
    "BASH_ENV",
    "EPOCHSECONDS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS4",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
];
/// Options of ssh that take an argument.
const SSH_OPTIONS_WITH_ARGUMENT: &str = "BbcDEeFIiJLlmOopQRSWw";

impl Command {
    /// Returns the words from the command's name on, without what merely wraps it.
    fn unwrapped(&self) -> (String, &[Word]) {
        let mut words = self.words.as_slice();
        while let [wrapper, rest @ ..] = words
            && WRAPPERS.contains(&base_name(wrapper).as_str())
        {
            let next = rest.iter().position(|word| !looks_like_option(word));
            words = &rest[next.unwrap_or(rest.len())..];
        }
        match words {
            [name, arguments @ ..] => (base_name(name), arguments),
            [] => (String::new(), &[]),
        }
    }

    /// Returns why a value must not stand in the current word, if so.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        if self.word.in_brackets {
            return Some(Obstacle::Subscript);
        }
        let assigned = self.word.assigned_name();
        let (name, arguments) = self.unwrapped();
        let assigns = name.is_empty() || DECLARERS.contains(&name.as_str());
        if assigns && assigned.as_deref().is_some_and(|name| SPECIAL_VARIABLES.contains(&name)) {
            return Some(Obstacle::SpecialVariable);
        }
        match name.as_str() {
            name if ARITHMETIC.contains(&name) => Some(Obstacle::ArithmeticBuiltin),
            name if NAME_TAKERS.contains(&name) => Some(Obstacle::VariableName),
            name if DECLARERS.contains(&name) && assigned.is_none() => Some(Obstacle::VariableName),
            "printf" | "wait" if behind(arguments, &["-v", "-p"]) => Some(Obstacle::VariableName),
            "printf" if arguments.is_empty() && self.word.content.is_empty() => Some(Obstacle::FirstOfPrintf),
            "test" | "[" => self.obstacle_in_test(arguments),
            _ => None,
        }
    }

    fn obstacle_in_test(&self, arguments: &[Word]) -> Option<Obstacle> {
        if behind(arguments, &["-v", "-R"]) {
            return Some(Obstacle::VariableName);
        }
        let is_second = arguments.last().is_some_and(Word::begins_with_hole) && self.word.content.is_empty();
        is_second.then_some(Obstacle::TestOperand)
    }

    /// Returns whether a list may stand for several words here.
    pub(super) fn takes_words(&self) -> bool {
        !matches!(self.unwrapped().0.as_str(), "test" | "[" | "case")
    }

    /// Returns whether the current word is (a part of) the script of another shell.
    pub(super) fn is_nested(&self) -> bool {
        EVALUATORS.contains(&self.unwrapped().0.as_str()) || self.is_behind_host() || self.is_behind_dash_c()
    }

    /// Returns whether the host of an ssh command stands before the current word.
    fn is_behind_host(&self) -> bool {
        let mut names = self.words.iter().map(base_name);
        let Some(ssh) = names.position(|name| name == "ssh") else {
            return false;
        };
        let owned = self.words[..ssh].iter().any(|word| OWNERS_OF_SSH.contains(&base_name(word).as_str()));
        !owned && holds_host(&self.words[ssh + 1..])
    }

    fn is_behind_dash_c(&self) -> bool {
        let Some(shell) = self.words.iter().position(may_be_shell) else {
            return false;
        };
        if self.word.prefix().starts_with("--command=") {
            return true;
        }
        let arguments = &self.words[shell + 1..];
        let Some(option) = arguments.iter().position(takes_script) else {
            return false;
        };
        arguments[option + 1..].iter().all(|word| looks_like_option(word) || word.begins_with_hole())
    }

    /// Returns whether the command gives variables the integer or the reference attribute.
    pub(super) fn declares_integers(&self) -> bool {
        let (name, arguments) = self.unwrapped();
        DECLARERS.contains(&name.as_str()) && arguments.iter().any(has_integer_option)
    }
}

fn base_name(word: &Word) -> String {
    let text = word.prefix();
    if text.chars().count() < word.content.len() {
        return String::new();
    }
    text.rsplit('/').next().unwrap_or_default().to_owned()
}

fn looks_like_option(word: &Word) -> bool {
    let text = word.prefix();
    text.starts_with(['-', '+']) || text.starts_with(|c: char| c.is_ascii_digit()) || word.assigned_name().is_some()
}

fn takes_script(word: &Word) -> bool {
    let text = word.prefix();
    text == "--command" || (text.starts_with('-') && !text.starts_with("--") && text.contains('c'))
}

fn has_integer_option(word: &Word) -> bool {
    let text = word.prefix();
    text.starts_with('-') && text.contains(['i', 'n'])
}

fn behind(arguments: &[Word], options: &[&str]) -> bool {
    arguments.last().is_some_and(|word| options.contains(&word.prefix().as_str()))
}

/// Returns whether the word names a shell, or is expanded to nobody knows what (`$SHELL`).
fn may_be_shell(word: &Word) -> bool {
    word.content.first() == Some(&Symbol::Expansion) || SHELLS.contains(&base_name(word).as_str())
}

/// Returns whether the host is among these arguments of ssh.
fn holds_host(arguments: &[Word]) -> bool {
    let mut is_argument = false;
    for word in arguments {
        let text = word.prefix();
        if is_argument {
            is_argument = false;
        } else if let Some(option) = text.strip_prefix('-') {
            is_argument = option.len() == 1 && SSH_OPTIONS_WITH_ARGUMENT.contains(option);
        } else {
            return true;
        }
    }
    false
}
