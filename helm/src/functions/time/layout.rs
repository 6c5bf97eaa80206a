//! Go's layouts: a date and time of reference, in whose form others are written. Go: `time/format.go`.

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    /// The abbreviation of the zone.
    Zone,
    Offset(Offset),
    /// A fraction of so many digits, zeros kept, with its separator.
    Fraction0(usize, u8),
    /// A fraction of at most so many digits, zeros at the end dropped.
    Fraction9(usize, u8),
}

/// How an offset from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for no offset.
    pub(super) z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// Hours alone.
const HOURS: Offset = Offset { z: false, colons: false, minutes: false, seconds: false };
const MINUTES: Offset = Offset { minutes: true, ..HOURS };
const SECONDS: Offset = Offset { seconds: true, ..MINUTES };
const COLON_MINUTES: Offset = Offset { colons: true, ..MINUTES };
const COLON_SECONDS: Offset = Offset { colons: true, ..SECONDS };

const fn or_z(form: Offset) -> Part {
    Part::Offset(Offset { z: true, ..form })
}

/// The forms that need no look at what follows, the longer before the shorter.
const FORMS: &[(&str, Part)] = &[
    ("MST", Part::Zone),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::UnderYearDay),
    ("_2", Part::UnderDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("-070000", Part::Offset(SECONDS)),
    ("-07:00:00", Part::Offset(COLON_SECONDS)),
    ("-0700", Part::Offset(MINUTES)),
    ("-07:00", Part::Offset(COLON_MINUTES)),
    ("-07", Part::Offset(HOURS)),
    ("Z070000", or_z(SECONDS)),
    ("Z07:00:00", or_z(COLON_SECONDS)),
    ("Z0700", or_z(MINUTES)),
    ("Z07:00", or_z(COLON_MINUTES)),
    ("Z07", or_z(HOURS)),
];

/// A layout cut at its next part: what stands before it, the part and its text, what follows.
pub(super) type Cut<'a> = (&'a [u8], Part, &'a [u8], &'a [u8]);

/// The next part of a layout. Go: `nextStdChunk`.
pub(super) fn next(layout: &[u8]) -> Option<Cut<'_>> {
    let found = (0..layout.len()).find_map(|at| {
        let (part, size) = part_at(&layout[at..])?;
        Some(match part {
            // The underscore of `_2006` is text.
            Part::LongYear if size == 5 => (at + 1, part, 4),
            _ => (at, part, size),
        })
    });
    found.map(|(at, part, size)| (&layout[..at], part, &layout[at..at + size], &layout[at + size..]))
}

fn part_at(text: &[u8]) -> Option<(Part, usize)> {
    let lower_at = |at: usize| text.get(at).is_some_and(u8::is_ascii_lowercase);
    match text {
        [b'J', ..] if text.starts_with(b"January") => Some((Part::LongMonth, 7)),
        [b'J', ..] if text.starts_with(b"Jan") && !lower_at(3) => Some((Part::Month, 3)),
        [b'M', ..] if text.starts_with(b"Monday") => Some((Part::LongWeekDay, 6)),
        [b'M', ..] if text.starts_with(b"Mon") && !lower_at(3) => Some((Part::WeekDay, 3)),
        [b'_', ..] if text.starts_with(b"_2006") => Some((Part::LongYear, 5)),
        [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] => fraction(text, *separator, *digit),
        _ => FORMS.iter().find(|(form, _)| text.starts_with(form.as_bytes())).map(|(form, part)| (*part, form.len())),
    }
}

/// A run of one digit that no other digit follows.
fn fraction(text: &[u8], separator: u8, digit: u8) -> Option<(Part, usize)> {
    let digits = text[1..].iter().take_while(|b| **b == digit).count();
    if text.get(digits + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let part = if digit == b'0' { Part::Fraction0(digits, separator) } else { Part::Fraction9(digits, separator) };
    Some((part, digits + 1))
}
