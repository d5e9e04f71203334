//! `firedrill sweep --world`: every fault of a plan, each in a world of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firedrill_exec::rehearsal::{adopt_strays, end_on_signals};
use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::SweptKind;
use firedrill_report::rehearsal::{
    Finding, Mutant, Struck, Swept, annotations, junit, mutants_text, swept_json, swept_text,
};
use firedrill_run::injection::{Injection, Moment, Starts};
use firedrill_run::{CommandId, Event, Outcome, Role, Run, Stage, StepId, Subject, Verdict};
use firedrill_sim::{Aim, Strike, pairs, strikes};

use super::rehearse::{jobs, outlets, page};
use super::sweep_mutants;
use crate::args::{Format, SweepArgs};
use crate::failure::{Failure, Status};
use crate::rehearsing::{
    Berth, Case, Manner, Played, Rehearsing, Scratch, in_parallel, in_parallel_at, tail_of, told, virtual_time,
};
use crate::terminal::{self, Terminal};

/// How many runs at one place are worth that another one is recorded there first.
const WORTH_RECORDING: usize = 3;

pub(super) fn sweep(args: &SweepArgs, terminal: &Terminal) -> Result<Status, Failure> {
    adopt_strays().map_err(|error| Failure::failed(format!("processes cannot be adopted: {error}")))?;
    end_on_signals().map_err(|error| Failure::failed(format!("signals cannot be heard: {error}")))?;
    let rehearsing = Rehearsing::load(&args.file, terminal)?;
    let began = Instant::now();
    let sandbox = Sandbox {
        rehearsing: &rehearsing,
        situation: rehearsing.situation(args.in_worlds.scenario.as_deref())?,
        scenario: args.in_worlds.scenario.as_deref(),
        jobs: jobs(args.machine),
        watchdog: args.machine.watchdog.as_std(),
        is_fresh: args.in_worlds.fresh,
    };
    let depth = args.depth.or_else(|| rehearsing.rehearsal.sweep.depth.as_ref().map(|depth| depth.value)).unwrap_or(1);
    let kinds = kinds(args, &rehearsing);
    let clean = sandbox.clean(None)?;
    let plan = rehearsing.usual_plan(&sandbox.situation)?;
    let all = strikes(&plan, &kinds);
    let counted = targets(&all, depth).count();
    let here: Vec<Strike> = all.into_iter().filter(|strike| !clean.leaves_out(strike)).collect();
    let mut aimed = sandbox.aimed(&here, &clean.journal, depth)?;
    let elsewhere = counted - aimed.len();
    let inside = inside(&here, &clean.waits);
    let moments = inside.len();
    aimed.extend(inside);
    let progress = Progress::new(aimed.len(), args.outlet.json.format());
    let (struck, virtual_time) = sandbox.strike(&aimed, None, &progress)?;
    progress.over();
    let mut swept = Swept {
        playbook: args.file.display().to_string(),
        counted,
        elsewhere,
        inside: moments,
        struck,
        real_time: began.elapsed(),
        virtual_time,
    };
    if let Some(first) = swept.struck.first_mut() {
        first.unprovoked.extend(clean.findings);
    }
    let mutants = args.in_worlds.mutate.then(|| sweep_mutants::mutants(&sandbox, &plan, &kinds)).transpose()?;
    swept.real_time = began.elapsed();
    show(&swept, mutants.as_deref(), args, terminal)
}

/// Returns the kinds of faults: those of the command line, those of the rehearsal, all.
fn kinds(args: &SweepArgs, rehearsing: &Rehearsing) -> Vec<SweptKind> {
    match &rehearsing.rehearsal.sweep.faults {
        Some(faults) if args.faults.is_empty() => faults.value.iter().map(|kind| kind.value).collect(),
        _ => args.kinds(),
    }
}

