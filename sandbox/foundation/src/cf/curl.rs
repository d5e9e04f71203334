//! `cf curl`.

use crate::out;
use crate::platform::balancer::From;
use crate::platform::rest::{self, Answer};

use super::{Client, Done, NOT_LOGGED_IN, Stop, failed};

/// The exit status of an answer that is an error, if one was asked for.
const HTTP_ERROR: u8 = 22;

/// `cf curl PATH [--fail] [-i]`: an error of the API is an answer like any other, unless `--fail` says otherwise.
pub(super) fn curl(cf: &Client) -> Done {
    let path = cf.arg(0, "PATH")?;
    if cf.target.api.is_empty() {
        return Err(failed("No API endpoint set. Use 'cf login' or 'cf api' to target an endpoint."));
    }
    if cf.target.user.is_empty() {
        return Err(failed(NOT_LOGGED_IN));
    }
    let method = cf.invocation.value("-X").unwrap_or("GET");
    let Some(answer) = rest::api(cf.world, From::Outside, method, path)? else {
        // Nothing answers at all: the client says so.
        return cf.reach();
    };
    let Answer { status, body } = answer;
    if cf.invocation.has(&["-f", "--fail"]) && status >= 400 {
        return Err(Stop::Exit(HTTP_ERROR, format!("The requested URL returned error: {status}")));
    }
    if cf.invocation.has(&["-i"]) {
        out(&format!("HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\n\r\n", rest::reason(status)));
    }
    out(&(body + "\n"));
    Ok(())
}
