//! One run of a playbook in a fresh world.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firedrill_exec::rehearsal::{EPOCH_MS, Rehearsed, Staging, rehearse, while_nothing_starts};
use firedrill_exec::{About, Note, Provenance, RunDir, Sink};
use firedrill_foundation::{TIME_STAND_INS, World, install};
use firedrill_model::expression::Scope;
use firedrill_model::plan::{Origin, Plan};
use firedrill_model::rehearsal::{Answer, Decision, Reply, Sandbox, Scenario, fill, fill_command};
use firedrill_model::resolve::{Given, GivenValue};
use firedrill_model::source::Spanned;
use firedrill_model::value::Value;
use firedrill_report::measure::measure;
use firedrill_report::{AtRest, Purpose};
use firedrill_run::Run;
use firedrill_run::injection::Injection;
use firedrill_run::journal::Envelope;

use super::Rehearsing;
use super::answers::{plain, usual_answers, usual_decisions};
use crate::args::Format;
use crate::failure::Failure;
use crate::inputs::made_up;
use crate::screen::Screen;
use crate::surroundings::{self, ABOUT_VERSION};
use crate::terminal::Terminal;

/// A situation in which a playbook is run.
#[derive(Clone, Default)]
pub(crate) struct Case<'a> {
    /// Inputs that differ from those of the file.
    pub(crate) inputs: Option<&'a BTreeMap<String, Spanned<Value>>>,
    /// The outputs of the run before, instead of those of the file.
    pub(crate) last: Option<&'a BTreeMap<String, Spanned<Value>>>,
    /// Commands that prepare the world.
    pub(crate) given: &'a [Spanned<Vec<String>>],
    /// What is made to go wrong.
    pub(crate) faults: Vec<Injection>,
    /// What people answer; as they usually do if none.
    pub(crate) answers: Option<BTreeMap<String, Answer>>,
    /// What people decide when the run needs them.
    pub(crate) decisions: &'a [Decision],
    /// Whether people decide nothing beyond that; otherwise they then have undone whatever failed and asks.
    pub(crate) is_scripted: bool,
    /// Answers where nothing stands in.
    pub(crate) replies: &'a [Spanned<Reply>],
    /// Commands that examine the world in any case.
    pub(crate) world: &'a [Spanned<Vec<String>>],
    /// Whether verifies are asked before their steps, too.
    pub(crate) probes_before: bool,
    /// What is taken out of the plan.
    pub(crate) change: Option<&'a (dyn Fn(Plan) -> Plan + Sync)>,
}

impl<'a> Case<'a> {
    /// Returns the situation that a scenario describes.
    pub(crate) fn of(scenario: &'a Scenario) -> Case<'a> {
        Case {
            inputs: Some(&scenario.inputs),
            last: scenario.last.as_ref(),
            given: &scenario.given,
            faults: scenario.faults.iter().map(|fault| Injection::from(&fault.value)).collect(),
            answers: Some(plain(&scenario.answers)),
            decisions: &scenario.decisions,
            is_scripted: true,
            replies: &scenario.replies,
            world: &scenario.expect.world,
            ..Case::default()
        }
    }

    /// Returns the situation in which a scenario begins, with nothing that goes wrong later and nothing that is expected.
    fn beginning_of(scenario: &'a Scenario) -> Case<'a> {
        let answers = Some(plain(&scenario.answers)).filter(|answers| !answers.is_empty());
        Case { faults: Vec::new(), answers, is_scripted: false, world: &[], ..Case::of(scenario) }
    }
}

/// How cases are played.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// How long, in real time, a command may neither end nor wait.
    pub(crate) watchdog: Duration,
    /// Where everything that happens is printed, if it is.
    pub(crate) trace: Option<(&'a Terminal, Format)>,
}

/// Nobody watches.
pub(super) struct Unseen;

impl Sink for Unseen {
    fn event(&mut self, _: &Envelope, _: &Run) {}

    fn note(&mut self, _: &Note) {}
}

/// A case that was played.
pub(crate) struct Played {
    pub(crate) dir: RunDir,
    pub(crate) plan: Arc<Plan>,
    pub(crate) rehearsed: Rehearsed,
    pub(crate) real_time: Duration,
}

/// A world of its own for one run.
struct Place {
    root: PathBuf,
    /// What every command starts from.
    env: BTreeMap<String, String>,
    sandbox: Option<PathBuf>,
}

/// Everything that a case needs, in a world of its own.
pub(super) struct Set<'a> {
    pub(super) dir: RunDir,
    plan: Arc<Plan>,
    given: Vec<Vec<String>>,
    world: Vec<Vec<String>>,
    check: Vec<Vec<String>>,
    replies: Option<Vec<Reply>>,
    answers: BTreeMap<String, Answer>,
    decisions: Vec<Decision>,
    /// The decisions that somebody has written down.
    written: &'a [Decision],
    probes_before: bool,
}

impl Set<'_> {
    pub(super) fn staging<'s>(&'s self, faults: &'s [Injection], manner: &Manner) -> Staging<'s> {
        Staging {
            faults,
            answers: &self.answers,
            decisions: &self.decisions,
            replies: self.replies.as_deref(),
            given: &self.given,
            world: &self.world,
            check: &self.check,
            watchdog: manner.watchdog,
            probes_before: self.probes_before,
        }
    }

