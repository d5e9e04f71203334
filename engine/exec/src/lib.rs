//! The live world: driver, supervisor, processes, journal files, run store.

pub mod supervisor;
mod sys;
