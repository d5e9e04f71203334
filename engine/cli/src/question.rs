//! What is asked at the run's terminal: beside the lines of the run, by a thread of its own that says the answer as anybody
//! anywhere would.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use firedrill_exec::RunDir;
use firedrill_exec::people::{self, Shown};
use firedrill_model::judge::OutputRule;
use firedrill_model::value::Value;
use firedrill_report::harmless;
use firedrill_run::{Ask, CommandId, Event, Response, Run, Waiting};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::terminal;

/// How often a prompt looks whether somebody has answered elsewhere.
const BETWEEN_LOOKS: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Asks what waits for people at the terminal of the run.
#[derive(Clone)]
pub(crate) struct Questions(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What may be answered here, in the order of the playbook.
    open: Vec<Open>,
    /// What was answered here and is not recorded yet, or may not be.
    done: Vec<CommandId>,
    /// What was printed last and waits for a line.
    prompt: Option<String>,
}

#[derive(Clone)]
struct Open {
    waiting: Waiting,
    rules: Vec<OutputRule>,
    shown: String,
}

/// Returns who uses the terminal.
pub(crate) fn user() -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let named = named.into_iter().find(|name| !name.is_empty());
    named.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()))
}

/// Returns what an approval covers, as a line, with the word that binds it.
pub(crate) fn covered(shown: &Shown) -> String {
    let steps: Vec<&str> = shown.steps.iter().map(|step| step.step.as_str()).collect();
    let steps = if steps.is_empty() { "no step".to_owned() } else { steps.join(", ") };
    let unknown: Vec<&str> = shown.unknown().map(firedrill_run::StepId::as_str).collect();
    let unknown = match unknown.as_slice() {
        [] => String::new(),
        some => format!("; known in part only: {}", some.join(", ")),
    };
    format!("covers {} (shown {}){unknown}", harmless(&steps), &shown.digest()[..12])
}

impl Questions {
    /// Returns the questions of a terminal; none if nobody can type there.
    pub(crate) fn at_terminal(dir: &RunDir) -> Option<Questions> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let questions = Questions(Arc::default());
        let (asking, dir) = (questions.clone(), dir.clone());
        thread::spawn(move || asking.ask_all(&dir));
        Some(questions)
    }

    /// Takes note of what waits for people now.
    pub(crate) fn update(&self, run: &Run, shown: impl Fn(&CommandId) -> Option<Shown>) {
        let waiting = run.waiting_for();
        let mut state = self.state();
        if waiting.iter().eq(state.open.iter().map(|open| &open.waiting)) {
            return;
        }
        state.open = waiting
            .into_iter()
            .map(|waiting| Open {
                rules: run.command(&waiting.command).map(|command| command.outputs.clone()).unwrap_or_default(),
                shown: shown(&waiting.command).map(|shown| shown.digest()).unwrap_or_default(),
                waiting,
            })
            .collect();
        drop(state);
        self.0.changed.notify_all();
    }

    /// Prints the prompt again that other lines have pushed up.
    pub(crate) fn redraw(&self) {
        if let Some(prompt) = &self.state().prompt {
            terminal::prompt(prompt);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks one question after the other until nobody can type any more.
    fn ask_all(&self, dir: &RunDir) {
        let me = user();
        loop {
            let open = self.next(&me);
            let id = open.waiting.command.clone();
            let Some(event) = self.ask(&open, &me) else {
                if self.is_open(&id) {
                    return;
                }
                continue;
            };
            if let Err(error) = people::say(dir, &event) {
                terminal::tell(&format!("not recorded: {error}\n"));
            }
            self.state().done.push(id);
        }
    }

    /// Waits for a question that may be answered here.
    fn next(&self, me: &str) -> Open {
        let may = |open: &&Open, done: &[CommandId]| {
            let waiting = &open.waiting;
            let is_named = waiting.by.is_empty() || waiting.by.iter().any(|name| name == me);
            let is_over = done.contains(&waiting.command) || waiting.approved.iter().any(|name| name == me);
            is_named && !is_over && waiting.excluded.as_deref() != Some(me)
        };
        let mut state = self.state();
        loop {
            if let Some(open) = state.open.iter().find(|open| may(open, &state.done)) {
                return open.clone();
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_open(&self, id: &CommandId) -> bool {
        self.state().open.iter().any(|open| open.waiting.command == *id)
    }

    /// Asks one question; nothing if it was answered elsewhere, or nobody can type any more.
    fn ask(&self, open: &Open, me: &str) -> Option<Event> {
        let id = &open.waiting.command;
        let step = id.step().map(ToString::to_string).unwrap_or_default();
        let name = if id.is_hook() { format!("{step}.{}", id.role) } else { step };
        let what = if open.waiting.ask == Ask::Approve { "approve" } else { "done" };
        let is_yes = self.yes_or_no(id, &format!("{name}: {what}? [y/n] "))?;
        let response = match (open.waiting.ask, is_yes) {
            (Ask::Approve, true) => Response::Approved,
            (Ask::Approve, false) => Response::Declined,
            (Ask::Manual, true) => Response::Done,
            (Ask::Manual, false) => Response::Failed,
        };
        let mut outputs = BTreeMap::new();
        for rule in open.rules.iter().filter(|_| response == Response::Done) {
            outputs.insert(rule.name.clone(), self.value(id, rule)?);
        }
        let note = self.line(id, &format!("{name}: a remark (may be empty): "))?;
        let (command, by, shown) = (id.clone(), me.to_owned(), open.shown.clone());
        Some(Event::Answered { command, response, outputs, by, note: note.trim().to_owned(), shown })
    }

    fn yes_or_no(&self, id: &CommandId, prompt: &str) -> Option<bool> {
        loop {
            match self.line(id, prompt)?.trim() {
                "y" | "Y" | "yes" => return Some(true),
                "n" | "N" | "no" => return Some(false),
                _ => terminal::tell("y or n, please\n"),
            }
        }
    }

    /// Asks for a value until it is one of its type.
    fn value(&self, id: &CommandId, rule: &OutputRule) -> Option<Value> {
        let optional = if rule.optional { ", may be empty" } else { "" };
        loop {
            let line = self.line(id, &format!("{} ({}{optional}): ", rule.name, rule.r#type.name()))?;
            match (line.trim(), rule.optional) {
                ("", true) => return Some(Value::None),
                ("", false) => terminal::tell("a value is needed\n"),
                (text, _) => match rule.r#type.read(text) {
                    Ok(value) => return Some(value),
                    Err(mismatch) => terminal::tell(&format!("{mismatch}\n")),
                },
            }
        }
    }

    /// Reads a line; nothing if the question is over, or nobody can type any more.
    fn line(&self, id: &CommandId, prompt: &str) -> Option<String> {
        self.state().prompt = Some(prompt.to_owned());
        terminal::prompt(prompt);
        let line = self.typed(id);
        self.state().prompt = None;
        line
    }

    fn typed(&self, id: &CommandId) -> Option<String> {
        let stdin = io::stdin();
        loop {
            let mut watched = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
            let has_typed = poll(&mut watched, Some(&BETWEEN_LOOKS)).is_ok_and(|ready| ready > 0);
            if !self.is_open(id) {
                terminal::prompt("\n");
                return None;
            }
            if has_typed {
                let mut line = String::new();
                return stdin.read_line(&mut line).ok().filter(|length| *length > 0).map(|_| line);
            }
        }
    }
}
