//! Commands as they can be pasted into a shell, with marks where a part is known only later.

use std::collections::BTreeSet;

use firedrill_model::expression::Expression;
use firedrill_model::plan::{After, Command, Poll, Program, SecretPlace, Text};
use firedrill_model::shell;
use firedrill_model::template::Piece;

use super::Page;
use crate::foreign::harmless;
use crate::ink::Tone;
use crate::text::{width, wrap_command};
use crate::words;

impl Page {
    /// Writes what a command starts, and everything around it that is not as usual.
    pub(super) fn command(&mut self, indent: usize, command: &Command) {
        match &command.program {
            Program::Argv(arguments) => self.argv(indent, arguments),
            Program::Script { shell, script } => self.script(indent, shell, script),
            Program::Manual { instructions, confirm } => self.manual(indent, instructions, confirm.as_ref()),
            Program::Approve { prompt, by, min, starter } => self.approve(indent, prompt, (by, min.get(), *starter)),
        }
        let is_started = !command.program.asks_people();
        let own: Vec<(&String, &Text)> = self.shared.own_env(command).filter(|_| is_started).collect();
        let dir = self.shared.own_dir(command).filter(|_| is_started);
        let texts = command.program.texts().chain(own.iter().map(|(_, text)| *text)).chain(dir);
        self.later(indent, later_mark(texts.chain(&command.stdin)));
        for (name, text) in own {
            self.labelled(indent, "env", &format!("{name}={}", word(text)));
        }
        for used in &command.secrets {
            let secret = format!("<secret {}>", used.name());
            match &used.into {
                SecretPlace::Env(name) => self.labelled(indent, "env", &format!("{name}={secret}")),
                SecretPlace::EnvFile(name) => {
                    self.labelled(indent, "env", &format!("{name}=<file of secret {}>", used.name()));
                }
                SecretPlace::Stdin => self.labelled(indent, "stdin", &secret),
            }
        }
        if let Some(dir) = dir {
            self.labelled(indent, "in", &word(dir));
        }
        command.stdin.iter().for_each(|text| self.labelled(indent, "stdin", &word(text)));
        command.time_limit.iter().for_each(|limit| self.labelled(indent, "limit", &words::length(*limit)));
        command.poll.iter().for_each(|poll| self.labelled(indent, "polls", &polls(poll)));
        self.expect(indent, command);
        for rule in &command.outputs {
            self.labelled(indent, "output", &super::step::output(rule));
        }
    }

    fn argv(&mut self, indent: usize, arguments: &[Text]) {
        let words: Vec<String> = arguments.iter().map(word).collect();
        let columns = self.columns.saturating_sub(indent + 2).max(20);
        for (at, line) in wrap_command(&words, columns, width).iter().enumerate() {
            let prompt = if at == 0 { "$ " } else { "  " };
            self.typed(indent, &format!("{prompt}{line}"));
        }
    }

    fn script(&mut self, indent: usize, shell: &[String], script: &Text) {
        let words: Vec<String> = shell.iter().map(|word| quoted(word)).collect();
        self.typed(indent, &format!("$ {} '...'", words.join(" ")));
        let (text, _) = shown_text(script);
        for line in text.trim_end().lines() {
            self.typed(indent, &format!("  | {line}"));
        }
    }

    fn typed(&mut self, indent: usize, line: &str) {
        let pieces = line.split_inclusive('»');
        let painted: String = pieces.map(|piece| self.with_mark(piece)).collect();
        self.line(&format!("{}{painted}", " ".repeat(indent)));
    }

    /// Paints a piece of a command that may end in a mark.
    fn with_mark(&self, piece: &str) -> String {
        match piece.split_once('«') {
            Some((before, mark)) => {
                self.ink.paint(Tone::Typed, before) + &self.ink.paint(Tone::Later, &format!("«{mark}"))
            }
            None => self.ink.paint(Tone::Typed, piece),
        }
    }

    pub(super) fn later(&mut self, indent: usize, mark: Option<String>) {
        if let Some(mark) = mark {
            let text = self.ink.paint(Tone::Later, &mark);
            self.line(&format!("{}{text}", " ".repeat(indent)));
        }
    }

