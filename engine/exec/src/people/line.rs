//! The line to a running engine: a socket in the run's directory. One word a connection, as a line of JSON; the answer is a
//! line, too.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use firedrill_run::Event;

use super::{Word, is_word};
use crate::store::RunDir;

const SOCKET: &str = "people.sock";
/// How long somebody may take to say a word, or an engine to record it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who waits to hear whether a word was recorded.
pub(crate) struct Ear(UnixStream);

impl Ear {
    /// Tells it. Whoever has gone does not want to know.
    pub(crate) fn tell(mut self, recorded: Result<(), String>) {
        let reply = serde_json::to_string(&recorded.err()).expect("a text can be written");
        let _gone = writeln!(self.0, "{reply}");
    }
}

/// Hands every word that is said of the run to `hear`, from threads of its own, for as long as the process lives.
pub(crate) fn listen(dir: &RunDir, hear: impl Fn(Word) + Clone + Send + 'static) -> io::Result<()> {
    let place = File::open(dir.path())?;
    match fs::remove_file(dir.path().join(SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket(&place))?;
    // Nobody else can have come to it before: the folder is private.
    fs::set_permissions(dir.path().join(SOCKET), Permissions::from_mode(0o600))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hear = hear.clone();
            // Whoever breaks off has said nothing.
            thread::spawn(move || serve(stream, hear).is_ok());
        }
    });
    Ok(())
}

fn serve(stream: UnixStream, hear: impl Fn(Word)) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    let ear = Ear(stream);
    match serde_json::from_str(&line) {
        Ok(event) if is_word(&event) => hear(Word { event, ear: Some(ear) }),
        Ok(_) => ear.tell(Err("that is nothing that people say".to_owned())),
        Err(error) => ear.tell(Err(error.to_string())),
    }
    Ok(())
}

/// Says a word to the engine that drives the run, and returns whether it was recorded, or why not.
pub(super) fn tell(dir: &RunDir, event: &Event) -> io::Result<Result<(), String>> {
    let place = File::open(dir.path())?;
    let mut stream = UnixStream::connect(socket(&place))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{}", serde_json::to_string(event)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let refused: Option<String> = serde_json::from_str(&line)?;
    Ok(refused.map_or(Ok(()), Err))
}

/// Names the socket by way of the open directory: a socket's address holds 108 bytes, a path may be longer.
fn socket(place: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", place.as_raw_fd()))
}
