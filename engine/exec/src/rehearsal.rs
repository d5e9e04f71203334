//! A rehearsal: the same engine in a world whose programs come from a sandbox and whose time is virtual.

mod actor;
mod clock;
mod decisions;
mod interruption;
mod look;
mod pretence;
mod quiet;
mod recording;
mod replies;
mod sandboxed;
mod scene;
mod snapshot;
mod strikes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::expression::{AttemptField, Scope};
use firedrill_model::jq::Bindings;
use firedrill_model::judge::{Judgement, Stream, judge_probe};
use firedrill_model::plan::Plan;
use firedrill_model::rehearsal::{Answer, Decision, Reply};
use firedrill_model::value::Value;
use firedrill_run::injection::Injection;
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Exit, Rendered, Role, Run, StepId, Subject, Verdict};

use self::clock::Clock;
use self::replies::Replies;
use self::sandboxed::Sandboxed;
use self::scene::Scene;
use self::strikes::Strikes;
use crate::driver::{DriveError, Driver, Note, Sink};
use crate::environment;
use crate::questions::known_texts;
use crate::secrets::made_up;
use crate::store::{About, RunDir};
use crate::supervisor::Spawn;

pub use clock::EPOCH_MS;
pub use interruption::{end_on_signals, is_interrupted};
pub use quiet::while_nothing_starts;
pub use recording::Recording;

/// How often an engine may crash in one rehearsal.
const ENGINES: usize = 10_000;

/// What happens in a rehearsal besides the run.
#[derive(Clone, Debug)]
pub struct Staging<'a> {
    /// What is made to go wrong.
    pub faults: &'a [Injection],
    /// What people answer, by what asks them.
    pub answers: &'a BTreeMap<String, Answer>,
    /// What people decide when the run has stopped because it needs them, each once.
    pub decisions: &'a [Decision],
    /// Answers to commands; without them programs are started.
    pub replies: Option<&'a [Reply]>,
    /// Commands that prepare the world.
    pub given: &'a [Vec<String>],
    /// Commands that examine the world afterwards.
    pub world: &'a [Vec<String>],
    /// Commands that examine it too, unless the run is stuck.
    pub check: &'a [Vec<String>],
    /// How long, in real time, a command may neither end nor wait.
    pub watchdog: Duration,
    /// Whether each verify that is known from the plan is asked before its step, too, to see whether it proves anything.
    pub probes_before: bool,
}

/// What a rehearsal came to.
#[derive(Debug)]
pub struct Rehearsed {
    /// The verdict with what the run published, or why there is none.
    pub end: Result<(Verdict, BTreeMap<String, String>), DriveError>,
    /// Everything that was recorded, in virtual time.
    pub envelopes: Vec<Envelope>,
    /// How often each command waited for time to pass.
    pub waits: BTreeMap<CommandId, u32>,
    /// The faults that never struck.
    pub unused: Vec<Injection>,
    /// Command lines that no reply answered.
    pub unanswered: Vec<String>,
    /// Decisions that the run never needed.
    pub unneeded: Vec<Decision>,
    /// The command that could not prepare the world; nothing was run then.
    pub unprepared: Option<Performed>,
    /// The commands that examined the world.
    pub examined: Vec<Performed>,
    /// The steps whose verify held before their first attempt.
    pub empty_verifies: Vec<StepId>,
}

/// A command beside the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed {
    /// Its program and arguments.
    pub argv: Vec<String>,
    /// How it ended.
    pub exit: Exit,
    /// The end of what it printed, on both streams.
    pub said: String,
}

/// Makes this process the one that is given the descendants of rehearsed commands that lose their parent.
///
/// To be called once before the first rehearsal. Rehearsals run in threads other than the first one, so that what the
/// first thread is given is known to be such a descendant.
pub fn adopt_strays() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Rehearses the plan of a run's directory, which was made for it, and ends everything that it started.
///
/// The same rehearsal in an equal world always comes to the same.
pub fn rehearse(dir: &RunDir, staging: &Staging, sink: &mut dyn Sink) -> Result<Rehearsed, DriveError> {
    staged(dir, staging, |stage| match stage.prepare(staging)? {
        Some(unprepared) => Ok(unprepared),
        None => stage.play(staging, sink),
    })
}

/// Rehearses without faults, as [`rehearse`] does, and keeps what others need to begin in the middle of it.
///
/// Everything that the commands leave behind has to be in the folder `root`, and so has the run's directory.
pub fn record(dir: &RunDir, root: &Path, staging: &Staging) -> Result<Recording, DriveError> {
    staged(dir, staging, |stage| {
        if stage.prepare(staging)?.is_none() {
            stage.world.begin_recording(root);
            stage.play(staging, &mut Unseen)?;
        }
        Ok(stage.world.end_recording(root))
    })
}

