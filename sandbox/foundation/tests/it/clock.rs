//! A virtual clock that a test moves by hand, one un-parked process at a time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use tempfile::TempDir;

use crate::rig::Ran;

/// Virtual runs begin at 2026-01-05T02:00:00Z.
pub(crate) const START: u64 = 1_767_578_400_000;

/// A clock with its socket.
pub(crate) struct Clock {
    dir: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    now: u64,
    /// By when it is woken and in which order it was parked.
    parked: BTreeMap<(u64, u64), Arc<UnixStream>>,
    /// How many connections are open and not parked.
    awake: usize,
    /// How many were parked so far.
    parks: u64,
    /// How many programs of [`Clock::run`] have ended.
    ended: usize,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("clock")).unwrap();
        let state = State { now: START, parked: BTreeMap::new(), awake: 0, parks: 0, ended: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, shared) = (Arc::new(connection.unwrap()), Arc::clone(&serving));
                shared.change(|state| state.awake += 1);
                thread::spawn(move || shared.serve(&connection));
            }
        });
        Clock { dir, shared }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("clock")
    }

    /// Returns how many milliseconds have passed.
    pub(crate) fn elapsed(&self) -> u64 {
        self.shared.state.lock().unwrap().now - START
    }

    /// Waits until so many are parked and nobody else is connected.
    pub(crate) fn wait_for_parked(&self, count: usize) {
        drop(self.shared.wait(|state| state.awake == 0 && state.parked.len() == count));
    }

    /// Lets time pass; each that is due goes on until it is parked again or gone.
    pub(crate) fn advance(&self, millis: u64) {
        let until = self.shared.state.lock().unwrap().now + millis;
        while self.wake_next(until) {}
        self.shared.change(|state| state.now = until);
    }

    /// Lets as much time pass as anybody wants.
    pub(crate) fn run_out(&self) {
        while self.wake_next(u64::MAX) {}
    }

    /// Runs a program to its end, and lets as much time pass as it wants.
    pub(crate) fn run(&self, command: &mut Command) -> Ran {
        command.env("FIREDRILL_CLOCK", self.socket()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let shared = Arc::clone(&self.shared);
        let ending = thread::spawn(move || {
            let output = child.wait_with_output().unwrap();
            shared.change(|state| state.ended += 1);
            output
        });
        loop {
            let state = self.shared.wait(|state| state.ended > 0 || (state.awake == 0 && !state.parked.is_empty()));
            if state.ended > 0 {
                break;
            }
            drop(state);
            self.wake_next(u64::MAX);
        }
        self.shared.change(|state| state.ended = 0);
        ending.join().unwrap().into()
    }

    /// Ends the world: every connection is closed.
    pub(crate) fn stop(&self) {
        let state = self.shared.state.lock().unwrap();
        for connection in state.parked.values() {
            connection.shutdown(Shutdown::Both).unwrap();
        }
    }

    fn wake_next(&self, until: u64) -> bool {
        let mut state = self.shared.wait(|state| state.awake == 0);
        let Some(next) = state.parked.first_entry().filter(|entry| entry.key().0 <= until) else {
            return false;
        };
        let ((due, _), connection) = next.remove_entry();
        state.now = due;
        state.awake += 1;
        drop(state);
        // It may have been killed meanwhile.
        let _gone = writeln!(&*connection, "{due}");
        drop(self.shared.wait(|state| state.awake == 0));
        true
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap();
        self.changed.wait_while(state, |state| !until(state)).unwrap()
    }

    fn serve(&self, connection: &Arc<UnixStream>) {
        for line in BufReader::new(&**connection).lines().map_while(Result::ok) {
            match line.strip_prefix("sleep ") {
                Some(millis) => self.park(millis.parse().unwrap(), connection),
                None => writeln!(&**connection, "{}", self.state.lock().unwrap().now).unwrap(),
            }
        }
        self.change(|state| {
            let parked = state.parked.len();
            state.parked.retain(|_, other| !Arc::ptr_eq(other, connection));
            // One that was parked is not awake.
            state.awake -= usize::from(state.parked.len() == parked);
        });
    }

    fn park(&self, millis: u64, connection: &Arc<UnixStream>) {
        self.change(|state| {
            state.parks += 1;
            state.awake -= 1;
            state.parked.insert((state.now + millis, state.parks), Arc::clone(connection));
        });
    }
}