    fn expect(&mut self, indent: usize, command: &Command) {
        let expect = &command.expect;
        let mut parts = Vec::new();
        if expect.exit != [0] {
            let codes: Vec<String> = expect.exit.iter().map(ToString::to_string).collect();
            parts.push(format!("exit {}", codes.join(", ")));
        }
        parts.extend(expect.stdout.iter().map(|pattern| format!("stdout matches /{pattern}/")));
        parts.extend(expect.stderr.iter().map(|pattern| format!("stderr matches /{pattern}/")));
        parts.extend(expect.jq.iter().map(|filter| format!("jq {}", filter.trim())));
        parts.extend(expect.that.iter().map(|condition| condition.source.clone()));
        if !parts.is_empty() {
            self.labelled(indent, "expect", &parts.join("; "));
        }
    }

    /// Writes a labelled fact below a command, which may be indented deeper than the facts of its item.
    pub(super) fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        if indent == super::INDENT {
            self.fact(label, text);
        } else {
            let text = format!("{label}: {}", harmless(text));
            self.wrapped(indent, indent + 2, &text);
        }
    }
}

fn polls(poll: &Poll) -> String {
    let after =
        if poll.after.is_zero() { String::new() } else { format!(", first after {}", words::length(poll.after)) };
    format!("every {}, for {} at the most{after}", words::length(poll.every), words::length(poll.within))
}

/// Returns a text with marks where a part is known only later, and what that part waits for.
pub(super) fn shown_text(text: &Text) -> (String, Option<String>) {
    match text {
        Text::Known(text) => (harmless(text), None),
        Text::Deferred { template, after } => {
            let pieces = template.pieces().iter().map(|piece| match piece {
                Piece::Literal(text) => harmless(text),
                Piece::Expression(expression) => marked(expression),
            });
            (pieces.collect(), template.references().next().map(|_| known_after(after)))
        }
    }
}

/// Returns a text as one word for a shell, with marks where a part is known only later.
pub(super) fn word(text: &Text) -> String {
    match text {
        Text::Known(text) => quoted(text),
        Text::Deferred { template, .. } => {
            let pieces = template.pieces().iter().map(|piece| match piece {
                Piece::Literal(text) => quoted(text),
                Piece::Expression(expression) => marked(expression),
            });
            pieces.collect()
        }
    }
}

/// Returns an expression with marks, unless it is a value that is known.
fn marked(expression: &Expression) -> String {
    if expression.references.is_empty() { expression.source.clone() } else { format!("«{}»", expression.source) }
}

/// Returns one shell word that is exactly this text and harmless for a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "_@%+=:,./-".contains(character);
    let is_bare = !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('=');
    if is_bare {
        text.to_owned()
    } else if harmless(text) == text {
        shell::quote_bare(text)
    } else {
        format!("$'{}'", text.escape_default().to_string().replace("\\u{", "\\U{").replace(['{', '}'], ""))
    }
}

/// Returns the line that explains the marks in these texts, if there are any.
pub(super) fn later_mark<'a>(texts: impl Iterator<Item = &'a Text>) -> Option<String> {
    let waiting = texts.filter_map(after).collect::<Vec<_>>();
    let after: BTreeSet<After> = waiting.iter().copied().flatten().cloned().collect();
    let after: Vec<After> = after.into_iter().collect();
    (!waiting.is_empty()).then(|| format!("« » {}", known_after(&after)))
}

/// Returns what a text waits for, if it holds anything that is not known.
fn after(text: &Text) -> Option<&[After]> {
    match text {
        Text::Deferred { after, template } if template.references().next().is_some() => Some(after),
        Text::Known(_) | Text::Deferred { .. } => None,
    }
}

/// Returns when something is known that waits for these.
pub(super) fn known_after(after: &[After]) -> String {
    if after.is_empty() {
        return "known with the item".to_owned();
    }
    let mut moments: Vec<String> = Vec::new();
    for after in after {
        moments.push(match after {
            After::Start => "when the run starts".to_owned(),
            After::Guard(guard) => format!("after guard {guard}"),
            After::Step(step) => format!("after step {step}"),
            After::Rest => "when the run has come to rest".to_owned(),
        });
    }
    format!("known {}", moments.join(", "))
}
