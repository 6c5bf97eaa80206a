//! Moments, durations and their parts as values with methods. Go: package `time`.

use super::super::signatures::{INT, INT64};
use super::moment::{Moment, Zone};
use super::{calendar, duration, format};
use crate::template::{FunctionError, Signature};
use crate::value::{Object, Type, Value};

use Type::{Bool, String as Text};

pub(super) const TIME: Type = Type::Struct("time.Time");
pub(super) const DURATION: Type = Type::Named("time.Duration", &INT64);
const MONTH: Type = Type::Named("time.Month", &INT);
const WEEKDAY: Type = Type::Named("time.Weekday", &INT);
const LOCATION: Type = Type::Pointer(&Type::Struct("time.Location"));

type Outcome = Result<Value, FunctionError>;

/// `time.Duration`.
#[derive(Debug)]
pub(super) struct Duration(pub(super) i64);

/// `time.Month` or `time.Weekday`.
#[derive(Debug)]
struct Counted {
    of: Type,
    number: i64,
}

/// `*time.Location`.
#[derive(Debug)]
struct Location(Zone);

fn other<'a, T: Object>(args: &'a [Value], what: &str) -> Result<&'a T, FunctionError> {
    let found = args.first().and_then(|v| if let Value::Object(o) = v { o.downcast::<T>() } else { None });
    found.ok_or_else(|| FunctionError::from(format!("the argument is not a {what}")))
}

/// The nanoseconds of a duration, which may also stand as a plain number where Go would have converted it.
fn span(args: &[Value]) -> Result<i64, FunctionError> {
    match args.first().map(Value::underlying) {
        Some(Value::Int(_, n)) => Ok(n),
        _ => Err("the argument is not a time.Duration".into()),
    }
}

