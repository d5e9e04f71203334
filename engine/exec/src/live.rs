//! The live world: the journal on the disk, the supervisor's commands, signals, real time.

mod mail;
mod session;
mod watches;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firedrill_model::plan::{OnCancel, Plan};
use firedrill_run::journal::Envelope;
use firedrill_run::{CommandId, Event, Exit, Role, Waiting};

use self::mail::{Mailbox, News};
use self::session::Session;
use self::watches::Watches;
use crate::clock;
use crate::driver::DriveError;
use crate::environment;
use crate::journal::{Recorder, Urgency};
use crate::locks::{Lock, RunLocks};
use crate::milestones::Watch;
use crate::people;
use crate::planned::Planned;
use crate::secrets::Vault;
use crate::signals::{self, Signal};
use crate::store::RunDir;
use crate::supervisor::{ClientError, CommandKey, CommandState, InboxState, Reply, read_inbox, since_boot_ms};
use crate::world::{Happening, Start, World};

pub(crate) use session::check_inbox;

/// How often a supervisor may die under one engine.
const SUPERVISORS: u32 = 5;

/// How long a command of a dead supervisor has to end after TERM.
const SURVIVOR_GRACE: Duration = Duration::from_secs(10);

/// The world in which a run has real effects.
pub(crate) struct Live<'a> {
    dir: &'a RunDir,
    planned: Planned,
    locks: RunLocks,
    finishing: Finishing,
    began: Instant,
    recorder: Recorder,
    /// The connection to the supervisor, until it is dismissed.
    session: Option<Session>,
    mailbox: Mailbox,
    watches: Watches,
    vault: Arc<Vault>,
    /// What the last news came to and nobody has taken yet.
    happenings: VecDeque<Happening>,
}

impl<'a> Live<'a> {
    /// Opens the journal and returns the world with what the journal holds. Nothing is supervised before
    /// [`Live::begin`].
    pub(crate) fn open(dir: &'a RunDir) -> Result<(Live<'a>, Vec<Envelope>), DriveError> {
        let mailbox = Mailbox::new()?;
        let post = mailbox.post();
        let (recorder, envelopes) = Recorder::open(&dir.journal(), move |durable| post.send(News::Durable(durable)))?;
        let plan = dir.plan()?;
        let about = dir.about()?;
        let (planned, finishing) = (Planned::new(dir, &about, &plan), Finishing::of(&plan));
        let locks = RunLocks::new(dir, about);
        let (watches, happenings) = (Watches::new()?, VecDeque::new());
        let (began, vault) = (Instant::now(), Arc::default());
        Ok((
            Live {
                dir,
                planned,
                locks,
                finishing,
                began,
                recorder,
                session: None,
                mailbox,
                watches,
                vault,
                happenings,
            },
            envelopes,
        ))
    }

    /// Takes the secrets of the run, begins to listen to signals, and starts the supervisor or attaches to the living one.
    pub(crate) fn begin(&mut self, past: &[Envelope], vault: Vault) -> Result<(), DriveError> {
        self.vault = Arc::new(vault);
        let ear = self.mailbox.post();
        signals::listen(move |signal| ear.send(News::Signal(signal))).map_err(DriveError::Signals)?;
        let line = self.mailbox.post();
        people::listen(self.dir, move |word| line.send(News::Word(word))).map_err(DriveError::Line)?;
        let mut session = Session::start(self.dir, 1, self.mailbox.post(), &self.vault)?;
        session.was_same_boot = session::was_same_boot(past);
        self.session = Some(session);
        Ok(())
    }

    fn session(&mut self) -> Result<&mut Session, DriveError> {
        self.session.as_mut().ok_or(DriveError::Supervisor(ClientError::Gone))
    }

    /// Takes news; what they came to is put at the end of the queue.
    fn learn(&mut self, news: News) -> Result<(), DriveError> {
        let happening = match news {
            News::Durable(durable) => {
                if let Ok(sequence) = &durable {
                    self.recorder.is_durable(*sequence);
                }
                Happening::Durable(durable)
            }
            News::Reply(reply) => return self.reply(reply),
            News::Grown => {
                let reached = self.watches.look()?;
                self.reached(reached);
                return Ok(());
            }
            News::SupervisorGone => Happening::SupervisorGone,
            News::Word(word) => Happening::Word(word),
            News::Signal(signal) => {
                if let (Signal::Stop, Some(session)) = (signal, &self.session) {
                    session.end_survivors(|command| self.finishing.contains(command));
                }
                Happening::Signal(signal)
            }
            News::Gone(command) => {
                if let Some(session) = &mut self.session {
                    session.asked.remove(&command);
                }
                Happening::Ended { command, exit: Exit::Lost, ms: 0 }
            }
        };
        self.happenings.push_back(happening);
        Ok(())
    }

    fn reply(&mut self, reply: Reply) -> Result<(), DriveError> {
        let happening = match reply {
            Reply::Ended(end) => {
                self.watches.end(&session::command(&end.command)?);
                session::ended(end)?
            }
            Reply::Published { secrets } => {
                self.vault = Arc::new(self.vault.with(&secrets));
                return Ok(());
            }
            Reply::Spawned { command, .. } => return self.runs(&session::command(&command)?),
            Reply::Status { command, state } => match self.status(session::command(&command)?, state)? {
                Some(happening) => happening,
                None => return Ok(()),
            },
            Reply::Refused(refusal) => return Err(ClientError::from(refusal).into()),
            Reply::Welcome { .. } => return Ok(()),
        };
        let running = if let Happening::Running { command, .. } = &happening { Some(command.clone()) } else { None };
        self.happenings.push_back(happening);
        running.map_or(Ok(()), |command| self.runs(&command))
    }

