//! Tests of the whole product, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod approved;
mod backup_bin;
mod conduct;
mod crash;
mod decided;
mod decisions;
mod disk;
mod environment;
mod failing_disk;
mod groups;
mod hostile;
mod house;
mod inert;
mod locks;
mod milestones;
mod people;
mod planted;
mod playbooks;
mod playbooks_bin;
mod polling;
mod processes;
mod recovery_bin;
mod rehearsals;
mod rig;
mod secret_outputs;
mod secrets;
mod segment_bin;
mod sharing;
mod situations;
mod skips;
mod step_locks;
mod targets;
mod values;
mod virtual_time;
