//! What an approval binds: the plan, the prompt, and every text of the steps up to the next decision, as far as they are known.
//!
//! A text that waits for what has not happened is shown as a template and is approved as one. Texts that were known are not
//! executed if they have become others: a step that would do so fails before it starts.

use std::collections::BTreeMap;
use std::fs;

use firedrill_model::plan::{After, Command, Step, Text};
use firedrill_model::resolve::sha256;
use firedrill_run::{CommandId, Outcome, Rendered, Rendering, Role, Run, Stage, StepId, Subject};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::driver::{DriveError, lengths, replay};
use crate::journal;
use crate::questions::Known;
use crate::secrets::Vault;
use crate::store::{Durability, RunDir, StoreError, read_json, write_json};

/// What whoever decides is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The digest of the plan.
    pub plan: String,
    /// What is decided.
    pub prompt: String,
    /// The steps that can begin then, up to the next decision, in the plan's order.
    pub steps: Vec<ShownStep>,
}

/// A step that is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownStep {
    /// The step.
    pub step: StepId,
    /// Its commands, by what they are for.
    pub commands: BTreeMap<String, ShownText>,
}

/// The texts of a command that is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownText {
    /// Exactly these.
    Known(Rendered),
    /// They wait for something: the texts with what is not known in braces.
    Later(Vec<String>),
}

impl Shown {
    /// Returns the SHA-256 of all of it, in hex.
    pub fn digest(&self) -> String {
        sha256(&serde_json::to_vec(self).expect("it holds no map with keys that are not strings"))
    }

    /// Iterates over the steps of which something is not known yet.
    pub fn unknown(&self) -> impl Iterator<Item = &StepId> {
        let is_later = |text: &ShownText| matches!(text, ShownText::Later(_));
        self.steps.iter().filter(move |step| step.commands.values().any(is_later)).map(|step| &step.step)
    }
}

/// Returns what somebody who decides is to be shown as the run stands; nothing if nobody is asked that.
pub fn shown(dir: &RunDir, command: &CommandId) -> Result<Option<Shown>, DriveError> {
    let past = journal::read(&dir.journal())?;
    let run = replay(dir, &past)?;
    let (started_at, lengths) = (clock::rfc3339(dir.about()?.created_ms), lengths(&past));
    Ok(of(&Known { run: &run, dir, started_at: &started_at, lengths: &lengths, vault: &Vault::default() }, command))
}

/// Returns what is to be shown of a decision.
pub(crate) fn of(known: &Known<'_>, command: &CommandId) -> Option<Shown> {
    let plan = known.run.plan();
    let decision = plan.step_index(command.step()?.as_str())?;
    let prompt = known.texts(command)?.argv.into_iter().next()?;
    let steps = plan.approved_by(decision).into_iter().map(|step| shown_step(known, &plan.steps[step]));
    Some(Shown { plan: plan.digest(), prompt, steps: steps.collect() })
}

fn shown_step(known: &Known<'_>, step: &Step) -> ShownStep {
    let id = StepId::from(step.id.as_str());
    let name = |role| CommandId { subject: Subject::Step(id.clone()), role, round: 1, r#try: 1 };
    let commands = commands(step).map(|(role, command)| (role.to_string(), shown_text(known, &name(role), command)));
    ShownStep { commands: commands.collect(), step: id.clone() }
}

/// Iterates over all commands of a step, with what they are for.
fn commands(step: &Step) -> impl Iterator<Item = (Role, &Command)> {
    let guards = step.guards.iter().map(|guard| (Role::Guard(guard.id.as_str().into()), &guard.probe.command));
    let looks = step.looks.iter().map(|look| (Role::Look(look.name.as_str().into()), &look.command));
    let own = [
        (Role::Attempt, step.command()),
        (Role::Verify, step.verify.as_ref().map(|probe| &probe.command)),
        (Role::Cleanup, step.cleanup.as_ref().map(|hook| &hook.command)),
        (Role::Rollback, step.rollback_hook().map(|hook| &hook.command)),
        (Role::Release, step.release.as_ref().map(|release| &release.hook.command)),
    ];
    guards.chain(looks).chain(own.into_iter().filter_map(|(role, command)| Some((role, command?))))
}

fn shown_text(known: &Known<'_>, id: &CommandId, command: &Command) -> ShownText {
    let is_ready = command.texts().all(|text| is_known(known.run, text));
    match known.render(id) {
        Rendering::Text(text) if is_ready => ShownText::Known(text),
        Rendering::Text(_) | Rendering::Error(_) => ShownText::Later(command.texts().map(template).collect()),
    }
}

/// Returns whether everything has happened that a text waits for.
fn is_known(run: &Run, text: &Text) -> bool {
    let Text::Deferred { after, .. } = text else { return true };
    after.iter().all(|after| match after {
        After::Start => true,
        // The guards of the playbook are asked again before the first change, and may see something else then.
        After::Rest | After::Guard(_) => false,
        After::Step(step) => {
            let at = run.plan().step_index(step);
            at.is_some_and(|at| matches!(run.summary(at).stage, Stage::Settled(_)))
        }
    })
}

fn template(text: &Text) -> String {
    match text {
        Text::Known(text) => text.clone(),
        Text::Deferred { template, .. } => template.display().to_string(),
    }
}

/// Keeps what was approved beside what commands printed.
pub(crate) fn keep(dir: &RunDir, command: &CommandId, shown: &Shown) -> Result<(), StoreError> {
    write_json(&place(dir, command), shown, Durability::Synced)
}

fn place(dir: &RunDir, command: &CommandId) -> std::path::PathBuf {
    dir.captured(&command.to_string(), "shown")
}

/// Returns why a command is not what was approved, if it is covered by an approval and has become another.
pub(crate) fn differs(run: &Run, dir: &RunDir, id: &CommandId, text: &Rendered) -> Option<String> {
    let plan = run.plan();
    let step = plan.step_index(id.step()?.as_str())?;
    let is_done = |at: usize| *run.summary(at).stage == Stage::Settled(Outcome::Succeeded);
    let decisions = (0..plan.steps.len()).filter(|&at| is_done(at) && plan.approved_by(at).contains(&step));
    let differing = decisions.into_iter().find_map(|decision| {
        let path = place(dir, &run.attempt_id(decision));
        fs::metadata(&path).ok()?;
        let shown: Shown = read_json(&path).ok()?;
        let covered = shown.steps.iter().find(|shown| Some(&shown.step) == id.step())?;
        match covered.commands.get(&id.role.to_string())? {
            ShownText::Known(approved) if approved != text => Some(plan.steps[decision].id.clone()),
            ShownText::Known(_) | ShownText::Later(_) => None,
        }
    })?;
    Some(format!("it is no longer what was shown when `{differing}` was approved"))
}
