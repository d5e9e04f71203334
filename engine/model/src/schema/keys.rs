//! What each key of a playbook is.

use super::form::Form::{
    Argv, Condition, Count, Data, Duration, Env, Exits, Factor, Flag, FlagOrCondition, GivenCount, GivenDuration,
    Items, Kebab, Many, Named, NamedData, NamedTemplates, NamedTexts, Names, One, OneOf, OneOrWord, Script, Shell,
    Snake, SomeData, Steps, Template, Templates, Text, Tolerance, Type, TypeOr, Version,
};
use super::{Key, form, key};
use crate::decode::Block;

/// The keys of everything that executes a command.
pub(super) const INVOCATION: &[Key] = &[
    key(
        "argv",
        Argv,
        "A program and its arguments; no shell. An element that is exactly one template of a list is spliced.",
    ),
    key(
        "run",
        Script,
        "A script for the shell. Every template in it arrives as exactly its value, quoted for its place.",
    ),
    key("env", Env, "Environment variables of its own."),
    key("dir", Template, "The working directory."),
    key("shell", Shell, "What runs a script: sh, bash, or a program with arguments whose last one becomes the script."),
    key("stdin", Template, "What it reads from standard input; closed if not given."),
    key("timeout", GivenDuration, "How long one attempt may take."),
];

const PLAYBOOK: &[Key] = &[
    key("firedrill", Version, "The version of the language."),
    key("playbook", Kebab, "The name, the same as the file's."),
    key("title", Text, "What it does, in one line."),
    key("description", Text, "What it does, in Markdown."),
    key("owner", Text, "Who answers for it."),
    key("objectives", One(Block::Objectives), "Times that a run must not exceed."),
    key("inputs", Named(Block::Input), "The parameters, by name."),
    key("vars", NamedData, "Values derived from inputs and other vars, by name."),
    key("defaults", One(Block::Defaults), "What holds for every command that does not say otherwise."),
    key("files", Names, "Files beside the playbook that are part of the plan and copied into every run."),
    key("locks", Templates, "The names of the locks that a run holds until it owes nothing."),
    key(
        "on_failure",
        OneOf(&["rollback", "stop", "ask"]),
        "What happens when a step fails for good: undo what was done, leave it and give back what was taken, or ask.",
    ),
    key("max_parallel", Count, "How many steps may run at the same time."),
    key("guards", Many(Block::Guard), "Probes that must hold before the first step."),
    key("steps", Steps, "The steps. One without `needs` needs every step above that nothing needs yet."),
    key(
        "finally",
        form::Form::Some(Block::Final),
        "The steps at the very end of every run that began; they cannot change the verdict.",
    ),
    key("invariants", Many(Block::Invariant), "Probes that must hold when a run has come to rest, however it ended."),
    key("outputs", NamedTemplates, "Values that the playbook publishes, by name."),
];

const OBJECTIVES: &[Key] = &[
    key("rto", Duration, "The time from the start of a run to its rest, without the time that people took."),
    key("rpo", Duration, "The age of the newest verified artifact when a run has come to rest."),
];

const INPUT: &[Key] = &[
    key("type", Type, "The type of the value."),
    key("description", Text, "What it is for."),
    key("pattern", Text, "A regex that a text must match."),
    key("enum", SomeData, "The only values allowed."),
    key("min", Data, "The least value, or the least length."),
    key("max", Data, "The greatest value, or the greatest length."),
    key("items", TypeOr(Block::Items), "What each item of a list or map must be."),
    key("default", Data, "The value if none is given."),
    key("secret", Flag, "Whether nobody but the commands that name it may see its value."),
    key("required", FlagOrCondition, "Whether a value must be given; may be an expression over other inputs."),
];

const ITEMS: &[Key] = &[
    key("type", Type, "The type of each item."),
    key("pattern", Text, "A regex that each text must match."),
    key("enum", SomeData, "The only items allowed."),
    key("min", Data, "The least value or length of each item."),
    key("max", Data, "The greatest value or length of each item."),
    key("items", TypeOr(Block::Items), "What each item of an item must be."),
];

const DEFAULTS: &[Key] = &[
    key("shell", Shell, "What runs the scripts; sh if not given."),
    key("env", Env, "Environment variables of every command."),
    key("dir", Template, "The working directory; the playbook's folder if not given."),
];

