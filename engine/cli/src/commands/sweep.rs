//! `firedrill sweep`

use std::collections::BTreeSet;
use std::sync::Arc;

use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::SweptKind;
use firedrill_model::source::Spanned;
use firedrill_report::{Detail, SweepExtent, SweepFinding, SweepPoint, SweepReport, sweep_json, sweep_text};
use firedrill_sim::sweep::{Counterexample, Extent, FaultKind, PointVerdicts, Property, Quantifier, Rule};
use firedrill_sim::{Sweep, Swept};

use super::plan::{Prepared, prepared};
use crate::args::{Format, GivenArgs, SweepArgs, World};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::rehearsal::{self, Loaded};
use crate::rehearsing::cores;
use crate::terminal::Terminal;

/// What somebody said must always or never be so.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// How often.
    pub(super) quantifier: Quantifier,
    /// What.
    pub(super) text: String,
    /// Where it stands, if in a file.
    pub(super) place: Option<String>,
}

pub(super) fn sweep(
    args: SweepArgs,
    home: impl Fn() -> Result<Home, Failure>,
    terminal: &Terminal,
) -> Result<Status, Failure> {
    if args.in_worlds.world {
        return super::sweep_world::sweep(&args, terminal);
    }
    let flags = said(&args);
    let wanted = args.kinds();
    let (file, _) = rehearsal::pair(&args.file);
    let given = GivenArgs {
        input: args.input,
        inputs: args.inputs,
        secret: Vec::new(),
        target: None,
        sandbox: Some(World::Home),
    };
    let Prepared { rehearsal, planned } = prepared(&file, &given, home, terminal)?;
    let plan = Arc::new(planned.plan);
    let rules = rehearsal.as_ref().map(|loaded| &loaded.rehearsal.sweep);
    let depth = args.depth.or(rules.and_then(|rules| Some(rules.depth.as_ref()?.value))).unwrap_or(Sweep::DEPTH);
    let written = rules.and_then(|rules| rules.faults.as_ref()).filter(|_| args.faults.is_empty());
    let kinds = written.map_or(wanted, |kinds| kinds.value.iter().map(|kind| kind.value).collect());
    let said = [rehearsal.as_ref().map(of_file).unwrap_or_default(), flags].concat();
    let sweep = Sweep::new(Arc::clone(&plan)).depth(depth).budget(args.budget).faults(machine_kinds(&kinds));
    let sweep = sweep.threads(args.machine.jobs.unwrap_or_else(cores));
    let sweep = properties(&plan, &said)?.into_iter().fold(sweep, Sweep::property);
    let swept = sweep.run().map_err(|error| {
        Failure::failed(format!("the engine refused what it had asked for: {error}"))
            .help("this is a fault of firedrill: please report it with the playbook")
    })?;
    let report = reported(&plan, depth, &kinds, &swept);
    let detail = if args.verbose { Detail::Everything } else { Detail::Usual };
    terminal.print(&match args.outlet.json.format() {
        Format::Text => sweep_text(&report, detail, terminal.columns, terminal.colour),
        Format::Json => sweep_json(&report) + "\n",
    });
    Ok(if report.violations.is_empty() { Status::Done } else { Status::Failed })
}

fn said(args: &SweepArgs) -> Vec<Said> {
    let of = |quantifier, texts: &[String]| -> Vec<Said> {
        texts.iter().map(|text| Said { quantifier, text: text.clone(), place: None }).collect()
    };
    [of(Quantifier::Always, &args.always), of(Quantifier::Never, &args.never)].concat()
}

/// Returns what a rehearsal says must always or never be so.
fn of_file(loaded: &Loaded) -> Vec<Said> {
    let rules = &loaded.rehearsal.sweep;
    let of = |quantifier, texts: &[Spanned<String>]| -> Vec<Said> {
        let said = texts.iter().map(|text| {
            let (line, _) = loaded.source.line_column(text.span.start);
            let place = Some(format!("line {line} of {}", loaded.source.name));
            Said { quantifier, text: text.value.clone(), place }
        });
        said.collect()
    };
    [of(Quantifier::Always, &rules.always), of(Quantifier::Never, &rules.never)].concat()
}

/// Reads properties; the first that cannot be read is told with its place.
pub(super) fn properties(plan: &Plan, said: &[Said]) -> Result<Vec<Property>, Failure> {
    said.iter().map(|said| property(plan, said)).collect()
}

fn property(plan: &Plan, said: &Said) -> Result<Property, Failure> {
    let word = said.quantifier.word();
    match Property::parse(&said.text, said.quantifier, plan) {
        Ok(property) => Ok(said.place.iter().fold(property, Property::at)),
        Err(error) => {
            let before = said.text.get(..error.offset).unwrap_or_default().chars().count();
            let excerpt = format!("    {}\n    {}^", said.text.replace(['\n', '\t'], " "), " ".repeat(before));
            Err(match &said.place {
                None => Failure::usage(format!("--{word}: {error}\n{excerpt}")),
                Some(place) => Failure::invalid(format!("{place}: {word}: {error}\n{excerpt}")),
            })
        }
    }
}

/// Returns the faults of the state machine that kinds of faults stand for. All of them take in what has no other name.
fn machine_kinds(kinds: &[SweptKind]) -> Vec<FaultKind> {
    if kinds.len() == SweptKind::ALL.len() {
        return FaultKind::ALL.to_vec();
    }
    let kinds: BTreeSet<FaultKind> = kinds.iter().flat_map(|kind| FaultKind::of(*kind)).copied().collect();
    kinds.into_iter().collect()
}

fn reported(plan: &Plan, depth: u32, kinds: &[SweptKind], swept: &Swept) -> SweepReport {
    let complete = match swept.extent {
        Extent::Complete { depth } => Some(depth),
        Extent::Stopped { within } => within.checked_sub(1),
    };
    let tried = machine_kinds(kinds);
    let points = swept.points.iter().filter(|found| tried.contains(&found.point.kind));
    let is_all = kinds.len() == SweptKind::ALL.len();
    SweepReport {
        playbook: plan.playbook.clone(),
        plan: plan.digest(),
        extent: SweepExtent { states: swept.states, met: swept.met, wanted: depth, complete },
        only: (!is_all).then(|| kinds.iter().map(|kind| kind.word()).collect()),
        is_always_at_rest: !swept.violations.iter().any(|violation| violation.rule == Rule::ComesToRest),
        points: points.map(|point| reported_point(plan, point)).collect(),
        without_fault: swept.verdicts.first().into_iter().flat_map(|counts| counts.keys().copied()).collect(),
        violations: swept.violations.iter().map(finding).collect(),
        advice: swept.advice.iter().map(finding).collect(),
    }
}

fn reported_point(plan: &Plan, found: &PointVerdicts) -> SweepPoint {
    SweepPoint {
        what: found.point.words(plan),
        site: found.point.site.to_string(),
        kind: found.point.kind.name(),
        faults: found.faults,
        verdicts: found.verdicts.clone(),
        remains: found.remains.iter().map(|remains| (remains.verdict, remains.left.clone())).collect(),
    }
}

/// The last sentence of the story says what is wrong, which a finding says before it.
fn finding(found: &Counterexample) -> SweepFinding {
    let (_, story) = found.story.split_last().expect("a story says what is wrong");
    SweepFinding {
        rule: found.rule.words().to_owned(),
        why: found.why.clone(),
        hint: found.rule.hint().to_owned(),
        faults: found.faults,
        story: story.to_vec(),
    }
}
