//! A playbook in a few words, for tests of the machine and for looking at its states.
//!
//! One step a line: its id, the ids it needs, and marks. `backup lock x2 ~ ^ !` is a step `backup` that needs `lock`,
//! is tried twice, has a cleanup, a release and a rollback.

mod groups;
mod parts;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use firedrill_model::plan::{
    Command, Condition, Conduct, Deed, FORMAT, Final, Hook, InDoubt, Invariant, Look, Milestone, OnCancel,
    OnEngineDeath, OnFailure, OnUnmet, Plan, Program, Release, Rollback, Signal, Step, StepEffect, Text,
};

use parts::{
    command, decision, deferred, expression, guard, hook, manual, manual_hook, outcome_of, output, people, poll,
    polling, probe, probe_of, retry, secret, unknown, use_of,
};

/// Returns the plan that a sketch describes.
///
/// | mark | meaning | mark | meaning |
/// |---|---|---|---|
/// | `!` | a rollback | `!none` | `rollback: none` |
/// | `~` | a cleanup | `?` | a verify |
/// | `^` | a release at the end | `^b,c` | a release until `b` and `c` have settled |
/// | `x3` | three attempts | `ro`, `idem`, `irr` | read-only, idempotent, irreversible |
/// | `off` | `when` is false | `g` | a guard |
/// | `when?` | `when` is deferred | `text?` | a text is deferred |
/// | `out?` | what it prints is judged | `ro+`, `g+`, `?+` | the same, polling; `?++` waits first |
/// | `finish`, `kill` | `on_cancel`, `on_engine_death` | `rerun`, `fail` | `in_doubt` |
/// | `%a` | its text names how `a` has ended | | |
/// | `due` | a deadline of one minute | `pub`, `$a` | publishes a secret, names that of `a` |
/// | `*m` | a milestone `m`, which others need as `a.m` | `^a.m` | a release until the milestone is reached |
/// | `{}` | a group | `{tol1}`, `{par1}` | one of instances: one may fail, one at once |
/// | `on:stop` | `on_failure`, also `ask`, `continue`, `rollback` | `retry?` | whether to retry is deferred |
/// | `~?` | a cleanup whose `when` is deferred | `^?` | a release at the end, likewise |
/// | `{each}` | a repetition for a list that is deferred | `&x,y` | the locks `x` and `y` |
/// | `val?` | an output of what it prints | `look` | an output that is looked for afterwards |
///
/// The id of a member is its path: `g/a` belongs to the group `g`, which stands above it.
///
/// | `man` | a human does it, in an hour | `yes`, `yes2` | one, or two, approve in an hour |
/// | `man-`, `yes-` | the same without a time limit | `!man`, `~man` | a manual rollback, cleanup |
///
/// Lines that begin with `@`: `@stop`, `@ask` (instead of rollback), `@max N`, `@guard ID [skip]`, `@invariant ID`,
/// `@finally ID`, `@lock X`; a guard or an invariant that ends in `+` polls.
///
/// # Panics
/// If a word means nothing or a step is not there: a sketch is part of a test.
pub fn sketch(text: &str) -> Plan {
    let mut plan = empty();
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let (settings, steps): (Vec<_>, Vec<_>) = lines.partition(|(_, line)| line.starts_with('@'));
    for (at, line) in settings {
        setting(&mut plan, at, line);
    }
    for (at, line) in steps {
        let step = step(&plan, at, line);
        plan.steps.push(step);
    }
    groups::resolve(&mut plan.steps);
    resolve_releases(&mut plan);
    plan
}

fn empty() -> Plan {
    Plan {
        format: FORMAT,
        playbook: "sketch".into(),
        title: None,
        description: None,
        objectives: None,
        locks: Vec::new(),
        text_sha256: String::new(),
        target: None,
        inputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
        origins: BTreeMap::new(),
        last: BTreeMap::new(),
        vars: BTreeMap::new(),
        files: Vec::new(),
        on_failure: OnFailure::Rollback,
        max_parallel: NonZeroU32::new(64).expect("64 is not 0"),
        guards: Vec::new(),
        steps: Vec::new(),
        invariants: Vec::new(),
        finally: Vec::new(),
        outputs: BTreeMap::new(),
    }
}

