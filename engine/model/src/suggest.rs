//! What somebody may have meant by a word that does not exist.

/// Words longer than this are never slips of a known one.
const MAX_LENGTH: usize = 64;

/// Returns the candidate that is nearest to `word`, if one is near enough to be meant.
pub(crate) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = word.chars().count();
    if length > MAX_LENGTH {
        return None;
    }
    let limit = length.div_ceil(3).min(3);
    let is_near = |candidate: &&str| candidate.len().abs_diff(word.len()) <= 4 * limit && *candidate != word;
    let scored = candidates.into_iter().filter(is_near).map(|candidate| (distance(word, candidate), candidate));
    scored.filter(|&(score, _)| score <= limit).min().map(|(_, candidate)| candidate)
}

/// Returns `did you mean ...?` if a candidate is near enough.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    closest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Counts the letters that are missing, superfluous, wrong, or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.to_lowercase().chars().collect(), right.chars().collect());
    let mut rows = [vec![0; right.len() + 1], vec![0; right.len() + 1], (0..=right.len()).collect::<Vec<usize>>()];
    for i in 1..=left.len() {
        rows.rotate_left(1);
        rows[2][0] = i;
        for j in 1..=right.len() {
            let replaced = rows[1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(rows[1][j] + 1).min(rows[2][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
    }
    rows[2][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand() {
        let keys = ["needs", "when", "retry", "rollback", "id"];
        let meant = |word| closest(word, keys);
        assert_eq!(meant("nedes"), Some("needs"));
        assert_eq!(meant("need"), Some("needs"));
        assert_eq!(meant("Retry"), Some("retry"));
        assert_eq!(meant("roll_back"), Some("rollback"));
        assert_eq!(meant("di"), Some("id"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(&"x".repeat(100_000)), None);
    }
}
