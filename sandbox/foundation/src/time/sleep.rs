//! `sleep` and `firedrill-sleep`.

use std::time::Duration;

use firedrill_model::units;

use crate::clock;

/// Runs `sleep NUMBER[smhd]...` of GNU coreutils and returns its exit status.
pub(crate) fn coreutils(args: &[String]) -> u8 {
    let operands = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    if operands.is_empty() {
        return refuse("sleep: missing operand");
    }
    let times = operands.iter().map(|text| interval(text).ok_or_else(|| format!("invalid time interval '{text}'")));
    pass("sleep", times)
}

/// Runs `firedrill-sleep DURATION...` and returns its exit status.
pub(crate) fn firedrill(args: &[String]) -> u8 {
    if args.is_empty() {
        return refuse("firedrill-sleep: a duration is missing, such as `40m` or `1h30m`");
    }
    let duration = |text: &String| text.parse::<units::Duration>().map(units::Duration::as_std);
    pass("firedrill-sleep", args.iter().map(|text| duration(text).map_err(|error| format!("`{text}`: {error}"))))
}

/// Sleeps for the sum, or not at all if one of the times is wrong.
fn pass(program: &str, times: impl Iterator<Item = Result<Duration, String>>) -> u8 {
    match times.collect::<Result<Vec<Duration>, String>>() {
        Ok(times) => {
            clock::pause(times.into_iter().fold(Duration::ZERO, Duration::saturating_add));
            0
        }
        Err(wrong) => refuse(&format!("{program}: {wrong}")),
    }
}

fn interval(text: &str) -> Option<Duration> {
    let (number, unit) = match text.char_indices().next_back()? {
        (end, 's') => (&text[..end], 1.0),
        (end, 'm') => (&text[..end], 60.0),
        (end, 'h') => (&text[..end], 3600.0),
        (end, 'd') => (&text[..end], 86_400.0),
        _ => (text, 1.0),
    };
    let seconds: f64 = number.parse().ok().filter(|seconds: &f64| *seconds >= 0.0)?;
    Some(Duration::try_from_secs_f64(seconds * unit).unwrap_or(Duration::MAX))
}

fn refuse(message: &str) -> u8 {
    crate::err(&format!("{message}\n"));
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_coreutils() {
        for (text, millis) in [
            ("0", Some(0)),
            ("2", Some(2000)),
            ("2s", Some(2000)),
            (".25", Some(250)),
            ("1.5m", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("0.5d", Some(43_200_000)),
            ("1e1", Some(10_000)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("1w", None),
            ("1h30m", None),
            ("nan", None),
        ] {
            assert_eq!(interval(text), millis.map(Duration::from_millis), "{text}");
        }
        assert_eq!(interval("infinity"), Some(Duration::MAX));
    }
}
