//! The least program that can be a stand-in: it looks at the name by which it is called.
//!
//! Called by its own name, its arguments are a command of `firedrill sandbox`: `stand_in WORLD create`, or
//! `stand_in WORLD show`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use firedrill_foundation::{World, sandbox_command, stand_in};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(code) = stand_in(&name, args.collect()) {
        return Ok(code);
    }
    let mut args = std::env::args().skip(1);
    let world = args.next().ok_or("the world's folder is missing")?;
    let verb: Vec<String> = args.collect();
    if verb == ["create"] {
        World::create(world.as_ref(), &std::env::current_exe()?)?;
    } else {
        sandbox_command(world.as_ref(), &verb, &mut std::io::stdout())?;
    }
    Ok(ExitCode::SUCCESS)
}
