//! Dates and durations. Sprig: `date.go`; Helm: `pkg/engine/funcs.go`.
//!
//! The present is the time of the render, the local zone is UTC.

mod calendar;
mod duration;
mod format;
mod layout;
mod moment;
mod object;
mod parse;
#[cfg(test)]
mod tests;

use super::args::{self, Outcome};
use super::cast;
use super::environment::environment;
use super::signatures::INT64;
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{IntKind, Str, Type, Value};
use k8s_yaml::v3::Yaml;
use moment::{Moment, Zone};
use object::{DURATION, Duration, TIME};

use Type::{Any, Float64, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::call("now", Signature::new(&[], TIME), |call, _| Ok(Value::object(present(call)?))),
    Function::call("date", Signature::new(&[Text, Any], Text), |call, a| {
        shown(call, args::string(a, 0)?, args::any(a, 1), "Local")
    }),
    Function::call("dateInZone", Signature::new(&[Text, Any, Text], Text), date_in_zone),
    Function::call("date_in_zone", Signature::new(&[Text, Any, Text], Text), date_in_zone),
    Function::call("htmlDate", Signature::new(&[Any], Text), |call, a| {
        shown(call, &Str::from(HTML), args::any(a, 0), "Local")
    }),
    Function::call("htmlDateInZone", Signature::new(&[Any, Text], Text), html_date_in_zone),
    Function::pure("dateModify", Signature::new(&[Text, TIME], TIME), |a| {
        Ok(modified(a)?.unwrap_or_else(|_| args::any(a, 1).clone()))
    }),
    Function::pure("date_modify", Signature::new(&[Text, TIME], TIME), |a| {
        Ok(modified(a)?.unwrap_or_else(|_| args::any(a, 1).clone()))
    }),
    Function::pure("mustDateModify", Signature::new(&[Text, TIME], TIME), |a| Ok(modified(a)??)),
    Function::pure("must_date_modify", Signature::new(&[Text, TIME], TIME), |a| Ok(modified(a)??)),
    Function::call("ago", Signature::new(&[Any], Text), ago),
    Function::pure("toDate", Signature::new(&[Text, Text], TIME), |a| {
        Ok(Value::object(read(a)?.unwrap_or_else(|_| Moment::zero())))
    }),
    Function::pure("mustToDate", Signature::new(&[Text, Text], TIME), |a| Ok(Value::object(read(a)??))),
    Function::pure("unixEpoch", Signature::new(&[TIME], Text), |a| {
        Ok(moment(args::any(a, 0))?.seconds.to_string().into())
    }),
    Function::pure("duration", Signature::new(&[Any], Text), duration_of_seconds),
    Function::call("durationRound", Signature::new(&[Any], Text), duration_round),
    Function::pure("mustToDuration", Signature::new(&[Any], DURATION), |a| {
        Ok(Value::object(Duration(as_duration(args::any(a, 0))?)))
    }),
    Function::pure("durationSeconds", Signature::new(&[Any], Float64), |a| Ok(units(a, 1))),
    Function::pure("durationMinutes", Signature::new(&[Any], Float64), |a| Ok(units(a, 60))),
    Function::pure("durationHours", Signature::new(&[Any], Float64), |a| Ok(units(a, 3_600))),
    Function::pure("durationDays", Signature::new(&[Any], Float64), |a| Ok(divided(&units(a, 3_600), &[24.0]))),
    Function::pure("durationWeeks", Signature::new(&[Any], Float64), |a| Ok(divided(&units(a, 3_600), &[24.0, 7.0]))),
    Function::pure("durationMilliseconds", Signature::new(&[Any], INT64), |a| Ok(whole(a, 1_000_000))),
    Function::pure("durationMicroseconds", Signature::new(&[Any], INT64), |a| Ok(whole(a, 1_000))),
    Function::pure("durationNanoseconds", Signature::new(&[Any], INT64), |a| Ok(whole(a, 1))),
    Function::pure("durationRoundTo", Signature::new(&[Any, Any], DURATION), |a| Ok(to_multiple(a, duration::round))),
    Function::pure("durationTruncateTo", Signature::new(&[Any, Any], DURATION), |a| {
        Ok(to_multiple(a, duration::truncate))
    }),
];

const HTML: &str = "2006-01-02";

/// The time of the render.
fn present(call: &dyn Call) -> Result<Moment, FunctionError> {
    let environment = environment(call)?;
    let (seconds, nanoseconds) = environment.now();
    Ok(Moment::utc(seconds, nanoseconds))
}

/// A `time.Time` argument.
fn moment(value: &Value) -> Result<&Moment, FunctionError> {
    let found = if let Value::Object(object) = value { object.downcast::<Moment>() } else { None };
    found.ok_or_else(|| FunctionError::from("the argument is not a time.Time"))
}

