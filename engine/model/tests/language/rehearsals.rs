//! Rehearsals: what a whole one means, and what is found in broken ones.

use std::fmt::Write;
use std::time::Duration;

use firedrill_model::check::{self, Checked};
use firedrill_model::diagnostic::Diagnostic;
use firedrill_model::playbook::Playbook;
use firedrill_model::rehearsal::{
    self, ExpectedOutcome, ExpectedStep, ExpectedVerdict, Fault, FaultKind, Objectives, Rehearsal, Sandbox, Side,
    Strikes, SweptKind, Target,
};
use firedrill_model::source::Source;

const PLAYBOOK: &str = include_str!("valid.yaml");
const REHEARSAL: &str = include_str!("valid.rehearsal.yaml");

/// Returns the playbook that the rehearsals rehearse, under another name.
fn playbook(name: &str) -> Checked<Playbook> {
    let text = PLAYBOOK.replace("playbook: director-backup", &format!("playbook: {name}"));
    let (checked, diagnostics) = check::load(&Source::new("valid.yaml", text), None);
    assert_eq!(diagnostics, []);
    checked.expect("a sound playbook")
}

/// Returns a rehearsal with all that is found in it, its playbook's names included if it can be read.
fn load(source: &Source, stem: &str) -> (Option<Rehearsal>, Vec<Diagnostic>) {
    let (rehearsal, mut diagnostics) = rehearsal::load(source, Some(stem));
    if let Some(rehearsal) = &rehearsal {
        diagnostics.extend(rehearsal::check(rehearsal, &playbook(stem)));
    }
    (rehearsal, diagnostics)
}

fn valid() -> Rehearsal {
    let (rehearsal, diagnostics) = load(&Source::new("valid.rehearsal.yaml", REHEARSAL), "director-backup");
    assert_eq!(diagnostics, []);
    rehearsal.expect("a sound rehearsal")
}

/// Returns the codes that are found in a file.
fn codes(text: &str) -> Vec<&'static str> {
    let (rehearsal, diagnostics) = load(&Source::new("x", text), "x");
    assert!(rehearsal.is_some() || !diagnostics.is_empty(), "neither a rehearsal nor a fault: {text}");
    diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

#[test]
fn broken_rehearsals_are_understood_as_far_as_they_go() {
    insta::glob!("rehearsals", "*.yaml", |path| {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let source = Source::new("x", std::fs::read_to_string(path).expect("a text"));
        let (_, diagnostics) = load(&source, &stem);
        assert!(!diagnostics.is_empty(), "{stem} is not broken");
        let shown: String = diagnostics.iter().map(|diagnostic| show(&source, diagnostic)).collect();
        insta::assert_snapshot!(shown);
    });
}

/// Shows a fault with the text that it is about.
fn show(source: &Source, diagnostic: &Diagnostic) -> String {
    let (line, column) = source.line_column(diagnostic.span.start);
    let (code, message) = (diagnostic.code, &diagnostic.message);
    let mut shown = format!("{line}:{column} {code} {message}\n");
    let about = source.slice(diagnostic.span).lines().next().unwrap_or_default();
    let notes = diagnostic.notes.iter().map(|(span, note)| format!("{note}: {}", source.slice(*span)));
    let more = std::iter::once(format!("at: {about}")).chain(diagnostic.help.clone()).chain(notes);
    more.for_each(|more| writeln!(shown, "    {more}").expect("a text takes everything"));
    shown
}

fn command(target: Target, nth: u32, times: Option<u32>) -> Strikes {
    Strikes::Command { target, nth, times, wait: None }
}

