//! URLs as Go reads and writes them. Go: `net/url/url.go`.

use super::super::gofmt::quote;

/// A URL in parts, unescaped where Go unescapes.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<UserInfo>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// A name and perhaps a password.
#[derive(Debug)]
pub(super) struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Where in a URL a text stands; it decides what is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

/// Go: `shouldEscape`.
fn must_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    if matches!(place, Place::Host | Place::Zone) {
        return !matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'['
                | b']'
                | b'<'
                | b'>'
                | b'"'
        );
    }
    match byte {
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match place {
            Place::Path => byte == b'?',
            Place::User => matches!(byte, b'@' | b'/' | b'?' | b':'),
            _ => false,
        },
        b'!' | b'(' | b')' | b'*' => place != Place::Fragment,
        _ => true,
    }
}

fn escape(text: &[u8], place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if must_escape(*byte, place) {
            out.extend(format!("%{byte:02X}").bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Go: `unescape`.
fn unescape(text: &[u8], place: Place) -> Result<Vec<u8>, String> {
    let bad = |escape: &[u8]| format!("invalid URL escape {}", quote(escape));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        if *byte != b'%' {
            if matches!(place, Place::Host | Place::Zone) && byte.is_ascii() && must_escape(*byte, place) {
                return Err(format!("invalid character {} in host name", quote(&[*byte])));
            }
            out.push(*byte);
            rest = tail;
            continue;
        }
        let digits = tail.first().copied().and_then(hex).zip(tail.get(1).copied().and_then(hex));
        let Some((high, low)) = digits else { return Err(bad(&rest[..rest.len().min(3)])) };
        let (escape, value) = (&rest[..3], high << 4 | low);
        let refused = match place {
            Place::Host => high < 8 && escape != b"%25",
            Place::Zone => escape != b"%25" && value != b' ' && must_escape(value, Place::Host),
            _ => false,
        };
        if refused {
            return Err(bad(escape));
        }
        out.push(value);
        rest = &rest[3..];
    }
    Ok(out)
}

impl UserInfo {
    /// As it stands in a URL.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Place::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Place::User));
        }
        out
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
        if !text.iter().all(allowed) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(text, b':');
        let password = password.map(|p| unescape(p, Place::User)).transpose()?;
        Ok(Self { name: unescape(name, Place::User)?, password })
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == at) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    }
}

impl Url {
    /// Go: `url.Parse`. The error says what it is about.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let (before, fragment) = cut(text, b'#');
        let mut url = Self::parse_without_fragment(before).map_err(|e| format!("parse {}: {e}", quote(before)))?;
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Place::Fragment).map_err(|e| format!("parse {}: {e}", quote(text)))?;
        }
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///")) {
            let authority = &rest[2..];
            let end = authority.iter().position(|b| *b == b'/').unwrap_or(authority.len());
            rest = &authority[end..];
            url.set_authority(&authority[..end])?;
        }
        url.path = unescape(rest, Place::Path)?;
        Ok(url)
    }

    fn set_authority(&mut self, authority: &[u8]) -> Result<(), String> {
        let at = authority.iter().rposition(|b| *b == b'@');
        self.host = host(&self.scheme, at.map_or(authority, |at| &authority[at + 1..]))?;
        self.user = at.map(|at| UserInfo::parse(&authority[..at])).transpose()?;
        Ok(())
    }

    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let colon = self.host.iter().rposition(|b| *b == b':').filter(|at| is_port(&self.host[*at..]));
        let host = &self.host[..colon.unwrap_or(self.host.len())];
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    /// Go: `URL.String`, of a URL that was put together from parts.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.put_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Place::Fragment));
        }
        out
    }

    fn put_hierarchy(&self, out: &mut Vec<u8>) {
        let any_host = !self.host.is_empty() || self.user.is_some();
        if any_host || !self.scheme.is_empty() && !self.path.is_empty() {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend(user.to_bytes());
            out.push(b'@');
        }
        out.extend(escape(&self.host, Place::Host));
        let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Place::Path) };
        if !path.is_empty() && path[0] != b'/' && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

/// Go: `getScheme`.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn is_port(text: &[u8]) -> bool {
    text.is_empty() || text[0] == b':' && text[1..].iter().all(u8::is_ascii_digit)
}

/// Go: `parseHost`.
fn host(scheme: &[u8], text: &[u8]) -> Result<Vec<u8>, String> {
    match text.iter().rposition(|b| *b == b'[') {
        Some(0) => return literal_host(text),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    let web = matches!(scheme, b"http" | b"https");
    let colon = if web { text.iter().position(|b| *b == b':') } else { text.iter().rposition(|b| *b == b':') };
    if let Some(colon) = colon
        && !is_port(&text[colon..])
    {
        return Err(format!("invalid port {} after host", quote(&text[colon..])));
    }
    unescape(text, Place::Host)
}

/// `[fe80::1%25en0]:80`.
fn literal_host(text: &[u8]) -> Result<Vec<u8>, String> {
    let Some(close) = text.iter().rposition(|b| *b == b']') else { return Err("missing ']' in host".to_owned()) };
    let port = &text[close + 1..];
    if !is_port(port) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    let inside = &text[1..close];
    let zone = inside.windows(3).position(|three| three == b"%25").unwrap_or(inside.len());
    let mut name = unescape(&inside[..zone], Place::Host)?;
    name.extend(unescape(&inside[zone..], Place::Zone)?);
    check_address(&name)?;
    Ok([b"[", name.as_slice(), b"]", port].concat())
}

/// Only an IPv6 address stands in brackets. Go: `netip.ParseAddr`, whose errors this shortens.
fn check_address(name: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(name);
    let (address, zone) = text.split_once('%').map_or((&*text, None), |(address, zone)| (address, Some(zone)));
    let parsed = address.parse::<std::net::IpAddr>();
    match parsed {
        Ok(std::net::IpAddr::V6(_)) if zone != Some("") => Ok(()),
        Ok(std::net::IpAddr::V4(_)) if zone.is_none() => Err("invalid IP-literal".to_owned()),
        _ => Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(name))),
    }
}
