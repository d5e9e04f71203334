//! Tests of the whole product, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod disk;
mod hostile;
mod house;
mod inert;
mod planted;
mod playbooks;
mod playbooks_bin;
mod processes;
mod rehearsals;
mod rig;
mod virtual_time;
