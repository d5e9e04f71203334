//! What people are asked, in a plan.

use firedrill_model::plan::{Starter, Text};

use super::Page;
use super::command::shown_text;

impl Page {
    /// Writes what a human does.
    pub(super) fn manual(&mut self, indent: usize, instructions: &Text, confirm: Option<&Text>) {
        self.told(indent, "a human does this:", instructions);
        if let Some(confirm) = confirm {
            self.told(indent, "and is asked:", confirm);
        }
    }

    /// Writes what people decide, and who may.
    pub(super) fn approve(&mut self, indent: usize, prompt: &Text, (by, min, starter): (&[String], u32, Starter)) {
        self.told(indent, "people decide this:", prompt);
        let who = if by.is_empty() { "anybody".to_owned() } else { by.join(", ") };
        let not = if starter == Starter::Excluded { ", but not who started the run" } else { "" };
        let count = if min == 1 { "one approves".to_owned() } else { format!("{min} approve") };
        self.labelled(indent, "by", &format!("{who}{not}; it goes on when {count}"));
    }

    fn told(&mut self, indent: usize, lead: &str, text: &Text) {
        self.line(&format!("{}{lead}", " ".repeat(indent)));
        let (text, _) = shown_text(text);
        for line in text.trim_end().lines() {
            self.wrapped(indent + 2, indent + 2, line);
        }
    }
}
