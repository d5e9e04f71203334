//! What the language knows and this engine does not do yet: the one list, which shrinks as the language grows.

use crate::decode::Block;

/// A key that is not yet supported, and what it will do.
pub(crate) struct Unsupported {
    /// What it will do, to finish the sentence "it ...".
    pub purpose: &'static str,
}

const fn key(purpose: &'static str) -> Unsupported {
    Unsupported { purpose }
}

/// Returns what is known about a key of `block` that is not yet supported.
pub(crate) fn find(block: Block, name: &str) -> Option<Unsupported> {
    match block {
        Block::Step => step(name),
        Block::Group | Block::Use => group(name),
        Block::Playbook
        | Block::Input
        | Block::Target
        | Block::Secret
        | Block::EnvFile
        | Block::ForEach
        | Block::Guard
        | Block::Output
        | Block::Sight
        | Block::Final
        | Block::Invariant
        | Block::Verify
        | Block::Items
        | Block::Defaults
        | Block::Objectives
        | Block::Retry
        | Block::Expect
        | Block::Cleanup
        | Block::Rollback
        | Block::Release
        | Block::Manual
        | Block::Asked
        | Block::Approve
        | Block::Scenario
        | Block::Answer
        | Block::Rehearsal
        | Block::Fault
        | Block::Reply
        | Block::Expectation
        | Block::Within
        | Block::ExpectedStep
        | Block::Sweep => None,
    }
}

fn group(name: &str) -> Option<Unsupported> {
    Some(match name {
        "locks" => key("holds named locks while its members run"),
        _ => return None,
    })
}

fn step(name: &str) -> Option<Unsupported> {
    Some(match name {
        "locks" => key("holds named locks during the step"),
        _ => return None,
    })
}
