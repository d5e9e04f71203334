//! The virtual clock: what a command finds when another one is ended half-way, again and again the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firedrill_exec::rehearsal::{EPOCH_MS, Rehearsed, Staging, rehearse};
use firedrill_exec::{About, Note, Provenance, RunDir, Sink};
use firedrill_foundation::World;
use firedrill_model::check;
use firedrill_model::plan::Plan;
use firedrill_model::resolve::{Facts, resolve};
use firedrill_model::source::Source;
use firedrill_run::injection::Injection;
use firedrill_run::journal::Envelope;
use firedrill_run::{Event, Exit, Run, Verdict};

use crate::rig::firedrill;

struct Quiet;

impl Sink for Quiet {
    fn event(&mut self, _: &Envelope, _: &Run) {}
    fn note(&mut self, _: &Note) {}
}

/// A rehearsal in a world of its own, which goes away with it.
pub(crate) struct Played {
    dir: tempfile::TempDir,
    rehearsed: Rehearsed,
}

fn plan(text: &str) -> Plan {
    let source = Source::from_bytes("test.yaml".to_owned(), text.as_bytes().to_vec()).unwrap();
    let (checked, findings) = check::load(&source, None);
    let checked = checked.unwrap_or_else(|| panic!("{findings:?}"));
    resolve(&source, &checked, &BTreeMap::new(), Facts::default()).unwrap()
}

pub(crate) fn play(text: &str, faults: &[&str]) -> Played {
    play_with(text, faults, &[])
}

fn play_with(text: &str, faults: &[&str], given: &[&[&str]]) -> Played {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("world");
    let world = World::create(&place, firedrill()).unwrap();
    let environment = world.environment().unwrap().into_iter().map(|(name, value)| (name.to_owned(), value));
    let plan =
        plan(&text.replace("KEY", &world.key().display().to_string()).replace("PLACE", &place.display().to_string()));
    let about = About {
        version: 1,
        run: "rehearsal".to_owned(),
        playbook: plan.playbook.clone(),
        plan: plan.digest(),
        created_ms: EPOCH_MS,
        dir: dir.path().to_owned(),
        provenance: Provenance { path: PathBuf::from("test.yaml"), commit: None, is_dirty: false },
        env: environment.chain([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]).collect(),
        sandbox: Some(place),
        drill: false,
        target: None,
        skips: BTreeMap::new(),
        by: None,
    };
    let run = RunDir::for_rehearsal(&dir.path().join("run"), &about, &plan).unwrap();
    let faults: Vec<Injection> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let given: Vec<Vec<String>> =
        given.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect();
    let staging = Staging {
        faults: &faults,
        replies: None,
        answers: &std::collections::BTreeMap::new(),
        decisions: &[],
        given: &given,
        world: &[],
        check: &[],
        watchdog: Duration::from_secs(20),
        probes_before: false,
    };
    let rehearsed = rehearse(&run, &staging, &mut Quiet).unwrap();
    Played { dir, rehearsed }
}

impl Played {
    pub(crate) fn verdict(&self) -> Verdict {
        self.rehearsed.end.as_ref().unwrap_or_else(|error| panic!("{error}")).0
    }

    /// Returns how a command ended, and the virtual second at which it did.
    pub(crate) fn end(&self, command: &str) -> (Exit, u64) {
        let mut ends = self.rehearsed.envelopes.iter().filter_map(|envelope| match &envelope.event {
            Event::Ended { command: ended, exit, .. } if ended.to_string() == command => {
                Some((exit.clone(), (envelope.at_ms - EPOCH_MS) / 1_000))
            }
            _ => None,
        });
        ends.next_back().unwrap_or_else(|| panic!("{command} has not ended"))
    }

    /// Returns whether a command was started.
    pub(crate) fn has_started(&self, command: &str) -> bool {
        let mut events = self.rehearsed.envelopes.iter().map(|envelope| &envelope.event);
        events.any(|event| matches!(event, Event::Started { command: started } if started.to_string() == command))
    }

