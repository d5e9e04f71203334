//! How long to wait before the next try. Jitter is a function of the step and the try, so that a replay waits alike.

use std::time::Duration;

use firedrill_model::plan::{Backoff, Jitter, Retry};
use sha2::{Digest as _, Sha256};

use crate::command::StepId;

/// Returns the wait after this many failed tries (from 1).
pub(crate) fn before(retry: &Retry, step: &StepId, failures: u32) -> Duration {
    let grown = match retry.backoff {
        Backoff::Constant => retry.delay,
        Backoff::Exponential { percent } => grow(retry.delay, percent, failures.saturating_sub(1)),
    };
    let bounded = retry.max_delay.map_or(grown, |max| grown.min(max));
    match retry.jitter {
        Jitter::None => bounded,
        Jitter::Full => bounded.mul_f64(fraction(step, failures)),
    }
}

fn grow(delay: Duration, percent: u32, times: u32) -> Duration {
    const LONGEST: Duration = Duration::from_hours(720);
    let factor = (f64::from(percent) / 100.0).powi(times.min(1_000).cast_signed());
    let seconds = delay.as_secs_f64() * factor;
    if seconds.is_finite() && seconds < LONGEST.as_secs_f64() { Duration::from_secs_f64(seconds) } else { LONGEST }
}

/// Returns a number in 0..1 that looks random and is always the same for the same try.
fn fraction(step: &StepId, failures: u32) -> f64 {
    let digest = Sha256::digest(format!("{step}/{failures}"));
    f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn retry(backoff: Backoff, max: Option<u64>, jitter: Jitter) -> Retry {
        Retry {
            max_attempts: NonZeroU32::MIN,
            delay: Duration::from_secs(2),
            backoff,
            max_delay: max.map(Duration::from_secs),
            jitter,
            when: None,
        }
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let step = StepId::from("a");
        let doubling = retry(Backoff::Exponential { percent: 200 }, Some(10), Jitter::None);
        let waits: Vec<u64> = (1..=5).map(|failures| before(&doubling, &step, failures).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 10, 10]);
        let constant = retry(Backoff::Constant, None, Jitter::None);
        assert_eq!(before(&constant, &step, 7), Duration::from_secs(2));
        let endless = retry(Backoff::Exponential { percent: 1_000 }, None, Jitter::None);
        assert_eq!(before(&endless, &step, u32::MAX), Duration::from_hours(720));
        assert_eq!(before(&endless, &step, 12), Duration::from_hours(720));
    }

    #[test]
    fn jitter_stays_below_the_wait_and_repeats() {
        let full = retry(Backoff::Constant, None, Jitter::Full);
        let (a, b) = (StepId::from("a"), StepId::from("b"));
        assert!(before(&full, &a, 1) <= Duration::from_secs(2));
        assert_eq!(before(&full, &a, 1), before(&full, &a, 1));
        assert_ne!(before(&full, &a, 1), before(&full, &b, 1));
    }
}