fn show(swept: &Swept, mutants: Option<&[Mutant]>, args: &SweepArgs, terminal: &Terminal) -> Result<Status, Failure> {
    match args.outlet.json.format() {
        Format::Json => terminal.print(&(swept_json(swept, mutants) + "\n")),
        Format::Text => {
            terminal.print(&swept_text(swept, page(terminal)));
            terminal.print(&mutants.map(|mutants| mutants_text(mutants, page(terminal))).unwrap_or_default());
        }
    }
    let swept = std::slice::from_ref(swept);
    outlets(&args.outlet, &junit(&[], swept), &annotations(&[], swept), terminal)?;
    Ok(if swept[0].is_green() { Status::Done } else { Status::Failed })
}

/// Where the runs of a sweep take place.
pub(super) struct Sandbox<'a> {
    pub(super) rehearsing: &'a Rehearsing,
    /// How every run begins.
    situation: Case<'a>,
    /// The scenario of the command line that describes it.
    scenario: Option<&'a str>,
    pub(super) jobs: NonZeroUsize,
    pub(super) watchdog: Duration,
    /// Whether every run begins at its beginning.
    is_fresh: bool,
}

/// How a plan is changed before it is run.
pub(super) type Change<'a> = &'a (dyn Fn(Plan) -> Plan + Sync);

/// Faults that only make others possible, and the journal of a run with them.
type Provoked = (Vec<Injection>, Vec<Event>);

/// A run without a fault.
pub(super) struct Clean {
    pub(super) journal: Vec<Event>,
    /// How often each command waited for time to pass.
    waits: BTreeMap<CommandId, u32>,
    /// The steps that were skipped.
    skipped: BTreeSet<StepId>,
    /// What is wrong although the run has succeeded.
    pub(super) findings: Vec<Finding>,
}

impl Clean {
    /// Returns whether a strike, and whatever makes it possible, is at steps that are skipped.
    fn leaves_out(&self, strike: &Strike) -> bool {
        let is_skipped = |injection: &Injection| match &injection.at {
            Moment::Start(Starts { subject: Subject::Step(step), .. }) => self.skipped.contains(step),
            _ => false,
        };
        strike.injections().all(is_skipped)
    }
}

/// Faults that are injected into one run; none if the plan never comes to one of them.
pub(super) struct Aimed {
    pub(super) injections: Vec<Injection>,
    is_reached: bool,
    /// What was to be struck, in words.
    what: String,
}

