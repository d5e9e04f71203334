//! Tests of the whole product, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod disk;
mod hostile;
mod house;
mod inert;
mod playbooks;
mod playbooks_bin;
mod polling;
mod processes;
mod rig;
mod virtual_time;