#[test]
fn faults_mean_what_is_written() {
    let step = |step: &str, target: fn(String) -> Target| command(target(step.to_owned()), 1, Some(1));
    let guard = Target::StepGuard { step: "verify_artifact".to_owned(), guard: "space".to_owned() };
    let look = Target::Output { step: "backup".to_owned(), output: "artifact".to_owned() };
    let expected = [
        (command(Target::Attempt("backup".to_owned()), 1, Some(2)), FaultKind::Timeout),
        (command(Target::Guard("no_tasks".to_owned()), 1, None), FaultKind::DoesNotHold),
        (command(guard, 1, Some(1)), FaultKind::CouldNotTell),
        (step("close", Target::Verify), FaultKind::DoesNotHold),
        (command(Target::Cleanup("backup".to_owned()), 2, Some(1)), FaultKind::Exit(3)),
        (step("close", Target::Release), FaultKind::Killed),
        (command(look, 1, Some(1)), FaultKind::WrongOutput("/nowhere".to_owned())),
        (step("open", Target::Invariant), FaultKind::CouldNotTell),
        (step("notify", Target::Final), FaultKind::NotStarted),
        (Strikes::Record { number: 17, side: Side::Before }, FaultKind::Crash),
        (Strikes::Record { number: 18, side: Side::After }, FaultKind::Crash),
        (Strikes::Age(Duration::from_mins(10)), FaultKind::Cancel),
        (step("pre_check", Target::Attempt), FaultKind::LateFailure(1)),
        (step("backup", Target::Attempt), FaultKind::LostSupervisor),
    ];
    let rehearsal = valid();
    let found: Vec<&Fault> = rehearsal.scenarios[1].faults.iter().map(|fault| &fault.value).collect();
    let expected = expected.map(|(strikes, kind)| Fault { strikes, kind });
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
}

#[test]
fn expectations_mean_what_is_written() {
    let rehearsal = valid();
    let [plain, full] = [0, 1].map(|scenario| &rehearsal.scenarios[scenario].expect);
    let hours = |hours| Some(Duration::from_hours(hours));
    assert_eq!(plain.within, Objectives { rto: hours(4), rpo: hours(24) });
    assert_eq!(plain.unmet.as_ref().map(|unmet| unmet.value.len()), Some(0));
    assert_eq!(full.verdict.map(|verdict| verdict.value), Some(ExpectedVerdict::RolledBack));
    let backup = ExpectedStep {
        outcome: Some(ExpectedOutcome::InDoubt),
        attempts: Some(2),
        cleaned_up: Some(true),
        rolled_back: Some(false),
        released: None,
    };
    assert_eq!(full.steps["backup"].value, backup);
    assert_eq!(full.hold["close"].value, Duration::from_mins(12));
    assert_eq!(full.outputs["artifact"].value, "3");
    assert_eq!(
        full.open.as_ref().map(|open| open.value.join(" ")).as_deref(),
        Some("backup.cleanup close.release backup")
    );
    assert_eq!(full.world[0].value, ["sandbox", "check"]);
}

#[test]
fn the_rest_means_what_is_written() {
    let rehearsal = valid();
    assert_eq!(rehearsal.playbook.value, "director-backup");
    assert_eq!(rehearsal.check[1].value, ["test", "-d", "${{ sandbox.dir }}/artifacts"]);
    assert_eq!(rehearsal.inputs["artifact_root"].value.to_string(), "${{ sandbox.dir }}/artifacts");
    assert_eq!(
        rehearsal.scenarios[1].given[0].value,
        ["sandbox", "fault", "bbr.backup", "--exit", "1", "--times", "1"]
    );
    let swept = rehearsal.sweep.faults.expect("it is said").value;
    assert_eq!(swept.iter().map(|kind| kind.value).collect::<Vec<_>>(), [SweptKind::Exit, SweptKind::Timeout]);
    assert_eq!(rehearsal.sweep.depth.map(|depth| depth.value), Some(2));
}

#[test]
fn names_are_placed_where_they_stand() {
    let source = Source::new("valid.rehearsal.yaml", REHEARSAL);
    let rehearsal = valid();
    assert_eq!(source.slice(rehearsal.inputs["director"].span), "director");
    let expect = &rehearsal.scenarios[1].expect;
    assert_eq!(source.slice(expect.steps["backup"].span), "backup");
    assert_eq!(source.slice(expect.span.expect("it is said")), "expect");
}

