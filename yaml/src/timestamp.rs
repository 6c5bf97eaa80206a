//! Dates and times in the forms that go-yaml knows (`parseTimestamp`), by the rules of Go's `time.Parse`.

/// A point in time as the text gives it, offset included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timestamp {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    /// Minutes east of UTC.
    offset: i32,
}

impl Timestamp {
    /// RFC 3339 with as many decimals as needed, as Go's JSON encoding writes a time.
    pub(crate) fn to_rfc3339(self) -> String {
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        );
        if self.nanosecond != 0 {
            text.push_str(format!(".{:09}", self.nanosecond).trim_end_matches('0'));
        }
        if self.offset == 0 {
            text.push('Z');
        } else {
            let sign = if self.offset < 0 { '-' } else { '+' };
            let minutes = self.offset.abs();
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        text
    }
}

/// The time that `text` gives, if it is one for go-yaml: `2006-1-2`, `2006-1-2 15:4:5.9`, `2006-1-2T15:4:5.9Z07:00`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut time = Timestamp { year: text[..4].parse().ok()?, ..Timestamp::default() };
    let mut rest = &bytes[5..];
    time.month = number(&mut rest)?;
    literal(&mut rest, b'-')?;
    time.day = number(&mut rest)?;
    if !(1..=12).contains(&time.month) || !(1..=days_in(time.month, time.year)).contains(&time.day) {
        return None;
    }
    match rest.first() {
        None => return Some(time),
        Some(b'T' | b't') => {
            rest = &rest[1..];
            clock(&mut time, &mut rest)?;
            time.offset = zone(&mut rest)?;
        }
        Some(b' ') => {
            // Go's Parse lets one space of the layout stand for any number of them.
            while rest.first() == Some(&b' ') {
                rest = &rest[1..];
            }
            clock(&mut time, &mut rest)?;
        }
        Some(_) => return None,
    }
    rest.is_empty().then_some(time)
}

fn clock(time: &mut Timestamp, rest: &mut &[u8]) -> Option<()> {
    time.hour = number(rest)?;
    literal(rest, b':')?;
    time.minute = number(rest)?;
    literal(rest, b':')?;
    time.second = number(rest)?;
    if time.hour > 23 || time.minute > 59 || time.second > 59 {
        return None;
    }
    if let [b'.' | b',', digit, ..] = rest
        && digit.is_ascii_digit()
    {
        let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut scale = 100_000_000;
        for digit in &rest[1..=digits] {
            time.nanosecond += u32::from(digit - b'0') * scale;
            scale /= 10;
        }
        *rest = &rest[1 + digits..];
    }
    Some(())
}

fn zone(rest: &mut &[u8]) -> Option<i32> {
    match *rest {
        [b'Z', after @ ..] => {
            *rest = after;
            Some(0)
        }
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2, after @ ..] => {
            let pair = |a: u8, b: u8| {
                (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i32::from(a - b'0') * 10 + i32::from(b - b'0'))
            };
            let (hours, minutes) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
            *rest = after;
            let offset = hours * 60 + minutes;
            (hours <= 24 && minutes <= 60).then_some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

/// One or two digits.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let digit = |at: usize| rest.get(at).filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let first = digit(0)?;
    let (value, used) = digit(1).map_or((first, 1), |second| (first * 10 + second, 2));
    *rest = &rest[used..];
    Some(value)
}

fn literal(rest: &mut &[u8], wanted: u8) -> Option<()> {
    let after = rest.strip_prefix(&[wanted])?;
    *rest = after;
    Some(())
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
