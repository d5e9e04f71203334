//! The stand-ins of the programs that tell time or let it pass. They need no world.

mod date;
mod parse;
mod sleep;

pub(crate) use date::run as date;
pub(crate) use sleep::{coreutils as sleep, firedrill as firedrill_sleep};
