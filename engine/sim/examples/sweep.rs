//! How fast a sweep is: `cargo run --release -p firedrill-sim --example sweep -- [DEPTH] [deep | wide] [THREADS]` sweeps a plan of
//! twelve steps and prints what was found and how many states a second were visited.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use firedrill_sim::{Sweep, sketch};

/// Twelve steps, nearly in a row: a hold, retries, cleanups, rollbacks, a short fan-out, a guard and an invariant.
const DEEP: &str = "
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

/// Twelve steps, five of them at once.
const WIDE: &str = "
    @invariant open
    a ro
    b a ! x2 idem
    c a !
    d a ~ x2
    e a ^
    f a !
    j b c
    h d !
    k e ?
    l f ro
    m j h k l !
    n m
";

#[expect(clippy::print_stdout, reason = "what the example is for")]
#[expect(clippy::disallowed_methods, reason = "the example measures, the crate does not")]
fn main() -> ExitCode {
    let depth = std::env::args().nth(1).and_then(|depth| depth.parse().ok()).unwrap_or(2);
    let is_wide = std::env::args().nth(2).is_some_and(|shape| shape == "wide");
    let threads = std::env::args().nth(3).and_then(|threads| threads.parse().ok()).unwrap_or(NonZeroUsize::MIN);
    let sweep = Sweep::new(Arc::new(sketch(if is_wide { WIDE } else { DEEP }))).depth(depth).budget(20_000_000);
    let sweep = sweep.threads(threads);
    let began = std::time::Instant::now();
    let swept = match sweep.run() {
        Ok(swept) => swept,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    println!("{swept}, {} transitions, {} violations", swept.transitions, swept.violations.len());
    for violation in &swept.violations {
        println!("{}\n", violation.story.join("\n"));
    }
    for (faults, verdicts) in swept.verdicts.iter().enumerate() {
        println!("{faults} faults: {verdicts:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = swept.states as f64 / seconds;
    println!("{seconds:.3} s, {rate:.0} states a second");
    ExitCode::SUCCESS
}