fn setting(plan: &mut Plan, at: u32, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["@stop"] => plan.on_failure = OnFailure::Stop,
        ["@ask"] => plan.on_failure = OnFailure::Ask,
        ["@max", number] => plan.max_parallel = number.parse().expect("a number that is not 0"),
        ["@lock", name] => plan.locks.push((*name).into()),
        ["@guard", id] => plan.guards.push(guard(id, at, OnUnmet::Abort)),
        ["@guard", id, "skip"] => plan.guards.push(guard(id, at, OnUnmet::Skip)),
        ["@invariant", id] => {
            let (id, probe) = probe_of(id);
            plan.invariants.push(Invariant { id, line: at, probe, message: None });
        }
        ["@finally", id] => {
            plan.finally.push(Final { id: (*id).into(), title: None, when: None, command: command(id) });
        }
        _ => panic!("`{line}` means nothing"),
    }
}

fn step(plan: &Plan, at: u32, line: &str) -> Step {
    let mut words = line.split_whitespace();
    let id = words.next().expect("a line that is not empty");
    let mut step = Step {
        id: id.into(),
        item: None,
        group: id.rsplit_once('/').map(|(group, _)| index(plan, group)),
        line: at,
        title: None,
        why: None,
        caution: None,
        phase: None,
        typical: None,
        needs: Vec::new(),
        after: Vec::new(),
        milestones: Vec::new(),
        when: None,
        locks: Vec::new(),
        guards: Vec::new(),
        deed: Deed::Command(Box::new(command(id))),
        on_failure: groups::inherited(plan, id),
        retry: retry(1),
        deadline: None,
        conduct: Conduct::default(),
        effect: StepEffect { read_only: false, idempotent: false, irreversible: false },
        looks: Vec::new(),
        verify: None,
        cleanup: None,
        rollback: Rollback::Unsaid,
        release: None,
    };
    words.for_each(|word| mark(plan, &mut step, word));
    step
}

/// Returns what each item of a list does: a step like this one, with a rollback.
fn instance(step: &Step) -> Step {
    let rollback = Rollback::Hook(Box::new(hook("rollback")));
    Step { id: String::new(), needs: Vec::new(), group: None, rollback, ..step.clone() }
}

fn own(step: &mut Step) -> &mut Command {
    step.command_mut().expect("a sketched step has a command")
}

fn mark(plan: &Plan, step: &mut Step, word: &str) {
    if is_hook(step, word) || is_of_people(step, word) || is_probe(step, word) || is_property(step, word) {
        return;
    }
    match (word.strip_prefix('^'), word.strip_prefix('*'), word.strip_prefix('x').map(str::parse)) {
        (Some(until), ..) => step.release = Some(release(until)),
        (None, Some(name), _) => step.milestones.push(Milestone { name: name.into(), pattern: name.into() }),
        (None, None, Some(Ok(attempts))) => step.retry = retry(attempts),
        (None, None, Some(Err(_)) | None) => need(plan, step, word),
    }
}

/// Gives a step the hook that a word stands for, and returns whether it stands for one.
fn is_hook(step: &mut Step, word: &str) -> bool {
    match word {
        "!" => step.rollback = Rollback::Hook(Box::new(hook("rollback"))),
        "!none" => step.rollback = Rollback::Nothing,
        "!man" => step.rollback = Rollback::Hook(Box::new(manual_hook())),
        "~" => step.cleanup = Some(hook("cleanup")),
        "~?" => step.cleanup = Some(Hook { when: Some(deferred()), ..hook("cleanup") }),
        "~man" => step.cleanup = Some(manual_hook()),
        "^?" => {
            let mut release = release("");
            release.hook.when = Some(deferred());
            step.release = Some(release);
        }
        _ => return false,
    }
    true
}

/// Makes a step one of people if a word says so, and returns whether it does.
fn is_of_people(step: &mut Step, word: &str) -> bool {
    match word {
        "man" | "man-" => *own(step) = people(manual(), word),
        "yes" | "yes-" | "yes2" => {
            let min = if word == "yes2" { NonZeroU32::MIN.saturating_add(1) } else { NonZeroU32::MIN };
            step.effect.read_only = true;
            *own(step) = people(decision(min), word);
        }
        _ => return false,
    }
    true
}

