//! Go's shell patterns. Go: `path/match.go`; on Unix `filepath.Match` is the same.

/// A pattern such as `*.md` or `templates/[a-c]?`, matched against whole paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Char(char),
    /// `?`: any character but `/`.
    One,
    /// `*`: any characters but `/`.
    Many,
    /// `[a-z]`, `[^a-z]`: any of (or none of) these ranges. A `/` is a character like any other here.
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Compiles a pattern; `None` if it is malformed (Go's `ErrBadPattern`).
    pub fn new(text: &str) -> Option<Self> {
        let mut chars = text.chars().peekable();
        let mut parts = Vec::new();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Many,
                '?' => Part::One,
                '\\' => Part::Char(chars.next()?),
                '[' => class(&mut chars)?,
                c => Part::Char(c),
            });
        }
        Some(Self(parts))
    }

    /// Whether the pattern describes the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // All places that a prefix of the pattern can reach: the time is bounded by the product of the lengths.
        let mut places = vec![0];
        for part in &self.0 {
            let mut next: Vec<usize> = places.into_iter().flat_map(|at| step(part, &text, at)).collect();
            next.sort_unstable();
            next.dedup();
            places = next;
        }
        places.contains(&text.len())
    }
}

/// Where a part can end if it begins at `at`.
fn step(part: &Part, text: &[char], at: usize) -> std::ops::Range<usize> {
    let here = text.get(at).copied();
    let one = match part {
        Part::Char(c) => here == Some(*c),
        Part::One => here.is_some_and(|c| c != '/'),
        Part::Class { not, ranges } => {
            here.is_some_and(|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not)
        }
        Part::Many => {
            let length = text[at..].iter().take_while(|c| **c != '/').count();
            return at..at + length + 1;
        }
    };
    if one { at + 1..at + 2 } else { 0..0 }
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Part> {
    let not = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
        let low = class_char(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { class_char(chars)? } else { low };
        ranges.push((low, high));
    }
    Some(Part::Class { not, ranges })
}

/// Go: `getEsc`.
fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let c = match chars.next()? {
        '-' | ']' => return None,
        '\\' => chars.next()?,
        c => c,
    };
    // The class must go on: Go looks for what is behind each character.
    chars.peek().map(|_| c)
}
