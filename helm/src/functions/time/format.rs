//! Moments as text. Go: `time/format.go`, `appendFormat`.

use super::calendar::{MONTHS, WEEKDAYS, weekday};
use super::layout::{self, Offset, Part};
use super::moment::{Moment, Shown};

/// A moment in a layout. What is no part of a layout stays as it is.
pub(super) fn format(moment: &Moment, layout: &[u8]) -> Vec<u8> {
    let shown = moment.shown();
    let mut out = Vec::new();
    let mut rest = layout;
    while let Some((before, part, _, after)) = layout::next(rest) {
        out.extend_from_slice(before);
        out.extend_from_slice(write_part(moment, &shown, part).as_bytes());
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// A number of at least so many digits; the sign comes on top.
fn padded(number: i64, width: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{:0>width$}", number.unsigned_abs())
}

fn name(names: &'static [&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn write_part(moment: &Moment, shown: &Shown, part: Part) -> String {
    let hour12 = match shown.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let (month, day) = (name(&MONTHS, shown.date.month - 1), name(&WEEKDAYS, weekday(shown.days)));
    match part {
        Part::Year => padded(shown.date.year.abs() % 100, 2),
        Part::LongYear => padded(shown.date.year, 4),
        Part::Month => month[..3].to_owned(),
        Part::LongMonth => month.to_owned(),
        Part::NumMonth => padded(shown.date.month, 0),
        Part::ZeroMonth => padded(shown.date.month, 2),
        Part::WeekDay => day[..3].to_owned(),
        Part::LongWeekDay => day.to_owned(),
        Part::Day => padded(shown.date.day, 0),
        Part::UnderDay => format!("{:>2}", shown.date.day),
        Part::ZeroDay => padded(shown.date.day, 2),
        Part::UnderYearDay => format!("{:>3}", shown.date.year_day()),
        Part::ZeroYearDay => padded(shown.date.year_day(), 3),
        Part::Hour => padded(shown.hour, 2),
        Part::Hour12 => padded(hour12, 0),
        Part::ZeroHour12 => padded(hour12, 2),
        Part::Minute => padded(shown.minute, 0),
        Part::ZeroMinute => padded(shown.minute, 2),
        Part::Second => padded(shown.second, 0),
        Part::ZeroSecond => padded(shown.second, 2),
        Part::UpperPm => if shown.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::LowerPm => if shown.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Part::Offset(form) => write_offset(shown.offset, form),
        Part::Zone if shown.zone.is_empty() => {
            write_offset(shown.offset, Offset { z: false, colons: false, minutes: true, seconds: false })
        }
        Part::Zone => shown.zone.clone(),
        Part::Fraction0(digits, separator) => fraction(moment.nanoseconds, digits, separator, false),
        Part::Fraction9(digits, separator) => fraction(moment.nanoseconds, digits, separator, true),
    }
}

fn write_offset(offset: i64, form: Offset) -> String {
    if form.z && offset == 0 {
        return "Z".to_owned();
    }
    // The sign is that of the whole minutes, as in Go.
    let minutes = offset / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (minutes, seconds) = (minutes.abs(), offset.abs() % 60);
    let colon = if form.colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", minutes / 60);
    if form.minutes {
        out += &format!("{colon}{:02}", minutes % 60);
    }
    if form.seconds {
        out += &format!("{colon}{seconds:02}");
    }
    out
}

fn fraction(nanoseconds: i64, digits: usize, separator: u8, trim: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let mut text = all[..digits.min(9)].to_owned();
    if trim {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    format!("{}{text}", char::from(separator))
}

/// As Go prints a time: `2006-01-02 15:04:05.999999999 -0700 MST`.
pub(super) fn to_string(moment: &Moment) -> String {
    String::from_utf8_lossy(&format(moment, b"2006-01-02 15:04:05.999999999 -0700 MST")).into_owned()
}
