//! What was expected, held against what became of it.

use std::time::Duration;

use firedrill_model::rehearsal::{Expectation, ExpectedInvariants, ExpectedVerdict, Objectives};
use firedrill_run::{DebtKind, Open, Role, Verdict};

use super::course::Course;
use super::narrator::{Narrator, name};
use super::{End, Finding, Told, judge_steps};
use crate::console::TailOf;
use crate::view::Finish;
use crate::words;

/// Returns everything that is not as it was expected to be; nothing if all is well.
///
/// What is not said in the expectation is not looked at. Always findings are: a command of `given` that failed, commands
/// that no reply answered, faults that never struck, decisions that were never needed, commands in the world that failed, and a run that did not come to
/// rest.
pub fn judge(expected: &Expectation, told: &Told, tail: TailOf<'_>) -> Vec<Finding> {
    let mut findings = unsafe_end(expected, told);
    let End::Rest(verdict) = told.end else {
        return findings;
    };
    if told.given_failed.is_some() {
        return findings;
    }
    findings.extend(unused_faults(told));
    findings.extend(told.unneeded.iter().map(|it| Finding::new(format!("the decision `{it}` was never needed"), None)));
    match Course::of(told) {
        Ok(course) => {
            let bench = Bench { expected, told, course: &course, narrator: Narrator::new(&course, tail) };
            let mut judged = bench.all(verdict);
            judged.append(&mut findings);
            judged
        }
        Err(error) => vec![Finding::new(format!("the journal is not one of this plan: {error}"), None)],
    }
}

/// Returns why the end of a run is safe under no circumstances.
pub(super) fn unsafe_end(expected: &Expectation, told: &Told) -> Vec<Finding> {
    if let Some(given) = &told.given_failed {
        let text = format!("the world could not be prepared: `{}` {}", given.as_typed(), given.how_it_ended());
        return vec![Finding::new(text, None)];
    }
    let unanswered = told.unanswered.iter().map(|it| format!("no reply answers `{it}`"));
    let failed = told.world.iter().filter(|it| it.exit != Some(0));
    let failed = failed.map(|it| format!("in the world afterwards, `{}` {}", it.as_typed(), it.how_it_ended()));
    let always = unanswered.chain(failed).map(|text| Finding::new(text, None));
    no_rest(expected, &told.end).into_iter().chain(always).collect()
}

fn unused_faults(told: &Told) -> impl Iterator<Item = Finding> {
    let unused = told.unused_faults.iter();
    unused.map(|it| Finding::new(format!("the fault {it} never struck: its command was not started so often"), None))
}

fn no_rest(expected: &Expectation, end: &End) -> Option<Finding> {
    let why = match end {
        End::Rest(_) => return None,
        End::StoodStill(why) => format!("nothing can ever happen any more: {why}"),
        End::Hung(why) => format!("a command never came back: {why}"),
        End::Broken(why) => format!("the engine itself failed: {why}"),
    };
    let expected = expected.verdict.map(|it| format!(", expected {}", verdict_of(it.value))).unwrap_or_default();
    Some(Finding::new(format!("the run did not come to rest{expected}: {why}"), None))
}

/// One run at rest and what was expected of it.
pub(super) struct Bench<'a> {
    pub(super) expected: &'a Expectation,
    pub(super) told: &'a Told,
    pub(super) course: &'a Course,
    pub(super) narrator: Narrator<'a>,
}

