//! A playbook under every fault: what each came to, and whether it is safe.

mod points;

use std::time::Duration;

use firedrill_model::rehearsal::Expectation;
use firedrill_run::injection::Injection;

use super::judge::unsafe_end;
use super::page::{Page, took};
use super::{End, Finding, Told, fault, unprovoked};
use crate::console::TailOf;
use crate::ink::Tone;
use crate::words;

/// A playbook that was run once under each of many faults.
#[derive(Clone, Debug)]
pub struct Swept {
    /// The path of the playbook.
    pub playbook: String,
    /// How many points the plan has, counted without running anything.
    pub counted: usize,
    /// How many of them are at steps that are skipped in this situation, so that nothing can strike them.
    pub elsewhere: usize,
    /// How many more moments there are inside commands that wait, counted in a run without a fault.
    pub inside: usize,
    /// What each fault came to.
    pub struck: Vec<Struck>,
    /// How much real time passed.
    pub real_time: Duration,
    /// How much virtual time passed in all runs together.
    pub virtual_time: Duration,
}

/// A run in which faults were injected.
#[derive(Clone, Debug)]
pub struct Struck {
    /// The faults, in the order in which they strike.
    pub faults: Vec<Injection>,
    /// What they do, in words.
    pub what: String,
    /// The line of the playbook that the first of them is about.
    pub line: Option<u32>,
    /// How the run ended.
    pub end: End,
    /// Whether every fault struck.
    pub has_struck: bool,
    /// Why the end is not safe; it is safe if there is nothing.
    pub why: Vec<Finding>,
    /// What failed although nothing was injected at it.
    pub unprovoked: Vec<Finding>,
    /// The words of the one command that does the same again.
    pub reproduce: Vec<String>,
}

impl Struck {
    /// Judges a run under faults.
    ///
    /// Safe is a run at rest of which nothing is owed and after which the world is as `check` wants it, and one that is
    /// stuck, because it names what a human must do.
    pub fn of(told: &Told, faults: Vec<Injection>, tail: TailOf<'_>, reproduce: Vec<String>) -> Struck {
        let words: Vec<(String, Option<u32>)> = faults.iter().map(|it| fault::told(it, &told.plan)).collect();
        let what: Vec<&str> = words.iter().map(|(what, _)| what.as_str()).collect();
        let has_struck = told.unused_faults.is_empty();
        Struck {
            what: what.join("; then "),
            line: words.iter().find_map(|(_, line)| *line),
            end: told.end.clone(),
            has_struck,
            why: unsafe_end(&Expectation::default(), told),
            unprovoked: unprovoked(told, &faults, tail),
            faults,
            reproduce,
        }
    }

    /// Takes the folder in which it was played out of the words, so that what is the same in two runs reads the same.
    #[must_use]
    pub fn without(mut self, folder: &str) -> Struck {
        for finding in self.why.iter_mut().chain(&mut self.unprovoked) {
            finding.text = finding.text.replace(folder, "…");
        }
        self
    }

    /// Returns whether the run ended safe.
    pub fn is_safe(&self) -> bool {
        self.why.is_empty()
    }

