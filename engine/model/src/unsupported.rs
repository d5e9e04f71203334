//! What the language knows and this engine does not do yet: the one list, which shrinks as the language grows.

use crate::decode::Block;

/// A key that is not yet supported, and what it will do.
pub(crate) struct Unsupported {
    /// What it will do, to finish the sentence "it ...".
    pub purpose: &'static str,
    /// Whether it stands for a whole kind of step.
    pub is_step_kind: bool,
}

const fn key(purpose: &'static str) -> Unsupported {
    Unsupported { purpose, is_step_kind: false }
}

const fn kind(purpose: &'static str) -> Unsupported {
    Unsupported { purpose, is_step_kind: true }
}

/// The names in expressions that are not yet supported.
pub(crate) const STEP_FILES: &str = "outputs above 64 KiB, which are files";

/// Returns what is known about a key of `block` that is not yet supported.
pub(crate) fn find(block: Block, name: &str) -> Option<Unsupported> {
    match block {
        Block::Playbook => playbook(name),
        Block::Input | Block::Output => output_or_input(name),
        Block::Step | Block::Group | Block::Use => step(name),
        Block::Guard => guard(name),
        Block::Cleanup | Block::Rollback | Block::Release => hook(name),
        Block::Scenario => scenario(name),
        Block::Target => target(name),
        Block::ForEach
        | Block::Final
        | Block::Invariant
        | Block::Verify
        | Block::Items
        | Block::Defaults
        | Block::Objectives
        | Block::Retry
        | Block::Expect
        | Block::Rehearsal
        | Block::Fault
        | Block::Reply
        | Block::Expectation
        | Block::Within
        | Block::ExpectedStep
        | Block::Sweep => None,
    }
}

fn playbook(name: &str) -> Option<Unsupported> {
    Some(match name {
        "files" => key("adds files to what is hashed into the plan"),
        _ => return None,
    })
}

fn step(name: &str) -> Option<Unsupported> {
    Some(match name {
        "manual" => kind("lets a human do it"),
        "approve" => kind("waits for a decision"),
        "locks" => key("holds named locks during the step"),
        _ => return None,
    })
}

fn guard(name: &str) -> Option<Unsupported> {
    (name == "outputs").then(|| key("keeps what a guard has seen"))
}

fn hook(name: &str) -> Option<Unsupported> {
    (name == "manual").then(|| kind("lets a human do it"))
}

fn output_or_input(name: &str) -> Option<Unsupported> {
    (name == "secret").then(|| key("keeps the value out of everything that is shown or stored"))
}

fn scenario(name: &str) -> Option<Unsupported> {
    (name == "answers").then(|| key("says what people answer when they are asked"))
}

fn target(name: &str) -> Option<Unsupported> {
    (name == "secrets").then(|| key("says where the secrets of a foundation come from"))
}
