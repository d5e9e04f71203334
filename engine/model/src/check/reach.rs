//! Which names can be used where.

use super::guards;
use super::names::{self, Names};
use super::uses::{Position, Site, Use};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Reference, RunField};
use crate::playbook::{Body, Command, Playbook};
use crate::source::Spanned;

/// What a use of a name asks of the order of the steps.
pub(super) enum Demand {
    /// Nothing.
    Nothing,
    /// The step of the use needs the other one.
    Need { below: Position, above: usize },
    /// The step of the use must need the other one already.
    Above { below: usize, above: usize },
}

/// Checks one use.
pub(super) fn demand(playbook: &Playbook, names: &Names<'_>, used: &Use<'_>) -> Result<Demand, Diagnostic> {
    match used.name {
        Reference::Input(name) => known(used, names, name, Kind::Input),
        Reference::Var(name) if used.site == Site::Requirement => {
            Err(out_of_reach(used, &format!("`vars.{name}`"), "whether an input is required depends on inputs only"))
        }
        Reference::Var(name) => known(used, names, name, Kind::Var),
        Reference::Run(field) => run(used, *field),
        Reference::Attempt(field) => attempt(used, field.name()),
        Reference::StepFile { step, output } => step_demand(names, used, step).and_then(|(demand, at)| {
            has_output(playbook, names, used, at, output)?;
            has_files(playbook, used, at)?;
            Ok(demand)
        }),
        Reference::StepOutput { step, output } => step_demand(names, used, step).and_then(|(demand, at)| {
            has_output(playbook, names, used, at, output)?;
            Ok(demand)
        }),
        Reference::StepExitCode(step) => step_demand(names, used, step).and_then(|(demand, at)| {
            has_exit_code(playbook, used, at)?;
            Ok(demand)
        }),
        Reference::StepOutcome(step) => step_demand(names, used, step).map(|(demand, _)| demand),
        Reference::GuardOutput { guard, output } => {
            guards::check(playbook, used, guard, output).map(|()| Demand::Nothing)
        }
        Reference::Last(name) => last(playbook, used, name),
        Reference::Target(_) | Reference::Sandbox(_) | Reference::Item(_) => Ok(Demand::Nothing),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Input,
    Var,
}

fn known(used: &Use<'_>, names: &Names<'_>, name: &str, kind: Kind) -> Result<Demand, Diagnostic> {
    let (index, code, what, all) = match kind {
        Kind::Input => (&names.inputs, Code::UnknownInput, "input", "inputs"),
        Kind::Var => (&names.vars, Code::UnknownVar, "var", "vars"),
    };
    if index.contains_key(name) {
        return Ok(Demand::Nothing);
    }
    let diagnostic = Diagnostic::error(code, used.span, format!("there is no {what} `{name}`"));
    Err(diagnostic.maybe_help(names.suggest(name, index, all)))
}

fn run(used: &Use<'_>, field: RunField) -> Result<Demand, Diagnostic> {
    let is_final = matches!(used.site, Site::Body(Position::Final(_)) | Site::Gate(Position::Final(_)));
    match (used.site, field) {
        (Site::Requirement | Site::Var(_), _) => {
            let name = format!("`run.{}`", field.name());
            Err(out_of_reach(used, &name, "inputs and vars are fixed before there is a run"))
        }
        (Site::Lock, _) => {
            let name = format!("`run.{}`", field.name());
            Err(out_of_reach(used, &name, "runs that must exclude each other need locks of the same name"))
        }
        (_, RunField::Verdict) if !is_final => {
            Err(out_of_reach(used, "`run.verdict`", "there is a verdict only in `finally`"))
        }
        (_, RunField::Id | RunField::Dir | RunField::Files | RunField::StartedAt | RunField::Verdict) => {
            Ok(Demand::Nothing)
        }
    }
}

/// Checks a use of what the last run that succeeded has published.
fn last(playbook: &Playbook, used: &Use<'_>, name: &str) -> Result<Demand, Diagnostic> {
    if used.site == Site::Requirement {
        return Err(out_of_reach(
            used,
            &format!("`last.{name}`"),
            "whether an input is required depends on inputs only",
        ));
    }
    let index = names::index(playbook.outputs.iter().map(|output| &output.name));
    if index.contains_key(name) {
        return Ok(Demand::Nothing);
    }
    let message = format!("the playbook has no output `{name}`");
    let diagnostic = Diagnostic::error(Code::UnknownOutput, used.span, message);
    Err(diagnostic.help("`last` holds what the playbook's own `outputs` were in its last run that succeeded"))
}

fn attempt(used: &Use<'_>, name: &str) -> Result<Demand, Diagnostic> {
    match used.site {
        Site::Repeat(_) | Site::HookWhen(_) => Ok(Demand::Nothing),
        Site::Requirement
        | Site::Var(_)
        | Site::Defaults
        | Site::Lock
        | Site::Guard
        | Site::Body(_)
        | Site::Verify(_)
        | Site::Gate(_)
        | Site::Asking(..)
        | Site::Hook(_)
        | Site::Invariant
        | Site::Output
        | Site::Published(_) => {
            let why = "what an attempt did can be read in `expect.that` and in the `when` of a retry or cleanup only";
            Err(out_of_reach(used, &format!("`{name}`"), why))
        }
    }
}

/// Returns what the use of a step asks for, and where that step stands.
fn step_demand(names: &Names<'_>, used: &Use<'_>, step: &str) -> Result<(Demand, Position), Diagnostic> {
    let reader = reader(used.site).map_err(|why| out_of_reach(used, &format!("step `{step}`"), why));
    let (position, below) = find(names, used, step)?;
    let early = |why| out_of_reach(used, &format!("step `{step}`"), why);
    let demand = match (reader?, position, below) {
        (None, Position::Main(_), None) | (Some(Position::Final(_)), Position::Main(_), _) => Demand::Nothing,
        (Some(below @ Position::Final(reading)), Position::Final(above), _) => {
            if reading == above {
                return Err(own_name(used, step));
            }
            Demand::Need { below, above }
        }
        (None | Some(Position::Main(_)), Position::Final(_), _) => {
            return Err(early("steps of `finally` run after everything else"));
        }
        (Some(Position::Main(reader)), Position::Main(above), None) if reader == above => match used.site {
            Site::Verify(_) | Site::Hook(_) | Site::HookWhen(_) => Demand::Nothing,
            _ => return Err(own_name(used, step)),
        },
        (_, Position::Main(above), Some(around)) if around == above => return Err(from_inside(used, step)),
        (Some(Position::Main(reader)), Position::Main(above), around) => ordered(used, around.unwrap_or(reader), above),
        (None, Position::Main(above), Some(around)) => ordered(used, around, above),
    };
    Ok((demand, position))
}

/// Returns what a use asks of the order of two steps of the same block.
fn ordered(used: &Use<'_>, below: usize, above: usize) -> Demand {
    match used.site {
        Site::Body(_) | Site::Verify(_) | Site::Published(_) => Demand::Need { below: Position::Main(below), above },
        _ => Demand::Above { below, above },
    }
}

/// Returns the step to which a place belongs, none for an output of the playbook, or why it can name no step at all.
fn reader(site: Site) -> Result<Option<Position>, &'static str> {
    match site {
        Site::Requirement | Site::Var(_) => Err("inputs and vars are fixed before any step runs"),
        Site::Lock => Err("locks are taken before any step runs"),
        Site::Defaults => Err("defaults hold for every command, also before any step runs"),
        Site::Guard => Err("the guards of a playbook are asked before any step runs"),
        Site::Invariant => Err("an invariant must hold however the run ended, also without this step"),
        Site::Output | Site::Published(_) => Ok(None),
        Site::Body(position) | Site::Gate(position) | Site::Repeat(position) => Ok(Some(position)),
        Site::Asking(step, _) | Site::Verify(step) | Site::Hook(step) | Site::HookWhen(step) => {
            Ok(Some(Position::Main(step)))
        }
    }
}

