//! Faults that a rehearsal injects: where they strike, and how they are written on a command line.
//!
//! `backup.attempt:timeout`, `backup.cleanup:exit=3`, `backup.attempt:late_failure=1#2x3` (the second start and the two
//! after it), `backup.attempt:killed@2` (at its second wait), `@.guard-no_tasks:does_not_hold#1x*` (every one), `record=17:crash_before`, `age=10m:cancel`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use firedrill_model::rehearsal::{Fault, FaultKind, Side, Strikes, Target};

use crate::command::{CommandId, Role, Subject};

/// A fault with the commands that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// When it strikes.
    pub at: Moment,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At starts of a command.
    Start(Starts),
    /// At a record of the journal.
    Record {
        /// Its number, from 1.
        number: u64,
        /// On which side of it.
        side: Side,
    },
    /// When the run is this old.
    Age(Duration),
}

/// Some of the starts of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts {
    /// Whose command it is.
    pub subject: Subject,
    /// What it is for.
    pub role: Role,
    /// The first start that is struck, from 1.
    pub nth: u32,
    /// How many are struck in a row; every later one if none.
    pub times: Option<u32>,
    /// At which of its waits for time to pass a running command is struck, from 1; if none, at its first long one, or after
    /// its work.
    pub wait: Option<u32>,
}

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a fault: {why}")]
pub struct InjectionError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Starts {
    /// Returns whether the start number `count` of a command is among these.
    pub fn strike(&self, command: &CommandId, count: u32) -> bool {
        let is_within = self.times.is_none_or(|times| count - self.nth.min(count) < times);
        self.subject == command.subject && self.role == command.role && count >= self.nth && is_within
    }
}

impl From<&Fault> for Injection {
    fn from(fault: &Fault) -> Injection {
        let at = match &fault.strikes {
            Strikes::Command { target, nth, times, wait } => {
                let (subject, role) = site(target);
                Moment::Start(Starts { subject, role, nth: *nth, times: *times, wait: *wait })
            }
            Strikes::Record { number, side } => Moment::Record { number: *number, side: *side },
            Strikes::Age(age) => Moment::Age(*age),
        };
        Injection { at, kind: fault.kind.clone() }
    }
}

/// Returns whose command a target is, and what it is for.
pub fn site(target: &Target) -> (Subject, Role) {
    let of = |step: &str, role| (Subject::Step(step.into()), role);
    match target {
        Target::Guard(id) => (Subject::Playbook, Role::Guard(id.as_str().into())),
        Target::Invariant(id) => (Subject::Playbook, Role::Invariant(id.as_str().into())),
        Target::Final(id) => (Subject::Playbook, Role::Final(id.as_str().into())),
        Target::Attempt(step) => of(step, Role::Attempt),
        Target::StepGuard { step, guard } => of(step, Role::Guard(guard.as_str().into())),
        Target::Output { step, output } => of(step, Role::Look(output.as_str().into())),
        Target::Verify(step) => of(step, Role::Verify),
        Target::Cleanup(step) => of(step, Role::Cleanup),
        Target::Rollback(step) => of(step, Role::Rollback),
        Target::Release(step) => of(step, Role::Release),
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Moment::Start(starts) => {
                write!(f, "{}.{}:{}", starts.subject, starts.role, Kind(&self.kind))?;
                starts.wait.map_or(Ok(()), |wait| write!(f, "@{wait}"))?;
                match (starts.nth, starts.times) {
                    (1, Some(1)) => Ok(()),
                    (nth, Some(1)) => write!(f, "#{nth}"),
                    (nth, Some(times)) => write!(f, "#{nth}x{times}"),
                    (nth, None) => write!(f, "#{nth}x*"),
                }
            }
            Moment::Record { number, side: Side::Before } => write!(f, "record={number}:crash_before"),
            Moment::Record { number, side: Side::After } => write!(f, "record={number}:crash_after"),
            Moment::Age(age) => write!(f, "age={}ms:{}", age.as_millis(), Kind(&self.kind)),
        }
    }
}

