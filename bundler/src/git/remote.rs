//! The URL of a repository: which forms are accepted, and how it is shown without its secrets.
//!
//! The hub parses what a GitRepo says once, here; nothing below this module sees text that was not judged. There is no
//! child process anywhere, so nothing becomes a command-line option; the checks keep the ssh command line and the
//! error texts clean all the same.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;
use zeroize::Zeroizing;

use super::address;
use super::error::Error;

/// What the operator of the hub allows beyond `https://` and `ssh://`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// `file://`: repositories on the hub's own disk (`--allow-file-repositories`).
    pub allow_file: bool,
    /// `http://` to other hosts than loopback ones. Loopback is always allowed: nothing leaves the machine.
    pub allow_plain_http: bool,
    /// Nothing in a private network: for what a repository names, and not the owner of a GitRepo.
    pub public_only: bool,
}

/// How a repository is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Smart HTTP over TLS.
    Https,
    /// Smart HTTP in the clear.
    Http,
    /// `git-upload-pack` over ssh.
    Ssh,
    /// A repository on the hub's disk.
    File,
}

/// Where a repository is. `Display` and `Debug` leave the user info out (of ssh, the password).
#[derive(Clone)]
pub struct Remote {
    pub(super) scheme: Scheme,
    pub(super) user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    /// Lower case; IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// As the server gets it: percent-encoded for http, plain for ssh and file.
    pub(super) path: String,
    pub(super) policy: Policy,
}

impl Remote {
    /// Reads `https://…`, `ssh://…`, `[user@]host:path`, and as far as `policy` allows `http://…` and `file://…`.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] with what to write instead, [`Error::RefusedAddress`] for a forbidden literal address.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidUrl { url: redact(text), reason: reason.to_owned() };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.len() > 2048 {
            return Err(invalid("it is longer than 2048 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(invalid("it contains white space or control characters"));
        }
        if text.starts_with('-') {
            return Err(invalid("it starts with a dash"));
        }
        let remote = if text.contains("://") {
            Self::parse_url(text, *policy).map_err(|reason| invalid(&reason))?
        } else {
            Self::parse_scp(text, *policy).map_err(|reason| invalid(&reason))?
        };
        remote.check_parts().map_err(|reason| invalid(&reason))?;
        remote.check_address()?;
        Ok(remote)
    }