    pub(super) fn played(&self, mut rehearsed: Rehearsed, began: Instant) -> Played {
        rehearsed.unneeded.retain(|decision| self.written.contains(decision));
        Played { dir: self.dir.clone(), plan: Arc::clone(&self.plan), rehearsed, real_time: began.elapsed() }
    }
}

impl Rehearsing {
    /// Plays a case in a fresh world at `root`, a folder that is not there yet.
    pub(crate) fn play(&self, case: &Case, root: &Path, manner: &Manner) -> Result<Played, Failure> {
        let began = Instant::now();
        let set = self.set(case, root)?;
        let (dir, plan) = (&set.dir, &set.plan);
        let staging = set.staging(&case.faults, manner);
        let rehearsed = match manner.trace {
            Some((terminal, format)) => {
                let screen = Screen::new(dir, Arc::clone(plan), (Purpose::Work, &[]), terminal, format);
                let mut screen = screen.map_err(|error| Failure::failed(error.to_string()))?;
                let rehearsed = rehearse(dir, &staging, &mut screen)?;
                if let Ok((_, outputs)) = &rehearsed.end {
                    let measures = measure(plan, &rehearsed.envelopes, None).ok();
                    let measures = measures.as_ref().filter(|_| plan.objectives.is_some());
                    screen.end_with(AtRest { outputs, measures });
                }
                rehearsed
            }
            None => rehearse(dir, &staging, &mut Unseen)?,
        };
        Ok(set.played(rehearsed, began))
    }

