//! The live world: driver, supervisor, processes, journal files, run store.
