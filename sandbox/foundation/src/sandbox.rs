//! The verbs behind `firedrill sandbox`: show and enter a world, set faults and durations, break and mend situations, judge it.

mod assert;
mod check;
mod moment;
mod platform;
mod serve;

use std::io::{self, Write};
use std::path::Path;

use firedrill_model::shell::quote_bare;
use firedrill_model::units::Duration;

use crate::artifacts::Artifacts;
use crate::clock::Moment;
use crate::director::Director;
use crate::fault::{Fault, FaultPoint, Faults, UnknownPoint};
use crate::foundation::{Foundation, Layout};
use crate::later::{Agenda, Appointment, Turn};
use crate::opsman::{Change, OpsManager};
use crate::pace::{Phase, UnknownPhase};
use crate::situation::{Situation, Situations, UnknownSituation};
use crate::suggest::hint;
use crate::tasks::TaskBoard;
use crate::world::{Settings, World, WorldError};

const VERBS: [&str; 13] =
    ["show", "env", "fault", "pace", "break", "mend", "later", "check", "assert", "layout", "mark", "diff", "serve"];

/// A sandbox command that did not do its work, a check that found something, or an assertion that is not true.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The world cannot be used.
    #[error(transparent)]
    World(#[from] WorldError),
    /// No such fault point.
    #[error(transparent)]
    Point(#[from] UnknownPoint),
    /// No such phase.
    #[error(transparent)]
    Phase(#[from] UnknownPhase),
    /// No such situation.
    #[error(transparent)]
    Situation(#[from] UnknownSituation),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The check found something unsafe; the lines were printed.
    #[error("the sandbox is not safe: {findings} finding{}", if *findings == 1 { "" } else { "s" })]
    Unsafe {
        /// How many lines were printed.
        findings: usize,
    },
    /// What was asserted is not so.
    #[error("{0}")]
    Untrue(String),
    /// The report could not be printed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Runs one of the verbs on the world at `world`, and prints to `out`.
///
/// `show`, `env`, which prints lines for a shell's `eval`, `fault POINT --exit N [--times N] [--text MESSAGE]`, `fault POINT --clear`, `fault --list`,
/// `pace PHASE DURATION`, `pace --list`, `break SITUATION`, `mend SITUATION`, `later DURATION break|mend SITUATION`,
/// which happens when the first stand-in looks after that time, `layout NAME`, which begins anew with other deployments,
/// `mark NAME`, and `diff [NAME]`, which prints what has changed since. `check` fails if it finds something unsafe,
/// `assert` if something is not so: `lock free|held|ours|theirs`, `leftover none|ours|theirs`, `restore none|half-done`,
/// `artifacts N whole|incomplete`, `calls PROGRAM.SUBCOMMAND N`. `serve DURATION [--port N]` answers HTTP on loopback.
pub fn sandbox_command(world: &Path, args: &[String], out: &mut dyn Write) -> Result<(), SandboxError> {
    perform(&World::open(world)?, args, out)
}

/// Runs the stand-in `sandbox`: the verbs on the world that it is called in.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let mut printed = Vec::new();
    let done = perform(world, args, &mut printed);
    crate::out(&String::from_utf8_lossy(&printed));
    match done {
        Ok(()) => Ok(0),
        Err(SandboxError::World(error)) => Err(error),
        Err(error) => {
            crate::err(&format!("sandbox: {error}\n"));
            Ok(1)
        }
    }
}

fn perform(world: &World, args: &[String], out: &mut dyn Write) -> Result<(), SandboxError> {
    let Some((verb, rest)) = args.split_first() else {
        return Err(SandboxError::Usage(format!("a verb is missing: one of {}", VERBS.join(", "))));
    };
    match verb.as_str() {
        "show" => show(world, out),
        "env" => env(world, out),
        "fault" => fault(world, rest, out),
        "pace" => pace(world, rest, out),
        "break" => Ok(Turn::Break.take(&situation(rest)?, world)?),
        "mend" => Ok(Turn::Mend.take(&situation(rest)?, world)?),
        "later" => later(world, rest),
        "serve" => serve(world, rest),
        "check" => check::check(world, out),
        "assert" => assert::assert(world, rest),
        "layout" => layout(world, rest),
        "mark" => match rest {
            [name] => moment::mark(world, name),
            _ => Err(SandboxError::Usage("`mark` needs a name for the moment".into())),
        },
        "diff" => match rest {
            [] => moment::diff(world, None, out),
            [name] => moment::diff(world, Some(name), out),
            _ => Err(SandboxError::Usage("`diff` needs the name of a moment, or nothing".into())),
        },
        other => Err(SandboxError::Usage(format!(
            "no sandbox verb is called `{other}`{}",
            hint(other, VERBS.iter().copied())
        ))),
    }
}

fn situation(words: &[String]) -> Result<Situation, UnknownSituation> {
    words.join(" ").parse()
}

fn later(world: &World, args: &[String]) -> Result<(), SandboxError> {
    let [time, turn, words @ ..] = args else {
        return Err(SandboxError::Usage("`later` needs a duration, then `break` or `mend` and a situation".into()));
    };
    let turn = match turn.as_str() {
        "break" => Turn::Break,
        "mend" => Turn::Mend,
        other => return Err(SandboxError::Usage(format!("`later` knows `break` and `mend`, not `{other}`"))),
    };
    let appointment = Appointment::new(Moment::now().after(duration(time)?.as_std()), turn, situation(words)?);
    Ok(world.update(|agenda: &mut Agenda| agenda.add(appointment))?)
}

/// Begins anew with the deployments of a layout.
fn layout(world: &World, args: &[String]) -> Result<(), SandboxError> {
    let [name] = args else {
        return Err(SandboxError::Usage(format!("`layout` needs one of {}", layouts().join(", "))));
    };
    let named = Layout::ALL.into_iter().find(|layout| layout.name() == name);
    let layout = named.ok_or_else(|| {
        let hint = hint(name, layouts());
        SandboxError::Usage(format!("no layout is called `{name}`{hint}; the layouts are {}", layouts().join(", ")))
    })?;
    Ok(world.lay_out(layout)?)
}

fn serve(world: &World, args: &[String]) -> Result<(), SandboxError> {
    match args {
        [time] => serve::serve(world, duration(time)?.as_std(), 0),
        [time, flag, port] if flag == "--port" => {
            serve::serve(world, duration(time)?.as_std(), number("--port", port)?)
        }
        _ => Err(SandboxError::Usage("`serve` needs how long, and perhaps --port and a number".into())),
    }
}

fn layouts() -> Vec<&'static str> {
    Layout::ALL.into_iter().map(Layout::name).collect()
}

fn duration(text: &str) -> Result<Duration, SandboxError> {
    text.parse().map_err(|error| SandboxError::Usage(format!("`{text}` is no duration: {error}")))
}

fn fault(world: &World, args: &[String], out: &mut dyn Write) -> Result<(), SandboxError> {
    match args {
        [list] if list == "--list" => {
            for fault in world.read::<Faults>()?.iter() {
                writeln!(out, "{fault}")?;
            }
            Ok(())
        }
        [point, clear] if clear == "--clear" => {
            let point: FaultPoint = point.parse()?;
            Ok(world.update(|faults: &mut Faults| faults.clear(point))?)
        }
        [point, options @ ..] => Ok(world.set_fault(parse_fault(point.parse()?, options)?)?),
        [] => Err(SandboxError::Usage("`fault` needs a point, or --list".into())),
    }
}

fn parse_fault(point: FaultPoint, options: &[String]) -> Result<Fault, SandboxError> {
    let mut fault = Fault::new(point, 0);
    for pair in options.chunks(2) {
        let [name, value] = pair else {
            return Err(SandboxError::Usage(format!("`{}` needs a value", pair[0])));
        };
        match name.as_str() {
            "--exit" => fault.exit = number(name, value)?,
            "--times" => fault.times = Some(number(name, value)?),
            "--text" => fault.text = Some(value.clone()),
            other => return Err(SandboxError::Usage(format!("`fault` has no option `{other}`"))),
        }
    }
    if fault.exit == 0 {
        return Err(SandboxError::Usage("a fault needs --exit with a number from 1 to 255".into()));
    }
    Ok(fault)
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, SandboxError> {
    value.parse().map_err(|_| SandboxError::Usage(format!("`{name}` needs a number, not `{value}`")))
}

fn pace(world: &World, args: &[String], out: &mut dyn Write) -> Result<(), SandboxError> {
    match args {
        [list] if list == "--list" => {
            let durations = world.read::<Settings>()?.durations;
            for phase in Phase::all() {
                writeln!(out, "{phase:<24}{}", durations.of(phase))?;
            }
            Ok(())
        }
        [phase, takes] => {
            let phase: Phase = phase.parse()?;
            let takes = duration(takes)?;
            Ok(world.update(|settings: &mut Settings| settings.durations.set(phase, takes))?)
        }
        _ => Err(SandboxError::Usage("`pace` needs a phase and how long it takes, or --list".into())),
    }
}

/// Prints what a shell needs so that its commands meet the world.
fn env(world: &World, out: &mut dyn Write) -> Result<(), SandboxError> {
    for (name, value) in world.environment()? {
        writeln!(out, "export {name}={}", quote_bare(&value))?;
    }
    writeln!(out, "export PATH={}:\"$PATH\"", quote_bare(&world.bin().display().to_string()))?;
    Ok(())
}

fn show(world: &World, out: &mut dyn Write) -> Result<(), SandboxError> {
    let director: Director = world.read()?;
    let answers = if director.is_reachable() { "answers" } else { "does not answer" };
    writeln!(out, "director    {} at {}, {answers}", director.name, director.url())?;
    let vm = world.vm();
    let holder = vm.lock_holder().map_or("unlocked".to_owned(), |holder| format!("locked by {}", holder.name()));
    writeln!(out, "lock        {holder}")?;
    let directory = vm.directory_holder().map_or("none".to_owned(), |holder| format!("of {}", holder.name()));
    writeln!(out, "leftover    {directory}")?;
    if let Some(holder) = vm.restore_holder() {
        writeln!(out, "restore     half done by {}", holder.name())?;
    }
    show_api(world, out)?;
    show_deployments(&world.foundation()?, out)?;
    platform::show(world, out)?;
    for (folder, fate) in world.read::<Artifacts>()?.iter() {
        writeln!(out, "artifact    {} {}", folder.display(), fate.name())?;
    }
    for fault in world.read::<Faults>()?.iter() {
        writeln!(out, "fault       {fault}")?;
    }
    for situation in world.read::<Situations>()?.iter() {
        writeln!(out, "broken      {situation}")?;
    }
    Ok(())
}

/// Healthy instances are only counted.
fn show_deployments(foundation: &Foundation, out: &mut dyn Write) -> Result<(), SandboxError> {
    for deployment in &foundation.deployments {
        let (all, name) = (deployment.instances.len(), &deployment.name);
        let well = deployment.instances.iter().filter(|instance| instance.process_state() == "running");
        writeln!(out, "deployment  {name}, {} of {all} instances running", well.count())?;
        for instance in deployment.instances.iter().filter(|instance| instance.process_state() != "running") {
            writeln!(out, "instance    {} {}", instance.name(), instance.process_state())?;
        }
        for problem in foundation.problems_of(name) {
            let description = problem.description.lines().next().unwrap_or_default();
            writeln!(out, "problem     {}: {description}", problem.kind.name())?;
        }
    }
    for disk in foundation.disks.iter().filter_map(|disk| Some((disk, disk.orphan()?))) {
        let exists = if disk.0.exists_in_iaas { "" } else { ", which does not exist" };
        writeln!(out, "orphan      {} of {}{exists}", disk.0.cid, disk.1.instance)?;
    }
    Ok(())
}

fn show_api(world: &World, out: &mut dyn Write) -> Result<(), SandboxError> {
    let board: TaskBoard = world.read()?;
    for task in board.active() {
        writeln!(out, "task        {} {} of {} by {}", task.id, task.description, task.deployment, task.user)?;
    }
    for lock in &board.locks {
        writeln!(out, "api lock    {} {} by task {}", lock.kind, lock.resource, lock.task_id)?;
    }
    let opsman: OpsManager = world.read()?;
    let pending = opsman.products.iter().filter(|product| product.change != Change::Unchanged);
    for product in pending {
        writeln!(out, "pending     {} {}", product.change.name(), product.guid)?;
    }
    for installation in opsman.installations.iter().filter(|one| one.status == "running") {
        writeln!(out, "applying    changes since {}", installation.started_at)?;
    }
    Ok(())
}
