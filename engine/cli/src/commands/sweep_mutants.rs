//! `firedrill sweep --world --mutate`: what does anybody miss?

use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::{Scenario, Strikes, SweptKind};
use firedrill_report::rehearsal::{Killer, Mutant, judge};
use firedrill_sim::{Mutant as Weakened, Sweep, mutants as mutants_of, strikes};

use super::sweep_world::{Change, Progress, Sandbox};
use crate::args::Format;
use crate::failure::Failure;
use crate::rehearsing::{Case, in_parallel, tail_of, told};

/// Leaves out each safeguard of a plan in turn and returns what noticed.
///
/// The scenarios are asked first, then the sweep of the state machine, then the scenarios that inject a failure into what is
/// left out, which are red because that has nowhere to strike, and at last the faults in the sandbox.
pub(super) fn mutants(sandbox: &Sandbox, plan: &Plan, kinds: &[SweptKind]) -> Result<Vec<Mutant>, Failure> {
    let all = mutants_of(plan);
    let known = violated(plan)?;
    let quick = in_parallel(&all, sandbox.jobs, |_, mutant| without_striking(sandbox, mutant, &known), |_, _| {});
    let found = all.iter().zip(quick).map(|(mutant, quick)| {
        let killed_by = match quick? {
            Some(killer) => Some(killer),
            None => by_fault(sandbox, &without(&mutant.what), &mutant.plan, kinds)?,
        };
        Ok(Mutant { what: format!("without {}", mutant.what), line: None, killed_by })
    });
    found.collect()
}

/// Returns what notices a mutant before any fault is struck in the sandbox.
fn without_striking(sandbox: &Sandbox, mutant: &Weakened, known: &[String]) -> Result<Option<Killer>, Failure> {
    if let Some(name) = by_scenario(sandbox, mutant, false)? {
        return Ok(Some(Killer::Scenario(name)));
    }
    match by_model(&mutant.plan, known)? {
        Some(killer) => Ok(Some(killer)),
        None => Ok(by_scenario(sandbox, mutant, true)?.map(Killer::Injected)),
    }
}

/// Returns what takes a safeguard out of a plan; with other inputs a plan may not have it.
fn without(what: &str) -> impl Fn(Plan) -> Plan + Sync {
    move |plan| mutants_of(&plan).into_iter().find(|mutant| mutant.what == what).map_or(plan, |mutant| mutant.plan)
}

/// Returns the first scenario that is red for a mutant: of those that inject a failure into what is left out, or of the others.
fn by_scenario(sandbox: &Sandbox, mutant: &Weakened, injecting: bool) -> Result<Option<String>, Failure> {
    let change = without(&mutant.what);
    let scenarios = sandbox.rehearsing.rehearsal.scenarios.iter();
    for scenario in scenarios.filter(|scenario| injects(scenario, mutant) == injecting) {
        let case = Case { change: Some(&change), ..Case::of(scenario) };
        let judged =
            sandbox.run(case, |played| judge(&scenario.expect, &told(played), &tail_of(&played.dir)).is_empty())?;
        if !judged {
            return Ok(Some(scenario.name.value.clone()));
        }
    }
    Ok(None)
}

/// Returns whether a scenario injects a failure into the command that a mutant does not have.
fn injects(scenario: &Scenario, mutant: &Weakened) -> bool {
    let gone = mutant.command.as_ref();
    let mut faults = scenario.faults.iter();
    faults.any(|fault| matches!(&fault.value.strikes, Strikes::Command { target, .. } if gone == Some(target)))
}

/// Asks the state machine: does it find something in the mutant that it does not find in the plan?
fn by_model(mutant: &Plan, known: &[String]) -> Result<Option<Killer>, Failure> {
    Ok(violated(mutant)?.into_iter().find(|rule| !known.contains(rule)).map(Killer::Model))
}

/// Returns the rules that a plan goes against.
fn violated(plan: &Plan) -> Result<Vec<String>, Failure> {
    let swept = Sweep::new(Arc::new(plan.clone())).run();
    let swept = swept.map_err(|error| Failure::failed(format!("the engine refused what it had asked for: {error}")))?;
    Ok(swept.violations.into_iter().map(|violation| violation.rule.words().to_owned()).collect())
}

fn by_fault(sandbox: &Sandbox, change: Change, mutant: &Plan, kinds: &[SweptKind]) -> Result<Option<Killer>, Failure> {
    let Ok(clean) = sandbox.clean(Some(change)) else {
        return Ok(Some(Killer::Fault("none at all".to_owned())));
    };
    let aimed = sandbox.aimed(&strikes(mutant, kinds), &clean.journal, 1)?;
    let (struck, _) = sandbox.strike(&aimed, Some(change), &Progress::new(aimed.len(), Format::Json))?;
    let red =
        struck.into_iter().find(|struck| struck.has_struck && !(struck.is_safe() && struck.unprovoked.is_empty()));
    Ok(red.map(|struck| Killer::Fault(struck.fault())))
}
