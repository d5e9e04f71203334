//! What an operator sees of a run, from the first line to the last block.

use std::collections::BTreeMap;
use std::sync::Arc;

use firedrill_model::plan::{OnUnmet, Plan};
use firedrill_report::{AtRest, Colour, Console, Purpose, Tail, View, Zone, ending};
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, DebtKind, Done, Event, Exit, Run, Verdict};
use firedrill_sim::{Script, sketch};

/// 2026-11-22 03:03:11 UTC.
const NIGHT: u64 = 1_795_316_591_000;
const RUN: &str = "nightly-1";

/// Plays a plan and returns everything that is shown of it.
///
/// `faults` is a list of `COMMAND END` separated by commas; an end is an exit code, `timeout`, `lost` or `missing`.
fn told(plan: Plan, faults: &str) -> String {
    let plan = Arc::new(plan);
    let played = Script::new().faults(faults).play(Arc::clone(&plan)).expect("a legal history");
    without_digest(&shown(&plan, &recorded(played.events)), &plan)
}

/// The digest says nothing here, and changes with everything that a plan may hold.
fn without_digest(text: &str, plan: &Plan) -> String {
    text.replace(&plan.digest()[..12], "DIGEST")
}

/// Records events as if every command had taken 31 seconds.
fn recorded(events: Vec<Event>) -> Vec<Envelope> {
    let mut at_ms = NIGHT;
    let events = events.into_iter().enumerate().map(|(at, event)| {
        let event = match event {
            Event::RunStarted { plan, .. } => {
                Event::RunStarted { run: RUN.into(), plan, by: None, skips: BTreeMap::new() }
            }
            Event::Ended { command, exit, .. } => Event::Ended { command, exit, ms: 31_400 },
            other => other,
        };
        at_ms += if matches!(event, Event::Ended { .. }) { 31_400 } else { 12 };
        Envelope { sequence: at as u64 + 1, at_ms, event }
    });
    events.collect()
}

fn shown(plan: &Arc<Plan>, envelopes: &[Envelope]) -> String {
    let console = Console::new(plan, Colour::Never, Zone::UTC, 100);
    let mut view = View::new(Arc::clone(plan));
    let mut text = console.opening(plan, RUN, Purpose::Work);
    for envelope in envelopes {
        let changes = view.apply(envelope).expect("a legal history");
        text += &console.lines(&view, envelope.at_ms, &changes, &printed);
    }
    let is_good = view.verdict() == Some(Verdict::Succeeded);
    let artifact = is_good.then(|| ("artifact".to_owned(), "/var/backups/director/20261122T030311Z".to_owned()));
    let outputs = artifact.into_iter().collect();
    text + &ending(&view, AtRest { outputs: &outputs, measures: None }, 100, Colour::Never)
}

/// Only scripts of backup have something to say.
fn printed(command: &CommandId) -> Tail {
    let text: &[u8] = match command.step().map(firedrill_run::StepId::as_str) {
        Some("backup") => {
            b"cut\nbacking up 10%\rbacking up 90%\r\n\x1b[31mError:\x1b[0m lock failed on director/0\x1b]0;pwned\x07\n"
        }
        _ => b"",
    };
    Tail::of(text, true)
}

fn nightly(steps: &str) -> Plan {
    let mut plan = sketch(steps);
    plan.playbook = "director-backup".into();
    plan.title = Some("Back up the BOSH director".into());
    for step in &mut plan.steps {
        step.title = (step.id == "backup").then(|| "Back up the director with bbr".into());
    }
    for guard in &mut plan.guards {
        guard.message = Some("Ops Manager has pending changes; apply or revert them first.".into());
        guard.why = Some("A half-applied change would be backed up as if it were whole.".into());
    }
    for invariant in &mut plan.invariants {
        invariant.message = Some("The director must answer again.".into());
    }
    plan
}

#[test]
fn success() {
    let plan = nightly(
        "@guard no_pending_changes\n@guard one_director\n@invariant director_up\n@finally notify\nlock ^backup\nbackup lock !none ?\nold off\ncheck backup ro",
    );
    insta::assert_snapshot!(told(plan, ""));
}

#[test]
fn retry_with_cleanup() {
    insta::assert_snapshot!(told(nightly("lock ^\nbackup lock x2 ~\ncheck backup ro"), "backup.attempt.1.1 1"));
}

#[test]
fn rolled_back() {
    let plan =
        nightly("@invariant director_up\n@finally notify\nfreeze !\nlock freeze ^\nbackup lock x2 ~\ncheck backup ro");
    insta::assert_snapshot!(told(plan, "backup.attempt.1.1 1, backup.attempt.2.1 timeout, @.finally-notify.1.1 7"));
}

#[test]
fn failed_and_left_behind() {
    insta::assert_snapshot!(told(nightly("@stop\nprepare\nbackup prepare"), "backup.attempt.1.1 missing"));
}