    /// Returns what a command printed, on both streams.
    fn printed(&self, command: &str) -> String {
        let file = |kind: &str| self.dir.path().join(format!("run/out/{command}.{kind}"));
        [file("stdout"), file("stderr")].map(|file| std::fs::read_to_string(file).unwrap()).concat()
    }

    /// Returns the journal without what differs from place to place.
    fn journal(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("run/journal")).unwrap();
        let events = self.rehearsed.envelopes.iter().map(|envelope| format!("{} {:?}", envelope.at_ms, envelope.event));
        assert_eq!(text.lines().count(), self.rehearsed.envelopes.len());
        let events: Vec<String> = events.collect();
        normal(&events.join("\n"), self.dir.path())
    }
}

fn normal(text: &str, place: &Path) -> String {
    let text = text.replace(&place.display().to_string(), "PLACE");
    // The digest covers the place.
    text.lines().filter(|line| !line.contains("RunStarted")).collect::<Vec<_>>().join("\n")
}

/// A backup of more than 80 virtual seconds that is given 60, and somebody who looks after 20 and after 100.
const TOO_SHORT: &str = "
firedrill: 1
playbook: test
on_failure: stop
steps:
  - id: backup
    needs: []
    argv: [bbr, director, --host, 10.0.0.6, --username, bbr, --private-key-path, KEY, backup, --artifact-path, PLACE/artifacts]
    timeout: 60s
    cleanup: {argv: [sh, -c, 'sandbox show; false'], retry: {max_attempts: 1}}
    rollback: none
  - id: look
    needs: []
    read_only: true
    run: |
      sleep 20
      date -u +%FT%TZ
      sandbox show
";

#[test]
fn a_time_out_finds_the_lock_held_and_the_artifact_incomplete() {
    let played = play_with(TOO_SHORT, &[], &[&["sandbox", "pace", "bbr.backup", "80s"]]);
    assert_eq!(played.end("backup.attempt.1.1"), (Exit::TimedOut, 60), "{}", played.printed("backup.attempt.1.1"));
    assert_eq!(played.end("look.attempt.1.1"), (Exit::Code(0), 20));
    let during = played.printed("look.attempt.1.1");
    assert!(during.contains("2026-01-05T02:00:20Z"), "{during}");
    assert!(during.contains("lock        locked by"), "{during}");
    let after = played.printed("backup.cleanup.1.1");
    assert!(after.contains("lock        locked by") && after.contains("leftover    of"), "{after}");
    assert!(after.contains("Z unfinished"), "{after}");
    assert_eq!(played.verdict(), Verdict::Stuck);
}

#[test]
fn a_hundred_rehearsals_are_identical() {
    let first = play_with(TOO_SHORT, &[], &[&["sandbox", "pace", "bbr.backup", "80s"]]).journal();
    let rounds = if crate::rig::is_slow() { 99 } else { 9 };
    for _ in 0..rounds {
        assert_eq!(play_with(TOO_SHORT, &[], &[&["sandbox", "pace", "bbr.backup", "80s"]]).journal(), first);
    }
}

#[test]
fn hours_pass_in_a_moment() {
    let began = Instant::now();
    let played = play(
        "
firedrill: 1
playbook: test
steps:
  - {id: long, read_only: true, run: 'sleep 4h; date -u +%T'}
  - {id: pipe, read_only: true, run: '(sleep 1h; date -u +%T) | cat'}
",
        &[],
    );
    assert_eq!(played.verdict(), Verdict::Succeeded);
    assert_eq!(played.printed("long.attempt.1.1"), "06:00:00\n");
    assert_eq!(played.printed("pipe.attempt.1.1"), "07:00:00\n");
    assert_eq!(played.end("pipe.attempt.1.1").1, 5 * 3600);
    assert!(began.elapsed() < Duration::from_secs(20));
}

/// Two steps side by side that each want what the other has.
const DEADLOCK: &str = "
firedrill: 1
playbook: test
steps:
  - {id: one, needs: [], idempotent: true, run: 'exec 8>a; flock 8; sleep 10; exec 9>b; flock 9'}
  - {id: two, needs: [], idempotent: true, run: 'exec 8>b; flock 8; sleep 10; exec 9>a; flock 9'}
";

