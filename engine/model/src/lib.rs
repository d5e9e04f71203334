//! The playbook language: text to Playbook to Plan. Pure.

pub mod expression;
pub mod jq;
pub mod judge;
pub mod pattern;
pub mod shell;
mod suggest;
pub mod template;
pub mod units;
pub mod value;
