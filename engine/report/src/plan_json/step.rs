//! The public form of a step.

use std::collections::BTreeMap;

use firedrill_model::plan::{self, OnUnmet, Rollback};
use schemars::JsonSchema;
use serde::Serialize;

use super::command::{Command, Condition, Hook, Probe, Retry};
use super::group::Block;
use super::names;
use crate::words::milliseconds;

/// A condition that must hold before anything is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Guard {
    /// Its id.
    id: String,
    /// How it is asked.
    probe: Probe,
    /// What the operator is told when it is unmet.
    message: Option<String>,
    /// Why it is there.
    why: Option<String>,
    /// What happens when it is unmet: `abort` or `skip`.
    on_unmet: &'static str,
}

/// A step.
#[derive(Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "three independent keys of the language")]
pub(super) struct Step {
    /// Its id.
    id: String,
    /// One line for people.
    title: Option<String>,
    /// Why it is there.
    why: Option<String>,
    /// What to be careful about.
    caution: Option<String>,
    /// The part of the work to which it belongs.
    phase: Option<String>,
    /// How long one attempt usually takes, in milliseconds.
    typical_ms: Option<u64>,
    /// Ids of the steps it needs.
    needs: Vec<String>,
    /// Milestones that must have been reached before, as `STEP.NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
    /// Its milestones: regexes for lines that an attempt prints, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    milestones: BTreeMap<String, String>,
    /// Runs only if this holds.
    when: Option<Condition>,
    /// Asked one after the other just before the first attempt.
    guards: Vec<Guard>,
    /// The group it belongs to.
    group: Option<String>,
    /// What its final failure does: `rollback`, `stop`, `ask` or `continue`.
    on_failure: &'static str,
    /// What it says of its members, if it is a group.
    block: Option<Block>,
    /// The attempt itself; none of a group.
    command: Option<Command>,
    /// How often it is tried.
    retry: Retry,
    /// How long its guards, attempts, verifies and the waits between them may take in all, in milliseconds.
    deadline_ms: Option<u64>,
    /// What a cancel does to a running attempt: `stop` or `finish`.
    on_cancel: &'static str,
    /// What becomes of an attempt in doubt that nothing makes harmless: `ask`, `rerun` or `fail`.
    in_doubt: &'static str,
    /// What becomes of a running attempt whose engine is gone: `adopt` or `kill`.
    on_engine_death: &'static str,
    /// How long an attempt has from TERM to KILL, in milliseconds.
    stop_grace_ms: u64,
    /// Changes nothing.
    read_only: bool,
    /// May be repeated without harm.
    idempotent: bool,
    /// The point of no return.
    irreversible: bool,
    /// Commands whose output is an output of the step, by the output's name.
    looks: BTreeMap<String, Command>,
    /// Asked after a successful attempt and to settle a doubt.
    verify: Option<Probe>,
    /// Makes a failed attempt harmless.
    cleanup: Option<Hook>,
    /// Undoes the effect.
    rollback: Option<Hook>,
    /// Whether the playbook says that there is nothing to undo.
    is_nothing_to_roll_back: bool,
    /// Gives back what was taken.
    release: Option<Release>,
}

/// What gives back what a step took, and when.
#[derive(Serialize, JsonSchema)]
pub(super) struct Release {
    /// The hook.
    hook: Hook,
    /// Due when all of these steps have settled and these milestones, as `STEP.NAME`, are reached; when every step has
    /// settled, if empty.
    until: Vec<String>,
    /// The steps inside the hold.
    hold: Vec<String>,
}

fn until(steps: &[plan::Step], release: &plan::Release) -> Vec<String> {
    let reached = release.until_reached.iter().map(|signal| plan::signal_name(steps, *signal));
    names(steps, &release.until).into_iter().chain(reached).collect()
}

impl Guard {
    pub(super) fn of(guard: &plan::Guard) -> Guard {
        Guard {
            id: guard.id.clone(),
            probe: Probe::of(&guard.probe),
            message: guard.message.clone(),
            why: guard.why.clone(),
            on_unmet: match guard.on_unmet {
                OnUnmet::Abort => "abort",
                OnUnmet::Skip => "skip",
            },
        }
    }
}

impl Step {
    pub(super) fn of(steps: &[plan::Step], step: &plan::Step) -> Step {
        Step {
            id: step.id.clone(),
            title: step.title.clone(),
            why: step.why.clone(),
            caution: step.caution.clone(),
            phase: step.phase.clone(),
            typical_ms: step.typical.map(milliseconds),
            needs: names(steps, &step.needs),
            after: step.after.iter().map(|signal| plan::signal_name(steps, *signal)).collect(),
            milestones: step.milestones.iter().map(|it| (it.name.clone(), it.pattern.clone())).collect(),
            when: step.when.as_ref().map(Condition::of),
            guards: step.guards.iter().map(Guard::of).collect(),
            group: step.group.map(|group| steps[group].id.clone()),
            block: step.as_group().map(Block::of),
            on_failure: step.on_failure.word(),
            command: step.command().map(Command::of),
            retry: Retry::of(&step.retry),
            deadline_ms: step.deadline.map(milliseconds),
            on_cancel: step.conduct.on_cancel.word(),
            in_doubt: step.conduct.in_doubt.word(),
            on_engine_death: step.conduct.on_engine_death.word(),
            stop_grace_ms: milliseconds(step.conduct.stop_grace),
            read_only: step.effect.read_only,
            idempotent: step.effect.idempotent,
            irreversible: step.effect.irreversible,
            looks: step.looks.iter().map(|look| (look.name.clone(), Command::of(&look.command))).collect(),
            verify: step.verify.as_ref().map(Probe::of),
            cleanup: step.cleanup.as_ref().map(Hook::of),
            rollback: step.rollback_hook().map(Hook::of),
            is_nothing_to_roll_back: step.rollback == Rollback::Nothing,
            release: step.release.as_ref().map(|release| Release {
                hook: Hook::of(&release.hook),
                until: until(steps, release),
                hold: names(steps, &release.hold),
            }),
        }
    }
}
