//! `sandbox serve`: the platform's hosts on loopback, for programs that are no stand-ins.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::platform::api::SYSTEM_DOMAIN;
use crate::platform::balancer::From;
use crate::platform::rest::{self, Answer, Request};
use crate::world::World;

use super::SandboxError;

/// How long a client may take to send a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers over HTTP on loopback for so long, and prints at which address first; port 0 is any that is free.
///
/// The host of a request says who answers; one that names none of the platform's means its API.
pub(super) fn serve(world: &World, time: Duration, port: u16) -> Result<(), SandboxError> {
    if clock::is_virtual() {
        let usage = "`serve` answers in real time: in virtual time, the stand-in of curl asks the platform";
        return Err(SandboxError::Usage(usage.into()));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    crate::out(&format!("http://{}\n", listener.local_addr()?));
    let world = world.clone();
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            // A client that goes away gets no answer.
            drop(answer(&world, &stream));
        }
    });
    thread::sleep(time);
    Ok(())
}

fn answer(world: &World, mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let Asked { method, path, host, body } = Asked::read(&mut BufReader::new(stream))?;
    let request = Request { method: &method, path: &path, body: &body };
    let Answer { status, body } = match rest::host(world, From::Outside, &host, request) {
        Ok(Ok(answer)) => answer,
        // A real load balancer says nothing, and the client waits; here the connection is closed.
        Ok(Err(_)) => return Ok(()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let head =
        format!("HTTP/1.1 {status} {}\r\nContent-Length: {}\r\nConnection: close", rest::reason(status), body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())
}

/// A request as it comes over the line.
struct Asked {
    method: String,
    path: String,
    host: String,
    body: String,
}

impl Asked {
    fn read(from: &mut impl BufRead) -> io::Result<Asked> {
        let mut first = String::new();
        from.read_line(&mut first)?;
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut host, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            match line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim())) {
                Some((name, value)) if name == "host" => {
                    value.split(':').next().unwrap_or_default().clone_into(&mut host);
                }
                Some((name, value)) if name == "content-length" => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = String::new();
        from.take(length).read_to_string(&mut body)?;
        let is_named = host.ends_with(SYSTEM_DOMAIN) || host.ends_with(".internal");
        let host = if is_named { host } else { format!("api.{SYSTEM_DOMAIN}") };
        Ok(Asked { method, path, host, body })
    }
}