    /// Makes a fresh world at `root`, a folder that is not there yet, and readies everything that a case needs there.
    pub(super) fn set<'a>(&self, case: &Case<'a>, root: &Path) -> Result<Set<'a>, Failure> {
        let place = self.place(root).map_err(Failure::failed)?;
        let scope = Scope::new().with_sandbox([("dir".to_owned(), Value::from(place.world().display().to_string()))]);
        let plan = self.plan(case, &scope)?;
        let dir = self.run_dir(&place, &plan)?;
        let filled = |commands: &[Spanned<Vec<String>>]| -> Result<Vec<Vec<String>>, Failure> {
            let filled = commands.iter().map(|command| fill_command(&command.value, &scope));
            filled.collect::<Result<_, _>>().map_err(|error| self.wrong(&error.to_string()))
        };
        let usual = usual_decisions(&plan).filter(|_| !case.is_scripted);
        Ok(Set {
            given: filled(case.given)?,
            world: filled(case.world)?,
            check: filled(&self.rehearsal.check)?,
            replies: (self.rehearsal.sandbox.value == Sandbox::None)
                .then(|| case.replies.iter().map(|reply| reply.value.clone()).collect()),
            answers: case.answers.clone().unwrap_or_else(|| usual_answers(&self.rehearsal, &plan)),
            decisions: case.decisions.iter().cloned().chain(usual).collect(),
            written: case.decisions,
            probes_before: case.probes_before,
            plan: Arc::new(plan),
            dir,
        })
    }

    /// Returns the plan of a case in a world.
    pub(crate) fn plan(&self, case: &Case, scope: &Scope) -> Result<Plan, Failure> {
        let own = case.inputs.into_iter().flatten();
        let inputs = self.rehearsal.inputs.iter().chain(own).map(|(name, value)| {
            let value = fill(&value.value, scope).map_err(|error| self.wrong(&error.to_string()))?;
            Ok((name.clone(), Given { value: GivenValue::Value(value), origin: Origin::Sandbox }))
        });
        let mut given = made_up(self.playbook.checked());
        given.extend(inputs.collect::<Result<BTreeMap<_, _>, Failure>>()?);
        let last = case.last.unwrap_or(&self.rehearsal.last).iter().map(|(name, value)| {
            let value = fill(&value.value, scope).map_err(|error| self.wrong(&error.to_string()))?;
            Ok((name.clone(), value.text().map_or(Value::None, |text| Value::from(text.into_owned()))))
        });
        let last = last.collect::<Result<_, Failure>>()?;
        let plan = self.playbook.resolve(&given, &self.files, last)?;
        Ok(match case.change {
            Some(change) => change(plan),
            None => plan,
        })
    }

    /// Returns the situation in which a sweep begins: of the scenario that is called so, of the one that the rehearsal
    /// names, or that of a fresh world.
    pub(crate) fn situation(&self, wanted: Option<&str>) -> Result<Case<'_>, Failure> {
        let written = self.rehearsal.sweep.scenario.as_ref().map(|name| name.value.as_str());
        let Some(name) = wanted.or(written) else {
            return if self.rehearsal.sandbox.value == Sandbox::None {
                let why = "with `sandbox: none` commands are answered by the replies of a scenario, and none is named";
                Err(self.wrong(why).help("name one with --scenario NAME, or in the file: `sweep: {scenario: NAME}`"))
            } else {
                Ok(Case::default())
            };
        };
        let found = self.rehearsal.scenarios.iter().find(|scenario| scenario.name.value == name);
        found.map(Case::beginning_of).ok_or_else(|| self.wrong(&format!("no scenario is called `{name}`")))
    }

    /// Returns the plan of a situation in a world that does not exist.
    pub(crate) fn usual_plan(&self, situation: &Case) -> Result<Plan, Failure> {
        let scope = Scope::new().with_sandbox([("dir".to_owned(), Value::from("/sandbox"))]);
        self.plan(situation, &scope)
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure::invalid(format!("{}: {why}", self.path.display()))
    }

    fn place(&self, root: &Path) -> Result<Place, String> {
        let world = root.join("world");
        let made = match &self.rehearsal.sandbox.value {
            Sandbox::Foundation => return foundation(root, &world),
            Sandbox::Dir(dir) => {
                let from = self.playbook.dir().join(dir);
                if !from.join("bin").is_dir() {
                    return Err(format!("{} has no folder `bin`: the stand-in programs lie in it", from.display()));
                }
                let made = while_nothing_starts(|| copy(&from, &world)).and_then(|()| add_timekeepers(&world));
                made.map_err(|error| (from, error))
            }
            Sandbox::None => fs::create_dir_all(&world).map_err(|error| (world.clone(), error)),
        };
        made.map_err(|(path, error)| format!("{}: {error}", path.display()))?;
        Ok(Place { root: root.to_owned(), env: surroundings::inherited(), sandbox: Some(world) })
    }

    fn run_dir(&self, place: &Place, plan: &Plan) -> Result<RunDir, Failure> {
        let about = About {
            version: ABOUT_VERSION,
            run: "rehearsal".to_owned(),
            playbook: plan.playbook.clone(),
            plan: plan.digest(),
            created_ms: EPOCH_MS,
            dir: self.playbook.dir().to_owned(),
            provenance: Provenance { path: self.playbook.path().to_owned(), commit: None, is_dirty: false },
            env: place.env.clone(),
            sandbox: place.sandbox.clone(),
            drill: false,
            target: None,
            skips: BTreeMap::new(),
            by: None,
        };
        Ok(RunDir::for_rehearsal(&place.root.join("run"), &about, plan)?)
    }
}

impl Place {
    fn world(&self) -> PathBuf {
        self.root.join("world")
    }
}

fn foundation(root: &Path, dir: &Path) -> Result<Place, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let executable = std::env::current_exe().map_err(|error| text(&error))?;
    fs::create_dir_all(dir.join("artifacts")).map_err(|error| text(&error))?;
    let world = World::create(dir, &executable).map_err(|error| text(&error))?;
    let env = surroundings::of_world(&world).map_err(|error| text(&error))?;
    Ok(Place { root: root.to_owned(), env, sandbox: Some(dir.to_owned()) })
}

/// Puts the stand-ins that keep virtual time into a sandbox that does not bring its own.
fn add_timekeepers(world: &Path) -> io::Result<()> {
    let bin = world.join("bin");
    fs::create_dir_all(&bin)?;
    let missing: Vec<&str> = TIME_STAND_INS.into_iter().filter(|name| !bin.join(name).exists()).collect();
    install(&bin, &std::env::current_exe()?, &missing).map_err(io::Error::other)
}

/// Copies a folder with everything in it; links are copied as links.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