/// A time, or seconds since 1970; anything else is the present. Sprig: `dateInZone`.
fn shown(call: &dyn Call, layout: &Str, date: &Value, zone: &str) -> Outcome {
    let moment = match date {
        Value::Int(IntKind::Int | IntKind::Int64 | IntKind::Int32, seconds) => Moment::utc(*seconds, 0),
        other => match moment(other) {
            Ok(moment) => moment.clone(),
            Err(_) => present(call)?,
        },
    };
    let text = format::format(&moment.within(Zone::load(zone)), layout.as_bytes());
    Ok(Value::String(Str::from_bytes(text)))
}

fn date_in_zone(call: &mut dyn Call, args: &[Value]) -> Outcome {
    shown(call, args::string(args, 0)?, args::any(args, 1), &args::string(args, 2)?.to_text())
}

fn html_date_in_zone(call: &mut dyn Call, args: &[Value]) -> Outcome {
    shown(call, &Str::from(HTML), args::any(args, 0), &args::string(args, 1)?.to_text())
}

/// A date moved by a duration, or why the duration is none.
fn modified(args: &[Value]) -> Result<Result<Value, String>, FunctionError> {
    let date = moment(args::any(args, 1))?;
    Ok(duration::parse(args::string(args, 0)?.as_bytes()).map(|by| Value::object(date.plus(by))))
}

fn ago(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let now = present(call)?;
    let then = match args::any(args, 0) {
        Value::Int(IntKind::Int | IntKind::Int64, seconds) => Moment::utc(*seconds, 0),
        other => moment(other).cloned().unwrap_or_else(|_| now.clone()),
    };
    Ok(duration::to_string(duration::round(now.since(&then), duration::SECOND)).into())
}

fn read(args: &[Value]) -> Result<Result<Moment, String>, FunctionError> {
    Ok(parse::parse(args::string(args, 0)?.as_bytes(), args::string(args, 1)?.as_bytes()))
}

/// Seconds as a string or an `int64`; anything else is no time at all. Sprig: `duration`.
fn duration_of_seconds(args: &[Value]) -> Outcome {
    let seconds = match args::any(args, 0) {
        Value::String(text) => integer_or_limit(&text.to_text()),
        Value::Int(IntKind::Int64, seconds) => *seconds,
        _ => 0,
    };
    Ok(duration::to_string(seconds.wrapping_mul(duration::SECOND)).into())
}

/// `strconv.ParseInt` with its error dropped: too large is the limit.
fn integer_or_limit(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    match cast::parse_int(text, 10) {
        Some(number) => number,
        None if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => 0,
        None => {
            if text.starts_with('-') {
                i64::MIN
            } else {
                i64::MAX
            }
        }
    }
}

/// The largest unit alone: `3d`. Sprig: `durationRound`.
fn duration_round(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let duration = match args::any(args, 0) {
        Value::String(text) => duration::parse(text.as_bytes()).unwrap_or(0),
        Value::Int(IntKind::Int64, nanoseconds) => *nanoseconds,
        other => match moment(other) {
            Ok(then) => present(call)?.since(then),
            Err(_) => 0,
        },
    };
    let units = [("y", 365 * 86_400), ("mo", 30 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1u64)];
    let amount = duration.unsigned_abs();
    let found = units.iter().map(|(name, seconds)| (name, seconds * 1_000_000_000)).find(|(_, unit)| amount > *unit);
    Ok(found.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", amount / unit)).into())
}

/// Helm: `asDuration`. Numbers are seconds.
fn as_duration(value: &Value) -> Result<i64, String> {
    match value {
        Value::Nil => Err("invalid duration".to_owned()),
        Value::String(text) => duration_of_text(text),
        Value::Object(object) if object.downcast::<Duration>().is_some() => {
            Ok(object.downcast::<Duration>().map_or(0, |d| d.0))
        }
        other => match other.underlying() {
            Value::Int(_, seconds) => {
                seconds.checked_mul(duration::SECOND).ok_or_else(|| format!("duration seconds overflow: {seconds}"))
            }
            Value::Uint(_, seconds) => i64::try_from(seconds)
                .ok()
                .and_then(|seconds| seconds.checked_mul(duration::SECOND))
                .ok_or_else(|| format!("duration seconds overflow: {seconds}")),
            Value::Float(seconds) => duration_of_float(seconds),
            _ => Err(format!("unsupported duration type {}", other.type_name())),
        },
    }
}

fn duration_of_text(text: &Str) -> Result<i64, String> {
    let trimmed = super::gostr::trim(text.as_bytes(), char::is_whitespace);
    if trimmed.is_empty() {
        return Err("empty duration".to_owned());
    }
    if let Ok(found) = duration::parse(trimmed) {
        return Ok(found);
    }
    let number = std::str::from_utf8(trimmed).ok().and_then(cast::parse_float);
    number.map_or_else(
        || Err(format!("could not parse duration {}", super::gofmt::quote(text.as_bytes()))),
        duration_of_float,
    )
}

fn duration_of_float(seconds: f64) -> Result<i64, String> {
    const LIMIT: f64 = 9_223_372_036_854_775_807.0 / 1_000_000_000.0;
    let text = || String::from_utf8_lossy(&cast::display(&Value::Float(seconds))).into_owned();
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {}", text()));
    }
    if seconds.abs() > LIMIT {
        return Err(format!("duration seconds overflow: {}", text()));
    }
    Ok(cast::float_to_int(seconds * 1_000_000_000.0))
}

