//! URLs and paths. Sprig: `url.go`; Go: `path`, and `net/url` in [`parse`].

mod parse;

use super::args::{self, Outcome};
use super::signatures::DICT;
use crate::template::{Function, FunctionError, Signature};
use crate::value::{Map, Str, Type, Value};
use parse::{Url, UserInfo};

use Type::{Bool, String as Text};

/// On Linux, where Helm's own output comes from, `filepath` is `path`.
macro_rules! path {
    ($name:literal, $os:literal, $body:expr) => {
        [
            Function::pure($name, Signature::new(&[Text], Text), $body),
            Function::pure($os, Signature::new(&[Text], Text), $body),
        ]
    };
}

pub(super) const PATHS: &[[Function; 2]] = &[
    path!("base", "osBase", |a| of_path(a, base)),
    path!("dir", "osDir", |a| of_path(a, dir)),
    path!("clean", "osClean", |a| of_path(a, clean)),
    path!("ext", "osExt", |a| of_path(a, ext)),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("isAbs", Signature::new(&[Text], Bool), is_abs),
    Function::pure("osIsAbs", Signature::new(&[Text], Bool), is_abs),
    Function::pure("urlParse", Signature::new(&[Text], DICT), url_parse),
    Function::pure("urlJoin", Signature::new(&[DICT], Text), url_join),
];

fn of_path(args: &[Value], part: fn(&[u8]) -> Vec<u8>) -> Outcome {
    Ok(Value::String(Str::from_bytes(part(args::string(args, 0)?.as_bytes()))))
}

fn is_abs(args: &[Value]) -> Outcome {
    Ok(args::string(args, 0)?.as_bytes().starts_with(b"/").into())
}

/// Go: `path.Base`.
fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    let last = path[..end].rsplit(|b| *b == b'/').next().unwrap_or_default();
    if last.is_empty() { b"/".to_vec() } else { last.to_vec() }
}

/// Go: `path.Dir`.
fn dir(path: &[u8]) -> Vec<u8> {
    clean(&path[..path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1)])
}

/// Go: `path.Ext`.
fn ext(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    name.iter().rposition(|b| *b == b'.').map_or_else(Vec::new, |at| name[at..].to_vec())
}

/// Go: `path.Clean`.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => drop(parts.pop()),
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

fn url_parse(args: &[Value]) -> Outcome {
    let url = Url::parse(args::string(args, 0)?.as_bytes()).map_err(|e| format!("unable to parse url: {e}"))?;
    let text = |bytes: &[u8]| Value::String(Str::of(bytes));
    Ok(Value::map([
        ("scheme", text(&url.scheme)),
        ("host", text(&url.host)),
        ("hostname", text(url.hostname())),
        ("path", text(&url.path)),
        ("query", text(&url.query)),
        ("opaque", text(&url.opaque)),
        ("fragment", text(&url.fragment)),
        ("userinfo", text(&url.user.as_ref().map_or_else(Vec::new, UserInfo::to_bytes))),
    ]))
}

/// Sprig: `dictGetOrEmpty`.
fn entry(map: &Map, key: &str) -> Result<Vec<u8>, FunctionError> {
    match map.get(key).map(|value| value.underlying()) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(args::NIL_DEREFERENCE.into()),
        Some(other) => {
            Err(format!("unable to parse {key} key, must be of type string, but {} found", other.kind()).into())
        }
    }
}

fn url_join(args: &[Value]) -> Outcome {
    let map = args::map(args, 0)?;
    let mut url = Url {
        scheme: entry(&map, "scheme")?,
        host: entry(&map, "host")?,
        path: entry(&map, "path")?,
        query: entry(&map, "query")?,
        opaque: entry(&map, "opaque")?,
        fragment: entry(&map, "fragment")?,
        ..Url::default()
    };
    let user = entry(&map, "userinfo")?;
    if !user.is_empty() {
        let parsed = Url::parse(&[b"proto://", user.as_slice(), b"@host"].concat());
        url.user = parsed.map_err(|e| format!("unable to parse userinfo in dict: {e}"))?.user;
    }
    Ok(Value::String(Str::from_bytes(url.to_bytes())))
}