/// Returns the block in which a use stands.
pub(super) fn block(names: &Names<'_>, site: Site) -> Option<usize> {
    match (site, reader(site)) {
        (Site::Published(group), _) => Some(group),
        (_, Ok(Some(Position::Main(step)))) => names.parent(step),
        (_, Ok(_) | Err(_)) => None,
    }
}

/// Returns the step that a name means, and the group around the use that stands beside that step.
fn find(names: &Names<'_>, used: &Use<'_>, step: &str) -> Result<(Position, Option<usize>), Diagnostic> {
    let block = block(names, used.site);
    if let Some(found) = names.find(block, step) {
        return Ok((Position::Main(found.step), found.around));
    }
    if let Some(&at) = names.finally.get(step) {
        return Ok((Position::Final(at), None));
    }
    let diagnostic = Diagnostic::error(Code::UnknownStep, used.span, format!("there is no step `{step}`"));
    if names.is_member(step) {
        let help = "a member of a group can be named inside of it only: let the group publish `outputs`";
        return Err(diagnostic.help(help));
    }
    Err(diagnostic.maybe_help(names.suggest_step(step, block)))
}

fn has_output(
    playbook: &Playbook,
    names: &Names<'_>,
    used: &Use<'_>,
    step: Position,
    output: &str,
) -> Result<(), Diagnostic> {
    let step = match step {
        Position::Main(at) => &playbook.steps[at],
        Position::Final(at) => &playbook.finally[at],
    };
    let declared: Vec<&Spanned<String>> = match &step.body {
        Body::Command(invocation) => {
            let is_faulty = matches!(&invocation.command, Command::Argv(argv) if argv.value.is_empty());
            if is_faulty {
                return Ok(());
            }
            step.outputs.iter().map(|declared| &declared.name).collect()
        }
        Body::Group(outputs) => outputs.iter().map(|declared| &declared.name).collect(),
        Body::Use(used) => match playbook.used.get(&used.path.value) {
            Some(file) => file.checked.outputs.iter().map(|declared| &declared.name).collect(),
            None => return Ok(()),
        },
    };
    let known = names::index(declared.into_iter());
    if known.contains_key(output) {
        return Ok(());
    }
    let message = format!("step `{}` has no output `{output}`", step.id.value);
    let diagnostic = Diagnostic::error(Code::UnknownOutput, used.span, message);
    Err(diagnostic.maybe_help(names.suggest(output, &known, "outputs")))
}

