//! Time as the stand-ins see it: how it is printed, and how it passes in a phase.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::world::{Settings, World, WorldError};

/// The environment variable that overrides the world's pace, in milliseconds per phase.
const PACE_VARIABLE: &str = "FIREDRILL_SANDBOX_PACE";

/// How long each phase of a stand-in takes.
#[derive(Clone, Copy)]
pub(crate) struct Pace(Duration);

impl Pace {
    pub(crate) fn of(world: &World) -> Result<Pace, WorldError> {
        let wished = std::env::var(PACE_VARIABLE).ok().and_then(|text| text.parse().ok());
        let millis = match wished {
            Some(millis) => millis,
            None => world.read::<Settings>()?.pace_ms,
        };
        Ok(Pace(Duration::from_millis(millis)))
    }

    /// Lets the time of one phase pass.
    pub(crate) fn pass(self) {
        if !self.0.is_zero() {
            std::thread::sleep(self.0);
        }
    }
}

/// A moment of the wall clock, printed in UTC.
#[derive(Clone, Copy)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment(Timestamp::now())
    }

    /// Returns the moment `seconds` later.
    pub(crate) fn later(self, seconds: i64) -> Moment {
        let shifted = self.0.as_second().saturating_add(seconds);
        Moment(Timestamp::from_second(shifted).unwrap_or(Timestamp::MAX))
    }

    pub(crate) fn format(self, pattern: &str) -> String {
        self.0.to_zoned(TimeZone::UTC).strftime(pattern).to_string()
    }

    /// Returns the moment as the bosh client prints times.
    pub(crate) fn unix_date(self) -> String {
        self.format("%a %b %e %H:%M:%S UTC %Y")
    }
}
