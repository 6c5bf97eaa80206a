//! Moments from text. Go: `time/format.go`, `parse`, with the local zone being UTC.

use super::calendar::{Date, MONTHS, WEEKDAYS, days_in, is_leap};
use super::layout::{self, Offset, Part};
use super::moment::{Moment, Zone};

/// Why a text does not fit a layout, in Go's words.
pub(super) type ParseError = String;

/// What went wrong at one part.
enum Failure {
    /// The text is none of this kind.
    Bad,
    /// A number out of the range of this.
    Range(&'static str),
}

#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: i64,
    am: bool,
    pm: bool,
    utc: bool,
    offset: Option<i64>,
    zone: String,
}

/// Go's own quoting for its errors: everything beyond ASCII byte by byte.
pub(super) fn quote(text: &[u8]) -> String {
    let escaped = text.iter().map(|b| match b {
        b'"' | b'\\' => format!("\\{}", char::from(*b)),
        b' '..=0x7f => char::from(*b).to_string(),
        _ => format!("\\x{b:02x}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Reads a text in a layout; what the layout leaves out is 0 or 1, the zone UTC.
pub(super) fn parse(layout: &[u8], text: &[u8]) -> Result<Moment, ParseError> {
    let cannot = |value: &[u8], part: &[u8]| {
        let (text, layout) = (quote(text), quote(layout));
        format!("parsing time {text} as {layout}: cannot parse {} as {}", quote(value), quote(part))
    };
    let mut fields = Fields::default();
    let (mut layout_rest, mut value) = (layout, text);
    loop {
        let found = layout::next(layout_rest);
        let before = found.map_or(layout_rest, |(before, ..)| before);
        value = skip(value, before).map_err(|rest| cannot(rest, before))?;
        let Some((_, part, part_text, after)) = found else { break };
        layout_rest = after;
        let hold = value;
        match fields.read(part, &mut value, layout_rest) {
            Ok(()) => {}
            Err(Failure::Bad) => return Err(cannot(hold, part_text)),
            Err(Failure::Range(what)) => return Err(format!("parsing time {}: {what} out of range", quote(text))),
        }
    }
    if !value.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quote(text), quote(value)));
    }
    fields.moment().map_err(|why| format!("parsing time {}: {why}", quote(text)))
}

/// Cuts off the text between two parts; spaces match any number of spaces. The rest that does not fit is the error.
fn skip<'a>(mut value: &'a [u8], mut before: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some(first) = before.first() {
        if *first == b' ' {
            if value.first().is_some_and(|b| *b != b' ') {
                return Err(value);
            }
            before = before.trim_ascii_start_of(b' ');
            value = value.trim_ascii_start_of(b' ');
            continue;
        }
        if value.first() != Some(first) {
            return Err(value);
        }
        (before, value) = (&before[1..], &value[1..]);
    }
    Ok(value)
}

trait TrimStart {
    fn trim_ascii_start_of(&self, byte: u8) -> &Self;
}

impl TrimStart for [u8] {
    fn trim_ascii_start_of(&self, byte: u8) -> &Self {
        &self[self.iter().take_while(|b| **b == byte).count()..]
    }
}

fn digit_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

fn number(digits: &[u8]) -> Result<i64, Failure> {
    std::str::from_utf8(digits).ok().and_then(|s| s.parse().ok()).ok_or(Failure::Bad)
}

fn take<'a>(value: &mut &'a [u8], count: usize) -> Result<&'a [u8], Failure> {
    let (head, tail) = value.split_at_checked(count).ok_or(Failure::Bad)?;
    *value = tail;
    Ok(head)
}

/// Two digits, or one if that is enough. Go: `getnum`.
fn short_number(value: &mut &[u8], fixed: bool) -> Result<i64, Failure> {
    match (digit_at(value, 0), digit_at(value, 1)) {
        (true, true) => number(take(value, 2)?),
        (true, false) if !fixed => number(take(value, 1)?),
        _ => Err(Failure::Bad),
    }
}

fn within(value: &mut &[u8], fixed: bool, range: std::ops::Range<i64>, what: &'static str) -> Result<i64, Failure> {
    let number = short_number(value, fixed)?;
    if range.contains(&number) { Ok(number) } else { Err(Failure::Range(what)) }
}

