//! Drivers without a world: scripted outcomes and the exploration of the state machine. Pure.

mod explore;
mod script;
mod sketch;
pub mod sweep;

pub use explore::{Explored, Limits, Violation, explore};
pub use script::{Played, Script};
pub use sketch::sketch;
pub use sweep::{Sweep, Swept};
