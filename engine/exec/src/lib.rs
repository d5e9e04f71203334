//! The live world: driver, supervisor, processes, journal files, run store. Linux only.

pub mod clock;
pub mod driver;
mod environment;
pub mod files;
mod history;
pub mod journal;
mod library;
mod live;
mod locks;
mod milestones;
pub mod people;
mod plan_file;
mod planned;
mod private;
mod provenance;
mod questions;
pub mod rehearsal;
pub mod rehearsals;
mod secrets;
mod signals;
mod store;
mod summary;
pub mod supervisor;
mod sys;
mod world;

pub use driver::{DriveError, Note, Patience, Sink, drive};
pub use environment::INHERITED;
pub use history::{Place, Recorded, history, last_outputs};
pub use library::library;
pub use locks::{Holding, Lock, Locks};
pub use plan_file::{PlanFile, PlanFileError};
pub use provenance::{Committed, Provenance, committed};
pub use secrets::{MASKED, SHORTEST, Secret, SecretError, Vault, check_secrets};
pub use store::{About, RunDir, RunLock, Store, StoreError, Summary};
pub use summary::summary;
pub use sys::seal_inherited;
