//! Names for runs that nobody named.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns `PLAYBOOK-YYYYMMDD-HHMMSS-xxxx`: the time in UTC and four random hexadecimal digits.
pub(crate) fn new(playbook: &str, at_ms: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).unwrap_or(i64::MAX));
    let at = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y%m%d-%H%M%S").to_string();
    let random = RandomState::new().build_hasher().finish() & 0xffff;
    format!("{playbook}-{at}-{random:04x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_and_when() {
        let name = new("director-backup", 1_763_829_100_123);
        assert!(name.starts_with("director-backup-20251122-163140-"), "{name}");
        assert_eq!(name.len(), "director-backup-20251122-163140-xxxx".len());
    }
}