    /// Returns for how long a running command has been running, in milliseconds.
    fn age(&self, command: &CommandId) -> Result<u64, DriveError> {
        let inbox = read_inbox(self.dir.path())?;
        let started = match inbox.get(&CommandKey::new(command.to_string())) {
            Some(InboxState::MaybeStarted(Some(started))) => started.since_boot_ms,
            Some(InboxState::MaybeStarted(None) | InboxState::Ended(_)) | None => return Ok(0),
        };
        Ok(since_boot_ms().saturating_sub(started))
    }

    /// Takes note that a command runs, whose milestones can be watched for from here on.
    fn runs(&mut self, command: &CommandId) -> Result<(), DriveError> {
        let reached = self.watches.begin(command)?;
        self.reached(reached);
        Ok(())
    }

    fn reached(&mut self, reached: Vec<(CommandId, String)>) {
        let happenings = reached.into_iter().map(|(command, milestone)| Happening::Reached { command, milestone });
        self.happenings.extend(happenings);
    }

    /// Takes what became of a command of an earlier engine.
    fn status(&mut self, command: CommandId, state: CommandState) -> Result<Option<Happening>, DriveError> {
        let session = self.session()?;
        if let CommandState::Lost { .. } = state {
            let limit = session.asked.get(&command).copied().flatten();
            let survives = session.await_survivors(&command, limit);
            return Ok(survives.then_some(Happening::Survives(command)));
        }
        session.asked.remove(&command);
        Ok(Some(match state {
            CommandState::NeverStarted if session.was_same_boot => Happening::NotStarted(command),
            CommandState::NeverStarted | CommandState::Lost { .. } => {
                Happening::Ended { command, exit: Exit::Lost, ms: 0 }
            }
            CommandState::Running { .. } => Happening::Running { ms: self.age(&command)?, command },
            CommandState::Ended(end) => session::ended(end)?,
        }))
    }
}

/// The steps whose attempts a cancel waits for.
struct Finishing(BTreeSet<String>);

impl Finishing {
    fn of(plan: &Plan) -> Finishing {
        let steps = plan.steps.iter().filter(|step| step.conduct.on_cancel == OnCancel::Finish);
        Finishing(steps.map(|step| step.id.clone()).collect())
    }

    fn contains(&self, command: &CommandId) -> bool {
        command.role == Role::Attempt && command.step().is_some_and(|step| self.0.contains(step.as_str()))
    }
}

impl World for Live<'_> {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn engine_started(&self) -> Event {
        session::engine_started()
    }

    fn append(&mut self, event: Event) -> Result<Envelope, DriveError> {
        Ok(self.recorder.append(clock::now_ms(), event))
    }

    fn flush(&mut self, urgency: Urgency) -> Result<Option<u64>, DriveError> {
        Ok(self.recorder.flush(urgency)?)
    }

    fn watch(&mut self, command: &CommandId, watch: Watch) {
        self.watches.prepare(command.clone(), watch);
    }

    fn start(&mut self, start: Start<'_>) -> Result<(), DriveError> {
        let Start { id: command, mut spawn, .. } = start;
        let located = environment::locate(&mut spawn).map_err(|missing| missing.to_string());
        if let Err(why) = located.and_then(|()| self.planned.check(&spawn).map_err(|unplanned| unplanned.to_string())) {
            let exit = Exit::NotSpawned(why);
            self.happenings.push_back(Happening::Ended { command, exit, ms: 0 });
            return Ok(());
        }
        Ok(self.session()?.spawn(spawn)?)
    }

    /// People see it on the screen, and say what they have to say by themselves.
    fn people_asked(&mut self, _question: &Waiting) {}

    fn lock(&mut self, names: &[String]) -> Result<Option<Box<Lock>>, DriveError> {
        Ok(self.locks.take(names)?)
    }

    fn unlock(&mut self, name: &str) -> Result<(), DriveError> {
        Ok(self.locks.give_back(name)?)
    }

    fn terminate(&mut self, command: &CommandId) -> Result<(), DriveError> {
        Ok(self.session()?.terminate(command)?)
    }

    fn ask(&mut self, command: CommandId, limit: Option<Duration>) -> Result<(), DriveError> {
        Ok(self.session()?.ask(command, limit)?)
    }

    fn take(&mut self) -> Result<Option<Happening>, DriveError> {
        while self.happenings.is_empty() {
            let Some(news) = self.mailbox.take() else {
                return Ok(None);
            };
            self.learn(news)?;
        }
        Ok(self.happenings.pop_front())
    }

    fn wait(&mut self, until: Option<Duration>) -> Result<Option<Happening>, DriveError> {
        if let Some(happening) = self.happenings.pop_front() {
            return Ok(Some(happening));
        }
        let limit = until.map(|until| until.saturating_sub(self.now()));
        let session = self.session.as_mut().ok_or(DriveError::Supervisor(ClientError::Gone))?;
        if let Some(news) = self.mailbox.wait(session, self.watches.growth(), limit)? {
            self.learn(news)?;
        }
        Ok(self.happenings.pop_front())
    }

    fn supervise_again(&mut self) -> Result<(), DriveError> {
        let number = self.session()?.number;
        if number >= SUPERVISORS {
            return Err(DriveError::Unsupervised(SUPERVISORS));
        }
        self.session = Some(Session::start(self.dir, number + 1, self.mailbox.post(), &self.vault)?);
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }

    fn dismiss(&mut self) -> Result<(), DriveError> {
        Ok(self.session.take().map_or(Ok(()), Session::dismiss)?)
    }
}