/// Prints a kind as it is written.
struct Kind<'a>(&'a FaultKind);

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FaultKind::Exit(code) => write!(f, "exit={code}"),
            FaultKind::LateFailure(code) => write!(f, "late_failure={code}"),
            FaultKind::Timeout => f.write_str("timeout"),
            FaultKind::Killed => f.write_str("killed"),
            FaultKind::NotStarted => f.write_str("not_started"),
            FaultKind::WrongOutput(_) => f.write_str("wrong_output"),
            FaultKind::DoesNotHold => f.write_str("does_not_hold"),
            FaultKind::CouldNotTell => f.write_str("could_not_tell"),
            FaultKind::Crash => f.write_str("crash"),
            FaultKind::LostSupervisor => f.write_str("lost_supervisor"),
            FaultKind::Cancel => f.write_str("cancel"),
            FaultKind::NoAnswer => f.write_str("no_answer"),
            FaultKind::Declined => f.write_str("declined"),
        }
    }
}

impl FromStr for Injection {
    type Err = InjectionError;

    fn from_str(text: &str) -> Result<Injection, InjectionError> {
        let error = |why: &str| InjectionError { text: text.to_owned(), why: why.to_owned() };
        let (place, what) = text.split_once(':').ok_or_else(|| error("expected PLACE:KIND, such as backup:timeout"))?;
        if let Some(number) = place.strip_prefix("record=") {
            let number = number.parse().map_err(|_| error("a record is a number from 1"))?;
            let side = match what {
                "crash_before" => Side::Before,
                "crash_after" => Side::After,
                _ => return Err(error("a record is struck by crash_before or crash_after")),
            };
            return Ok(Injection { at: Moment::Record { number, side }, kind: FaultKind::Crash });
        }
        if let Some(age) = place.strip_prefix("age=") {
            let age =
                age_of(age).ok_or_else(|| error("an age is a number of milliseconds or a duration such as 10m"))?;
            return Ok(Injection { at: Moment::Age(age), kind: kind(what).map_err(|why| error(&why))? });
        }
        let (what, nth, times) = starts(what).ok_or_else(|| error("the starts are #NTH, #NTHxTIMES or #NTHx*"))?;
        let (subject, role) = place_of(place).ok_or_else(|| error("the place is STEP, STEP.ROLE or @.guard-ID"))?;
        let (what, wait) = waits(what).ok_or_else(|| error("a wait is @NUMBER, from 1"))?;
        let kind = kind(what).map_err(|why| error(&why))?;
        Ok(Injection { at: Moment::Start(Starts { subject, role, nth, times, wait }), kind })
    }
}

fn age_of(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms").and_then(|millis| millis.parse().ok()) {
        Some(millis) => Some(Duration::from_millis(millis)),
        None => text.parse::<firedrill_model::units::Duration>().ok().map(firedrill_model::units::Duration::as_std),
    }
}

fn place_of(text: &str) -> Option<(Subject, Role)> {
    let (subject, role) = split_role(text);
    let subject = if subject == "@" { Subject::Playbook } else { Subject::Step(subject.into()) };
    Some((subject, role.parse().ok()?))
}

/// Splits a role from the step it belongs to; the key of an instance may hold dots.
fn split_role(text: &str) -> (&str, &str) {
    let from = text.rfind(']').unwrap_or(0);
    match text[from..].find('.') {
        Some(dot) => (&text[..from + dot], &text[from + dot + 1..]),
        None => (text, "attempt"),
    }
}

fn starts(text: &str) -> Option<(&str, u32, Option<u32>)> {
    let Some((what, starts)) = text.split_once('#') else {
        return Some((text, 1, Some(1)));
    };
    let (nth, times) = starts.split_once('x').unwrap_or((starts, "1"));
    let times = if times == "*" { None } else { Some(times.parse().ok().filter(|times| *times > 0)?) };
    Some((what, nth.parse().ok().filter(|nth| *nth > 0)?, times))
}

fn waits(text: &str) -> Option<(&str, Option<u32>)> {
    let Some((what, wait)) = text.split_once('@') else {
        return Some((text, None));
    };
    Some((what, Some(wait.parse().ok().filter(|wait| *wait > 0)?)))
}

