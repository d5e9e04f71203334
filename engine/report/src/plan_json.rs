//! The public JSON form of a plan. It has a version of its own, so that the engine's own form can change.

mod command;
mod group;
mod step;

use std::collections::BTreeMap;

use firedrill_model::plan::{self, Origin, Plan};
use schemars::JsonSchema;
use serde::Serialize;

use self::command::{Command, Condition, Probe, Text};
use self::step::{Guard, Step};
use crate::estimate::{Basis, Estimate};
use crate::plan_text::Exactness;
use crate::words::{milliseconds, secret_source};

/// The version of the form.
const VERSION: u32 = 1;

/// A plan: everything that a run would do, without doing it.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "firedrill plan, version 1")]
struct Document {
    /// The version of this form, 1.
    version: u32,
    /// The playbook's name.
    playbook: String,
    /// One line for people.
    title: Option<String>,
    /// Markdown for people.
    description: Option<String>,
    /// What must not be exceeded, in milliseconds.
    objectives: Objectives,
    /// How long it will take, if earlier runs or the playbook tell.
    estimate: Option<Times>,
    /// SHA-256 of everything that decides what is executed, in hex.
    digest: String,
    /// The target, if one was chosen.
    target: Option<Target>,
    /// Inputs by name.
    inputs: BTreeMap<String, Input>,
    /// Secret inputs by name; their values are nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, Secret>,
    /// Variables by name.
    vars: BTreeMap<String, serde_json::Value>,
    /// What the playbook reads of the outputs of the last run that succeeded.
    last: BTreeMap<String, serde_json::Value>,
    /// SHA-256 of the files of `bin/` by path.
    files: BTreeMap<String, String>,
    /// The names of the locks that the run holds until it owes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locks: Vec<String>,
    /// What a failure does: `rollback` or `stop`.
    on_failure: &'static str,
    /// How many commands run at once at the most.
    max_parallel: u32,
    /// Asked before the first step, all at once.
    guards: Vec<Guard>,
    /// The steps in the playbook's order.
    steps: Vec<Step>,
    /// Probes that must hold whenever the run has come to rest.
    invariants: Vec<Invariant>,
    /// Commands at the very end, one after the other.
    finally: Vec<Final>,
    /// What the run publishes when it has succeeded.
    outputs: BTreeMap<String, Text>,
    /// How many commands are exact, and when the others are known.
    commands: Counts,
}

/// What must not be exceeded.
#[derive(Serialize, JsonSchema)]
struct Objectives {
    /// From the start of a run to its rest, without what people took, in milliseconds.
    rto_ms: Option<u64>,
    /// The age of the newest verified artifact when a run has come to rest, in milliseconds.
    rpo_ms: Option<u64>,
}

/// How long a run will take.
#[derive(Serialize, JsonSchema)]
struct Times {
    /// As likely longer as shorter, in milliseconds.
    p50_ms: u64,
    /// One run in twenty takes longer, in milliseconds; only from history.
    p95_ms: Option<u64>,
    /// What it is drawn from: `history` or `typical`.
    basis: &'static str,
    /// How many earlier runs it is drawn from.
    runs: usize,
    /// Steps of which the playbook says nothing; they count as taking no time.
    without: Vec<String>,
    /// The steps of the longest path, in order.
    path: Vec<String>,
    /// How long each step with a release holds what it took, in milliseconds.
    holds_ms: BTreeMap<String, u64>,
}

/// The foundation for which the plan was made.
#[derive(Serialize, JsonSchema)]
struct Target {
    /// Its name.
    name: String,
    /// Whether a run must be confirmed.
    is_protected: bool,
    /// What it adds to the environment of every command.
    env: BTreeMap<String, String>,
}

/// An input with its value.
#[derive(Serialize, JsonSchema)]
struct Input {
    /// Its value.
    value: serde_json::Value,
    /// Where it came from: `default`, `flag`, `sandbox`, `target NAME`, or `file NAME`.
    origin: String,
}

/// A secret.
#[derive(Serialize, JsonSchema)]
struct Secret {
    /// Where its value comes from, in words.
    source: String,
    /// Who said so: `flag`, `sandbox`, or `target NAME`.
    origin: String,
}

/// A probe that must hold when the run has come to rest.
#[derive(Serialize, JsonSchema)]
struct Invariant {
    /// Its id.
    id: String,
    /// How it is asked.
    probe: Probe,
    /// What the operator is told when it does not hold.
    message: Option<String>,
}

/// A command of the very end.
#[derive(Serialize, JsonSchema)]
struct Final {
    /// Its id.
    id: String,
    /// One line for people.
    title: Option<String>,
    /// Runs only if this holds.
    when: Option<Condition>,
    /// The command.
    command: Command,
}

