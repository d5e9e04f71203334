//! The playbook language: text to Playbook to Plan. Pure.
