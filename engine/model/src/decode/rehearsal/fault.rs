//! Faults of a scenario: what they strike, and what goes wrong there.

use super::super::fields::{Field, Fields};
use super::super::{Block, Decoder};
use crate::diagnostic::{Code, Diagnostic};
use crate::rehearsal::{Fault, FaultKind, Side, Strikes, SweptKind, Target};
use crate::source::{Span, Spanned};

/// The keys that say what is struck, of which a fault has one; `guard` may also stand beside `step`.
const PLACES: [&str; 6] = ["step", "guard", "invariant", "finally", "record", "after"];
/// The keys that say what of a step is struck.
const PARTS: [&str; 3] = ["hook", "guard", "output"];

/// What a step's hook makes of its id.
type OfStep = fn(String) -> Target;

/// A target with the places of the names in it.
struct Named {
    target: Target,
    names: Vec<Span>,
}

impl Decoder<'_> {
    /// Returns a fault.
    pub(super) fn fault(&mut self, field: Field<'_>) -> Option<Spanned<Fault>> {
        let fields = self.fields(field, Block::Fault)?;
        let kinds = SweptKind::ALL.map(|kind| (kind.word(), kind));
        let kind = self.required(&fields, "fault").and_then(|field| self.choice(field, &kinds));
        let strikes = self.strikes(&fields);
        let details = self.details(&fields, kind.map(|kind| kind.value));
        let (kind, strikes) = (kind?, strikes?);
        self.check_starts(&fields, &strikes, kind.value);
        if let Err(help) = fits(&strikes, kind.value) {
            let message = format!("`{}` cannot strike {}", kind.value.word(), describe(&strikes));
            return self.refuse(Code::UnknownChoice, kind.span, message, Some(help.to_owned()));
        }
        Some(Spanned::new(Fault { strikes, kind: details?.kind(kind.value) }, field.node.span))
    }

    /// Returns what is struck when.
    fn strikes(&mut self, fields: &Fields<'_>) -> Option<Strikes> {
        let place = self.place(fields);
        self.check_beside(fields, "side", "record");
        let nth = fields.get("nth").and_then(|field| self.count(field)).map_or(1, |nth| nth.value.get());
        let times = self.times(fields.get("times"), Some(1));
        let wait = fields.get("wait").and_then(|field| self.count(field)).map(|wait| wait.value.get());
        let side = fields.get("side").and_then(|field| self.choice(field, &SIDES));
        match place? {
            ("record", field) => {
                let number = self.count(field)?.value.get().into();
                Some(Strikes::Record { number, side: side.map_or(Side::After, |side| side.value) })
            }
            ("after", field) => Some(Strikes::Age(self.duration(field)?.value.as_std())),
            (key, field) => {
                let Named { target, names } = self.target(fields, key, field)?;
                self.remember(fields.span, names);
                Some(Strikes::Command { target, nth, times, wait })
            }
        }
    }

    /// Returns the one key that says what is struck.
    fn place<'n>(&mut self, fields: &Fields<'n>) -> Option<(&'static str, Field<'n>)> {
        let is_of_step = fields.get("step").is_some();
        let places = PLACES.into_iter().filter(|&key| key != "guard" || !is_of_step);
        let places: Vec<_> = places.filter_map(|key| Some((key, fields.get(key)?))).collect();
        self.check_beside(fields, "hook", "step");
        self.check_beside(fields, "output", "step");
        match places.as_slice() {
            [place] => Some(*place),
            [] => {
                if !PARTS.iter().any(|part| fields.get(part).is_some()) {
                    self.missing(fields, "`step`, `guard`, `invariant`, `finally`, `record` or `after`");
                }
                None
            }
            [(one, _), (other, _), ..] => {
                self.exclusive(fields, one, other);
                None
            }
        }
    }

    fn target(&mut self, fields: &Fields<'_>, key: &str, field: Field<'_>) -> Option<Named> {
        let id = self.text(field);
        if key == "step" {
            return self.of_step(fields, id);
        }
        let Spanned { value, span } = id?;
        let target = match key {
            "guard" => Target::Guard(value),
            "invariant" => Target::Invariant(value),
            _ => Target::Final(value),
        };
        Some(Named { target, names: vec![span] })
    }

    fn of_step(&mut self, fields: &Fields<'_>, step: Option<Spanned<String>>) -> Option<Named> {
        let parts: Vec<&str> = PARTS.into_iter().filter(|part| fields.get(part).is_some()).collect();
        if let [one, other, ..] = parts.as_slice() {
            self.exclusive(fields, one, other);
        }
        let hook = match fields.get("hook") {
            Some(field) => Some(self.choice(field, &HOOKS)?),
            None => None,
        };
        let guard = fields.get("guard").and_then(|field| self.text(field));
        let output = fields.get("output").and_then(|field| self.text(field));
        let Spanned { value: step, span } = step?;
        Some(match (hook, guard, output) {
            (Some(hook), _, _) => Named { target: (hook.value)(step), names: vec![span, hook.span] },
            (None, Some(guard), _) => {
                Named { target: Target::StepGuard { step, guard: guard.value }, names: vec![span, guard.span] }
            }
            (None, None, Some(output)) => {
                Named { target: Target::Output { step, output: output.value }, names: vec![span, output.span] }
            }
            (None, None, None) => Named { target: Target::Attempt(step), names: vec![span] },
        })
    }

    /// Returns what is said about the kind, having reported what does not belong to it.
    fn details(&mut self, fields: &Fields<'_>, kind: Option<SweptKind>) -> Option<Details> {
        let exit = fields.get("exit").map(|field| self.exit_code(field));
        let stdout = fields.get("stdout").map(|field| self.text(field));
        if kind.is_some_and(|kind| !matches!(kind, SweptKind::Exit | SweptKind::LateFailure)) {
            self.refuse_beside(fields, "exit", "`fault: exit` or `fault: late_failure`");
        }
        if kind.is_some_and(|kind| kind != SweptKind::WrongOutput) {
            self.refuse_beside(fields, "stdout", "`fault: wrong_output`");
        }
        let exit = exit.map_or(Some(1), |code| Some(code?.value.into()))?;
        let stdout = stdout.map_or(Some(String::new()), |text| Some(text?.value))?;
        Some(Details { exit, stdout })
    }

    /// Reports a key that stands there without the one it needs.
    fn check_beside(&mut self, fields: &Fields<'_>, key: &str, needed: &str) {
        if fields.get(needed).is_none() {
            self.refuse_beside(fields, key, &format!("`{needed}`"));
        }
    }

    pub(super) fn refuse_beside(&mut self, fields: &Fields<'_>, key: &str, needed: &str) {
        if let Some(span) = fields.key_span(key) {
            let message = format!("`{key}` needs {needed} beside it");
            self.report(Diagnostic::error(Code::Incomplete, span, message));
        }
    }

    /// Reports a choice among starts where nothing is started, or where the first is the only one that counts.
    fn check_starts(&mut self, fields: &Fields<'_>, strikes: &Strikes, kind: SweptKind) {
        let why = match strikes {
            Strikes::Record { .. } => "a record is written once",
            Strikes::Age(_) => "a run reaches an age once",
            Strikes::Command { .. } if kind == SweptKind::Cancel => "a run is cancelled once",
            Strikes::Command { .. } => return self.check_wait(fields, kind),
        };
        for (key, span) in ["nth", "times", "wait"].into_iter().filter_map(|key| Some((key, fields.key_span(key)?))) {
            let diagnostic = Diagnostic::error(Code::WithoutEffect, span, format!("`{key}` does nothing here: {why}"));
            self.report(diagnostic.help(format!("leave out `{key}`")));
        }
    }

    /// Reports the choice of a wait for what does not strike a running command.
    fn check_wait(&mut self, fields: &Fields<'_>, kind: SweptKind) {
        if let Some(span) = fields.key_span("wait").filter(|_| !kind.strikes_while_running()) {
            let message =
                format!("`wait` does nothing here: `{}` does not strike a command while it runs", kind.word());
            self.report(Diagnostic::error(Code::WithoutEffect, span, message).help("leave out `wait`"));
        }
    }
}

