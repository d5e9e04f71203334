//! A history told as a story: one sentence for each thing that happened, then what became of it.

mod routine;

use std::sync::Arc;

use firedrill_model::judge::Judgement;
use firedrill_model::plan::Plan;
use firedrill_run::{
    Answer, CommandId, Debt, DebtKind, Done, Event, Exit, Open, Outcome, Phase, Question, Rendering, Role, Run, Stage,
    StepId, Subject, Wait,
};

use routine::Routine;

use crate::place::{named, place};

/// Returns the story of a history, which ends where the history ends. What the machine refuses ends it early.
pub fn story(plan: &Plan, events: &[Event]) -> Vec<String> {
    let mut run = Run::new(Arc::new(plan.clone()));
    let (mut told, mut routine) = (Vec::new(), Routine::default());
    for (at, event) in events.iter().enumerate() {
        let before = run.clone();
        if run.apply(event).is_err() {
            break;
        }
        let teller = Teller { run: &before };
        if let Some(sentence) = teller.sentence(event, events.get(at + 1), at) {
            routine.tell(&before, event, sentence, &mut told);
        }
        let consequences = consequences(&before, &run);
        if !consequences.is_empty() {
            routine.end(&mut told);
            told.extend(consequences);
        }
    }
    routine.end(&mut told);
    told
}

/// Tells events in the state in which they happen.
struct Teller<'a> {
    run: &'a Run,
}

