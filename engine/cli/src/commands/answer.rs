//! `firedrill answer`

use std::collections::BTreeMap;

use firedrill_exec::{RunDir, people};
use firedrill_model::judge::OutputRule;
use firedrill_model::value::Value;
use firedrill_run::{Ask, CommandId, Event, Response, Run};

use super::settle::refused;
use crate::args::AnswerArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::inputs::Assignment;
use crate::terminal::Terminal;

pub(super) fn answer(args: AnswerArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let run = people::read(&dir)?;
    let command = asked(&run, &args.what, &dir, Ask::Manual)?;
    let rules = run.command(&command).map_or(&[][..], |command| command.outputs.as_slice());
    let outputs = if args.done { outputs(rules, &args.output)? } else { BTreeMap::new() };
    let response = if args.done { Response::Done } else { Response::Failed };
    let event = Event::Answered { command, response, outputs, by: args.by, note: args.note, shown: String::new() };
    say(&dir, &event, terminal)
}

/// Returns the question that is meant.
pub(super) fn asked(run: &Run, what: &str, dir: &RunDir, ask: Ask) -> Result<CommandId, Failure> {
    let help = format!("`firedrill show {}` says what people are asked", dir.id());
    let Some(command) = people::question(run, what) else {
        return Err(Failure::usage(format!("nobody is asked anything by `{what}`")).help(help));
    };
    let found = run.waiting_for().into_iter().find(|waiting| waiting.command == command).map(|waiting| waiting.ask);
    match (found, ask) {
        (Some(Ask::Approve), Ask::Manual) => {
            Err(Failure::usage(format!("`{what}` asks for a decision")).help("decide it with `firedrill approve`"))
        }
        (Some(Ask::Manual), Ask::Approve) => {
            Err(Failure::usage(format!("`{what}` asks for something to be done"))
                .help("say so with `firedrill answer`"))
        }
        _ => Ok(command),
    }
}

/// Reads the values that are asked for, by their types; what is optional and not given is none.
fn outputs(rules: &[OutputRule], given: &[Assignment]) -> Result<BTreeMap<String, Value>, Failure> {
    let mut outputs: BTreeMap<String, Value> =
        rules.iter().filter(|rule| rule.optional).map(|rule| (rule.name.clone(), Value::None)).collect();
    for Assignment { name, value } in given {
        let rule = rules.iter().find(|rule| rule.name == *name);
        let rule = rule.ok_or_else(|| Failure::usage(format!("nobody asked for `{name}`")))?;
        let value = rule.r#type.read(value);
        let value = value.map_err(|mismatch| Failure::usage(format!("--output {name}: {mismatch}")))?;
        outputs.insert(name.clone(), value);
    }
    if let Some(missing) = rules.iter().find(|rule| !outputs.contains_key(&rule.name)) {
        let help = format!("add --output {}=VALUE, {}", missing.name, missing.r#type.name());
        return Err(Failure::usage(format!("`{}` is asked for, too", missing.name)).help(help));
    }
    Ok(outputs)
}

/// Records an answer, and says how the run goes on.
pub(super) fn say(dir: &RunDir, event: &Event, terminal: &Terminal) -> Result<Status, Failure> {
    let heard = people::say(dir, event).map_err(|error| refused(dir, error))?;
    terminal.print(&match heard {
        people::Heard::ByEngine => "recorded: the run goes on\n".to_owned(),
        people::Heard::ForLater => format!("recorded; go on from here: firedrill resume {}\n", dir.id()),
    });
    Ok(Status::Done)
}
