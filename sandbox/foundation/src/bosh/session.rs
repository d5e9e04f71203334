//! One start of the client: whom it talks to, what it says, and what stops it.

use std::io;
use std::time::Duration;

use crate::clock::Moment;
use crate::director::{Director, Reachability};
use crate::foundation::deed::destroy_expired;
use crate::foundation::{Deployment, Foundation};
use crate::pace::{Pace, Phase};
use crate::tasks::{Claim, Order, Step, Task, TaskBoard};
use crate::world::{World, WorldError};
use crate::{err, out};

use super::environments;
use super::flags::{Asking, Command, Format, Invocation};
use super::follow::{Follower, Telling, failure};
use super::request::Request;
use super::screen::Screen;

/// What the client does, and with whom.
pub(super) struct Session<'a> {
    pub(super) world: &'a World,
    pub(super) invocation: &'a Invocation,
    pub(super) director: Director,
    pub(super) screen: Screen,
    pub(super) pace: Pace,
    follower: Follower,
}

/// Why the client ends before its work is done.
#[derive(Debug)]
pub(super) enum Stop {
    /// The world cannot be used.
    World(WorldError),
    /// What is printed: each level is what was being done within the one before.
    Levels(Vec<String>),
    /// The client was asked for something that it cannot do.
    Panic(String),
}

impl From<WorldError> for Stop {
    fn from(error: WorldError) -> Stop {
        Stop::World(error)
    }
}

impl Stop {
    pub(super) fn failed(levels: &[&str]) -> Stop {
        Stop::Levels(levels.iter().map(ToString::to_string).collect())
    }

    /// Returns the refusal of a request.
    pub(super) fn refused(mut doing: Vec<String>, status: u16, body: &str) -> Stop {
        doing.push(format!("Director responded with non-successful status code '{status}' response '{body}'"));
        Stop::Levels(doing)
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(world: &'a World, invocation: &'a Invocation, screen: Screen) -> Result<Session<'a>, WorldError> {
        let mut director: Director = world.read()?;
        if world.vm().lock_holder().is_some() {
            // A lock script stops the director until the unlock script has run.
            director.reachability = Reachability::Unreachable;
        }
        destroy_expired(world)?;
        let pace = Pace::of(world)?;
        Ok(Session { world, invocation, director, screen, pace, follower: Follower::default() })
    }

    /// Does something, says how it went, and returns the exit status.
    pub(super) fn run(mut self, act: impl FnOnce(&mut Session) -> Result<(), Stop>) -> Result<u8, WorldError> {
        match act(&mut self) {
            Ok(()) => {
                self.screen.line("Succeeded");
                Ok(self.screen.close(0))
            }
            Err(Stop::World(error)) => Err(error),
            Err(Stop::Levels(levels)) => {
                self.screen.fail(&levels, 1);
                Ok(self.screen.close(1))
            }
            Err(Stop::Panic(message)) => {
                let now = Moment::now().format("%Y/%m/%d %H:%M:%S");
                err(&format!("[CLI] {now} ERROR - Panic: {message}\nExit code 1\n"));
                Ok(self.screen.close(1))
            }
        }
    }

    /// Finds the director and, if the command is about one, names the deployment.
    pub(super) fn connect(&mut self) -> Result<(), Stop> {
        let environment = environments::resolve(self.world, self.invocation);
        if environment.is_empty() {
            let what = if self.invocation.command == Command::AliasEnv { "environment" } else { "Director" };
            return Err(Stop::failed(&[&format!("Expected non-empty {what} URL")]));
        }
        let (host, port) = address(&environment);
        let url = format!("https://{host}:{port}");
        if !self.director.is_reachable() || url != self.director.url() {
            return Err(unreachable(&url, host, port));
        }
        let user = if self.invocation.client.is_empty() {
            "anonymous user".to_owned()
        } else {
            format!("client '{}'", self.invocation.client)
        };
        self.screen.line(&format!("Using environment '{url}' as {user}"));
        self.authorize()?;
        if self.invocation.command.needs_deployment() {
            if self.invocation.deployment.is_empty() {
                return Err(Stop::failed(&["Expected non-empty deployment name"]));
            }
            self.screen.line(&format!("Using deployment '{}'", self.invocation.deployment));
        }
        Ok(())
    }

    fn authorize(&self) -> Result<(), Stop> {
        let Invocation { client, client_secret, command, .. } = self.invocation;
        let is_known = *client == self.director.client && *client_secret == self.director.client_secret;
        if is_known || matches!(command, Command::Env | Command::AliasEnv | Command::LogIn) {
            return Ok(());
        }
        let Request { doing, path } = Request::of(self.invocation);
        Err(Stop::refused(doing, 401, &format!("Not authorized: '{path}'")))
    }