fn has_exit_code(playbook: &Playbook, used: &Use<'_>, step: Position) -> Result<(), Diagnostic> {
    let Position::Main(at) = step else { return Ok(()) };
    let step = &playbook.steps[at];
    if step.invocation().is_some() && step.for_each.is_none() {
        return Ok(());
    }
    let message = format!("`{}` is more than one command and has no exit code", step.id.value);
    Err(Diagnostic::error(Code::UnknownOutput, used.span, message).help("read its `outcome`, or its outputs"))
}

fn has_files(playbook: &Playbook, used: &Use<'_>, step: Position) -> Result<(), Diagnostic> {
    let Position::Main(at) = step else { return Ok(()) };
    let step = &playbook.steps[at];
    if step.invocation().is_some() && step.for_each.is_none() {
        return Ok(());
    }
    let message = format!("`{}` is more than one command and has no files", step.id.value);
    Err(Diagnostic::error(Code::UnknownOutput, used.span, message).help("read them inside of it, or its outputs"))
}

fn from_inside(used: &Use<'_>, step: &str) -> Diagnostic {
    let message = format!("`{step}` is the group around this, and nothing of it is known before it is over");
    Diagnostic::error(Code::OwnName, used.span, message)
}

fn own_name(used: &Use<'_>, step: &str) -> Diagnostic {
    let message = format!("`{step}` names itself, but nothing of it is known before it has run");
    Diagnostic::error(Code::OwnName, used.span, message)
}

pub(super) fn out_of_reach(used: &Use<'_>, name: &str, why: &str) -> Diagnostic {
    Diagnostic::error(Code::OutOfReach, used.span, format!("{name} cannot be read here")).help(why)
}
