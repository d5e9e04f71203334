//! `firedrill sweep --world --mutate`: what does anybody miss?

use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::SweptKind;
use firedrill_report::rehearsal::{Killer, Mutant, judge};
use firedrill_sim::{Sweep, mutants as mutants_of, strikes};

use super::sweep_world::{Change, Progress, Sandbox};
use crate::args::Format;
use crate::failure::Failure;
use crate::rehearsing::{Case, in_parallel, tail_of, told};

/// Leaves out each safeguard of a plan in turn and returns what noticed.
///
/// The scenarios are asked first, then the sweep of the state machine, then the faults in the sandbox.
pub(super) fn mutants(sandbox: &Sandbox, plan: &Plan, kinds: &[SweptKind]) -> Result<Vec<Mutant>, Failure> {
    let all = mutants_of(plan);
    let known = violated(plan)?;
    let quick = in_parallel(
        &all,
        sandbox.jobs,
        |_, mutant| match by_scenario(sandbox, &without(&mutant.what))? {
            Some(killer) => Ok(Some(killer)),
            None => by_model(&mutant.plan, &known),
        },
        |_, _| {},
    );
    let found = all.iter().zip(quick).map(|(mutant, quick)| {
        let killed_by = match quick? {
            Some(killer) => Some(killer),
            None => by_fault(sandbox, &without(&mutant.what), &mutant.plan, kinds)?,
        };
        Ok(Mutant { what: format!("without {}", mutant.what), line: None, killed_by })
    });
    found.collect()
}

/// Returns what takes a safeguard out of a plan; with other inputs a plan may not have it.
fn without(what: &str) -> impl Fn(Plan) -> Plan + Sync {
    move |plan| mutants_of(&plan).into_iter().find(|mutant| mutant.what == what).map_or(plan, |mutant| mutant.plan)
}

fn by_scenario(sandbox: &Sandbox, change: Change) -> Result<Option<Killer>, Failure> {
    for scenario in &sandbox.rehearsing.rehearsal.scenarios {
        let case = Case { change: Some(change), ..Case::of(scenario) };
        let judged =
            sandbox.run(case, |played| judge(&scenario.expect, &told(played), &tail_of(&played.dir)).is_empty())?;
        if !judged {
            return Ok(Some(Killer::Scenario(scenario.name.value.clone())));
        }
    }
    Ok(None)
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
