//! Secrets: whether each stands only where nobody but its command can see it, and whether each that a step publishes can be
//! had again when an engine has died.

use std::collections::BTreeSet;

use super::names::Names;
use super::reach;
use super::uses::{self, Filter, Position, Site, Spot, Use};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::Reference;
use crate::playbook::{EnvVar, Output, Playbook, Secrecy, Step};
use crate::source::Span;
use crate::template::Template;

const PLACES: &str =
    "a secret may stand alone in `env`, in `env: {NAME: {file: ...}}` and in `stdin` of the command that needs it";
const PUBLISHER: &str =
    "a step that publishes secrets reads only and publishes nothing else: it is executed again when an engine has died";

/// Returns what is wrong with the places of secrets, and with files in memory that hold none.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let secrets = Secrets::of(playbook);
    let uses = uses::of(playbook);
    let mut diagnostics: Vec<Diagnostic> = uses.iter().filter_map(|used| secrets.misplaced(used)).collect();
    diagnostics.extend(
        uses::files(playbook).into_iter().filter(|variable| secrets.is_open(&variable.value.value)).map(|variable| {
            let message = "a file in memory holds exactly one secret".to_owned();
            Diagnostic::error(Code::SecretPlace, variable.value.span, message).help(PLACES)
        }),
    );
    diagnostics.extend(uses::filters(playbook).iter().flat_map(|filter| secrets.in_filter(filter)));
    diagnostics.extend(playbook.steps.iter().flat_map(publisher));
    diagnostics.extend(playbook.steps.iter().enumerate().flat_map(|(at, step)| secrets.inherited(at, step)));
    diagnostics
}

/// The secrets of a playbook.
struct Secrets<'p> {
    playbook: &'p Playbook,
    names: Names<'p>,
    inputs: BTreeSet<&'p str>,
}

/// What kind of secret a name is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Input,
    Output,
    /// An output as a file, of which there is none.
    File,
}

impl<'p> Secrets<'p> {
    fn of(playbook: &'p Playbook) -> Secrets<'p> {
        let inputs = playbook.inputs.iter().filter(|input| input.secrecy == Secrecy::Secret);
        let inputs = inputs.map(|input| input.name.value.as_str()).collect();
        Secrets { playbook, names: Names::of(playbook), inputs }
    }

    /// Returns what kind of secret a name is that is used in a block, if it is one.
    fn origin(&self, name: &Reference, block: Option<usize>) -> Option<Origin> {
        let publishes = |step: &str, output: &str| {
            self.names.find(block, step).is_some_and(|found| self.playbook.steps[found.step].has_secret(output))
        };
        match name {
            Reference::Input(name) if self.inputs.contains(name.as_str()) => Some(Origin::Input),
            Reference::StepOutput { step, output } if publishes(step, output) => Some(Origin::Output),
            Reference::StepFile { step, output } if publishes(step, output) => Some(Origin::File),
            _ => None,
        }
    }

    /// Returns whether a text names no secret: one that does was looked at already.
    fn is_open(&self, text: &Template) -> bool {
        // Outputs are named in blocks, of which nothing is known here: every output counts as one that may be a secret.
        !text
            .references()
            .any(|name| matches!(name, Reference::StepOutput { .. }) || self.origin(name, None) == Some(Origin::Input))
    }

    /// Returns why a secret may not stand where it does.
    fn misplaced(&self, used: &Use<'_>) -> Option<Diagnostic> {
        let origin = self.origin(used.name, reach::block(&self.names, used.site));
        let Some(origin) = origin else { return not_secret(used) };
        let why = match (used.spot, used.site) {
            (_, _) if origin == Origin::File => "is in memory only, and no file",
            (Spot::Variable(_) | Spot::File(_), Site::Defaults) => "would reach every command",
            (Spot::Handed(_), _) if origin == Origin::Output => "cannot be handed on: only secrets of inputs can",
            (Spot::Variable(true) | Spot::File(true) | Spot::Stdin(true), site)
                if origin == Origin::Output && !is_of_step(site) =>
            {
                "may be lost with an engine that has died, and what is owed cannot wait for it"
            }
            (Spot::Variable(true) | Spot::File(true) | Spot::Stdin(true) | Spot::Handed(true), _) => return None,
            (Spot::Variable(false) | Spot::File(false) | Spot::Stdin(false) | Spot::Handed(false), _) => {
                "does not stand alone"
            }
            (Spot::Argument, _) => "could be read in the list of processes",
            (Spot::Script, _) => "could be read in the list of processes, where a script is an argument of its shell",
            (Spot::Elsewhere, _) => "would be shown and stored",
        };
        Some(misplacement(&used.name.to_string(), why, used.span))
    }

    /// Reports the secrets that a jq filter names.
    fn in_filter(&self, filter: &Filter<'_>) -> Vec<Diagnostic> {
        let text = &filter.text.value;
        let block = reach::block(&self.names, filter.site);
        let inputs = paths(text, "$inputs", 1).into_iter().map(|path| Reference::Input(path[0].to_owned()));
        let outputs = paths(text, "$steps", 3).into_iter().filter(|path| path[1] == "outputs");
        let outputs =
            outputs.map(|path| Reference::StepOutput { step: path[0].to_owned(), output: path[2].to_owned() });
        let named = inputs.chain(outputs).filter(|name| self.origin(name, block).is_some());
        named.map(|name| misplacement(&name.to_string(), "would be shown and stored", filter.text.span)).collect()
    }

    /// Reports the secrets of other steps that hooks would inherit.
    fn inherited(&self, at: usize, step: &Step) -> Vec<Diagnostic> {
        let Some(invocation) = step.invocation() else { return Vec::new() };
        let block = self.names.parent(at);
        let is_output = |variable: &&EnvVar| {
            variable.value.value.references().any(|name| self.origin(name, block) == Some(Origin::Output))
        };
        let mut diagnostics = Vec::new();
        for variable in invocation.env.iter().filter(is_output) {
            let name = &variable.name.value;
            let inherits = step.hooks().find(|(_, hook)| hook.invocation.env.iter().all(|own| own.name.value != *name));
            diagnostics.extend(inherits.map(|(key, _)| {
                let message = format!(
                    "the `{key}` of the step inherits `{name}`, which may be lost with an engine that has died"
                );
                let help = format!("give the `{key}` a `{name}` of its own, from a secret of an input");
                Diagnostic::error(Code::SecretPlace, variable.value.span, message).help(help)
            }));
        }
        diagnostics
    }
}

/// Returns whether a command belongs to the course of a step, which can wait until a secret is there again.
fn is_of_step(site: Site) -> bool {
    matches!(site, Site::Body(Position::Main(_)) | Site::Verify(_) | Site::Asking(..))
}

/// Reports an output in a file in memory that is no secret.
fn not_secret(used: &Use<'_>) -> Option<Diagnostic> {
    let is_output = matches!(used.name, Reference::StepOutput { .. });
    (is_output && matches!(used.spot, Spot::File(_))).then(|| {
        let message = "a file in memory holds exactly one secret".to_owned();
        Diagnostic::error(Code::SecretPlace, used.span, message).help(PLACES)
    })
}

fn misplacement(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::SecretPlace, span, format!("the secret `{name}` {why} here")).help(PLACES)
}

