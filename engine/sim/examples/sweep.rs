//! How fast a sweep is: `cargo run --release -p firedrill-sim --example sweep -- [DEPTH]` sweeps a plan of twelve steps and
//! prints what was found and how many states a second were visited.

use std::process::ExitCode;
use std::sync::Arc;

use firedrill_sim::{Sweep, sketch};

/// Twelve steps with every kind of mark: a hold, retries, cleanups, rollbacks, a fan-out and an invariant.
const TWELVE: &str = "
    @guard ready
    @invariant open
    a ro
    b a x2 ~
    c b ^i
    d c
    e c
    f d e !
    m f
    h m g x2 idem
    i h ro
    j i
    k j !
    l k ?
";

#[expect(clippy::print_stdout, reason = "what the example is for")]
#[expect(clippy::disallowed_methods, reason = "the example measures, the crate does not")]
fn main() -> ExitCode {
    let depth = std::env::args()
        .nth(1)
        .and_then(|depth| depth.parse().ok())
        .unwrap_or(2);
    let sweep = Sweep::new(Arc::new(sketch(TWELVE))).depth(depth).budget(20_000_000);
    let began = std::time::Instant::now();
    let swept = match sweep.run() {
        Ok(swept) => swept,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{swept}, {} transitions, {} violations",
        swept.transitions,
        swept.violations.len()
    );
    for (faults, verdicts) in swept.verdicts.iter().enumerate() {
        println!("{faults} faults: {verdicts:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = swept.states as f64 / seconds;
    println!("{seconds:.3} s, {rate:.0} states a second");
    ExitCode::SUCCESS
}
