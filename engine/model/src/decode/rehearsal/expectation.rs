//! What must become of a scenario.

use std::collections::BTreeMap;

use super::super::fields::{Field, Fields};
use super::super::{Block, Decoder, scalar};
use crate::diagnostic::Code;
use crate::rehearsal::{Expectation, ExpectedInvariants, ExpectedOutcome, ExpectedStep, ExpectedVerdict, Objectives};
use crate::source::Spanned;
use crate::yaml::{Plain, Scalar};

const VERDICTS: [(&str, ExpectedVerdict); 7] = [
    ("succeeded", ExpectedVerdict::Succeeded),
    ("skipped", ExpectedVerdict::Skipped),
    ("refused", ExpectedVerdict::Refused),
    ("rolled_back", ExpectedVerdict::RolledBack),
    ("failed", ExpectedVerdict::Failed),
    ("cancelled", ExpectedVerdict::Cancelled),
    ("stuck", ExpectedVerdict::Stuck),
];

const OUTCOMES: [(&str, ExpectedOutcome); 5] = [
    ("succeeded", ExpectedOutcome::Succeeded),
    ("failed", ExpectedOutcome::Failed),
    ("skipped", ExpectedOutcome::Skipped),
    ("in_doubt", ExpectedOutcome::InDoubt),
    ("not_started", ExpectedOutcome::NotStarted),
];

const INVARIANTS: [(&str, ExpectedInvariants); 2] =
    [("hold", ExpectedInvariants::Hold), ("broken", ExpectedInvariants::Broken)];

/// The hooks that can be owed.
const DEBTS: [&str; 3] = ["cleanup", "rollback", "release"];

impl Decoder<'_> {
    /// Returns what a scenario expects, nothing if it does not say.
    pub(super) fn expectation(&mut self, scenario: &Fields<'_>) -> Expectation {
        let fields = scenario.get("expect").and_then(|field| self.fields(field, Block::Expectation));
        let Some(fields) = fields else {
            return Expectation::default();
        };
        Expectation {
            span: scenario.key_span("expect"),
            verdict: fields.get("verdict").and_then(|field| self.verdict(field)),
            within: fields.get("within").and_then(|field| self.within(field)).unwrap_or_default(),
            steps: self.each(fields.get("steps"), Self::expected_step),
            hold: self.each(fields.get("hold"), |decoder, field| Some(decoder.duration(field)?.value.as_std())),
            unmet: fields.get("unmet").and_then(|field| self.names(field)),
            invariants: fields.get("invariants").and_then(|field| self.choice(field, &INVARIANTS)),
            open: fields.get("open").and_then(|field| self.open(field)),
            outputs: self.each(fields.get("outputs"), Self::plain_text),
            world: fields.get("world").map_or_else(Vec::new, |field| self.commands(field)),
        }
    }

    /// Returns a verdict; the one of two words may be written as reports write it.
    fn verdict(&mut self, field: Field<'_>) -> Option<Spanned<ExpectedVerdict>> {
        if scalar(field.node).is_some_and(|scalar| scalar.text == "rolled back") {
            return Some(Spanned::new(ExpectedVerdict::RolledBack, field.node.span));
        }
        self.choice(field, &VERDICTS)
    }

    fn within(&mut self, field: Field<'_>) -> Option<Objectives> {
        let fields = self.fields(field, Block::Within)?;
        let mut time =
            |key| fields.get(key).and_then(|field| self.some_duration(field)).map(|time| time.value.as_std());
        Some(Objectives { rto: time("rto"), rpo: time("rpo") })
    }

    fn expected_step(&mut self, field: Field<'_>) -> Option<ExpectedStep> {
        let fields = self.fields(field, Block::ExpectedStep)?;
        let outcome = fields.get("outcome").and_then(|field| self.choice(field, &OUTCOMES));
        Some(ExpectedStep {
            outcome: outcome.map(|outcome| outcome.value),
            attempts: fields.get("attempts").and_then(|field| self.amount(field)),
            cleaned_up: fields.get("cleaned_up").and_then(|field| self.flag(field)),
            rolled_back: fields.get("rolled_back").and_then(|field| self.flag(field)),
            released: fields.get("released").and_then(|field| self.flag(field)),
        })
    }

    /// Returns the text of a scalar, also of a number: outputs are compared as texts.
    fn plain_text(&mut self, field: Field<'_>) -> Option<String> {
        match scalar(field.node).map(|scalar| (scalar.resolve(), scalar)) {
            Some((Plain::Bool(_) | Plain::Int(_) | Plain::Float(_), Scalar { text, .. })) => Some(text.clone()),
            _ => Some(self.text(field)?.value),
        }
    }

    /// Returns the values of a map whose keys are names of the playbook, each placed at its name.
    fn each<T>(
        &mut self,
        field: Option<Field<'_>>,
        value: impl Fn(&mut Self, Field<'_>) -> Option<T>,
    ) -> BTreeMap<String, Spanned<T>> {
        let entries = field.map_or_else(Vec::new, |field| self.named(field));
        let entries = entries.into_iter().filter_map(|(name, field)| {
            let value = value(self, field)?;
            Some((name.value.clone(), Spanned::new(value, name.span)))
        });
        entries.collect()
    }

    /// Returns a list of names, having kept their places.
    fn names(&mut self, field: Field<'_>) -> Option<Spanned<Vec<String>>> {
        let items = self.items(field)?;
        let names: Vec<Spanned<String>> = items.into_iter().filter_map(|item| self.some_text(item)).collect();
        let span = field.node.span;
        self.remember(span, names.iter().map(|name| name.span).collect());
        Some(Spanned::new(names.into_iter().map(|name| name.value).collect(), span))
    }

    fn open(&mut self, field: Field<'_>) -> Option<Spanned<Vec<String>>> {
        let names = self.names(field)?;
        let spans = self.names.get(&names.span).cloned().unwrap_or_default();
        for (name, span) in names.value.iter().zip(spans) {
            if name.split_once('.').is_some_and(|(_, debt)| !DEBTS.contains(&debt)) {
                let message = format!("`{}` is nothing that can be owed", name.escape_debug());
                let help = "write STEP.cleanup, STEP.rollback or STEP.release, or STEP if it is in doubt".to_owned();
                self.refuse::<()>(Code::UnknownChoice, span, message, Some(help));
            }
        }
        Some(names)
    }
}