/// Reports what keeps a step that publishes secrets from being executed again.
fn publisher(step: &Step) -> Vec<Diagnostic> {
    let Some(secret) = step.secrets().next() else { return Vec::new() };
    let fault = |span: Span, what: &str| {
        let message = format!("`{}` publishes the secret `{}` {what}", step.id.value, secret.name.value);
        Diagnostic::error(Code::BadSecret, span, message).help(PUBLISHER)
    };
    let open: Vec<&Output> = step.outputs.iter().filter(|output| !step.has_secret(&output.name.value)).collect();
    let mut faults: Vec<Diagnostic> = open.iter().map(|output| fault(output.span, "and something open")).collect();
    faults.extend((!step.read_only).then(|| fault(secret.span, "and is not read_only")));
    faults.extend(step.release.as_ref().map(|release| fault(release.hook.span, "and has a `release`")));
    faults.extend(step.milestones.first().map(|milestone| fault(milestone.name.span, "and has milestones")));
    faults.extend(step.locks.first().map(|lock| fault(lock.span, "and has locks")));
    faults.extend(step.for_each.as_ref().map(|_| fault(secret.span, "and is repeated over items")));
    faults
}

/// Returns the paths of this many names that a filter takes from a variable: `$inputs.x`, `$inputs["x"]`.
fn paths<'f>(filter: &'f str, variable: &str, length: usize) -> Vec<Vec<&'f str>> {
    let starts = filter.match_indices(variable).map(|(at, _)| &filter[at + variable.len()..]);
    starts.filter_map(|rest| path(rest, length)).collect()
}

fn path(mut rest: &str, length: usize) -> Option<Vec<&str>> {
    let mut path = Vec::new();
    while path.len() < length {
        rest = rest.trim_start();
        rest = rest.strip_prefix('.').map_or(rest, str::trim_start);
        let (name, after) = quoted(rest).or_else(|| plain(rest))?;
        path.push(name);
        rest = after;
    }
    Some(path)
}

/// Takes `["x"]` or `"x"` off the beginning of a text.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (inner, is_bracketed) = text.strip_prefix('[').map_or((text, false), |inner| (inner.trim_start(), true));
    let (name, after) = inner.strip_prefix('"')?.split_once('"')?;
    if is_bracketed { Some((name, after.trim_start().strip_prefix(']')?)) } else { Some((name, after)) }
}

fn plain(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}
