//! `date`, as far as scripts use that of GNU coreutils.

use jiff::Zoned;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::clock::Moment;
use crate::{err, out};

use super::parse;

/// What the C locale prints without a format.
const USUAL: &str = "%a %b %e %H:%M:%S %Z %Y";

const EMAIL: &str = "%a, %d %b %Y %H:%M:%S %z";

/// The letters after `%` that mean here what they mean to GNU date.
const LETTERS: &str = "%aAbBCdDeFgGhHIjklmMnpPqRsStTuUVwWyYzZ";

/// Runs `date` and returns its exit status.
pub(crate) fn run(args: &[String]) -> u8 {
    match Request::parse(args).and_then(Request::answer) {
        Ok(text) => {
            out(&(text + "\n"));
            0
        }
        Err(refusal) => {
            err(&format!("date: {refusal}\n"));
            1
        }
    }
}

/// Which moment is printed, where, and how.
#[derive(Default)]
struct Request {
    moment: Option<String>,
    place: Place,
    format: Option<String>,
}

/// Whose wall clock is read.
#[derive(Default, PartialEq, Eq)]
enum Place {
    #[default]
    Environment,
    Utc,
}

impl Request {
    fn parse(args: &[String]) -> Result<Request, String> {
        let mut request = Request::default();
        let mut words = args.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if let Some(format) = word.strip_prefix('+') {
                request.print(format.to_owned())?;
            } else if let Some(long) = word.strip_prefix("--") {
                request.long(long, &mut words)?;
            } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
                request.short(cluster, &mut words)?;
            } else {
                return Err(format!("the sandbox's date cannot be set, and knows no `{word}`"));
            }
        }
        Ok(request)
    }

    fn long<'a>(&mut self, option: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), String> {
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("utc" | "uct" | "universal", None) => self.place = Place::Utc,
            ("rfc-email", None) => self.print(EMAIL.to_owned())?,
            ("iso-8601", precision) => self.print(iso(precision.unwrap_or("date"))?)?,
            ("rfc-3339", Some(precision)) => self.print(rfc(precision)?)?,
            ("date", value) => self.moment = Some(given("--date", value.or_else(|| words.next()))?),
            _ => return Err(format!("the sandbox's date has no option `--{option}`")),
        }
        Ok(())
    }

    /// Reads options of one letter, written together; one with a value takes the rest of the word.
    fn short<'a>(&mut self, cluster: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), String> {
        let mut letters = cluster.chars();
        while let Some(letter) = letters.next() {
            let rest = Some(letters.as_str()).filter(|rest| !rest.is_empty());
            match letter {
                'u' => self.place = Place::Utc,
                'R' => self.print(EMAIL.to_owned())?,
                'I' => return self.print(iso(rest.unwrap_or("date"))?),
                'd' => {
                    self.moment = Some(given("-d", rest.or_else(|| words.next()))?);
                    return Ok(());
                }
                other => return Err(format!("the sandbox's date has no option `-{other}`")),
            }
        }
        Ok(())
    }

    fn print(&mut self, format: String) -> Result<(), String> {
        match self.format.replace(format) {
            None => Ok(()),
            Some(_) => Err("multiple output formats specified".into()),
        }
    }

    fn answer(self) -> Result<String, String> {
        let zone = if self.place == Place::Utc { TimeZone::UTC } else { zone()? };
        let now = Moment::now().timestamp().to_zoned(zone);
        let moment = match self.moment {
            None => now,
            Some(text) => parse::moment(&text, &now).ok_or_else(|| format!("invalid date '{text}'"))?,
        };
        print(self.format.as_deref().unwrap_or(USUAL), &moment)
    }
}

fn given(option: &str, value: Option<&str>) -> Result<String, String> {
    value.map(str::to_owned).ok_or_else(|| format!("option `{option}` needs a value"))
}

fn iso(precision: &str) -> Result<String, String> {
    let forms = [
        ("date", "%Y-%m-%d"),
        ("hours", "%Y-%m-%dT%H%:z"),
        ("minutes", "%Y-%m-%dT%H:%M%:z"),
        ("seconds", "%Y-%m-%dT%H:%M:%S%:z"),
        ("ns", "%Y-%m-%dT%H:%M:%S,%N%:z"),
    ];
    chosen(&forms, "--iso-8601", precision)
}

fn rfc(precision: &str) -> Result<String, String> {
    let forms = [("date", "%Y-%m-%d"), ("seconds", "%Y-%m-%d %H:%M:%S%:z"), ("ns", "%Y-%m-%d %H:%M:%S.%N%:z")];
    chosen(&forms, "--rfc-3339", precision)
}

