//! The firedrill command.

/// The allocator of musl takes a lock for each piece of memory, so that threads wait for one another.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    firedrill_cli::main()
}
