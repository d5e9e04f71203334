//! Spans of time, in milliseconds since 1970.

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeSpan {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

impl TimeSpan {
    /// Returns the span between two moments; an empty one if the clock was set back.
    pub(crate) fn new(begin: u64, end: u64) -> TimeSpan {
        TimeSpan { begin, end: end.max(begin) }
    }

    fn overlap(self, other: TimeSpan) -> u64 {
        self.end.min(other.end).saturating_sub(self.begin.max(other.begin))
    }
}

/// Returns how much time at least one of these spans covers, without `gaps`, which do not overlap one another.
pub(super) fn covered(mut spans: Vec<TimeSpan>, gaps: &[TimeSpan]) -> u64 {
    spans.sort_unstable();
    let mut merged: Vec<TimeSpan> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.begin <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged.into_iter().map(|span| without(span, gaps)).sum()
}

fn without(span: TimeSpan, gaps: &[TimeSpan]) -> u64 {
    let lost: u64 = gaps.iter().map(|gap| span.overlap(*gap)).sum();
    (span.end - span.begin).saturating_sub(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_once_and_gaps_do_not() {
        let spans = |list: &[(u64, u64)]| -> Vec<TimeSpan> {
            list.iter().map(|&(begin, end)| TimeSpan::new(begin, end)).collect()
        };
        for (of, gaps, ms) in [
            (&[][..], &[][..], 0),
            (&[(0, 10)], &[], 10),
            (&[(0, 10), (10, 20)], &[], 20),
            (&[(5, 15), (0, 10)], &[], 15),
            (&[(0, 100), (20, 30)], &[], 100),
            (&[(0, 10), (20, 30)], &[], 20),
            (&[(0, 10), (20, 30)], &[(5, 25)], 10),
            (&[(0, 10)], &[(20, 30)], 10),
            (&[(9, 3)], &[], 0),
        ] {
            assert_eq!(covered(spans(of), &spans(gaps)), ms, "{of:?} without {gaps:?}");
        }
    }
}
