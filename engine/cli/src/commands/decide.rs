//! `firedrill decide`

use firedrill_exec::people;
use firedrill_run::{Event, Ruling};

use super::settle::{named, outputs, say};
use crate::args::{self, DecideArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

pub(super) fn decide(args: DecideArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let ruling = ruling(args.ruling);
    if ruling != Ruling::Done && !args.output.is_empty() {
        return Err(Failure::usage("--output belongs to `done`: only a step that is done has outputs"));
    }
    let run = people::read(&dir)?;
    let step = named(run.plan(), &args.step)?;
    let outputs = outputs(step, &args.output)?;
    let event = Event::Ruled { step: step.id.as_str().into(), ruling, outputs, by: args.by, note: args.note };
    say(&dir, &event, terminal)
}

fn ruling(ruling: args::Ruling) -> Ruling {
    match ruling {
        args::Ruling::Retry => Ruling::Retry,
        args::Ruling::Done => Ruling::Done,
        args::Ruling::Rollback => Ruling::Rollback,
        args::Ruling::Stop => Ruling::Stop,
    }
}
