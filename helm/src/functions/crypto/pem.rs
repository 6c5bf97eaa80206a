//! PEM. Go: `encoding/pem`.

use super::super::encoding::{decode_base64, encode_base64};

/// A block of a PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands between `BEGIN` and the dashes.
    pub(super) label: String,
    pub(super) bytes: Vec<u8>,
}

/// A block as text: lines of 64 characters.
pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let text = encode_base64(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// The first block of a text that is whole; headers are skipped.
pub(super) fn decode(text: &str) -> Option<Block> {
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    let ends = (0..lines.len()).filter(|at| lines[*at].starts_with("-----END "));
    ends.into_iter().find_map(|end| {
        // The last beginning before an end: those without an end of their own are passed over.
        let begin = (0..end).rev().find(|at| lines[*at].starts_with("-----BEGIN "))?;
        let label = lines[begin].strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
        if lines[end] != format!("-----END {label}-----") {
            return None;
        }
        let body = lines[begin + 1..end].iter().skip_while(|line| line.contains(':'));
        let data: String = body.flat_map(|line| line.chars()).filter(|c| !matches!(c, ' ' | '\t')).collect();
        Some(Block { label: label.to_owned(), bytes: decode_base64(data.as_bytes()).ok()? })
    })
}
