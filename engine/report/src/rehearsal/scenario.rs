//! Scenarios as people see them: a line for each, and the reasons of those that are red.

use std::time::Duration;

use firedrill_run::Verdict;

use super::page::{Page, quoted, took};
use super::{Coverage, End, Finding, Measured};
use crate::foreign::harmless;
use crate::ink::Tone;
use crate::text::{pad, width};
use crate::words;

/// The width of the longest end, `rolled back` or `stood still`.
const END_WIDTH: usize = 11;
/// The width of a length of time, `59m59s`.
const TIME_WIDTH: usize = 6;
/// The width of everything in a line but the scenario's name.
const REST_WIDTH: usize = 4 + 2 + END_WIDTH + 2 + TIME_WIDTH + " virtual".len() + 2 + TIME_WIDTH;
/// Names are not cut to fewer columns than this.
const NARROWEST_NAME: usize = 12;
/// How far reasons are indented.
const INDENT: usize = 6;
/// From more scenarios on, those that are red are named once more below all.
const MANY: usize = 10;

/// A rehearsal file whose scenarios were played.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// The path of the rehearsal, as it is typed.
    pub file: String,
    /// The path of its playbook.
    pub playbook: String,
    /// Its scenarios in their order.
    pub scenarios: Vec<Performed>,
    /// What they exercised of the playbook, if that was asked for.
    pub coverage: Option<Coverage>,
}

/// A scenario that was played.
#[derive(Clone, Debug)]
pub struct Performed {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub end: End,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// How much real time passed.
    pub real_time: Duration,
    /// What was measured.
    pub measured: Measured,
    /// What is not as it was expected to be; it is green if there is nothing.
    pub findings: Vec<Finding>,
}

impl Performed {
    /// Returns whether everything was as expected.
    pub fn is_green(&self) -> bool {
        self.findings.is_empty()
    }
}

impl End {
    /// Returns how it ended in at most two words.
    pub fn words(&self) -> &'static str {
        match self {
            End::Rest(verdict) => verdict.words(),
            End::StoodStill(_) => "stood still",
            End::Hung(_) => "hung",
            End::Broken(_) => "broken",
        }
    }

    /// Returns the verdict, if the run came to rest.
    pub fn verdict(&self) -> Option<Verdict> {
        if let End::Rest(verdict) = self { Some(*verdict) } else { None }
    }
}

/// The lines of one rehearsal; scenarios may be shown as they end.
#[derive(Clone, Debug)]
pub struct Board<'a> {
    page: Page,
    file: &'a str,
    name_width: usize,
}

impl<'a> Board<'a> {
    /// Returns the board of a rehearsal file with scenarios of these names.
    pub fn new(page: Page, file: &'a str, names: &[&str]) -> Board<'a> {
        let widest = names.iter().map(|name| width(&harmless(name))).max().unwrap_or(0);
        let room = page.columns.saturating_sub(REST_WIDTH).max(NARROWEST_NAME);
        Board { page, file, name_width: widest.min(room) }
    }

    /// Returns the line above the scenarios.
    pub fn headline(&self, playbook: &str) -> String {
        let file = self.page.paint(Tone::Strong, self.file);
        let about = format!("rehearses {playbook}");
        let is_wide = width(self.file) + 2 + width(&about) <= self.page.columns;
        let between = if is_wide { "  " } else { "\n  " };
        format!("{file}{between}{}\n", self.page.paint(Tone::Quiet, &about))
    }

    /// Returns the line of a scenario, and if it is red the reasons and what to type.
    pub fn scenario(&self, scenario: &Performed) -> String {
        self.performed(scenario, &["--scenario", &scenario.name])
    }

    /// Returns the line of a run with faults of the command line, and if it is red the reasons and what to type.
    pub fn faults(&self, run: &Performed, faults: &[String]) -> String {
        let words: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
        self.performed(run, &words)
    }

    fn performed(&self, scenario: &Performed, chosen: &[&str]) -> String {
        let mut text = self.line(scenario);
        if !scenario.is_green() {
            text += &scenario.findings.iter().map(|it| self.page.item(INDENT, &it.text)).collect::<String>();
            let words = [&["firedrill", "rehearse", self.file], chosen, &["--trace"]].concat();
            text += &self.page.typed(INDENT, "see it step by step:", &quoted(&words));
        }
        text
    }

    fn line(&self, scenario: &Performed) -> String {
        let page = &self.page;
        let name = name(scenario, page, self.name_width);
        let tone = if scenario.is_green() { Tone::Plain } else { Tone::Bad };
        let head = format!("  {} {}", page.mark(scenario.is_green()), pad(&name, self.name_width));
        let end = scenario.end.words();
        if page.columns < REST_WIDTH + self.name_width {
            return format!("{head}  {}\n", page.paint(tone, end));
        }
        let (passed, real) = (took(scenario.virtual_time), took(scenario.real_time));
        let times = page.paint(Tone::Quiet, &format!("{passed:>TIME_WIDTH$} virtual  {real:>TIME_WIDTH$}"));
        format!("{head}  {}  {times}\n", page.paint(tone, &pad(end, END_WIDTH)))
    }
}

/// Returns the name of a scenario in one line of at most so many columns.
fn name(scenario: &Performed, page: &Page, columns: usize) -> String {
    page.cut(&harmless(&scenario.name).replace('\n', " "), columns)
}

/// Returns all that is shown of a rehearsal file.
pub fn rehearsed_text(rehearsed: &Rehearsed, page: Page) -> String {
    let names: Vec<&str> = rehearsed.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let board = Board::new(page, &rehearsed.file, &names);
    let scenarios: String = rehearsed.scenarios.iter().map(|scenario| board.scenario(scenario)).collect();
    let coverage = rehearsed.coverage.as_ref().map(|coverage| coverage.text(&page)).unwrap_or_default();
    board.headline(&rehearsed.playbook) + &scenarios + &coverage
}

/// Returns the last lines of all: how many scenarios are green, how much time passed, and which ones are red if there
/// are so many that their lines may be out of sight.
pub fn count_text(rehearsed: &[Rehearsed], real_time: Duration, page: Page) -> String {
    let scenarios = || rehearsed.iter().flat_map(|file| &file.scenarios);
    let green = scenarios().filter(|scenario| scenario.is_green()).count();
    let red = scenarios().count() - green;
    let virtual_time: Duration = scenarios().map(|scenario| scenario.virtual_time).sum();
    let red_text = if red == 0 { format!("{red} red") } else { page.paint(Tone::Bad, &format!("{red} red")) };
    let green_text = page.paint(Tone::Good, &format!("{green} green"));
    let count = words::count(green + red, "scenario");
    let time = format!("{} for {} of virtual time", took(real_time), took(virtual_time));
    let again = if green + red > MANY { red_again(rehearsed, page) } else { String::new() };
    format!("{again}{count}: {green_text}, {red_text}; {time}\n")
}

/// Returns the names of the red scenarios by file.
fn red_again(rehearsed: &[Rehearsed], page: Page) -> String {
    let line = |scenario: &Performed| {
        format!("  {} {}\n", page.mark(false), name(scenario, &page, page.columns.saturating_sub(4)))
    };
    let block = |file: &Rehearsed| {
        let red: String = file.scenarios.iter().filter(|scenario| !scenario.is_green()).map(line).collect();
        if red.is_empty() { red } else { format!("\nred in {}:\n{red}", file.file) }
    };
    let text: String = rehearsed.iter().map(block).collect();
    if text.is_empty() { text } else { text + "\n" }
}
