//! The stand-in of curl: the hosts of the platform answer it.

mod flags;

use std::fs;

use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::platform::balancer::From;
use crate::platform::rest::{self, Answer, Silence};
use crate::world::{World, WorldError};
use crate::{err, out};

use flags::{Errors, Noise, Request, Shown};

/// The exit statuses of curl.
const BAD_USAGE: u8 = 2;
const NO_HOST: u8 = 6;
const REFUSED: u8 = 7;
const HTTP_ERROR: u8 = 22;
const WRITE_ERROR: u8 = 23;
const TIMED_OUT: u8 = 28;

/// Runs curl with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    run_from(world, args, From::Outside)
}

/// Runs it from one side of the load balancer.
pub(crate) fn run_from(world: &World, args: &[String], from: From) -> Result<u8, WorldError> {
    crate::recorded(world, "curl.request", |_| {
        Pace::of(world)?.pass(Phase::CURL);
        if let Some(point) = FaultPoint::of_subcommand("curl.request")
            && let Some(fault) = world.strike(point)?
        {
            err(&format!("curl: ({}) {}\n", fault.exit, fault.said("curl.request")));
            return Ok(fault.exit);
        }
        if matches!(args, [only] if only == "--version" || only == "-V") {
            out("curl 8.5.0 (sandbox)\nProtocols: http https\n");
            return Ok(0);
        }
        match Request::parse(args) {
            Ok(request) => request.perform(world, from),
            Err(message) => Ok(refuse(Some(&message))),
        }
    })
}

/// Says what is wrong with a command line.
fn refuse(message: Option<&str>) -> u8 {
    if let Some(message) = message {
        err(&format!("curl: {message}\n"));
    }
    err("curl: try 'curl --help' or 'curl --manual' for more information\n");
    BAD_USAGE
}

impl Request {
    fn perform(&self, world: &World, from: From) -> Result<u8, WorldError> {
        let Some(url) = &self.url else {
            let is_empty = *self == Request::default();
            return Ok(refuse((!is_empty).then_some("no URL specified!")));
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (host, path) =
            rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
        let (name, port) = host.split_once(':').unwrap_or((host, if scheme == "https" { "443" } else { "80" }));
        let request = rest::Request { method: self.method(), path: &path, body: self.body() };
        Ok(match rest::host(world, from, name, request)? {
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
        let status = answer.status;
        let is_error = status >= 400 && self.errors != Errors::Answer;
        let head = format!("HTTP/1.1 {status} {}\r\n\r\n", rest::reason(status));
        let text = match self.shown {
            Shown::Body => answer.body.clone(),
            Shown::Head => head,
            Shown::HeadAndBody => head + &answer.body,
        };
        let written = match &self.output {
            _ if is_error && self.errors == Errors::Fail => Ok(()),
            Some(path) => fs::write(path, text),
            None => {
                out(&text);
                Ok(())
            }
        };
        self.write_out(status);
        if is_error {
            return self.fail(HTTP_ERROR, &format!("The requested URL returned error: {status}"));
        }
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
        if self.noise != Noise::Silent {
            err(&format!("curl: ({code}) {text}\n"));
        }
        code
    }
}
