//! What people decide in a scenario.

use super::super::fields::{Field, Fields};
use super::super::scalars::data;
use super::super::{Block, Decoder};
use crate::rehearsal::{Decision, DecisionWord, Meaning, OwedHook};
use crate::source::Spanned;

impl Decoder<'_> {
    pub(super) fn decisions(&mut self, fields: &Fields<'_>) -> Vec<Decision> {
        let items = fields.get("decisions").and_then(|field| self.some_items(field)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.decision(item)).collect()
    }

    fn decision(&mut self, field: Field<'_>) -> Option<Decision> {
        let fields = self.fields(field, Block::Decision)?;
        let step = self.required(&fields, "step").and_then(|field| self.some_text(field));
        let says = self.says(&fields);
        let outputs = fields.get("outputs").map_or_else(Vec::new, |field| self.named(field));
        let outputs =
            outputs.into_iter().map(|(name, field)| (name.value.clone(), Spanned::new(data(field.node), name.span)));
        let outputs = outputs.collect();
        let after = fields.get("after").and_then(|field| self.duration(field));
        let by = fields.get("by").and_then(|field| self.some_text(field));
        let says = says?;
        let is_done = match says {
            DecisionWord::Decide(meaning) => meaning == Meaning::Done,
            DecisionWord::Settle { hook, is_done } => is_done && hook.is_none(),
        };
        if !is_done {
            self.refuse_beside(&fields, "outputs", "a step that is `done`");
        }
        let after = after.map_or_else(Default::default, |after| after.value.as_std());
        Some(Decision { step: step?, says, outputs, after, by: by.map(|by| by.value) })
    }

    fn says(&mut self, fields: &Fields<'_>) -> Option<DecisionWord> {
        match (fields.get("decide"), fields.get("settle")) {
            (Some(_), Some(_)) => {
                self.exclusive(fields, "decide", "settle");
                None
            }
            (None, None) => {
                self.missing(fields, "`decide` or `settle`");
                None
            }
            (Some(field), None) => {
                self.refuse_beside(fields, "hook", "`settle`");
                let meaning = self.choice(field, &Meaning::ALL.map(|meaning| (meaning.word(), meaning)))?;
                Some(DecisionWord::Decide(meaning.value))
            }
            (None, Some(field)) => {
                let hook = match fields.get("hook") {
                    Some(field) => Some(self.choice(field, &OwedHook::ALL.map(|hook| (hook.word(), hook)))?),
                    None => None,
                };
                let is_done = self.choice(field, &[("done", true), ("not_done", false)])?.value;
                Some(DecisionWord::Settle { hook, is_done })
            }
        }
    }
}