    /// Returns the deployment that was named, and the foundation that it is in.
    pub(super) fn deployment(&self) -> Result<(Foundation, Deployment), Stop> {
        let name = &self.invocation.deployment;
        let foundation = self.world.foundation()?;
        match foundation.deployment(name).cloned() {
            Some(deployment) => Ok((foundation, deployment)),
            None => Err(self.not_found(70000, &format!("Deployment '{name}' doesn't exist"))),
        }
    }

    /// Returns that the first request names something that does not exist.
    pub(super) fn not_found(&self, code: u32, description: &str) -> Stop {
        let body = format!("{{\"code\": {code}, \"description\": \"{description}\"}}");
        Stop::refused(Request::of(self.invocation).doing, 404, &body)
    }

    /// Gives an order to the director, and waits until it is carried out; fails unless it went well.
    pub(super) fn order(&mut self, doing: &str, order: Order, telling: Telling) -> Result<Task, Stop> {
        let id = self.place(order)?;
        self.follow(doing, id, telling)
    }

    /// Gives an order to the director, and returns the id of its task.
    pub(super) fn place(&self, order: Order) -> Result<u32, Stop> {
        let now = Moment::now();
        Ok(self.world.update(|board: &mut TaskBoard| board.order(order, now))?)
    }

    /// Waits until a task has ended; fails unless it went well.
    pub(super) fn follow(&mut self, doing: &str, id: u32, telling: Telling) -> Result<Task, Stop> {
        let task = self.follower.follow(self.world, &mut self.screen, id, telling)?;
        match failure(&task) {
            None => Ok(task),
            Some(failure) if doing.is_empty() => Err(Stop::failed(&[&failure])),
            Some(failure) => Err(Stop::failed(&[doing, &failure])),
        }
    }

    /// Returns an order of this client, which needs its deployment for itself if it names one.
    pub(super) fn new_order(&self, deployment: &str, description: &str, steps: Vec<Step>) -> Order {
        let claim =
            if deployment.is_empty() { Claim::None } else { Claim::Deployment(self.pace.takes(Phase::BOSH_LOCK)) };
        Order {
            user: self.invocation.client.clone(),
            deployment: deployment.to_owned(),
            description: description.to_owned(),
            result: String::new(),
            claim,
            steps,
        }
    }

    pub(super) fn takes(&self, phase: Phase) -> Duration {
        self.pace.takes(phase)
    }

    /// Asks whether to go on, unless nobody is to be asked.
    pub(super) fn confirm(&mut self) -> Result<(), Stop> {
        self.confirm_with("Continue?")
    }

    pub(super) fn confirm_with(&mut self, label: &str) -> Result<(), Stop> {
        if self.invocation.asking == Asking::Never {
            return Ok(());
        }
        if self.screen.format() == Format::Json {
            return Err(Stop::Panic("Cannot ask for confirmation in JSON UI".into()));
        }
        self.screen.ask(&format!("{label} [yN]: "));
        match answer("Asking for confirmation")?.to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Stop::failed(&["Stopped"])),
        }
    }

    /// Asks for one of several things, and returns its index.
    pub(super) fn choose(&mut self, label: &str, choices: &[&str]) -> Result<usize, Stop> {
        if self.invocation.asking == Asking::Never {
            return Err(Stop::Panic("Cannot ask for a choice in non-interactive UI".into()));
        }
        if self.screen.format() == Format::Json {
            return Err(Stop::Panic("Cannot ask for a choice in JSON UI".into()));
        }
        let listed = choices.iter().zip(1..).map(|(choice, number)| format!("{number}: {choice}\n"));
        self.screen.ask(&listed.collect::<String>());
        loop {
            out(&format!("{label} (1): "));
            let chosen = answer("Asking for choice")?;
            let number = if chosen.is_empty() { Some(1) } else { chosen.parse::<usize>().ok() };
            match number.and_then(|number| number.checked_sub(1)).filter(|index| *index < choices.len()) {
                Some(index) => return Ok(index),
                None => out("invalid input (not a number in the list)\n"),
            }
        }
    }
}

fn unreachable(url: &str, host: &str, port: &str) -> Stop {
    let begin = [
        "Fetching info",
        &format!("Performing request GET '{url}/info'"),
        "Performing GET request",
        "Retry",
        &format!("Get \"{url}/info\""),
    ];
    let address = format!("dial tcp {host}:{port}");
    let lookup = format!("lookup {host}");
    let is_name = host.parse::<std::net::Ipv4Addr>().is_err();
    let end = if is_name { ["dial tcp", &lookup, "no such host"] } else { [&address, "connect", "connection refused"] };
    Stop::failed(&[begin.as_slice(), &end].concat())
}

/// Returns a line of standard input without its end.
fn answer(doing: &str) -> Result<String, Stop> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Ok(line.trim().to_owned()),
        _ => Err(Stop::failed(&[doing, "EOF"])),
    }
}

/// Returns host and port of a director's URL, as the client completes it.
fn address(environment: &str) -> (&str, &str) {
    let rest = environment.split_once("://").map_or(environment, |(_, rest)| rest).trim_end_matches('/');
    rest.split_once(':').unwrap_or((rest, "25555"))
}
