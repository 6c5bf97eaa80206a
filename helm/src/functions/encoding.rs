//! Base64 and base32 as Go reads and writes them. Go: `encoding/base64`, `encoding/base32`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::args::{self, Outcome};
use super::{cast, gofmt};
use crate::template::{Function, Signature};
use crate::value::{Str, Type, Value};

use Type::{Any, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("b64enc", Signature::new(&[Text], Text), |a| {
        Ok(encode_base64(args::string(a, 0)?.as_bytes()).into())
    }),
    Function::pure("b64dec", Signature::new(&[Text], Text), |a| decoded(a, decode_base64)),
    Function::pure("b32enc", Signature::new(&[Text], Text), |a| {
        Ok(encode_base32(args::string(a, 0)?.as_bytes()).into())
    }),
    Function::pure("b32dec", Signature::new(&[Text], Text), |a| decoded(a, decode_base32)),
    Function::pure("quote", Signature::variadic(&[Any], Text), |a| {
        Ok(joined(a, |v| gofmt::quote(cast::to_text(v).as_bytes()).into_bytes()))
    }),
    Function::pure("squote", Signature::variadic(&[Any], Text), |a| {
        Ok(joined(a, |v| [b"'", cast::display(v).as_slice(), b"'"].concat()))
    }),
];

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `base64.StdEncoding.EncodeToString`.
pub(super) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn corrupt64(at: usize) -> String {
    format!("illegal base64 data at input byte {at}")
}

fn value64(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// `base64.StdEncoding.DecodeString`: line ends anywhere, padding required, the bits beyond the last byte ignored.
pub(super) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0usize);
    for (at, byte) in text.iter().enumerate() {
        if let Some(value) = value64(*byte) {
            bits = bits << 6 | value;
            count += 1;
            if count == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, count) = (0, 0);
            }
        } else if *byte == b'=' {
            check_padding(text, at, count)?;
            let whole = bits << (6 * (4 - count));
            out.extend_from_slice(&whole.to_be_bytes()[1..count]);
            return Ok(out);
        } else if !matches!(byte, b'\r' | b'\n') {
            return Err(corrupt64(at));
        }
    }
    // Go counts back from the end by the characters of the last group, as if no line ends were in it.
    if count == 0 { Ok(out) } else { Err(corrupt64(text.len() - count)) }
}

/// The padding at `at`, behind `count` characters of a group. Go: `decodeQuantum`.
fn check_padding(text: &[u8], at: usize, count: usize) -> Result<(), String> {
    let skip = |mut at: usize| {
        while matches!(text.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let mut next = skip(at + 1);
    match count {
        0 | 1 => return Err(corrupt64(at)),
        2 => {
            match text.get(next) {
                None => return Err(corrupt64(text.len())),
                Some(b'=') => {}
                Some(_) => return Err(corrupt64(next - 1)),
            }
            next = skip(next + 1);
        }
        _ => {}
    }
    if next < text.len() { Err(corrupt64(next)) } else { Ok(()) }
}

/// `base32.StdEncoding.EncodeToString`.
fn encode_base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        let used = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let index = usize::try_from(bits >> (5 * (7 - at)) & 31).unwrap_or(0);
            out.push(if at < used { char::from(BASE32[index]) } else { '=' });
        }
    }
    out
}

/// `base32.StdEncoding.DecodeString`; errors count without line ends. Go: `encoding/base32/base32.go`, `decode`.
fn decode_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| format!("illegal base32 data at input byte {at}");
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let (mut bits, mut count) = (0u64, 0usize);
    for (at, byte) in text.iter().enumerate() {
        let left = text.len() - at - 1;
        if *byte == b'=' && count >= 2 && left < 8 {
            if left + count < 7 {
                return Err(corrupt(text.len()));
            }
            for k in 0..7 - count {
                if text.get(at + 1 + k).is_some_and(|b| *b != b'=') {
                    return Err(corrupt(at + k));
                }
            }
            if matches!(count, 3 | 6) {
                return Err(corrupt(at));
            }
            let whole = bits << (5 * (8 - count));
            out.extend_from_slice(&whole.to_be_bytes()[3..3 + count * 5 / 8]);
            return Ok(out);
        }
        let value =
            BASE32.iter().position(|c| c == byte).and_then(|v| u64::try_from(v).ok()).ok_or_else(|| corrupt(at))?;
        bits = bits << 5 | value;
        count += 1;
        if count == 8 {
            out.extend_from_slice(&bits.to_be_bytes()[3..]);
            (bits, count) = (0, 0);
        }
    }
    if count == 0 { Ok(out) } else { Err(corrupt(text.len() - count)) }
}

/// The error of a broken text is the result.
fn decoded(args: &[Value], decode: fn(&[u8]) -> Result<Vec<u8>, String>) -> Outcome {
    let text = args::string(args, 0)?;
    Ok(Value::String(decode(text.as_bytes()).map_or_else(Str::from, Str::from_bytes)))
}

fn joined(args: &[Value], write: fn(&Value) -> Vec<u8>) -> Value {
    let parts: Vec<Vec<u8>> = args.iter().filter(|v| !v.is_nil()).map(write).collect();
    Value::String(Str::from_bytes(parts.join(&b' ')))
}