impl Sandbox<'_> {
    /// Runs the playbook in the situation as it is; that it succeeds is what everything else is held against.
    pub(super) fn clean(&self, change: Option<Change>) -> Result<Clean, Failure> {
        let case = Case { probes_before: true, change, ..self.situation.clone() };
        let (told, journal, skipped, waits, empty) = self.run(case, |played| {
            let journal: Vec<Event> = played.rehearsed.envelopes.iter().map(|it| it.event.clone()).collect();
            let skipped = skipped(&played.plan, &journal);
            let told = Struck::of(&told(played), Vec::new(), &tail_of(&played.dir), Vec::new());
            (told, journal, skipped, played.rehearsed.waits.clone(), empty_verifies(played))
        })?;
        if told.end.verdict() != Some(Verdict::Succeeded) {
            let why: Vec<String> =
                told.why.iter().chain(&told.unprovoked).map(|finding| format!("\n  {}", finding.text)).collect();
            let message = format!("without a fault the run is {}, not succeeded{}", told.end.words(), why.concat());
            let file = self.rehearsing.path.display();
            return Err(Failure::failed(message).help(format!("see it with `firedrill rehearse {file} --trace`")));
        }
        let findings = told.why.into_iter().chain(told.unprovoked).chain(empty).collect();
        Ok(Clean { journal, waits, skipped, findings })
    }

    /// Finds out where exactly each strike strikes, and what is struck together.
    pub(super) fn aimed(&self, strikes: &[Strike], clean: &[Event], depth: u32) -> Result<Vec<Aimed>, Failure> {
        let provoked = self.provoked(strikes)?;
        let aim = |strike: &Strike| {
            let known = provoked.iter().find(|(provoke, _)| *provoke == strike.provoke);
            let journal = known.map_or(clean, |(_, journal)| journal);
            strike.aimed(journal)
        };
        Ok(targets(strikes, depth).map(|together| Aimed::of(&together, &aim)).collect())
    }

    /// Runs the playbook with each set of faults that only makes others possible.
    fn provoked(&self, strikes: &[Strike]) -> Result<Vec<Provoked>, Failure> {
        let mut provocations: Vec<Vec<Injection>> = Vec::new();
        for strike in strikes.iter().filter(|strike| !strike.provoke.is_empty()) {
            if !provocations.contains(&strike.provoke) {
                provocations.push(strike.provoke.clone());
            }
        }
        let scratch = Scratch::new(false)?;
        let runs = in_parallel(
            &provocations,
            self.jobs,
            |at, faults| {
                let case = Case { faults: faults.clone(), ..self.situation.clone() };
                let played = self.rehearsing.play(&case, &scratch.world(at), &self.manner())?;
                scratch.done(at);
                let journal = played.rehearsed.envelopes.into_iter().map(|envelope| envelope.event).collect();
                Ok((faults.clone(), journal))
            },
            |_, _| {},
        );
        runs.into_iter().collect()
    }

    /// Runs the playbook once under each of these, and returns what came of it and how much virtual time passed.
    pub(super) fn strike(
        &self,
        aimed: &[Aimed],
        change: Option<Change>,
        progress: &Progress,
    ) -> Result<(Vec<Struck>, Duration), Failure> {
        let scratch = Scratch::new(false)?;
        let is_shared = !self.is_fresh && aimed.len() >= self.jobs.get() * WORTH_RECORDING;
        let results = in_parallel_at(
            aimed,
            self.jobs,
            |job| {
                let case = Case { change, ..self.situation.clone() };
                Berth::new(self.rehearsing, case, scratch.world(job), self.manner(), is_shared)
            },
            |berth, _, aimed| self.strike_one(aimed, berth),
            |_, _| progress.one(),
        );
        let results: Vec<(Struck, Duration)> = results.into_iter().collect::<Result<_, Failure>>()?;
        let virtual_time = results.iter().map(|(_, virtual_time)| *virtual_time).sum();
        Ok((results.into_iter().map(|(struck, _)| struck).collect(), virtual_time))
    }

    fn strike_one(&self, aimed: &Aimed, berth: &mut Berth) -> Result<(Struck, Duration), Failure> {
        let played = berth.play(&aimed.injections)?;
        let reproduce = self.reproduce(aimed);
        let struck = Struck::of(&told(&played), aimed.injections.clone(), &tail_of(&played.dir), reproduce);
        let mut struck = struck.without(&berth.root().display().to_string());
        if !aimed.is_reached {
            struck.has_struck = false;
            struck.what.clone_from(&aimed.what);
        }
        Ok((struck, virtual_time(&played)))
    }

    fn reproduce(&self, aimed: &Aimed) -> Vec<String> {
        let file = self.rehearsing.path.display().to_string();
        let words = ["firedrill".to_owned(), "rehearse".to_owned(), file];
        let scenario = self.scenario.into_iter().flat_map(|name| ["--scenario".to_owned(), name.to_owned()]);
        let faults = aimed.injections.iter().flat_map(|fault| ["--fault".to_owned(), fault.to_string()]);
        words.into_iter().chain(scenario).chain(faults).chain(["--trace".to_owned()]).collect()
    }

    /// Runs one case in a thread of its own and takes from it what is wanted before its world is gone.
    pub(super) fn run<R: Send>(&self, case: Case, take: impl Fn(&Played) -> R + Sync) -> Result<R, Failure> {
        let scratch = Scratch::new(false)?;
        let work =
            |at: usize, case: &Case| Ok(take(&self.rehearsing.play(case, &scratch.world(at), &self.manner())?));
        let results = in_parallel(&[case], NonZeroUsize::MIN, work, |_, _| {});
        results.into_iter().next().expect("one case is played")
    }

    pub(super) fn manner(&self) -> Manner<'_> {
        Manner { watchdog: self.watchdog, trace: None }
    }
}