    /// Returns the faults as they are written.
    pub fn fault(&self) -> String {
        self.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

impl Swept {
    /// Returns how many faults struck.
    pub fn struck(&self) -> usize {
        self.struck.iter().filter(|struck| struck.has_struck).count()
    }

    /// Returns how many of the faults that struck ended safe.
    pub fn safe(&self) -> usize {
        self.struck.iter().filter(|struck| struck.has_struck && struck.is_safe()).count()
    }

    /// Returns whether every point of the plan was struck and every fault ended safe, without a finding.
    pub fn is_green(&self) -> bool {
        let is_well = |struck: &Struck| struck.has_struck && struck.is_safe() && struck.unprovoked.is_empty();
        self.counted - self.elsewhere + self.inside == self.struck.len() && self.struck.iter().all(is_well)
    }

    /// Returns what failed although nothing was injected at it, each thing once, with the runs in which it did.
    pub fn findings(&self) -> Vec<(&Finding, Vec<&Struck>)> {
        let mut findings: Vec<(&Finding, Vec<&Struck>)> = Vec::new();
        for struck in &self.struck {
            for finding in &struck.unprovoked {
                match findings.iter_mut().find(|(known, _)| *known == finding) {
                    Some((_, runs)) => runs.push(struck),
                    None => findings.push((finding, vec![struck])),
                }
            }
        }
        findings
    }
}

/// Returns what people see of a sweep: the table, what is not safe, what is suspicious, and the count.
pub fn swept_text(swept: &Swept, page: Page) -> String {
    let mut text = points::table(swept, &page);
    for struck in swept.struck.iter().filter(|struck| !struck.is_safe()) {
        text += &unsafe_text(struck, &page);
    }
    for (finding, runs) in swept.findings() {
        text += &finding_text(finding, &runs, &page);
    }
    text + &never_struck(swept, &page) + &count(swept, &page)
}

fn unsafe_text(struck: &Struck, page: &Page) -> String {
    let title = format!("{}, and that is not safe: {}", struck.what, end(&struck.end));
    let title = page.reason(Tone::Bad, 2, &title);
    let why: String = struck.why.iter().map(|finding| page.reason(Tone::Plain, 4, &finding.text)).collect();
    format!("{title}{why}{}\n", page.typed(4, "do it again:", &reproduce(struck)))
}

fn finding_text(finding: &Finding, runs: &[&Struck], page: &Page) -> String {
    let title = page.reason(Tone::Warning, 2, &finding.text);
    let Some(first) = runs.first() else { return title };
    let purpose = match runs.len() {
        1 => format!("in the run in which {}:", first.what),
        many => format!("in {many} runs, first in that in which {}:", first.what),
    };
    let purpose = page.reason(Tone::Plain, 4, &purpose);
    format!("{title}{purpose}{}\n", page.command(6, &reproduce(first)))
}

fn end(end: &End) -> String {
    end.verdict().map_or_else(|| "the run did not come to rest".to_owned(), |verdict| format!("verdict {verdict}"))
}

fn reproduce(struck: &Struck) -> Vec<String> {
    struck.reproduce.iter().map(|word| crate::plan_text::quoted(word)).collect()
}

fn never_struck(swept: &Swept, page: &Page) -> String {
    let never: Vec<&str> =
        swept.struck.iter().filter(|struck| !struck.has_struck).map(|struck| struck.what.as_str()).collect();
    if never.is_empty() {
        return String::new();
    }
    let each: String = never.iter().map(|what| page.reason(Tone::Plain, 4, what)).collect();
    page.reason(Tone::Warning, 2, "never struck, because the run does not come to it:") + &each + "\n"
}

fn count(swept: &Swept, page: &Page) -> String {
    let (struck, safe) = (swept.struck(), swept.safe());
    let is_safe = safe == struck;
    let safe = format!("{safe} of {} safe", words::count(struck, "fault") + if struck == 1 { " ends" } else { " end" });
    let inside = match swept.inside {
        0 => String::new(),
        inside => format!(" and {} inside commands that wait", words::count(inside, "moment")),
    };
    let elsewhere = match swept.elsewhere {
        0 => String::new(),
        elsewhere => format!(" ({elsewhere} at steps that are skipped in this situation)"),
    };
    let counted = words::count(swept.counted, "point");
    let counted = format!("{counted} counted from the plan{elsewhere}{inside}, {struck} struck");
    let all = swept.counted - swept.elsewhere + swept.inside;
    let counted = page.paint(if all == struck { Tone::Plain } else { Tone::Bad }, &counted);
    let findings = swept.findings().len();
    let result = match (is_safe, findings) {
        (true, 0) => page.paint(Tone::Good, &safe),
        (false, 0) => page.paint(Tone::Bad, &safe),
        (true, many) => page.paint(Tone::Bad, &format!("not well: {}, although {safe}", words::count(many, "finding"))),
        (false, many) => page.paint(Tone::Bad, &format!("not well: {safe}, {}", words::count(many, "finding"))),
    };
    let times = format!("{} for {} of virtual time", took(swept.real_time), took(swept.virtual_time));
    format!("{result}\n{counted}\n{times}\n")
}