    fn parse_url(text: &str, policy: Policy) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
            "file" if policy.allow_file => Scheme::File,
            "file" => {
                return Err("file:// repositories are off; the hub's --allow-file-repositories turns them on".into());
            }
            "git" => return Err("git:// is neither encrypted nor authenticated; use https:// or ssh://".into()),
            other => return Err(format!("scheme {other} is not supported; use https://, ssh:// or user@host:path")),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a repository URL has no `?` and no `#`".into());
        }
        if scheme == Scheme::File {
            let path = url.to_file_path().map_err(|()| "file:// needs an absolute path on this machine")?;
            let path = path.to_str().ok_or("the path is not UTF-8")?.to_owned();
            return Ok(Self { scheme, user: None, password: None, host: String::new(), port: 0, path, policy });
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?.to_lowercase();
        let default_port = match scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
            Scheme::Ssh | Scheme::File => 22,
        };
        let path = match scheme {
            // `/~user` is how a URL writes a path in a home directory.
            Scheme::Ssh => {
                let decoded = percent_decode(url.path())?;
                decoded.strip_prefix("/~").map_or_else(|| decoded.clone(), |home| format!("~{home}"))
            }
            Scheme::Https | Scheme::Http | Scheme::File => {
                percent_decode(url.path())?;
                url.path().to_owned()
            }
        };
        let user = Some(percent_decode(url.username())?).filter(|user| !user.is_empty());
        let password = url.password().map(percent_decode).transpose()?.map(Zeroizing::new);
        let remote = Self { scheme, user, password, host, port: url.port().unwrap_or(default_port), path, policy };
        if scheme == Scheme::Http && !policy.allow_plain_http && !remote.is_loopback_host() {
            return Err("http:// is neither encrypted nor authenticated; use https:// (http:// is for loopback)".into());
        }
        Ok(remote)
    }

    fn parse_scp(text: &str, policy: Policy) -> Result<Self, String> {
        const FORMS: &str = "write https://host/path, ssh://user@host/path or user@host:path";
        let (place, path) = split_scp(text).ok_or(FORMS)?;
        let (user, host) = match place.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, place),
        };
        if host.is_empty() || path.is_empty() || host.contains('/') || user.as_deref().is_some_and(str::is_empty) {
            return Err(FORMS.into());
        }
        if user.as_deref().is_some_and(|user| user.contains(':')) || (user.is_none() && path.contains('@')) {
            return Err("user@host:path has no place for a password; use a secret".into());
        }
        let host = host.to_lowercase();
        Ok(Self { scheme: Scheme::Ssh, user, password: None, host, port: 22, path: path.to_owned(), policy })
    }

    fn check_parts(&self) -> Result<(), String> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let host_ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if self.host.starts_with('-') || !bare.chars().all(host_ok) {
            return Err(format!("{:?} is not the name of a host", self.host));
        }
        if let Some(user) = &self.user
            && (user.starts_with('-') || user.chars().any(char::is_control))
        {
            return Err("the user name starts with a dash or contains control characters".into());
        }
        if self.path.starts_with('-') || self.path.chars().any(char::is_control) {
            return Err("the path starts with a dash or contains control characters".into());
        }
        if self.path.trim_matches('/').is_empty() {
            return Err("it names no repository".into());
        }
        Ok(())
    }

    /// A literal address never passes the DNS filter, so it is judged here.
    fn check_address(&self) -> Result<(), Error> {
        match self.literal_address() {
            Some(address)
                if address::is_refused(address) || self.policy.public_only && address::is_private(address) =>
            {
                Err(Error::RefusedAddress { host: self.host.clone(), address })
            }
            _ => Ok(()),
        }
    }

    fn literal_address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Whether the host is this machine, by its name or literal address.
    pub(super) fn is_loopback_host(&self) -> bool {
        self.host == "localhost" || self.literal_address().is_some_and(|address| address.is_loopback())
    }

    /// How it is read.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The text that two spellings of one repository share: without password, default port and trailing slash. The
    /// user belongs to it for ssh alone, where it can choose the repository.
    pub fn canonical(&self) -> String {
        let path = self.path.trim_end_matches('/');
        let (name, default) = match self.scheme {
            Scheme::Https => ("https", 443),
            Scheme::Http => ("http", 80),
            Scheme::Ssh => ("ssh", 22),
            Scheme::File => return format!("file://{path}"),
        };
        let user = match (&self.user, self.scheme) {
            (Some(user), Scheme::Ssh) => format!("{user}@"),
            _ => String::new(),
        };
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        let slash = if path.starts_with('/') { "" } else { "/./" };
        format!("{name}://{user}{}{port}{slash}{path}", self.host)
    }

    /// `host` or `[host]:port`, as known_hosts files write it.
    pub(super) fn known_hosts_name(&self) -> String {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        if self.port == 22 { bare.to_owned() } else { format!("[{bare}]:{}", self.port) }
    }

    /// The base URL of smart HTTP, without user info.
    pub(super) fn http_base(&self) -> String {
        self.canonical()
    }

    pub(super) fn file_path(&self) -> PathBuf {
        PathBuf::from(&self.path)
    }

    /// Whether credentials for the one may be shown to the other.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.canonical())
    }
}

/// `host:path`, where the colon comes before any slash; an IPv6 host stands in brackets.
fn split_scp(text: &str) -> Option<(&str, &str)> {
    let start = match text.find('[') {
        Some(open) if !text[..open].contains([':', '/']) => open + text[open..].find(']')?,
        _ => 0,
    };
    let colon = start + text[start..].find(':')?;
    let (place, path) = (&text[..colon], &text[colon + 1..]);
    (!place.contains('/')).then_some((place, path))
}

fn percent_decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
                match (hex(digits[0]), hex(digits[1])) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|error| error.to_string())?,
                    _ => return Err("a % is not followed by two hexadecimal digits".into()),
                }
            }
            plain => plain,
        };
        bytes.push(decoded);
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 when decoded")?;
    if text.chars().any(char::is_control) {
        return Err("it contains encoded control characters".into());
    }
    Ok(text)
}

/// Whether a path of the text (`https://host/path`, `user@host:path`) has a segment `.` or `..`, also where it is
/// percent-encoded: a pattern sees another path than the one that is asked for. The URL standard reads `\` as `/`.
pub(crate) fn has_dot_segment(text: &str) -> bool {
    let decoded = text.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    decoded.split(['/', '\\', ':']).any(|segment| matches!(segment, "." | ".."))
}

/// The URL with whatever stands before an `@` of its authority taken out, for messages about URLs that do not parse.
pub(crate) fn redact(text: &str) -> String {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let clean: String = shown.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match clean.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
                None => match rest[..end].rsplit_once(':') {
                    // No port: it may be a password with a character that ended it too early.
                    Some((host, port)) if !rest[..end].ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit()) => {
                        format!("{scheme}://{host}:…")
                    }
                    _ => clean,
                },
            }
        }
        None => match clean.rfind('@') {
            Some(at) if clean[..at].contains(':') => format!("…@{}", &clean[at + 1..]),
            _ => clean,
        },
    }
}