const ID: Key = key("id", Snake, "The name, unique in its list.");
const EXPECT_PROBE: Key = key("expect", One(Block::Expect), "What the look must find; exit code 0 if not given.");
const MESSAGE: Key = key("message", Text, "What to tell people when it does not hold.");
const WHY: Key = key("why", Text, "Why it is asked or done.");
const EXPECT: Key = key("expect", One(Block::Expect), "When an attempt has succeeded; with exit code 0 if not given.");
const RETRY_HOOK: Key =
    key("retry", One(Block::Retry), "How often it is tried; three times with back-off if not given.");

const EVERY: Key = key("every", GivenDuration, "The wait between two looks of a probe that polls; 5s if not given.");
const WITHIN: Key = key("within", GivenDuration, "How long it polls at the most, until it holds.");
const AFTER: Key = key("after", GivenDuration, "The wait before the first look.");

const GUARD: &[Key] = &[
    EVERY,
    WITHIN,
    AFTER,
    ID,
    EXPECT_PROBE,
    MESSAGE,
    WHY,
    key(
        "on_unmet",
        OneOf(&["abort", "skip"]),
        "What happens when it does not hold: nothing is done and that is a failure, or it is not.",
    ),
    key("outputs", Named(Block::Sight), "What it keeps of what it has seen, by name."),
];

const INVARIANT: &[Key] = &[ID, EXPECT_PROBE, MESSAGE, WHY, EVERY, WITHIN, AFTER];

const MANUAL_KEY: Key = key("manual", One(Block::Manual), "A human does it and says whether it is done.");

const STEP: &[Key] = &[
    ID,
    MANUAL_KEY,
    key("approve", One(Block::Approve), "People decide whether the run goes on."),
    EVERY,
    WITHIN,
    AFTER,
    key("title", Text, "What it does, in one line."),
    WHY,
    key("caution", Text, "What to look out for."),
    key("phase", Text, "The part of the work to which it belongs."),
    key("typical", GivenDuration, "How long one attempt usually takes, for estimates."),
    key("needs", Names, "The steps that must have settled before; `ID.NAME` waits for a milestone only."),
    key("when", Condition, "An expression, without braces; if it is false the step is skipped."),
    LOCKS,
    key("guards", Many(Block::Guard), "Probes that must hold just before the first attempt."),
    key(
        "retry",
        One(Block::Retry),
        "How often and when it is attempted again. A repeat needs a licence: read_only, idempotent or a cleanup.",
    ),
    key(
        "deadline",
        GivenDuration,
        "How long locks, guards, attempts, verifies and the waits between them may take in all.",
    ),
    key("on_cancel", OneOf(&["stop", "finish"]), "What a cancel does to a running attempt: end it, or wait for it."),
    key(
        "in_doubt",
        OneOf(&["ask", "rerun", "fail"]),
        "What becomes of an attempt in doubt that nothing makes harmless: a human says, or it has failed.",
    ),
    key(
        "on_engine_death",
        OneOf(&["adopt", "kill"]),
        "What becomes of a running attempt whose engine is gone: the next one adopts it, or it is ended.",
    ),
    key("stop_grace", GivenDuration, "How long an attempt has from TERM to KILL; 10s if not given."),
    EXPECT,
    key("outputs", Named(Block::Output), "What it publishes, by name."),
    key("milestones", NamedTexts, "Signals from inside a running attempt: regexes for lines that it prints, by name."),
    key("verify", One(Block::Verify), "A probe that tells, after success, that the effect is really there."),
    key("cleanup", One(Block::Cleanup), "Makes a failed attempt harmless."),
    key(
        "rollback",
        OneOrWord(Block::Rollback, &["none"]),
        "Undoes the effect; `none` says that there is nothing to undo.",
    ),
    key("release", One(Block::Release), "Gives back what the step took, whatever happens."),
    key("read_only", Flag, "It changes nothing."),
    key("idempotent", Flag, "It may be repeated: twice is the same as once."),
    key("irreversible", Flag, "It is a point of no return."),
    ON_FAILURE,
    FOR_EACH,
];

