//! Times, lengths and ends in words.

use std::time::Duration;

use firedrill_model::plan::SecretSource;
use firedrill_model::units;
use firedrill_run::{Doubt, Exit};

use crate::plan_text::quoted;

/// How far the reader's clock is from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    seconds: i32,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone { seconds: 0 };

    /// Returns a zone by its offset east of Greenwich, in seconds.
    pub fn east(seconds: i32) -> Zone {
        Zone { seconds }
    }

    /// Returns the time of day, `12:03:11`.
    pub(crate) fn clock(self, at_ms: u64) -> String {
        let of_day = self.local_seconds(at_ms).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    }

    /// Returns the day and the time, `2026-11-22 12:03:11`.
    pub(crate) fn date(self, at_ms: u64) -> String {
        let (year, month, day) = civil(self.local_seconds(at_ms).div_euclid(86_400));
        format!("{year:04}-{month:02}-{day:02} {}", self.clock(at_ms))
    }

    fn local_seconds(self, at_ms: u64) -> i64 {
        i64::try_from(at_ms / 1000).unwrap_or(i64::MAX / 2) + i64::from(self.seconds)
    }
}

/// Returns year, month and day of a number of days since 1970, by the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Returns how long something took, as exact as anybody wants to know: `0.4s`, `12s`, `6m30s`, `1h5m`.
pub(crate) fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..10_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        10_000..3_600_000 => units::Duration::from_secs(ms / 1000).to_string(),
        3_600_000.. => units::Duration::from_secs(ms / 60_000 * 60).to_string(),
    }
}

/// Returns how long something will take or took, no more exact than an estimate: `40 s`, `38 min`, `2 h 10 min`.
pub(crate) fn about(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    match ms {
        0..90_000 => format!("{} s", ms.div_ceil(1000)),
        90_000..7_200_000 => format!("{} min", (ms + MINUTE / 2) / MINUTE),
        7_200_000.. => {
            let minutes = (ms + 5 * MINUTE) / (10 * MINUTE) * 10;
            let rest = if minutes.is_multiple_of(60) { String::new() } else { format!(" {} min", minutes % 60) };
            format!("{} h{rest}", minutes / 60)
        }
    }
}

/// Returns an objective as people speak of it, in hours where it is whole hours: `4h`, `24h`, `90s`.
pub(crate) fn objective(ms: u64) -> String {
    const HOUR: u64 = 3_600_000;
    if ms.is_multiple_of(HOUR) { format!("{}h", ms / HOUR) } else { length(Duration::from_millis(ms)) }
}

/// Returns how long ago something was: `4 minutes ago`, `3 days ago`.
pub(crate) fn ago(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let counted = |unit: u64, noun: &str| {
        let number = ms / unit;
        format!("{number} {noun}{} ago", if number == 1 { "" } else { "s" })
    };
    match ms {
        0..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => counted(MINUTE, "minute"),
        HOUR..DAY => counted(HOUR, "hour"),
        DAY.. => counted(DAY, "day"),
    }
}

/// Returns a length of time in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a length of time as a playbook writes it.
pub(crate) fn length(duration: Duration) -> String {
    units::Duration::from(duration).to_string()
}

/// Returns how a command ended, in words.
pub(crate) fn exit(exit: &Exit, limit: Option<Duration>) -> String {
    match (exit, limit) {
        (Exit::Code(code), _) => format!("exit code {code}"),
        (Exit::Signal(signal), _) => format!("ended by signal {signal}{}", signal_name(*signal)),
        (Exit::TimedOut, Some(limit)) => format!("ended after its time limit of {}", length(limit)),
        (Exit::TimedOut, None) => doubt(Doubt::TimedOut).to_owned(),
        (Exit::Cancelled, _) => doubt(Doubt::Cancelled).to_owned(),
        (Exit::Lost, _) => doubt(Doubt::Lost).to_owned(),
        (Exit::NotSpawned(why), _) => format!("could not be started: {why}"),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (HUP)",
        2 => " (INT)",
        6 => " (ABRT)",
        9 => " (KILL)",
        11 => " (SEGV)",
        13 => " (PIPE)",
        15 => " (TERM)",
        _ => "",
    }
}

/// Returns why nobody knows whether an attempt had its effect.
pub(crate) fn doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::TimedOut => "ended after its time limit",
        Doubt::Cancelled => "ended because the run was cancelled",
        Doubt::Lost => "interrupted: nobody saw how it ended",
    }
}

/// Returns a number with its noun: `1 step`, `3 steps`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns where a secret comes from.
pub(crate) fn secret_source(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("from variable {name}"),
        SecretSource::File(path) => format!("from file {}", quoted(path)),
        SecretSource::Command(argv) => {
            let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
            format!("from command {}", words.join(" "))
        }
        SecretSource::MadeUp => "made up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_readers() {
        let at = 1_763_829_100_123;
        assert_eq!(Zone::UTC.date(at), "2025-11-22 16:31:40");
        assert_eq!(Zone::east(9 * 3600).date(at), "2025-11-23 01:31:40");
        assert_eq!(Zone::east(-17 * 3600).date(at), "2025-11-21 23:31:40");
        assert_eq!(Zone::UTC.date(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(Zone::east(-3600).date(0), "1969-12-31 23:00:00");
    }

    #[test]
    fn estimates_are_rounded() {
        for (ms, words) in [
            (0, "0 s"),
            (1, "1 s"),
            (89_001, "90 s"),
            (90_000, "2 min"),
            (2_289_000, "38 min"),
            (7_199_000, "120 min"),
            (7_200_000, "2 h"),
            (7_790_000, "2 h 10 min"),
            (14_100_001, "4 h"),
        ] {
            assert_eq!(about(ms), words);
        }
        for (ms, words) in [(59_999, "just now"), (60_000, "1 minute ago"), (86_399_999, "23 hours ago")] {
            assert_eq!(ago(ms), words);
        }
        assert_eq!(ago(45 * 86_400_000), "45 days ago");
    }

    #[test]
    fn lengths_are_as_exact_as_anybody_wants_to_know() {
        for (ms, words) in [
            (0, "0ms"),
            (449, "449ms"),
            (9_999, "9.9s"),
            (12_700, "12s"),
            (390_000, "6m30s"),
            (3_600_000, "1h"),
            (7_265_000, "2h1m"),
            (200_000_000, "2d7h33m"),
        ] {
            assert_eq!(took(ms), words);
        }
    }
}
