//! Tests of the playbook language: broken playbooks, planted faults, hostile texts.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures and write what is generated")]

#[path = "language/broken.rs"]
mod broken;
#[path = "language/explanations.rs"]
mod explanations;
#[path = "language/groups.rs"]
mod groups;
#[path = "language/guide.rs"]
mod guide;
#[path = "language/hostile.rs"]
mod hostile;
#[path = "language/lints.rs"]
mod lints;
#[path = "language/needs.rs"]
mod needs;
#[path = "language/pages.rs"]
mod pages;
#[path = "language/planted.rs"]
mod planted;
#[path = "language/rehearsals.rs"]
mod rehearsals;
#[path = "language/secrets.rs"]
mod secrets;
#[path = "language/targets.rs"]
mod targets;
#[path = "language/times.rs"]
mod times;
#[path = "language/used.rs"]
mod used;
