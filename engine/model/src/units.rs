//! Durations and sizes as people write them: `1h30m`, `64MiB`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A length of time, written `90s`, `10m`, `1h30m`, `2d` or `250ms`; a day has 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(std::time::Duration);

/// A number of bytes, written `512B`, `64MiB` or `2GB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

/// A text that is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// There is no text.
    #[error("empty, where {expected} is wanted")]
    Empty {
        /// What is wanted, with examples.
        expected: &'static str,
    },
    /// There is no digit where a number must stand.
    #[error("`{rest}` does not start with a number")]
    Number {
        /// The text from there on.
        rest: String,
    },
    /// The number has no unit, or an unknown one.
    #[error("{}, the units are {known}", if unit.is_empty() { format!("`{number}` has no unit") } else { format!("unknown unit `{unit}`") })]
    Unit {
        /// The number before the unit.
        number: String,
        /// The unit, empty if there is none.
        unit: String,
        /// The units that are known.
        known: &'static str,
    },
    /// The units are not in falling order, or one is there twice.
    #[error("`{unit}` stands after a smaller or equal unit")]
    Order {
        /// The unit that is out of order.
        unit: String,
    },
    /// The number is larger than can be counted.
    #[error("larger than can be counted")]
    Overflow,
}

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

impl Duration {
    /// Returns the duration as the standard library's.
    pub fn as_std(self) -> std::time::Duration {
        self.0
    }

    /// Returns `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Duration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.is_empty() {
            return Err(UnitError::Empty { expected: "a duration such as `90s` or `1h30m`" });
        }
        let (mut rest, mut total, mut below) = (text, 0_u64, u64::MAX);
        while !rest.is_empty() {
            let (number, unit, tail) = split(rest)?;
            let factor = factor(&DURATION_UNITS, number, unit, "d, h, m, s and ms")?;
            if factor >= below {
                return Err(UnitError::Order { unit: unit.to_owned() });
            }
            total = times(number, factor)?.checked_add(total).ok_or(UnitError::Overflow)?;
            (rest, below) = (tail, factor);
        }
        Ok(Self(std::time::Duration::from_millis(total)))
    }
}

impl fmt::Display for Duration {
    /// Writes the largest units that fit, exact to the millisecond; zero is `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in DURATION_UNITS {
            if rest >= factor {
                write!(f, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

impl Size {
    /// Returns the number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.is_empty() {
            return Err(UnitError::Empty { expected: "a size such as `64MiB` or `2GB`" });
        }
        let (number, unit, tail) = split(text)?;
        let factor = factor(&SIZE_UNITS, number, unit, "B, KB, MB, GB, TB, KiB, MiB, GiB and TiB")?;
        if tail.is_empty() {
            Ok(Self(times(number, factor)?))
        } else {
            Err(UnitError::Number { rest: tail.to_owned() })
        }
    }
}

impl fmt::Display for Size {
    /// Writes the largest unit that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |&&(_, factor): &&(&str, u64)| self.0 >= factor && self.0.is_multiple_of(factor);
        let largest = SIZE_UNITS.iter().filter(whole).max_by_key(|&&(_, factor)| factor);
        let &(unit, factor) = largest.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// Splits `1h30m` into `1`, `h` and `30m`.
fn split(text: &str) -> Result<(&str, &str, &str), UnitError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if digits == 0 {
        return Err(UnitError::Number { rest: text.to_owned() });
    }
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(letters);
    Ok((number, unit, tail))
}

fn factor(units: &[(&str, u64)], number: &str, unit: &str, known: &'static str) -> Result<u64, UnitError> {
    let unknown = || UnitError::Unit { number: number.to_owned(), unit: unit.to_owned(), known };
    units.iter().find(|&&(name, _)| name == unit).map(|&(_, factor)| factor).ok_or_else(unknown)
}

fn times(number: &str, factor: u64) -> Result<u64, UnitError> {
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or(UnitError::Overflow)
}

/// Gives a unit the conversions to and from text that serde uses.
macro_rules! as_text {
    ($($unit:ty),*) => {$(
        impl TryFrom<String> for $unit {
            type Error = UnitError;

            fn try_from(text: String) -> Result<Self, UnitError> {
                text.parse()
            }
        }

        impl From<$unit> for String {
            fn from(unit: $unit) -> Self {
                unit.to_string()
            }
        }
    )*};
}

as_text!(Duration, Size);

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> String {
        match text.parse::<Duration>() {
            Ok(duration) => format!("{duration} = {} ms", duration.as_std().as_millis()),
            Err(error) => error.to_string(),
        }
    }

    fn size(text: &str) -> String {
        match text.parse::<Size>() {
            Ok(size) => format!("{size} = {}", size.bytes()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), "1m30s = 90000 ms");
        assert_eq!(duration("1h30m"), "1h30m = 5400000 ms");
        assert_eq!(duration("2d"), "2d = 172800000 ms");
        assert_eq!(duration("250ms"), "250ms = 250 ms");
        assert_eq!(duration("0s"), "0s = 0 ms");
        assert_eq!(duration(""), "empty, where a duration such as `90s` or `1h30m` is wanted");
        assert_eq!(duration("90"), "`90` has no unit, the units are d, h, m, s and ms");
        assert_eq!(duration("-1s"), "`-1s` does not start with a number");
        assert_eq!(duration("1.5h"), "unknown unit `.`, the units are d, h, m, s and ms");
        assert_eq!(duration("1 h"), "unknown unit ` h`, the units are d, h, m, s and ms");
        assert_eq!(duration("30m1h"), "`h` stands after a smaller or equal unit");
        assert_eq!(duration("1m1m"), "`m` stands after a smaller or equal unit");
        assert_eq!(duration("99999999999999999999d"), "larger than can be counted");
        assert_eq!(duration("213503982335d"), "larger than can be counted");
    }

    #[test]
    fn sizes() {
        assert_eq!(size("64MiB"), "64MiB = 67108864");
        assert_eq!(size("2GB"), "2GB = 2000000000");
        assert_eq!(size("1024KiB"), "1MiB = 1048576");
        assert_eq!(size("0B"), "0B = 0");
        assert_eq!(size("5"), "`5` has no unit, the units are B, KB, MB, GB, TB, KiB, MiB, GiB and TiB");
        assert_eq!(size("1GB2MB"), "`2MB` does not start with a number");
        assert_eq!(size("99999999TiB"), "larger than can be counted");
    }
}
