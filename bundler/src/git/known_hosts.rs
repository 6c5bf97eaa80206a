//! Whether an ssh server is the one it should be, by the lines of a known_hosts file (`sshd(8)`).
//!
//! Pure. There is no trust on first use: a host that no line names is unknown, and unknown is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use russh::keys::{Algorithm, HashAlg, PublicKey};

/// The judgement of a host key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A line names this host and this key.
    Known,
    /// No line names this host.
    Unknown,
    /// Lines name this host with other keys (their fingerprints), or revoke this one.
    Changed(Vec<String>),
}

/// Judges the key that `host` (as [`super::Remote::known_hosts_name`] writes it) shows.
pub(super) fn check(lines: &str, host: &str, key: &PublicKey) -> Verdict {
    let mut known = Vec::new();
    let mut matched = false;
    for entry in entries(lines).filter(|entry| entry.names(host)) {
        let same = entry.key.key_data() == key.key_data();
        match entry.marker {
            Some("@revoked") if same => return Verdict::Changed(vec!["a line that revokes this key".to_owned()]),
            None if same => matched = true,
            None => known.push(fingerprint(&entry.key)),
            // Certificates of host keys are not asked for; see `Preferred::host_key_certificates`.
            Some(_) => {}
        }
    }
    match (matched, known.is_empty()) {
        (true, _) => Verdict::Known,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Changed(known),
    }
}

/// The kinds of key recorded for a host: only these are negotiated, so that a server with several keys shows the one
/// that can be checked.
pub(super) fn algorithms(lines: &str, host: &str) -> Vec<Algorithm> {
    entries(lines)
        .filter(|entry| entry.marker.is_none() && entry.names(host))
        .map(|entry| entry.key.algorithm())
        .collect()
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

struct Entry<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    key: PublicKey,
}

fn entries(lines: &str) -> impl Iterator<Item = Entry<'_>> {
    lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        let (marker, hosts) = if first.starts_with('@') { (Some(first), words.next()?) } else { (None, first) };
        let (_, key) = (words.next()?, words.next()?);
        let key = russh::keys::parse_public_key_base64(key).ok()?;
        Some(Entry { marker, hosts, key })
    })
}

impl Entry<'_> {
    fn names(&self, host: &str) -> bool {
        let mut named = false;
        for pattern in self.hosts.split(',') {
            if let Some(pattern) = pattern.strip_prefix('!') {
                if wildcard(pattern.as_bytes(), host.as_bytes()) {
                    return false;
                }
            } else if let Some(hashed) = pattern.strip_prefix("|1|") {
                named |= matches_hash(hashed, host);
            } else {
                named |= wildcard(pattern.to_lowercase().as_bytes(), host.as_bytes());
            }
        }
        named
    }
}

/// `|1|salt|hash`: HMAC-SHA-1 hides the names in the file. It protects nothing here.
fn matches_hash(hashed: &str, host: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    hmac::verify(&key, host.as_bytes(), &hash).is_ok()
}

/// `*` and `?`.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p).is_some_and(|c| *c == text[t] || *c == b'?') {
            (p, t) = (p + 1, t + 1);
        } else if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, from)) = star {
            (p, t) = (at + 1, from + 1);
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}
