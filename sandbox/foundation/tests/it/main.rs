//! The stand-ins as their callers see them: real processes over a fresh world.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod assertions;
mod behaviour;
mod bosh_conformance;
mod clock;
mod conformance;
mod consistency;
mod deployment;
mod deployment_signals;
mod disks;
mod guide;
mod ledger;
mod platform;
mod random;
mod rig;
mod running;
mod scripts;
mod services;
mod shell;
mod signals;
mod time;
mod verbs;
mod virtual_time;
