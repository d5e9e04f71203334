//! A plan for people: what will run, exactly; what is known only later; what undoes it and when.

mod command;
mod count;
mod group;
mod people;
mod shared;
mod step;

pub(crate) use command::quoted;
pub(crate) use count::{Exactness, commands};
use firedrill_model::plan::{Condition, Final, Guard, Invariant, OnFailure, OnUnmet, Origin, Plan, Step};
use firedrill_model::value::Value;

use self::command::shown_text;
use self::shared::Shared;
use crate::diagnostics::Colour;
use crate::estimate::Estimate;
use crate::foreign::harmless;
use crate::ink::{Ink, Tone};
use crate::text::{pad, table, wrap, wrap_prose};
use crate::words;

/// Returns a plan as text for a terminal of this many columns, with how long it will take if that is known.
pub fn plan_text(plan: &Plan, estimate: Option<&Estimate>, columns: usize, colour: Colour) -> String {
    let mut page = Page { text: String::new(), ink: Ink::new(colour), columns, margin: 0, shared: Shared::of(plan) };
    page.header(plan);
    page.times(plan, estimate);
    page.inputs(plan);
    page.shared();
    page.guards(&plan.guards);
    page.steps(plan);
    page.holds(plan, estimate);
    page.invariants(&plan.invariants);
    page.finally(&plan.finally);
    page.outputs(plan);
    page.line("");
    page.line(&page.ink.paint(Tone::Strong, &count::counted(plan)));
    page.text
}

/// Text that grows from the top down.
struct Page {
    text: String,
    ink: Ink,
    columns: usize,
    /// How far everything is indented, for the members of groups.
    margin: usize,
    /// What is said once, not for every command.
    shared: Shared,
}

/// How far the facts about an item are indented.
const INDENT: usize = 6;
/// Prose is easier to read in lines that are not too long.
const WIDEST_PROSE: usize = 100;
/// The width of the labels of facts.
const LABEL: usize = 10;

