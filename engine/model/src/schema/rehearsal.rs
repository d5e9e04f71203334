//! What each key of a rehearsal is.

use super::form::Form::{
    Amount, AnyText, ByPath, Commands, Count, Duration, Exit, Fault, Faults, Flag, Kebab, Many, NamedData,
    NamedDurations, NamedScalars, NamedWordOr, Names, One, OneOf, Sandbox, Text, Times, Version,
};
use super::{Key, form, key};
use crate::decode::Block;

const REHEARSAL: &[Key] = &[
    key("firedrill", Version, "The version of the language."),
    key("rehearsal", Kebab, "The playbook that is rehearsed."),
    key(
        "sandbox",
        Sandbox,
        "Where the commands run: foundation, none, or a folder of stand-ins beside the file, written ./NAME.",
    ),
    key("inputs", NamedData, "Inputs of every scenario, by name."),
    key("last", NamedScalars, "What `last` names: the outputs of the run before, by name; none if not given."),
    key("check", Commands, "Commands that look after the world when a scenario has ended."),
    key("scenarios", form::Form::Some(Block::Scenario), "The situations in which the playbook is played."),
    key("sweep", One(Block::Sweep), "How the playbook is swept."),
];

const SCENARIO: &[Key] = &[
    key("name", Text, "The situation, in one line."),
    key("inputs", NamedData, "Inputs of this scenario, by name."),
    key("last", NamedScalars, "The outputs of the run before, instead of those of the file."),
    key("given", Commands, "Commands that prepare the world."),
    key("faults", Many(Block::Fault), "What goes wrong."),
    key(
        "answers",
        NamedWordOr(Block::Answer, &["approved", "declined", "done", "failed"]),
        "What people answer, by the step that asks, or STEP.cleanup, STEP.rollback, STEP.release.",
    ),
    key("decisions", Many(Block::Decision), "What people decide when the run has stopped because it needs them."),
    key("replies", Many(Block::Reply), "What commands answer where there are no stand-ins."),
    key("expect", One(Block::Expectation), "What must become of it."),
];

const FAULT_KEYS: &[Key] = &[
    key("step", AnyText, "The step that is struck."),
    key(
        "hook",
        OneOf(&["verify", "cleanup", "rollback", "release"]),
        "Which of the step's hooks is struck instead of its attempts.",
    ),
    key("guard", AnyText, "The guard that is struck: of the step, or of the playbook if no step is named."),
    key("output", AnyText, "The output of the step whose look is struck."),
    key("invariant", AnyText, "The invariant that is struck."),
    key("finally", AnyText, "The step of `finally` that is struck."),
    key("record", Count, "The record of the journal at which it strikes."),
    key("side", OneOf(&["before", "after"]), "On which side of the record it strikes."),
    key("after", Duration, "The age of the run at which it strikes."),
    key("fault", Fault, "What goes wrong."),
    key("exit", Exit, "The exit code of a command that fails."),
    key("stdout", AnyText, "What is printed instead."),
    key("nth", Count, "At which start it strikes first."),
    key("wait", Count, "At which of the times at which the command waits it strikes."),
    key("times", Times, "How often it strikes; `always` for every time."),
];

const ANSWER: &[Key] = &[
    key("answer", OneOf(&["approved", "declined", "done", "failed"]), "What they say; yes if not given."),
    key("outputs", NamedData, "The values that they are asked for, by name."),
    key("after", Duration, "How long they take, in virtual time; no time at all if not given."),
    key("by", Names, "Who answers; as many as it takes if not given."),
];

const DECISION: &[Key] = &[
    key("step", AnyText, "The step that has failed or is in doubt."),
    key("hook", OneOf(&["cleanup", "rollback", "release"]), "What is settled, if it is not the step itself."),
    key("decide", OneOf(&["retry", "done", "rollback", "stop"]), "What the failure of the step means."),
    key("settle", OneOf(&["done", "not_done"]), "Whether it was done."),
    key("rollback", OneOf(&["run"]), "That everything that the run did is undone."),
    key("outputs", NamedData, "The outputs of a step that is done, by name."),
    key("after", Duration, "How long they take, in virtual time; no time at all if not given."),
    key("by", Text, "Who decides."),
];

const REPLY: &[Key] = &[
    key("command", Text, "A regex over the command line."),
    key("exit", Exit, "The exit code; 0 if not given."),
    key("stdout", AnyText, "What is printed to standard output."),
    key("stderr", AnyText, "What is printed to standard error."),
    key("takes", Duration, "How long it takes, in virtual time."),
    key("times", Times, "How often it answers; always if not given."),
];

const EXPECTATION: &[Key] = &[
    key(
        "verdict",
        OneOf(&["succeeded", "skipped", "refused", "rolled_back", "rolled back", "failed", "cancelled", "stuck"]),
        "How the run must end.",
    ),
    key("within", One(Block::Within), "Times that the run must not exceed."),
    key("steps", ByPath(Block::ExpectedStep), "What must become of steps, by id; `group/member`, `step[item]`."),
    key("hold", NamedDurations, "How long something may be held at most, by the step that took it."),
    key("unmet", Names, "The guards that must be unmet."),
    key("invariants", OneOf(&["hold", "broken"]), "Whether all invariants must hold, or one must be broken."),
    key("open", Names, "What must be owed: STEP.cleanup, STEP.rollback, STEP.release, or STEP if it is in doubt."),
    key("outputs", NamedScalars, "The outputs of the playbook, by name."),
    key("world", Commands, "Commands that must succeed in the world afterwards."),
];

const EXPECTED_STEP: &[Key] = &[
    key("outcome", OneOf(&["succeeded", "failed", "skipped", "in_doubt", "not_started"]), "How it must have settled."),
    key("attempts", Amount, "How many attempts there must have been."),
    key("cleaned_up", Flag, "Whether its cleanup must have succeeded."),
    key("rolled_back", Flag, "Whether its rollback must have succeeded."),
    key("released", Flag, "Whether its release must have succeeded."),
];

const SWEEP: &[Key] = &[
    key("scenario", Text, "The scenario in whose situation the playbook is swept; none if not given."),
    key("depth", Count, "How many faults there are in one history."),
    key("faults", Faults, "The kinds of faults that are tried; all if not given."),
    key("always", Names, "Conditions that must hold in every state."),
    key("never", Names, "Conditions that must hold in no state."),
];

/// Returns the keys of a kind of map of a rehearsal.
pub(super) fn of(block: Block) -> &'static [Key] {
    match block {
        Block::Rehearsal => REHEARSAL,
        Block::Scenario => SCENARIO,
        Block::Fault => FAULT_KEYS,
        Block::Answer => ANSWER,
        Block::Decision => DECISION,
        Block::Reply => REPLY,
        Block::Expectation => EXPECTATION,
        Block::ExpectedStep => EXPECTED_STEP,
        Block::Sweep => SWEEP,
        _ => &[],
    }
}
