//! Mutants of a playbook: what is left out of it, and which rehearsal notices.

use schemars::JsonSchema;
use serde::Serialize;

use super::page::Page;
use crate::ink::Tone;
use crate::text::{pad, width};
use crate::words;

/// A playbook from which one thing was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mutant {
    /// What was left out, in words: "without the release of `lock`".
    pub what: String,
    /// The line of the playbook.
    pub line: Option<u32>,
    /// What turned red; none if nothing did, so that nothing proves what was left out.
    pub killed_by: Option<Killer>,
}

/// What turned red for a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Killer {
    /// A scenario, by its name.
    Scenario(String),
    /// The sweep, by a fault as it is written.
    Fault(String),
    /// The sweep of the model.
    Model(String),
    /// A scenario, by its name, that injects a failure into what was left out, which then had nowhere to strike: it proves what
    /// follows from such a failure, not that there is one when there should be.
    Injected(String),
}

/// Returns the mutants in their order with what killed each, and their count.
pub fn mutants_text(mutants: &[Mutant], page: Page) -> String {
    let heads: Vec<String> = mutants.iter().map(head).collect();
    let widest = heads.iter().map(|head| width(head)).max().unwrap_or(0).min(page.columns / 2);
    let rows = mutants.iter().zip(&heads).map(|(mutant, head)| row(mutant, head, widest, &page));
    rows.collect::<String>() + &count(mutants, &page)
}

fn head(mutant: &Mutant) -> String {
    let line = mutant.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    format!("{}{line}", mutant.what)
}

fn row(mutant: &Mutant, head: &str, widest: usize, page: &Page) -> String {
    let room = page.columns.saturating_sub("  ✓ ".chars().count() + widest + 2);
    let (tone, by) = match &mutant.killed_by {
        None => (Tone::Bad, "unproven".to_owned()),
        Some(Killer::Scenario(name)) => (Tone::Quiet, format!("scenario {name}")),
        Some(Killer::Fault(fault)) => (Tone::Quiet, format!("fault {fault}")),
        Some(Killer::Model(rule)) => (Tone::Quiet, format!("model: {rule}")),
        Some(Killer::Injected(name)) => (Tone::Warning, format!("injected only: {name}")),
    };
    let head = pad(&page.cut(head, widest), widest);
    format!("  {} {head}  {}\n", page.mark(mutant.killed_by.is_some()), page.paint(tone, &page.cut(&by, room)))
}

fn count(mutants: &[Mutant], page: &Page) -> String {
    let unproven = mutants.iter().filter(|mutant| mutant.killed_by.is_none()).count();
    let killed = mutants.len() - unproven;
    let injected = mutants.iter().filter(|mutant| matches!(mutant.killed_by, Some(Killer::Injected(_)))).count();
    let injected = match injected {
        0 => String::new(),
        many => page.paint(Tone::Warning, &format!(" ({many} injected only)")),
    };
    let unproven = match unproven {
        0 => page.paint(Tone::Good, "none unproven"),
        many => page.paint(Tone::Bad, &format!("{many} unproven")),
    };
    format!("{}: {killed} killed{injected}, {unproven}\n", words::count(mutants.len(), "mutant"))
}
