//! Which parts of a playbook rehearsals and sweeps have exercised.

mod aspect;

use std::collections::BTreeSet;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_run::IllegalEvent;
use firedrill_run::journal::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

use self::aspect::{Aspect, Place, all, seen};
use super::page::Page;
use crate::ink::Tone;
use crate::text::{table, width, wrap};
use crate::view::View;

/// What there is in a playbook to be exercised, and what of it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// In the order of the plan.
    pub elements: Vec<Element>,
}

/// Something that can happen in a run of a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Element {
    /// The id of the step; `playbook` for what belongs to none.
    pub place: String,
    /// What happens, in words.
    pub what: String,
    /// The line of the playbook, if it is known.
    pub line: Option<u32>,
    /// Whether it has happened.
    pub covered: bool,
}

/// Returns what runs of one plan have exercised.
///
/// Fails if a journal is not one of the plan.
pub fn coverage<'a>(
    plan: &Arc<Plan>,
    runs: impl IntoIterator<Item = &'a [Envelope]>,
) -> Result<Coverage, IllegalEvent> {
    let mut found = BTreeSet::new();
    for envelopes in runs {
        let view = View::fold(Arc::clone(plan), envelopes)?;
        found.extend(seen(&view, envelopes));
    }
    let elements = all(plan).into_iter().map(|(place, aspect, line)| element(plan, place, &aspect, line, &found));
    Ok(Coverage { elements: elements.collect() })
}

fn element(
    plan: &Plan,
    place: Place,
    aspect: &Aspect,
    line: Option<u32>,
    found: &BTreeSet<(Place, Aspect)>,
) -> Element {
    let name = match place {
        Place::Playbook => "playbook",
        Place::Step(at) => &plan.steps[at].id,
    };
    let covered = found.contains(&(place, aspect.clone()));
    Element { place: name.to_owned(), what: aspect.to_string(), line, covered }
}

impl Coverage {
    /// Takes what another plan of the same playbook, with other inputs, has exercised.
    pub fn merge(&mut self, other: Coverage) {
        for element in other.elements {
            let is_it = |known: &&mut Element| known.place == element.place && known.what == element.what;
            match self.elements.iter_mut().find(is_it) {
                Some(known) => known.covered |= element.covered,
                None => self.insert(element),
            }
        }
    }

    /// Keeps what belongs to one place together.
    fn insert(&mut self, element: Element) {
        let last = self.elements.iter().rposition(|known| known.place == element.place);
        let at = last.map_or(self.elements.len(), |last| last + 1);
        self.elements.insert(at, element);
    }

    /// Returns how many elements are covered.
    pub fn covered(&self) -> usize {
        self.elements.iter().filter(|element| element.covered).count()
    }

    /// Returns the share that is covered in whole percent, rounded down: 100 means all.
    pub fn percent(&self) -> usize {
        (self.covered() * 100).checked_div(self.elements.len()).unwrap_or(100)
    }

    /// Iterates over what was never exercised, in the order of the plan.
    pub fn uncovered(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(|element| !element.covered)
    }

    /// Returns the share and what is missing, step by step.
    pub fn text(&self, page: &Page) -> String {
        let share = format!("coverage {} %: {} of {}", self.percent(), self.covered(), self.elements.len());
        let missing = self.missing();
        if missing.is_empty() {
            return page.paint(Tone::Good, &share) + "\n";
        }
        let heads: Vec<Vec<String>> =
            missing.iter().map(|(place, line, _)| vec![line.clone(), place.clone()]).collect();
        let rows = table(&heads).into_iter().zip(&missing);
        let rows: String = rows.map(|(head, (_, _, what))| row(page, &head, what)).collect();
        let title = page.paint(Tone::Warning, &share);
        format!("{title}; never exercised:\n{rows}")
    }

    /// Returns place, line and elements of what was never exercised.
    fn missing(&self) -> Vec<(String, String, Vec<&str>)> {
        let mut rows: Vec<(String, String, Vec<&str>)> = Vec::new();
        for element in self.uncovered() {
            match rows.last_mut() {
                Some((place, _, what)) if *place == element.place => what.push(&element.what),
                _ => {
                    let line = element.line.map(|line| format!("line {line}")).unwrap_or_default();
                    rows.push((element.place.clone(), line, vec![&element.what]));
                }
            }
        }
        rows
    }
}

/// Returns what is missing of one step.
fn row(page: &Page, head: &[String], what: &[&str]) -> String {
    let head = format!("  {}  ", head.join("  "));
    let indent = width(&head);
    let lines = wrap(&what.join(", "), page.columns.saturating_sub(indent).max(20));
    let lines = lines.iter().enumerate().map(|(at, line)| match at {
        0 => format!("{head}{line}\n"),
        _ => format!("{}{line}\n", " ".repeat(indent)),
    });
    lines.collect()
}
