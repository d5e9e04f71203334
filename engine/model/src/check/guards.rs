//! What guards have seen: who may read it.

use super::reach::out_of_reach;
use super::uses::{Position, Site, Use};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Guard, Playbook};

/// Checks the use of what a guard has seen: it was asked before, and it keeps an output of this name.
pub(super) fn check(playbook: &Playbook, used: &Use<'_>, guard: &str, output: &str) -> Result<(), Diagnostic> {
    let name = format!("guard `{guard}`");
    let readable = readable(playbook, used.site).map_err(|why| out_of_reach(used, &name, why))?;
    if let Some(found) = readable.into_iter().find(|known| known.id.value == guard) {
        return has_output(used, found, output);
    }
    let all = playbook.guards.iter().chain(playbook.steps.iter().flat_map(|step| &step.guards));
    if all.into_iter().any(|known| known.id.value == guard) {
        let why = "it was not asked before, or belongs to another step: let that step publish an output";
        return Err(out_of_reach(used, &name, why));
    }
    Err(Diagnostic::error(Code::UnknownProbe, used.span, format!("there is no {name}")))
}

/// Returns the guards that were asked before what stands here is read, those of the step first.
fn readable(playbook: &Playbook, site: Site) -> Result<Vec<&Guard>, &'static str> {
    let own = |step: usize| playbook.steps[step].guards.as_slice();
    let (step, own) = match site {
        Site::Requirement | Site::Var(_) => return Err("inputs and vars are fixed before any guard is asked"),
        Site::Lock => return Err("the name of a lock is fixed before any guard is asked"),
        Site::Defaults => return Err("defaults hold for every command, also for the guards"),
        Site::Guard => return Err("the guards of a playbook are asked all at once"),
        Site::Asking(step, nth) => (Some(step), &own(step)[..nth]),
        Site::Gate(Position::Main(step)) => (Some(step), &[][..]),
        Site::Body(Position::Main(step))
        | Site::Repeat(Position::Main(step))
        | Site::Verify(step)
        | Site::Hook(step)
        | Site::HookWhen(step)
        | Site::Published(step) => (Some(step), own(step)),
        Site::Gate(Position::Final(_))
        | Site::Body(Position::Final(_))
        | Site::Repeat(Position::Final(_))
        | Site::Invariant
        | Site::Output => (None, &[][..]),
    };
    let parent = step.and_then(|step| playbook.steps[step].parent);
    let around = std::iter::successors(parent, |&group| playbook.steps[group].parent);
    Ok(own.iter().chain(around.flat_map(|group| &playbook.steps[group].guards)).chain(&playbook.guards).collect())
}

fn has_output(used: &Use<'_>, guard: &Guard, output: &str) -> Result<(), Diagnostic> {
    if guard.outputs.iter().any(|declared| declared.name.value == output) {
        return Ok(());
    }
    let message = format!("guard `{}` has no output `{output}`", guard.id.value);
    let diagnostic = Diagnostic::error(Code::UnknownOutput, used.span, message);
    Err(diagnostic.help("add it to the `outputs` of the guard"))
}

/// Reports a guard of a step that has the name of one around it: what they have seen could be taken for each other.
pub(super) fn shadowing(playbook: &Playbook) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &playbook.steps {
        let around = std::iter::successors(step.parent, |&group| playbook.steps[group].parent);
        let outer = around.flat_map(|group| &playbook.steps[group].guards).chain(&playbook.guards);
        let outer: Vec<&Guard> = outer.collect();
        for guard in &step.guards {
            let twin = outer.iter().find(|outer| outer.id.value == guard.id.value);
            if let Some(twin) = twin.filter(|twin| !(guard.outputs.is_empty() && twin.outputs.is_empty())) {
                let message = format!("`{}` is the name of another guard that can be read here", guard.id.value);
                let diagnostic = Diagnostic::error(Code::DuplicateId, guard.id.span, message);
                found.push(diagnostic.note(twin.id.span, "the other one"));
            }
        }
    }
    found
}
