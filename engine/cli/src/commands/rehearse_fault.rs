//! `firedrill rehearse --fault`: one run with faults of the command line.

use firedrill_report::rehearsal::{Board, Finding, Struck};

use crate::args::{Format, RehearseArgs};
use crate::failure::{Failure, Status};
use crate::rehearsing::{Case, Manner, Rehearsing, Scratch, in_parallel, tail_of, told};
use crate::terminal::Terminal;

/// Plays one case with the faults of the command line and says whether it ends safe.
pub(super) fn rehearse(args: &RehearseArgs, loaded: &[Rehearsing], terminal: &Terminal) -> Result<Status, Failure> {
    let [rehearsing] = loaded else {
        return Err(Failure::usage("`--fault` needs exactly one FILE"));
    };
    let scratch = Scratch::new(args.keep)?;
    let case = Case { faults: args.fault.clone(), ..Case::default() };
    let format = args.outlet.json.format();
    let manner = Manner { watchdog: args.machine.watchdog.as_std(), trace: args.trace.then_some((terminal, format)) };
    let played = in_parallel(
        &[case],
        std::num::NonZeroUsize::MIN,
        |at, case| rehearsing.play(case, &scratch.world(at), &manner),
        |_, _| {},
    );
    let played = played.into_iter().next().expect("one case is played")?;
    let struck = Struck::of(&told(&played), args.fault.clone(), &tail_of(&played.dir), Vec::new());
    if args.keep {
        terminal.print(&format!("the world and the run are kept in {}\n", scratch.root().display()));
    }
    let faults: Vec<String> = args.fault.iter().map(ToString::to_string).collect();
    let name = faults.join(" + ");
    let never = told(&played).unused_faults.into_iter().map(|fault| {
        let text = format!("{fault} never struck: the run did not come to it, or not so often");
        Finding { text, line: None }
    });
    let findings: Vec<Finding> = struck.why.iter().chain(&struck.unprovoked).cloned().chain(never).collect();
    let is_green = findings.is_empty();
    let performed = super::rehearse::performed(&name, &played, findings);
    let file = rehearsing.path.display().to_string();
    if format == Format::Text {
        let board = Board::new(super::rehearse::page(terminal), &file, &[&name]);
        terminal.print(&board.faults(&performed, &faults));
    }
    Ok(if is_green { Status::Done } else { Status::Failed })
}