/// The index of the name that the value begins with, case ignored. Go: `lookup`.
fn look_up(value: &mut &[u8], names: &[&str], length: Option<usize>) -> Result<i64, Failure> {
    for (index, name) in names.iter().enumerate() {
        let name = &name.as_bytes()[..length.unwrap_or(name.len())];
        if value.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            *value = &value[name.len()..];
            return i64::try_from(index).map_err(|_| Failure::Bad);
        }
    }
    Err(Failure::Bad)
}

/// A separator and digits as nanoseconds. Go: `parseNanoseconds`.
fn nanoseconds(text: &[u8]) -> Result<i64, Failure> {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Err(Failure::Bad);
    }
    let digits = &text[1..text.len().min(10)];
    if !digits.iter().all(u8::is_ascii_digit) || digits.is_empty() {
        return Err(Failure::Bad);
    }
    let missing = u32::try_from(9 - digits.len()).unwrap_or(0);
    Ok(number(digits)? * 10i64.pow(missing))
}

impl Fields {
    fn read(&mut self, part: Part, value: &mut &[u8], layout_rest: &[u8]) -> Result<(), Failure> {
        match part {
            Part::Year => {
                let year = number(take(value, 2)?)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Part::LongYear => {
                if value.len() < 4 || !digit_at(value, 0) {
                    return Err(Failure::Bad);
                }
                self.year = number(take(value, 4)?)?;
            }
            Part::Month => self.month = Some(look_up(value, &MONTHS, Some(3))? + 1),
            Part::LongMonth => self.month = Some(look_up(value, &MONTHS, None)? + 1),
            Part::NumMonth => self.month = Some(within(value, false, 1..13, "month")?),
            Part::ZeroMonth => self.month = Some(within(value, true, 1..13, "month")?),
            Part::WeekDay => drop(look_up(value, &WEEKDAYS, Some(3))?),
            Part::LongWeekDay => drop(look_up(value, &WEEKDAYS, None)?),
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                if part == Part::UnderDay && value.first() == Some(&b' ') {
                    *value = &value[1..];
                }
                self.day = Some(short_number(value, part == Part::ZeroDay)?);
            }
            Part::UnderYearDay | Part::ZeroYearDay => self.year_day = Some(year_day(value, part)?),
            Part::Hour => self.hour = within(value, false, 0..24, "hour")?,
            Part::Hour12 => self.hour = within(value, false, 0..13, "hour")?,
            Part::ZeroHour12 => self.hour = within(value, true, 0..13, "hour")?,
            Part::Minute => self.minute = within(value, false, 0..60, "minute")?,
            Part::ZeroMinute => self.minute = within(value, true, 0..60, "minute")?,
            Part::Second => self.read_second(value, false, layout_rest)?,
            Part::ZeroSecond => self.read_second(value, true, layout_rest)?,
            Part::UpperPm => self.read_half(value, b"AM", b"PM")?,
            Part::LowerPm => self.read_half(value, b"am", b"pm")?,
            Part::Offset(form) => self.read_offset(value, form)?,
            Part::Zone => self.read_zone(value)?,
            Part::Fraction0(digits, _) => self.nanoseconds = nanoseconds(take(value, digits + 1)?)?,
            Part::Fraction9(..) => {
                if matches!(value.first(), Some(b'.' | b',')) && digit_at(value, 1) {
                    let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
                    self.nanoseconds = nanoseconds(take(value, digits + 1)?)?;
                }
            }
        }
        Ok(())
    }

    /// A second, with a fraction even if the layout has none.
    fn read_second(&mut self, value: &mut &[u8], fixed: bool, layout_rest: &[u8]) -> Result<(), Failure> {
        self.second = within(value, fixed, 0..60, "second")?;
        let next_is_fraction =
            matches!(layout::next(layout_rest), Some((_, Part::Fraction0(..) | Part::Fraction9(..), ..)));
        if matches!(value.first(), Some(b'.' | b',')) && digit_at(value, 1) && !next_is_fraction {
            let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            self.nanoseconds = nanoseconds(take(value, digits + 1)?)?;
        }
        Ok(())
    }

