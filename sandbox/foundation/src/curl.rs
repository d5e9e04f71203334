//! The stand-in of curl: the hosts of the platform answer it.

use std::fs;

use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::platform::balancer::From;
use crate::platform::rest::{self, Answer, Silence};
use crate::world::{World, WorldError};
use crate::{err, out};

/// The exit statuses of curl.
const NO_URL: u8 = 2;
const NO_HOST: u8 = 6;
const REFUSED: u8 = 7;
const HTTP_ERROR: u8 = 22;
const WRITE_ERROR: u8 = 23;
const TIMED_OUT: u8 = 28;

/// What curl was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    url: String,
    method: String,
    output: Option<String>,
    format: Option<String>,
    is_silent: bool,
    shows_errors: bool,
    fails: bool,
}

/// Runs curl with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    run_from(world, args, From::Outside)
}

/// Runs it from one side of the load balancer.
pub(crate) fn run_from(world: &World, args: &[String], from: From) -> Result<u8, WorldError> {
    let request = Request::parse(args);
    crate::recorded(world, "curl.request", |_| {
        Pace::of(world)?.pass(Phase::CURL);
        if let Some(point) = FaultPoint::of_subcommand("curl.request")
            && let Some(fault) = world.strike(point)?
        {
            err(&format!("curl: ({}) {}\n", fault.exit, fault.said("curl.request")));
            return Ok(fault.exit);
        }
        request.perform(world, from)
    })
}

impl Request {
    fn parse(args: &[String]) -> Request {
        let mut request = Request { method: "GET".into(), ..Request::default() };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().unwrap_or_default();
            match word.as_str() {
                "-o" | "--output" => request.output = Some(value()),
                "-w" | "--write-out" => request.format = Some(value()),
                "-X" | "--request" => request.method = value(),
                "-m" | "--max-time" | "--connect-timeout" | "-H" | "--header" | "-u" | "--user" | "-d" | "--data"
                | "--cacert" | "--retry" | "--retry-delay" | "-A" => drop(value()),
                "--silent" => request.is_silent = true,
                "--show-error" => request.shows_errors = true,
                "--fail" => request.fails = true,
                long if long.starts_with("--") => {}
                short if short.starts_with('-') => request.set(&short[1..]),
                url => url.clone_into(&mut request.url),
            }
        }
        request
    }

    /// Sets flags of one letter, which may be joined: `-sSf`.
    fn set(&mut self, letters: &str) {
        self.is_silent |= letters.contains('s');
        self.shows_errors |= letters.contains('S');
        self.fails |= letters.contains('f');
    }

    fn perform(&self, world: &World, from: From) -> Result<u8, WorldError> {
        if self.url.is_empty() {
            return Ok(self.fail(NO_URL, "no URL specified"));
        }
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("http", &self.url));
        let (host, path) =
            rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
        let (name, port) = host.split_once(':').unwrap_or((host, if scheme == "https" { "443" } else { "80" }));
        Ok(match rest::host(world, from, name, &self.method, &path)? {
            Ok(answer) => self.show(&answer),
            Err(silence) => {
                self.write_out(0);
                let (code, text) = match silence {
                    Silence::NoSuchHost => (NO_HOST, format!("Could not resolve host: {name}")),
                    Silence::TimedOut => {
                        (TIMED_OUT, format!("Failed to connect to {name} port {port}: Connection timed out"))
                    }
                    Silence::Refused => {
                        (REFUSED, format!("Failed to connect to {name} port {port}: Connection refused"))
                    }
                };
                self.fail(code, &text)
            }
        })
    }

    fn show(&self, answer: &Answer) -> u8 {
        if self.fails && answer.status >= 400 {
            self.write_out(answer.status);
            return self.fail(HTTP_ERROR, &format!("The requested URL returned error: {}", answer.status));
        }
        let written = if let Some(path) = &self.output {
            fs::write(path, &answer.body)
        } else {
            out(&answer.body);
            Ok(())
        };
        self.write_out(answer.status);
        if written.is_ok() { 0 } else { self.fail(WRITE_ERROR, "Failure writing output to destination") }
    }

    /// Prints what `-w` asks for.
    fn write_out(&self, status: u16) {
        if let Some(format) = &self.format {
            let status = format!("{status:03}");
            let text = format.replace("%{http_code}", &status).replace("%{response_code}", &status);
            out(&text.replace("\\n", "\n"));
        }
    }

    fn fail(&self, code: u8, text: &str) -> u8 {
        if !self.is_silent || self.shows_errors {
            err(&format!("curl: ({code}) {text}\n"));
        }
        code
    }
}