/// Gives a step what a word stands for that looks or is found, and returns whether it stands for such.
fn is_probe(step: &mut Step, word: &str) -> bool {
    match word {
        "?" => step.verify = Some(probe("verify")),
        "?+" => step.verify = Some(polling("verify", Duration::ZERO)),
        "?++" => step.verify = Some(polling("verify", Duration::from_secs(2))),
        "g" | "g+" => step.guards.push(guard(word, step.line, OnUnmet::Abort)),
        "ro+" => {
            step.effect.read_only = true;
            own(step).poll = Some(poll(Duration::ZERO));
        }
        "pub" => {
            step.effect.read_only = true;
            own(step).outputs.push(secret());
        }
        "val?" => own(step).outputs.push(output("value")),
        "look" => {
            let command = Command { outputs: vec![output("seen")], ..command("look") };
            step.looks.push(Look { name: "seen".into(), command });
        }
        _ => return false,
    }
    true
}

/// Gives a step the property that a word stands for, and returns whether it stands for one.
fn is_property(step: &mut Step, word: &str) -> bool {
    match word {
        "ro" => step.effect.read_only = true,
        "idem" => step.effect.idempotent = true,
        "irr" => step.effect.irreversible = true,
        "off" => step.when = Some(Condition::Known(false)),
        "when?" => step.when = Some(deferred()),
        "retry?" => step.retry.when = Some(expression()),
        "text?" => own(step).program = Program::Argv(vec![unknown()]),
        "out?" => own(step).expect.stdout = Some("expected".into()),
        "on:stop" => step.on_failure = OnFailure::Stop,
        "on:rollback" => step.on_failure = OnFailure::Rollback,
        "on:ask" => step.on_failure = OnFailure::Ask,
        "on:continue" => step.on_failure = OnFailure::Continue,
        "{}" | "{tol1}" | "{par1}" => step.deed = groups::deed(word),
        "{each}" => step.deed = groups::deferred(instance(step)),
        "due" => step.deadline = Some(Duration::from_mins(1)),
        "finish" => step.conduct.on_cancel = OnCancel::Finish,
        "kill" => step.conduct.on_engine_death = OnEngineDeath::Kill,
        "rerun" => step.conduct.in_doubt = InDoubt::Rerun,
        "fail" => step.conduct.in_doubt = InDoubt::Fail,
        _ if word.starts_with('&') => step.locks = word[1..].split(',').map(str::to_owned).collect(),
        _ if word.starts_with('%') => own(step).program = Program::Argv(vec![outcome_of(&word[1..])]),
        _ if word.starts_with('$') => own(step).secrets.push(use_of(&word[1..])),
        _ => return false,
    }
    true
}

fn need(plan: &Plan, step: &mut Step, word: &str) {
    match signal(plan, word) {
        Some(signal) => step.after.push(signal),
        None => step.needs.push(index(plan, word)),
    }
}

/// Returns the milestone that a word such as `a.m` means.
fn signal(plan: &Plan, word: &str) -> Option<Signal> {
    let (step, name) = word.split_once('.')?;
    let step = index(plan, step);
    let milestone = plan.steps[step].milestones.iter().position(|milestone| milestone.name == name);
    Some(Signal { step, milestone: milestone.unwrap_or_else(|| panic!("there is no milestone `{word}`")) })
}

fn index(plan: &Plan, id: &str) -> usize {
    plan.step_index(id).unwrap_or_else(|| panic!("`{id}` is neither a mark nor a step above"))
}

/// Holds the ids of `until` in the hook's arguments until every step is there.
fn release(until: &str) -> Release {
    let mut hook = hook("release");
    let ids = until.split(',').filter(|id| !id.is_empty()).map(|id| Text::Known(id.into()));
    hook.command.program = Program::Argv(ids.collect());
    Release { hook, until: Vec::new(), until_reached: Vec::new(), hold: Vec::new() }
}

fn resolve_releases(plan: &mut Plan) {
    for at in 0..plan.steps.len() {
        let Some(Program::Argv(ids)) =
            plan.steps[at].release.as_ref().map(|release| release.hook.command.program.clone())
        else {
            continue;
        };
        let named = ids.iter().filter_map(|text| if let Text::Known(id) = text { Some(id) } else { None });
        let (reached, settled): (Vec<_>, Vec<_>) = named.partition(|id| id.contains('.'));
        let mut release = Release {
            hook: Hook { when: plan.steps[at].release.as_ref().and_then(|it| it.hook.when.clone()), ..hook("release") },
            until: settled.into_iter().map(|id| index(plan, id)).collect(),
            until_reached: reached.into_iter().filter_map(|id| signal(plan, id)).collect(),
            hold: Vec::new(),
        };
        release.hold = firedrill_model::plan::hold(&plan.steps, at, &release);
        plan.steps[at].release = Some(release);
    }
}