/// Rehearses what differs from a recorded rehearsal by its faults alone, in the folder of that one, from the last quiet
/// moment before they strike.
///
/// Comes to what [`rehearse`] comes to, or to nothing if there is no such moment or the run turns out to begin otherwise than
/// the recorded one.
pub fn rehearse_again<'a>(
    recording: &'a Recording,
    dir: &'a RunDir,
    staging: &Staging,
    sink: &mut dyn Sink,
) -> Result<Option<Rehearsed>, DriveError> {
    let Some(quiet) = recording.before(staging.faults) else { return Ok(None) };
    recording.put_back(quiet, dir)?;
    let rehearsed = staged(dir, staging, |stage| {
        stage.world.begin_like(recording, quiet);
        stage.play(staging, sink)
    })?;
    Ok(Some(rehearsed).filter(|rehearsed| !matches!(rehearsed.end, Err(DriveError::Differs))))
}

/// Sets a stage, has something played on it, and clears it.
fn staged<'a, R>(
    dir: &'a RunDir,
    staging: &Staging,
    play: impl FnOnce(&mut Stage<'a>) -> Result<R, DriveError>,
) -> Result<R, DriveError> {
    let mut stage = Stage::new(dir, staging)?;
    let played = play(&mut stage);
    stage.world.scene().clear().map_err(|error| failed(&error))?;
    played
}

/// A rehearsal being played.
struct Stage<'a> {
    dir: &'a RunDir,
    about: About,
    plan: Arc<Plan>,
    world: Sandboxed<'a>,
    /// The decisions that people have made.
    said: BTreeSet<usize>,
}

impl<'a> Stage<'a> {
    fn new(dir: &'a RunDir, staging: &Staging) -> Result<Stage<'a>, DriveError> {
        let about = dir.about()?;
        let plan = Arc::new(dir.plan()?);
        let clock = Clock::listen(&dir.path().join("clock")).map_err(|error| failed(&error))?;
        let mark = dir.path().display().to_string();
        let scene = Scene::new(mark, clock, staging.watchdog).map_err(|error| failed(&error))?;
        let replies = staging.replies.map(Replies::new).transpose().map_err(DriveError::Rehearsal)?;
        let mut world = Sandboxed::new(dir, scene, Strikes::new(staging.faults), staging.answers, replies);
        world.keep(made_up(&plan));
        Ok(Stage { dir, about, plan, world, said: BTreeSet::new() })
    }

    /// Prepares the world. Returns what the rehearsal comes to if that fails.
    fn prepare(&mut self, staging: &Staging) -> Result<Option<Rehearsed>, DriveError> {
        for (at, argv) in staging.given.iter().enumerate() {
            let performed = self.perform(&format!("given-{}", at + 1), argv)?;
            if performed.exit != Exit::Code(0) {
                let end = Err(DriveError::Rehearsal("the world could not be prepared".to_owned()));
                return Ok(Some(self.told(staging, end, Some(performed), Vec::new())));
            }
        }
        Ok(None)
    }

    /// Plays the run in the world as it is, and examines what becomes of that.
    fn play(&mut self, staging: &Staging, sink: &mut dyn Sink) -> Result<Rehearsed, DriveError> {
        if staging.probes_before {
            self.world.ask_before(self.probes());
        }
        let end = self.run(staging.decisions, sink);
        let examined = match &end {
            Ok((Verdict::Stuck, _)) => self.examine(staging.world.iter())?,
            Ok(_) => self.examine(staging.world.iter().chain(staging.check))?,
            Err(DriveError::Interrupted) => return Err(DriveError::Interrupted),
            Err(_) => Vec::new(),
        };
        Ok(self.told(staging, end, None, examined))
    }

    fn examine<'c>(&mut self, commands: impl Iterator<Item = &'c Vec<String>>) -> Result<Vec<Performed>, DriveError> {
        commands.enumerate().map(|(at, argv)| self.perform(&format!("check-{}", at + 1), argv)).collect()
    }

