//! What every command of a plan has in common: said once.

use std::collections::BTreeMap;

use firedrill_model::plan::{Command, Plan, Text};

use super::command::{later_mark, word};
use super::{INDENT, Page, count};

/// Settings that all commands of a plan share.
#[derive(Default)]
pub(super) struct Shared {
    env: BTreeMap<String, Text>,
    dir: Option<Text>,
}

impl Shared {
    pub(super) fn of(plan: &Plan) -> Shared {
        let mut commands = count::commands(plan);
        let Some(first) = commands.next() else {
            return Shared::default();
        };
        let mut shared = Shared {
            env: first.env.clone(),
            dir: first.dir.clone(),
        };
        for command in commands {
            shared.env.retain(|name, text| command.env.get(name) == Some(text));
            shared.dir = shared.dir.filter(|dir| command.dir.as_ref() == Some(dir));
        }
        shared
    }

    /// Returns the environment that is a command's own.
    pub(super) fn own_env<'a>(&self, command: &'a Command) -> impl Iterator<Item = (&'a String, &'a Text)> {
        command.env.iter().filter(|(name, _)| !self.env.contains_key(*name))
    }

    /// Returns the folder, if it is a command's own.
    pub(super) fn own_dir<'a>(&self, command: &'a Command) -> Option<&'a Text> {
        command.dir.as_ref().filter(|_| self.dir.is_none())
    }

    /// Iterates over what is shared.
    fn texts(&self) -> impl Iterator<Item = &Text> {
        self.env.values().chain(&self.dir)
    }
}

impl Page {
    /// Writes what every command has in common.
    pub(super) fn shared(&mut self) {
        let shared = std::mem::take(&mut self.shared);
        if shared.texts().next().is_some() {
            self.heading("every command", "");
            shared
                .env
                .iter()
                .for_each(|(name, text)| self.fact("env", &format!("{name}={}", word(text))));
            shared.dir.iter().for_each(|dir| self.fact("in", &word(dir)));
            self.later(INDENT, later_mark(shared.texts()));
        }
        self.shared = shared;
    }
}
