//! Drivers without a world: scripted outcomes, the sweep of the state machine, and what a sweep of the sandbox strikes. Pure.

mod mutants;
mod people;
mod place;
mod script;
mod sketch;
mod strikes;
pub mod sweep;
mod waits;

pub use mutants::{Mutant, MutantKind, mutants};
pub use script::{Played, Script};
pub use sketch::sketch;
pub use strikes::{Aim, Strike, pairs, strikes};
pub use sweep::{Sweep, Swept};
