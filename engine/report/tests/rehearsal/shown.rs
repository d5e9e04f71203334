//! What an operator sees of rehearsals and sweeps.

use std::time::Duration;

use firedrill_report::rehearsal::{
    Finding, Killer, Mutant, Page, Performed, Signs, Swept, count_text, coverage, mutants_text, rehearsed_text,
    swept_text,
};
use firedrill_report::{Colour, harmless};

use crate::rehearsed::{page, played, rehearsal, swept};

const STEPS: &str = "@guard quiet\n@invariant open\nlock ^ !none\nbackup lock x2 ~ ? !none\ncheck backup ro";

fn sweep() -> Swept {
    let mut swept = swept(
        STEPS,
        "@.guard-quiet:does_not_hold / @.guard-quiet.1.1 1
         @.guard-quiet:could_not_tell / @.guard-quiet.1.1 7
         lock:exit / lock.attempt.1.1 1
         lock:killed / lock.attempt.1.1 1
         lock:lost_supervisor / lock.attempt.1.1 lost
         lock:late_failure / lock.attempt.1.1 1, @.invariant-open.1.1 1
         lock.release:exit / lock.release.1.1 1
         lock.release:timeout#1x3 / lock.release.1.1 timeout, lock.release.1.2 timeout, lock.release.1.3 timeout
         backup:exit / backup.attempt.1.1 1
         backup:timeout / backup.attempt.1.1 timeout, backup.verify.1.1 1, backup.cleanup.1.1 1
         backup:late_failure / backup.attempt.1.1 1, backup.attempt.2.1 1
         backup:wrong_output
         backup:exit#2 / backup.attempt.1.1 1, backup.attempt.2.1 1
         backup.verify:does_not_hold / backup.verify.1.1 1
         backup.cleanup:killed
         check:exit check:exit#2 / check.attempt.1.1 1
         record=17:crash_before
         age=600000ms:cancel",
    );
    let hurt =
        swept.struck.iter_mut().find(|struck| struck.fault() == "backup.attempt:wrong_output").expect("it is there");
    hurt.why.push(Finding { text: "in the world afterwards, `artifact-is-whole` exited with 1".into(), line: None });
    for never in swept.struck.iter_mut().filter(|struck| struck.fault() == "backup.cleanup:killed") {
        never.has_struck = false;
    }
    swept
}

fn mutants() -> Vec<Mutant> {
    let mutant = |what: &str, line, killed_by| Mutant { what: what.into(), line: Some(line), killed_by };
    vec![
        mutant("without the release of `lock`", 4, Some(Killer::Scenario("the backup hangs".into()))),
        mutant("without the cleanup of `backup`", 5, Some(Killer::Fault("backup.attempt:timeout".into()))),
        mutant("without the verify of `backup`", 5, None),
        mutant("without guard `quiet`", 1, Some(Killer::Model("a step is never in doubt".into()))),
        mutant("without guard `idle`", 2, Some(Killer::Injected("somebody else is at work".into()))),
    ]
}

fn with_coverage() -> String {
    let mut rehearsal = rehearsal();
    let told = played(STEPS, "backup.attempt.1.1 1");
    rehearsal.coverage = coverage(&told.plan, [told.envelopes.as_slice()]).ok();
    rehearsed_text(&rehearsal, page(100))
}

/// Returns everything that is shown, for terminals of one kind.
fn everything(page: Page) -> String {
    let rehearsal = rehearsal();
    let count = count_text(std::slice::from_ref(&rehearsal), Duration::from_millis(4_100), page);
    [rehearsed_text(&rehearsal, page), count, swept_text(&sweep(), page), mutants_text(&mutants(), page)].join("\n")
}

#[test]
fn on_a_narrow_terminal() {
    insta::assert_snapshot!(everything(page(80)));
}

#[test]
fn on_a_wide_terminal() {
    insta::assert_snapshot!(everything(page(120)));
}

#[test]
fn with_what_was_never_exercised() {
    insta::assert_snapshot!(with_coverage());
}

#[test]
fn in_colour() {
    let text = everything(Page { colour: Colour::Always, ..page(80) });
    insta::assert_snapshot!(text.replace('\u{1b}', "^"));
}

#[test]
fn colours_change_no_text() {
    for columns in [40, 80, 120] {
        let coloured = everything(Page { colour: Colour::Always, ..page(columns) });
        assert_eq!(harmless(&coloured), everything(page(columns)));
    }
}

#[test]
fn red_scenarios_among_many_are_named_again_at_the_end() {
    let few = rehearsal();
    let count = |all: &[_]| count_text(all, Duration::from_secs(9), page(80));
    assert_eq!(count(std::slice::from_ref(&few)).lines().count(), 1);
    let mut many = few.clone();
    many.scenarios = few.scenarios.iter().cycle().take(4 * few.scenarios.len()).cloned().collect();
    insta::assert_snapshot!(count(&[many.clone(), few]));
    many.scenarios.retain(Performed::is_green);
    many.scenarios = many.scenarios.iter().cycle().take(20).cloned().collect();
    assert_eq!(count(&[many]).lines().count(), 1);
}

#[test]
fn a_terminal_without_signs_gets_none() {
    let text = everything(Page { signs: Signs::Ascii, ..page(80) });
    assert!(text.is_ascii(), "{text}");
}

/// A word of what can be typed is never broken.
#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [60, 80, 100, 120] {
        let text = everything(page(columns));
        let wide: Vec<&str> = text
            .lines()
            .filter(|line| line.chars().count() > columns && !line.trim_start().starts_with('\''))
            .collect();
        assert_eq!(wide, [""; 0], "{columns}");
    }
}

#[test]
fn a_sweep_is_green_if_every_point_was_struck_and_ended_safe() {
    let good = swept("a !none", "a:exit / a.attempt.1.1 1");
    assert!(good.is_green());
    assert!(!Swept { counted: 2, ..good.clone() }.is_green());
    assert!(Swept { counted: 2, elsewhere: 1, ..good.clone() }.is_green());
    assert!(!sweep().is_green());
    assert_eq!((sweep().struck(), sweep().safe()), (17, 16));
    let suspicious = swept("a !none\nb a !none", "a:late_failure / b.attempt.1.1 1");
    assert_eq!((suspicious.safe(), suspicious.findings().len(), suspicious.is_green()), (1, 1, false));
}
