//! What the tables share: a sketch played to its end, compared with what was started.
#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;

use firedrill_run::{Event, Run};
use firedrill_sim::{Played, Script, sketch};

/// Plays a sketch with the bad ends given and compares what was started, in order, and the verdict.
///
/// `faults` is a list of `COMMAND END` separated by commas; an end is an exit code, `timeout` or `lost`.
#[track_caller]
pub fn check(plan: &str, faults: &str, expected: &str) {
    let played = play(plan, faults);
    let trace = trace(&played);
    assert_eq!(trace, expected.split_whitespace().collect::<Vec<_>>().join(" "), "\nplan:\n{plan}");
}

#[track_caller]
pub fn play(plan: &str, faults: &str) -> Played {
    let played = Script::new().faults(faults).play(Arc::new(sketch(plan))).expect("a legal history");
    every_prefix_replays(&played);
    played
}

pub fn trace(played: &Played) -> String {
    let started = played.events.iter().filter_map(|event| match event {
        Event::Started { command } => Some(command.to_string()),
        _ => None,
    });
    let verdict = played.run.verdict().map_or("unfinished".to_owned(), |verdict| format!("= {verdict}"));
    started.chain([verdict]).collect::<Vec<_>>().join(" ")
}

fn every_prefix_replays(played: &Played) {
    let plan = Arc::clone(played.run.plan());
    let mut run = Run::new(Arc::clone(&plan));
    for (at, event) in played.events.iter().enumerate() {
        run.apply(event).expect("a legal history");
        let replayed = Run::replay(Arc::clone(&plan), &played.events[..=at]).expect("a prefix");
        assert_eq!(run.state(), replayed.state(), "prefix {at} replays differently");
    }
}
