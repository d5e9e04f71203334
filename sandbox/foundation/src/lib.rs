//! The sandbox foundation: stand-ins for bbr, bosh and om over a world on disk, and for the programs that tell time.
//!
//! A stand-in prints and exits like the real client in the same situation, and its effects are real files below the
//! world's folder. The binary that links this library becomes a stand-in when it is called by one of [`STAND_INS`].

mod artifacts;
mod bbr;
mod bosh;
mod cf;
mod clock;
mod curl;
mod director;
mod fault;
mod foundation;
mod inside;
mod later;
mod lb;
mod ledger;
mod om;
mod opsman;
pub mod pace;
mod platform;
mod sandbox;
mod scripts;
mod situation;
mod suggest;
mod tasks;
mod time;
mod vm;
pub mod world;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub use clock::CLOCK_VARIABLE;
pub use fault::{Fault, FaultPoint, UnknownPoint};
pub use foundation::Layout;
pub use sandbox::{SandboxError, sandbox_command};
pub use situation::{Place, Situation, Trouble, UnknownSituation, Unrest};
pub use world::{Settings, World, WorldError};

use ledger::Ledger;

/// The names by which a stand-in is called.
pub const STAND_INS: [&str; 10] =
    ["bbr", "bosh", "cf", "curl", "date", "firedrill-sleep", "lb", "om", "sandbox", "sleep"];

/// Those of the stand-ins that need no world: they tell time or let it pass, in a sandbox of any kind.
pub const TIME_STAND_INS: [&str; 3] = ["date", "firedrill-sleep", "sleep"];

/// The environment variable that names the folder of the world.
pub const WORLD_VARIABLE: &str = "FIREDRILL_SANDBOX";

/// Runs the stand-in called `name` with `args` (without the program's own name) over the world of `FIREDRILL_SANDBOX`.
///
/// Those that only tell time or let it pass need no world. Returns `None` if `name` is no stand-in, and nothing has
/// happened then.
pub fn stand_in(name: &str, args: Vec<OsString>) -> Option<ExitCode> {
    let program = Program::named(name)?;
    let args: Vec<String> = args.into_iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Some(ExitCode::from(program.run(&args)))
}

/// Makes `bin` a folder that calls `executable` by these names.
pub fn install(bin: &Path, executable: &Path, names: &[&str]) -> Result<(), WorldError> {
    fs::create_dir_all(bin).map_err(|source| WorldError::io("create", bin, source))?;
    for name in names {
        let link = bin.join(name);
        symlink(executable, &link).map_err(|source| WorldError::io("link", &link, source))?;
    }
    Ok(())
}

/// What a stand-in does with its arguments; the result is its exit status.
enum Program {
    /// It needs a world.
    World(&'static str, fn(&World, &[String]) -> Result<u8, WorldError>),
    /// It needs none.
    Time(fn(&[String]) -> u8),
    /// It runs inside of a VM of a world.
    Vm(inside::Program),
}

impl Program {
    fn named(name: &str) -> Option<Program> {
        if let Some(program) = inside::program(name) {
            return Some(Program::Vm(program));
        }
        match name {
            "bbr" => Some(Program::World("bbr", bbr::run)),
            "bosh" => Some(Program::World("bosh", bosh::run)),
            "cf" => Some(Program::World("cf", cf::run)),
            "curl" => Some(Program::World("curl", curl::run)),
            "lb" => Some(Program::World("lb", lb::run)),
            "om" => Some(Program::World("om", om::run)),
            "sandbox" => Some(Program::World("sandbox", sandbox::run)),
            "date" => Some(Program::Time(time::date)),
            "sleep" => Some(Program::Time(time::sleep)),
            "firedrill-sleep" => Some(Program::Time(time::firedrill_sleep)),
            _ => None,
        }
    }

    fn run(&self, args: &[String]) -> u8 {
        match self {
            Program::Time(run) => run(args),
            Program::Vm(program) => named_world()
                .and_then(|world| inside::run(&world, *program, args).map_err(|error| error.to_string()))
                .unwrap_or_else(|message| refuse("a VM", &message)),
            Program::World(name, run) => named_world()
                .and_then(|world| run(&world, args).map_err(|error| error.to_string()))
                .unwrap_or_else(|message| refuse(name, &message)),
        }
    }
}

/// Returns the world as it is by now.
fn named_world() -> Result<World, String> {
    let Some(root) = std::env::var_os(WORLD_VARIABLE).filter(|root| !root.is_empty()) else {
        return Err(format!("{WORLD_VARIABLE} is not set: it names the folder of the sandbox's world"));
    };
    let world = World::open(&PathBuf::from(root)).map_err(|error| error.to_string())?;
    later::catch_up(&world).map_err(|error| error.to_string())?;
    Ok(world)
}

fn refuse(program: &str, message: &str) -> u8 {
    err(&format!("{program} of the firedrill sandbox: {message}\n"));
    1
}

/// Runs `act` between the ledger's two lines of `key`.
fn recorded(
    world: &World,
    key: &str,
    act: impl FnOnce(&Arc<Ledger>) -> Result<u8, WorldError>,
) -> Result<u8, WorldError> {
    let ledger = Arc::new(Ledger::start(world, key)?);
    let code = act(&ledger);
    ledger.end(*code.as_ref().unwrap_or(&1))?;
    code
}

/// Writes to standard output; a reader that has gone does not stop a stand-in.
fn out(text: &str) {
    write_all(io::stdout(), text.as_bytes());
}

/// Writes to standard error; a reader that has gone does not stop a stand-in.
fn err(text: &str) {
    write_all(io::stderr(), text.as_bytes());
}

fn write_all(mut stream: impl Write, bytes: &[u8]) {
    drop(stream.write_all(bytes).and_then(|()| stream.flush()));
}
