//! `firedrill rehearse`

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firedrill_exec::clock;
use firedrill_exec::rehearsal::{adopt_strays, end_on_signals, is_interrupted};
use firedrill_exec::rehearsals::{self, Content, Record};
use firedrill_model::rehearsal::Scenario;
use firedrill_report::rehearsal::{
    Board, Coverage, Finding, Page, Performed, Rehearsed, annotations, count_text, coverage, judge, junit,
    rehearsed_json,
};

use crate::args::{Format, MachineArgs, OutletArgs, RehearseArgs};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::rehearsal;
use crate::rehearsing::{self, Case, Manner, Rehearsing, Scratch, in_parallel, tail_of, told, virtual_time};
use crate::terminal::Terminal;

/// How often files are looked at for a change.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

pub(super) fn rehearse(
    args: &RehearseArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    if args.target.is_some() {
        let help = "its inputs stand in NAME.rehearsal.yaml, and it touches nothing real";
        return Err(Failure::usage("a rehearsal has no target").help(help));
    }
    adopt_strays().map_err(|error| Failure::failed(format!("processes cannot be adopted: {error}")))?;
    end_on_signals().map_err(|error| Failure::failed(format!("signals cannot be heard: {error}")))?;
    let files = if args.files.is_empty() { rehearsals_here()? } else { args.files.clone() };
    let loaded = files.iter().map(|file| Rehearsing::load(file, terminal)).collect::<Result<Vec<_>, _>>()?;
    if !args.fault.is_empty() {
        return super::rehearse_fault::rehearse(args, &loaded, terminal);
    }
    if args.watch {
        return watch(&files, args, &home, terminal);
    }
    let all = play(&loaded, args, &home, terminal)?;
    conclude(&all, args, terminal)
}

