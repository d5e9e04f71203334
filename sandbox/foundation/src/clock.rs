//! Time as the stand-ins see it: virtual where a clock is served, real elsewhere; how it is printed.

mod client;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use client::Clock;

pub use client::CLOCK_VARIABLE;

/// Returns whether a virtual clock is served.
pub(crate) fn is_virtual() -> bool {
    Clock::with(Clock::is_virtual)
}

/// Lets time pass; virtual time parks the process until then.
pub(crate) fn pause(time: Duration) {
    if !time.is_zero() {
        Clock::with(|clock| clock.pause(time));
    }
}

/// Leaves the clock until this thread needs it again, so that a process which it waits for can be the one that is awake.
pub(crate) fn let_go() {
    Clock::let_go();
}

/// A moment of the stand-ins' time, printed in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment(Clock::with(Clock::now))
    }

    /// Returns the moment `seconds` later.
    pub(crate) fn later(self, seconds: i64) -> Moment {
        let shifted = self.0.as_second().saturating_add(seconds);
        Moment(Timestamp::from_second(shifted).unwrap_or(Timestamp::MAX))
    }

    /// Returns the moment when `time` has passed.
    pub(crate) fn after(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(time).unwrap_or(Timestamp::MAX))
    }

    /// Returns the time from `earlier` to this moment, none if that is no earlier.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default()
    }

    /// Returns the moment so many milliseconds after the beginning of 1970.
    pub(crate) fn from_millis(millis: i64) -> Moment {
        Moment(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
    }

    /// Returns how many milliseconds have passed since 1970.
    pub(crate) fn millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Returns how many seconds have passed since 1970.
    pub(crate) fn seconds(self) -> i64 {
        self.0.as_second()
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        self.0
    }

    pub(crate) fn format(self, pattern: &str) -> String {
        self.0.to_zoned(TimeZone::UTC).strftime(pattern).to_string()
    }

    /// Returns the moment as the bosh client prints times.
    pub(crate) fn unix_date(self) -> String {
        self.format("%a %b %e %H:%M:%S UTC %Y")
    }
}
