//! The sandboxed world: real processes of stand-ins, virtual time, and what is made to go wrong.

mod blows;
mod held;
mod past;
mod people;
mod seam;
mod secrets;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use firedrill_model::rehearsal::{Answer, FaultKind};
use firedrill_run::journal::{Chain, Envelope};
use firedrill_run::{CommandId, Exit, Role, StepId};

use self::held::Held;
use self::past::Past;
use self::people::People;
use super::pretence::{self, Took};
use super::replies::Replies;
use super::scene::{Scene, SceneError, Turn};
use super::strikes::Strikes;
use crate::driver::DriveError;
use crate::environment;
use crate::milestones::Watch;
use crate::secrets::Vault;
use crate::store::RunDir;
use crate::supervisor::{self, CommandKey, Orphan, Spawn};
use crate::world::Happening;

/// A wait in which a fault may strike a running command although nobody has said which wait.
const LONG_WAIT: Duration = Duration::from_secs(30);

/// The world of one rehearsal. It outlives the engines that crash in it.
pub(super) struct Sandboxed<'a> {
    dir: &'a RunDir,
    scene: Scene,
    /// What a new engine can have again.
    vault: Arc<Vault>,
    strikes: Strikes,
    replies: Option<Replies>,
    journal: Vec<Envelope>,
    chain: Chain,
    /// Lines that are not in the file yet.
    lines: Vec<u8>,
    /// Commands whose start was asked for and has not been performed.
    starts: VecDeque<(CommandId, Spawn)>,
    commands: BTreeMap<CommandId, Played>,
    /// What is watched for in the output of attempts.
    watches: BTreeMap<CommandId, Watch>,
    happenings: VecDeque<Happening>,
    /// Ends that are not in the journal yet.
    ends: BTreeMap<CommandId, (Exit, u64)>,
    is_crashing: bool,
    /// How often each command was parked.
    pub(super) waits: BTreeMap<CommandId, u32>,
    people: People,
    /// Probes that are asked before the first attempt of their step, until they are.
    probes: BTreeMap<StepId, Spawn>,
    /// How they ended.
    pub(super) probed: BTreeMap<StepId, Exit>,
    past: Past<'a>,
    /// The milestones of running commands, and how long after their start they were reached, if the run is recorded.
    reached: BTreeMap<CommandId, Vec<(Duration, String)>>,
}

/// A command that has been started and whose end nobody has been told.
struct Played {
    spawn: Spawn,
    began: Duration,
    /// The exit codes that count as success.
    expected: Vec<i32>,
    /// What strikes it and has not yet.
    fault: Option<FaultKind>,
    /// At which of its waits that strikes; at the first long one if none.
    wait: Option<u32>,
    /// Whether its end will be unknown.
    is_lost: bool,
    /// How it will end without a process; while there is one, nothing.
    held: Option<Held>,
}