impl Object for Moment {
    fn type_of(&self) -> Type {
        TIME
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let wall = u64::try_from(self.nanoseconds).unwrap_or(0);
        let since_year_one = self.seconds.saturating_add(62_135_596_800);
        vec![
            ("wall", Value::Uint(crate::value::UintKind::Uint64, wall)),
            ("ext", Value::int64(since_year_one)),
            ("loc", Value::Nil),
        ]
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "Year" | "Day" | "Hour" | "Minute" | "Second" | "Nanosecond" | "YearDay" => Signature::new(&[], INT),
            "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" => Signature::new(&[], INT64),
            "Month" => Signature::new(&[], MONTH),
            "Weekday" => Signature::new(&[], WEEKDAY),
            "IsZero" | "IsDST" => Signature::new(&[], Bool),
            "After" | "Before" | "Equal" => Signature::new(&[TIME], Bool),
            "Compare" => Signature::new(&[TIME], INT),
            "Sub" => Signature::new(&[TIME], DURATION),
            "Add" | "Round" | "Truncate" => Signature::new(&[DURATION], TIME),
            "AddDate" => Signature::new(&[INT, INT, INT], TIME),
            "UTC" | "Local" => Signature::new(&[], TIME),
            "In" => Signature::new(&[LOCATION], TIME),
            "Location" => Signature::new(&[], LOCATION),
            "Format" => Signature::new(&[Text], Text),
            "String" => Signature::new(&[], Text),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Outcome {
        let shown = self.shown();
        Ok(match name {
            "Year" => Value::int(shown.date.year),
            "Month" => Value::object(Counted { of: MONTH, number: shown.date.month }),
            "Day" => Value::int(shown.date.day),
            "Hour" => Value::int(shown.hour),
            "Minute" => Value::int(shown.minute),
            "Second" => Value::int(shown.second),
            "Nanosecond" => Value::int(self.nanoseconds),
            "YearDay" => Value::int(shown.date.year_day()),
            "Weekday" => Value::object(Counted { of: WEEKDAY, number: calendar::weekday(shown.days) }),
            "IsZero" => self.is_zero().into(),
            "IsDST" => self.is_dst().into(),
            "Unix" => Value::int64(self.seconds),
            "UnixMilli" => Value::int64(self.since_epoch(1_000)),
            "UnixMicro" => Value::int64(self.since_epoch(1_000_000)),
            "UnixNano" => Value::int64(self.since_epoch(1_000_000_000)),
            "UTC" | "Local" => Value::object(self.within(Zone::Utc)),
            "Location" => Value::object(Location(self.zone.clone())),
            "String" => Value::from(format::to_string(self)),
            _ => return self.call_with(name, args),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(format::to_string(self))
    }

    /// RFC 3339 with nanoseconds. Go: `MarshalJSON`.
    fn to_json(&self) -> Value {
        Value::from(self.rfc3339())
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        let other = other.downcast_ref::<Self>()?;
        Some(self.key() == other.key() && self.zone == other.zone)
    }
}

impl Moment {
    /// As JSON and YAML have it.
    pub(super) fn rfc3339(&self) -> String {
        String::from_utf8_lossy(&format::format(self, b"2006-01-02T15:04:05.999999999Z07:00")).into_owned()
    }

    fn since_epoch(&self, per_second: i64) -> i64 {
        self.seconds.wrapping_mul(per_second).wrapping_add(self.nanoseconds / (1_000_000_000 / per_second))
    }

    fn is_dst(&self) -> bool {
        match &self.zone {
            Zone::Named(zone) => {
                let timestamp = jiff::Timestamp::from_second(self.seconds).unwrap_or_default();
                zone.to_offset_info(timestamp).dst().is_dst()
            }
            Zone::Utc | Zone::Fixed(..) => false,
        }
    }

    /// The methods that take arguments.
    fn call_with(&self, name: &str, args: &[Value]) -> Outcome {
        let ordered = |test: fn(std::cmp::Ordering) -> bool| {
            Ok::<Value, FunctionError>(test(self.key().cmp(&other::<Self>(args, "time.Time")?.key())).into())
        };
        match name {
            "After" => ordered(std::cmp::Ordering::is_gt),
            "Before" => ordered(std::cmp::Ordering::is_lt),
            "Equal" => ordered(std::cmp::Ordering::is_eq),
            "Compare" => Ok(Value::int(self.key().cmp(&other::<Self>(args, "time.Time")?.key()) as i64)),
            "Sub" => Ok(Value::object(Duration(self.since(other(args, "time.Time")?)))),
            "Add" => Ok(Value::object(self.plus(span(args)?))),
            "Truncate" => Ok(Value::object(self.plus(-self.beyond(span(args)?)))),
            "Round" => {
                let (unit, rest) = (span(args)?, self.beyond(span(args)?));
                Ok(Value::object(self.plus(if rest.saturating_mul(2) < unit { -rest } else { unit - rest })))
            }
            "AddDate" => self.add_date(args),
            "In" => Ok(Value::object(self.within(other::<Location>(args, "*time.Location")?.0.clone()))),
            "Format" => {
                let layout = super::super::args::string(args, 0)?;
                Ok(Value::String(crate::value::Str::from_bytes(format::format(self, layout.as_bytes()))))
            }
            _ => Err(format!("no method {name} in time.Time").into()),
        }
    }

    /// Nanoseconds since the last multiple of `unit`, counted from year 1.
    fn beyond(&self, unit: i64) -> i64 {
        if unit <= 0 {
            return 0;
        }
        let total = (i128::from(self.seconds) + 62_135_596_800) * 1_000_000_000 + i128::from(self.nanoseconds);
        i64::try_from(total.rem_euclid(i128::from(unit))).unwrap_or(0)
    }

    fn add_date(&self, args: &[Value]) -> Outcome {
        let by = |index| super::super::args::int(args, index);
        let shown = self.shown();
        let date = calendar::Date {
            year: shown.date.year.saturating_add(by(0)?),
            month: shown.date.month.saturating_add(by(1)?),
            day: shown.date.day.saturating_add(by(2)?),
        };
        let clock = (shown.hour * 60 + shown.minute) * 60 + shown.second;
        Ok(Value::object(Self::of(date, clock, self.nanoseconds, self.zone.clone())))
    }
}

impl Object for Duration {
    fn type_of(&self) -> Type {
        DURATION
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int64(self.0))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "Hours" | "Minutes" | "Seconds" => Signature::new(&[], Type::Float64),
            "Milliseconds" | "Microseconds" | "Nanoseconds" => Signature::new(&[], INT64),
            "Round" | "Truncate" => Signature::new(&[DURATION], DURATION),
            "Abs" => Signature::new(&[], DURATION),
            "String" => Signature::new(&[], Text),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Outcome {
        Ok(match name {
            "Hours" => Value::Float(duration::in_units(self.0, 3_600 * duration::SECOND)),
            "Minutes" => Value::Float(duration::in_units(self.0, 60 * duration::SECOND)),
            "Seconds" => Value::Float(duration::in_units(self.0, duration::SECOND)),
            "Milliseconds" => Value::int64(self.0 / 1_000_000),
            "Microseconds" => Value::int64(self.0 / 1_000),
            "Nanoseconds" => Value::int64(self.0),
            "Round" => Value::object(Self(duration::round(self.0, span(args)?))),
            "Truncate" => Value::object(Self(duration::truncate(self.0, span(args)?))),
            "Abs" => Value::object(Self(self.0.saturating_abs())),
            "String" => Value::from(duration::to_string(self.0)),
            _ => return Err(format!("no method {name} in time.Duration").into()),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(duration::to_string(self.0))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        Some(other.downcast_ref::<Self>()?.0 == self.0)
    }
}

impl Object for Counted {
    fn type_of(&self) -> Type {
        self.of
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int(self.number))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(Signature::new(&[], Text))
    }

    fn call(&self, _: &str, _: &[Value]) -> Outcome {
        Ok(Value::from(self.to_text().unwrap_or_default()))
    }

    fn to_text(&self) -> Option<String> {
        let (names, first): (&[&str], _) =
            if self.of == MONTH { (&calendar::MONTHS, 1) } else { (&calendar::WEEKDAYS, 0) };
        let index = usize::try_from(self.number - first).ok()?;
        names.get(index).map(|name| (*name).to_owned())
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        let other = other.downcast_ref::<Self>()?;
        Some(other.of == self.of && other.number == self.number)
    }
}

impl Object for Location {
    fn type_of(&self) -> Type {
        LOCATION
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(Signature::new(&[], Text))
    }

    fn call(&self, _: &str, _: &[Value]) -> Outcome {
        Ok(Value::from(self.0.name()))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.0.name())
    }
}
