//! A moment and the zone it is shown in: Go's `time.Time`.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::calendar::{DAY, Date};

/// Where a moment is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Zone {
    /// UTC, which is also the local zone here: a render has no machine that could have another one.
    Utc,
    /// A zone of the database.
    Named(TimeZone),
    /// An offset in seconds east, with a name that may be "".
    Fixed(String, i64),
}

impl Zone {
    /// A zone by its name; UTC for one that is not known. Go: `time.LoadLocation`, on a machine whose local zone is UTC.
    pub(super) fn load(name: &str) -> Self {
        if matches!(name, "" | "UTC" | "Local") {
            return Self::Utc;
        }
        // The database ignores case, Go's file system does not.
        match TimeZoneDatabase::bundled().get(name) {
            Ok(zone) if zone.iana_name() == Some(name) => Self::Named(zone),
            _ => Self::Utc,
        }
    }

    /// Its abbreviation and offset in seconds at a moment.
    pub(super) fn at(&self, seconds: i64) -> (String, i64) {
        match self {
            Self::Utc => ("UTC".to_owned(), 0),
            Self::Fixed(name, offset) => (name.clone(), *offset),
            Self::Named(zone) => {
                // Years beyond 9999 have the offset of the last one that the database reaches.
                let within = seconds.clamp(-377_705_000_000, 253_402_200_000);
                let timestamp = Timestamp::from_second(within).unwrap_or(Timestamp::UNIX_EPOCH);
                let info = zone.to_offset_info(timestamp);
                (info.abbreviation().to_owned(), i64::from(info.offset().seconds()))
            }
        }
    }

    /// The name of the location.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Fixed(name, _) => name.clone(),
            Self::Named(zone) => zone.iana_name().unwrap_or_default().to_owned(),
        }
    }
}

/// Seconds since 1970 of year 1, Go's zero time.
const ZERO: i64 = -62_135_596_800;

/// A moment.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// Seconds since 1970-01-01 UTC.
    pub(super) seconds: i64,
    /// Nanoseconds of that second.
    pub(super) nanoseconds: i64,
    pub(super) zone: Zone,
}

/// What clock and calendar show.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) zone: String,
    pub(super) offset: i64,
    pub(super) days: i64,
    pub(super) date: Date,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Moment {
    /// In UTC.
    pub(super) fn utc(seconds: i64, nanoseconds: i64) -> Self {
        Self { seconds, nanoseconds, zone: Zone::Utc }
    }

    /// Go's zero time, 0001-01-01 UTC.
    pub(super) fn zero() -> Self {
        Self::utc(ZERO, 0)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.seconds == ZERO && self.nanoseconds == 0
    }

    /// The same moment in another zone.
    pub(super) fn within(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    pub(super) fn shown(&self) -> Shown {
        let (zone, offset) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(offset);
        let (days, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let date = Date::from_days(days.clamp(-1 << 50, 1 << 50));
        Shown { zone, offset, days, date, hour: clock / 3600, minute: clock / 60 % 60, second: clock % 60 }
    }

    /// A date and time of day in a zone, also out of range (minute 90). In the hour that a change of the clock skips or repeats,
    /// one of the two offsets, as in Go. Go: `time.Date`.
    pub(super) fn of(date: Date, clock: i64, nanoseconds: i64, zone: Zone) -> Self {
        let local = date
            .to_days()
            .saturating_mul(DAY)
            .saturating_add(clock)
            .saturating_add(nanoseconds.div_euclid(1_000_000_000));
        // The offset at the time read as UTC is a first guess, wrong only near a change of the clock.
        let offset = zone.at(local).1;
        let guess = local.saturating_sub(offset);
        let there = zone.at(guess).1;
        let other = local.saturating_sub(there);
        let seconds = if there == offset || zone.at(other).1 != there { guess } else { other };
        Self { seconds, nanoseconds: nanoseconds.rem_euclid(1_000_000_000), zone }
    }

    /// Later by nanoseconds.
    pub(super) fn plus(&self, duration: i64) -> Self {
        let total = i128::from(self.nanoseconds) + i128::from(duration);
        let carry = i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(0);
        let nanoseconds = i64::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds: self.seconds.saturating_add(carry), nanoseconds, zone: self.zone.clone() }
    }

    /// Nanoseconds from `earlier` to here, held within what a duration can say. Go: `Sub`.
    pub(super) fn since(&self, earlier: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let total = seconds * 1_000_000_000 + i128::from(self.nanoseconds) - i128::from(earlier.nanoseconds);
        i64::try_from(total).unwrap_or(if total > 0 { i64::MAX } else { i64::MIN })
    }

    pub(super) fn key(&self) -> (i64, i64) {
        (self.seconds, self.nanoseconds)
    }
}
