//! What the hosts of the platform answer over HTTP.

mod v3;

use serde_json::json;

use crate::foundation::Foundation;
use crate::world::{World, WorldError};

use super::api::{Api, SYSTEM_DOMAIN, api as state_of_api};
use super::balancer::From;
use super::blobstore::Blobs;
use super::health;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    fn new(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, body: body.into() }
    }

    fn json(value: &serde_json::Value) -> Answer {
        Answer::new(200, serde_json::to_string_pretty(value).expect("a value has string keys"))
    }

    pub(crate) fn error(status: u16, code: u32, title: &str, detail: &str) -> Answer {
        let body = json!({"errors": [{"code": code, "title": title, "detail": detail}]});
        Answer { status, ..Answer::json(&body) }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'r> {
    pub(crate) method: &'r str,
    /// With its query.
    pub(crate) path: &'r str,
    pub(crate) body: &'r str,
}

/// Returns what a status is called.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

/// Why no host answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    NoSuchHost,
    /// The load balancer drops the request.
    TimedOut,
    /// Nothing listens.
    Refused,
}

/// Returns what a host answers.
pub(crate) fn host(
    world: &World,
    from: From,
    host: &str,
    request: Request,
) -> Result<Result<Answer, Silence>, WorldError> {
    if host == "blobstore.service.cf.internal" {
        return Ok(blobstore(&world.foundation()?));
    }
    let Some(name) = host.strip_suffix(&format!(".{SYSTEM_DOMAIN}")) else { return Ok(Err(Silence::NoSuchHost)) };
    match name {
        "api" => Ok(api(world, from, request)?.ok_or(Silence::TimedOut)),
        "healthwatch" | "healthwatch-api" => Ok(Ok(healthwatch(world, request.path)?)),
        "blobstore" => Ok(blobstore(&world.foundation()?)),
        "login" | "uaa" if !world.platform()?.balancer.lets_through(from) => Ok(Err(Silence::TimedOut)),
        "login" | "uaa" => Ok(Ok(Answer::json(&json!({"app": {"version": "77.9.0"}})))),
        _ => Ok(Err(Silence::NoSuchHost)),
    }
}

/// Returns what the platform's API answers, `None` if the load balancer drops the request.
pub(crate) fn api(world: &World, from: From, request: Request) -> Result<Option<Answer>, WorldError> {
    let state = state_of_api(world, from)?;
    let answer = match state {
        Api::Blocked => return Ok(None),
        Api::Locked => Answer::new(503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
        Api::Down => Answer::new(502, "502 Bad Gateway: Registered endpoint failed to handle the request."),
        Api::Answers | Api::NoDatabase => match request.path.split('?').next().unwrap_or_default() {
            "/healthz" => Answer::new(200, "OK"),
            "/" | "/v3" => Answer::json(&json!({"links": {"self": {"href": url("/v3")}}})),
            "/info" | "/v2/info" | "/v3/info" => Answer::json(&info()),
            _ if state == Api::NoDatabase => Answer::error(500, 10_001, "UnknownError", "An unknown error occurred."),
            _ => v3::answer(world, request)?,
        },
    };
    Ok(Some(answer))
}

fn url(path: &str) -> String {
    format!("https://api.{SYSTEM_DOMAIN}{path}")
}

fn info() -> serde_json::Value {
    json!({
        "name": "the sandbox",
        "build": "6.0.4",
        "api_version": "2.247.0",
        "authorization_endpoint": format!("https://login.{SYSTEM_DOMAIN}"),
        "links": {"self": {"href": url("/v3/info")}},
    })
}

/// The blobstore is asked from inside of the platform, whatever the load balancer does.
fn blobstore(foundation: &Foundation) -> Result<Answer, Silence> {
    match foundation.blobs() {
        Blobs::Served => Ok(Answer::new(200, "ok")),
        Blobs::Stale => Ok(Answer::new(500, "500 Internal Server Error")),
        Blobs::Down => Err(Silence::Refused),
    }
}

fn healthwatch(world: &World, path: &str) -> Result<Answer, WorldError> {
    Ok(match path.split('?').next().unwrap_or_default() {
        "/info" => Answer::new(200, "HAPI is happy"),
        "/metrics" => Answer::new(200, health::checks(world)?.metrics()),
        "/v1/canary" => Answer::json(&health::checks(world)?.document()),
        _ => Answer::new(404, "404 page not found"),
    })
}