const SIDES: [(&str, Side); 2] = [("before", Side::Before), ("after", Side::After)];

const HOOKS: [(&str, OfStep); 4] = [
    ("verify", Target::Verify),
    ("cleanup", Target::Cleanup),
    ("rollback", Target::Rollback),
    ("release", Target::Release),
];

/// What may be said about a kind.
struct Details {
    exit: i32,
    stdout: String,
}

impl Details {
    fn kind(self, kind: SweptKind) -> FaultKind {
        match kind {
            SweptKind::Exit => FaultKind::Exit(self.exit),
            SweptKind::LateFailure => FaultKind::LateFailure(self.exit),
            SweptKind::WrongOutput => FaultKind::WrongOutput(self.stdout),
            SweptKind::Timeout => FaultKind::Timeout,
            SweptKind::Killed => FaultKind::Killed,
            SweptKind::NotStarted => FaultKind::NotStarted,
            SweptKind::DoesNotHold => FaultKind::DoesNotHold,
            SweptKind::CouldNotTell => FaultKind::CouldNotTell,
            SweptKind::Crash => FaultKind::Crash,
            SweptKind::LostSupervisor => FaultKind::LostSupervisor,
            SweptKind::Cancel => FaultKind::Cancel,
            SweptKind::NoAnswer => FaultKind::NoAnswer,
            SweptKind::Declined => FaultKind::Declined,
        }
    }
}