#[test]
fn what_is_not_said() {
    let load = |sandbox: &str| {
        let text = format!("firedrill: 1\nrehearsal: x\nsandbox: {sandbox}\n");
        rehearsal::load(&Source::new("x", text), Some("x.rehearsal")).0.expect("a sound rehearsal")
    };
    let foundation = load("foundation");
    assert_eq!(foundation.check.iter().map(|check| check.value.join(" ")).collect::<Vec<_>>(), ["sandbox check"]);
    assert_eq!(foundation.sandbox.value, Sandbox::Foundation);
    assert!(foundation.scenarios.is_empty() && foundation.sweep.depth.is_none() && foundation.sweep.faults.is_none());
    let folder = load("./stand-ins");
    assert_eq!(folder.sandbox.value, Sandbox::Dir("./stand-ins".to_owned()));
    assert!(folder.check.is_empty() && load("none").check.is_empty());
    assert!(load("foundation\ncheck: []").check.is_empty());
    let replies = load("none\nscenarios: [{name: a, replies: [{command: bbr}]}]").scenarios.remove(0);
    let reply = &replies.replies[0].value;
    assert_eq!((reply.exit, reply.times, reply.takes), (0, None, Duration::ZERO));
    assert_eq!(replies.expect.span, None);
}

#[test]
fn a_rehearsal_of_another_playbook_is_refused() {
    let (rehearsal, _) = rehearsal::load(&Source::new("x", REHEARSAL), None);
    let found = rehearsal::check(&rehearsal.expect("a sound rehearsal"), &playbook("other"));
    assert_eq!(found.iter().map(|found| found.code.id()).collect::<Vec<_>>(), ["FD0113"]);
}

/// Every reading of a rehearsal must end, whatever it holds, and point into the file.
fn survive(text: String) {
    let source = Source::new("x", text);
    let (rehearsal, diagnostics) = load(&source, "director-backup");
    assert!(rehearsal.is_some() || !diagnostics.is_empty(), "neither a rehearsal nor a fault");
    for diagnostic in &diagnostics {
        assert!(diagnostic.span.range().end <= source.text.len(), "{diagnostic:?} lies outside");
    }
}

#[test]
fn aliases_share_their_faults() {
    let text = "firedrill: 1\nrehearsal: x\nsandbox: none\nscenarios:\n\
                \x20 - {name: a, faults: [&f {step: nowhere, fault: exit}, *f]}\n  - {name: b, faults: [*f]}\n";
    assert_eq!(codes(text), ["FD0302"]);
}

mod properties {
    use firedrill_model::rehearsal;
    use firedrill_model::source::Source;
    use proptest::prelude::*;

    use super::{REHEARSAL, survive};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text(text in "[a-z${}\\[\\]:,'\"|>&*!#%@?\\- \n]{0,200}") {
            survive(text + "\nx");
        }

        /// Parts of a valid rehearsal are cut out, repeated, and put where they do not belong.
        #[test]
        fn mutated_rehearsals(cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..40, any::<bool>()), 1..6)) {
            let mut text: Vec<char> = REHEARSAL.chars().collect();
            for (from, to, length, is_cut) in cuts {
                let from = from.index(text.len());
                let part: Vec<char> = text.iter().skip(from).take(length).copied().collect();
                if is_cut {
                    text.drain(from..from + part.len());
                }
                let to = to.index(text.len().max(1)).min(text.len());
                text.splice(to..to, part);
            }
            survive(text.into_iter().collect());
        }

        /// Values of a valid rehearsal change places: still YAML, but no longer what was meant.
        #[test]
        fn swapped_words(swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8)) {
            let mut words: Vec<&str> = REHEARSAL.split_inclusive([' ', ',', '}', ']', '\n']).collect();
            for (one, other) in swaps {
                let (one, other) = (one.index(words.len()), other.index(words.len()));
                words.swap(one, other);
            }
            let text = words.concat();
            if let (Some(loaded), diagnostics) = rehearsal::load(&Source::new("x", text.clone()), None) {
                prop_assert!(diagnostics.is_empty(), "a rehearsal with faults: {diagnostics:?}");
                prop_assert!(loaded.scenarios.iter().all(|scenario| !scenario.name.value.is_empty()));
            }
            survive(text);
        }
    }
}
