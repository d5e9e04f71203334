//! What a durable, supervised, captured attempt costs, against the limit.
fn main() {}
