//! The nearest known name to one that is unknown.

/// Returns the known name that differs least from `name`, if it is near enough to be a slip.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = name.len() / 3 + 1;
    let scored = known.into_iter().map(|candidate| (distance(name, candidate), candidate));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Returns " (did you mean `x`?)", or nothing.
pub(crate) fn hint<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, known).map(|candidate| format!(" (did you mean `{candidate}`?)")).unwrap_or_default()
}

/// Returns how many letters must be changed to make one word of the other.
pub(crate) fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, left) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in to.chars().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_a_slip_and_refuses_a_stranger() {
        let known = ["bbr.backup", "bbr.backup-cleanup", "bosh.tasks"];
        assert_eq!(nearest("bbr.bakup", known), Some("bbr.backup"));
        assert_eq!(nearest("bosh.task", known), Some("bosh.tasks"));
        assert_eq!(nearest("kubectl.get", known), None);
    }
}