/// Plays the scenarios again whenever something of theirs changes, until somebody stops it.
fn watch(
    files: &[PathBuf],
    args: &RehearseArgs,
    home: &impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    let playbooks: Vec<PathBuf> = files.iter().map(|file| rehearsal::pair(file).0).collect();
    let contents = || playbooks.iter().map(|playbook| Content::read(playbook).ok()).collect::<Vec<_>>();
    loop {
        let seen = contents();
        let loaded = files.iter().map(|file| Rehearsing::load(file, terminal)).collect::<Result<Vec<_>, _>>();
        let played = loaded.and_then(|loaded| play(&loaded, args, home, terminal));
        match played.and_then(|all| conclude(&all, args, terminal)) {
            Ok(_) => {}
            Err(failure) => terminal.complain(&failure),
        }
        terminal.print("waiting for a change (Ctrl-C ends this)\n\n");
        while contents() == seen {
            if is_interrupted() {
                return Ok(Status::Done);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}

/// Plays every scenario that is wanted, and keeps on record how that went.
fn play(
    loaded: &[Rehearsing],
    args: &RehearseArgs,
    home: &impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Played, Failure> {
    let began = Instant::now();
    let mut all = Vec::new();
    for rehearsing in loaded {
        let content = Content::read(rehearsing.playbook.path());
        let rehearsed = Rehearsal { rehearsing, args, terminal }.play()?;
        if args.scenario.is_empty() {
            keep_on_record(rehearsing, &rehearsed, content?, home)?;
        }
        all.push(rehearsed);
    }
    let is_any = all.iter().any(|file| !file.scenarios.is_empty());
    if !is_any {
        return Err(
            Failure::usage("no scenario has such a name").help("`--scenario` takes a part of a scenario's name")
        );
    }
    Ok(Played { all, real_time: began.elapsed() })
}

/// Keeps what `stale` asks for: when this playbook was rehearsed, and whether it was green.
fn keep_on_record(
    rehearsing: &Rehearsing,
    rehearsed: &Rehearsed,
    content: Content,
    home: &impl Fn() -> Result<Home, Failure>,
) -> Result<(), Failure> {
    let faults = rehearsing.rehearsal.scenarios.iter().map(|scenario| scenario.faults.len()).sum();
    let record = Record {
        playbook: rehearsing.playbook.path().to_owned(),
        at_ms: clock::now_ms(),
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        is_green: rehearsed.scenarios.iter().all(Performed::is_green),
        scenarios: rehearsed.scenarios.len(),
        faults,
        content,
    };
    Ok(rehearsals::record(home()?.path(), &record)?)
}

/// All rehearsals that were played.
struct Played {
    all: Vec<Rehearsed>,
    real_time: Duration,
}

/// A rehearsal file being played.
struct Rehearsal<'a> {
    rehearsing: &'a Rehearsing,
    args: &'a RehearseArgs,
    terminal: &'a Terminal,
}

/// What is kept of one scenario.
struct Outcome {
    performed: Performed,
    coverage: Option<Coverage>,
}

impl Rehearsal<'_> {
    fn play(&self) -> Result<Rehearsed, Failure> {
        let file = self.rehearsing.path.display().to_string();
        let scenarios: Vec<&Scenario> = self.chosen().collect();
        let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.value.as_str()).collect();
        let board = Board::new(page(self.terminal), &file, &names);
        let is_shown = self.args.outlet.json.format() == Format::Text && !scenarios.is_empty();
        let playbook = self.rehearsing.playbook.name().to_owned();
        if is_shown {
            self.terminal.print(&board.headline(&playbook));
        }
        let scratch = Scratch::new(self.args.keep)?;
        let jobs = if self.args.trace { NonZeroUsize::MIN } else { jobs(self.args.machine) };
        let outcomes = in_parallel(
            &scenarios,
            jobs,
            |at, scenario| {
                let outcome = self.scenario(scenario, &scratch.world(at));
                scratch.done(at);
                outcome
            },
            |_, outcome| {
                if let Some(outcome) = outcome.as_ref().ok().filter(|_| is_shown) {
                    self.terminal.print(&board.scenario(&outcome.performed));
                }
            },
        );
        if self.args.keep {
            self.terminal.print(&format!("worlds and runs are kept in {}\n", scratch.root().display()));
        }
        let outcomes: Vec<Outcome> = outcomes.into_iter().collect::<Result<_, _>>()?;
        Ok(collected(file, playbook, outcomes))
    }

    /// Iterates over the scenarios that are wanted.
    fn chosen(&self) -> impl Iterator<Item = &Scenario> {
        let wanted = &self.args.scenario;
        let is_wanted = move |scenario: &&Scenario| {
            wanted.is_empty() || wanted.iter().any(|part| scenario.name.value.contains(part.as_str()))
        };
        self.rehearsing.rehearsal.scenarios.iter().filter(is_wanted)
    }

    fn scenario(&self, scenario: &Scenario, root: &Path) -> Result<Outcome, Failure> {
        let case = Case::of(scenario);
        let trace = self.args.trace.then_some((self.terminal, self.args.outlet.json.format()));
        let manner = Manner { watchdog: self.args.machine.watchdog.as_std(), trace };
        let played = self.rehearsing.play(&case, root, &manner)?;
        let findings = judge(&scenario.expect, &told(&played), &tail_of(&played.dir));
        Ok(Outcome { performed: performed(&scenario.name.value, &played, findings), coverage: covered(&played) })
    }
}

/// Returns what is shown of a case that was played.
pub(super) fn performed(name: &str, played: &rehearsing::Played, findings: Vec<Finding>) -> Performed {
    let told = told(played);
    Performed {
        name: name.to_owned(),
        end: told.end,
        virtual_time: virtual_time(played),
        real_time: played.real_time,
        measured: told.measured,
        findings,
    }
}

fn covered(played: &rehearsing::Played) -> Option<Coverage> {
    coverage(&played.plan, [played.rehearsed.envelopes.as_slice()]).ok()
}

fn collected(file: String, playbook: String, outcomes: Vec<Outcome>) -> Rehearsed {
    let mut whole: Option<Coverage> = None;
    let mut scenarios = Vec::new();
    for Outcome { performed, coverage } in outcomes {
        scenarios.push(performed);
        match (&mut whole, coverage) {
            (Some(whole), Some(coverage)) => whole.merge(coverage),
            (None, coverage) => whole = coverage,
            (Some(_), None) => {}
        }
    }
    Rehearsed { file, playbook, scenarios, coverage: whole }
}

fn conclude(Played { all, real_time }: &Played, args: &RehearseArgs, terminal: &Terminal) -> Result<Status, Failure> {
    let (page, real_time) = (page(terminal), *real_time);
    match args.outlet.json.format() {
        Format::Json => terminal.print(&(rehearsed_json(all, real_time) + "\n")),
        Format::Text => {
            for coverage in all.iter().filter_map(|file| file.coverage.as_ref()).filter(|_| args.coverage) {
                terminal.print(&coverage.text(&page));
            }
            terminal.print(&count_text(all, real_time, page));
        }
    }
    outlets(&args.outlet, &junit(all, &[]), &annotations(all, &[]), terminal)?;
    let is_green = all.iter().flat_map(|file| &file.scenarios).all(Performed::is_green);
    if !is_green {
        return Ok(Status::Failed);
    }
    enough(all, args.min_coverage)
}

fn enough(all: &[Rehearsed], wanted: Option<u8>) -> Result<Status, Failure> {
    let Some(wanted) = wanted.map(usize::from) else {
        return Ok(Status::Done);
    };
    let short = all.iter().find(|file| file.coverage.as_ref().is_none_or(|coverage| coverage.percent() < wanted));
    match short {
        None => Ok(Status::Done),
        Some(file) => {
            let percent = file.coverage.as_ref().map_or(0, Coverage::percent);
            let message =
                format!("{}: scenarios exercise {percent} % of the playbook, {wanted} % is asked for", file.file);
            Err(Failure::failed(message).help("`firedrill rehearse --coverage` lists what no scenario has exercised"))
        }
    }
}

/// Writes what is for machines.
pub(super) fn outlets(args: &OutletArgs, junit: &str, annotations: &str, terminal: &Terminal) -> Result<(), Failure> {
    if let Some(file) = &args.junit {
        fs::write(file, junit).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    }
    if args.annotations || std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") {
        terminal.print(annotations);
    }
    Ok(())
}

/// Returns how many worlds there are at once.
pub(super) fn jobs(args: MachineArgs) -> NonZeroUsize {
    args.jobs.unwrap_or_else(rehearsing::jobs)
}

/// Returns the page on which this terminal prints.
pub(super) fn page(terminal: &Terminal) -> Page {
    Page { colour: terminal.colour, signs: terminal.signs(), columns: terminal.columns }
}

/// Returns the rehearsals in `playbooks/` or, if there is no such folder, here.
fn rehearsals_here() -> Result<Vec<PathBuf>, Failure> {
    let dir = Path::new("playbooks");
    let dir = if dir.is_dir() { dir } else { Path::new(".") };
    let entries = fs::read_dir(dir).map_err(|error| Failure::usage(format!("{}: {error}", dir.display())))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut rehearsals: Vec<PathBuf> =
        paths.filter(|path| path.to_string_lossy().ends_with(".rehearsal.yaml")).collect();
    rehearsals.sort();
    if rehearsals.is_empty() {
        let message = format!("there is no rehearsal in {}", dir.display());
        return Err(Failure::usage(message).help("name a playbook, or write NAME.rehearsal.yaml beside one"));
    }
    Ok(rehearsals)
}
