//! The sink of a run that somebody watches.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use firedrill_exec::people::{self, Shown};
use firedrill_exec::{Lock, Note, RunDir, Sink, clock};
use firedrill_model::plan::Plan;
use firedrill_report::measure::Measures;
use firedrill_report::{AtRest, Console, Holder, Purpose, Tail, View, ending, event_json, left_waiting, verdict_json};
use firedrill_run::journal::Envelope;
use firedrill_run::{Ask, CommandId, Event, IllegalEvent, Run, Waiting};

use crate::args::Format;
use crate::question::{Questions, covered};
use crate::terminal::{self, Terminal};

/// How many bytes of what a command printed are read to show its last lines.
const TAIL_BYTES: u64 = 8 * 1024;

/// Prints what happens.
pub(crate) struct Screen<'a> {
    view: View,
    console: Console,
    run: RunDir,
    terminal: &'a Terminal,
    format: Format,
    questions: Option<Questions>,
}

impl<'a> Screen<'a> {
    /// Returns a screen on which everything that has happened already is known and not shown.
    pub(crate) fn new(
        run: &RunDir,
        plan: Arc<Plan>,
        (purpose, past): (Purpose, &[Envelope]),
        terminal: &'a Terminal,
        format: Format,
    ) -> Result<Screen<'a>, IllegalEvent> {
        let console = Console::new(&plan, terminal.colour, terminal.zone, terminal.columns);
        if format == Format::Text {
            terminal.print(&console.opening(&plan, run.id(), purpose));
        }
        Ok(Screen { view: View::fold(plan, past)?, console, run: run.clone(), terminal, format, questions: None })
    }

    /// Asks what waits for people here, if somebody can type here.
    pub(crate) fn ask_here(&mut self) {
        self.questions = Questions::at_terminal(&self.run).filter(|_| self.format == Format::Text);
    }

    /// Prints the last block of a run that is left while it waits for people.
    pub(crate) fn leave(&self) {
        let rest = AtRest { outputs: &BTreeMap::new(), measures: None };
        self.terminal.print(&match self.format {
            Format::Text => left_waiting(&self.view, self.terminal.columns, self.terminal.colour),
            Format::Json => verdict_json(&self.view, rest) + "\n",
        });
    }

    /// Says what an approval would cover, of everything that people are asked by now.
    fn covered(&self, envelope: &Envelope) -> String {
        // What is shown may be behind what the run has come to.
        let run = self.view.run();
        let asked = run.waiting_for().into_iter().map(|waiting| waiting.command);
        let is_new = |command: &CommandId| match &envelope.event {
            Event::Started { command: started } => started == command,
            Event::EngineStarted { .. } => true,
            _ => false,
        };
        let shown = asked.filter(is_new).filter_map(|command| self.shown(run, &command));
        shown.map(|shown| self.console.beside(&covered(&shown))).collect()
    }

    fn shown(&self, run: &Run, command: &CommandId) -> Option<Shown> {
        let is_decision = |waiting: &Waiting| waiting.ask == Ask::Approve && waiting.command == *command;
        run.waiting_for().iter().any(is_decision).then(|| people::shown(&self.run, command).ok().flatten())?
    }

    /// Prints the last block.
    pub(crate) fn end(&self, measures: Option<&Measures>) {
        let outputs = self.run.summary().map(|summary| summary.outputs).unwrap_or_default();
        self.end_with(AtRest { outputs: &outputs, measures });
    }

    /// Prints the last block of a run that has come to this.
    pub(crate) fn end_with(&self, rest: AtRest<'_>) {
        let text = match self.format {
            Format::Text => ending(&self.view, rest, self.terminal.columns, self.terminal.colour),
            Format::Json => verdict_json(&self.view, rest) + "\n",
        };
        self.terminal.print(&text);
    }
}

impl Sink for Screen<'_> {
    fn event(&mut self, envelope: &Envelope, run: &Run) {
        let changes = self.view.apply(envelope).expect("the driver has applied the event before it shows it");
        let tail = |command: &CommandId| tail(&self.run, command);
        let text = match self.format {
            Format::Text => {
                let lines = self.console.lines(&self.view, envelope.at_ms, &changes, &tail);
                lines + &self.covered(envelope)
            }
            Format::Json => event_json(envelope) + "\n",
        };
        self.terminal.print(&text);
        if let Some(questions) = &self.questions {
            questions.update(run, |command| self.shown(run, command));
            if !text.is_empty() {
                questions.redraw();
            }
        }
    }

    fn note(&mut self, note: &Note) {
        let text = match note {
            Note::Stopping | Note::StoppingRollbacks => return,
            Note::Leaving => format!("leaving at once; `firedrill resume {}` goes on", self.run.id()),
            Note::HungUp => "the terminal is gone, the run goes on".to_owned(),
            Note::SupervisorLost => "the supervisor is gone: what it ran is being settled".to_owned(),
            Note::AwaitingSurvivor(command) => {
                format!("{command} is still running without its supervisor: waiting for it")
            }
            Note::AwaitingLock { step, lock } => return self.tell(&self.waits_for_lock(step.as_str(), lock)),
            other => format!("{other:?}"),
        };
        self.tell(&self.console.aside(clock::now_ms(), &text));
    }
}

impl Screen<'_> {
    fn waits_for_lock(&self, step: &str, lock: &Lock) -> String {
        let why = lock.holding.to_string();
        let Lock { name, run, playbook, since_ms, .. } = lock;
        let holder = Holder { lock: name, run, playbook: playbook.as_deref(), since_ms: *since_ms, why: &why };
        self.console.waits_for_lock(clock::now_ms(), step, &holder)
    }

    /// Prints a line that no event says.
    fn tell(&self, line: &str) {
        match self.format {
            Format::Text => self.terminal.print(line),
            Format::Json => terminal::tell(line),
        }
    }
}

/// Returns the end of what a command printed: its standard error, or its standard output if that is empty.
pub(crate) fn tail(run: &RunDir, command: &CommandId) -> Tail {
    let read = [run.stderr(command), run.stdout(command)].into_iter().filter_map(|path| end_of(&path).ok());
    read.into_iter().find(|tail| !tail.text.trim().is_empty()).unwrap_or_default()
}

fn end_of(path: &Path) -> io::Result<Tail> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(Tail::of(&bytes, begin > 0))
}