impl Bench<'_> {
    fn all(&self, verdict: Verdict) -> Vec<Finding> {
        let told = self.verdict(verdict);
        let is_new = |finding: &Finding| told.as_ref().is_none_or(|told| !told.text.contains(&finding.text));
        let mut findings: Vec<Finding> = judge_steps::steps(self);
        findings.extend(self.holds());
        findings.extend(self.unmet());
        findings.extend(self.invariants());
        findings.extend(self.open());
        findings.extend(self.outputs());
        findings.extend(self.objectives(verdict));
        findings.retain(is_new);
        told.into_iter().chain(findings).collect()
    }

    fn verdict(&self, verdict: Verdict) -> Option<Finding> {
        let expected = verdict_of(self.expected.verdict?.value);
        if expected == verdict {
            return None;
        }
        let reasons = self.narrator.verdict(verdict);
        let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
        let line = reasons.iter().find_map(|reason| reason.line);
        Some(Finding::new(format!("verdict is {verdict}, expected {expected}: {}", texts.join("; ")), line))
    }

    fn holds(&self) -> impl Iterator<Item = Finding> {
        self.expected.hold.iter().filter_map(|(id, longest)| {
            let Some(at) = self.course.view.plan().step_index(id) else {
                return Some(Finding::new(format!("hold: there is no step `{id}`"), None));
            };
            self.hold(at, longest.value)
        })
    }

    /// Judges one hold. A step that never took anything holds nothing.
    fn hold(&self, at: usize, longest: Duration) -> Option<Finding> {
        let step = &self.course.view.plan().steps[at];
        let taken = self.course.taken_ms(at)?;
        let most = words::length(longest);
        let text = match self.course.discharged_ms(at, DebtKind::Release) {
            Some(given_back) if u128::from(given_back.saturating_sub(taken)) <= longest.as_millis() => return None,
            Some(given_back) => {
                let length = words::took(given_back.saturating_sub(taken));
                let longest = self.longest(taken, given_back, |other| other != at);
                format!("{} held what it took for {length}, expected at most {most}{longest}", name(step))
            }
            None => format!("{} never gave back what it took, expected after at most {most}", name(step)),
        };
        Some(Finding::new(text, Some(step.line)))
    }

    /// Says which step took the longest between two moments, to end a sentence with.
    fn longest(&self, from_ms: u64, to_ms: u64, counts: impl Fn(usize) -> bool) -> String {
        let longest = self.course.longest(from_ms, to_ms, counts);
        let steps = &self.course.view.plan().steps;
        let words = longest.map(|(at, ms)| format!("; longest in it was {}, {}", name(&steps[at]), words::took(ms)));
        words.unwrap_or_default()
    }

    fn unmet(&self) -> Vec<Finding> {
        let Some(expected) = &self.expected.unmet else {
            return Vec::new();
        };
        let found = self.unmet_guards();
        let is_named =
            |name: &str, guard: &str| guard == name || guard.rsplit_once('.').is_some_and(|(_, id)| id == name);
        let missing = expected.value.iter().filter(|name| !found.iter().any(|(guard, _)| is_named(name, guard)));
        let missing =
            missing.map(|name| Finding::new(format!("guard `{name}` was expected to be unmet, it is not"), None));
        let extra = found.iter().filter(|(guard, _)| !expected.value.iter().any(|name| is_named(name, guard)));
        let extra = extra.map(|(guard, how)| {
            Finding::new(format!("guard `{guard}` is unmet, it {how}: that was not expected"), None)
        });
        missing.chain(extra).collect()
    }

    /// Returns the guards that were unmet, `GUARD` or `STEP.GUARD`, with how they ended.
    fn unmet_guards(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for execution in self.course.view.executions() {
            let Role::Guard(id) = &execution.command.role else { continue };
            let guard = execution.command.step().map_or_else(|| id.to_string(), |step| format!("{step}.{id}"));
            let is_unmet = matches!(execution.finish, Some(Finish::Bad(_) | Finish::Unclear(_)));
            if is_unmet && !found.iter().any(|(other, _)| *other == guard) {
                found.push((guard, self.narrator.how(execution)));
            }
        }
        found
    }

    fn invariants(&self) -> Vec<Finding> {
        let open = self.course.view.run().open();
        let broken: Vec<&Open> = open.iter().filter(|open| matches!(open, Open::Invariant { .. })).collect();
        match self.expected.invariants.map(|it| it.value) {
            Some(ExpectedInvariants::Hold) => broken.into_iter().map(|open| self.narrator.open(open)).collect(),
            Some(ExpectedInvariants::Broken) if broken.is_empty() => {
                vec![Finding::new("an invariant was expected to be broken, all hold", None)]
            }
            Some(ExpectedInvariants::Broken) | None => Vec::new(),
        }
    }

    fn open(&self) -> Vec<Finding> {
        let Some(expected) = &self.expected.open else {
            return Vec::new();
        };
        let open = self.course.view.run().open();
        let open: Vec<(String, &Open)> = open.iter().filter_map(|open| Some((open_name(open)?, open))).collect();
        let missing = expected.value.iter().filter(|name| !open.iter().any(|(found, _)| found == *name));
        let missing = missing.map(|name| Finding::new(format!("`{name}` was expected to be open, it is not"), None));
        let extra = open.iter().filter(|(found, _)| !expected.value.contains(found));
        let extra = extra.map(|(_, open)| {
            let finding = self.narrator.open(open);
            Finding::new(format!("not expected to be open: {}", finding.text), finding.line)
        });
        missing.chain(extra).collect()
    }

    fn outputs(&self) -> impl Iterator<Item = Finding> {
        self.expected.outputs.iter().filter_map(|(name, expected)| {
            let text = match self.told.outputs.get(name) {
                Some(found) if *found == expected.value => return None,
                Some(found) => format!("output `{name}` is `{found}`, expected `{}`", expected.value),
                None => format!("the run published no output `{name}`, expected `{}`", expected.value),
            };
            Some(Finding::new(text, None))
        })
    }

    /// The scenario's own times always count, those of the playbook only if the run did what it is for.
    fn objectives(&self, verdict: Verdict) -> Vec<Finding> {
        let own = self.expected.within;
        let of_playbook = if verdict == Verdict::Succeeded { self.told.objectives } else { Objectives::default() };
        let rto = [(own.rto, "the scenario"), (of_playbook.rto, "the playbook")];
        let rpo = [(own.rpo, "the scenario"), (of_playbook.rpo, "the playbook")];
        let measured = self.told.measured;
        let steps = &self.course.view.plan().steps;
        let asks_people = |at: usize| steps[at].command().is_some_and(|command| command.program.asks_people());
        let longest = || self.longest(0, u64::MAX, |at| !asks_people(at));
        let missed_rto = |most, whose| Some(missed("recovery took", "RTO", measured.rto, most, whose)? + &longest());
        let rto = rto.into_iter().filter_map(|(most, whose)| missed_rto(most?, whose));
        let rpo = rpo.into_iter().filter_map(|(most, whose)| {
            missed("the newest verified artifact is as old as", "RPO", measured.rpo, most?, whose)
        });
        rto.chain(rpo).map(|text| Finding::new(text, None)).collect()
    }
}

