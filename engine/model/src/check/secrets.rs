//! Secrets: whether each stands only where nobody but its command can see it.

use std::collections::BTreeSet;

use super::uses::{self, Site, Spot, Use};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::Reference;
use crate::playbook::{Playbook, Secrecy};
use crate::template::Template;

const PLACES: &str =
    "a secret may stand alone in `env`, in `env: {NAME: {file: ...}}` and in `stdin` of the command that needs it";

/// Returns what is wrong with the places of secrets, and with files in memory that hold none.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let secrets = playbook.inputs.iter().filter(|input| input.secrecy == Secrecy::Secret);
    let secrets: BTreeSet<&str> = secrets.map(|input| input.name.value.as_str()).collect();
    let uses = uses::of(playbook);
    let named =
        uses.iter().filter(|used| matches!(used.name, Reference::Input(name) if secrets.contains(name.as_str())));
    let mut diagnostics: Vec<Diagnostic> = named.filter_map(misplaced).collect();
    let files = uses::files(playbook).into_iter().filter(|variable| is_open(&variable.value.value, &secrets));
    diagnostics.extend(files.map(|variable| {
        let message = "a file in memory holds exactly one secret".to_owned();
        Diagnostic::error(Code::SecretPlace, variable.value.span, message).help(PLACES)
    }));
    diagnostics
}

/// Returns whether a text names no secret: one that does was looked at already.
fn is_open(text: &Template, secrets: &BTreeSet<&str>) -> bool {
    !text.references().any(|name| matches!(name, Reference::Input(name) if secrets.contains(name.as_str())))
}

/// Returns why a secret may not stand where it does.
fn misplaced(used: &Use<'_>) -> Option<Diagnostic> {
    let why = match (used.spot, used.site) {
        (Spot::Variable(_) | Spot::File(_), Site::Defaults) => "would reach every command",
        (Spot::Variable(true) | Spot::File(true) | Spot::Stdin(true) | Spot::Handed(true), _) => return None,
        (Spot::Variable(false) | Spot::File(false) | Spot::Stdin(false) | Spot::Handed(false), _) => {
            "does not stand alone"
        }
        (Spot::Argument, _) => "could be read in the list of processes",
        (Spot::Script, _) => "could be read in the list of processes, where a script is an argument of its shell",
        (Spot::Elsewhere, _) => "would be shown and stored",
    };
    let message = format!("the secret `{}` {why} here", used.name);
    Some(Diagnostic::error(Code::SecretPlace, used.span, message).help(PLACES))
}
