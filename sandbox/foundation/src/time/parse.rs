//! The moments that `date --date` understands.

use jiff::civil::{Date, Time};
use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp, Zoned};

/// Returns the moment that a text names: an absolute one, now if there is none, and steps from there.
pub(super) fn moment(text: &str, now: &Zoned) -> Option<Zoned> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut longest = (1..=words.len().min(3)).rev();
    let base = longest.find_map(|count| Some((base(&words[..count], now)?, &words[count..])));
    let (base, steps) = base.unwrap_or((now.clone(), &words));
    let is_fixed = words.first().is_some_and(|word| word.starts_with('@'));
    if is_fixed && !steps.is_empty() { None } else { shift(base, steps) }
}

fn base(words: &[&str], now: &Zoned) -> Option<Zoned> {
    let day = |days: i64| now.checked_add(Span::new().days(days)).ok();
    match words {
        ["now" | "today"] => day(0),
        ["yesterday"] => day(-1),
        ["tomorrow"] => day(1),
        [word] if word.starts_with('@') => since_1970(&word[1..]).map(|it| it.to_zoned(now.time_zone().clone())),
        _ => absolute(&words.join(" "), now.time_zone()),
    }
}

fn since_1970(seconds: &str) -> Option<Timestamp> {
    if let Ok(whole) = seconds.parse() {
        return Timestamp::from_second(whole).ok();
    }
    let is_plain = seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let duration = SignedDuration::try_from_secs_f64(seconds.parse().ok().filter(|_| is_plain)?).ok()?;
    Timestamp::from_duration(duration).ok()
}

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` and RFC 3339, also with slashes.
fn absolute(text: &str, here: &TimeZone) -> Option<Zoned> {
    let (date, rest) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let date = ["%Y-%m-%d", "%Y/%m/%d"].iter().find_map(|form| Date::strptime(form, date).ok())?;
    let (time, zone) = rest.split_at(rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.')).unwrap_or(rest.len()));
    let time = match time {
        "" => Time::midnight(),
        time => time.contains(':').then(|| time.parse().ok()).flatten()?,
    };
    let zone = match zone.trim_start() {
        "" => here.clone(),
        "Z" | "UTC" | "GMT" => TimeZone::UTC,
        offset => TimeZone::fixed(self::offset(offset)?),
    };
    let moment = zone.to_ambiguous_zoned(date.to_datetime(time));
    let in_gap = matches!(moment.offset(), AmbiguousOffset::Gap { .. });
    let zoned = moment.compatible().ok().filter(|_| !in_gap)?;
    Some(zoned.with_time_zone(here.clone()))
}

fn offset(text: &str) -> Option<Offset> {
    ["%z", "%:z"].iter().find_map(|form| strtime::parse(form, text).ok()?.offset())
}

/// Takes steps such as `2 hours`, `-1 day` or `+ 30 min`; an `ago` turns the one before it.
fn shift(from: Zoned, steps: &[&str]) -> Option<Zoned> {
    let mut moment = from;
    let mut words = steps.iter().copied().peekable();
    while let Some(word) = words.next() {
        let step = step(count(word, &mut words)?, words.next()?)?;
        let step = if words.next_if_eq(&"ago").is_some() { step.negate() } else { step };
        moment = moment.checked_add(step).ok()?;
    }
    Some(moment)
}

fn count<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Option<i64> {
    match word {
        "+" => words.next()?.parse().ok(),
        "-" => words.next()?.parse().map(|count: i64| -count).ok(),
        _ => word.parse().ok(),
    }
}

fn step(count: i64, unit: &str) -> Option<Span> {
    match unit.strip_suffix('s').unwrap_or(unit) {
        "second" | "sec" => Span::new().try_seconds(count).ok(),
        "minute" | "min" => Span::new().try_minutes(count).ok(),
        "hour" => Span::new().try_hours(count).ok(),
        "day" => Span::new().try_days(count).ok(),
        "week" => Span::new().try_weeks(count).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let now: Zoned = "2026-01-05T02:00:00+00:00[UTC]".parse().expect("it is a moment");
        moment(text, &now).map(|moment| strtime::format("%F %T%.f", &moment).expect("the format is right"))
    }

    #[test]
    fn moments_are_those_of_gnu_date() {
        for (text, moment) in [
            ("now", "2026-01-05 02:00:00"),
            ("yesterday", "2026-01-04 02:00:00"),
            ("tomorrow", "2026-01-06 02:00:00"),
            ("@0", "1970-01-01 00:00:00"),
            ("@1767578584.5", "2026-01-05 02:03:04.5"),
            ("2026-01-05", "2026-01-05 00:00:00"),
            ("2026/01/05 02:00:07", "2026-01-05 02:00:07"),
            ("2026-01-05 02:00", "2026-01-05 02:00:00"),
            ("2026-01-05T02:00:07Z", "2026-01-05 02:00:07"),
            ("2026-01-05T02:00:07.250+02:00", "2026-01-05 00:00:07.25"),
            ("2026-01-05 02:00:07 -0130", "2026-01-05 03:30:07"),
            ("2026-01-05 02:00:07 UTC", "2026-01-05 02:00:07"),
            ("90 seconds ago", "2026-01-05 01:58:30"),
            ("1 hour 30 minutes ago", "2026-01-05 02:30:00"),
            ("-2 days", "2026-01-03 02:00:00"),
            ("now - 15 min", "2026-01-05 01:45:00"),
            ("2026-01-01 10 days ago", "2025-12-22 00:00:00"),
            ("2026-01-05 + 1 week", "2026-01-12 00:00:00"),
            ("", "2026-01-05 02:00:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(moment), "{text}");
        }
    }

    #[test]
    fn hour_that_the_clocks_skip_is_refused() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("it is a zone");
        let now = Timestamp::UNIX_EPOCH.to_zoned(berlin);
        assert_eq!(moment("2026-03-29 02:30", &now), None);
        assert!(moment("2026-03-29 03:30", &now).is_some());
    }

    #[test]
    fn what_would_be_a_guess_is_refused() {
        for text in [
            "last monday",
            "ago 5",
            "5",
            "days ago",
            "1 month ago",
            "@x",
            "@0 + 1 day",
            "2026-13-01",
            "noon",
            "1e3 days",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