#[test]
fn a_deadlock_is_found_and_named() {
    let played = play(DEADLOCK, &[]);
    let error = played.rehearsed.end.expect_err("nobody can go on").to_string();
    assert!(error.contains("one.attempt.1.1 waits for a lock"), "{error}");
    assert!(error.contains("two.attempt.1.1 waits for a lock"), "{error}");
}

#[test]
fn a_command_says_how_long_it_took() {
    let played = play(
        "
firedrill: 1
playbook: test
steps:
  - {id: fast, read_only: true, run: 'echo 10m >> \"$FIREDRILL_TOOK\"; echo 5m copying >> \"$FIREDRILL_TOOK\"'}
  - {id: late, read_only: true, timeout: 5m, run: 'echo 10m >> \"$FIREDRILL_TOOK\"'}
",
        &[],
    );
    assert_eq!(played.end("fast.attempt.1.1"), (Exit::Code(0), 900));
    assert_eq!(played.end("late.attempt.1.1"), (Exit::TimedOut, 1200));
}

/// One step that leaves a trace of each of its commands.
const TRACES: &str = "
firedrill: 1
playbook: test
steps:
  - id: work
    run: 'echo work >> trace; sleep 30; echo done >> trace; echo 7'
    timeout: 1m
    idempotent: true
    retry: {max_attempts: 2, delay: 1m}
    outputs: {number: {from: stdout, type: integer}}
    cleanup: {run: 'echo clean >> trace'}
    rollback: {run: 'echo back >> trace'}
  - {id: after, read_only: true, run: 'grep -q done trace'}
";

#[track_caller]
fn traces(faults: &[&str], verdict: Verdict, expected: &[&str]) -> Played {
    let played = play(TRACES, faults);
    let trace = std::fs::read_to_string(played.dir.path().join("trace")).unwrap_or_default();
    assert_eq!((played.verdict(), trace.lines().collect::<Vec<_>>()), (verdict, expected.to_vec()));
    assert_eq!(played.rehearsed.unused, []);
    played
}

#[test]
fn faults_strike_as_they_are_meant_to() {
    let done = Verdict::Succeeded;
    traces(&[], done, &["work", "done"]);
    traces(&["work:exit=3"], done, &["clean", "work", "done"]);
    traces(&["work:late_failure"], done, &["work", "done", "clean", "work", "done"]);
    traces(&["work:timeout"], done, &["work", "clean", "work", "done"]);
    traces(&["work:killed"], done, &["work", "clean", "work", "done"]);
    traces(&["work:wrong_output"], done, &["work", "done", "clean", "work", "done"]);
    traces(&["work:not_started"], done, &["work", "done"]);
    traces(&["work:exit#1x*"], Verdict::RolledBack, &["clean", "clean"]);
    traces(&["work:crash"], done, &["work", "done"]);
    traces(&["work:lost_supervisor"], done, &["work", "done", "clean", "work", "done"]);
    traces(&["after:exit#1x*"], Verdict::RolledBack, &["work", "done", "back"]);
    traces(&["work:cancel"], Verdict::Cancelled, &["work", "clean"]);
    traces(&["age=10s:cancel"], Verdict::Cancelled, &["work", "clean"]);
    traces(&["age=10s:crash"], done, &["work", "done"]);
}

#[test]
fn the_engine_crashes_before_and_after_each_record() {
    let records = u64::try_from(play(TRACES, &[]).rehearsed.envelopes.len()).unwrap();
    assert!(records > 6);
    for number in 1..=records {
        for side in ["before", "after"] {
            let fault = format!("record={number}:crash_{side}");
            traces(&[&fault], Verdict::Succeeded, &["work", "done"]);
        }
    }
}

#[test]
fn a_cancel_ends_what_was_just_about_to_start() {
    let played = play(
        "
firedrill: 1
playbook: test
steps:
  - {id: one, needs: [], idempotent: true, argv: [/bin/true]}
  - {id: two, needs: [], idempotent: true, run: sleep 1h}
",
        &["one:cancel"],
    );
    assert_eq!(played.verdict(), Verdict::Cancelled);
    assert_eq!(played.end("two.attempt.1.1"), (Exit::Cancelled, 0));
}
