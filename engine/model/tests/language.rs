//! Tests of the playbook language: broken playbooks, planted faults, hostile texts.

#[path = "language/broken.rs"]
mod broken;
#[path = "language/explanations.rs"]
mod explanations;
