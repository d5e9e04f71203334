//! `cf curl`.

use std::fs;

use crate::out;
use crate::platform::api::SYSTEM_DOMAIN;
use crate::platform::balancer::From;
use crate::platform::rest::{self, Answer, Request};

use super::{Client, Done, Stop, failed};

/// The exit status of an answer that is an error, if one was asked for.
const HTTP_ERROR: u8 = 22;

/// `cf curl PATH [-X METHOD] [-d DATA] [--fail] [-i] [--output FILE]`.
///
/// An error of the API is an answer like any other, and no answer at all is an empty one, unless `--fail` says otherwise.
pub(super) fn curl(cf: &Client) -> Done {
    let path = format!("/{}", cf.arg(0, "PATH")?.trim_start_matches('/'));
    if cf.target.api.is_empty() {
        return Err(failed("No API endpoint set. Use 'cf login' or 'cf api' to target an endpoint."));
    }
    let fails = cf.invocation.has(&["-f", "--fail"]);
    let Some(answer) = ask(cf, &path)? else {
        if fails {
            cf.reach()?;
        }
        out("\n");
        return Ok(());
    };
    let Answer { status, body } = answer;
    if fails && status >= 400 {
        return Err(Stop::Exit(HTTP_ERROR, format!("The requested URL returned error: {status}")));
    }
    let head = format!("HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\n\r\n", rest::reason(status));
    let head = if cf.invocation.has(&["-i"]) { head } else { String::new() };
    if let Some(file) = cf.invocation.value("--output") {
        fs::write(file, head + &body).map_err(|error| failed(format!("Error creating file: {error}")))?;
        out("OK\n");
    } else {
        out(&(head + &body + "\n"));
    }
    Ok(())
}

/// Returns what the API answers, `None` if nothing does.
fn ask(cf: &Client, path: &str) -> Result<Option<Answer>, Stop> {
    if cf.target.host() != format!("api.{SYSTEM_DOMAIN}") {
        return Ok(None);
    }
    let body = cf.invocation.value("-d").unwrap_or_default();
    let body = match body.trim_matches(['"', '\'']).strip_prefix('@') {
        Some(file) => fs::read_to_string(file).map_err(|error| failed(format!("Error creating request: {error}")))?,
        None => body.to_owned(),
    };
    let method = cf.invocation.value("-X").unwrap_or(if body.is_empty() { "GET" } else { "POST" });
    let answer = rest::api(cf.world, From::Outside, Request { method, path, body: &body })?;
    let is_open = matches!(path, "/" | "/v3" | "/v3/info" | "/v2/info");
    Ok(answer.map(|answer| if cf.target.user.is_empty() && !is_open { anonymous(answer) } else { answer }))
}

/// Returns what somebody gets who is not logged in, if the API works.
fn anonymous(answer: Answer) -> Answer {
    if answer.status >= 500 {
        return answer;
    }
    Answer::error(401, 10_002, "CF-NotAuthenticated", "Authentication error")
}
