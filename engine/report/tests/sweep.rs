//! What an operator and a machine see of a sweep.

use firedrill_report::{Colour, Detail, SweepExtent, SweepFinding, SweepPoint, SweepReport, sweep_json, sweep_text};
use firedrill_run::Verdict;

fn point(what: &str, faults: Option<u32>, verdicts: &[Verdict], remains: &[(Verdict, &str)]) -> SweepPoint {
    let remains = remains.iter().map(|(verdict, left)| (*verdict, vec![(*left).to_owned()]));
    SweepPoint {
        what: what.into(),
        site: "copy.attempt".into(),
        kind: "fails",
        faults,
        verdicts: verdicts.to_vec(),
        remains: remains.collect(),
    }
}

fn finding(rule: &str, why: &str, story: &[&str]) -> SweepFinding {
    SweepFinding {
        rule: rule.into(),
        why: why.into(),
        hint: "let the hold last: name in `until` the last step whose failure should still be undone".into(),
        faults: 1,
        story: story.iter().map(|&sentence| sentence.to_owned()).collect(),
    }
}

fn report() -> SweepReport {
    let owed = (Verdict::Stuck, "the release of `block_api` (line 4) is owed");
    SweepReport {
        playbook: "tas-backup".into(),
        plan: "0123".into(),
        extent: SweepExtent { states: 4312, met: 4312, wanted: 1, complete: Some(1) },
        only: None,
        is_always_at_rest: true,
        points: vec![
            point("the attempt of `copy` (line 8) fails once", Some(1), &[Verdict::RolledBack], &[]),
            point(
                "the attempt of `switch` (line 12) exceeds its time limit",
                Some(1),
                &[Verdict::Succeeded, Verdict::Failed],
                &[(Verdict::Failed, "what `switch` (line 12) did is still there")],
            ),
            point("the release of `block_api` (line 4) fails for good", Some(1), &[Verdict::Stuck], &[owed]),
            point(
                "the release of `block_api` (line 4) has a text without a value",
                Some(2),
                &[Verdict::Stuck],
                &[owed],
            ),
            point("the rollback of `copy` (line 8) fails once", None, &[], &[]),
        ],
        without_fault: vec![Verdict::Succeeded],
        violations: Vec::new(),
        advice: Vec::new(),
    }
}

fn wrong() -> SweepReport {
    let story = ["`block_api` (line 4): attempt 1 succeeds", "the run is at rest: failed"];
    SweepReport {
        extent: SweepExtent { states: 20_000, met: 31_415, wanted: 2, complete: Some(0) },
        only: Some(vec!["exit", "crash"]),
        violations: vec![finding(
            "never \"block_api.holding\" (line 7 of tas-backup.rehearsal.yaml)",
            "`block_api` (line 4) is holding, the verdict is failed",
            &story,
        )],
        advice: vec![finding(
            "something runs inside every hold",
            "nothing runs inside the hold of `x` (line 2)",
            &story,
        )],
        ..report()
    }
}

fn told(report: &SweepReport, detail: Detail) -> String {
    sweep_text(report, detail, 90, Colour::Never)
}

