//! `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::template::print::is_print;

/// `template.HTMLEscapeString`.
pub fn html_escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    out
}

/// `template.JSEscapeString`.
pub fn js_escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            js_character(&mut out, c);
        }
        for _ in chunk.invalid() {
            out.push_char(char::REPLACEMENT_CHARACTER);
        }
    }
    out
}

trait PushChar {
    fn push_char(&mut self, c: char);
}

impl PushChar for Vec<u8> {
    fn push_char(&mut self, c: char) {
        self.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn js_character(out: &mut Vec<u8>, c: char) {
    match c {
        '\\' => out.extend_from_slice(b"\\\\"),
        '\'' => out.extend_from_slice(b"\\'"),
        '"' => out.extend_from_slice(b"\\\""),
        '<' | '>' | '&' | '=' | '\0'..' ' => escaped(out, c),
        _ if c.is_ascii() || is_print(c) => out.push_char(c),
        _ => escaped(out, c),
    }
}

fn escaped(out: &mut Vec<u8>, c: char) {
    let mut text = String::new();
    let _written = write!(text, "\\u{:04X}", u32::from(c));
    out.extend_from_slice(text.as_bytes());
}

/// `url.QueryEscape`.
pub fn query_escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            other => out.extend_from_slice(format!("%{other:02X}").as_bytes()),
        }
    }
    out
}