fn kind(text: &str) -> Result<FaultKind, String> {
    let (word, code) = text.split_once('=').map_or((text, None), |(word, code)| (word, Some(code)));
    let code = match code {
        Some(code) => code.parse::<u8>().map_err(|_| format!("`{code}` is no exit code from 0 to 255"))?,
        None => 1,
    };
    Ok(match word {
        "exit" => FaultKind::Exit(code.into()),
        "late_failure" => FaultKind::LateFailure(code.into()),
        "timeout" => FaultKind::Timeout,
        "killed" => FaultKind::Killed,
        "not_started" => FaultKind::NotStarted,
        "wrong_output" => FaultKind::WrongOutput(String::new()),
        "does_not_hold" => FaultKind::DoesNotHold,
        "could_not_tell" => FaultKind::CouldNotTell,
        "crash" => FaultKind::Crash,
        "lost_supervisor" => FaultKind::LostSupervisor,
        "cancel" => FaultKind::Cancel,
        "no_answer" => FaultKind::NoAnswer,
        "declined" => FaultKind::Declined,
        other => return Err(format!("there is no kind `{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        for text in [
            "backup.attempt:timeout",
            "backup.cleanup:exit=3",
            "backup.attempt:late_failure=1#2x3",
            "@.guard-no_tasks:does_not_hold#1x*",
            "backup.look-artifact:killed#4",
            "backup.attempt:timeout@3#2",
            "record=17:crash_before",
            "record=17:crash_after",
            "age=600000ms:cancel",
            "window.attempt:no_answer",
            "move.rollback:declined#1x*",
            "copy[a.tar]/fetch.verify:crash",
            "copy[a.tar].look-size:wrong_output",
            "@.invariant-up:could_not_tell",
            "@.finally-last:not_started",
            "a.release:lost_supervisor",
        ] {
            assert_eq!(text.parse::<Injection>().map(|it| it.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("backup:crash".parse::<Injection>().map(|it| it.to_string()).as_deref(), Ok("backup.attempt:crash"));
        assert_eq!("age=10m:cancel".parse::<Injection>(), "age=600000ms:cancel".parse());
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for text in [
            "",
            "backup",
            "backup:frob",
            "backup:exit=400",
            "backup:exit#0",
            "backup:timeout@0",
            "backup:exit#1x0",
            "b.frob:exit",
            "age=x:cancel",
            "record=1:frob",
            "backup:exit#1x2x3",
            "record=x:crash_after",
        ] {
            assert!(text.parse::<Injection>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn the_faults_of_a_rehearsal_are_those_of_the_command_line() {
        for (target, text) in [
            (Target::Guard("x".into()), "@.guard-x:timeout#2x3"),
            (Target::Invariant("x".into()), "@.invariant-x:timeout#2x3"),
            (Target::Final("x".into()), "@.finally-x:timeout#2x3"),
            (Target::Attempt("a".into()), "a.attempt:timeout#2x3"),
            (Target::StepGuard { step: "a".into(), guard: "x".into() }, "a.guard-x:timeout#2x3"),
            (Target::Output { step: "a".into(), output: "x".into() }, "a.look-x:timeout#2x3"),
            (Target::Verify("a".into()), "a.verify:timeout#2x3"),
            (Target::Cleanup("a".into()), "a.cleanup:timeout#2x3"),
            (Target::Rollback("a".into()), "a.rollback:timeout#2x3"),
            (Target::Release("a".into()), "a.release:timeout#2x3"),
        ] {
            let strikes = Strikes::Command { target, nth: 2, times: Some(3), wait: None };
            let fault = Fault { strikes, kind: FaultKind::Timeout };
            assert_eq!(Injection::from(&fault).to_string(), text);
        }
    }

    #[test]
    fn only_the_starts_that_are_meant_are_struck() {
        let command: CommandId = "backup.attempt.2.1".parse().expect("a command's name");
        let struck = |text: &str| -> Vec<u32> {
            let Ok(Injection { at: Moment::Start(starts), .. }) = text.parse() else { panic!("{text}") };
            (1..=5).filter(|count| starts.strike(&command, *count)).collect()
        };
        assert_eq!(struck("backup:exit"), [1]);
        assert_eq!(struck("backup:exit#2x2"), [2, 3]);
        assert_eq!(struck("backup:exit#3x*"), [3, 4, 5]);
        assert_eq!(struck("other:exit#1x*"), [0; 0]);
        assert_eq!(struck("backup.verify:exit#1x*"), [0; 0]);
    }
}
