//! Random plans: a sketch, and what a sketch has no mark for.

use std::fmt;
use std::fmt::Write as _;

use firedrill_model::expression::Expression;
use firedrill_model::judge::{Extract, OutputRule, OutputSource};
use firedrill_model::plan::{After, Condition, Final, Hook, Look, OnUnmet, Plan, Program, Step, Text};
use firedrill_model::template::Template;
use firedrill_model::value::Type;
use firedrill_sim::sketch;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// More steps find nothing that these do not.
const MOST_STEPS: usize = 12;

/// A plan as it was drawn. Printed as the sketch it is made from, for the table of the machine's tests.
#[derive(Clone)]
pub(crate) struct Drawn {
    settings: Vec<&'static str>,
    steps: Vec<DrawnStep>,
    final_when: bool,
}

#[derive(Clone, Debug)]
struct DrawnStep {
    /// One bit for each earlier step.
    needs: u16,
    marks: Vec<&'static str>,
    /// One bit for each earlier step whose milestone is waited for, if it has one and is not needed.
    signals: u16,
    /// Where the release is due, one bit for each later step; at its milestone if the highest bit is set.
    until: Option<u16>,
    extras: Vec<Extra>,
}

/// What a sketch has no mark for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    When,
    Guard,
    GuardThatSkips,
    Text,
    Output,
    Look,
    RetryWhen,
    CleanupWhen,
    CleanupAlways,
    ReleaseWhen,
    ReleaseNever,
}

const SETTINGS: &[&str] = &[
    "@stop",
    "@max 1",
    "@max 2",
    "@max 4",
    "@guard one",
    "@guard two skip",
    "@invariant up",
    "@guard three+",
    "@invariant well+",
    "@finally note",
    "@finally last",
];
const MARKS: &[&str] = &[
    "!", "!none", "~", "?", "ro", "idem", "irr", "x2", "x3", "off", "*m", "finish", "rerun", "fail", "ro+", "?+", "&x",
    "&x,y",
];
const EXTRAS: &[Extra] = &[
    Extra::When,
    Extra::Guard,
    Extra::GuardThatSkips,
    Extra::Text,
    Extra::Output,
    Extra::Look,
    Extra::RetryWhen,
    Extra::CleanupWhen,
    Extra::CleanupAlways,
    Extra::ReleaseWhen,
    Extra::ReleaseNever,
];

/// Draws plans, the simplest first when one is made smaller.
pub(crate) fn plans() -> impl Strategy<Value = Drawn> {
    let settings = subsequence(SETTINGS, 0..=4);
    let steps = prop::collection::vec(steps(), 1..=MOST_STEPS);
    (settings, steps, any::<bool>()).prop_map(|(settings, steps, final_when)| Drawn { settings, steps, final_when })
}

fn steps() -> impl Strategy<Value = DrawnStep> {
    let needs = prop_oneof![any::<u16>(), any::<(u16, u16)>().prop_map(|(one, other)| one & other)];
    let until = prop_oneof![3 => Just(None), 1 => any::<(u16, u16)>().prop_map(|(one, other)| Some(one & other))];
    let extras = prop_oneof![1 => Just(Vec::new()), 1 => subsequence(EXTRAS, 0..=3)];
    let signals = any::<(u16, u16)>().prop_map(|(one, other)| one & other);
    (needs, signals, subsequence(MARKS, 0..=4), until, extras).prop_map(|(needs, signals, marks, until, extras)| {
        DrawnStep { needs, marks: sensible(marks), signals, until, extras }
    })
}