/// 0 for what is no duration.
fn lenient(args: &[Value]) -> i64 {
    as_duration(args::any(args, 0)).unwrap_or(0)
}

fn units(args: &[Value], seconds: i64) -> Value {
    Value::Float(duration::in_units(lenient(args), seconds * duration::SECOND))
}

fn divided(value: &Value, by: &[f64]) -> Value {
    Value::Float(by.iter().fold(cast::to_float(value), |value, by| value / by))
}

fn whole(args: &[Value], unit: i64) -> Value {
    Value::int64(lenient(args) / unit)
}

/// 0 for what is no duration; the duration itself for a multiple that is none.
fn to_multiple(args: &[Value], op: fn(i64, i64) -> i64) -> Value {
    let duration = as_duration(args::any(args, 0));
    let to = as_duration(args::any(args, 1));
    Value::object(Duration(match (duration, to) {
        (Ok(duration), Ok(to)) => op(duration, to),
        (Ok(duration), Err(_)) => duration,
        (Err(_), _) => 0,
    }))
}

/// Year and the rest (`MMDDhhmmssZ`) of a time in UTC, for certificates.
pub(super) fn utc_calendar(seconds: i64) -> (i64, String) {
    let shown = Moment::utc(seconds, 0).shown();
    let (date, hour, minute, second) = (shown.date, shown.hour, shown.minute, shown.second);
    (date.year, format!("{:02}{:02}{hour:02}{minute:02}{second:02}Z", date.month, date.day))
}

/// The names of the zones that stand for TOML's dates and times without one. BurntSushi/toml: `internal/tz.go`.
const LOCAL: [(&str, &[u8]); 3] = [
    ("datetime-local", b"2006-01-02T15:04:05.999999999"),
    ("date-local", b"2006-01-02"),
    ("time-local", b"15:04:05.999999999"),
];

/// A time or duration as TOML has it; `None` for anything else.
pub(super) fn toml(value: &Value) -> Option<String> {
    if let Ok(moment) = moment(value) {
        let local = LOCAL.iter().find(|(name, _)| matches!(&moment.zone, Zone::Fixed(zone, _) if zone == name));
        let text = local.map(|(_, layout)| String::from_utf8_lossy(&format::format(moment, layout)).into_owned());
        return Some(text.unwrap_or_else(|| moment.rfc3339()));
    }
    let Value::Object(object) = value else { return None };
    object.downcast::<Duration>().map(|d| format!("\"{}\"", duration::to_string(d.0)))
}

/// A date, a time or both, as TOML has them. BurntSushi/toml: `valueDatetime`.
pub(super) fn from_toml(text: &str) -> Option<Value> {
    let text = text.replace('z', "Z").replace(['t', ' '], "T");
    let layouts: [(&[u8], Option<&str>); 7] = [
        (b"2006-01-02T15:04:05.999999999Z07:00", None),
        (b"2006-01-02T15:04:05.999999999", Some("datetime-local")),
        (b"2006-01-02", Some("date-local")),
        (b"15:04:05.999999999", Some("time-local")),
        (b"2006-01-02T15:04Z07:00", None),
        (b"2006-01-02T15:04", Some("datetime-local")),
        (b"15:04", Some("time-local")),
    ];
    // Go would take numbers of one digit: the separators must stand where they do in the layout.
    let padded = |layout: &[u8]| {
        let mut separators = layout.iter().zip(text.bytes()).take_while(|(l, _)| !matches!(l, b'.' | b'Z'));
        separators.all(|(l, t)| l.is_ascii_digit() || *l == t)
    };
    layouts.iter().find_map(|(layout, zone)| {
        let moment = parse::parse(layout, text.as_bytes()).ok().filter(|_| padded(layout))?;
        Some(Value::object(match zone {
            Some(zone) => moment.within(Zone::Fixed((*zone).to_owned(), 0)),
            None => moment,
        }))
    })
}

/// What go-yaml v3 writes for a time or duration; `None` for anything else.
pub(super) fn yaml(value: &Value) -> Option<Yaml> {
    if let Ok(moment) = moment(value) {
        return Some(Yaml::Plain(moment.rfc3339()));
    }
    let Value::Object(object) = value else { return None };
    object.downcast::<Duration>().map(|d| Yaml::Text(duration::to_string(d.0)))
}
