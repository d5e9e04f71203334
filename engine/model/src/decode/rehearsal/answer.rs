//! What people answer in a scenario.

use std::collections::BTreeMap;

use super::super::fields::{Field, Fields};
use super::super::scalars::data;
use super::super::{Block, Decoder, scalar};
use crate::rehearsal::{Answer, Says};
use crate::source::Spanned;

const WORDS: [(&str, Says); 4] =
    [("approved", Says::Approved), ("declined", Says::Declined), ("done", Says::Done), ("failed", Says::Failed)];

impl Decoder<'_> {
    /// Returns what people answer, by what asks them.
    pub(super) fn answers(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Spanned<Answer>> {
        let entries = fields.get("answers").map_or_else(Vec::new, |field| self.named(field));
        let answers = entries.into_iter().filter_map(|(name, field)| {
            let answer = self.answer(field)?;
            Some((name.value.clone(), Spanned::new(answer, name.span)))
        });
        answers.collect()
    }

    fn answer(&mut self, field: Field<'_>) -> Option<Answer> {
        if scalar(field.node).is_some() {
            let says = Some(self.choice(field, &WORDS)?);
            return Some(Answer { says, ..Answer::default() });
        }
        let fields = self.fields(field, Block::Answer)?;
        let outputs = fields.get("outputs").map_or_else(Vec::new, |field| self.named(field));
        let outputs =
            outputs.into_iter().map(|(name, field)| (name.value.clone(), Spanned::new(data(field.node), name.span)));
        let by = fields.get("by").and_then(|field| self.some_items(field)).unwrap_or_default();
        Some(Answer {
            says: fields.get("answer").and_then(|field| self.choice(field, &WORDS)),
            outputs: outputs.collect(),
            after: fields
                .get("after")
                .and_then(|field| self.duration(field))
                .map_or_else(Default::default, |it| it.value.as_std()),
            by: by.into_iter().filter_map(|name| Some(self.some_text(name)?.value)).collect(),
        })
    }
}