/// Returns the form of a precision, which may be abbreviated.
fn chosen(forms: &[(&str, &str)], option: &str, precision: &str) -> Result<String, String> {
    let form = forms.iter().find(|(name, _)| !precision.is_empty() && name.starts_with(precision));
    form.map(|(_, form)| (*form).to_owned()).ok_or_else(|| format!("invalid argument '{precision}' for '{option}'"))
}

/// Returns the zone of `TZ`; UTC without it, so that a rehearsal prints the same on every machine.
fn zone() -> Result<TimeZone, String> {
    let name = std::env::var("TZ").unwrap_or_default();
    let name = name.trim_start_matches(':');
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    let known = TimeZone::get(name).or_else(|_| TimeZone::posix(name));
    known.map_err(|_| format!("no time zone is called `{name}` (from TZ)"))
}

fn print(format: &str, moment: &Zoned) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = format;
    while let Some((literal, directive)) = rest.split_once('%') {
        text.push_str(literal);
        let end = directive.find(|c: char| !"-_0^#:123456789".contains(c)).unwrap_or(directive.len());
        let (flags, tail) = directive.split_at(end);
        let mut letters = tail.chars();
        let letter = letters.next().ok_or_else(|| format!("the format ends within `%{directive}`"))?;
        text.push_str(
            &field(flags, letter, moment).ok_or_else(|| format!("the sandbox's date knows no `%{flags}{letter}`"))?,
        );
        rest = letters.as_str();
    }
    Ok(text + rest)
}

fn field(flags: &str, letter: char, moment: &Zoned) -> Option<String> {
    let pattern = match (flags, letter) {
        ("", 'c') => "%a %b %e %H:%M:%S %Y".into(),
        ("", 'x') => "%m/%d/%y".into(),
        ("", 'X') => "%H:%M:%S".into(),
        ("", 'r') => "%I:%M:%S %p".into(),
        (width, 'N') => return fraction(width, moment),
        _ if LETTERS.contains(letter) => format!("%{flags}{letter}"),
        _ => return None,
    };
    strtime::format(pattern, moment).ok()
}

/// Returns the first digits of the nanoseconds, all nine without a width.
fn fraction(width: &str, moment: &Zoned) -> Option<String> {
    let width = if width.is_empty() { 9 } else { width.parse().ok()? };
    let digits = format!("{:09}", moment.subsec_nanosecond());
    digits.get(..width).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05T02:03:04.056789Z.
    const NOW: i64 = 1_767_578_584_056_789;

    fn printed(format: &str, zone: TimeZone) -> Result<String, String> {
        print(format, &jiff::Timestamp::from_microsecond(NOW).expect("it is in range").to_zoned(zone))
    }

    #[test]
    fn formats_are_those_of_gnu_date() {
        for (format, text) in [
            (USUAL, "Mon Jan  5 02:03:04 UTC 2026"),
            (EMAIL, "Mon, 05 Jan 2026 02:03:04 +0000"),
            ("%s", "1767578584"),
            ("%s%3N", "1767578584056"),
            ("%N", "056789000"),
            ("%F %T", "2026-01-05 02:03:04"),
            ("%Y%m%dT%H%M%SZ", "20260105T020304Z"),
            ("%-d/%-m %_H %I%p %l%P %k", "5/1  2 02AM  2am  2"),
            ("%A %B %h %j %U %W %V %G %g %u %w %q %C %y", "Monday January Jan 005 01 01 02 2026 26 1 1 1 20 26"),
            ("%c|%x|%X|%r|%R|%D", "Mon Jan  5 02:03:04 2026|01/05/26|02:03:04|02:03:04 AM|02:03|01/05/26"),
            ("%z %:z %Z 100%%%n", "+0000 +00:00 UTC 100%\n"),
            ("%^a plain", "MON plain"),
            ("", ""),
        ] {
            assert_eq!(printed(format, TimeZone::UTC).as_deref(), Ok(text), "{format}");
        }
    }

    #[test]
    fn other_zones() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("it is a zone");
        assert_eq!(
            printed("%F %T %Z %z %:z %s", berlin).as_deref(),
            Ok("2026-01-05 03:03:04 CET +0100 +01:00 1767578584")
        );
    }

    #[test]
    fn unknown_directives_are_refused() {
        for (format, refusal) in [
            ("%F %i", "the sandbox's date knows no `%i`"),
            ("%E", "the sandbox's date knows no `%E`"),
            ("%12N", "the sandbox's date knows no `%12N`"),
            ("%", "the format ends within `%`"),
        ] {
            assert_eq!(printed(format, TimeZone::UTC).as_deref(), Err(&refusal.to_owned()));
        }
    }
}