#[test]
fn stuck_with_what_to_type() {
    let faults = "backup.attempt.1.1 1, backup.cleanup.1.1 1, backup.cleanup.1.2 1, backup.cleanup.1.3 1, @.invariant-director_up.1.1 1";
    let plan = nightly("@invariant director_up\nfreeze !\nlock freeze ^\nbackup lock x2 ~ !");
    insta::assert_snapshot!(told(plan, faults));
}

#[test]
fn refused_by_two_guards() {
    let plan = nightly("@guard no_pending_changes\n@guard one_director\n@guard enough_space\nbackup");
    insta::assert_snapshot!(told(plan, "@.guard-no_pending_changes.1.1 1, @.guard-enough_space.1.1 64"));
}

/// The first of six guards is slow, and one may say no.
fn of_many_guards(faults: &str) -> String {
    let guards: String = ["one", "two", "three", "four", "five", "six"].map(|id| format!("@guard {id}\n")).concat();
    let plan = Arc::new(sketch(&format!("{guards}first ro\nbackup first")));
    let played = Script::new().faults(faults).play(Arc::clone(&plan)).expect("a legal history");
    let mut envelopes = recorded(played.events);
    for envelope in &mut envelopes {
        if let Event::Ended { command, ms, .. } = &mut envelope.event
            && command.to_string() != "@.guard-one.1.1"
        {
            *ms = 12;
        }
    }
    without_digest(&shown(&plan, &envelopes), &plan)
}

#[test]
fn many_guards_that_hold() {
    insta::assert_snapshot!(of_many_guards(""));
}

#[test]
fn many_guards_of_which_one_does_not_hold() {
    insta::assert_snapshot!(of_many_guards("@.guard-five.1.1 1"));
}

#[test]
fn skipped_by_a_guard() {
    let mut plan = nightly("@guard not_done_today\nbackup");
    plan.guards[0].on_unmet = OnUnmet::Skip;
    insta::assert_snapshot!(told(plan, "@.guard-not_done_today.1.1 1"));
}

#[test]
fn in_doubt() {
    insta::assert_snapshot!(told(nightly("lock ^\nbackup lock\ncheck backup ro"), "backup.attempt.1.1 lost"));
}

#[test]
fn in_doubt_and_settled_by_a_human() {
    let plan = Arc::new(nightly("lock ^\nbackup lock\ncheck backup ro"));
    let script = Script::new().exit("backup.attempt.1.1", Exit::Lost);
    let mut events = script.play(Arc::clone(&plan)).expect("a legal history").events;
    events.push(Event::Settled {
        step: "backup".into(),
        debt: None,
        done: Done::Done,
        outputs: BTreeMap::new(),
        by: "kim".into(),
        note: "the archive is on the jumpbox".into(),
    });
    events.push(Event::EngineStarted { boot: String::new(), engine: String::new() });
    let mut run = Run::replay(Arc::clone(&plan), &events).expect("a legal history");
    assert!(run.apply(&Event::CancelRequested).is_ok());
    events.push(Event::CancelRequested);
    insta::assert_snapshot!(without_digest(&shown(&plan, &recorded(events)), &plan));
}

#[test]
fn colours_are_only_used_when_asked_for() {
    let plan = Arc::new(nightly("freeze !\nbackup freeze"));
    let played = Script::new().exit("backup.attempt.1.1", Exit::Code(1)).play(Arc::clone(&plan)).expect("legal");
    let envelopes = recorded(played.events);
    let console = Console::new(&plan, Colour::Always, Zone::UTC, 100);
    let mut view = View::new(Arc::clone(&plan));
    let mut text = console.opening(&plan, RUN, Purpose::Work);
    for envelope in &envelopes {
        let changes = view.apply(envelope).expect("a legal history");
        text += &console.lines(&view, envelope.at_ms, &changes, &printed);
    }
    text += &ending(&view, AtRest { outputs: &BTreeMap::new(), measures: None }, 100, Colour::Always);
    assert!(text.contains("\u{1b}[32m"));
    assert!(!text.contains("pwned"), "what a command printed reaches the terminal as it is");
    let bare = firedrill_report::harmless(&text);
    assert_eq!(bare, shown(&plan, &envelopes));
}

#[test]
fn a_view_knows_what_is_owed_and_said() {
    let plan = Arc::new(nightly("lock ^\nbackup lock x2 ~"));
    let faults = ["backup.cleanup.1.1", "backup.cleanup.1.2", "backup.cleanup.1.3", "backup.attempt.1.1"];
    let script = faults.iter().fold(Script::new(), |script, command| script.exit(command, Exit::Code(3)));
    let mut events = script.play(Arc::clone(&plan)).expect("a legal history").events;
    events.push(Event::Settled {
        step: "backup".into(),
        debt: Some(DebtKind::Cleanup),
        done: Done::Done,
        outputs: BTreeMap::new(),
        by: "kim".into(),
        note: "by hand".into(),
    });
    let view = View::fold(plan, &recorded(events)).expect("a legal history");
    assert_eq!(view.words()[0].by, "kim");
    assert_eq!(view.reason("backup"), Some("exit code 3"));
    assert_eq!(view.step(1).status.words(), "failed");
    assert_eq!(view.step(1).executions.len(), 4);
}