    fn read_half(&mut self, value: &mut &[u8], am: &[u8], pm: &[u8]) -> Result<(), Failure> {
        let found = take(value, 2)?;
        (self.am, self.pm) = (self.am || found == am, self.pm || found == pm);
        if found == am || found == pm { Ok(()) } else { Err(Failure::Bad) }
    }

    fn read_offset(&mut self, value: &mut &[u8], form: Offset) -> Result<(), Failure> {
        if form.z && value.first() == Some(&b'Z') {
            *value = &value[1..];
            self.utc = true;
            return Ok(());
        }
        let step = 2 + usize::from(form.colons);
        let length = 3 + step * (usize::from(form.minutes) + usize::from(form.seconds));
        let text = take(value, length)?;
        let at = |index: usize| short_number(&mut &text[index..index + 2], true);
        if form.colons && (text[3] != b':' || form.seconds && text[6] != b':') {
            return Err(Failure::Bad);
        }
        let hours = at(1)?;
        let minutes = if form.minutes { at(1 + step)? } else { 0 };
        let seconds = if form.seconds { at(1 + 2 * step)? } else { 0 };
        for (number, most, what) in [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ] {
            if number > most {
                return Err(Failure::Range(what));
            }
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text[0] {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(Failure::Bad),
        });
        Ok(())
    }

    fn read_zone(&mut self, value: &mut &[u8]) -> Result<(), Failure> {
        if value.starts_with(b"UTC") {
            *value = &value[3..];
            self.utc = true;
            return Ok(());
        }
        let length = zone_length(value).ok_or(Failure::Bad)?;
        self.zone = String::from_utf8_lossy(take(value, length)?).into_owned();
        Ok(())
    }

    /// Month and day, from the day of the year if that is given.
    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(mut year_day) = self.year_day else { return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1))) };
        let leap_day = is_leap(self.year) && year_day == 60;
        if is_leap(self.year) && year_day > 60 {
            year_day -= 1;
        }
        if !(1..=365).contains(&year_day) {
            return Err("day-of-year out of range");
        }
        // Of a year that is no leap year.
        let date = Date::from_days(Date { year: 2001, month: 1, day: year_day }.to_days());
        let (month, day) = if leap_day { (2, 29) } else { (date.month, date.day) };
        if self.month.is_some_and(|given| given != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|given| given != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }

    fn moment(self) -> Result<Moment, &'static str> {
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let hour = match self.hour {
            hour if self.pm && hour < 12 => hour + 12,
            12 if self.am && !self.pm => 0,
            hour => hour,
        };
        let clock = (hour * 60 + self.minute) * 60 + self.second;
        let date = Date { year: self.year, month, day };
        let utc = Moment::of(date, clock, self.nanoseconds, Zone::Utc);
        if self.utc {
            return Ok(utc);
        }
        if let Some(offset) = self.offset {
            let zone = if offset == 0 && matches!(self.zone.as_str(), "" | "UTC") {
                Zone::Utc
            } else {
                Zone::Fixed(self.zone, offset)
            };
            return Ok(Moment { seconds: utc.seconds - offset, zone, ..utc });
        }
        if self.zone.is_empty() {
            return Ok(utc);
        }
        // An abbreviation alone says nothing of the offset, but for `GMT+3`, whose hours are kept without being applied.
        let hours = self.zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(0);
        Ok(Moment { zone: Zone::Fixed(self.zone, hours * 3600), ..utc })
    }
}

/// Up to three digits, padded with spaces if the layout says so. Go: `getnum3`.
fn year_day(value: &mut &[u8], part: Part) -> Result<i64, Failure> {
    if part == Part::UnderYearDay {
        let spaces = value.iter().take(2).take_while(|b| **b == b' ').count();
        *value = &value[spaces..];
    }
    let digits = value.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || part == Part::ZeroYearDay && digits != 3 {
        return Err(Failure::Bad);
    }
    number(take(value, digits)?)
}

/// How much of the text looks like the abbreviation of a zone. Go: `parseTimeZone`.
fn zone_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_offset_length(rest));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_offset_length(value)).filter(|length| *length > 0);
    }
    match value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count() {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// A sign and at most 23. Go: `parseSignedOffset`.
fn signed_offset_length(text: &[u8]) -> usize {
    if !matches!(text.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    match number(&text[1..=digits]) {
        Ok(hours) if hours <= 23 => digits + 1,
        _ => 0,
    }
}