#[test]
fn a_sweep_that_finds_nothing_says_what_a_human_may_meet() {
    insta::assert_snapshot!(told(&report(), Detail::Usual), @"
    tas-backup  4,312 states, complete to fault depth 1; every history ends at rest

      VERDICT      FAULTS  FOR EXAMPLE
      succeeded         1  without a fault
      rolled back       1  the attempt of `copy` (line 8) fails once
      failed            1  the attempt of `switch` (line 12) exceeds its time limit
      stuck             2  the release of `block_api` (line 4) fails for good

      1 of 5 fault points were not reached: they need other faults before them, or cannot
      strike. --depth 2 tries more of them.

    A human is needed (stuck)
      - the release of `block_api` (line 4) is owed
          when the release of `block_api` (line 4) fails for good
          when the release of `block_api` (line 4) has a text without a value

    Something is left (failed)
      - what `switch` (line 12) did is still there
          when the attempt of `switch` (line 12) exceeds its time limit

    Nothing is wrong.
    ");
}

#[test]
fn what_is_wrong_is_told_with_its_story_and_how_far_it_was_explored() {
    insta::assert_snapshot!(told(&wrong(), Detail::Usual), @r#"
    tas-backup  explored 20,000 of at least 31,415 states, complete to fault depth 0 of only exit, crash; every history that was followed to its end ends at rest

      VERDICT      FAULTS  FOR EXAMPLE
      succeeded         1  without a fault
      rolled back       1  the attempt of `copy` (line 8) fails once
      failed            1  the attempt of `switch` (line 12) exceeds its time limit
      stuck             2  the release of `block_api` (line 4) fails for good

    A human is needed (stuck)
      - the release of `block_api` (line 4) is owed
          when the release of `block_api` (line 4) fails for good
          when the release of `block_api` (line 4) has a text without a value

    Something is left (failed)
      - what `switch` (line 12) did is still there
          when the attempt of `switch` (line 12) exceeds its time limit

    Worth a look, if it is not meant
      1. nothing runs inside the hold of `x` (line 2)
         change: let the hold last: name in `until` the last step whose failure should still
                 be undone

    Wrong
      1. `block_api` (line 4) is holding, the verdict is failed
         against never "block_api.holding" (line 7 of tas-backup.rehearsal.yaml)
         1  `block_api` (line 4): attempt 1 succeeds
         2  the run is at rest: failed
         change: let the hold last: name in `until` the last step whose failure should still
                 be undone

    One thing is wrong.
    "#);
}

#[test]
fn everything_is_shown_if_asked_for() {
    insta::assert_snapshot!(told(&wrong(), Detail::Everything), @r#"
    tas-backup  explored 20,000 of at least 31,415 states, complete to fault depth 0 of only exit, crash; every history that was followed to its end ends at rest

      VERDICT      FAULTS  FOR EXAMPLE
      succeeded         1  without a fault
      rolled back       1  the attempt of `copy` (line 8) fails once
      failed            1  the attempt of `switch` (line 12) exceeds its time limit
      stuck             2  the release of `block_api` (line 4) fails for good

    A human is needed (stuck)
      - the release of `block_api` (line 4) is owed
          when the release of `block_api` (line 4) fails for good
          when the release of `block_api` (line 4) has a text without a value

    Something is left (failed)
      - what `switch` (line 12) did is still there
          when the attempt of `switch` (line 12) exceeds its time limit

    Every fault point
      - the attempt of `copy` (line 8) fails once: rolled back
      - the attempt of `switch` (line 12) exceeds its time limit: succeeded, failed
      - the release of `block_api` (line 4) fails for good: stuck
      - the release of `block_api` (line 4) has a text without a value: stuck (as fault 2)
      - the rollback of `copy` (line 8) fails once: not reached

    Worth a look, if it is not meant
      1. nothing runs inside the hold of `x` (line 2)
         1  `block_api` (line 4): attempt 1 succeeds
         2  the run is at rest: failed
         change: let the hold last: name in `until` the last step whose failure should still
                 be undone

    Wrong
      1. `block_api` (line 4) is holding, the verdict is failed
         against never "block_api.holding" (line 7 of tas-backup.rehearsal.yaml)
         1  `block_api` (line 4): attempt 1 succeeds
         2  the run is at rest: failed
         change: let the hold last: name in `until` the last step whose failure should still
                 be undone

    One thing is wrong.
    "#);
}

#[test]
fn a_budget_that_ends_at_once_promises_nothing() {
    let extent = SweepExtent { states: 5, met: 16, wanted: 1, complete: None };
    let told = told(&SweepReport { extent, ..report() }, Detail::Usual);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        (lines[0], lines[lines.len() - 1]),
        (
            "tas-backup  explored 5 of at least 16 states, not complete even without faults; every history that was \
             followed to its end ends at rest",
            "Nothing is wrong as far as it was explored: --budget explores more."
        )
    );
}

#[test]
fn machines_read_json() {
    let mut wrong = wrong();
    wrong.points.truncate(2);
    wrong.advice.clear();
    insta::assert_snapshot!(sweep_json(&wrong), @r#"
    {
      "version": 1,
      "playbook": "tas-backup",
      "plan": "0123",
      "level": "model",
      "extent": {
        "states": 20000,
        "states_met": 31415,
        "depth": 2,
        "complete_to": 0
      },
      "only_kinds": [
        "exit",
        "crash"
      ],
      "without_fault": [
        "succeeded"
      ],
      "points": [
        {
          "what": "the attempt of `copy` (line 8) fails once",
          "site": "copy.attempt",
          "kind": "fails",
          "faults": 1,
          "verdicts": [
            "rolled_back"
          ],
          "remains": []
        },
        {
          "what": "the attempt of `switch` (line 12) exceeds its time limit",
          "site": "copy.attempt",
          "kind": "fails",
          "faults": 1,
          "verdicts": [
            "succeeded",
            "failed"
          ],
          "remains": [
            {
              "verdict": "failed",
              "left": [
                "what `switch` (line 12) did is still there"
              ]
            }
          ]
        }
      ],
      "violations": [
        {
          "rule": "never \"block_api.holding\" (line 7 of tas-backup.rehearsal.yaml)",
          "why": "`block_api` (line 4) is holding, the verdict is failed",
          "hint": "let the hold last: name in `until` the last step whose failure should still be undone",
          "faults": 1,
          "story": [
            "`block_api` (line 4): attempt 1 succeeds",
            "the run is at rest: failed"
          ]
        }
      ],
      "advice": []
    }
    "#);
}
