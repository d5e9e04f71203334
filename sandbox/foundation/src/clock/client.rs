//! The client of a virtual clock: one line to a socket, one line back.

use std::cell::RefCell;
use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

/// The environment variable that names the socket of the virtual clock.
pub const CLOCK_VARIABLE: &str = "FIREDRILL_CLOCK";

/// The longest that is asked for: a hundred years of `sleep infinity`.
const FOREVER_MS: u128 = 100 * 366 * 24 * 3_600_000;

thread_local! {
    /// Each thread has its own connection, so that none waits for another one that is parked.
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// Where a thread's time comes from.
pub(super) enum Clock {
    Real,
    Virtual(UnixStream),
}

impl Clock {
    /// Asks the clock of this thread.
    pub(super) fn with<R>(ask: impl FnOnce(&Clock) -> R) -> R {
        CLOCK.with_borrow_mut(|clock| ask(clock.get_or_insert_with(Clock::open)))
    }

    /// Ends this thread's connection; the next question opens another one.
    pub(super) fn let_go() {
        CLOCK.set(None);
    }

    pub(super) fn is_virtual(&self) -> bool {
        matches!(self, Clock::Virtual(_))
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Clock::Real => Timestamp::now(),
            Clock::Virtual(socket) => moment(request(socket, "now\n")),
        }
    }

    /// Lets real time pass, or parks; parts of a millisecond count as a whole one.
    pub(super) fn pause(&self, time: Duration) {
        match self {
            Clock::Real => thread::sleep(time),
            Clock::Virtual(socket) => {
                let millis = time.as_nanos().div_ceil(1_000_000).min(FOREVER_MS);
                request(socket, &format!("sleep {millis}\n"));
            }
        }
    }

    fn open() -> Clock {
        match env::var_os(CLOCK_VARIABLE).filter(|path| !path.is_empty()) {
            None => Clock::Real,
            Some(path) => Clock::Virtual(connect(&path)),
        }
    }
}

fn connect(path: &OsStr) -> UnixStream {
    UnixStream::connect(path)
        .unwrap_or_else(|error| end(&format!("cannot reach the virtual clock at {}: {error}", path.display())))
}

/// Returns the clock's answer in milliseconds since 1970.
fn request(socket: &UnixStream, line: &str) -> i64 {
    let answer = exchange(socket, line).unwrap_or_else(|error| end(&format!("the virtual clock: {error}")));
    if answer.is_empty() {
        end("the virtual clock has stopped: its world has ended");
    }
    let millis = answer.trim_end().parse();
    millis.unwrap_or_else(|_| end(&format!("the virtual clock answered {}: {}", line.trim_end(), answer.trim_end())))
}

/// A signal that does not end the process does not end its park either.
fn exchange(mut socket: &UnixStream, line: &str) -> io::Result<String> {
    socket.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer)?;
    Ok(answer)
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis)
        .unwrap_or_else(|_| end(&format!("the virtual clock is out of range: {millis} ms since 1970")))
}

/// Ends the process: without its clock, a stand-in has no world to go on in.
fn end(why: &str) -> ! {
    crate::err(&format!("{why}\n"));
    process::exit(1);
}
