//! `firedrill rehearse --fault`: one run with faults of the command line.

use firedrill_report::rehearsal::{Board, Finding, Rehearsed, Struck, annotations, junit, rehearsed_json};

use super::rehearse::{outlets, page};
use crate::args::{Format, RehearseArgs};
use crate::failure::{Failure, Status};
use crate::rehearsing::{Case, Manner, Rehearsing, Scratch, in_parallel, tail_of, told};
use crate::terminal::Terminal;

/// Plays one case with the faults of the command line and says whether it ends safe.
pub(super) fn rehearse(args: &RehearseArgs, loaded: &[Rehearsing], terminal: &Terminal) -> Result<Status, Failure> {
    let [rehearsing] = loaded else {
        return Err(Failure::usage("`--fault` needs exactly one FILE"));
    };
    let scenario = match args.scenario.as_slice() {
        [] => None,
        [name] => Some(name.as_str()),
        _ => return Err(Failure::usage("with `--fault` there is one `--scenario` at the most")),
    };
    let scratch = Scratch::new(args.keep)?;
    let case = Case { faults: args.fault.clone(), ..rehearsing.situation(scenario)? };
    let format = args.outlet.json.format();
    let manner = Manner { watchdog: args.machine.watchdog.as_std(), trace: args.trace.then_some((terminal, format)) };
    let played = in_parallel(
        &[case],
        std::num::NonZeroUsize::MIN,
        |at, case| rehearsing.play(case, &scratch.world(at), &manner),
        |_, _| {},
    );
    let played = played.into_iter().next().expect("one case is played")?;
    let told = told(&played);
    let struck = Struck::of(&told, args.fault.clone(), &tail_of(&played.dir), Vec::new());
    if args.keep {
        terminal.print(&format!("the world and the run are kept in {}\n", scratch.root().display()));
    }
    let faults: Vec<String> = args.fault.iter().map(ToString::to_string).collect();
    let name = faults.join(" + ");
    let never = told.unused_faults.iter().map(|fault| {
        let text = format!("{fault} never struck: the run did not come to it, or not so often");
        Finding { text, line: None }
    });
    let findings: Vec<Finding> = struck.why.iter().chain(&struck.unprovoked).cloned().chain(never).collect();
    let is_green = findings.is_empty();
    let performed = super::rehearse::performed(&name, &played, findings);
    let file = rehearsing.path.display().to_string();
    let board = Board::new(page(terminal), &file, &[&name]);
    let text = board.faults(&performed, &faults);
    let real_time = performed.real_time;
    let playbook = rehearsing.playbook.name().to_owned();
    let all = [Rehearsed { file: file.clone(), playbook, scenarios: vec![performed], coverage: None }];
    match format {
        Format::Text => terminal.print(&text),
        Format::Json => terminal.print(&(rehearsed_json(&all, real_time) + "\n")),
    }
    outlets(&args.outlet, &junit(&all, &[]), &annotations(&all, &[]), terminal)?;
    Ok(if is_green { Status::Done } else { Status::Failed })
}
