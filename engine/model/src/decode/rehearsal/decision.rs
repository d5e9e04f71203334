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
        let says = self.says(&fields);
        let outputs = fields.get("outputs").map_or_else(Vec::new, |field| self.named(field));
        let outputs =
            outputs.into_iter().map(|(name, field)| (name.value.clone(), Spanned::new(data(field.node), name.span)));
        let outputs = outputs.collect();
        let after = fields.get("after").and_then(|field| self.duration(field));
        let by = fields.get("by").and_then(|field| self.some_text(field));
        let says = says?;
        let is_done = match &says {
            DecisionWord::Decide { meaning, .. } => *meaning == Meaning::Done,
            DecisionWord::Settle { hook, is_done, .. } => *is_done && hook.is_none(),
            DecisionWord::RollBack => false,
        };
        if !is_done {
            self.refuse_beside(&fields, "outputs", "a step that is `done`");
        }
        let after = after.map_or_else(Default::default, |after| after.value.as_std());
        Some(Decision { says, outputs, after, by: by.map(|by| by.value) })
    }

    fn says(&mut self, fields: &Fields<'_>) -> Option<DecisionWord> {
        const WORDS: [&str; 3] = ["decide", "settle", "rollback"];
        let said: Vec<(&str, Field<'_>)> = WORDS.into_iter().filter_map(|key| Some((key, fields.get(key)?))).collect();
        match said.as_slice() {
            [] => {
                self.missing(fields, "`decide`, `settle` or `rollback`");
                None
            }
            [("decide", field)] => {
                self.refuse_beside(fields, "hook", "`settle`");
                let step = self.decided_step(fields);
                let meaning = self.choice(*field, &Meaning::ALL.map(|meaning| (meaning.word(), meaning)))?.value;
                Some(DecisionWord::Decide { step: step?, meaning })
            }
            [("settle", field)] => {
                let step = self.decided_step(fields);
                let hook = match fields.get("hook") {
                    Some(field) => Some(self.choice(field, &OwedHook::ALL.map(|hook| (hook.word(), hook)))?),
                    None => None,
                };
                let is_done = self.choice(*field, &[("done", true), ("not_done", false)])?.value;
                Some(DecisionWord::Settle { step: step?, hook, is_done })
            }
            [(_, field)] => {
                self.refuse_beside(fields, "step", "`decide` or `settle`");
                self.refuse_beside(fields, "hook", "`settle`");
                self.choice(*field, &[("run", ())]).map(|_| DecisionWord::RollBack)
            }
            [(one, _), (other, _), ..] => {
                self.exclusive(fields, one, other);
                None
            }
        }
    }

    fn decided_step(&mut self, fields: &Fields<'_>) -> Option<Spanned<String>> {
        self.required(fields, "step").and_then(|field| self.some_text(field))
    }
}