/// Leaves out what the language refuses: a step that polls changes nothing, so there is nothing to undo.
fn sensible(mut marks: Vec<&'static str>) -> Vec<&'static str> {
    if marks.contains(&"ro+") {
        marks.retain(|mark| !matches!(*mark, "!" | "~" | "irr"));
    }
    marks
}

impl Drawn {
    /// Returns the plan.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = sketch(&self.sketch());
        for (step, drawn) in plan.steps.iter_mut().zip(&self.steps) {
            drawn.extras.iter().for_each(|extra| adorn(step, *extra));
        }
        if self.final_when {
            plan.finally.iter_mut().for_each(|last: &mut Final| last.when = Some(later()));
        }
        plan
    }

    fn sketch(&self) -> String {
        let mut text = self.settings.join("\n");
        for (at, step) in self.steps.iter().enumerate() {
            let needs = bits(step.needs, 0..at).map(name);
            let signals = self.signals(at).map(|step| format!("{}.m", name(step)));
            let words: Vec<String> = needs.chain(signals).chain(step.marks.iter().map(ToString::to_string)).collect();
            write!(text, "\n{} {}", name(at), words.join(" ")).expect("a String takes everything");
            if let Some(until) = self.until(at) {
                write!(text, " ^{until}").expect("a String takes everything");
            }
        }
        text
    }

    /// Iterates over the steps whose milestone a step waits for.
    fn signals(&self, at: usize) -> impl Iterator<Item = usize> {
        let DrawnStep { needs, signals, marks, extras, .. } = &self.steps[at];
        // Whether a skip on a milestone makes a failure final is for the tables: here events alone would not tell.
        let can_skip =
            marks.contains(&"off") || extras.iter().any(|extra| matches!(extra, Extra::When | Extra::GuardThatSkips));
        let signals = if can_skip { 0 } else { *signals };
        bits(signals & !needs, 0..at).filter(|&step| self.has_milestone(step))
    }

    fn has_milestone(&self, step: usize) -> bool {
        self.steps[step].marks.contains(&"*m")
    }

    /// Returns the steps until which a step's hold lasts: among those that depend on it, as the language wants it.
    fn until(&self, owner: usize) -> Option<String> {
        let mask = self.steps[owner].until?;
        let mut inside = vec![false; self.steps.len()];
        inside[owner] = true;
        for at in owner + 1..self.steps.len() {
            inside[at] = bits(self.steps[at].needs, 0..at).chain(self.signals(at)).any(|before| inside[before]);
        }
        let until = bits(mask, owner + 1..self.steps.len()).filter(|&at| inside[at]);
        let end = |at| if mask >> 15 == 1 && self.has_milestone(at) { format!("{}.m", name(at)) } else { name(at) };
        Some(until.map(end).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sketch())?;
        for (at, step) in self.steps.iter().enumerate().filter(|(_, step)| !step.extras.is_empty()) {
            write!(f, "\n+ {} {:?}", name(at), step.extras)?;
        }
        if self.final_when {
            f.write_str("\n+ every finally has a when")?;
        }
        Ok(())
    }
}

fn name(step: usize) -> String {
    format!("s{step}")
}

fn bits(mask: u16, among: std::ops::Range<usize>) -> impl Iterator<Item = usize> {
    among.filter(move |at| mask & (1 << at) != 0)
}

fn adorn(step: &mut Step, extra: Extra) {
    match extra {
        Extra::When => step.when = Some(later()),
        Extra::Guard => step.guards.extend(sketch("x g").steps.remove(0).guards),
        Extra::GuardThatSkips => step.guards.extend(
            sketch("x g").steps.remove(0).guards.into_iter().map(|guard| firedrill_model::plan::Guard {
                id: "s".into(),
                on_unmet: OnUnmet::Skip,
                ..guard
            }),
        ),
        Extra::Text => step.command_mut().expect("a command").program = Program::Argv(vec![deferred()]),
        Extra::Output => step.command_mut().expect("a command").outputs.push(output("size")),
        Extra::Look => {
            let mut command = step.command().expect("a command").clone();
            (command.outputs, command.poll) = (vec![output("seen")], None);
            step.looks.push(Look { name: "seen".into(), command });
        }
        Extra::RetryWhen => step.retry.when = Some(expression()),
        Extra::CleanupWhen => step.cleanup.iter_mut().for_each(|hook| hook.when = Some(later())),
        Extra::CleanupAlways => step.cleanup.iter_mut().for_each(|hook| hook.when = Some(Condition::Known(true))),
        Extra::ReleaseWhen => release(step, later()),
        Extra::ReleaseNever => release(step, Condition::Known(false)),
    }
}

fn release(step: &mut Step, when: Condition) {
    let hook: Option<&mut Hook> = step.release.as_mut().map(|release| &mut release.hook);
    if let Some(hook) = hook {
        hook.when = Some(when);
    }
}

fn later() -> Condition {
    Condition::Deferred { expression: expression(), after: vec![After::Start] }
}

fn expression() -> Expression {
    Expression::parse("run.id == 'x'").expect("an expression")
}

fn deferred() -> Text {
    Text::Deferred { template: Template::parse("${{ run.id }}").expect("a template"), after: vec![After::Start] }
}

fn output(name: &str) -> OutputRule {
    OutputRule {
        name: name.into(),
        source: OutputSource::Stdout,
        extract: Extract::Whole,
        r#type: Type::String,
        optional: false,
        is_file: false,
    }
}