    /// Drives the run to its rest with as many engines as it takes.
    fn run(
        &mut self,
        decisions: &[Decision],
        sink: &mut dyn Sink,
    ) -> Result<(Verdict, BTreeMap<String, String>), DriveError> {
        let mut shown = Shown { sink, last: 0 };
        for _ in 0..ENGINES {
            let past = self.world.journal().to_vec();
            let run = Run::replay(Arc::clone(&self.plan), past.iter().map(|envelope| &envelope.event))?;
            for envelope in &past {
                shown.event(envelope, &run);
            }
            let ended = Driver::new(self.dir, run, &past, &mut self.world, &mut shown)?.into_rest();
            let goes_on = match &ended {
                Err(DriveError::Crashed) => true,
                Ok(_) => match self.decide(decisions) {
                    Err(DriveError::Crashed) => true,
                    decided => decided?,
                },
                Err(_) => false,
            };
            if !goes_on {
                return ended;
            }
            self.world.survive()?;
        }
        Err(DriveError::StoodStill(format!("the engine has crashed {ENGINES} times")))
    }

    fn perform(&mut self, name: &str, argv: &[String]) -> Result<Performed, DriveError> {
        let text = Rendered { argv: argv.to_vec(), env: BTreeMap::new(), dir: None, stdin: None };
        let spawn = environment::bare(self.dir, &self.about, name, text);
        let files = [spawn.stdout.clone(), spawn.stderr.clone()];
        let exit = self.world.perform(spawn)?;
        let said = files.iter().map(|file| end_of(file)).collect::<Vec<_>>().concat();
        Ok(Performed { argv: argv.to_vec(), exit, said })
    }

    /// Returns the verifies that can be asked at any time, ready to be started.
    fn probes(&self) -> BTreeMap<StepId, Spawn> {
        let probes = self.plan.steps.iter().filter_map(|step| {
            let command = &step.verify.as_ref()?.command;
            let id = StepId::from(step.id.as_str());
            let name = CommandId { subject: Subject::Step(id.clone()), role: Role::Verify, round: 0, r#try: 1 };
            let spawn = environment::spawn(self.dir, &self.about, &name, command, known_texts(command)?);
            Some((id, spawn))
        });
        probes.collect()
    }

    /// Returns the steps whose verify held before their first attempt.
    fn empty_verifies(&self) -> Vec<StepId> {
        let scope = Scope::new().with_inputs(self.plan.inputs.clone()).with_vars(self.plan.vars.clone());
        let bindings = Bindings::from(scope.with_attempt(AttemptField::Duration, Value::Int(0)));
        let holds = |step: &StepId, exit: &Exit| {
            let Exit::Code(code) = exit else { return false };
            let Some(at) = self.plan.step_index(step.as_str()) else { return false };
            let Some(verify) = &self.plan.steps[at].verify else { return false };
            let file = |kind: &str| self.dir.captured(&format!("{step}.verify.0.1"), kind);
            let open = |stream: &Stream| -> io::Result<Box<dyn Read>> {
                let path = if *stream == Stream::Stdout { file("stdout") } else { file("stderr") };
                Ok(Box::new(File::open(path)?))
            };
            matches!(judge_probe(&verify.command.expect, *code, &[], &open, &bindings), Judgement::Met { .. })
        };
        self.world.probed.iter().filter(|(step, exit)| holds(step, exit)).map(|(step, _)| step.clone()).collect()
    }

    fn told(
        &mut self,
        staging: &Staging,
        end: Result<(Verdict, BTreeMap<String, String>), DriveError>,
        unprepared: Option<Performed>,
        examined: Vec<Performed>,
    ) -> Rehearsed {
        Rehearsed {
            end,
            envelopes: self.world.journal().to_vec(),
            waits: self.world.waits.clone(),
            unused: self.world.strikes().unused(),
            unanswered: self.world.unanswered().to_vec(),
            unneeded: self.unneeded(staging.decisions),
            unprepared,
            examined,
            empty_verifies: self.empty_verifies(),
        }
    }
}

/// Shows every event once, those too that a crashed engine had recorded and not shown.
struct Shown<'a> {
    sink: &'a mut dyn Sink,
    last: u64,
}

impl Sink for Shown<'_> {
    fn event(&mut self, envelope: &Envelope, run: &Run) {
        if envelope.sequence > self.last {
            self.last = envelope.sequence;
            self.sink.event(envelope, run);
        }
    }

    fn note(&mut self, note: &Note) {
        self.sink.note(note);
    }
}

/// Nobody watches.
struct Unseen;

impl Sink for Unseen {
    fn event(&mut self, _: &Envelope, _: &Run) {}

    fn note(&mut self, _: &Note) {}
}

/// Returns the end of what was printed to a file; nothing if it cannot be read.
fn end_of(file: &Path) -> String {
    const LONGEST: usize = 2_000;
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LONGEST)..]).into_owned()
}

fn failed(error: &io::Error) -> DriveError {
    DriveError::Rehearsal(error.to_string())
}