const TITLE: Key = key("title", Text, "What it does, in one line.");
const CAUTION: Key = key("caution", Text, "What to look out for.");
const PHASE: Key = key("phase", Text, "The part of the work to which it belongs.");
const NEEDS: Key = key("needs", Names, "The steps that must have settled before.");
const WHEN: Key = key("when", Condition, "An expression, without braces; if it is false all of it is skipped.");
const LOCKS: Key =
    key("locks", Templates, "The names of the locks that it holds until it owes nothing; it waits for them.");
const GUARDS: Key = key("guards", Many(Block::Guard), "Probes that must hold just before it begins.");
const DEADLINE: Key = key(
    "deadline",
    GivenDuration,
    "How long its locks, guards and all that is inside may take in all, hooks and people apart.",
);
const ON_FAILURE: Key = key(
    "on_failure",
    OneOf(&["rollback", "stop", "ask", "continue"]),
    "What happens when it fails for good; `continue` takes back only this, and the rest goes on.",
);
const FOR_EACH: Key = key("for_each", One(Block::ForEach), "Once for each item of a list.");

const GROUP: &[Key] = &[
    ID,
    TITLE,
    WHY,
    CAUTION,
    PHASE,
    NEEDS,
    WHEN,
    LOCKS,
    GUARDS,
    DEADLINE,
    ON_FAILURE,
    FOR_EACH,
    key("steps", Steps, "The members; they name each other by their own ids."),
    key("outputs", NamedTemplates, "Values that the group publishes, by name."),
];

const USE: &[Key] = &[
    ID,
    TITLE,
    WHY,
    CAUTION,
    PHASE,
    NEEDS,
    WHEN,
    LOCKS,
    GUARDS,
    DEADLINE,
    ON_FAILURE,
    FOR_EACH,
    key("use", Text, "The file of another playbook, relative to this one."),
    key("with", NamedData, "The values of its inputs; one that is missing is taken from the input of the same name."),
    key("early_guards", Flag, "Whether its guards must hold at the start of the run too."),
];

const EACH: &[Key] = &[
    key("in", Items, "The list, or an expression that yields it."),
    key("as", Snake, "The name of the item in expressions; `item` if not given."),
    key("key", Condition, "An expression over the item that yields its key; the item itself if not given."),
    key("max_parallel", Count, "How many instances may run at the same time."),
    key("max_items", Count, "The most items there may be; 100 if not given."),
    key("tolerate", Tolerance, "How many instances may fail: a number, or a percentage."),
];

const MANUAL: &[Key] = &[
    key("instructions", Template, "What to do."),
    key("confirm", Template, "What is asked when it should be done."),
    key("outputs", Named(Block::Asked), "The values that are asked for, by name; only of a step."),
];

const ASKED: &[Key] = &[
    key("type", Type, "The type; a string if not given."),
    key("optional", Flag, "Whether it may be left out; it is none then."),
];

const APPROVE: &[Key] = &[
    key("prompt", Template, "What is decided."),
    key("by", Templates, "Who may decide, by their names; anybody if not given."),
    key("min", Count, "How many must approve, each once; one if not given."),
    key("starter", OneOf(&["allowed", "excluded"]), "Whether whoever started the run may decide; yes if not given."),
    key("timeout", GivenDuration, "How long the decision is waited for; after that the step has failed."),
];

const RETRY: &[Key] = &[
    key("max_attempts", GivenCount, "How many attempts there are, the first included."),
    key("delay", GivenDuration, "How long to wait before the second attempt."),
    key("backoff", OneOf(&["constant", "exponential"]), "How the wait grows."),
    key("factor", Factor, "By how much an exponential wait grows."),
    key("max_delay", GivenDuration, "The longest wait."),
    key("jitter", OneOf(&["none", "full"]), "Whether the wait is spread, so that not all try at once."),
    key("when", Condition, "After which failures there is another attempt; after any if not given."),
];

const EXPECT_KEYS: &[Key] = &[
    key("exit", Exits, "The exit codes that are good; 0 if not given."),
    key("stdout", Text, "A regex that standard output must match."),
    key("stderr", Text, "A regex that standard error must match."),
    key("jq", Text, "A jq filter over standard output as JSON that must yield true."),
    key("that", Condition, "An expression over exit_code, stdout, stderr and duration that must be true."),
];