fn missed(what: &str, name: &str, measured: Option<Duration>, most: Duration, whose: &str) -> Option<String> {
    let allowed = format!("{whose} allows {name} {}", words::length(most));
    match measured {
        Some(length) if length <= most => None,
        Some(length) => Some(format!("{what} {}, {allowed}", words::length(length))),
        None => Some(format!("there is no {name}, {allowed}: nothing was there to be measured")),
    }
}

fn open_name(open: &Open) -> Option<String> {
    match open {
        Open::InDoubt { step, .. } | Open::Undecided { step } => Some(step.to_string()),
        Open::Owed { step, debt } => Some(format!("{step}.{}", debt.word())),
        Open::Invariant { .. } => None,
    }
}

fn verdict_of(expected: ExpectedVerdict) -> Verdict {
    match expected {
        ExpectedVerdict::Succeeded => Verdict::Succeeded,
        ExpectedVerdict::Skipped => Verdict::Skipped,
        ExpectedVerdict::Refused => Verdict::Refused,
        ExpectedVerdict::RolledBack => Verdict::RolledBack,
        ExpectedVerdict::Failed => Verdict::Failed,
        ExpectedVerdict::Cancelled => Verdict::Cancelled,
        ExpectedVerdict::Stuck => Verdict::Stuck,
    }
}
