//! Random plans in a random world: the promises as predicates over the events, not a second scheduler.
//!
//! `FIREDRILL_CASES` says how many histories are tried, `FIREDRILL_SEED` which ones.

mod audit;
mod facts;
mod plans;
mod world;

use std::env;
use std::sync::Arc;

use firedrill_run::journal::{self, Chain};
use firedrill_run::{Event, Phase, Run};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::audit::Audit;
use crate::plans::{Drawn, plans};
use crate::world::World;

/// No history of so small a plan is longer, however often it is taken up again.
const LONGEST: usize = 5_000;

#[test]
fn every_history_keeps_every_promise() {
    let config = ProptestConfig {
        cases: setting("FIREDRILL_CASES", 3_000),
        rng_seed: RngSeed::Fixed(u64::from(setting("FIREDRILL_SEED", 20))),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let chances = prop::collection::vec(prop_oneof![6 => Just(0_u8), 4 => any::<u8>()], 0..400);
    let tried = TestRunner::new(config)
        .run(&(plans(), chances), |(plan, chances)| happen(&plan, &chances).map_err(TestCaseError::fail));
    if let Err(error) = tried {
        panic!("{error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever calls a test says how much it tries")]
fn setting(name: &str, otherwise: u32) -> u32 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Lets a history happen and returns what it broke, with the history.
fn happen(drawn: &Drawn, chances: &[u8]) -> Result<(), String> {
    let mut events = Vec::new();
    live(drawn, chances, &mut events).map_err(|why| {
        let lines: Vec<String> = events.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        format!("{why}\n{drawn:?}\n\n{}", lines.join("\n"))
    })
}

fn live(drawn: &Drawn, chances: &[u8], events: &mut Vec<Event>) -> Result<(), String> {
    let plan = Arc::new(drawn.plan());
    let mut world = World::new(Arc::clone(&plan), chances);
    let mut audit = Audit::new(Arc::clone(&plan));
    let mut again = Run::new(Arc::clone(&plan));
    while let Some(event) = world.happens() {
        events.push(event.clone());
        let phase = world.run.phase();
        world.run.apply(&event).map_err(|error| error.to_string())?;
        again.apply(&event).map_err(|error| error.to_string())?;
        if world.run.state() != again.state() {
            return Err("the same events led to another state".into());
        }
        audit.take(&event, phase, &world.run)?;
        if world.run.phase() == Phase::AtRest {
            audit.rest(&world.run)?;
        }
        if events.len() > LONGEST {
            return Err("it does not come to rest".into());
        }
    }
    if world.run.phase() != Phase::AtRest {
        return Err(format!("nothing is due any more, and the run is {:?}", world.run.phase()));
    }
    is_written_as_it_was(events)
}

/// What is read from a journal is what was written to it.
fn is_written_as_it_was(events: &[Event]) -> Result<(), String> {
    let (mut chain, mut bytes) = (Chain::new(), Vec::new());
    for event in events {
        chain.append(0, event, &mut bytes);
    }
    let journal = journal::read(&bytes).map_err(|error| error.to_string())?;
    let is_same = journal.envelopes.iter().map(|envelope| &envelope.event).eq(events);
    if is_same { Ok(()) } else { Err("the journal holds other events".into()) }
}