const FROM: Key = key("from", OneOf(&["stdout", "stderr", "file"]), "Where it is taken from.");
const PATH: Key = key("path", Template, "The file, with `from: file`.");
const REGEX: Key = key("regex", Text, "Takes the first group of this regex, or its whole match.");
const JQ: Key = key("jq", Text, "Takes the result of this jq filter.");
const LINE: Key = key("line", OneOf(&["first", "last"]), "Takes one line.");
const OUTPUT_TYPE: Key = key("type", Type, "The type; a string if not given.");
const OPTIONAL: Key = key(
    "optional",
    Flag,
    "Whether it may be missing; else a missing output fails the attempt, and a guard could not tell.",
);
const SECRET_OUTPUT: Key = key(
    "secret",
    Flag,
    "Whether the value, which the program writes to `$FIREDRILL_OUTPUT`, is kept in memory only and masked everywhere.",
);

const OUTPUT: &[Key] = &[FROM, PATH, REGEX, JQ, LINE, OUTPUT_TYPE, OPTIONAL, SECRET_OUTPUT];

const SIGHT: &[Key] = &[FROM, PATH, REGEX, JQ, LINE, OUTPUT_TYPE, OPTIONAL];

const ENV_FILE: &[Key] =
    &[key("file", Template, "A secret: the variable holds the path of a file in memory with its value.")];

const WHEN_HOOK: Key = key("when", Condition, "Whether it is due; an expression without braces.");
const UNTIL: Key = key(
    "until",
    Names,
    "The steps that must have settled or, as `ID.NAME`, the milestones reached; the end of the block if not given.",
);

/// Returns the keys of a kind of map of a playbook, without those of every command.
pub(super) fn of(block: Block) -> &'static [Key] {
    match block {
        Block::Playbook => PLAYBOOK,
        Block::Input => INPUT,
        Block::Items => ITEMS,
        Block::Defaults => DEFAULTS,
        Block::Objectives | Block::Within => OBJECTIVES,
        Block::Guard => GUARD,
        Block::Invariant => INVARIANT,
        Block::Step => STEP,
        Block::Group => GROUP,
        Block::Use => USE,
        Block::ForEach => EACH,
        Block::Final => FINAL,
        Block::EnvFile => ENV_FILE,
        Block::Retry => RETRY,
        Block::Expect => EXPECT_KEYS,
        Block::Output => OUTPUT,
        Block::Sight => SIGHT,
        Block::Verify => &[EXPECT_PROBE, EVERY, WITHIN, AFTER],
        Block::Cleanup => &[MANUAL_KEY, EXPECT, RETRY_HOOK, WHEN_HOOK],
        Block::Rollback => &[MANUAL_KEY, EXPECT, RETRY_HOOK],
        Block::Release => &[MANUAL_KEY, EXPECT, RETRY_HOOK, WHEN_HOOK, UNTIL],
        Block::Manual => MANUAL,
        Block::Asked => ASKED,
        Block::Approve => APPROVE,
        _ => &[],
    }
}

const FINAL: &[Key] = &[
    ID,
    key("title", Text, "What it does, in one line."),
    WHY,
    key("caution", Text, "What to look out for."),
    key("needs", Names, "The steps of `finally` that must have settled before."),
    key("when", Condition, "An expression, without braces; if it is false the step is skipped."),
    key("retry", One(Block::Retry), "How often and when it is attempted again."),
    EXPECT,
    key("read_only", Flag, "It changes nothing."),
    key("idempotent", Flag, "It may be repeated: twice is the same as once."),
];

/// Returns the keys that a kind of map must have.
pub(super) fn required(block: Block) -> &'static [&'static str] {
    match block {
        Block::Playbook => &["firedrill", "playbook", "steps"],
        Block::Input | Block::Items => &["type"],
        Block::Guard | Block::Invariant | Block::Step | Block::Final => &["id"],
        Block::Group => &["id", "steps"],
        Block::Use => &["id", "use"],
        Block::ForEach => &["in"],
        Block::EnvFile => &["file"],
        Block::Retry => &["max_attempts"],
        Block::Rehearsal => &["firedrill", "rehearsal", "sandbox"],
        Block::Scenario => &["name"],
        Block::Fault => &["fault"],
        Block::Reply => &["command"],
        Block::Manual => &["instructions"],
        Block::Approve => &["prompt"],
        _ => &[],
    }
}
