//! The words of git's protocol, versions 2 and 0 (`gitprotocol-v2(5)`, `gitprotocol-pack(5)`), as pure functions over
//! lines. Who sends them where is [`super::session`]'s business.

use std::collections::BTreeMap;

use super::object::ObjectId;
use super::pktline::{put, put_delimiter, put_flush};

/// Sent as `agent=`.
pub(super) const AGENT: &str = concat!("git/skiff-", env!("CARGO_PKG_VERSION"));

/// What the server can do: names, with their values where they have one.
pub(super) type Capabilities = BTreeMap<String, String>;

/// A branch, tag or other name on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AdvertisedRef {
    pub(super) name: String,
    pub(super) id: ObjectId,
    /// What an annotated tag points to.
    pub(super) peeled: Option<ObjectId>,
}

/// What is asked for in one fetch.
#[derive(Debug, Clone, Default)]
pub(super) struct FetchRequest {
    pub(super) wants: Vec<ObjectId>,
    /// Commits whose tree we have, complete.
    pub(super) haves: Vec<ObjectId>,
    /// Commits whose parents we lack.
    pub(super) shallow: Vec<ObjectId>,
    /// How many commits of history; `None` for all.
    pub(super) depth: Option<u32>,
    /// Commits without trees and files, where the server can.
    pub(super) commits_only: bool,
}

/// `name=value` or `name`.
pub(super) fn capability(line: &str) -> (String, String) {
    match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.to_owned(), String::new()),
    }
}

/// Version 2, `ls-refs`.
pub(super) fn ls_refs(capabilities: &Capabilities, prefixes: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, "command=ls-refs\n");
    put_common(&mut body, capabilities);
    put_delimiter(&mut body);
    put(&mut body, "peel\n");
    for prefix in prefixes {
        put(&mut body, format!("ref-prefix {prefix}\n"));
    }
    put_flush(&mut body);
    body
}

fn put_common(body: &mut Vec<u8>, capabilities: &Capabilities) {
    if capabilities.contains_key("agent") {
        put(body, format!("agent={AGENT}\n"));
    }
    if capabilities.contains_key("object-format") {
        put(body, "object-format=sha1\n");
    }
}

/// A line of the answer to `ls-refs`: `<id> <name>[ attribute]…`. `None` for an unborn HEAD.
pub(super) fn parse_ls_refs(line: &str) -> Option<AdvertisedRef> {
    let mut words = line.split(' ');
    let id = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let peeled = words.find_map(|word| word.strip_prefix("peeled:")?.parse().ok());
    Some(AdvertisedRef { name, id, peeled })
}

/// Version 2, `fetch`. Everything we have is told at once and closed with `done`: one round trip.
pub(super) fn fetch_v2(capabilities: &Capabilities, request: &FetchRequest) -> Vec<u8> {
    let features = capabilities.get("fetch").map(String::as_str).unwrap_or_default();
    let has = |feature: &str| features.split(' ').any(|word| word == feature);
    let mut body = Vec::new();
    put(&mut body, "command=fetch\n");
    put_common(&mut body, capabilities);
    put_delimiter(&mut body);
    for word in ["thin-pack\n", "no-progress\n", "ofs-delta\n"] {
        put(&mut body, word);
    }
    put_request(&mut body, request, has("shallow"), has("filter"), |body, want| put(body, format!("want {want}\n")));
    for have in request.haves.iter().filter(|_| has("shallow")) {
        put(&mut body, format!("have {have}\n"));
    }
    put(&mut body, "done\n");
    put_flush(&mut body);
    body
}

/// Wants, shallow lines, depth and filter: the same words in both versions. What we hold is shallow, so without the
/// server's support for that we have nothing that we could name.
fn put_request(
    body: &mut Vec<u8>,
    request: &FetchRequest,
    can_shallow: bool,
    can_filter: bool,
    put_want: impl Fn(&mut Vec<u8>, &ObjectId),
) {
    for want in &request.wants {
        put_want(body, want);
    }
    if can_shallow {
        for shallow in &request.shallow {
            put(body, format!("shallow {shallow}\n"));
        }
        if let Some(depth) = request.depth {
            put(body, format!("deepen {depth}\n"));
        }
    }
    if can_filter && request.commits_only {
        put(body, "filter tree:0\n");
    }
}

/// Version 0: the first want carries the capabilities. Some servers (Azure DevOps) insist on `multi_ack_detailed`.
pub(super) fn fetch_v0(capabilities: &Capabilities, request: &FetchRequest) -> Vec<u8> {
    let (can_shallow, can_filter) = (capabilities.contains_key("shallow"), capabilities.contains_key("filter"));
    let mut words = vec!["side-band-64k"];
    for word in ["multi_ack_detailed", "thin-pack", "no-progress", "ofs-delta"] {
        words.extend(capabilities.contains_key(word).then_some(word));
    }
    words.extend((can_filter && request.commits_only).then_some("filter"));
    let agent = if capabilities.contains_key("agent") { format!(" agent={AGENT}") } else { String::new() };
    let first = format!(" {}{agent}", words.join(" "));
    let mut body = Vec::new();
    let leader = request.wants.first().copied();
    put_request(&mut body, request, can_shallow, can_filter, |body, want| {
        let words = if Some(*want) == leader { first.as_str() } else { "" };
        put(body, format!("want {want}{words}\n"));
    });
    put_flush(&mut body);
    for have in request.haves.iter().filter(|_| can_shallow) {
        put(&mut body, format!("have {have}\n"));
    }
    put(&mut body, "done\n");
    body
}

/// Collects the lines of a version 0 advertisement.
#[derive(Debug, Default)]
pub(super) struct AdvertisementV0 {
    pub(super) refs: Vec<AdvertisedRef>,
    pub(super) capabilities: Capabilities,
}

impl AdvertisementV0 {
    /// Takes one line: `<id> <name>`, the first with `\0` and the capabilities behind it. `Err` for anything else.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let (line, capabilities) = line.split_once('\0').unwrap_or((line, ""));
        self.capabilities.extend(capabilities.split(' ').filter(|word| !word.is_empty()).map(capability));
        if line.starts_with("shallow ") || line == "version 1" {
            return Ok(());
        }
        let malformed = || format!("unexpected line {:?}", line.chars().take(80).collect::<String>());
        let (id, name) = line.split_once(' ').ok_or_else(malformed)?;
        let id: ObjectId = id.parse().map_err(|_| malformed())?;
        if id.is_zero() {
            return Ok(());
        }
        match (name.strip_suffix("^{}"), self.refs.last_mut()) {
            (Some(tag), Some(last)) if last.name == tag => last.peeled = Some(id),
            _ => self.refs.push(AdvertisedRef { name: name.to_owned(), id, peeled: None }),
        }
        Ok(())
    }
}