impl Page {
    /// Adds a line.
    fn line(&mut self, text: &str) {
        let text = text.trim_end();
        if !text.is_empty() {
            self.text.push_str(&" ".repeat(self.margin));
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn header(&mut self, plan: &Plan) {
        let title = plan.title.as_deref().map(harmless).unwrap_or_default();
        let name = self.ink.paint(Tone::Strong, &plan.playbook);
        let digest: String = plan.digest().chars().take(12).collect();
        let on_failure = match plan.on_failure {
            OnFailure::Rollback => "on failure: roll back",
            OnFailure::Stop => "on failure: stop, leave what is done",
            OnFailure::Ask => "on failure: ask",
            OnFailure::Continue => "on failure: go on",
        };
        let target = plan.target.as_ref().map(|target| {
            let protected = if target.is_protected { " (protected)" } else { "" };
            format!("for target {}{protected}, ", target.name)
        });
        let target = target.unwrap_or_default();
        let about = format!("plan {digest}, {target}{on_failure}, at most {} commands at once", plan.max_parallel);
        self.line(&format!("{name}  {title}\n{}", self.ink.paint(Tone::Quiet, &about)));
        if !plan.locks.is_empty() {
            let locks = format!("locks until nothing is owed: {}", harmless(&plan.locks.join(", ")));
            self.line(&self.ink.paint(Tone::Quiet, &locks));
        }
        if let Some(description) = &plan.description {
            let lines = wrap_prose(harmless(description).trim(), self.columns.saturating_sub(2).min(WIDEST_PROSE));
            self.line("");
            for line in lines {
                self.line(&format!("  {line}"));
            }
        }
    }

    fn times(&mut self, plan: &Plan, estimate: Option<&Estimate>) {
        let objectives = plan.objectives.unwrap_or_default();
        let objectives = [("recovery time", objectives.rto), ("recovery point", objectives.rpo)];
        let objectives =
            objectives.map(|(name, limit)| Some(format!("{name} {}", words::objective(words::milliseconds(limit?)))));
        let objectives: Vec<String> = objectives.into_iter().flatten().collect();
        let mut lines = Vec::new();
        lines.extend((!objectives.is_empty()).then(|| format!("objectives: {}", objectives.join(", "))));
        lines.extend(estimate.map(|estimate| format!("takes {}", estimate.words())));
        if !lines.is_empty() {
            self.line("");
        }
        for line in lines {
            self.wrapped(2, 4, &line);
        }
    }

    fn inputs(&mut self, plan: &Plan) {
        let inputs = plan.inputs.iter().map(|(name, value)| {
            let origin = plan.origins.get(name).map(origin).unwrap_or_default();
            vec![name.clone(), shown(value), origin]
        });
        let secrets = plan.secrets.iter().map(|(name, source)| {
            let origin = plan.origins.get(name).map(origin).unwrap_or_default();
            vec![name.clone(), format!("<secret {}>", words::secret_source(source)), origin]
        });
        self.rows("inputs", &inputs.chain(secrets).collect::<Vec<_>>());
        let vars = plan.vars.iter().map(|(name, value)| vec![name.clone(), shown(value)]);
        self.rows("vars", &vars.collect::<Vec<_>>());
        let last = plan.last.iter().map(|(name, value)| vec![name.clone(), shown(value)]);
        self.rows("last", &last.collect::<Vec<_>>());
        let files = plan.files.iter().map(|file| {
            let from = file.from.as_ref().map(|from| format!("from {from}")).unwrap_or_default();
            vec![file.path.clone(), file.sha256.chars().take(12).collect(), from]
        });
        self.rows("files", &files.collect::<Vec<_>>());
    }

    fn rows(&mut self, name: &str, rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        self.heading(name, "");
        for mut cells in table(rows) {
            let last = if cells.len() > 2 { cells.pop().unwrap_or_default() } else { String::new() };
            let line = format!("  {}  {}", cells.join("  "), self.ink.paint(Tone::Quiet, last.trim_end()));
            self.line(&line);
        }
    }

    fn guards(&mut self, guards: &[Guard]) {
        if !guards.is_empty() {
            self.heading("guards", "asked at the start, all of them, and again before the first change");
        }
        for guard in guards {
            self.item(&guard.id, "");
            self.guard(guard);
        }
    }

    fn guard(&mut self, guard: &Guard) {
        self.command(INDENT, &guard.probe.command);
        self.fact("unmet", &unmet(guard, "the run is refused", "the run is skipped"));
        guard.why.iter().for_each(|why| self.fact("why", why));
    }

    fn steps(&mut self, plan: &Plan) {
        self.heading("steps", "");
        self.steps_of(&plan.steps, "", plan.on_failure);
    }

    fn holds(&mut self, plan: &Plan, estimate: Option<&Estimate>) {
        let length = |step: &Step| estimate.and_then(|estimate| estimate.holds.get(&step.id)).copied();
        let holds = plan.steps.iter().enumerate().filter_map(|(at, step)| step::hold(&plan.steps, at, length(step)));
        let holds: Vec<String> = holds.collect();
        if holds.is_empty() {
            return;
        }
        self.heading("holds", "what is taken is given back, however the run ends");
        for hold in holds {
            self.wrapped(2, 4, &hold);
        }
    }

    fn invariants(&mut self, invariants: &[Invariant]) {
        if !invariants.is_empty() {
            self.heading("invariants", "must hold whenever the run has come to rest");
        }
        for invariant in invariants {
            self.item(&invariant.id, "");
            self.command(INDENT, &invariant.probe.command);
            invariant.message.iter().for_each(|message| self.fact("if not", message));
        }
    }

    fn finally(&mut self, finally: &[Final]) {
        if !finally.is_empty() {
            self.heading("finally", "at the very end, cannot change the verdict");
        }
        for last in finally {
            self.item(&last.id, last.title.as_deref().unwrap_or_default());
            self.when(last.when.as_ref());
            self.command(INDENT, &last.command);
        }
    }

    fn outputs(&mut self, plan: &Plan) {
        let outputs = plan.outputs.iter().map(|(name, text)| {
            let (text, later) = shown_text(text);
            vec![name.clone(), text, later.unwrap_or_default()]
        });
        self.rows("outputs", &outputs.collect::<Vec<_>>());
    }

    fn when(&mut self, when: Option<&Condition>) {
        match when {
            None | Some(Condition::Known(true)) => {}
            Some(Condition::Known(false)) => self.fact("when", "false: it is skipped"),
            Some(Condition::Deferred { expression, after }) => {
                self.fact("when", &format!("{} ({})", expression.source, command::known_after(after)));
            }
        }
    }

    fn heading(&mut self, name: &str, remark: &str) {
        let remark = self.ink.paint(Tone::Quiet, remark);
        let line = format!("{}  {remark}", self.ink.paint(Tone::Strong, name));
        self.line("");
        self.line(&line);
    }

    fn item(&mut self, name: &str, title: &str) {
        let line = format!("  {}  {}", self.ink.paint(Tone::Strong, name), harmless(title).replace('\n', " "));
        self.line(&line);
    }

    /// Writes a labelled fact about the present item.
    fn fact(&mut self, label: &str, text: &str) {
        let columns = self.columns.saturating_sub(INDENT + LABEL).clamp(20, WIDEST_PROSE);
        let lines = wrap_prose(harmless(text).trim(), columns);
        for (at, line) in lines.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let label = self.ink.paint(Tone::Quiet, &pad(label, LABEL));
            let line = format!("{}{label}{line}", " ".repeat(INDENT));
            self.line(&line);
        }
    }

    fn wrapped(&mut self, first: usize, further: usize, text: &str) {
        for (at, line) in wrap(text, self.columns.saturating_sub(further).max(20)).iter().enumerate() {
            self.line(&format!("{}{line}", " ".repeat(if at == 0 { first } else { further })));
        }
    }
}

/// Returns what happens when a guard is unmet, and what the operator is told then.
fn unmet(guard: &Guard, refused: &str, skipped: &str) -> String {
    let unmet = match guard.on_unmet {
        OnUnmet::Abort => refused,
        OnUnmet::Skip => skipped,
    };
    let message = guard.message.as_deref().map(|message| format!(": {message}"));
    format!("{unmet}{}", message.unwrap_or_default())
}

fn shown(value: &Value) -> String {
    harmless(&value.to_string()).replace('\n', "\\n")
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File(name) => name.clone(),
        Origin::Flag => "--input".to_owned(),
        Origin::Sandbox => "sandbox".to_owned(),
        Origin::Target(name) => format!("target {name}"),
    }
}