impl Teller<'_> {
    fn sentence(&self, event: &Event, next: Option<&Event>, at: usize) -> Option<String> {
        match event {
            Event::EngineStarted { .. } if self.run.is_told() => Some("the run is resumed".into()),
            Event::EngineStarted { .. } if at > 1 => Some("the engine crashes and is started again".into()),
            Event::Decided { question, answer } => Some(self.decided(question, answer)),
            Event::Rendered { command, outcome } => match outcome {
                Rendering::Text(_) => None,
                Rendering::Error(_) => Some(format!("{} has a text without a value", self.command(command))),
            },
            Event::Started { command } if !is_end_of(next, command) => {
                Some(format!("{} starts", self.command(command)))
            }
            Event::NotStarted { command } => Some(format!("{} turns out never to have started", self.command(command))),
            Event::Adopted { command, .. } => Some(format!("{} turns out to be still running", self.command(command))),
            Event::Reached { command, milestone } => Some(format!("{} reaches {milestone}", self.command(command))),
            Event::Ended { command, exit, .. } if !is_judgement_of(next, command) => Some(self.ended(command, exit)),
            Event::Elapsed { wait: Wait::Deadline(step) } => {
                Some(format!("the deadline of {} is over", self.step(step)))
            }
            Event::Judged { command, judgement } => Some(self.judged(command, judgement)),
            Event::SecretsLost { step } => Some(format!("the secrets of {} die with an engine", self.step(step))),
            Event::CancelRequested => Some("somebody cancels the run".into()),
            Event::RollbackRequested { by, .. } => Some(format!("{by} asks for everything to be undone")),
            Event::Ruled { step, ruling, by, .. } => {
                Some(format!("{by} decides about the failure of {}: {}", self.step(step), ruling.word()))
            }
            Event::Settled { step, debt, done, by, .. } => Some(self.said(step, *debt, *done, by)),
            _ => None,
        }
    }

    fn decided(&self, question: &Question, answer: &Answer) -> String {
        let (step, what) = match question {
            Question::When(step) => (self.step(step), "its `when`"),
            Question::CleanupWhen(step) => (self.step(step), "the `when` of its cleanup"),
            Question::RetryWhen(step) => (self.step(step), "the `when` of its retry"),
            Question::ReleaseWhen(step) => (self.step(step), "the `when` of its release"),
            Question::FinalWhen(id) => (format!("`{id}`"), "its `when`"),
            Question::Items(step) => (self.step(step), "its `for_each`"),
        };
        let said = match answer {
            Answer::Yes => "is true",
            Answer::No => "is false",
            Answer::Items(items) => return format!("{step} is repeated for {} items", items.len()),
            Answer::Error(_) => "has no value",
        };
        format!("{step}: {what} {said}")
    }

    fn ended(&self, command: &CommandId, exit: &Exit) -> String {
        let said = match exit {
            Exit::Code(code) => self.exited(command, *code),
            Exit::Signal(_) => "is ended by a signal".into(),
            Exit::TimedOut => "exceeds its time limit".into(),
            Exit::Cancelled => "is ended because the run was cancelled".into(),
            Exit::Lost => "is lost: nobody knows what became of it".into(),
            Exit::NotSpawned(_) => "cannot be started".into(),
        };
        format!("{} {said}", self.command(command))
    }

    fn exited(&self, command: &CommandId, code: i32) -> String {
        let expected = self.run.command(command).map(|planned| planned.expect.exit.contains(&code));
        match (is_probe(&command.role), expected == Some(true)) {
            (true, true) => "holds".into(),
            (true, false) if code == 1 => "does not hold".into(),
            (true, false) => "could not tell".into(),
            (false, true) => "succeeds".into(),
            (false, false) => format!("fails with exit code {code}"),
        }
    }

    fn judged(&self, command: &CommandId, judgement: &Judgement) -> String {
        let said = match (is_probe(&command.role), judgement) {
            (true, Judgement::Met { .. }) => "holds",
            (true, Judgement::Unmet { .. }) => "does not hold",
            (true, Judgement::Unclear { .. }) => "could not tell",
            (false, Judgement::Met { .. }) => "succeeds",
            (false, Judgement::Unmet { .. } | Judgement::Unclear { .. }) => "prints what was not expected",
        };
        format!("{} {said}", self.command(command))
    }

    fn said(&self, step: &StepId, debt: Option<DebtKind>, done: Done, by: &str) -> String {
        let what = debt.map_or("attempt", DebtKind::word);
        let said = match done {
            Done::Done => "is done",
            Done::NotDone => "is not done",
        };
        format!("{by} says that the {what} of {} {said}", self.step(step))
    }

    fn step(&self, id: &StepId) -> String {
        let index = self.run.plan().step_index(id.as_str());
        index.map_or_else(|| format!("`{id}`"), |step| named(self.run.plan(), step))
    }

    /// Returns a command as the subject of a sentence.
    fn command(&self, id: &CommandId) -> String {
        let Some(step) = id.step().map(|step| self.step(step)) else {
            return place(self.run.plan(), &id.subject, &id.role);
        };
        match &id.role {
            Role::Attempt => format!("{step}: attempt {}", id.round),
            Role::Guard(name) => format!("{step}: its guard `{name}`"),
            Role::Look(name) => format!("{step}: the look for its output `{name}`"),
            Role::Verify => format!("{step}: its verify"),
            Role::Cleanup => format!("{step}: {} of its cleanup after attempt {}", nth(id.r#try), id.round),
            Role::Rollback => format!("{step}: {} of its rollback", nth(id.r#try)),
            Role::Release => format!("{step}: {} of its release", nth(id.r#try)),
            Role::Invariant(name) | Role::Final(name) => format!("{step}: `{name}`"),
        }
    }
}

fn nth(r#try: u32) -> String {
    format!("try {try}")
}

fn is_probe(role: &Role) -> bool {
    matches!(role, Role::Guard(_) | Role::Verify | Role::Invariant(_))
}

fn is_end_of(event: Option<&Event>, command: &CommandId) -> bool {
    matches!(event, Some(Event::Ended { command: ended, .. }) if ended == command)
}

fn is_judgement_of(event: Option<&Event>, command: &CommandId) -> bool {
    matches!(event, Some(Event::Judged { command: judged, .. }) if judged == command)
}

/// Returns what an event has led to.
fn consequences(before: &Run, after: &Run) -> Vec<String> {
    let steps = 0..after.plan().steps.len();
    let mut told: Vec<String> = steps.filter_map(|step| settled(before, after, step)).collect();
    if before.phase() != after.phase() {
        told.extend(entered(after));
    }
    told
}

fn settled(before: &Run, after: &Run, step: usize) -> Option<String> {
    let name = || named(after.plan(), step);
    let (was, is) = (before.summary(step), after.summary(step));
    for (kind, was, is) in [
        ("cleanup", was.cleanup, is.cleanup),
        ("rollback", was.rollback, is.rollback),
        ("release", was.release, is.release),
    ] {
        if was != is && *is == Debt::Open {
            return Some(format!("the {kind} of {} stays owed", name()));
        }
    }
    if was.stage == is.stage {
        return None;
    }
    match is.stage {
        Stage::Settled(Outcome::Failed(_)) => {
            Some(format!("{} has failed for good{}", name(), reason(before, after, step)))
        }
        Stage::Settled(Outcome::Skipped) => Some(format!("{} is skipped", name())),
        Stage::InDoubt(_) => Some(format!("{} is in doubt: a human must say whether it had its effect", name())),
        _ => None,
    }
}

/// Returns why a step that has attempts left is not attempted again, if it is for want of a licence.
fn reason(before: &Run, after: &Run, step: usize) -> &'static str {
    let planned = &after.plan().steps[step];
    let summary = after.summary(step);
    let has_more =
        before.phase() == Phase::Working && summary.attempts > 0 && summary.attempts < planned.retry.max_attempts.get();
    let is_licensed = planned.effect.read_only || planned.effect.idempotent || *summary.cleanup == Debt::Discharged;
    if has_more && !is_licensed { ": nothing makes it harmless to attempt it again" } else { "" }
}

fn entered(run: &Run) -> Option<String> {
    match run.phase() {
        Phase::Halting => Some("nothing new starts".into()),
        Phase::Unwinding => Some("the run unwinds".into()),
        Phase::AtRest => Some(at_rest(run)),
        Phase::New | Phase::Guarding | Phase::Working | Phase::Resting => None,
    }
}

fn at_rest(run: &Run) -> String {
    let verdict = run.verdict_so_far();
    let open = opens(run);
    if open.is_empty() {
        format!("the run is at rest: {verdict}")
    } else {
        format!("the run is at rest: {verdict}, because {}", open.join(" and "))
    }
}

/// Returns what a human must see to, each as a sentence.
pub(super) fn opens(run: &Run) -> Vec<String> {
    run.open().iter().map(|item| opened(run, item)).collect()
}

fn opened(run: &Run, item: &Open) -> String {
    let teller = Teller { run };
    match item {
        Open::InDoubt { step, .. } => format!("{} is in doubt", teller.step(step)),
        Open::Undecided { step } => format!("nobody has decided what the failure of {} means", teller.step(step)),
        Open::Owed { step, debt } => format!("the {} of {} is owed", debt.word(), teller.step(step)),
        Open::Invariant { id, .. } => {
            let invariant = place(run.plan(), &Subject::Playbook, &Role::Invariant(id.as_str().into()));
            format!("{invariant} does not hold or could not tell")
        }
    }
}
