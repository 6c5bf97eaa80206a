//! Strings and characters by Go's rules, where Rust's differ: bytes that are no character, simple case mapping, categories.

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// The first character and its length in bytes; U+FFFD of length 1 for a byte that belongs to none, length 0 for nothing.
/// Go: `utf8.DecodeRune`.
pub(super) fn decode(bytes: &[u8]) -> (char, usize) {
    let Some(first) = bytes.first() else { return (char::REPLACEMENT_CHARACTER, 0) };
    if first.is_ascii() {
        return (char::from(*first), 1);
    }
    let longest = bytes.len().min(4);
    let whole = (2..=longest).find_map(|len| std::str::from_utf8(&bytes[..len]).ok().map(|text| (text, len)));
    whole.and_then(|(text, len)| Some((text.chars().next()?, len))).unwrap_or((char::REPLACEMENT_CHARACTER, 1))
}

/// The characters with their bytes.
pub(super) fn runes(mut bytes: &[u8]) -> impl Iterator<Item = (char, &[u8])> {
    std::iter::from_fn(move || {
        let (c, size) = decode(bytes);
        let (head, tail) = bytes.split_at(size);
        bytes = tail;
        (size > 0).then_some((c, head))
    })
}

/// Cuts off the characters at both ends that are to go. Go: `strings.TrimFunc`.
pub(super) fn trim(bytes: &[u8], go: impl Fn(char) -> bool) -> &[u8] {
    let parts: Vec<(char, &[u8])> = runes(bytes).collect();
    let front: usize = parts.iter().take_while(|(c, _)| go(*c)).map(|(_, b)| b.len()).sum();
    if front == bytes.len() {
        return &[];
    }
    let back: usize = parts.iter().rev().take_while(|(c, _)| go(*c)).map(|(_, b)| b.len()).sum();
    &bytes[front..bytes.len() - back]
}

/// Where `needle` begins in `haystack`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

/// The parts between separators; without a separator, the characters. At most `most` parts, if given.
/// Go: `strings.SplitN`.
pub(super) fn split<'a>(text: &'a [u8], separator: &[u8], most: Option<usize>) -> Vec<&'a [u8]> {
    if most == Some(0) {
        return Vec::new();
    }
    let most = most.unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    if separator.is_empty() {
        while !rest.is_empty() {
            let size = if parts.len() + 1 < most { decode(rest).1 } else { rest.len() };
            parts.push(&rest[..size]);
            rest = &rest[size..];
        }
        return parts;
    }
    while parts.len() + 1 < most {
        let Some(at) = find(rest, separator) else { break };
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

/// Every occurrence replaced; an empty `old` is found before every character and at the end. Go: `strings.ReplaceAll`.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    if old.is_empty() {
        let mut out = new.to_vec();
        for (_, rune) in runes(text) {
            out.extend_from_slice(rune);
            out.extend_from_slice(new);
        }
        return out;
    }
    split(text, old, None).join(new)
}

/// The single character that this one is in upper case. Go: `unicode.ToUpper`.
pub(super) fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        // Rust maps these to two characters; the simple mapping is the title form.
        _ => match c {
            '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => shifted(c, 8),
            '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => shifted(c, 9),
            _ => c,
        },
    }
}

/// The single character that this one is in title case. Go: `unicode.ToTitle`.
pub(super) fn to_title(c: char) -> char {
    match c {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        // Georgian letters have capitals, but not for titles.
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => c,
        _ => to_upper(c),
    }
}

/// The single character that this one is in lower case. Go: `unicode.ToLower`.
pub(super) fn to_lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// Category Lu. Go: `unicode.IsUpper`.
pub(super) fn is_upper(c: char) -> bool {
    get_general_category(c) == Category::UppercaseLetter
}

/// Category Ll. Go: `unicode.IsLower`.
pub(super) fn is_lower(c: char) -> bool {
    get_general_category(c) == Category::LowercaseLetter
}

/// Category Lt. Go: `unicode.IsTitle`.
pub(super) fn is_title(c: char) -> bool {
    get_general_category(c) == Category::TitlecaseLetter
}

/// Category L. Go: `unicode.IsLetter`.
pub(super) fn is_letter(c: char) -> bool {
    use Category as C;
    matches!(
        get_general_category(c),
        C::UppercaseLetter | C::LowercaseLetter | C::TitlecaseLetter | C::ModifierLetter | C::OtherLetter
    )
}

/// Category Nd. Go: `unicode.IsDigit`.
pub(super) fn is_digit(c: char) -> bool {
    get_general_category(c) == Category::DecimalNumber
}

/// Category N. Go: `unicode.IsNumber`.
pub(super) fn is_number(c: char) -> bool {
    use Category as C;
    matches!(get_general_category(c), C::DecimalNumber | C::LetterNumber | C::OtherNumber)
}

/// Category P. Go: `unicode.IsPunct`.
pub(super) fn is_punctuation(c: char) -> bool {
    use Category as C;
    matches!(
        get_general_category(c),
        C::ConnectorPunctuation
            | C::DashPunctuation
            | C::OpenPunctuation
            | C::ClosePunctuation
            | C::InitialPunctuation
            | C::FinalPunctuation
            | C::OtherPunctuation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_character_count_one_by_one() {
        let found: Vec<(char, usize)> = runes(b"a\xe2\x98\xffz").map(|(c, bytes)| (c, bytes.len())).collect();
        let bad = ('\u{FFFD}', 1);
        assert_eq!(found, [('a', 1), bad, bad, bad, ('z', 1)]);
    }

    #[test]
    fn case_is_mapped_one_character_to_one() {
        for (c, upper, title) in [
            ('ß', 'ß', 'ß'),
            ('\u{1C6}', '\u{1C4}', '\u{1C5}'),
            ('\u{10D0}', '\u{1C90}', '\u{10D0}'),
            ('\u{1FB3}', '\u{1FBC}', '\u{1FBC}'),
            ('é', 'É', 'É'),
        ] {
            assert_eq!((to_upper(c), to_title(c)), (upper, title), "{c}");
        }
        assert_eq!(to_lower('İ'), 'i');
    }

    #[test]
    fn categories_are_gos_and_not_the_broader_properties() {
        assert!(!is_upper('Ⓐ') && is_upper('É') && is_lower('é') && is_title('\u{1C5}') && is_letter('ł'));
        assert!(is_digit('٣') && !is_digit('²') && is_number('²') && is_punctuation('—'));
    }

    #[test]
    fn splitting_is_gos() {
        let split = |text: &str, separator: &str, most| {
            let parts = split(text.as_bytes(), separator.as_bytes(), most);
            parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(split("a,b,c", ",", Some(2)), ["a", "b,c"]);
        assert_eq!(split("aé", "", None), ["a", "é"]);
        assert_eq!(split("abc", "", Some(2)), ["a", "bc"]);
        assert_eq!(split("", ",", None), [""]);
        assert!(split("", "", None).is_empty());
    }
}
