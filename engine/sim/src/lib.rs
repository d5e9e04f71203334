//! Drivers without a world: scripted outcomes and the exploration of the state machine. Pure.

mod explore;
mod mutants;
mod place;
mod script;
mod sketch;
mod strikes;
pub mod sweep;
mod waits;

pub use explore::{Explored, Limits, Violation, explore};
pub use mutants::{Mutant, MutantKind, mutants};
pub use script::{Played, Script};
pub use sketch::sketch;
pub use strikes::{Aim, Strike, pairs, strikes};
pub use sweep::{Sweep, Swept};