/// Returns whether something can go wrong there, or else what can.
fn fits(strikes: &Strikes, kind: SweptKind) -> Result<(), &'static str> {
    use SweptKind::{Cancel, CouldNotTell, Crash, Declined, DoesNotHold, LostSupervisor, NoAnswer};
    match strikes {
        Strikes::Record { .. } if kind != Crash => Err("at a record the engine can `crash`"),
        Strikes::Age(_) if !matches!(kind, Cancel | Crash | LostSupervisor) => {
            Err("at an age of the run there can be `cancel`, `crash` or `lost_supervisor`")
        }
        Strikes::Command { target, .. } if matches!(kind, DoesNotHold | CouldNotTell) && !is_probe(target) => {
            Err("guards, verifies and invariants are probes; what is no probe can `exit`")
        }
        Strikes::Command { target, .. } if matches!(kind, NoAnswer | Declined) && !may_ask(target) => {
            Err("people are asked by attempts and hooks")
        }
        Strikes::Record { .. } | Strikes::Age(_) | Strikes::Command { .. } => Ok(()),
    }
}

fn may_ask(target: &Target) -> bool {
    matches!(target, Target::Attempt(_) | Target::Cleanup(_) | Target::Rollback(_) | Target::Release(_))
}

fn is_probe(target: &Target) -> bool {
    match target {
        Target::Guard(_) | Target::StepGuard { .. } | Target::Verify(_) | Target::Invariant(_) => true,
        Target::Attempt(_)
        | Target::Output { .. }
        | Target::Cleanup(_)
        | Target::Rollback(_)
        | Target::Release(_)
        | Target::Final(_) => false,
    }
}

fn describe(strikes: &Strikes) -> &'static str {
    match strikes {
        Strikes::Record { .. } => "a record",
        Strikes::Age(_) => "an age of the run",
        Strikes::Command { target, .. } => match target {
            Target::Guard(_) | Target::StepGuard { .. } => "a guard",
            Target::Attempt(_) => "an attempt",
            Target::Output { .. } => "the look for an output",
            Target::Verify(_) => "a verify",
            Target::Cleanup(_) => "a cleanup",
            Target::Rollback(_) => "a rollback",
            Target::Release(_) => "a release",
            Target::Invariant(_) => "an invariant",
            Target::Final(_) => "a step of `finally`",
        },
    }
}
