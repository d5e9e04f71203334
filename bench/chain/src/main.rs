//! What a durable, supervised, captured attempt costs, against the limit.
//!
//! The workload is a chain: N times `/bin/true`, one after the other. The contestants run interleaved in R rounds, each
//! in a fresh process of this binary, so that all are the same size and none profits from what another warmed. Wall
//! time and CPU time are of the whole process tree. Figures are ratios to `limit` within a round, and their median.
//!
//! ```text
//! cargo build --profile thin -p bench-chain
//! target/thin/bench-chain                              # 1000 commands, 5 rounds
//! target/thin/bench-chain --steps 200 --rounds 9
//! target/thin/bench-chain --json
//! target/thin/bench-chain --count-syncs                # fsync and fdatasync per step, by strace
//! target/thin/bench-chain --command 'firedrill run chain.yaml'
//! ```
//!
//! `limit` starts and waits. `limit-c` does so in C, where there is a `cc`. `limit-durable` also syncs one record
//! between two commands. `limit-capture` drains two pipes. `supervised` is the real supervisor over its real socket,
//! with one journal write and one sync per step. `shim` puts a process of this binary between itself and each command.
//! `fork-big` forks from 64 MiB of touched memory instead of spawning.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod contestants;
mod measure;
mod options;
mod table;

use std::path::Path;
use std::process::ExitCode;

use contestants::Contestant;
use options::Options;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, run_dir] = &args[..]
        && first == firedrill_exec::supervisor::SUPERVISE
    {
        return firedrill_exec::supervisor::supervise(Path::new(run_dir));
    }
    let outcome = match &args[..] {
        [part, name, steps, dir] if part == contestants::COMPETE => contestants::compete(name, steps, Path::new(dir)),
        [part] if part == contestants::INTERMEDIARY => contestants::run_once(),
        _ => Options::parse(&args).and_then(|options| bench(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("bench-chain: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("{0}")]
    Usage(String),
    #[error("{contestant} did not reach the end")]
    Failed { contestant: String },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Supervisor(#[from] firedrill_exec::supervisor::ClientError),
}

fn bench(options: &Options) -> Result<(), BenchError> {
    let home = tempfile::tempdir_in(&options.dir)?;
    let contestants = Contestant::all(options, home.path())?;
    let mut rows: Vec<table::Row> = contestants.iter().map(|contestant| table::Row::new(&contestant.name)).collect();
    for _ in 0..options.rounds {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            row.costs.push(measure::cost(contestant, home.path())?);
        }
    }
    if options.counts_syncs {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            row.syncs = Some(measure::syncs(contestant, home.path())?);
        }
    }
    println!("{}", if options.is_json { table::json(&rows, options.steps) } else { table::text(&rows, options.steps) });
    Ok(())
}
