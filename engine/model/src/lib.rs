//! The playbook language: text to Playbook to Plan. Pure.

pub mod expression;
pub mod shell;
pub mod template;
pub mod value;