/// How many commands are known when.
#[derive(Serialize, JsonSchema)]
struct Counts {
    /// Known now, every text.
    exact: usize,
    /// Known when the run starts: its id, its folder.
    at_start: usize,
    /// Known after a step.
    after_step: usize,
    /// Known when the run has come to rest: its verdict.
    at_rest: usize,
}

/// Returns a plan as one JSON document, with how long it will take if that is known.
pub fn plan_json(plan: &Plan, estimate: Option<&Estimate>) -> String {
    let document = Document::of(plan, estimate);
    serde_json::to_string_pretty(&document).expect("the form holds no map with keys that are not strings")
}

/// Returns the JSON Schema of the form.
pub fn plan_schema() -> String {
    let schema = schemars::schema_for!(Document);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

impl Document {
    fn of(plan: &Plan, estimate: Option<&Estimate>) -> Document {
        let count = |exactness| crate::plan_text::commands(plan).filter(|it| Exactness::of(it) == exactness).count();
        Document {
            version: VERSION,
            playbook: plan.playbook.clone(),
            title: plan.title.clone(),
            description: plan.description.clone(),
            objectives: Objectives::of(plan),
            estimate: estimate.map(Times::of),
            digest: plan.digest(),
            target: plan.target.as_ref().map(Target::of),
            inputs: inputs(plan),
            secrets: secrets(plan),
            last: plan.last.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
            vars: plan.vars.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
            files: plan.files.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect(),
            locks: plan.locks.clone(),
            on_failure: plan.on_failure.word(),
            max_parallel: plan.max_parallel.get(),
            guards: plan.guards.iter().map(Guard::of).collect(),
            steps: plan.steps.iter().map(|step| Step::of(&plan.steps, step)).collect(),
            invariants: plan.invariants.iter().map(Invariant::of).collect(),
            finally: plan.finally.iter().map(Final::of).collect(),
            outputs: plan.outputs.iter().map(|(name, text)| (name.clone(), Text::of(text))).collect(),
            commands: Counts {
                exact: count(Exactness::Exact),
                at_start: count(Exactness::AtStart),
                after_step: count(Exactness::AfterStep),
                at_rest: count(Exactness::AtRest),
            },
        }
    }
}

impl Objectives {
    fn of(plan: &Plan) -> Objectives {
        let objectives = plan.objectives.unwrap_or_default();
        Objectives { rto_ms: objectives.rto.map(milliseconds), rpo_ms: objectives.rpo.map(milliseconds) }
    }
}

impl Target {
    fn of(target: &plan::Target) -> Target {
        Target { name: target.name.clone(), is_protected: target.is_protected, env: target.env.clone() }
    }
}

impl Times {
    fn of(estimate: &Estimate) -> Times {
        let (basis, runs, p95_ms, without) = match &estimate.basis {
            Basis::History { runs, p95_ms } => ("history", *runs, Some(*p95_ms), Vec::new()),
            Basis::Typical { without } => ("typical", 0, None, without.clone()),
        };
        let (path, holds_ms) = (estimate.path.clone(), estimate.holds.clone());
        Times { p50_ms: estimate.p50_ms, p95_ms, basis, runs, without, path, holds_ms }
    }
}

fn inputs(plan: &Plan) -> BTreeMap<String, Input> {
    let inputs = plan
        .inputs
        .iter()
        .map(|(name, value)| (name.clone(), Input { value: json(value), origin: origin(plan, name) }));
    inputs.collect()
}

fn secrets(plan: &Plan) -> BTreeMap<String, Secret> {
    let secrets = plan
        .secrets
        .iter()
        .map(|(name, source)| (name.clone(), Secret { source: secret_source(source), origin: origin(plan, name) }));
    secrets.collect()
}

fn origin(plan: &Plan, name: &str) -> String {
    match plan.origins.get(name) {
        Some(Origin::Flag) => "flag".to_owned(),
        Some(Origin::Sandbox) => "sandbox".to_owned(),
        Some(Origin::Target(target)) => format!("target {target}"),
        Some(Origin::File(file)) => format!("file {file}"),
        Some(Origin::Default) | None => "default".to_owned(),
    }
}

fn json(value: &firedrill_model::value::Value) -> serde_json::Value {
    serde_json::to_value(value).expect("a value always has a JSON form")
}

fn names(steps: &[plan::Step], wanted: &[usize]) -> Vec<String> {
    wanted.iter().map(|&step| steps[step].id.clone()).collect()
}

impl Invariant {
    fn of(invariant: &plan::Invariant) -> Invariant {
        Invariant { id: invariant.id.clone(), probe: Probe::of(&invariant.probe), message: invariant.message.clone() }
    }
}

impl Final {
    fn of(last: &plan::Final) -> Final {
        Final {
            id: last.id.clone(),
            title: last.title.clone(),
            when: last.when.as_ref().map(Condition::of),
            command: Command::of(&last.command),
        }
    }
}