impl Aimed {
    fn of(strikes: &[&Strike], aim: &impl Fn(&Strike) -> Option<Injection>) -> Aimed {
        let mut injections: Vec<Injection> = Vec::new();
        let mut is_reached = true;
        for strike in strikes {
            let aimed = aim(strike);
            is_reached &= aimed.is_some();
            for injection in strike.provoke.iter().cloned().chain(aimed) {
                if !injections.contains(&injection) {
                    injections.push(injection);
                }
            }
        }
        let what: Vec<&str> = strikes.iter().map(|strike| strike.what.as_str()).collect();
        Aimed { injections, is_reached, what: what.join("; then ") }
    }
}

/// Iterates over what is struck: every strike by itself, and at depth 2 every pair that can strike in one run.
fn targets(strikes: &[Strike], depth: u32) -> impl Iterator<Item = Vec<&Strike>> {
    let single = strikes.iter().map(|strike| vec![strike]);
    single.chain(pairs(strikes).filter(move |_| depth > 1).map(|(one, other)| vec![one, other]))
}

/// Returns the strikes of running attempts and hooks at each of the moments at which they wait in a run without a fault.
fn inside(strikes: &[Strike], waits: &BTreeMap<CommandId, u32>) -> Vec<Aimed> {
    let mut inside = Vec::new();
    for strike in strikes.iter().filter(|it| it.kind.strikes_while_running() && it.aim == Aim::Command) {
        let Moment::Start(starts) = &strike.injection.at else { continue };
        if !matches!(starts.role, Role::Attempt | Role::Cleanup | Role::Rollback | Role::Release) {
            continue;
        }
        let first = waits.iter().find(|(id, _)| id.subject == starts.subject && id.role == starts.role);
        for wait in 1..=first.map_or(0, |(_, waits)| *waits) {
            let at = Moment::Start(Starts { wait: Some(wait), ..starts.clone() });
            let injection = Injection { at, kind: strike.injection.kind.clone() };
            inside.push(Aimed {
                injections: strike.provoke.iter().cloned().chain([injection]).collect(),
                is_reached: true,
                what: strike.what.clone(),
            });
        }
    }
    inside
}

/// Returns the steps that were skipped in a run.
fn skipped(plan: &Arc<Plan>, journal: &[Event]) -> BTreeSet<StepId> {
    let mut run = Run::new(Arc::clone(plan));
    let is_told = journal.iter().all(|event| run.apply(event).is_ok());
    debug_assert!(is_told, "what was recorded can be applied");
    let steps = run.plan().steps.iter().enumerate();
    let skipped = steps.filter(|(at, _)| *run.summary(*at).stage == Stage::Settled(Outcome::Skipped));
    skipped.map(|(_, step)| step.id.as_str().into()).collect()
}

/// Returns the verifies that held before their step had done anything.
fn empty_verifies(played: &Played) -> Vec<Finding> {
    let steps = played.rehearsed.empty_verifies.iter().map(|step| {
        let line = played.plan.step_index(step.as_str()).map(|at| played.plan.steps[at].line);
        let at = line.map(|line| format!(" (line {line})")).unwrap_or_default();
        let text = format!(
            "the verify of `{step}`{at} holds before the step has run: it proves nothing. Probe what only the step brings about"
        );
        Finding { text, line }
    });
    steps.collect()
}

/// Tells on a terminal how far a sweep is.
pub(super) struct Progress {
    all: usize,
    done: std::cell::Cell<usize>,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(all: usize, format: Format) -> Progress {
        let is_shown = format == Format::Text && std::io::stderr().is_terminal();
        Progress { all, done: std::cell::Cell::new(0), is_shown }
    }

    fn one(&self) {
        self.done.set(self.done.get() + 1);
        if self.is_shown {
            terminal::tell(&format!("\r{} of {} ", self.done.get(), self.all));
        }
    }

    fn over(&self) {
        if self.is_shown {
            terminal::tell("\r\x1b[K");
        }
    }
}
