//! `firedrill settle`

use std::collections::BTreeMap;

use firedrill_exec::RunDir;
use firedrill_exec::people::{self, Heard, SayError};
use firedrill_model::plan::{Plan, Step};
use firedrill_model::value::{Type, Value};
use firedrill_run::{DebtKind, Done, Event, Open};

use crate::args::{Said, SettleArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::inputs::Assignment;
use crate::terminal::Terminal;

pub(super) fn settle(args: SettleArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let event = event(&dir, args)?;
    say(&dir, &event, terminal)
}

/// Records what somebody says about a run, and says how the run goes on.
pub(super) fn say(dir: &RunDir, event: &Event, terminal: &Terminal) -> Result<Status, Failure> {
    let heard = people::say(dir, event).map_err(|error| refused(dir, error))?;
    terminal.print("recorded\n");
    let waits = |open: &&Open| matches!(open, Open::InDoubt { .. } | Open::Undecided { .. });
    let next = match (people::read(dir)?.open().iter().filter(waits).count(), heard) {
        (0, Heard::ByEngine) => "the run goes on\n".to_owned(),
        (0, Heard::ForLater) => format!("go on from here: firedrill resume {}\n", dir.id()),
        (left, _) => format!("{left} still in doubt or undecided: firedrill show {}\n", dir.id()),
    };
    terminal.print(&next);
    Ok(Status::Done)
}

/// Says why something was not recorded.
pub(super) fn refused(dir: &RunDir, error: SayError) -> Failure {
    match error {
        SayError::Refused(why) => {
            Failure::usage(why).help(format!("`firedrill show {}` lists what a human must see to", dir.id()))
        }
        SayError::Drive(error) => error.into(),
        SayError::Deaf(_) => Failure::failed(error.to_string()),
    }
}

fn event(dir: &RunDir, args: SettleArgs) -> Result<Event, Failure> {
    let run = people::read(dir)?;
    let plan = run.plan();
    let (name, debt) = subject(&args.what);
    let step = named(plan, name)?;
    let outputs = outputs(step, &args.output)?;
    Ok(Event::Settled {
        step: step.id.as_str().into(),
        debt,
        done: match args.done {
            Said::Done => Done::Done,
            Said::NotDone => Done::NotDone,
        },
        outputs,
        by: args.by,
        note: args.note,
    })
}

/// Splits `STEP.cleanup` and the like.
fn subject(what: &str) -> (&str, Option<DebtKind>) {
    let split = what.rsplit_once('.').and_then(|(step, word)| {
        let kind = DebtKind::ALL.into_iter().find(|kind| kind.word() == word)?;
        Some((step, Some(kind)))
    });
    split.unwrap_or((what, None))
}

pub(super) fn named<'a>(plan: &'a Plan, name: &str) -> Result<&'a Step, Failure> {
    let found = plan.step_index(name).map(|at| &plan.steps[at]);
    found.ok_or_else(|| Failure::usage(format!("the run has no step `{name}`")))
}

/// Reads outputs by the types that the playbook gives them.
pub(super) fn outputs(step: &Step, given: &[Assignment]) -> Result<BTreeMap<String, Value>, Failure> {
    given.iter().map(|output| Ok((output.name.clone(), value(step, output)?))).collect()
}

/// Reads an output by the type that the playbook gives it.
fn value(step: &Step, output: &Assignment) -> Result<Value, Failure> {
    let own = step.command().into_iter().flat_map(|command| &command.outputs);
    let rules = own.chain(step.looks.iter().flat_map(|look| &look.command.outputs));
    let declared: Option<Type> = rules.into_iter().find(|rule| rule.name == output.name).map(|rule| rule.r#type);
    let declared =
        declared.ok_or_else(|| Failure::usage(format!("step `{}` has no output `{}`", step.id, output.name)))?;
    declared.read(&output.value).map_err(|mismatch| Failure::usage(format!("--output {}: {mismatch}", output.name)))
}
