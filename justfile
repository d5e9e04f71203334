# What a developer does. Everything that needs logic is a Rust test or binary.

# Format, lint, document, test: what CI asks.
check: fmt lint test

# Every test of every crate.
test:
    cargo test --workspace

# Lints and documentation, warnings refused.
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Format all code.
fmt:
    cargo fmt --all

# Write the generated files anew: schemas, the command's reference, the diagnostics' reference, snapshots.
schemas:
    UPDATE=1 INSTA_UPDATE=always cargo test --workspace

# The static binary.
release:
    rustup target add x86_64-unknown-linux-musl
    cargo build --release --target x86_64-unknown-linux-musl --bin firedrill

# Back up the director of the sandbox.
demo:
    cargo run --bin firedrill -- run playbooks/director-backup.yaml --sandbox
