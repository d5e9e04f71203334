//! The firedrill command.

fn main() -> std::process::ExitCode {
    firedrill_cli::main()
}