impl<'a> Sandboxed<'a> {
    pub(super) fn new(
        dir: &'a RunDir,
        scene: Scene,
        strikes: Strikes,
        answers: &BTreeMap<String, Answer>,
        replies: Option<Replies>,
    ) -> Sandboxed<'a> {
        Sandboxed {
            dir,
            scene,
            vault: Arc::default(),
            strikes,
            replies,
            journal: Vec::new(),
            chain: Chain::new(),
            lines: Vec::new(),
            starts: VecDeque::new(),
            commands: BTreeMap::new(),
            watches: BTreeMap::new(),
            happenings: VecDeque::new(),
            ends: BTreeMap::new(),
            is_crashing: false,
            waits: BTreeMap::new(),
            people: People::new(answers),
            probes: BTreeMap::new(),
            probed: BTreeMap::new(),
            past: Past::Unknown,
            reached: BTreeMap::new(),
        }
    }

    /// Returns everything that has been recorded.
    pub(super) fn journal(&self) -> &[Envelope] {
        &self.journal
    }

    pub(super) fn scene(&mut self) -> &mut Scene {
        &mut self.scene
    }

    pub(super) fn strikes(&self) -> &Strikes {
        &self.strikes
    }

    /// Returns the command lines that nothing answered.
    pub(super) fn unanswered(&self) -> &[String] {
        self.replies.as_ref().map_or(&[], Replies::unanswered)
    }

    /// Readies the world for the next engine after a crash.
    pub(super) fn survive(&mut self) -> Result<(), DriveError> {
        self.is_crashing = false;
        self.forget_published();
        self.starts.clear();
        self.happenings.clear();
        self.speak_again();
        self.end_orphans()
    }

    /// Ends what shall not outlive its engine: what became of it is not known then.
    fn end_orphans(&mut self) -> Result<(), DriveError> {
        let now = self.scene.now();
        let orphans = self.commands.iter_mut().filter(|(_, played)| played.spawn.orphan == Orphan::Ended);
        let mut running = Vec::new();
        for (id, played) in orphans {
            played.is_lost = true;
            match &mut played.held {
                Some(held) => held.until = Some(now),
                None => running.push(key(id)),
            }
        }
        for command in &running {
            self.scene.terminate(command)?;
        }
        while let Some(turn) = self.scene.next(Some(now))? {
            self.turn(turn)?;
        }
        Ok(())
    }

    /// Performs a command that is none of the run's, from its start to its end, and returns how it ended.
    pub(super) fn perform(&mut self, mut spawn: Spawn) -> Result<Exit, DriveError> {
        if let Err(missing) = environment::locate(&mut spawn) {
            return Ok(Exit::NotSpawned(missing.to_string()));
        }
        let key = spawn.command.clone();
        if let Err(exit) = self.scene.start(spawn)? {
            return Ok(exit.into());
        }
        while let Some(turn) = self.scene.next(None)? {
            match turn {
                Turn::Ended { command, exit, .. } if command == key => return Ok(exit.into()),
                other => self.turn(other)?,
            }
        }
        Err(DriveError::StoodStill(self.standing()))
    }

    /// Has each of these probes asked just before the first attempt of its step.
    pub(super) fn ask_before(&mut self, probes: BTreeMap<StepId, Spawn>) {
        self.probes = probes;
    }

    /// Puts what was recorded into the journal's file.
    pub(super) fn write_journal(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        fs::OpenOptions::new().append(true).open(self.dir.journal())?.write_all(&lines)
    }

    fn ms_since(&self, began: Duration) -> u64 {
        u64::try_from(self.scene.now().saturating_sub(began).as_millis()).unwrap_or(u64::MAX)
    }

    fn end(&mut self, command: CommandId, exit: Exit, began: Duration) {
        let ms = self.ms_since(began);
        self.watches.remove(&command);
        self.remember_end(&command, &exit, Duration::from_millis(ms));
        self.ends.insert(command.clone(), (exit.clone(), ms));
        self.happenings.push_back(Happening::Ended { command, exit, ms });
    }

    fn launch(&mut self, id: CommandId, mut spawn: Spawn) -> Result<(), DriveError> {
        let known = self.remember(&id, &spawn)?;
        if let Some(probe) = self.probe_before(&id) {
            let exit = self.perform(probe)?;
            self.probed.extend(id.step().cloned().map(|step| (step, exit)));
        }
        let now = self.scene.now();
        let Some(played) = self.commands.get_mut(&id) else {
            return Ok(());
        };
        played.began = now;
        if let Some((exit, took)) = known {
            self.hold(&id, exit, took);
            return Ok(());
        }
        match played.fault.take() {
            Some(FaultKind::Exit(code)) => {
                pretence::say(&spawn.stderr, &format!("firedrill: injected: exits with {code}\n"))?;
                self.hold(&id, Exit::Code(code), Took::default());
                return Ok(());
            }
            Some(FaultKind::NotStarted) => {
                self.hold(
                    &id,
                    Exit::NotSpawned("firedrill: injected: it cannot be started".to_owned()),
                    Took::default(),
                );
                return Ok(());
            }
            fault => played.fault = fault,
        }
        if let Some(replies) = &mut self.replies {
            let Some(answer) = replies.answer(&spawn.argv) else {
                let why = format!("no reply answers `{}`", spawn.argv.join(" "));
                self.hold(&id, Exit::NotSpawned(why), Took::default());
                return Ok(());
            };
            pretence::say(&spawn.stdout, &answer.stdout)?;
            pretence::say(&spawn.stderr, &answer.stderr)?;
            self.publish(&spawn, answer.exit)?;
            self.look(&id)?;
            let took = Took { length: answer.takes, milestones: Vec::new() };
            return self.over(&id, Exit::Code(answer.exit), took);
        }
        if let Err(missing) = environment::locate(&mut spawn) {
            self.hold(&id, Exit::NotSpawned(missing.to_string()), Took::default());
            return Ok(());
        }
        spawn.env.push(("FIREDRILL_TOOK".to_owned(), pretence::took_file(&spawn.stdout).display().to_string()));
        if let Err(exit) = self.scene.start(spawn)? {
            self.commands.remove(&id);
            self.end(id, exit.into(), now);
        }
        Ok(())
    }

    fn probe_before(&mut self, id: &CommandId) -> Option<Spawn> {
        let step = id.step().filter(|_| id.role == Role::Attempt)?;
        self.probes.remove(step)
    }

    /// Looks for milestones in what an attempt has printed so far.
    fn look(&mut self, id: &CommandId) -> Result<(), DriveError> {
        let Some(watch) = self.watches.get_mut(id) else { return Ok(()) };
        let found = watch.look().map_err(|error| DriveError::Rehearsal(error.to_string()))?;
        for milestone in found {
            self.remember_milestone(id, &milestone);
            self.happenings.push_back(Happening::Reached { command: id.clone(), milestone });
        }
        Ok(())
    }

    fn turn(&mut self, turn: Turn) -> Result<(), DriveError> {
        match turn {
            Turn::Waits { command, nth, length } => match id_of(&command) {
                Some(id) => self.waited(&id, &command, nth, length),
                None => Ok(()),
            },
            Turn::Ended { command, exit, .. } => {
                let Some(id) = id_of(&command) else { return Ok(()) };
                let Some(played) = self.commands.get(&id) else { return Ok(()) };
                if matches!(exit, supervisor::Exit::TimedOut | supervisor::Exit::Terminated) {
                    let began = played.began;
                    let is_lost = self.commands.remove(&id).is_some_and(|played| played.is_lost);
                    self.end(id, if is_lost { Exit::Lost } else { exit.into() }, began);
                    return Ok(());
                }
                let took = pretence::took(&played.spawn.stdout)?;
                if let Some(watch) = self.watches.get_mut(&id) {
                    took.milestones.iter().for_each(|(_, name)| watch.forget(name));
                }
                self.look(&id)?;
                self.over(&id, exit.into(), took)
            }
        }
    }

    /// Lets time pass until the first of: something in the scene, an end that was held, an age, `until`.
    fn pass(&mut self, until: Option<Duration>) -> Result<Passed, DriveError> {
        let held = self.next_held();
        let moments = [held.as_ref().map(|(moment, _)| *moment), self.strikes.next_age(), self.people.next(), until];
        let first = moments.into_iter().flatten().min();
        if let Some(turn) = self.scene.next(first)? {
            self.turn(turn)?;
            return Ok(Passed::Something);
        }
        let now = self.scene.now();
        if self.strikes.next_age().is_some_and(|age| age <= now) {
            self.strike_at_age()?;
            return Ok(Passed::Something);
        }
        if self.speak() {
            return Ok(Passed::Something);
        }
        if let Some((_, id)) = held.filter(|(moment, _)| *moment <= now) {
            self.pass_held(id);
            return Ok(Passed::Something);
        }
        Ok(if until.is_some() { Passed::Time } else { Passed::Nothing })
    }

    fn standing(&self) -> String {
        let hung = self.commands.iter().filter(|(_, played)| played.held.is_some());
        let hung = hung.map(|(id, _)| format!("{id} hangs and has no time limit"));
        let standing: Vec<String> = hung.chain(self.scene.standing()).chain(self.unanswered_questions()).collect();
        if standing.is_empty() { "the engine waits for nothing".to_owned() } else { standing.join("; ") }
    }
}

/// What came of letting time pass.
enum Passed {
    Something,
    /// The moment that was asked for.
    Time,
    /// Nothing can ever happen.
    Nothing,
}

/// Returns the supervisor's word for a command.
fn key(id: &CommandId) -> CommandKey {
    CommandKey::new(id.to_string())
}

/// Returns the command that a key names; those that prepare or examine the world are none of the run's.
fn id_of(key: &CommandKey) -> Option<CommandId> {
    key.as_str().parse().ok()
}

impl From<SceneError> for DriveError {
    fn from(error: SceneError) -> DriveError {
        match error {
            SceneError::Hung { .. } => DriveError::Hung(error.to_string()),
            SceneError::Interrupted => DriveError::Interrupted,
            SceneError::Io(_) => DriveError::Rehearsal(error.to_string()),
        }
    }
}
